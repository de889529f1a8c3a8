  $ lwt-rust bindings missing.a a.ml a.mli
  lwt-rust: missing.a: No such file or directory
  [1]
  $ echo text > libtext.a
  $ lwt-rust bindings libtext.a a.ml a.mli
  lwt-rust: libtext.a says nothing of Rust functions: it has to be the static or the dynamic library, libNAME.a or dllNAME.so, of a crate that uses lwt-rust, of the same release as this command
  [1]
  $ lwt-rust bindings libtext.a a.ml 2>/dev/null
  [124]
  $ ls
  libtext.a

Any file that has records will do, whatever else is in it:

  $ printf '\0\177lwt_rust 1\n8:function4:text0:9:text::get3:get1:s0:6:direct0:3:int\n.' > libtext.a
  $ lwt-rust bindings libtext.a a.ml a.mli
  lwt-rust: libtext.a: the crate text has to name its functions for OCaml, with lwt_rust::library![...]
  [1]
  $ printf '\177lwt_rust 1\n7:library4:text4:text0:\n.' >> libtext.a

A function that is forgotten is told:

  $ lwt-rust bindings libtext.a a.ml a.mli
  lwt-rust: warning: OCaml does not get text::get, since no lwt_rust::library! of the crate text names it
  $ printf '\177lwt_rust 1\n7:library4:more4:more0:\n5:names1:s\n.' >> libtext.a
  $ lwt-rust bindings libtext.a a.ml a.mli
  $ lwt-rust bindings --crate more libtext.a a.ml a.mli
  $ cat a.ml
  (* Made by lwt-rust bindings from the crate more. *)
  
  [@@@alert "-lwt_rust_generated"]
  [@@@warning "-unboxable-type-in-prim-decl"]
  
  module Call = struct
    external get : unit -> int Lwt_rust.Call.direct
      = "s"
  end
  
  let get () = Lwt_rust.Call.value (Call.get ())
