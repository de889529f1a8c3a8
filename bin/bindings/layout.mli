(** Which OCaml module declares which type, in which order, and by which name a
    type is known where it is used. *)

type place = {
  name : string;  (** in OCaml; empty for the whole module *)
  rust : string;  (** the path of the module or of the type with methods *)
  doc : string;
  types : Description.ty list;
  exceptions : Description.exceptions list;
  functions : Description.func list;
  places : place list;  (** its submodules *)
}
(** An OCaml module. The type expressions have Rust paths. *)

val all_types : place -> Description.ty list
(** The types of the module and of its submodules. *)

val types_of_exceptions : Description.exceptions -> string list
(** The type expressions of exceptions. *)

val texts : place -> string list
(** The type expressions in the module and in its submodules. *)

val contents : place -> Description.contents
(** [contents place] is the same with OCaml's names in the type expressions.

    Each type stands behind those that it uses. Sometimes no order of types and
    submodules does that: a type of the submodule [Client] uses one of the whole
    module, which uses [Client.t]. Then [Client.t] is declared twice: before all
    these as the type [client_t], and in its place as [t = client_t]. The same
    happens if a type cannot be named where it is used, since another type of
    its name stands between. *)
