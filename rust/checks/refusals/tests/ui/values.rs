//! A value that is not rooted cannot live over an `.await`.

use lwt_rust::{Poly, Root, func, with_lock};

#[func]
async fn held(value: Root) -> bool {
    let held = with_lock(|lock| value.get(lock));
    std::future::ready(()).await;
    held.as_int().is_some()
}

/// One of another type variable cannot be made up.
#[func]
async fn invented<A, B>(value: Poly<A>) -> Poly<B> {
    value
}

/// Two variables of one name would be one.
#[func]
fn twins<A, a>(_left: Poly<A>, _right: Poly<a>) {}

/// A type parameter is that of a `Poly`.
#[func]
fn bare<A>(_value: Vec<A>) {}

/// The same, of a type that the macro does not know.
type List<A> = Vec<A>;

#[func]
fn bare_within<A>(_value: List<A>) {}

/// The type parameter of a `Poly` is one of the function.
#[func]
fn undeclared(value: Poly<A>) -> Poly<A> {
    value
}

fn main() {}
