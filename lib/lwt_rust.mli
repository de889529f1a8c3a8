(** Rust's async ecosystem for Lwt.

    A Rust [async fn] is, in OCaml, a function that returns a Lwt promise. Its
    body runs as a task in the domain that runs the Lwt loop, with tokio's
    context around it; it may call back into OCaml, and awaits Lwt promises and
    the promises that Lwt closures return.

    In the crate, [#[lwt_rust::func]] marks the functions and
    [lwt_rust::library!] names them; [lwt-rust bindings] makes the OCaml module
    of them that has, for example,

    {[
      val greet : string -> float -> string Lwt.t
    ]}

    Everything here is for the domain that runs the Lwt loop, unless it says
    otherwise, and for all its systhreads. Nothing blocks, but for {!Executor}.
*)

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

      Any systhread of the domain may call. If the Rust future is not [Send],
      only the thread that has called runs it: where another thread runs the
      loop, the promise is rejected with {!Error}, and a future that another
      thread cancels is leaked.

      A Lwt closure among the arguments is called when no Rust code runs in the
      domain. So it may block, run a loop, perform effects and end the program.
      It sees the [Lwt.with_value] values that the caller of the function sees.

      {b Cancellation.} [Lwt.cancel] on the promise, while it is pending, drops
      the Rust future before it returns; or right after its current poll, if a
      synchronous closure that the future has called cancels it; or later, by
      OCaml's collector, if a callback of [Lwt.on_cancel] raises and
      [Lwt.async_exception_hook] does too, since Lwt calls nobody then. Work
      that the future had spawned on tokio goes on, unless it was spawned with
      [lwt_rust::spawn_scoped]. A protected function goes on too.

      It raises [Invalid_argument] if the call had to wait and it was taken from
      it before, or the domain is one without a Lwt loop ({!Executor}); and what
      Lwt does not catch ([Lwt.Exception_filter]) if a closure that the function
      called has raised that. *)

  type 'a direct
  (** What the stub of a Rust function that is not asynchronous returns. *)

  val value : 'a direct -> 'a
  (** [value call] is what the function returned. Any domain may make such
      calls.

      It raises what {!promise} rejects with: an exception that Rust was given
      and gives back, {!Error} or {!Panic}; and what Lwt does not catch
      ([Lwt.Exception_filter]) if a closure that the function called has raised
      that, whatever Rust made of it. *)
end

(** Rust in domains without Lwt, and Lwt from there.

    Every domain may have an executor. That of the domain which first calls an
    asynchronous function is driven by the Lwt loop; those of others by
    {!Executor.run}. *)
module Executor : sig
  val run : (unit -> 'a Call.t) -> 'a
  (** [run call] calls [call] and blocks, running the tasks of the calling
      domain, until what it has called has ended. For any domain but that of the
      Lwt loop. While it waits, the domain's lock is free and signals are
      handled.

      A closure that Rust calls in this domain has to return a promise that is
      settled: there is no Lwt loop to settle it.

      An exception that leaves [run] before the call has ended, such as that of
      a signal handler, cancels the call. Tasks that are left run at the next
      [run]; they end, rejected with {!Abandoned}, with the domain.

      It raises what the call rejects with: see {!Call.promise}. It raises
      {!Error} in the domain that runs the Lwt loop and after
      {!Runtime.shutdown}, {!Abandoned} when that happens meanwhile, and
      [Invalid_argument] if a [run] of this domain is running, or [call] gives a
      call that was taken before. *)

  val run_in_lwt : (unit -> 'a Lwt.t) -> 'a
  (** [run_in_lwt f] has the domain of the Lwt loop call [f], soon, and blocks
      as {!run} does, until the promise of [f] is settled. Domains share their
      values: what [f] uses of mutable ones has to be made for that.

      If [run_in_lwt] is left by an exception, the promise of [f] is cancelled.

      It raises what [f] raises or its promise rejects with, the very exception,
      and what {!run} raises. It raises {!Error} if no domain has called an
      asynchronous function from Lwt yet: see {!Runtime.start}. *)
end

(** {1:errors Errors} *)

(** Where Rust code was. *)
module Backtrace : sig
  type t
  (** The frames of Rust functions, without their names. Such values cannot be
      compared or marshalled. *)

  val to_string : t -> string
  (** [to_string backtrace] finds the names of the functions, and their places
      in files. For the first backtrace, Rust reads the debug information of the
      program and keeps it, which may take most of a second, and tens of
      megabytes. So does [Printexc.to_string] of {!Error} and {!Panic}. Any
      domain may call it.

      @raise Error in a forked process. *)
end

type error = {
  message : string;  (** what the error says *)
  sources : string list;  (** what its causes say, the nearest first *)
  type_name : string;  (** its Rust type, or ["message"] if it is only that *)
  backtrace : Backtrace.t option;
      (** of where it became an [lwt_rust::Error], if [RUST_BACKTRACE] asks for
          it *)
}

exception Error of error
(** A Rust function returned an error. Some errors are exceptions that OCaml has
    for such a thing instead: an error of the system ([std::io::Error] with a
    number) is [Unix.Unix_error], with two empty strings; that of a time-out
    ([tokio::time::error::Elapsed]) is [Lwt_unix.Timeout]; and that of a task of
    tokio's that was aborted ([tokio::task::JoinError]) is [Lwt.Canceled]. *)

type panic = {
  message : string;  (** what it was raised with, if that is a string *)
  location : string;  (** [file:line:column] *)
  backtrace : Backtrace.t option;  (** if [RUST_BACKTRACE] asks for it *)
}

exception Panic of panic
(** A Rust function panicked: it has a bug. The other tasks go on. *)

exception Abandoned
(** What should have settled a promise is gone without having done so: a Rust
    [Resolver] that was dropped, a domain that has ended, the runtime after
    {!Runtime.shutdown}, or the parent of a forked process. *)

val register_exception : string -> exn -> unit
(** [register_exception name exn] makes Rust know the exception that [exn] is
    made with, whatever its arguments, under [name], for
    [lwt_rust::Exception::is]. The last name counts. Any domain may call it. *)

val set_panic_reporter : (panic -> unit) option -> unit
(** [set_panic_reporter (Some report)] makes the Lwt loop call [report] with
    every panic of Rust code, on whichever thread it was, a little later; a
    panic of a call rejects its promise as well. What [report] raises goes to
    [Lwt.async_exception_hook]. With [None], which is the default, a panic is a
    line on the standard error output; so it is when the loop is not there to
    call [report], or 64 panics wait for it. Any domain may call it.

    A crate may set a panic hook of its own at any time. lwt_rust calls that
    hook after its own. But if the crate takes the hook of lwt_rust
    ([std::panic::take_hook]), keeps it, and does not call it, panics have no
    [location] and no [backtrace], and are not reported. *)

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
  (** [create ()] is a new promise. It can be given to Rust once. Any domain may
      use this module.

      @raise Error
        if the process was forked after an asynchronous function was called; so
        do the functions below. *)

  val resolve : 'a t -> 'a -> unit
  (** [resolve promise value] resolves [promise] with [value]. The Rust task
      that awaits it runs soon, in its own domain. Any systhread of any domain
      may call it.

      It raises [Invalid_argument] if [promise] was settled before. *)

  val reject : 'a t -> exn -> unit
  (** [reject promise exn] is like {!resolve}, but Rust gets
      [Err(Error::Exception)].

      It raises [Invalid_argument] if [promise] was settled before. *)
end

(** {1:runtime The runtime} *)

(** The tokio runtime that tasks have around them. It starts when an
    asynchronous Rust function is first called, or a plain one with
    [#[func(tokio)]], and its threads never run OCaml code.

    While they run, its threads block the signals that the thread blocked which
    started the runtime, and no others, so the processes that they start can be
    ended by signals. [SIGPIPE] is left as it is: it ends the process when
    OCaml, or C code of the program, writes where nobody reads, unless the
    program ignores it ([Sys.set_signal Sys.sigpipe Signal_ignore]). *)
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

  val start : unit -> unit
  (** [start ()] starts the runtime, and gives the calling domain an executor
      that is driven by the Lwt loop, as its first call of an asynchronous
      function would.

      @raise Error
        if another domain runs the Lwt loop, in a forked process, or after
        {!shutdown}.

      It raises [Unix.Unix_error] if the system does not give it the threads or
      descriptors it needs. *)

  val shutdown : ?deadline:float -> unit -> unit Lwt.t
  (** [shutdown ()] ends Rust in this process, in three steps. It waits for
      pending calls, which may make new ones, until none is left, or until
      [deadline] seconds have passed (5 by default). Then it drops all tasks, of
      calls and others: what is pending rejects with {!Abandoned}, and
      {!Executor.run} of other domains raises it. Then it waits for tokio's
      threads to end: until the deadline and a tenth of a second at least, since
      a blocking function that goes on cannot be interrupted. From then on
      asynchronous functions reject with {!Error}. A runtime that the program
      has given to Rust itself, with [lwt_rust::runtime::adopt], is left alone,
      and tasks that {!Executor.run} has left in other domains end with those.

      Nothing has to be shut down for a program to end. Later calls give the
      same promise, which cannot be cancelled.

      It raises [Invalid_argument] in another domain than that of the Lwt loop,
      and if [deadline] is not between 0 and 1e9. *)

  type live = {
    tasks : int;  (** of all executors, those of calls included *)
    promises : int;
        (** that Rust has for what it awaits, if that was pending *)
    roots : int;  (** OCaml values that Rust keeps alive *)
    descriptors : int;
        (** of files of the whole process, where [/dev/fd] tells them *)
  }

  val live : unit -> live
  (** [live ()] is how many things there are now, for finding out what is kept
      for longer than it should be. Some roots are there for good. Any domain
      may call it; other threads may be making and dropping things meanwhile.

      @raise Error in a forked process. *)

  val notifications : unit -> int
  (** [notifications ()] is how many times other threads, or code outside of
      Rust's tasks, have woken the Lwt loop for the sake of Rust so far. Each
      costs a few system calls; what tasks and the OCaml code that they call
      wake in the domain itself costs none. Many wake-ups may share one. It is
      for measurements; any domain may call it. *)
end

val archive : string
(** [archive] is the name of the Rust library that is linked into the program:
    ["lwt_rust_stubs"] for a program without Rust of its own. *)
