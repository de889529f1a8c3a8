//! Types that cross the boundary.

mod abstracts;
mod buffer;
mod collections;
mod content;
mod depth;
mod descriptors;
mod exceptions;
mod fields;
#[cfg(any(feature = "chrono", feature = "url", feature = "uuid"))]
mod foreign;
mod integers;
#[cfg(feature = "serde_json")]
mod json;
mod net;
mod numbers;
mod objects;
mod pointers;
mod shared;
mod text;
mod tuples;
mod values;
mod with;

pub(crate) use abstracts::MOST_BYTES;
pub use abstracts::{Abstract, AbstractType, Taken};
pub use buffer::Buffer;
pub(crate) use collections::{read_elements, write_array};
pub(crate) use content::Content;
pub(crate) use depth::room_for_ocaml;
pub use depth::{Level, deeper_into_ocaml, deeper_into_rust, given_up};
pub(crate) use exceptions::register_exceptions;
pub use exceptions::{Inner, OcamlException};
pub use fields::{
    Fields, Read, block, constant, read_polymorphic, read_variant, record, record_fields, tagged,
};
pub use integers::{Int32, Int64, Nativeint};
pub use objects::{Object, Whole};
pub use shared::SharedBytes;
pub(crate) use shared::{part_of_shared, shared_into_ocaml};
pub use text::Char;
pub use values::{Poly, Variable, vars};
pub use with::With;

use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Root, Val},
};

/// A Rust type that stands for an OCaml type.
///
/// | Rust | OCaml |
/// | --- | --- |
/// | `()`, `bool`, `f64`, `f32` | `unit`, `bool`, `float` |
/// | `i8` to `i64`, `u8` to `u32`, `isize`, `usize` | `int`, checked both ways |
/// | `u64` | `Lwt_rust.u64`, which is `int`, checked both ways |
/// | [`Int64`], [`Int32`], [`Nativeint`] | `int64`, `int32`, `nativeint` |
/// | `i128`, `u128` | `string`, in decimal |
/// | `char`, [`Char`] | `Uchar.t`, `char` |
/// | `String`, `Box<str>`, `Arc<str>`, `Cow<'static, str>`, `PathBuf`, `Vec<u8>` | `string`; UTF-8, but for the last two |
/// | `&'static str`, as a result | `string` |
/// | `Box<[u8]>` | `bytes` |
/// | `Option<T>`, `Result<T, E>` | `t option`, `(t, e) result` |
/// | tuples of 2 to 8 | tuples |
/// | `Vec<T>` | `t list` |
/// | `Box<[T]>`, `[T; N]` | `t array` |
/// | `BTreeMap<K, V>`, `HashMap<K, V>` | `(k * v) list` |
/// | `Duration`, `SystemTime` | `float`, in seconds |
/// | `IpAddr`, `Ipv4Addr`, `Ipv6Addr`, `SocketAddr` | `Unix.inet_addr`, `Unix.sockaddr` |
/// | `Box<T>`, `Arc<T>`, `Rc<T>` | what it points to |
/// | `chrono::DateTime<Utc>`, with the feature `chrono` of this crate | `float`, in seconds |
/// | `serde_json::Value`, with the feature `serde_json` | `Lwt_rust.Json.t` |
/// | `url::Url`, `uuid::Uuid`, with the features `url` and `uuid` | `string` |
/// | [`Buffer`] | an array of bytes of `Bigarray`, without a copy |
/// | [`Promise<T>`](crate::Promise), as an argument | `t Lwt.t` |
/// | [`LwtStream<T>`](crate::LwtStream), or `impl Stream<Item = T>` as a result | `t Lwt_rust.Stream.t` |
/// | [`LwtSink<T>`](crate::LwtSink) | `t Lwt_rust.Sink.t` |
/// | [`channel::Receiver<T>`](crate::channel), [`channel::Sender<T>`](crate::channel), as results | `t Lwt_rust.Stream.t`, `t Lwt_rust.Sink.t` |
/// | [`LwtFn<A, B>`](crate::LwtFn), as an argument | `a -> b Lwt.t` |
/// | [`Closure<A, B>`](crate::Closure), as an argument | `a -> b` |
/// | [`Poly<A>`](Poly), where `A` is a type parameter | `'a`: a value that Rust only keeps |
/// | a type with the derive [`AbstractType`], as a result | an abstract type, of a Rust value |
/// | [`Abstract<T>`], [`Taken<T>`] | the same |
/// | [`Root`] | `Obj.t`: any value, on the caller's honour |
/// | a struct or an enum with the derives | a record or a variant |
///
/// The derives `OcamlType`, `FromOcaml` and `IntoOcaml` make records of structs
/// and variants of enums, which the generated bindings declare:
///
/// ```no_run
/// use lwt_rust::{FromOcaml, IntoOcaml, OcamlType};
///
/// /// `type point = { x : float; y : float }`
/// #[derive(OcamlType, FromOcaml, IntoOcaml)]
/// struct Point {
///     x: f64,
///     y: f64,
/// }
///
/// /// `type figure = Nothing | Dot of point | Line of { from_ : point; to_ : point }`
/// #[derive(OcamlType, FromOcaml, IntoOcaml)]
/// #[ocaml(name = "figure")]
/// enum Shape {
///     Nothing,
///     Dot(Point),
///     Line {
///         #[ocaml(name = "from_")]
///         from: Point,
///         #[ocaml(name = "to_")]
///         to: Point,
///     },
/// }
/// ```
///
/// A struct with one unnamed field has the type of the field in OCaml, under a name of
/// its own. A struct with more unnamed fields is a tuple.
/// `#[ocaml(same_as = "Geometry.t")]` makes the type the same as one that is declared
/// elsewhere: a record or a variant that is not polymorphic. OCaml's compiler refuses the
/// declaration if the two types differ.
/// `#[ocaml(polymorphic)]` makes polymorphic variants.
///
/// A type may have type parameters: `struct Page<T> { items: Vec<T> }` is `type 't page = { items :
/// 't list }`, and `Page<User>` is `user page`. Neither `u8` nor a tuple can be the argument;
/// write `(u8,)` or `((A, B),)`, which are the same types in OCaml.
///
/// `#[ocaml(with = W)]` on a field, or on an argument of a function, lets another type `W` stand
/// for the field's type `T` in OCaml: [`Int64`] for a `u64`, or a type of yours for a type of
/// another crate. It needs the conversions of the standard library, [`From`] or [`TryFrom`],
/// from `W` to `T` for what OCaml gives, and from `T` to `W` for what OCaml gets:
///
/// ```no_run
/// use lwt_rust::{FromOcaml, IntoOcaml, OcamlType};
///
/// // A type of another crate.
/// # mod semver {
/// pub struct Version {
///     pub major: u32,
///     pub minor: u32,
/// }
/// # }
///
/// /// A version, as OCaml has it: `type version = int * int`
/// #[derive(OcamlType, FromOcaml, IntoOcaml)]
/// struct Version(u32, u32);
///
/// impl From<semver::Version> for Version {
///     fn from(version: semver::Version) -> Self {
///         Version(version.major, version.minor)
///     }
/// }
///
/// impl From<Version> for semver::Version {
///     fn from(Version(major, minor): Version) -> Self {
///         semver::Version { major, minor }
///     }
/// }
///
/// /// `type package = { name : string; version : version }`
/// #[derive(OcamlType, FromOcaml, IntoOcaml)]
/// struct Package {
///     name: String,
///     #[ocaml(with = Version)]
///     version: semver::Version,
/// }
/// ```
///
/// # Safety
///
/// OCaml's compiler trusts this declaration. So `TYPE` is the type of the values which
/// [`FromOcaml`] takes and [`IntoOcaml`] makes, and `IS_FLOAT` says whether it is
/// `float`.
///
/// A Rust value of the type borrows nothing: it may be kept for ever, also where the
/// compiler cannot prove it to be `'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no type that OCaml knows",
    label = "no OCaml type stands for this",
    note = "derive `lwt_rust::OcamlType` for a record or a variant, or `lwt_rust::AbstractType` for \
            a value that OCaml only keeps",
    note = "a stream is given as a `LwtStream`, a sink as a `LwtSink`, a reader as a `LwtInput`, a \
            writer as a `LwtOutput`, and a file as a `std::os::fd::OwnedFd`; `bytes::Bytes` needs \
            the feature `bytes` of `lwt-rust`",
    note = "to return what a promise or a task gives, make the function `async` and await it"
)]
pub unsafe trait OcamlType {
    /// Whether the OCaml type is `float`. OCaml stores records and arrays of
    /// floats without boxes.
    const IS_FLOAT: bool = false;

    /// The OCaml type. An implementation by hand names a type that OCaml has already,
    /// such as `Type::named("Unix.file_descr")`. Use the derive for a type that the
    /// bindings have to declare.
    const TYPE: Type;

    /// Whether a type with a parameter may have this type as its argument: the types of
    /// `Vec<Self>` and `Box<[Self]>` are a list and an array, and a function of it has one
    /// parameter.
    #[doc(hidden)]
    const IS_ARGUMENT: bool = true;

    /// The OCaml type of `Vec<Self>`.
    #[doc(hidden)]
    const VEC_TYPE: Type = Type::list(&Self::TYPE);

    /// The OCaml type of `Box<[Self]>`.
    #[doc(hidden)]
    const SLICE_TYPE: Type = Type::array(&Self::TYPE);

    /// The parameters of an OCaml function for which this type stands: those of a tuple are
    /// its components.
    #[doc(hidden)]
    const PARAMETERS: &'static [Type] = &[Self::TYPE];
}

/// The derived types whose fields were looked at, by their paths.
#[doc(hidden)]
#[derive(Default)]
pub struct Seen(Vec<&'static str>);

impl Seen {
    /// Whether a type was not seen before.
    pub fn is_new(&mut self, path: &'static str) -> bool {
        let is_new = !self.0.contains(&path);
        if is_new {
            self.0.push(path);
        }
        is_new
    }
}

/// A type whose values can be made of OCaml values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made of an OCaml value",
    label = "OCaml cannot give this",
    note = "derive `lwt_rust::FromOcaml` for a record or a variant, or take an \
            `lwt_rust::Abstract<{Self}>`",
    note = "a stream is given as a `LwtStream`, a sink as a `LwtSink`, a reader as a `LwtInput`, a \
            writer as a `LwtOutput`, and a file as a `std::os::fd::OwnedFd`; `bytes::Bytes` needs \
            the feature `bytes` of `lwt-rust`",
    note = "a function is given as a `LwtFn` or a `Closure`, and a promise as a `Promise`"
)]
pub trait FromOcaml: OcamlType + Sized {
    /// Whether a value may belong to the executor of its domain, as a promise does. If
    /// [`is_of_executor`](FromOcaml::is_of_executor) confirms it, a function that takes
    /// such a value starts the runtime.
    #[doc(hidden)]
    const MAY_BE_OF_EXECUTOR: bool = false;

    /// Whether it does. A derived type looks at its fields, which may be of its own type
    /// again: that is why this is no constant.
    #[doc(hidden)]
    fn is_of_executor(_seen: &mut Seen) -> bool {
        Self::MAY_BE_OF_EXECUTOR
    }

    /// Reads `value`, without allocating in OCaml.
    ///
    /// # Errors
    ///
    /// If the value does not fit in `Self`. For example, 300 does not fit in a `u8`. It
    /// is an error as well if the value is visibly not of the OCaml type of `Self`; then
    /// the declaration on one of the two sides is wrong.
    ///
    /// # Safety
    ///
    /// The value is of the OCaml type of `Self`. The conversion cannot check all of it:
    /// for example, a closure does not tell the types of its argument and its result.
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error>;

    /// Makes the value of a float that OCaml has stored without a box. `from_ocaml` does
    /// the same for a float in a box.
    #[doc(hidden)]
    fn from_float(_float: f64) -> Result<Self, Error> {
        Err(mismatch("float"))
    }

    /// Reads a value of the OCaml type of `Vec<Self>`.
    ///
    /// # Safety
    ///
    /// As for [`from_ocaml`](FromOcaml::from_ocaml).
    #[doc(hidden)]
    unsafe fn vec_from_ocaml(value: Val<'_>) -> Result<Vec<Self>, Error> {
        // SAFETY: the caller says so.
        unsafe { collections::read_list(value) }
    }

    /// Reads a value of the OCaml type of `Box<[Self]>`.
    ///
    /// # Safety
    ///
    /// As for [`from_ocaml`](FromOcaml::from_ocaml).
    #[doc(hidden)]
    unsafe fn slice_from_ocaml(value: Val<'_>) -> Result<Box<[Self]>, Error> {
        // SAFETY: the caller says so.
        unsafe { collections::read_array(value) }
    }
}

/// A type whose values can be made OCaml values.
///
/// # Safety
///
/// The values that `into_ocaml` makes are of the OCaml type of `Self`. OCaml's compiler
/// trusts that they are.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made an OCaml value",
    label = "OCaml cannot be given this",
    note = "derive `lwt_rust::IntoOcaml` for a record or a variant, or give an \
            `lwt_rust::Abstract<{Self}>`",
    note = "a stream is given as a `LwtStream`, a sink as a `LwtSink`, a reader as a `LwtInput`, a \
            writer as a `LwtOutput`, and a file as a `std::os::fd::OwnedFd`; `bytes::Bytes` needs \
            the feature `bytes` of `lwt-rust`",
    note = "to return what a promise or a task gives, make the function `async` and await it"
)]
pub unsafe trait IntoOcaml: OcamlType {
    /// Allocates the value.
    ///
    /// # Errors
    ///
    /// If OCaml cannot represent the value.
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error>;

    /// Allocates a value of the OCaml type of `Vec<Self>`.
    #[doc(hidden)]
    fn vec_into_ocaml(vec: Vec<Self>, lock: &mut Lock) -> Result<Val<'_>, Error>
    where
        Self: Sized,
    {
        collections::write_list(vec.into_iter(), lock)
    }

    /// Allocates a value of the OCaml type of `Box<[Self]>`.
    #[doc(hidden)]
    fn slice_into_ocaml(slice: Box<[Self]>, lock: &mut Lock) -> Result<Val<'_>, Error>
    where
        Self: Sized,
    {
        collections::write_array(slice.into_vec().into_iter(), lock)
    }
}

/// The error for a value that is not of type `expected`.
pub fn mismatch(expected: &str) -> Error {
    Error::message(format!(
        "OCaml gave a value that is not of type {expected}: the OCaml declaration of this \
         function does not match the Rust one"
    ))
}

/// Says in an error of a conversion which value does not fit.
#[cold]
pub(crate) fn error_in(place: &str, error: Error) -> Error {
    Error::message(format!("{place}: {error}"))
}

/// A type whose conversion can tell for any value whether the value is of the type. So
/// any value may be read as this type.
///
/// # Safety
///
/// `from_ocaml` is safe for every value.
pub(crate) unsafe trait Checked: FromOcaml {}

macro_rules! checked {
    ($($type:ty),*) => { $(
        // SAFETY: `from_ocaml` looks only at the header and the bytes of the value.
        unsafe impl Checked for $type {}
    )* };
}

checked!(bool, isize, usize, f64, String);

// SAFETY: a block with a field is `Some`, and `T` looks at the field.
unsafe impl<T: Checked> Checked for Option<T> {}

/// Reads any value. If it is not of the type, that is an error.
pub(crate) fn read<T: Checked>(value: Val<'_>) -> Result<T, Error> {
    // SAFETY: `T` is `Checked`, so its `from_ocaml` is safe for every value.
    unsafe { T::from_ocaml(value) }
}

/// Allocates a value and keeps it in a root, so that other values can be allocated.
pub(crate) fn root(value: impl IntoOcaml, lock: &mut Lock) -> Result<Root, Error> {
    Ok(Root::new(value.into_ocaml(lock)?))
}

/// Converts a component of a value, and leaves `None` in its place.
pub fn component<T: IntoOcaml>(value: &mut Option<T>, lock: &mut Lock) -> Result<Root, Error> {
    match value.take() {
        Some(value) => root(value, lock),
        None => Ok(Root::UNIT),
    }
}
