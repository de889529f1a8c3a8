(* Random programs, compared with a simple model that predicts the end of each promise:
   model.exe [SEQUENCES [alone]]

   Another domain has a part in one program in twenty, and in none with [alone]: with a
   second domain, collections of the whole heap take much longer. *)

open Support

(* Another domain, which runs jobs, one after the other. *)
module Elsewhere = struct
  let jobs = Queue.create ()
  let mutex = Mutex.create ()
  let has_jobs = Condition.create ()

  let submit job =
    Mutex.protect mutex (fun () ->
        Queue.push job jobs;
        Condition.signal has_jobs)

  let next () =
    Mutex.protect mutex (fun () ->
        while Queue.is_empty jobs do
          Condition.wait has_jobs mutex
        done;
        Queue.pop jobs)

  let rec work () =
    match next () with
    | Some job ->
        job ();
        work ()
    | None -> ()

  let is_there = ref false
  let domain = lazy (Domain.spawn work)

  let start () =
    ignore (Lazy.force domain : unit Domain.t);
    is_there := true

  let stop () =
    submit None;
    Domain.join (Lazy.force domain)

  (* The result of [f] in that domain, as a promise that Rust settles. *)
  let call f =
    let answer = Lwt_rust.Promise.create () in
    submit
      (Some
         (fun () ->
           match f () with
           | value -> Lwt_rust.Promise.resolve answer value
           | exception exn -> Lwt_rust.Promise.reject answer exn));
    Rust.await_portable answer
end

type source =
  | Awaited of int Lwt.u * int Lwt.t  (** a future of the domain awaits it *)
  | Given of int Lwt.u * int Lwt.t
      (** a thread of tokio's has it, or a closure *)
  | Rust_source of int Lwt_rust.Promise.t
  | Waited_for of int Lwt.u * int Lwt.t  (** the other domain waits for it *)
  | No_source

type ending = Value of int | Raises of exn | Fails | Panics

(* The end of a promise, as far as the program has determined it. *)
type expectation =
  | Ends of ending
  | Open  (** until its source is settled or dropped *)

type thing = {
  promise : int Lwt.t;
  mutable source : source;
  mutable expected : expectation;
}

type kind =
  | Ready
  | Yield of int
  | Tokio
  | Fail of bool
  | Panic of bool
  | Abandon
  | Await
  | Await_on_tokio
  | Await_promise
  | Closure
  | For_ever
  | Called_elsewhere of int
  | Awaited_elsewhere

type step =
  | Start of kind
  | Resolve of int
  | Reject of int
  | Cancel of int
  | Cancel_source of int
  | Drop_source of int
  | Resolve_elsewhere of int
  | Reject_elsewhere of int
  | Turns of int
  | Minor
  | Major
  | Compact

exception Rejected of int

(* Gives failures the type [int], so that all promises have one type. *)
let at_int promise = Lwt.map (fun () -> 0) promise

let start kind value =
  let of_lwt await =
    let source, resolver = Lwt.task () in
    (await source, resolver, source)
  in
  let given await =
    let promise, resolver, source = of_lwt await in
    (promise, Given (resolver, source), Open)
  in
  let promise, source, expected =
    match kind with
    | Ready -> (Rust.ready value, No_source, Ends (Value value))
    | Yield turns -> (Rust.yield turns value, No_source, Ends (Value value))
    | Tokio -> (Rust.spawn value, No_source, Ends (Value value))
    | Fail waits -> (at_int (Rust.fail waits), No_source, Ends Fails)
    | Panic waits -> (at_int (Rust.unwind waits), No_source, Ends Panics)
    | Abandon ->
        (at_int (Rust.abandon ()), No_source, Ends (Raises Lwt_rust.Abandoned))
    | Await ->
        let promise, resolver, source = of_lwt Rust.await in
        (promise, Awaited (resolver, source), Open)
    | Await_on_tokio -> given Rust.await_on_tokio
    | Await_promise ->
        let source = Lwt_rust.Promise.create () in
        (Rust.await_portable source, Rust_source source, Open)
    | Closure -> given (fun source -> Rust.call_later (fun () -> source) ())
    | For_ever -> (at_int (Rust.for_ever ()), No_source, Open)
    | Called_elsewhere turns ->
        let call () = Rust.Call.yield turns value in
        let promise = Elsewhere.call (fun () -> Lwt_rust.Executor.run call) in
        (promise, No_source, Ends (Value value))
    | Awaited_elsewhere ->
        let await source =
          Elsewhere.call (fun () ->
              Lwt_rust.Executor.run_in_lwt (fun () -> source))
        in
        let promise, resolver, source = of_lwt await in
        (promise, Waited_for (resolver, source), Open)
  in
  { promise; source; expected }

let ends thing ending =
  match thing.expected with
  | Open -> thing.expected <- Ends ending
  | Ends _ -> ()

(* A pending promise that is cancelled ends with [Lwt.Canceled]. *)
let cancel thing =
  if is_pending thing.promise then (
    Lwt.cancel thing.promise;
    thing.expected <- Ends (Raises Lwt.Canceled))

let settle thing ending resolve_lwt resolve_rust =
  match thing.source with
  | Awaited (resolver, source)
  | Given (resolver, source)
  | Waited_for (resolver, source)
    when is_pending source ->
      resolve_lwt resolver;
      ends thing ending
  | Rust_source source ->
      thing.source <- No_source;
      resolve_rust source;
      ends thing ending
  | Awaited _ | Given _ | Waited_for _ | No_source -> ()

(* The other domain settles a promise that OCaml has made for Rust. *)
let settle_elsewhere thing ending settle =
  match thing.source with
  | Rust_source source ->
      thing.source <- No_source;
      Elsewhere.submit (Some (fun () -> settle source));
      ends thing ending
  | Awaited _ | Given _ | Waited_for _ | No_source -> ()

let perform things step =
  let on index f =
    match !things with
    | [] -> ()
    | all -> f (List.nth all (index mod List.length all))
  in
  match step with
  | Start kind ->
      things := start kind (List.length !things) :: !things;
      Lwt.return_unit
  | Resolve index ->
      on index (fun thing ->
          settle thing (Value index)
            (fun resolver -> Lwt.wakeup_later resolver index)
            (fun source -> Lwt_rust.Promise.resolve source index));
      Lwt.return_unit
  | Reject index ->
      on index (fun thing ->
          let exn = Rejected index in
          settle thing (Raises exn)
            (fun resolver -> Lwt.wakeup_later_exn resolver exn)
            (fun source -> Lwt_rust.Promise.reject source exn));
      Lwt.return_unit
  | Cancel index ->
      on index cancel;
      Lwt.return_unit
  | Cancel_source index ->
      on index (fun thing ->
          match thing.source with
          | (Awaited (_, source) | Given (_, source) | Waited_for (_, source))
            when is_pending source ->
              Lwt.cancel source;
              ends thing (Raises Lwt.Canceled)
          | Awaited _ | Given _ | Waited_for _ | Rust_source _ | No_source -> ());
      Lwt.return_unit
  | Drop_source index ->
      on index (fun thing ->
          match thing.source with
          | Rust_source _ ->
              thing.source <- No_source;
              ends thing (Raises Lwt_rust.Abandoned)
          | Awaited _ | Given _ | Waited_for _ | No_source -> ());
      Lwt.return_unit
  | Resolve_elsewhere index ->
      on index (fun thing ->
          settle_elsewhere thing (Value index) (fun source ->
              Lwt_rust.Promise.resolve source index));
      Lwt.return_unit
  | Reject_elsewhere index ->
      on index (fun thing ->
          let exn = Rejected index in
          settle_elsewhere thing (Raises exn) (fun source ->
              Lwt_rust.Promise.reject source exn));
      Lwt.return_unit
  | Turns n -> pauses n
  | Minor ->
      Gc.minor ();
      Lwt.return_unit
  | Major ->
      Gc.full_major ();
      Lwt.return_unit
  | Compact ->
      Gc.compact ();
      Lwt.return_unit

let ended_as promise ending =
  match (Lwt.state promise, ending) with
  | Lwt.Return value, Value expected -> value = expected
  | Fail exn, Raises expected -> exn == expected || exn = expected
  | Fail (Lwt_rust.Error _), Fails | Fail (Lwt_rust.Panic _), Panics -> true
  | (Return _ | Fail _ | Sleep), _ -> false

(* Cancels the promises that nothing will settle any more. All others have to end. *)
let finish things =
  List.iter (fun thing -> if thing.expected = Open then cancel thing) things;
  (* The other domain waits for these promises, one after the other. *)
  List.iter
    (fun { source; _ } ->
      match source with
      | Waited_for (_, source) -> Lwt.cancel source
      | Awaited _ | Given _ | Rust_source _ | No_source -> ())
    things;
  let needs_collection =
    List.exists
      (fun { expected; _ } -> expected = Ends (Raises Lwt_rust.Abandoned))
      things
  in
  if needs_collection then Gc.full_major ();
  let results = List.map (fun { promise; _ } -> result promise) things in
  Lwt.map ignore
    (Lwt.pick
       [
         Lwt.bind (Lwt_unix.sleep 30.) (fun () ->
             Lwt.fail_with "a promise is pending for ever");
         Lwt.map ignore (Lwt.all results);
       ])

(* If a future of the domain has awaited a promise, the promise has ended. *)
let has_ended = function
  | Awaited (_, source) -> not (is_pending source)
  | Given (_, _) | Waited_for (_, _) | Rust_source _ | No_source -> true

let describe promise =
  match Lwt.state promise with
  | Lwt.Return value -> Printf.sprintf "returned %d" value
  | Fail exn -> "failed with " ^ Printexc.to_string exn
  | Sleep -> "is pending"

let check index { promise; expected; source } =
  let fail what = QCheck.Test.fail_reportf "%d: %s" index what in
  (match expected with
  | Ends ending when ended_as promise ending -> ()
  | Ends _ | Open -> fail ("the promise " ^ describe promise));
  if not (has_ended source) then fail "the source is pending"

let agrees steps =
  let open Lwt.Syntax in
  Lwt_main.run
    (let things = ref [] in
     let* () = Lwt_list.iter_s (perform things) steps in
     let* () = finish !things in
     let* () =
       if !Elsewhere.is_there then Elsewhere.call (fun () -> ())
       else Lwt.return_unit
     in
     (* The next poll drops the cancelled futures. *)
     let* () = pauses 2 in
     let+ live = Rust.live () in
     if live <> 0 then QCheck.Test.fail_reportf "%d futures are left" live;
     List.iteri check (List.rev !things);
     true)

(* The names of these functions have changed between the versions of qcheck. *)
let one_of items =
  QCheck.Gen.(map (List.nth items) (int_bound (List.length items - 1)))

let weighted items =
  let all =
    List.concat_map (fun (n, gen) -> List.init n (fun _ -> gen)) items
  in
  QCheck.Gen.(one_of all >>= Fun.id)

let kinds =
  [
    Ready;
    Yield 1;
    Yield 3;
    Tokio;
    Fail false;
    Fail true;
    Panic false;
    Panic true;
    Abandon;
    Await;
    Await_on_tokio;
    Await_promise;
    Closure;
    For_ever;
  ]

let kind ~with_others =
  let elsewhere =
    [ Called_elsewhere 0; Called_elsewhere 2; Awaited_elsewhere ]
  in
  one_of (if with_others then kinds @ elsewhere else kinds)

let step ~with_others =
  let open QCheck.Gen in
  let index = int_bound 20 in
  let elsewhere =
    [
      (4, map (fun i -> Resolve_elsewhere i) index);
      (2, map (fun i -> Reject_elsewhere i) index);
    ]
  in
  weighted
  @@ (if with_others then elsewhere else [])
  @ [
      (40, map (fun kind -> Start kind) (kind ~with_others));
      (12, map (fun i -> Resolve i) index);
      (8, map (fun i -> Reject i) index);
      (10, map (fun i -> Cancel i) index);
      (4, map (fun i -> Cancel_source i) index);
      (4, map (fun i -> Drop_source i) index);
      (20, map (fun n -> Turns n) (int_range 1 4));
      (2, return Minor);
    ]

(* Collections of the whole heap take long, so few programs have them. *)
let steps ~with_others =
  let open QCheck.Gen in
  let* steps = list_size (int_range 1 25) (step ~with_others) in
  weighted
    [
      (30, return steps);
      (1, return (List.concat_map (fun step -> [ step; Major ]) steps));
      (1, return (steps @ [ Compact ]));
    ]

let show = function
  | Start Ready -> "ready"
  | Start (Yield n) -> Printf.sprintf "yield %d" n
  | Start Tokio -> "tokio"
  | Start (Fail waits) -> Printf.sprintf "fail %b" waits
  | Start (Panic waits) -> Printf.sprintf "panic %b" waits
  | Start Abandon -> "abandon"
  | Start Await -> "await"
  | Start Await_on_tokio -> "await on tokio"
  | Start Await_promise -> "await promise"
  | Start Closure -> "closure"
  | Start For_ever -> "for ever"
  | Start (Called_elsewhere n) -> Printf.sprintf "call elsewhere %d" n
  | Start Awaited_elsewhere -> "await elsewhere"
  | Resolve_elsewhere i -> Printf.sprintf "resolve elsewhere %d" i
  | Reject_elsewhere i -> Printf.sprintf "reject elsewhere %d" i
  | Resolve i -> Printf.sprintf "resolve %d" i
  | Reject i -> Printf.sprintf "reject %d" i
  | Cancel i -> Printf.sprintf "cancel %d" i
  | Cancel_source i -> Printf.sprintf "cancel source %d" i
  | Drop_source i -> Printf.sprintf "drop source %d" i
  | Turns n -> Printf.sprintf "%d turns" n
  | Minor -> "minor"
  | Major -> "major"
  | Compact -> "compact"

let test name ~with_others count =
  let arbitrary =
    QCheck.make (steps ~with_others) ~shrink:QCheck.Shrink.list
      ~print:QCheck.Print.(list show)
  in
  QCheck_alcotest.to_alcotest (QCheck.Test.make ~name ~count arbitrary agrees)

let with_another_domain (name, speed, run) =
  let run () =
    Elsewhere.start ();
    (* The other domain asks the domain of the loop, so that domain has to start first. *)
    Lwt_rust.Runtime.start ();
    Fun.protect ~finally:Elsewhere.stop run
  in
  (name, speed, run)

let () =
  let argument index =
    if Array.length Sys.argv > index then Some Sys.argv.(index) else None
  in
  (* Slow checks run fewer programs. *)
  let usual =
    if is_under Memcheck then 1_000
    else if is_under Bytecode then 2_000
    else 5_000
  in
  let count = Option.fold ~none:usual ~some:int_of_string (argument 1) in
  let others =
    left_out starts_a_domain
      [
        with_another_domain
          (test "with another domain" ~with_others:true (count / 20));
      ]
  in
  Alcotest.run "model" ~argv:[| "model" |]
    [ ("model", test "alone" ~with_others:false count :: others) ]
