let crate = "lwt-rust-demo"
