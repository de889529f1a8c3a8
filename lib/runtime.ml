type flavor = Multi_thread of { workers : int option } | Current_thread

let configure ?(thread_name = "lwt_rust") flavor =
  let is_current_thread, workers =
    match flavor with
    | Current_thread -> (true, None)
    | Multi_thread { workers } -> (false, workers)
  in
  Outcome.get (Raw.runtime_configure is_current_thread workers thread_name)

let start = Lwt_loop.attach
let shutdown ?(deadline = 5.) () = Lwt_loop.shutdown ~deadline
let notifications () = Outcome.get (Raw.executor_notifications ())

type live = { tasks : int; promises : int; roots : int; descriptors : int }

(* Linux and macOS have this folder. Reading it takes a descriptor, which is not
   counted. *)
let descriptors () =
  match Sys.readdir "/dev/fd" with
  | all -> Array.length all - 1
  | exception Sys_error _ -> 0

let live () =
  let tasks, promises, roots = Outcome.get (Raw.runtime_live ()) in
  { tasks; promises; roots; descriptors = descriptors () }
