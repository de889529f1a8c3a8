let create capacity : 'a Sink.t * 'a Stream.t =
  Obj.obj (Outcome.get (Raw.channel_create capacity))

(* The channel has room for all items from the beginning. *)
let most = 1_000_000

let bounded capacity =
  if capacity < 1 || capacity > most then
    invalid_arg
      (Printf.sprintf
         "Lwt_rust.Channel.bounded: the capacity must be between 1 and %d" most);
  create (Some capacity)

let unbounded () = create None
