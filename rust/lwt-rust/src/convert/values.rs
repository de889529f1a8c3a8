//! Values that Rust keeps without looking at them.

use std::marker::PhantomData;

use super::{FromOcaml, IntoOcaml, OcamlType};
use crate::{
    bindings::Type,
    error::Error,
    ffi::{Lock, Root, Val},
};

/// `Obj.t`: any value, which OCaml has to give a type to.
impl OcamlType for Root {
    const TYPE: Type = Type::named("Obj.t");
}

impl FromOcaml for Root {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(Root::new(value))
    }
}

impl IntoOcaml for Root {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(self.get(lock))
    }
}

/// A value of any OCaml type, kept alive and given back: `'a` for
/// `Poly<vars::A>`, `'b` for `Poly<vars::B>` and so on.
///
/// A `Poly<V>` can only be had from OCaml, so a function that gives one back was
/// given it under the same type variable: the OCaml type keeps its word. It may
/// be sent to and dropped on any thread.
///
/// ```no_run
/// use lwt_rust::{Poly, vars};
///
/// /// `val swap : 'a * 'b -> ('b * 'a) Lwt.t`
/// #[lwt_rust::func]
/// async fn swap((a, b): (Poly<vars::A>, Poly<vars::B>)) -> (Poly<vars::B>, Poly<vars::A>) {
///     (b, a)
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Poly<V> {
    root: Root,
    variable: PhantomData<fn(V) -> V>,
}

/// The type variables of [`Poly`].
pub mod vars {
    /// A type variable.
    #[doc(hidden)]
    pub trait Variable {
        /// Its name, without the quote.
        const NAME: &'static str;
    }

    macro_rules! variables {
        ($($variable:ident $name:literal)*) => { $(
            #[doc = concat!("`'", $name, "`")]
            #[derive(Debug)]
            pub enum $variable {}

            impl Variable for $variable {
                const NAME: &'static str = $name;
            }
        )* };
    }

    variables! { A "a" B "b" C "c" D "d" E "e" F "f" }
}

impl<V: vars::Variable> OcamlType for Poly<V> {
    const TYPE: Type = Type::variable(V::NAME);
}

impl<V: vars::Variable> FromOcaml for Poly<V> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(Poly {
            root: Root::new(value),
            variable: PhantomData,
        })
    }

    fn from_float(_float: f64) -> Result<Self, Error> {
        Err(Error::message(
            "an array of floats has no values that could be kept: give a list of them",
        ))
    }
}

impl<V: vars::Variable> IntoOcaml for Poly<V> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(self.root.get(lock))
    }
}
