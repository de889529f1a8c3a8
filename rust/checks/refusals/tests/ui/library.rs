//! A library of what is no function with the attribute, and one that says what
//! libraries cannot.

struct Other;

fn plain() {}

mod inner {
    #[lwt_rust::func]
    fn private() {}
}

lwt_rust::library![Other, inner::private, plain];

lwt_rust::library! {
    #![allow(unused)]
    plain
}

lwt_rust::library!["plain"];

fn main() {}
