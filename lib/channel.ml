let create capacity : 'a Sink.t * 'a Stream.t =
  Obj.obj (Outcome.get (Raw.channel_create capacity))

let bounded capacity =
  if capacity < 1 then
    invalid_arg "Lwt_rust.Channel.bounded: the capacity is not positive";
  create (Some capacity)

let unbounded () = create None
