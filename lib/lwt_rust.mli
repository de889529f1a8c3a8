(** Rust's async ecosystem for Lwt.

    For example, a crate has this function:

    {@rust[
      #[lwt_rust::func]
      async fn greet(name: String, delay: Duration) -> String
    ]}

    [lwt-rust bindings], which the build runs, makes an OCaml module for the
    crate, here [Demo]. It contains

    {[
      val greet : string -> float -> string Lwt.t
    ]}

    Programs call Rust through such modules. The body of [greet] runs as a task
    in the domain that runs the Lwt loop, and it can use tokio. It may also call
    OCaml closures and await Lwt promises.

    A Lwt closure among the arguments is called when no Rust code runs in the
    domain. So it may block, run a loop, perform effects and end the program. It
    sees the [Lwt.with_value] values of the caller of the function.

    Any systhread of the domain may make a call. Since Lwt is not thread-safe, a
    systhread that does not run the loop hands the promise over to the one that
    does, and adds no callback to it. The closures that the systhread gives to
    its call run in it until the call first waits. Everything else that the call
    leads to runs in the thread of the loop: callbacks, cancellations, other
    tasks and the closures of other calls. If the Rust future is not [Send],
    only the systhread that made the call may run it. If another one runs the
    loop, the promise is rejected with {!Error}; if another one cancels the
    promise, the future is leaked.

    This module has the exceptions with which the promise of a call is rejected
    ({!section-errors}), the rules of cancellation ({!section-cancellation}),
    the settings and the end of tokio's runtime ({!Runtime}), calls from domains
    that run no Lwt loop ({!Executor}), promises that any domain settles
    ({!Promise}), streams of items ({!Stream}), sinks for them ({!Sink}) and
    channels ({!Channel}), and numbers for finding leaks ({!Debug}). Bytes cross
    through channels of [Lwt_io], which Rust calls [LwtInput] and [LwtOutput],
    or without a copy ({!Bytes}). The last part ({!Call}) is for generated
    modules.

    Each function may be called by any systhread of the domain that runs the Lwt
    loop, unless its documentation says otherwise. Only {!Executor.run} and
    {!Executor.run_in_lwt} block to wait for something. *)

(** {1:errors Errors}

    The promise of a call is rejected with

    - an exception that OCaml has given to Rust and Rust gives back, physically
      the same one;
    - {!Error}, or one of the exceptions listed there, for a Rust error;
    - {!Error} for a call in a domain that does not run the Lwt loop, and for a
      call in a process that was forked after a first call;
    - {!Panic} for a panic;
    - {!Abandoned} if nothing is left that could settle it.

    A Rust function that is not asynchronous raises the exception itself. Any
    domain may call it. If it takes a promise or a closure that returns one, or
    spawns a task, it counts as an asynchronous one for what {!Runtime} and
    {!Executor} say about domains.

    If a closure raises an exception that Lwt does not catch
    ([Lwt.Exception_filter]), the function or [Lwt_main.run] raises that
    exception, even if Rust ignores it. *)

type error = {
  message : string;  (** the message of the error *)
  sources : string list;
      (** the messages of its causes, the nearest first; at most 1,000 *)
  type_name : string option;
      (** its Rust type, or [None] if the error is a message alone, or came in a
          box: a [Box<dyn Error>], or with the features [anyhow] and [eyre] of
          the crate an error of those *)
  backtrace : string option;
      (** the place where it became an [lwt_rust::Error], if [RUST_BACKTRACE]
          asks for backtraces. Then the runtime reads the debug information of
          the program when it starts, on a thread of its own: this may take most
          of a second, and a hundred megabytes. *)
  cause : exn option;
      (** the exception that the nearest of its causes would be by itself, if
          one would be another exception than {!Error}: an error of the system,
          an exception that OCaml has given to Rust, or one of a generated
          module *)
}

exception Error of error
(** A Rust function returned an error, or Rust refused a call.

    Some Rust errors become other exceptions instead:

    - [Unix.Unix_error], with two empty strings, for an error of the system
      ([std::io::Error] with a number);
    - [Lwt_unix.Timeout] for a time-out of tokio's
      ([tokio::time::error::Elapsed]);
    - [Lwt.Canceled] for a task of tokio's that was aborted
      ([tokio::task::JoinError]);
    - an exception of the generated module, for an error type that has the
      derive [OcamlException].

    {[
      Lwt.catch
        (fun () -> Demo.connect "localhost")
        (function
          | Lwt_rust.Error { cause = Some (Unix.Unix_error (error, _, _)); _ }
            ->
              Lwt_io.eprintl (Unix.error_message error)
          | Lwt_rust.Error { message; _ } -> Lwt_io.eprintl message
          | exn -> Lwt.reraise exn)
    ]} *)

type panic = {
  message : string;
      (** the value that the panic was raised with, if that is a string *)
  location : string option;
      (** [file:line:column], or [None] if the place is not known *)
  backtrace : string option;  (** if [RUST_BACKTRACE] asks for it *)
}

exception Panic of panic
(** A Rust function panicked, so it has a bug. The other tasks go on. *)

exception Abandoned
(** Nothing is left that could settle the promise: its Rust [Resolver] was
    dropped, its domain has ended, {!Runtime.shutdown} has ended the runtime, or
    the process was forked and the task is in the parent. *)

val register_exception : string -> exn -> unit
(** [register_exception name exn] gives the constructor of [exn] the name
    [name], by which Rust recognises it ([lwt_rust::Exception::is]). The
    arguments of [exn] do not matter. If a constructor is registered twice, the
    last name counts. Any domain may call it. *)

val on_panic : (panic -> unit) option -> unit
(** [on_panic (Some handler)] makes the Lwt loop call [handler], a little later,
    with each panic of Rust code on any thread. A panic of a call also rejects
    the call's promise. The handler that counts is the one at that time, not at
    the time of the panic. If [handler] raises an exception, that goes to
    [Lwt.async_exception_hook].

    [on_panic None] restores the default: a line on the standard error output
    for each panic. Panics are also printed there if the loop cannot call
    [handler], or if 64 panics wait for it. Any domain may call this function.

    A crate may set a panic hook of its own at any time: lwt_rust calls that
    hook after its own. But if a crate takes the hook of lwt_rust
    ([std::panic::take_hook]), keeps it and does not call it, panics have no
    [location] and no [backtrace], and [handler] does not get them. *)

(** {1:cancellation Cancellation}

    [Lwt.cancel] on the pending promise of a call drops the Rust future before
    it returns. For example, the connection that the future holds is closed:

    {[
      let download = Demo.download "example.org" in
      Lwt.pick [ download; Lwt_unix.timeout 5. ]
    ]}

    There are two exceptions. If a synchronous closure cancels the call whose
    future has called it, the future is dropped right after its current poll. If
    a callback of [Lwt.on_cancel] raises, and [Lwt.async_exception_hook] raises
    too, Lwt tells nobody of the cancellation; the future is dropped later, by
    OCaml's collector.

    Work that the future has spawned on tokio goes on, unless it was spawned
    with [lwt_rust::spawn_scoped]. A protected function ([#[func(protected)]])
    goes on too. *)

(** {1:runtime The runtime} *)

(** The tokio runtime that tasks use.

    The runtime starts when an asynchronous Rust function is first called, or a
    plain one that has the option [tokio], takes a promise or a closure that
    returns one, or spawns a task. To choose its threads, configure it before
    that:

    {[
      let () = Lwt_rust.Runtime.(configure (Multi_thread { workers = Some 2 }))
    ]}

    Its threads never run OCaml code. While they run, they block the signals
    that were blocked on the thread that started the runtime, and no others. So
    signals can end the child processes that these threads start.

    lwt_rust leaves [SIGPIPE] as it is: it ends the process when OCaml, or C
    code of the program, writes to a pipe that has no reader. To ignore it, call
    [Sys.set_signal Sys.sigpipe Signal_ignore]. *)
module Runtime : sig
  type flavor =
    | Multi_thread of { workers : int option }
        (** a pool of [workers] threads, between 1 and 1024; by default one for
            each processor *)
    | Current_thread  (** one thread *)

  val configure : ?thread_name:string -> flavor -> unit
  (** [configure ~thread_name flavor] chooses the threads of the runtime that
      will start, and their name, which is ["lwt_rust"] by default. Any domain
      may call it.

      Raises {!Error} if the runtime has started already, the number of workers
      is out of range, or the name contains a NUL byte. *)

  val start : unit -> unit
  (** [start ()] starts the runtime, and gives the calling domain an executor
      that is driven by the Lwt loop. The first call of an asynchronous function
      does the same, so a program needs [start] only if another domain may call
      Rust before the domain of the loop does.

      Raises [Unix.Unix_error] if the system refuses the threads or descriptors
      that the runtime needs. Raises {!Error} if another domain runs the Lwt
      loop, in a forked process, or after {!shutdown}. *)

  val shutdown : ?timeout:float -> unit -> unit Lwt.t
  (** [shutdown ~timeout ()] ends Rust in this process. A program can end
      without it. The promise is resolved after three steps:

      + Pending calls run, and may make new ones, until none is left or until
        [timeout] seconds have passed (5 by default).
      + From now on, calls of asynchronous functions are rejected with {!Error}.
        All tasks are dropped, also those that Rust has spawned. Pending
        promises are rejected with {!Abandoned}, and {!Executor.run} of other
        domains raises it.
      + tokio's threads end. A blocking function that still runs cannot be
        interrupted: it is left alone when the timeout has passed. This step may
        take a tenth of a second more than the timeout.

      A runtime that the program has given to Rust itself
      ([lwt_rust::runtime::adopt]) goes on. Tasks that {!Executor.run} has left
      in another domain end with that domain.

      Later calls of [shutdown] return the same promise. It cannot be cancelled.
      A call that itself waits for this promise is pending until the timeout.

      Raises [Invalid_argument] if another domain is the one of the Lwt loop, or
      if [timeout] is not between 0 and 1e9. *)

  (** {1 Observing}

      For example, this prints the name of each Rust function that keeps the Lwt
      loop waiting for a tenth of a second:

      {[
        let () =
          let print { Lwt_rust.Runtime.name; seconds } =
            Printf.eprintf "%s took %.1f s\n%!" name seconds
          in
          Lwt_rust.Runtime.on_long_poll (Some print)
      ]} *)

  type metrics = {
    workers : int;  (** worker threads of tokio's *)
    tokio_tasks : int;  (** tasks of tokio's that have not ended *)
    tokio_queue : int;
        (** tasks that wait in the queue which all workers share *)
    blocking_running : int;
        (** functions that run on tokio's threads for blocking functions:
            [#[func(blocking)]] and [lwt_rust::spawn_blocking] *)
    blocking_waiting : int;  (** those that wait for a thread *)
    calls : int;
        (** calls of asynchronous functions in the calling domain, those that
            were ready at once included *)
    calls_pending : int;  (** those of them whose promises are pending *)
    polls : int;
        (** polls of calls and tasks in the calling domain. Tasks that Rust has
            spawned count together: a poll may run up to 16 of them *)
    turns : int;
        (** turns of [Lwt_main.run], in any domain, since the first call of an
            asynchronous function *)
    notifications : int;
        (** notifications that Rust has sent to the Lwt loop. Each costs a few
            system calls, and many wake-ups may share one. Other threads send
            them, and code of the loop's domain that runs outside of Rust's
            tasks; wake-ups by tasks, and by the OCaml code that tasks call,
            need none *)
    longest_poll : float option;
        (** the time of the longest poll in seconds, in any domain, since
            {!on_long_poll} has set a handler; [None] while there is none *)
  }
  (** What the runtime does now, and what it has done so far. *)

  val metrics : unit -> metrics
  (** [metrics ()] is what the runtime does now. It counts what is counted
      anyway, so it costs other code nothing. The numbers of threads and tasks
      are 0 before the runtime has started, and the numbers of a domain are 0
      before its first call. Any thread of any domain may call it. It does not
      block.

      Raises {!Error} in a forked process. *)

  type long_poll = {
    name : string;
        (** the Rust function with its path, such as ["app::http::get"]. For a
            task that Rust has spawned: the function that contains its [async]
            block, or the type of its future *)
    seconds : float;
        (** the time of one poll, or of one call of a plain function. It
            includes the time of the closures that Rust has called
            synchronously, and of the conversion of the result *)
  }

  val on_long_poll : ?limit:float -> (long_poll -> unit) option -> unit
  (** [on_long_poll ~limit (Some handler)] makes the Lwt loop call [handler], a
      little later, with each poll of a call or task that takes at least [limit]
      seconds (0.1 by default), and with each call of a plain function that
      does. Nothing else runs in the domain during such a poll. So mend the
      function: let it wait, or make it a [#[func(blocking)]]. Polls of all
      domains are reported. If 64 reports wait for the loop, further ones are
      lost. If [handler] raises an exception, that goes to
      [Lwt.async_exception_hook].

      While there is a handler, each poll costs two looks at the clock.
      [on_long_poll None] removes the handler, as at the start of the program.
      Any domain may call it.

      Raises [Invalid_argument] if [limit] is not between 0 and 1e9. *)
end

(** {1:log Rust's log} *)

(** The records that Rust code makes with the crates [tracing] and [log].

    The Rust part of the program needs the feature [logs] of the crate
    [lwt-rust]. The library [lwt_rust.logs] gives the records to the OCaml
    library [logs]: see {!Lwt_rust_logs}. This module is for programs that do
    without that.

    {[
      let () =
        Lwt_rust.Log.set_levels (Some Info);
        Lwt_rust.Log.start (fun { target; message; _ } ->
            Printf.eprintf "%s: %s\n%!" target message)
    ]}

    Any thread makes records, and does not wait for OCaml. The Lwt loop calls
    the handler a little later. *)
module Log : sig
  type level = Error | Warning | Info | Debug | Trace

  type record = {
    level : level;
    target : string;
        (** the path of the Rust module, as ["app::http"], unless the code names
            another target *)
    message : string;  (** [""] for an event that has only fields *)
    fields : (string * string) list;
        (** the fields of an event of [tracing]: name and value *)
    spans : (string * (string * string) list) list;
        (** the spans around an event of [tracing], with their fields, the
            outermost one first. A span whose level is not wanted is missing *)
    location : string option;  (** [file:line] *)
    time : float;  (** as of [Unix.gettimeofday] *)
  }

  val start : ?capacity:int -> (record -> unit) -> unit
  (** [start ~capacity handler] makes the Lwt loop call [handler] with each
      record whose level is wanted: none is before {!set_levels}. The loop calls
      it for 64 records at a time, and goes on with its turn in between. At most
      [capacity] records wait for the loop (1024 by default); if there are more,
      they are dropped, and counted by {!dropped}. Those that wait when the
      program exits, also those from after a {!Runtime.shutdown}, are reported
      then. If [handler] raises an exception, that goes to
      [Lwt.async_exception_hook]. A value whose [Display] or [Debug] fails has
      the text ["<formatting failed>"].

      Call it in the domain of the Lwt loop. It may be called again: then the
      last handler counts. It does not start tokio.

      Raises {!exception-Error} if the Rust part of the program lacks the
      feature [logs], if a crate has set another logger of the crate [log], or
      if one has set another subscriber of [tracing]: add the layer
      [lwt_rust::logs::layer()] to that subscriber. Raises {!exception-Error} in
      a forked process. Raises [Invalid_argument] if [capacity] is not between 1
      and 1,000,000. *)

  val set_levels : ?targets:(string * level option) list -> level option -> unit
  (** [set_levels ~targets level] makes Rust code skip records whose level is
      below [level], before it formats them. [None] is for no records. [targets]
      has other levels for some targets and the modules below them:
      [("http", Some Debug)] is for ["http"] and ["http::client"]. The longest
      path counts. A call replaces the levels of the call before. Any domain may
      call it. It does not block. In a forked process it does nothing. *)

  val dropped : unit -> int
  (** [dropped ()] is how many records were dropped so far, since too many
      waited for the loop. Any domain may call it. *)
end

(** {1:executor Domains without a Lwt loop} *)

(** Calls of asynchronous functions from domains that run no Lwt loop.

    {[
      let compute limit =
        Domain.spawn (fun () ->
            Lwt_rust.Executor.run (fun () -> Demo.Call.sum limit))
    ]}

    Each domain that calls asynchronous functions has an executor. The Lwt loop
    drives the executor of the domain that called one first. {!Executor.run}
    drives those of the other domains. *)
module Executor : sig
  type 'a call
  (** A call of an asynchronous function, which has run until its first wait. A
      generated module has a submodule [Call] with functions that return calls.
  *)

  val run : (unit -> 'a call) -> 'a
  (** [run call] calls [call ()], and runs the tasks of the calling domain until
      the Rust function that [call] has called ends. Its result is the result of
      that function.

      Any domain may call it but the one that runs the Lwt loop. It blocks.
      While it waits, it does not hold the lock of the domain, and signals are
      handled.

      A closure that Rust calls in this domain has to return a promise that is
      settled, since no Lwt loop could settle it later. So has a [Lwt.t] that is
      an argument of the call: if it is pending, the call raises
      [Invalid_argument].

      {b Cancellation.} If an exception escapes [run] before the call has ended,
      such as that of a signal handler, the call is cancelled.

      Tasks still pending when [run] returns are resumed by the next [run]. If
      the domain ends first, they are rejected with {!Abandoned}.

      Raises the exception with which the call is rejected: see
      {!section-errors}. Raises [Invalid_argument] if a [run] of this domain is
      running already, or if [call] returns a call whose promise was taken
      before. Raises {!Error} in the domain that runs the Lwt loop, and after
      {!Runtime.shutdown}. Raises {!Abandoned} if {!Runtime.shutdown} ends the
      call. *)

  val run_in_lwt : (unit -> 'a Lwt.t) -> 'a
  (** [run_in_lwt f] makes the domain of the Lwt loop call [f ()] as soon as
      that domain runs its loop, and waits until the promise of [f] is settled.
      If that domain waits for the caller meanwhile, as by [Domain.join], both
      wait for ever. Its result is the value of the promise. The two domains
      share the values that [f] uses, so mutable ones must be safe to share.

      Any domain may call it but the one that runs the Lwt loop. It blocks as
      {!run} does.

      {b Cancellation.} If an exception escapes [run_in_lwt], the promise of [f]
      is cancelled.

      Raises the exception that [f] raises or its promise is rejected with,
      physically the same one, and the exceptions of {!run}. Raises {!Error} if
      no domain has called an asynchronous function from Lwt yet: call
      {!Runtime.start} in the domain of the loop before. *)
end

(** {1:promises Promises that any domain settles} *)

(** Promises that OCaml makes and settles, and Rust awaits.

    Only the domain of the Lwt loop may settle a Lwt promise. Any thread of any
    domain may settle one of these. For example, with this Rust function:

    {@rust[
      #[lwt_rust::func]
      async fn double(number: lwt_rust::PortablePromise<i64>) -> Result<i64, Error> {
          Ok(2 * number.await?)
      }
    ]}

    a domain computes the number, and the Lwt loop goes on meanwhile:

    {[
      let number : int Lwt_rust.Promise.t = Lwt_rust.Promise.create ()
      let compute () = Lwt_rust.Promise.resolve number 21
      let domain : unit Domain.t = Domain.spawn compute
      let doubled : int Lwt.t = My_crate.double number
    ]}

    A Rust function that takes an [lwt_rust::Promise] takes a [Lwt.t]. *)
module Promise : sig
  type 'a t
  (** A promise. If the collector finds that OCaml has dropped it while it is
      pending, it is rejected with [lwt_rust::Error::Abandoned].

      A promise that is settled, and was not given to Rust, keeps its value
      alive. If the value refers to the promise, as a closure may, neither is
      ever collected. *)

  val create : unit -> 'a t
  (** [create ()] is a new promise, which can be given to Rust once. That counts
      even if the call is refused, for example because another argument does not
      fit. Any domain may call it.

      Raises {!Error} if the process was forked after an asynchronous function
      was called. *)

  val resolve : 'a t -> 'a -> unit
  (** [resolve promise value] resolves [promise] with [value]. The Rust task
      that awaits it runs soon, in its own domain. If [value] contains Lwt
      closures or promises, they are used in that domain. Any systhread of any
      domain may call it.

      Raises [Invalid_argument] if [promise] was settled before. Raises {!Error}
      as {!create} does. *)

  val reject : 'a t -> exn -> unit
  (** [reject promise exn] is like {!resolve}, but the Rust task gets
      [Err(Error::Exception)].

      Raises [Invalid_argument] if [promise] was settled before. Raises {!Error}
      as {!create} does. *)
end

(** {1:streams Streams} *)

(** Streams of items, which Rust makes and OCaml reads, or the other way round.

    For example, this Rust function returns any Rust stream:

    {@rust[
      #[lwt_rust::func]
      fn lines_of(path: PathBuf) -> impl Stream<Item = std::io::Result<String>>
    ]}

    OCaml reads it:

    {[
      let count path =
        Lwt_rust.Stream.fold
          (fun _ count -> count + 1)
          (My_crate.lines_of path) 0
    ]}

    A Rust function that takes an [lwt_rust::LwtStream] gets a stream that OCaml
    has made, for example by {!Stream.of_lwt_seq} or {!Stream.from}.

    {b Demand.} Nothing is made before it is wanted. {!Stream.next} asks for one
    item, and {!Stream.next_chunk} for several. {!Stream.iter}, {!Stream.fold}
    and {!Stream.to_list} ask for 64 at a time; those that are ready together
    cross together. If such a function ends early, the rest stays in the stream
    for the next reader.

    {b Readers.} A stream can have several readers. Each item goes to one of
    them, in the order in which they have asked.

    {b Errors.} If the stream fails, the reader that asks next gets the
    exception: {!section-errors} says which. The stream has ended then.

    {b Cancellation.} Cancelling the promise of a reader loses no item: what it
    has asked for goes to the next reader. So a time-out is
    [Lwt.pick [ next stream; Lwt_unix.timeout 1. ]]. A Rust stream is not polled
    while nobody waits for an item. A reader that is not cancelled keeps the
    stream alive.

    {b The end.} {!Stream.close} stops a stream. If OCaml's collector finds that
    a Rust stream is unreachable, it drops the stream. A stream that calls a
    closure keeps it alive; if the closure refers to the stream, the collector
    cannot find that out, so {!Stream.close} it. If Rust drops a stream that
    OCaml has given to it, OCaml closes it, unless another thread drops it after
    the end of the domain. So a stream can be given to Rust once; {!Stream.lend}
    makes others, for several functions. A second time, the call is rejected
    with {!Error}, even if the first call was refused. After
    {!Runtime.shutdown}, the readers of Rust streams get {!Abandoned} or
    {!Error}, and the Rust streams are dropped when they are closed or
    collected.

    Only the thread that runs the Lwt loop may read a stream, since Lwt is not
    thread-safe. Another domain does so with {!Executor.run_in_lwt}, and another
    systhread of the domain with [Lwt_preemptive.run_in_main]. *)
module Stream : sig
  type 'a t
  (** A stream of items of type ['a]. *)

  (** {1 Reading} *)

  val next : 'a t -> 'a option Lwt.t
  (** [next stream] is the next item, or [None] if the stream has ended. *)

  val next_chunk : int -> 'a t -> 'a array Lwt.t
  (** [next_chunk most stream] is at least one item, and at most [most] or 256
      if that is less: those that are ready when the first one is. It is [[||]]
      if the stream has ended.

      Raises [Invalid_argument] if [most] is less than 1. *)

  val iter : ('a -> unit) -> 'a t -> unit Lwt.t
  (** [iter f stream] calls [f] with each item. *)

  val iter_s : ('a -> unit Lwt.t) -> 'a t -> unit Lwt.t
  (** [iter_s f stream] calls [f] with each item, when the promise of the call
      before is resolved. *)

  val iter_p : max:int -> ('a -> unit Lwt.t) -> 'a t -> unit Lwt.t
  (** [iter_p ~max f stream] calls [f] with each item, and at most [max] of
      these calls are pending at a time. Use [max_int] for any number. It asks
      for items one by one. If a call fails, no further one begins, and the
      result is rejected when the others have ended.

      Raises [Invalid_argument] if [max] is less than 1. *)

  val fold : ('a -> 'b -> 'b) -> 'a t -> 'b -> 'b Lwt.t
  (** [fold f stream init] is [f last (... (f first init))]. *)

  val fold_s : ('a -> 'b -> 'b Lwt.t) -> 'a t -> 'b -> 'b Lwt.t
  (** [fold_s f stream init] is like {!fold}, for a function that returns a
      promise. *)

  val to_list : 'a t -> 'a list Lwt.t
  (** [to_list stream] is the list of the remaining items. *)

  val close : 'a t -> unit
  (** [close stream] ends the stream. A Rust stream is dropped before [close]
      returns. If Rust code that runs in the stream calls [close], it is dropped
      right after that. Readers that wait get [None]: at once if what they wait
      for can be cancelled, as it can for a Rust stream. Closing a stream again,
      or one that has ended, does nothing.

      Raises {!Panic} if the destructor of the Rust stream panics. Raises the
      exception of [on_close]. Raises {!Error} for a Rust stream in a forked
      process. *)

  (** {1 Other types} *)

  val map : ('a -> 'b) -> 'a t -> 'b t
  (** [map f stream] is the stream of [f item] for each item of [stream]. It may
      hold an item of [stream] that its readers have asked for. Closing it
      closes [stream]. If [f] raises, the reader gets the exception, and both
      streams end. *)

  val lend : 'a t -> 'a t
  (** [lend stream] is another stream of the items of [stream]. To close it
      leaves [stream] open. For example, Rust reads a header, and OCaml what
      follows it:

      {[
        let* header = My_crate.read_header (Lwt_rust.Stream.lend stream) in
        let+ rest = Lwt_rust.Stream.to_list stream in
        (header, rest)
      ]}

      Each item goes to one of the two. An item that a reader of the lent stream
      has asked for, and has not taken when that is closed, is lost. *)

  val to_lwt_seq : 'a t -> 'a Lwt_seq.t
  (** [to_lwt_seq stream] is the sequence of the items. Its nodes are read when
      they are asked for, so each node can be asked for once. If it is not read
      to its end, {!close} [stream]. *)

  val to_lwt_stream : 'a t -> 'a Lwt_stream.t
  (** [to_lwt_stream stream] is a [Lwt_stream.t] of the items, which reads one
      when it needs one. *)

  (** {1 Streams of OCaml's} *)

  val from : ?on_close:(unit -> unit) -> (unit -> 'a option Lwt.t) -> 'a t
  (** [from ~on_close get] is a stream whose items [get] gives, until it gives
      [None]. [get] is called when a reader wants an item, or one more, and not
      again before its promise is settled. If a reader is cancelled, so is that
      promise, and [get] is called again for the next reader.

      [on_close] is called if the stream is closed before its end, by {!close}
      or because Rust has dropped it. In the second case, its exception goes to
      [Lwt.async_exception_hook]. *)

  val of_list : 'a list -> 'a t
  (** [of_list list] is the stream of the elements of [list]. *)

  val of_seq : 'a Seq.t -> 'a t
  (** [of_seq seq] is the stream of the elements of [seq]. *)

  val of_lwt_seq : 'a Lwt_seq.t -> 'a t
  (** [of_lwt_seq seq] is the stream of the elements of [seq]. *)

  val of_lwt_stream : 'a Lwt_stream.t -> 'a t
  (** [of_lwt_stream stream] is a stream that takes its items from [stream]. *)
end

(** {1:sinks Sinks and channels} *)

(** Sinks for items, which Rust makes and OCaml fills, or the other way round.

    A Rust function that returns an [lwt_rust::LwtSink], or an
    [lwt_rust::channel::Sender], gives OCaml a sink. A function that takes an
    [LwtSink] gets a sink that OCaml has made, such as [make Lwt_io.printl].

    {b Turns.} The operations of a sink happen one after the other, in the order
    in which they were asked for.

    {b Errors.} An operation is rejected with the exception of the sink:
    {!section-errors} says which. After its first error, and after a panic, a
    Rust sink is dropped. It may tell the error of one item when it is given the
    next one, or flushed. An operation is rejected with {!Error} if a Rust sink
    has failed before, or the sink was closed before.

    {b Cancellation.} If [feed] is cancelled while the sink is full, or before
    its turn, the item is not sent. If [send] is cancelled after that, the item
    may arrive or not.

    {b The end.} {!Sink.close} closes a sink. If OCaml's collector finds that a
    Rust sink is unreachable, it drops the sink without closing it. If Rust
    drops a sink that OCaml has given to it, OCaml closes it. So a sink can be
    given to Rust once; {!Sink.lend} makes others, for several functions. A
    second time, the call is rejected with {!Error}, even if the first call was
    refused.

    Only the thread that runs the Lwt loop may use a sink, since Lwt is not
    thread-safe. Another domain does so with {!Executor.run_in_lwt}, and another
    systhread of the domain with [Lwt_preemptive.run_in_main]. *)
module Sink : sig
  type 'a t
  (** A sink for items of type ['a]. *)

  val send : 'a t -> 'a -> unit Lwt.t
  (** [send sink item] waits while the sink is full, gives it the item, and
      flushes it. So the item has arrived when the promise is resolved. *)

  val feed : 'a t -> 'a -> unit Lwt.t
  (** [feed sink item] waits while the sink is full, and gives it the item. A
      Rust sink may keep it, and do nothing with it, until it is flushed or
      closed, or gets another item. For many items, [feed] and one {!flush} cost
      less than {!send}. *)

  val try_send : 'a t -> 'a -> bool
  (** [try_send sink item] feeds the item if that needs no waiting. Otherwise it
      is [false], and [feed] is cancelled. A sink of OCaml's whose promise
      cannot be cancelled sends the item later in that case.

      Raises what {!feed} would be rejected with. *)

  val send_all : 'a t -> 'a Stream.t -> unit Lwt.t
  (** [send_all sink stream] feeds all items of [stream] to [sink], one after
      the other, and then flushes it. It leaves [sink] open. *)

  val flush : 'a t -> unit Lwt.t
  (** [flush sink] waits until all items have arrived. The end of a channel has
      nothing to flush. *)

  val close : 'a t -> unit Lwt.t
  (** [close sink] waits until all items have arrived, and ends the sink. An
      operation that was asked for before is not interrupted. Closing a sink
      again does nothing more. Closing the sending end of a channel closes the
      channel only if there is no other sending end. *)

  val make :
    ?flush:(unit -> unit Lwt.t) ->
    ?close:(unit -> unit Lwt.t) ->
    ('a -> unit Lwt.t) ->
    'a t
  (** [make ~flush ~close feed] is a sink of OCaml's. Its operations call these
      functions, one at a time: {!send} calls [feed] and [flush]. [close] is
      called once, when the sink is closed or Rust drops it. *)

  val lend : 'a t -> 'a t
  (** [lend sink] is another sink for the items of [sink]. To close it flushes
      [sink], and leaves it open. For example, two Rust functions fill a
      channel:

      {[
        let numbers, received = Lwt_rust.Channel.bounded 100 in
        let fill () = My_crate.count_into (Lwt_rust.Sink.lend numbers) 1_000 in
        let filled =
          let* (), () = Lwt.both (fill ()) (fill ()) in
          Lwt_rust.Sink.close numbers
        in
        Lwt.both filled (Lwt_rust.Stream.to_list received)
      ]} *)
end

(** Channels: a sink and the stream of the items that were sent to it, in their
    order.

    For example, Rust fills a channel, by a function that takes an
    [lwt_rust::LwtSink], and OCaml reads it:

    {[
      let numbers, received = Lwt_rust.Channel.bounded 100 in
      let filled = My_crate.count_into numbers 1_000 in
      let sum = Lwt_rust.Stream.fold ( + ) received 0 in
      Lwt.both filled sum
    ]}

    Several tasks may send to the sink and read from the stream. Each item goes
    to one reader. When the sink is closed, the readers get the items that are
    left, and then the end. When the stream is closed, sending is rejected with
    {!Error}. *)
module Channel : sig
  val bounded : int -> 'a Sink.t * 'a Stream.t
  (** [bounded capacity] is a channel that holds at most [capacity] items.
      {!Sink.send} waits while it is full.

      Raises [Invalid_argument] if [capacity] is less than 1, or more than
      1,000,000: a channel takes memory for all of them at once. Raises {!Error}
      in a forked process. *)

  val unbounded : unit -> 'a Sink.t * 'a Stream.t
  (** [unbounded ()] is a channel that holds any number of items.

      Raises {!Error} in a forked process. *)
end

(** {1:bytes Bytes} *)

(** Bytes that OCaml and Rust share without a copy, and that nobody changes. In
    Rust they are [lwt_rust::SharedBytes], or the [Bytes] of the crate [bytes].

    For example, a Rust function returns a page as such bytes, and OCaml copies
    the part that it needs:

    {[
      let+ page = My_crate.get address in
      Lwt_rust.Bytes.(to_string (sub page 0 (min 100 (length page))))
    ]}

    They belong to Rust, since OCaml's own strings and arrays either move or can
    be written. When no part of them is reachable any more, in OCaml or in Rust,
    they are freed.

    Any thread of any domain may call these functions. They do not block. They
    raise [Invalid_argument] if there are not so many bytes, and {!Error} if
    there is no memory for a copy. *)
module Bytes : sig
  type t
  (** A part of such bytes. *)

  val length : t -> int
  (** [length bytes] is how many there are. *)

  val sub : t -> int -> int -> t
  (** [sub bytes start length] is a part of [bytes]. It is not copied, and keeps
      all of them alive. *)

  val equal : t -> t -> bool
  (** [equal bytes others] is whether they are the same bytes. OCaml's [=] and
      [compare] raise [Invalid_argument] for values of this type. *)

  val compare : t -> t -> int
  (** [compare bytes others] is negative if [bytes] come before [others], 0 if
      they are the same, and positive otherwise: the order of [String.compare].
  *)

  val to_string : t -> string
  (** [to_string bytes] is a copy. *)

  val to_lwt_bytes : t -> Lwt_bytes.t
  (** [to_lwt_bytes bytes] is a copy. *)

  val blit_to_bytes : t -> int -> bytes -> int -> int -> unit
  (** [blit_to_bytes bytes start target target_start length] copies a part. *)

  val blit_to_lwt_bytes : t -> int -> Lwt_bytes.t -> int -> int -> unit
  (** [blit_to_lwt_bytes bytes start target target_start length] copies a part.
  *)

  val of_string : string -> t
  (** [of_string source] is a copy. Rust gets it without another one. *)

  val of_bytes : bytes -> t
  (** [of_bytes source] is a copy of what [source] has now. *)

  val of_lwt_bytes : Lwt_bytes.t -> t
  (** [of_lwt_bytes source] is a copy of what [source] has now. *)
end

(** {1:numbers Numbers of 64 bits} *)

type u64 = int
(** A Rust [u64], as an [int]. A negative number is an error when it goes to
    Rust, and a number that [int] has no room for, 2{^ 62} or more, when it
    comes from Rust. If there may be such numbers, let the Rust code say
    [int64]: [#[ocaml(with = Int64)]] on a field or an argument, the type
    [lwt_rust::Int64], or the feature [int64] of the crate [lwt-rust]. *)

(** {1:json JSON} *)

(** Values of JSON.

    A Rust function may take and return a [serde_json::Value], if the crate
    [lwt-rust] has the feature [serde_json]. *)
module Json : sig
  type t =
    [ `Null
    | `Bool of bool
    | `Int of int
    | `Intlit of string
      (** an integer of 64 bits that [int] has no room for, in decimal *)
    | `Float of float
    | `String of string
    | `List of t list
    | `Assoc of (string * t) list
      (** the members of an object. Rust sorts them by name, and keeps the last
          of those with the same name *) ]
  (** It is [Yojson.Safe.t] of Yojson 3. Yojson 2 has two more constructors:
      there, write [(json :> Yojson.Safe.t)] for a value from Rust. *)
end

(** {1:debug Leaks and measurements} *)

(** Numbers of the running process, for finding leaks and for measurements. *)
module Debug : sig
  type live = {
    tasks : int;
        (** tasks of all domains, those of calls included, but not those on
            tokio's threads *)
    promises : int;
        (** promises that Rust holds, if they were pending when it got them *)
    roots : int;  (** OCaml values that Rust keeps alive *)
    descriptors : int;
        (** open files of the whole process, where [/dev/fd] lists them *)
  }

  val live : unit -> live
  (** [live ()] is how many tasks, promises, roots and descriptors there are
      now. Use it to find a leak: the numbers stay the same if the program does
      the same work again and again. Some roots are there for good. Other
      threads may make and drop things meanwhile. Any domain may call it.

      Raises {!Error} in a forked process. *)

  val archive : string
  (** [archive] is the name of the Rust library that is linked into the program:
      ["lwt_rust_stubs"] for a program without Rust functions of its own. *)
end

(** {1:calls Calls from generated code} *)

(** The results of stubs.

    The modules that [lwt-rust bindings] makes use this module, and a program
    calls the functions of those. The functions have the alert
    [lwt_rust_generated], which a generated module switches off:

    {[
      [@@@alert "-lwt_rust_generated"]

      module Call = struct
        external greet : string -> float -> string Lwt_rust.Executor.call
          = "greet_stub"
      end

      let greet name delay = Lwt_rust.Call.promise (Call.greet name delay)
    ]} *)
module Call : sig
  val promise : 'a Executor.call -> 'a Lwt.t
  [@@alert
    lwt_rust_generated
      "Lwt_rust.Call.promise is for generated modules: call the function of \
       such a module instead."]
  (** [promise call] is the promise of the result of [call]. It must be the
      first use of [call], made at once, as in the example above. It is resolved
      already if the function did not wait. {!section-errors} says how it is
      rejected, and {!section-cancellation} how it is cancelled.

      Raises [Invalid_argument] if the call has to wait, and its promise was
      taken before or its domain runs no Lwt loop (see {!Executor}). Raises an
      exception that Lwt does not catch ([Lwt.Exception_filter]) if a closure
      that the function called has raised it. *)

  type 'a direct
  (** A call of a Rust function that is not asynchronous. *)

  val value : 'a direct -> 'a
  [@@alert
    lwt_rust_generated
      "Lwt_rust.Call.value is for generated modules: call the function of such \
       a module instead."]
  (** [value call] is the value that the function returned. Any domain may make
      such calls.

      Raises {!Error} if the function returned an error, unless it is one of
      those that become another exception. Raises {!Panic} if the function
      panicked. Raises an exception that OCaml has given to Rust if the function
      gives it back. Raises an exception that Lwt does not catch
      ([Lwt.Exception_filter]) if a closure that the function called has raised
      it, even if Rust ignored it. *)

  val declare :
    (extension_constructor array -> unit direct) ->
    extension_constructor array ->
    unit
  [@@alert
    lwt_rust_generated
      "Lwt_rust.Call.declare is for generated modules, which call it when they \
       are initialised."]
  (** [declare exceptions constructors] tells Rust the exceptions of an error
      type, in the order in which the type has them. From then on Rust makes and
      recognises them, in all domains, and [Printexc.to_string] gives the
      message of the Rust error. The generated module calls it once, when the
      program starts.

      Raises {!Error} if the number of constructors is not that of the type: the
      generated module does not fit the library. *)
end
