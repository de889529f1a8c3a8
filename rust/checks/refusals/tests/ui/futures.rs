//! Futures that are not `Send`, with results that OCaml cannot have.

use std::{future::pending, marker::PhantomData, rc::Rc};

use lwt_rust::func;

struct NoError;

struct NoValue;

/// What it fails with is no error.
#[func]
async fn not_an_error() -> Result<(), NoError> {
    let held = Rc::new(1);
    pending::<()>().await;
    drop(held);
    Ok(())
}

/// What it gives is no value of OCaml's.
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

/// It is `Send` for one lifetime, and a future has forgotten of which one it is.
struct OfOneLifetime<'a>(PhantomData<*mut &'a ()>);

unsafe impl Send for OfOneLifetime<'static> {}

#[func]
async fn in_doubt() {
    let held = OfOneLifetime::<'static>(PhantomData);
    pending::<()>().await;
    drop(held);
}

fn main() {}
