//! A crate that knows `lwt-rust` by the name `lwt`.

use std::{fmt, sync::Mutex};

use lwt::{Error, LwtFn, Poly};

lwt::library! {
    #![doc = "A crate that knows `lwt-rust` by another name."]
    crate = lwt;
    sum, of_six, keep, greet, count, text_after, numbers, conditional, largest, echo, Counter,
    Refused,
    /// A Rust module.
    mod inner { get },
}

/// A plain function.
#[lwt::func(crate = "lwt")]
pub fn sum(a: i64, b: i64) -> i64 {
    a + b
}

/// Has one stub for native code and one for bytecode.
#[lwt::func(name = "six", crate = "lwt")]
pub fn of_six(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64) -> Vec<i64> {
    vec![a, b, c, d, e, f]
}

/// Has a type variable.
#[lwt::func(crate = "lwt")]
pub fn keep<A>(value: Poly<A>) -> Poly<A> {
    value
}

/// Calls OCaml.
#[lwt::func(crate = "lwt", protected)]
pub async fn greet(
    name: LwtFn<(), String>,
    #[ocaml(optional)] greeting: Option<String>,
) -> Result<String, Error> {
    let name = name.call(()).await?;
    Ok(format!("{}, {name}", greeting.unwrap_or_default()))
}

/// A stream that the macro boxes.
#[lwt::func(crate = "lwt")]
pub fn numbers(most: i64) -> impl futures_core::Stream<Item = i64> {
    futures_lite::stream::iter(0..most)
}

/// Runs on another thread.
#[lwt::func(crate = "lwt", blocking)]
pub fn largest(#[ocaml(with = lwt::Int64)] a: u64, pages: Vec<Page<i64>>) -> Result<i64, Refused> {
    let items = pages.into_iter().flat_map(|page| page.items);
    let items = items.chain(i64::try_from(a));
    items.max().ok_or(Refused::Empty)
}

/// Has conditions.
#[lwt::func(crate = "lwt", name = "conditional_length")]
pub fn conditional(#[cfg(unix)] text: String, #[cfg(not(unix))] n: i64) -> usize {
    text.len()
}

/// A record with a parameter.
#[derive(lwt::OcamlType, lwt::FromOcaml, lwt::IntoOcaml)]
#[ocaml(crate = "lwt")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
}

/// A variant.
#[derive(lwt::OcamlType, lwt::FromOcaml, lwt::IntoOcaml)]
#[ocaml(name = "shape", crate = "lwt")]
pub enum Figure {
    /// No point.
    Nothing,
    /// A circle.
    Circle {
        /// Half of its width.
        radius: f64,
    },
}

/// There and back.
#[lwt::func(crate = "lwt")]
pub fn echo(figures: Vec<Figure>) -> Vec<Figure> {
    figures
}

/// Why there is no result.
#[derive(Debug, lwt::OcamlException)]
#[ocaml(crate = "lwt")]
pub enum Refused {
    /// There are no numbers.
    Empty,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are no numbers")
    }
}

impl std::error::Error for Refused {}

/// A number that grows.
#[derive(lwt::AbstractType)]
#[ocaml(crate = "lwt")]
pub struct Counter(Mutex<i64>);

#[lwt::methods(crate = "lwt")]
impl Counter {
    /// A counter that begins with `first`.
    pub fn new(first: i64) -> Self {
        Counter(Mutex::new(first))
    }

    /// The next number.
    #[func(name = "next")]
    pub async fn count(&self, #[cfg(unix)] by: i64) -> i64 {
        let mut number = self.0.lock().unwrap_or_else(|locked| locked.into_inner());
        *number += by;
        *number
    }
}

/// How many times it was called, in all.
#[lwt::func(crate = "lwt")]
pub async fn count(counter: lwt::Abstract<Counter>) -> i64 {
    counter.count(1).await
}

/// Texts of OCaml's.
#[lwt::interface(crate = "lwt")]
pub trait Texts {
    /// The text after this one.
    async fn after(&self, text: &str) -> Result<String, Error>;
}

/// Asks twice.
#[lwt::func(crate = "lwt")]
pub async fn text_after(texts: OcamlTexts, text: String) -> Result<String, Error> {
    let next = texts.after(&text).await?;
    texts.after(&next).await
}

/// A module.
pub mod inner {
    /// A number.
    #[lwt::func(crate = "lwt")]
    pub fn get() -> i64 {
        1
    }
}
