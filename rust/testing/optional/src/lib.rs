//! A crate for Rust that OCaml uses too. Without the feature `ocaml` it does not need
//! `lwt-rust`.

use std::{fmt, sync::Mutex};

#[cfg(feature = "ocaml")]
lwt_rust::library! {
    #![doc = "A crate for Rust that OCaml uses too."]
    shorten, Words, Rejected,
}

/// The beginning of a text.
///
/// # Errors
///
/// If the text is empty.
#[cfg_attr(feature = "ocaml", lwt_rust::func)]
pub fn shorten(
    text: String,
    #[cfg_attr(feature = "ocaml", ocaml(label))] most: usize,
    #[cfg(feature = "ocaml")] ending: lwt_rust::Char,
) -> Result<String, Rejected> {
    if text.is_empty() {
        return Err(Rejected::Empty);
    }
    let short = text.chars().take(most);
    #[cfg(feature = "ocaml")]
    let short = short.chain([char::from(ending.0)]);
    Ok(short.collect())
}

/// Why a text is rejected.
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "ocaml", derive(lwt_rust::OcamlException))]
pub enum Rejected {
    /// It is empty.
    Empty,
    /// It has a letter that is not allowed.
    #[cfg_attr(feature = "ocaml", ocaml(name = "Bad_letter"))]
    Letter(String),
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the text is rejected: {self:?}")
    }
}

impl std::error::Error for Rejected {}

/// How often a word was added.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "ocaml",
    derive(lwt_rust::OcamlType, lwt_rust::IntoOcaml),
    ocaml(name = "entry")
)]
pub struct Count {
    /// The word.
    pub word: String,
    /// How often.
    #[cfg_attr(feature = "ocaml", ocaml(name = "times"))]
    pub count: usize,
}

/// Words, each with the number of times that it was added.
#[derive(Debug, Default)]
#[cfg_attr(feature = "ocaml", derive(lwt_rust::AbstractType))]
pub struct Words(Mutex<Vec<Count>>);

/// Words.
#[cfg_attr(feature = "ocaml", lwt_rust::methods)]
impl Words {
    /// No words.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a word.
    ///
    /// # Errors
    ///
    /// If it has a digit.
    #[cfg_attr(feature = "ocaml", func(name = "add_word"))]
    pub fn add(&self, word: String) -> Result<Count, Rejected> {
        if let Some(digit) = word.chars().find(char::is_ascii_digit) {
            return Err(Rejected::Letter(digit.to_string()));
        }
        let mut words = self.0.lock().unwrap_or_else(|locked| locked.into_inner());
        if let Some(known) = words.iter_mut().find(|known| known.word == word) {
            known.count += 1;
            return Ok(known.clone());
        }
        let count = Count { word, count: 1 };
        words.push(count.clone());
        Ok(count)
    }
}

#[cfg(all(test, not(feature = "ocaml")))]
mod tests {
    use super::*;

    #[test]
    fn rust_uses_the_crate_without_lwt_rust() {
        assert_eq!(shorten("text".to_owned(), 2), Ok("te".to_owned()));
        assert_eq!(shorten(String::new(), 2), Err(Rejected::Empty));
        let words = Words::new();
        assert_eq!(words.add("a".to_owned()).map(|added| added.count), Ok(1));
        assert_eq!(words.add("a".to_owned()).map(|added| added.count), Ok(2));
        let refused = words.add("a1".to_owned());
        assert_eq!(refused, Err(Rejected::Letter("1".to_owned())));
    }
}
