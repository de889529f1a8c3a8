//! Values that are too large, or of kinds that have nothing to read.

use lwt_rust::{Error, Root, func, with_lock};

/// As many `()` as it is told.
#[func]
pub(crate) fn many_units(length: usize) -> Box<[()]> {
    vec![(); length].into_boxed_slice()
}

/// The number of fields that Rust finds in a value, and whether it finds the first.
#[func]
pub(crate) fn fields_of(value: Root) -> (usize, bool) {
    with_lock(|lock| {
        let value = value.get(lock);
        (value.size(), value.field(0).is_some())
    })
}

/// Runs `make` while the process can have few more bytes than it has, and at least
/// so many.
fn with_little_memory<T>(bytes: usize, make: impl FnOnce() -> T) -> Result<T, Error> {
    let mut before = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the limit is valid for writing.
    if unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut before) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm
        .split(' ')
        .next()
        .and_then(|pages| pages.parse().ok())
        .ok_or_else(|| Error::message("no number in /proc/self/statm"))?;
    let little = libc::rlimit {
        rlim_cur: (pages * 4096 + bytes) as libc::rlim_t,
        ..before
    };
    // SAFETY: the limit is valid for reading.
    if unsafe { libc::setrlimit(libc::RLIMIT_AS, &little) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    let made = make();
    // SAFETY: as above.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &before) };
    Ok(made)
}

macro_rules! with_little_memory {
    ($($name:ident: $type:ty, $element:expr;)*) => { $(
        /// What becomes of `length` elements when OCaml finds no memory for them.
        #[func]
        pub(crate) fn $name(length: usize) -> Result<String, Error> {
            let value: $type = vec![$element; length].into();
            let made = with_little_memory(32 << 20, || {
                with_lock(|lock| lwt_rust::IntoOcaml::into_ocaml(value, lock).map(|_| ()))
            })?;
            Ok(match made {
                Ok(()) => "there was memory".to_owned(),
                Err(error) => error.to_string(),
            })
        }
    )* };
}

with_little_memory! {
    bytes_without_memory: Vec<u8>, b'x';
    floats_without_memory: Box<[f64]>, 0.5;
    ints_without_memory: Box<[i64]>, 1;
}
