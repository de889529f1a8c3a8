//! Addresses, and points in time.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, SystemTime},
};

use super::{FromOcaml, IntoOcaml, OcamlType, mismatch, root};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Root, Val},
};

/// `Unix.inet_addr`
// SAFETY: the conversions below are those of `Unix.inet_addr`, which is a string of the 4 or 16
// bytes of the address: see `otherlibs/unix/socketaddr.c` of OCaml's sources.
unsafe impl OcamlType for IpAddr {
    const TYPE: Type = Type::named("Unix.inet_addr");
}

impl FromOcaml for IpAddr {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let bytes = value.to_bytes().unwrap_or_default();
        if let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) {
            return Ok(bytes.into());
        }
        match <[u8; 16]>::try_from(bytes.as_slice()) {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err(mismatch("Unix.inet_addr")),
        }
    }
}

// SAFETY: a string of the bytes of the address.
unsafe impl IntoOcaml for IpAddr {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        match self {
            IpAddr::V4(address) => address.into_ocaml(lock),
            IpAddr::V6(address) => address.into_ocaml(lock),
        }
    }
}

macro_rules! versions {
    ($($address:ty, $version:literal;)*) => { $(
        /// `Unix.inet_addr`. An address of the other version is an error.
        // SAFETY: the conversions below are those of `IpAddr`.
        unsafe impl OcamlType for $address {
            const TYPE: Type = IpAddr::TYPE;
        }

        impl FromOcaml for $address {
            unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                // SAFETY: it is a `Unix.inet_addr`.
                let address = unsafe { IpAddr::from_ocaml(value)? };
                let bytes = match address {
                    IpAddr::V4(address) => address.octets().to_vec(),
                    IpAddr::V6(address) => address.octets().to_vec(),
                };
                match <[u8; size_of::<Self>()]>::try_from(bytes) {
                    Ok(bytes) => Ok(bytes.into()),
                    Err(_) => Err(Error::message(format!(
                        "{address} is no address of version {} of the Internet's protocol",
                        $version
                    ))),
                }
            }
        }

        // SAFETY: a string of the bytes of the address.
        unsafe impl IntoOcaml for $address {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                Ok(lock.string(&self.octets())?)
            }
        }
    )* };
}

versions! {
    Ipv4Addr, 4;
    Ipv6Addr, 6;
}

/// `Unix.sockaddr`. The address of a socket of Unix's is an error. OCaml has no place for the
/// flow and the scope of an IPv6 address.
// SAFETY: the conversions below are those of `Unix.sockaddr`, whose constructors are
// `ADDR_UNIX of string` and `ADDR_INET of inet_addr * int`.
unsafe impl OcamlType for SocketAddr {
    const TYPE: Type = Type::named("Unix.sockaddr");
}

impl FromOcaml for SocketAddr {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        match (value.tag(), value.field(0), value.field(1)) {
            (Some(1), Some(address), Some(port)) => {
                // SAFETY: it is the first argument of `ADDR_INET`.
                let address = unsafe { IpAddr::from_ocaml(address)? };
                // SAFETY: it is the second one.
                let port = unsafe { u16::from_ocaml(port)? };
                Ok(SocketAddr::new(address, port))
            }
            (Some(0), Some(_), None) => Err(Error::message(
                "the address of a socket of Unix's is no address of the Internet",
            )),
            _ => Err(mismatch("Unix.sockaddr")),
        }
    }
}

// SAFETY: it is the second constructor with arguments, with its arguments.
unsafe impl IntoOcaml for SocketAddr {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let address = root(self.ip(), lock)?;
        let port = root(self.port(), lock)?;
        let fields: [&Root; 2] = [&address, &port];
        Ok(lock.block(1, &fields))
    }
}

/// `float`: the seconds since 1970, as in `Unix`. It has microseconds, and no leap seconds.
// SAFETY: the conversions below are those of `float`, which this says it is.
unsafe impl OcamlType for SystemTime {
    const IS_FLOAT: bool = true;

    const TYPE: Type = Type::named("float");
}

impl FromOcaml for SystemTime {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Self::from_float(value.as_float().ok_or_else(|| mismatch("float"))?)
    }

    fn from_float(seconds: f64) -> Result<Self, Error> {
        let distance = Duration::try_from_secs_f64(seconds.abs()).ok();
        let time = distance.and_then(|distance| match seconds < 0. {
            true => SystemTime::UNIX_EPOCH.checked_sub(distance),
            false => SystemTime::UNIX_EPOCH.checked_add(distance),
        });
        time.ok_or_else(|| {
            Error::message(format!(
                "{seconds:e} seconds since 1970 are no point in time"
            ))
        })
    }
}

// SAFETY: it is an OCaml float.
unsafe impl IntoOcaml for SystemTime {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let seconds = match self.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => after.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        };
        Ok(lock.float(seconds))
    }
}
