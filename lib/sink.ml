open Lwt.Infix

type 'a t = {
  (* Rust reads these fields of a sink that it is given. *)
  send : 'a -> unit Lwt.t;
  flush : unit -> unit Lwt.t;
  close : unit -> unit Lwt.t;
}

let closed () =
  Lwt.fail
    (Errors.Error
       {
         message = "this sink was closed before";
         sources = [];
         type_name = None;
         backtrace = None;
       })

let is_cancelled promise =
  match Lwt.state promise with
  | Fail Lwt.Canceled -> true
  | Fail _ | Return () | Sleep -> false

let make ?(flush = Lwt.return) ?(close = Lwt.return) send =
  let turns = Turns.make () in
  let is_closed = ref false in
  let closing = ref None in
  let unless_closed f =
    Turns.take turns (fun () -> if !is_closed then closed () else f ()) Fun.id
  in
  let close_in_turn () =
    is_closed := true;
    close ()
  in
  let close () =
    match !closing with
    | Some closing when not (is_cancelled closing) -> Lwt.no_cancel closing
    | Some _ | None ->
        let promise = Turns.take turns close_in_turn Fun.id in
        closing := Some promise;
        promise
  in
  {
    send = (fun item -> unless_closed (fun () -> send item));
    flush = (fun () -> unless_closed flush);
    close;
  }

let send t item = t.send item
let flush t = t.flush ()
let close t = t.close ()

let try_send t item =
  let sent = send t item in
  match Lwt.state sent with
  | Return () -> true
  | Fail exn -> raise exn
  | Sleep ->
      Lwt.cancel sent;
      false

let send_all t stream = Stream.iter_s (send t) stream >>= fun () -> flush t

let of_rust sink =
  make
    ~flush:(fun () -> Call.promise (Raw.sink_flush sink))
    ~close:(fun () -> Call.promise (Raw.sink_close sink))
    (fun item -> Call.promise (Raw.sink_send sink item))
