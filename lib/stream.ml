(* A stream has a chunk of items that have come. [fill] gets the next chunk. *)

open Lwt.Infix

type 'a t = {
  (* Rust reads the first three fields of a stream that it is given. *)
  pull : int -> 'a array Lwt.t;
  close : unit -> unit Lwt.t;
  mutable is_given : bool;  (** Rust has it, and sets this field *)
  fill : int -> unit Lwt.t;
      (** puts at least one item into [chunk], and at most so many, or ends it.
          If it is cancelled, no item is lost *)
  stop : unit -> unit;  (** tells the side that makes the items *)
  chunk : 'a Raw.chunk;
  mutable taken : int;  (** how many items of [chunk] were taken *)
  mutable filling : unit Lwt.t;
  mutable is_closed : bool;
  readers : Turns.t;  (** only one reader at a time calls [fill] *)
}

(* {1 Reading} *)

let available t = Array.length t.chunk.items - t.taken

(* Whether a reader that comes now takes an item at once. *)
let is_ready t = available t > 0 && Turns.are_free t.readers && not t.is_closed

let set_items t items =
  t.chunk.items <- items;
  t.taken <- 0

let take t =
  let items = t.chunk.items in
  let item = items.(t.taken) in
  if t.taken + 1 = Array.length items then set_items t [||]
  else t.taken <- t.taken + 1;
  item

let take_option t = if available t > 0 then Some (take t) else None

let take_chunk most t =
  let items = t.chunk.items and left = available t in
  if t.taken = 0 && left <= most then (
    set_items t [||];
    items)
  else
    let count = min most left in
    let taken = Array.sub items t.taken count in
    if count = left then set_items t [||] else t.taken <- t.taken + count;
    taken

(* Gets items, unless there are some or the stream has ended. *)
let fill t most =
  if available t > 0 || t.chunk.is_last then Lwt.return_unit
  else
    let filling = t.fill most in
    t.filling <- filling;
    filling

(* A pull may give items after the stream was closed. *)
let take_filled t take =
  if t.is_closed then set_items t [||];
  take t

(* Takes items when there are some, or the stream has ended. Readers take turns. *)
let read t most take =
  if t.is_closed then Lwt.return (take_filled t take)
  else if is_ready t then Lwt.return (take t)
  else
    let get () =
      let filling = fill t most in
      if Lwt.is_sleeping filling then
        Lwt.catch
          (fun () -> filling)
          (function
            | Lwt.Canceled when t.is_closed -> Lwt.return_unit
            | exn -> Lwt.fail exn)
      else filling
    in
    Turns.take t.readers get (fun () -> take_filled t take)

let next t = read t 1 take_option

let next_chunk most t =
  if most < 1 then
    invalid_arg
      "Lwt_rust.Stream.next_chunk: the number of items is not positive";
  read t most (take_chunk most)

let close t =
  if not t.is_closed then (
    t.is_closed <- true;
    let ends_early = not t.chunk.is_last in
    t.chunk.is_last <- true;
    set_items t [||];
    let wake () =
      Lwt.cancel t.filling;
      Turns.begin_all t.readers
    in
    let stop () = if ends_early then t.stop () in
    match wake () with
    | () -> stop ()
    | exception exn ->
        (* That of a reader's callback. *)
        let backtrace = Printexc.get_raw_backtrace () in
        stop ();
        Printexc.raise_with_backtrace exn backtrace)

let make chunk ~fill ~stop =
  let rec t =
    {
      pull = (fun most -> next_chunk most t);
      close =
        (fun () ->
          (try close t with exn -> !Lwt.async_exception_hook exn);
          Lwt.return_unit);
      is_given = false;
      fill;
      stop;
      chunk;
      taken = 0;
      filling = Lwt.return_unit;
      is_closed = false;
      readers = Turns.make ();
    }
  in
  t

let chunk () = { Raw.items = [||]; is_last = false }

(* {1 Streams of Rust's} *)

let of_rust stream =
  let chunk = chunk () in
  make chunk
    ~fill:(fun most -> Call.promise (Raw.stream_pull stream most chunk))
    ~stop:(fun () -> Outcome.get (Raw.stream_close stream))

(* {1 Streams of OCaml's} *)

(* The most items that one chunk has: as many as one of Rust's. *)
let most_items = 256

type 'a pulled = {
  get : int -> 'a option Lwt.t;  (** takes how many items are wanted *)
  into : 'a Raw.chunk;
  mutable asked : 'a option Lwt.t option;
      (** a promise of [get] that was pending when other items were there *)
}

let ask pulled wanted =
  match pulled.asked with
  | Some promise ->
      pulled.asked <- None;
      promise
  | None -> Lwt.apply pulled.get wanted

(* [items] were got before [promise], the last one first. At most [wanted] follow. *)
let rec fill_from pulled wanted items promise =
  match (Lwt.state promise, items) with
  | Lwt.Return (Some item), _ when wanted > 1 ->
      let wanted = wanted - 1 in
      fill_from pulled wanted (item :: items) (ask pulled wanted)
  | Return (Some item), _ -> give pulled (item :: items)
  | Return None, _ ->
      pulled.into.is_last <- true;
      give pulled items
  | (Sleep | Fail _), _ :: _ ->
      pulled.asked <- Some promise;
      give pulled items
  | Fail Lwt.Canceled, [] ->
      (* The reader was cancelled. The next one goes on. *)
      Lwt.fail Lwt.Canceled
  | Fail exn, [] ->
      pulled.into.is_last <- true;
      Lwt.fail exn
  | Sleep, [] ->
      let go_on _ = fill_from pulled wanted items promise in
      Lwt.try_bind (fun () -> promise) go_on go_on

and give pulled items =
  pulled.into.items <-
    (match items with
    | [ item ] -> [| item |]
    | items -> Array.of_list (List.rev items));
  Lwt.return_unit

let pulling ~on_close get =
  let into = chunk () in
  let pulled = { get; into; asked = None } in
  let stop () =
    Option.iter Lwt.cancel pulled.asked;
    on_close ()
  in
  let fill most =
    let most = min most most_items in
    fill_from pulled most [] (ask pulled most)
  in
  make into ~fill ~stop

let from ?(on_close = ignore) get = pulling ~on_close (fun _ -> get ())

let of_lwt_seq seq =
  let rest = ref seq in
  from (fun () ->
      !rest () >|= function
      | Lwt_seq.Nil ->
          rest := Lwt_seq.empty;
          None
      | Cons (item, following) ->
          rest := following;
          Some item)

let of_seq seq = of_lwt_seq (Lwt_seq.of_seq seq)
let of_list list = of_lwt_seq (Lwt_seq.of_list list)
let of_lwt_stream stream = from (fun () -> Lwt_stream.get stream)

(* {1 Reading all items} *)

(* The most items that cross together when all are wanted. *)
let batch = 64

(* A stream may have items ready for ever. After this many chunks in a row the loop has a
   turn. *)
let turn = 4

(* [f item acc] uses an item, and takes the others that are ready. *)
let rec read_all ?(left = turn) t acc f =
  if left = 0 then Lwt.pause () >>= fun () -> read_all t acc f
  else
    let read = read t batch take_option in
    let left = if Lwt.is_sleeping read then turn else left - 1 in
    read >>= function
    | None -> Lwt.return acc
    | Some item -> f item acc >>= fun acc -> read_all ~left t acc f

let fold_s f t init =
  let rec use item acc =
    Lwt.apply (f item) acc >>= fun acc ->
    if is_ready t then use (take t) acc else Lwt.return acc
  in
  read_all t init use

let fold f t init =
  let rec use item acc =
    let acc = f item acc in
    if is_ready t then use (take t) acc else acc
  in
  read_all t init (fun item -> Lwt.wrap1 (use item))

let iter_s f t = fold_s (fun item () -> f item) t ()
let iter f t = fold (fun item () -> f item) t ()
let to_list t = fold List.cons t [] >|= List.rev

(* Workers share the stream. A worker that has to wait for [f] starts another one, if there
   are fewer than [max]. If one fails, those that wait for an item stop at once, and the
   others when they have done with theirs. *)
let iter_p ~max f t =
  if max < 1 then invalid_arg "Lwt_rust.Stream.iter_p: max is not positive";
  let failed = ref None in
  let workers = ref 0 in
  let waiting = Hashtbl.create 8 in
  let left = ref batch in
  let fail exn =
    if !failed = None then (
      failed := Some exn;
      (* They are cancelled together, so that none begins its turn. *)
      Lwt.cancel (Lwt.join (List.of_seq (Hashtbl.to_seq_values waiting))))
  in
  let rec work worker () =
    if !failed <> None then Lwt.return_unit
    else if !left = 0 then (
      left := batch;
      Lwt.pause () >>= work worker)
    else
      let item = next t in
      if Lwt.is_sleeping item then (
        left := batch;
        Hashtbl.replace waiting worker (Lwt.map ignore item))
      else decr left;
      item >>= function
      | None -> Lwt.return_unit
      | Some item ->
          Hashtbl.remove waiting worker;
          let promise = f item in
          let go_on = promise >>= work worker in
          if Lwt.is_sleeping promise && !workers < max then
            Lwt.join [ go_on; start () ]
          else go_on
  and start () =
    incr workers;
    let number = !workers in
    Lwt.catch (work number) (fun exn ->
        fail exn;
        Lwt.return_unit)
  in
  start () >>= fun () ->
  match !failed with None -> Lwt.return_unit | Some exn -> Lwt.fail exn

(* {1 Other streams} *)

let map f t =
  let apply item =
    try f item
    with exn ->
      close t;
      raise exn
  in
  let get wanted = read t wanted take_option >|= Option.map apply in
  pulling ~on_close:(fun () -> close t) get

let lend t = pulling ~on_close:ignore (fun wanted -> read t wanted take_option)

let to_lwt_seq t =
  Lwt_seq.unfold_lwt
    (fun () -> next t >|= Option.map (fun item -> (item, ())))
    ()

let to_lwt_stream t = Lwt_stream.from (fun () -> next t)
