type 'a t = ('a, Executor.t) Raw.call

let promise : 'a t -> 'a Lwt.t = function
  | Returned value -> Lwt.return value
  | Raised exn -> Lwt.fail exn
  | Pending (slot, executor) -> Executor.wait executor slot
