//! Futures that are not `Send`, with results that OCaml cannot have.

use std::{future::pending, marker::PhantomData, rc::Rc};

use lwt_rust::func;

struct NoError;

struct NoValue;

/// Its `Err` contains a type that is no error.
#[func]
async fn not_an_error() -> Result<(), NoError> {
    let held = Rc::new(1);
    pending::<()>().await;
    drop(held);
    Ok(())
}

/// Its result is no value of OCaml's.
#[func]
async fn not_a_value() -> NoValue {
    let held = Rc::new(1);
    pending::<()>().await;
    drop(held);
    NoValue
}

/// The same, of one that is `Send`.
#[func]
async fn not_an_error_either() -> Result<(), NoError> {
    Ok(())
}

/// It is `Send` for one lifetime, and a future does not know which one it has.
struct OfOneLifetime<'a>(PhantomData<*mut &'a ()>);

unsafe impl Send for OfOneLifetime<'static> {}

#[func]
async fn in_doubt() {
    let held = OfOneLifetime::<'static>(PhantomData);
    pending::<()>().await;
    drop(held);
}

fn main() {}
