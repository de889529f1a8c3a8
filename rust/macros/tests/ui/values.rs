//! A value that is not rooted cannot live over an `.await`.

use lwt_rust::{Poly, Root, func, vars, with_lock};

#[func]
async fn held(value: Root) -> bool {
    let held = with_lock(|lock| value.get(lock));
    std::future::ready(()).await;
    held.as_int().is_some()
}

/// One of another type variable cannot be made up.
#[func]
async fn invented(value: Poly<vars::A>) -> Poly<vars::B> {
    value
}

fn main() {}
