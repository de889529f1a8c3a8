(* Exceptions of OCaml's that Rust knows: see rust/testing/src/own.rs. *)

exception Many of int * string * bool
exception Named of { name : string; size : int }
