//! A crate that has `lwt-rust` through another crate.

use std::sync::Mutex;

use lwt_rust_facade::lwt_rust::{
    self as ours, AbstractType, Error, IntoOcaml, LwtFn, OcamlType, func, interface, methods,
};

ours::library! {
    crate = lwt_rust_facade::lwt_rust;
    pair_after, Names, ask,
}

/// A record.
#[derive(OcamlType, IntoOcaml)]
#[ocaml(crate = "lwt_rust_facade::lwt_rust")]
pub struct Pair {
    /// The first.
    pub first: String,
    /// The second.
    pub second: i64,
}

/// Calls OCaml.
#[func(crate = "lwt_rust_facade::lwt_rust")]
pub async fn pair_after(
    first: String,
    second: LwtFn<String, i64>,
    #[cfg(not(unix))] missing: Missing,
) -> Result<Pair, Error> {
    let second = second.call(first.clone()).await?;
    Ok(Pair { first, second })
}

/// Names.
#[derive(AbstractType, Default)]
#[ocaml(crate = "lwt_rust_facade::lwt_rust")]
pub struct Names(Mutex<Vec<String>>);

#[methods(crate = "lwt_rust_facade::lwt_rust")]
impl Names {
    /// No names.
    pub fn none() -> Self {
        Names::default()
    }

    /// Adds a name, and returns the number of names.
    #[func(blocking)]
    pub fn add(&self, name: String) -> usize {
        let mut names = self.0.lock().unwrap_or_else(|locked| locked.into_inner());
        names.push(name);
        names.len()
    }
}

/// Answers of OCaml's.
#[interface(crate = "lwt_rust_facade::lwt_rust")]
pub trait Answers {
    /// The answer.
    async fn answer(&self, question: String) -> Result<String, Error>;
}

/// Asks.
#[func(crate = "lwt_rust_facade::lwt_rust")]
pub async fn ask(answers: OcamlAnswers) -> Result<String, Error> {
    answers.answer("why".to_owned()).await
}
