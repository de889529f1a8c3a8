type flavor = Multi_thread of { workers : int option } | Current_thread

let configure ?(thread_name = "lwt_rust") flavor =
  let is_current_thread, workers =
    match flavor with
    | Current_thread -> (true, None)
    | Multi_thread { workers } -> (false, workers)
  in
  Outcome.get (Raw.runtime_configure is_current_thread workers thread_name)

let start = Lwt_loop.attach

type metrics = {
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

let metrics () =
  let {
    Raw.workers;
    tokio_tasks;
    tokio_queue;
    blocking_running;
    blocking_waiting;
    calls;
    calls_pending;
    polls;
    notifications;
    longest_poll;
  } =
    Outcome.get (Raw.runtime_metrics ())
  in
  {
    workers;
    tokio_tasks;
    tokio_queue;
    blocking_running;
    blocking_waiting;
    calls;
    calls_pending;
    polls;
    turns = Lwt_loop.turns ();
    notifications;
    longest_poll;
  }

type long_poll = Long_polls.t = { name : string; seconds : float }

let on_long_poll = Long_polls.on_long_poll
let shutdown ?(timeout = 5.) () = Lwt_loop.shutdown ~timeout
