Of what is installed; without the crates of others, it cannot say where they are:

  $ mkdir -p installed/lwt_rust/rust
  $ export OCAMLPATH=$PWD/installed
  $ lwt-rust config | sed "s,$PWD,.,"
  # Written by lwt-rust config, for this machine.
  
  [patch.crates-io]
  lwt-rust = { path = "./installed/lwt_rust/rust/lwt-rust" }
  
  [env]
  OCAMLOPT = "ocamlopt"
  $ lwt-rust config --offline 2>&1 | sed "s,$PWD,.,"
  lwt-rust: there is no ./installed/lwt_rust/vendor/crates: what is installed is no release, and came without the crates
  $ mkdir -p installed/lwt_rust/vendor/crates
  $ lwt-rust config --offline | sed "s,$PWD,.,"
  # Written by lwt-rust config, for this machine.
  
  [patch.crates-io]
  lwt-rust = { path = "./installed/lwt_rust/rust/lwt-rust" }
  
  [env]
  OCAMLOPT = "ocamlopt"
  
  [net]
  offline = true
  
  [source.crates-io]
  replace-with = "lwt-rust"
  
  [source.lwt-rust]
  directory = "./installed/lwt_rust/vendor/crates"
