open Lwt.Infix

type 'a t = {
  (* Rust reads all fields but the last one of a sink that it is given. *)
  feed : 'a -> unit Lwt.t;
  flush : unit -> unit Lwt.t;
  close : unit -> unit Lwt.t;
  has_flush : bool;  (** [false] if [flush] only waits for its turn *)
  mutable is_given : bool;  (** Rust has it, and sets this field *)
  send : 'a -> unit Lwt.t;
}

let closed () =
  Lwt.fail
    (Errors.Error
       {
         message = "this sink was closed before";
         sources = [];
         type_name = None;
         backtrace = None;
         cause = None;
       })

(* The operations take turns, and fail when the sink is closed. *)
let in_turns t =
  let turns = Turns.make () in
  let is_closed = ref false in
  let closing = ref None in
  let unless_closed f =
    Turns.take turns (fun () -> if !is_closed then closed () else f ()) Fun.id
  in
  let close_in_turn () =
    is_closed := true;
    t.close ()
  in
  let close () =
    let promise =
      match !closing with
      | Some promise -> promise
      | None ->
          let promise = Turns.take turns close_in_turn Fun.id in
          closing := Some promise;
          promise
    in
    Lwt.no_cancel promise
  in
  {
    feed = (fun item -> unless_closed (fun () -> t.feed item));
    flush = (fun () -> unless_closed t.flush);
    close;
    has_flush = t.has_flush;
    is_given = false;
    send = (fun item -> unless_closed (fun () -> t.send item));
  }

let make ?flush ?(close = Lwt.return) feed =
  let has_flush = Option.is_some flush in
  let flush = Lwt.apply (Option.value flush ~default:Lwt.return) in
  let feed item = Lwt.apply feed item and close () = Lwt.apply close () in
  let send = if has_flush then fun item -> feed item >>= flush else feed in
  in_turns { feed; flush; close; has_flush; is_given = false; send }

let feed t item = t.feed item
let send t item = t.send item
let flush t = t.flush ()
let close t = t.close ()

let try_send t item =
  let fed = feed t item in
  match Lwt.state fed with
  | Return () -> true
  | Fail exn -> raise exn
  | Sleep ->
      Lwt.cancel fed;
      false

let send_all t stream = Stream.iter_s (feed t) stream >>= fun () -> flush t
let lend t = in_turns { t with close = (fun () -> flush t) }

let of_rust sink ~has_flush =
  in_turns
    {
      feed = (fun item -> Call.promise (Raw.sink_send sink item false));
      flush = (fun () -> Call.promise (Raw.sink_flush sink));
      close = (fun () -> Call.promise (Raw.sink_close sink));
      has_flush;
      is_given = false;
      send = (fun item -> Call.promise (Raw.sink_send sink item true));
    }
