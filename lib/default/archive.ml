let crate = "lwt-rust-stubs"
