//! The version of OCaml that the archive was built for.

use std::hint::black_box;

use crate::stub::{Raw, tell};

/// `archive.sh` sets the variable; cargo run by hand does not.
const VERSION: &str = match option_env!("OCAML_VERSION") {
    Some(version) => version,
    None => "",
};

const LABEL: &str = "lwt_rust for OCaml ";

/// The version behind a label, by which it can be found in a built file.
static LABELLED: [u8; LABEL.len() + VERSION.len()] = {
    let mut text = [0; LABEL.len() + VERSION.len()];
    let mut index = 0;
    while index < text.len() {
        text[index] = match index.checked_sub(LABEL.len()) {
            None => LABEL.as_bytes()[index],
            Some(index) => VERSION.as_bytes()[index],
        };
        index += 1;
    }
    text
};

/// `unit -> string`
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_archive_version(_unit: Raw) -> Raw {
    // `black_box` makes the program read the text from its place, so a test can change it
    // in the built file.
    let text = black_box(&LABELLED);
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe { tell(&text[LABEL.len()..]) }
}
