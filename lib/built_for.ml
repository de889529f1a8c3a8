let check () =
  match Raw.archive_version () with
  | "" -> ()
  | version when version = Sys.ocaml_version -> ()
  | version ->
      failwith
        (Printf.sprintf
           "lwt_rust: the Rust archive of this program was built for OCaml %s, \
            and OCaml %s compiled the program: run dune clean, and build again \
            (with opam: reinstall lwt_rust and the packages that depend on it)"
           version Sys.ocaml_version)
