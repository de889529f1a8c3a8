type flavor = Multi_thread of { workers : int option } | Current_thread

let configure ?(thread_name = "lwt_rust") flavor =
  let is_current_thread, workers =
    match flavor with
    | Current_thread -> (true, None)
    | Multi_thread { workers } -> (false, workers)
  in
  Outcome.get (Raw.runtime_configure is_current_thread workers thread_name)

let start = Lwt_loop.attach

type metrics = Raw.metrics = {
  workers : int;
  tokio_tasks : int;
  tokio_queue : int;
  blocking_running : int;
  blocking_waiting : int;
  calls : int;
  calls_pending : int;
  polls : int;
  turns : int;
  notifications : int;
  longest_poll : float option;
}

let metrics () = Outcome.get (Raw.runtime_metrics (Lwt_loop.turns ()))

type long_poll = Long_polls.t = { name : string; seconds : float }

let on_long_poll = Long_polls.on_long_poll
let shutdown ?(timeout = 5.) () = Lwt_loop.shutdown ~timeout
