//! A crate that gives `lwt-rust` to others. Its own `Cargo.toml` renames it: `extern crate`
//! brings the name back, for all macros of the crate.

pub extern crate lwt as lwt_rust;

lwt_rust::library! {
    #![doc = "A crate that other crates have `lwt-rust` from."]
    twice,
}

/// Two times the number, later.
#[lwt_rust::func]
pub async fn twice(n: i64) -> i64 {
    2 * n
}
