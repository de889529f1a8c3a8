//! A library of items that are no functions with the attribute, and libraries with an
//! attribute and an item that they cannot have.

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
