type 'a t = ('a, Executor.t) Raw.call

let promise : 'a t -> 'a Lwt.t = function
  | Returned value -> Lwt.return value
  | Raised exn -> Lwt.fail exn
  | Pending call ->
      let slot = call.slot in
      (* Whose slot it is later, nobody knows. *)
      if slot < 0 then
        invalid_arg "Lwt_rust.Call.promise: the promise was taken before";
      call.slot <- -1;
      Executor.wait call.executor slot
