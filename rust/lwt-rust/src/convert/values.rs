//! Values that Rust keeps without looking at them.

use std::{fmt, marker::PhantomData};

use super::{FromOcaml, IntoOcaml, OcamlType};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Root, Val},
};

/// `Obj.t`: any value. OCaml has to give it a type by `Obj`.
// SAFETY: every OCaml value is an `Obj.t`.
unsafe impl OcamlType for Root {
    const TYPE: Type = Type::named("Obj.t");
}

impl FromOcaml for Root {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(Root::new(value))
    }
}

// SAFETY: as above.
unsafe impl IntoOcaml for Root {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(self.get(lock))
    }
}

/// A value of any OCaml type, which Rust keeps alive and gives back. `A` is a type
/// parameter of the function, and `'a` in OCaml:
///
/// ```no_run
/// use lwt_rust::Poly;
///
/// /// `val swap : 'a * 'b -> ('b * 'a) Lwt.t`
/// #[lwt_rust::func]
/// async fn swap<A, B>((a, b): (Poly<A>, Poly<B>)) -> (Poly<B>, Poly<A>) {
///     (b, a)
/// }
/// # fn main() {}
/// ```
///
/// The compiler checks the function for every possible `A`, and the function cannot make
/// a `Poly<A>` itself. So a `Poly<A>` that the function returns is one that OCaml has
/// passed to it, in the same call, under the same type variable.
///
/// A `Poly` may be sent to any thread that ends before the call does, and be dropped
/// there. It is not `'static`, so it cannot be kept for longer than the call, and a task that
/// is spawned cannot hold one. If a static
/// could keep it, the next call would find a value there whose type may be another. To
/// keep the value for longer, make a [`Root`] of it.
///
/// ```compile_fail,E0310
/// use std::{any::Any, sync::Mutex};
/// use lwt_rust::Poly;
///
/// static KEPT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());
///
/// #[lwt_rust::func]
/// fn keep<A>(value: Poly<A>) {
///     KEPT.lock().unwrap().push(Box::new(value));
/// }
/// # fn main() {}
/// ```
pub struct Poly<A> {
    root: Root,
    variable: PhantomData<fn(A) -> A>,
}

/// A type that stands for a type variable of OCaml. `#[func]` calls a function that has
/// type parameters with such types, and adds this bound to each type parameter.
///
/// A function of your own may be called by such a function. It needs the bound if it
/// converts the values. For example, this one calls a [`Closure`](crate::Closure) with
/// them:
///
/// ```no_run
/// use lwt_rust::{Closure, Error, Poly, Variable, with_lock};
///
/// fn twice<A: Variable>(f: &Closure<Poly<A>, Poly<A>>, x: Poly<A>) -> Result<Poly<A>, Error> {
///     let x = with_lock(|lock| f.call(lock, x))?;
///     with_lock(|lock| f.call(lock, x))
/// }
///
/// /// `val apply_twice : ('a -> 'a) -> 'a -> 'a`
/// #[lwt_rust::func]
/// fn apply_twice<A>(f: Closure<Poly<A>, Poly<A>>, x: Poly<A>) -> Result<Poly<A>, Error> {
///     twice(&f, x)
/// }
/// # fn main() {}
/// ```
///
/// # Safety
///
/// The stub of one function reads its arguments and writes its result with a `Poly` of
/// this type. All other code that has such a `Poly` is generic. Otherwise values of
/// different OCaml types could have the same type in Rust.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no type parameter of a function with `#[lwt_rust::func]`",
    label = "this stands for no type variable of OCaml's",
    note = "write `fn f<A>(value: Poly<A>)`; a function that such a one calls has `A: Variable`"
)]
pub unsafe trait Variable {
    /// The variable's name in OCaml, without the quote.
    #[doc(hidden)]
    const NAME: &'static str;
}

/// Names of type variables, for functions that do not declare their type parameters.
/// `#[func]` reads `Poly<vars::A>` as `Poly<A>`, where `A` is a type parameter.
///
/// ```no_run
/// use lwt_rust::{Poly, vars};
///
/// /// `val identity : 'a -> 'a`
/// #[lwt_rust::func]
/// fn identity(value: Poly<vars::A>) -> Poly<vars::A> {
///     value
/// }
/// # fn main() {}
/// ```
pub mod vars {
    macro_rules! variables {
        ($($variable:ident $name:literal)*) => { $(
            #[doc = concat!("`'", $name, "`")]
            #[derive(Debug)]
            pub enum $variable {}
        )* };
    }

    variables! { A "a" B "b" C "c" D "d" E "e" F "f" }
}

impl<A> From<Poly<A>> for Root {
    /// The value. Its type variable is lost.
    fn from(value: Poly<A>) -> Root {
        value.root
    }
}

impl<A> fmt::Debug for Poly<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Poly(..)")
    }
}

// SAFETY: a `Poly` is made only of a value of that type, and gives back that value. It
// borrows nothing: `A` is only a name.
unsafe impl<A: Variable> OcamlType for Poly<A> {
    const TYPE: Type = Type::variable(A::NAME);
}

impl<A: Variable> FromOcaml for Poly<A> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
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

// SAFETY: as for its type.
unsafe impl<A: Variable> IntoOcaml for Poly<A> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(self.root.get(lock))
    }
}
