//! Options that do not go together.

use lwt_rust::func;

#[func(blocking)]
async fn blocking_and_async() {}

#[func(protected)]
fn protected_and_direct() {}

#[func(result)]
async fn no_result() {}

#[func(tokio)]
async fn tokio_and_async() {}

#[func(blocking, tokio)]
fn tokio_and_blocking() {}

#[func(local)]
fn local_and_direct() {}

#[func(local, blocking)]
fn local_and_blocking() {}

#[func(blokcing)]
fn misspelt() {}

#[func(name = "No name")]
fn named() {}

#[func(name = "val")]
fn keyword() {}

fn main() {}
