//! Items with conditions within them. `unix` holds, and `windows` does not.

use lwt_rust::{AbstractType, Error, FromOcaml, IntoOcaml, OcamlException, OcamlType};

/// Arguments with conditions. `Missing` is no type.
#[lwt_rust::func]
pub(crate) fn some_arguments(
    #[cfg(windows)] _missing: Missing,
    a: i64,
    #[cfg(unix)] b: i64,
    #[cfg(not(unix))] _missing: Missing,
    #[cfg(not(windows))]
    #[cfg(unix)]
    c: i64,
    #[cfg(all(unix, windows))] _missing: Missing,
) -> Vec<i64> {
    vec![a, b, c]
}

/// Conditions on the options of arguments, and on conditions.
#[lwt_rust::func]
pub(crate) async fn some_options(
    #[cfg_attr(unix, ocaml(label, name = "text"))] value: String,
    #[cfg_attr(windows, ocaml(label))] n: usize,
    #[cfg_attr(unix, cfg_attr(unix, ocaml(optional)))] between: Option<String>,
    #[cfg_attr(unix, cfg(windows))] _missing: Missing,
    #[cfg_attr(unix, allow(unused_variables), ocaml(name = "last"))] unused: (),
) -> String {
    vec![value; n].join(&between.unwrap_or_default())
}

#[cfg_attr(unix, lwt_rust::func(name = "with_attribute"))]
pub(crate) fn attribute(#[cfg_attr(unix, ocaml(label))] n: i64) -> i64 {
    n
}

#[cfg_attr(windows, lwt_rust::func)]
#[expect(dead_code, reason = "it has no attribute of ours")]
fn without_attribute(#[cfg_attr(windows, ocaml(label))] _n: i64) {}

/// A record whose fields have conditions.
#[cfg_attr(unix, derive(OcamlType, FromOcaml, IntoOcaml))]
pub(crate) struct Fields {
    #[cfg(windows)]
    missing: Missing,
    #[cfg_attr(unix, ocaml(name = "first"))]
    a: i64,
    #[cfg(unix)]
    b: String,
}

/// A variant whose constructors have conditions.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
#[cfg_attr(unix, ocaml(name = "constructors"))]
pub(crate) enum Variants {
    #[cfg(windows)]
    Missing(Missing),
    #[cfg(unix)]
    One(#[cfg(windows)] Missing, i64),
    #[cfg_attr(unix, ocaml(name = "Second"))]
    Two {
        #[cfg(windows)]
        missing: Missing,
        text: String,
    },
}

#[lwt_rust::func]
pub(crate) fn echo_fields(value: Fields) -> Fields {
    value
}

#[lwt_rust::func]
pub(crate) fn echo_variants(values: Vec<Variants>) -> Vec<Variants> {
    values
}

/// An error whose variants have conditions.
#[derive(Debug, OcamlException)]
pub(crate) enum Refusal {
    #[cfg(windows)]
    Gone(Missing),
    #[cfg(unix)]
    TooLong(usize),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Refusal::TooLong(length) = self;
        write!(f, "{length} are too many")
    }
}

impl std::error::Error for Refusal {}

/// Texts that a method joins.
#[derive(AbstractType)]
pub(crate) struct Texts(Vec<String>);

/// A block with conditions.
#[lwt_rust::methods]
impl Texts {
    fn new(#[cfg(unix)] texts: Vec<String>, #[cfg(windows)] missing: Missing) -> Self {
        Texts(texts)
    }

    #[cfg_attr(unix, func(blocking))]
    #[cfg_attr(windows, func(name = "missing"))]
    #[cfg_attr(unix, doc = "Joins the texts.")]
    fn join(
        #[cfg(unix)] &self,
        #[cfg_attr(unix, ocaml(label))] between: String,
    ) -> Result<String, Refusal> {
        match self.0.len() {
            length @ 3.. => Err(Refusal::TooLong(length)),
            _ => Ok(self.0.join(&between)),
        }
    }

    #[cfg_attr(unix, cfg(windows))]
    fn missing(&self) -> Missing {}
}

/// A trait with conditions.
#[lwt_rust::interface]
#[cfg_attr(unix, ocaml(name = "sink_of_lines"))]
pub(crate) trait Lines {
    /// Takes a line.
    async fn take(
        &self,
        #[cfg(windows)] missing: Missing,
        #[cfg(unix)] line: &str,
    ) -> Result<(), Error>;

    #[cfg_attr(unix, ocaml(name = "finish"))]
    #[cfg(unix)]
    async fn end(&self) -> Result<i64, Error>;

    #[cfg_attr(unix, cfg(windows))]
    async fn missing(&self) -> Result<Missing, Error>;

    #[expect(dead_code, reason = "the method with a body is none of OCaml's")]
    async fn with_body(&self, #[cfg(windows)] missing: Missing) {}
}

#[lwt_rust::func]
pub(crate) async fn write_lines(lines: OcamlLines, texts: Vec<String>) -> Result<i64, Error> {
    for text in texts {
        lines.take(&text).await?;
    }
    lines.end().await
}
