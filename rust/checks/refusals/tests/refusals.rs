//! The messages of the compiler for code that the macros refuse, and their places.

#[test]
fn messages() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
