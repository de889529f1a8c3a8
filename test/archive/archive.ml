let crate = "lwt-rust-testing"
