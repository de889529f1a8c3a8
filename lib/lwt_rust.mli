(** Rust's async ecosystem for Lwt.

    A Rust [async fn] is, in OCaml, a function that returns a Lwt promise. Its
    body runs as a task in the domain that runs the Lwt loop, with tokio's
    context around it; it may call back into OCaml, and awaits Lwt promises and
    the promises that Lwt closures return.

    {[
      external greet : string -> float -> string Lwt_rust.Call.t = "demo_greet"

      let greet name seconds = Lwt_rust.Call.promise (greet name seconds)
    ]}

    Everything here is for the domain that runs the Lwt loop, unless it says
    otherwise. Nothing blocks. *)

(** {1:calls Calling Rust} *)

(** What the stub of an asynchronous Rust function returns. *)
module Call : sig
  type 'a t
  (** A call that was made. The function has run until its first wait. *)

  val promise : 'a t -> 'a Lwt.t
  (** [promise call] is the promise of what the function returns, to be taken
      once, directly around the call.

      It is resolved already if the function did not wait. It is rejected with
      the exception that Rust was given by OCaml and gives back, physically the
      same; with {!Error} for a Rust error, for a call in a domain that does not
      run the Lwt loop, and for one in a process that was forked after a first
      call; with {!Panic} for a panic; and with {!Abandoned}, which is also what
      pending promises reject with in a forked child.

      {b Cancellation.} [Lwt.cancel] on the promise, while it is pending, drops
      the Rust future: before the next turn of the loop, or right after its
      current poll. What it had spawned on its own goes on.

      It raises [Invalid_argument] if it was taken from this call before, and
      the call had to wait. *)
end

(** {1:errors Errors} *)

type error = {
  message : string;  (** what the error says *)
  sources : string list;  (** what its causes say, the nearest first *)
  type_name : string;  (** its Rust type, or ["message"] if it is only that *)
  backtrace : string option;
      (** of where it became an [lwt_rust::Error], if [RUST_BACKTRACE] asks for
          it *)
}

exception Error of error
(** A Rust function returned an error. An error of the system ([std::io::Error]
    with a number) is [Unix.Unix_error] instead, with two empty strings. *)

type panic = {
  message : string;  (** what it was raised with, if that is a string *)
  location : string;  (** [file:line:column] *)
  backtrace : string option;  (** if [RUST_BACKTRACE] asks for it *)
}

exception Panic of panic
(** A Rust function panicked: it has a bug. The other tasks go on. *)

exception Abandoned
(** What should have settled a promise is gone without having done so, such as a
    Rust [Resolver] that was dropped. *)

(** {1:promises Promises for Rust} *)

(** Promises that OCaml settles and Rust awaits.

    A Rust function takes one as its argument where it declares an
    [lwt_rust::Promise]; it takes an ['a Lwt.t] there as well, and that is the
    better choice unless OCaml has no use for the promise itself. *)
module Promise : sig
  type 'a t
  (** A promise. One that is collected before it was settled rejects with
      [lwt_rust::Error::Abandoned]. *)

  val create : unit -> 'a t
  (** [create ()] is a new promise. It can be given to Rust once.

      @raise Error
        if the process was forked after an asynchronous function was called; so
        do the functions below. *)

  val resolve : 'a t -> 'a -> unit
  (** [resolve promise value] resolves [promise] with [value]. The Rust task
      that awaits it runs later in this turn of the loop. Any systhread of the
      domain may call it.

      It raises [Invalid_argument] if [promise] was settled before. *)

  val reject : 'a t -> exn -> unit
  (** [reject promise exn] is like {!resolve}, but Rust gets
      [Err(Error::Exception)].

      It raises [Invalid_argument] if [promise] was settled before. *)
end

(** {1:runtime The runtime} *)

(** The tokio runtime that tasks have around them. It starts when an
    asynchronous Rust function is first called, and its threads never run OCaml
    code. *)
module Runtime : sig
  type flavor =
    | Multi_thread of { workers : int option }
        (** a pool of [workers] threads, between 1 and 1024; by default one a
            processor *)
    | Current_thread  (** one thread *)

  val configure : ?thread_name:string -> flavor -> unit
  (** [configure flavor] sets what the runtime will be. [thread_name] is the
      name of its threads and defaults to ["lwt_rust"]. Any domain may call it.

      @raise Error
        if the runtime has started already, the number of workers is out of
        range, or the name contains a NUL byte. *)

  val notifications : unit -> int
  (** [notifications ()] is how many times other threads, or code outside of
      Rust's tasks, have woken the Lwt loop for the sake of Rust so far. Each
      costs a few system calls; what tasks and the OCaml code that they call
      wake in the domain itself costs none. Many wake-ups may share one. It is
      for measurements; any domain may call it. *)
end

val archive : string
(** [archive] is the name of the Rust crate whose archive is linked into the
    program: ["lwt-rust-stubs"] for a program without Rust of its own. *)
