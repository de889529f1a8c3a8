(** Rust's log as records of the library [logs].

    The Rust part of the program needs the feature [logs] of the crate
    [lwt-rust]:

    {v lwt-rust = { version = "*", features = ["logs"] } v}

    {[
      let () =
        Logs.set_reporter (Logs.format_reporter ());
        Logs.set_level (Some Info);
        Lwt_rust_logs.start ()
    ]}

    Then the records of the Rust crates [tracing] and [log] reach the reporter,
    as far as the levels of [Logs] ask for them. *)

val start : ?capacity:int -> ?fields:bool -> ?trace:bool -> unit -> unit
(** [start ()] makes the Lwt loop report Rust's records.

    {b Sources.} The source of a record is the one whose name is the longest
    part of the record's target: of ["http::client"], ["http::client"] or
    ["http"]. If there is none, [start] makes one with the name of the crate. So
    [Logs.Src.set_level (Logs.Src.create "http::client") (Some Debug)] shows
    more of one module.

    {b Levels.} Rust code skips a record that nobody wants before it formats it.
    Rust learns of changed levels at the end of a turn of the loop, or by
    {!refresh}. Rust's level [Trace] is [Debug] too, and there are such records
    only if [trace] is [true]; it is [false] by default. With [App], there are
    no records.

    {b Text.} The text of a record has the message, with the spans before it and
    the fields behind it: ["request{id=3}: sent bytes=12"]. If [fields] is
    [false], it is the message alone. The tags below have all.

    At most [capacity] records wait for the loop (1024 by default). If there are
    more, they are dropped, and a warning of the source ["lwt_rust"] says how
    many.

    Call it in the domain of the Lwt loop. It may be called again, with other
    arguments. It does not start tokio, and does not block.

    @raise Lwt_rust.Error
      if the Rust part of the program lacks the feature [logs], or has a logger
      of its own: see {!Lwt_rust.Log.start}.

    Raises [Invalid_argument] if [capacity] is not between 1 and 1,000,000. *)

val refresh : unit -> unit
(** [refresh ()] tells Rust of the levels that have changed. The loop does it at
    the end of each turn. Call it in the domain of the loop. In a forked process
    it does nothing: Rust makes no records there. *)

(** {1 Tags} *)

val target : string Logs.Tag.def
(** The path of the Rust module, or the target that the code names. *)

val fields : (string * string) list Logs.Tag.def
(** The fields of the record, if there are any. *)

val spans : (string * (string * string) list) list Logs.Tag.def
(** The spans around the record, with their fields, the outermost one first, if
    there are any. *)

val location : string Logs.Tag.def
(** [file:line] in the Rust code, if it is known. *)

val time : float Logs.Tag.def
(** When Rust made the record, as of [Unix.gettimeofday]. The loop reports it a
    little later. *)
