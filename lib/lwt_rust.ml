include Errors

type u64 = int

module Bytes = Shared_bytes
module Call = Call
module Channel = Channel
module Debug = Debug
module Promise = Promise
module Runtime = Runtime
module Json = Json
module Log = Log
module Sink = Sink
module Stream = Stream

module Executor = struct
  type 'a call = 'a Call.t

  let run = Own_loop.run
  let run_in_lwt f = run (fun () -> Raw.call_in_lwt f)
end

let on_panic = Panics.on_panic

let () =
  Built_for.check ();
  Callbacks.register ()
