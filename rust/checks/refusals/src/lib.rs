//! Nothing: `tests/` has the code that is refused.
