type flavor = Multi_thread of { workers : int option } | Current_thread

let configure ?(thread_name = "lwt_rust") flavor =
  let is_current_thread, workers =
    match flavor with
    | Current_thread -> (true, None)
    | Multi_thread { workers } -> (false, workers)
  in
  Outcome.get (Raw.runtime_configure is_current_thread workers thread_name)

let start = Lwt_loop.attach
let shutdown ?(timeout = 5.) () = Lwt_loop.shutdown ~timeout
