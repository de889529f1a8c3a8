The archive knows which OCaml it was built for. With that of another one, which an
upgrade of the compiler has left behind, a program does not begin:

  $ for program in start.exe start.bc.exe; do
  >   ./$program
  >   LC_ALL=C sed 's/lwt_rust for OCaml [0-9]/lwt_rust for OCaml X/' $program > stale.exe
  >   chmod +x stale.exe
  >   ./stale.exe > output 2>&1
  >   echo "exit code $?"
  >   head -n 1 output | sed 's/[0-9]\.[0-9.]*[0-9]/N/g'
  > done
  lwt_rust_stubs
  exit code 2
  Fatal error: exception Failure("lwt_rust: the Rust archive of this program was built for OCaml X.N, and OCaml N compiled the program: run dune clean, and build again (with opam: reinstall lwt_rust and the packages that depend on it)")
  lwt_rust_stubs
  exit code 2
  Fatal error: exception Failure("lwt_rust: the Rust archive of this program was built for OCaml X.N, and OCaml N compiled the program: run dune clean, and build again (with opam: reinstall lwt_rust and the packages that depend on it)")
