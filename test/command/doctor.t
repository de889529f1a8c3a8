  $ lwt_rust=$(command -v lwt-rust)
  $ mkdir tools installed installed/lwt
  $ tool() { printf '#!/bin/sh\n%s\n' "$2" > tools/$1; chmod +x tools/$1; }
  $ doctor() { PATH=tools OCAMLPATH=$PWD/installed "$lwt_rust" doctor | sed "s,$PWD,.,"; }

With nothing there:

  $ PATH=tools OCAMLPATH= "$lwt_rust" doctor | sed 's/none of .*:/none of ...:/' | grep -v crates
  problem cargo   is not there, or does not run: install Rust with rustup, or from the system's packages
  problem rustc   is not there, or does not run: install Rust with rustup, or from the system's packages
  problem OCaml   is not there, or does not run: opam switch create . 5.4.0
  problem dune    is not there, or does not run: opam install dune
  problem Lwt     is not there, or does not run: opam install lwt
  $ PATH=tools OCAMLPATH= "$lwt_rust" doctor >/dev/null
  [1]

With all of it, in versions that will just do, or are of the future:

  $ mkdir -p installed/lwt_rust/rust
  $ tool cargo 'echo "cargo 1.85.0 (d73d2caf9 2024-12-31)"'
  $ tool rustc 'echo "rustc 1.100.0-nightly (0 2027-01-01)"'
  $ tool ocamlopt 'echo 5.10.0+dev0-2026-01-01'
  $ tool dune 'echo 3.17'
  $ echo 'version = "5.9.1"' > installed/lwt/META
  $ doctor
  ok      cargo   1.85.0
  ok      rustc   1.100.0-nightly
  ok      OCaml   5.10.0+dev0-2026-01-01
  ok      dune    3.17
  ok      Lwt     5.9.1
  ok      crates  without those they need, which come by network, ./installed/lwt_rust
  $ mkdir -p installed/lwt_rust/vendor/crates
  $ doctor | tail -n 1
  ok      crates  with those they need, ./installed/lwt_rust

Too old, or broken:

  $ tool cargo 'echo "cargo 1.84.1 (0 2025-01-01)"'
  $ tool rustc 'exit 1'
  $ tool ocamlopt 'echo 4.14.2'
  $ tool ocamlfind 'echo 5.6.1'
  $ doctor
  problem cargo   is 1.84.1, and 1.85 is needed: install Rust with rustup, or from the system's packages
  problem rustc   is not there, or does not run: install Rust with rustup, or from the system's packages
  problem OCaml   is 4.14.2, and 5.1 is needed: opam switch create . 5.4.0
  ok      dune    3.17
  problem Lwt     is 5.6.1, and 5.7 is needed: opam install lwt
  ok      crates  with those they need, ./installed/lwt_rust
