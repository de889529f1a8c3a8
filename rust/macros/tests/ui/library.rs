//! A library of what is no function with the attribute.

struct Other;

fn plain() {}

mod inner {
    #[lwt_rust::func]
    fn private() {}
}

lwt_rust::library![Other, inner::private, plain];

fn main() {}
