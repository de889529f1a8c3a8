//! The Rust functions of the programs in `examples/`.

mod greeting;
mod lines;
mod proof;

lwt_rust::library! {
    #![doc = "The Rust functions of the examples."]
    greeting::greet,
    lines::lines,
    proof::call_for,
    proof::call_times,
    proof::every,
}
