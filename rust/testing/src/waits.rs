//! Promises of Lwt promises that go to other threads.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use lwt_rust::{Error, LwtFn, Promise};

/// Polls a promise once, whatever it says.
async fn look_at(promise: &mut Promise<i64>) -> Option<Result<i64, Error>> {
    poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *promise).poll(context) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        })
    })
    .await
}

/// Calls a closure, looks at its promise, and has a worker await it.
#[lwt_rust::func]
pub(crate) async fn await_elsewhere(f: LwtFn<(), i64>) -> Result<i64, Error> {
    let mut promise = f.call(());
    match look_at(&mut promise).await {
        Some(result) => result,
        None => tokio::spawn(promise).await?,
    }
}

/// Calls a closure, looks at its promise, here and perhaps on a worker, and has the
/// worker drop or detach it.
#[lwt_rust::func]
pub(crate) async fn drop_elsewhere(
    f: LwtFn<(), i64>,
    looks: bool,
    detaches: bool,
) -> Result<(), Error> {
    let mut promise = f.call(());
    look_at(&mut promise).await;
    let drops = async move {
        if looks {
            look_at(&mut promise).await;
        }
        match detaches {
            true => promise.detach(),
            false => drop(promise),
        }
    };
    Ok(tokio::spawn(drops).await?)
}
