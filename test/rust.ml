(** The functions of the crate in [rust/testing]. *)

module Raw = struct
  type 'a t = 'a Lwt_rust.Executor.call

  external ready : 'a -> 'a t = "test_ready"
  external yield : int -> 'a -> 'a t = "test_yield"
  external sleep : int -> 'a -> 'a t = "test_sleep"
  external spawn : int -> int t = "test_spawn"
  external await_promise : 'a Lwt_rust.Promise.t -> 'a t = "test_await"
  external await : 'a Lwt.t -> 'a t = "test_await"
  external await_on_tokio : int Lwt.t -> int t = "test_await_on_tokio"
  external resolver : int -> int t = "test_resolver"

  external convert :
    bool * bool option ->
    int * int * int ->
    float ->
    string * string ->
    ((bool * bool option) * (int * int * int) * float * (string * string)) t
    = "test_convert"

  external too_large : unit -> int t = "test_too_large"
  external fail : bool -> unit t = "test_fail"
  external panic : bool -> unit t = "test_panic"
  external unwind : bool -> unit t = "test_unwind"
  external catch_and_unwind : unit -> unit t = "test_catch_and_unwind"
  external panic_around_another : unit -> unit t = "test_panic_around_another"
  external panic_in_drop : bool -> unit t = "test_panic_in_drop"
  external panic_when_cancelled : unit -> unit t = "test_panic_when_cancelled"
  external panic_on_tokio : unit -> unit t = "test_panic_on_tokio"
  external abandon : unit -> unit t = "test_abandon"
  external io_error : int -> unit t = "test_io_error"

  external message_of : (unit -> unit Lwt.t) -> (string * string) t
    = "test_message_of"

  external call : ('a -> 'b Lwt.t) -> 'a -> 'b t = "test_call"
  external call_later : ('a -> 'b Lwt.t) -> 'a -> 'b t = "test_call_later"
  external sum : (int -> int Lwt.t) -> int -> int t = "test_sum"

  external sum_on_tokio : (int -> int Lwt.t) -> int -> int t
    = "test_sum_on_tokio"

  external sum_of_tasks : (int -> int Lwt.t) -> int -> int t
    = "test_sum_of_tasks"

  external for_ever : unit -> unit t = "test_for_ever"
  external live : unit -> int t = "test_live"
  external call_and_wait : (unit -> unit Lwt.t) -> unit t = "test_call_and_wait"

  external call_and_return : (unit -> unit Lwt.t) -> unit t
    = "test_call_and_return"

  external drop_promise : (unit -> unit Lwt.t) -> bool -> unit t
    = "test_drop_promise"

  external detach_promise : (unit -> unit Lwt.t) -> bool -> unit t
    = "test_detach_promise"

  external ignore : 'a Lwt.t -> bool -> unit t = "test_ignore"
  external drop_task : unit -> unit t = "test_drop_task"
  external scoped : unit -> unit t = "test_scoped"
  external protected : int -> (unit -> unit Lwt.t) -> unit t = "test_protected"
  external is_mine : (unit -> unit Lwt.t) -> (bool * bool) t = "test_is_mine"
  external swallow : (unit -> unit Lwt.t) -> bool -> int t = "test_swallow"

  external swallow_and_wait : (unit -> unit Lwt.t) -> int t
    = "test_swallow_and_wait"

  external panic_in_error : bool -> unit t = "test_panic_in_error"
  external panic_in_conversion : bool -> unit t = "test_panic_in_conversion"
  external panic_in_waker : unit -> unit t = "test_panic_in_waker"
  external call_in_lwt : ('a -> 'b Lwt.t) -> 'a -> 'b t = "test_call_in_lwt"

  external call_in_lwt_from_tokio : (int -> int Lwt.t) -> int -> int t
    = "test_call_in_lwt_from_tokio"

  external spawn_in_lwt : 'a -> int option t = "test_spawn_in_lwt"
  external panic_in_task : int -> unit t = "test_panic_in_task"
  external await_task_from_tokio : unit -> unit t = "test_await_task_from_tokio"
  external leave_task : 'a -> unit t = "test_leave_task"
  external keep_root : string list -> unit t = "test_keep_root"
  external kept_root : unit -> string list t = "test_kept_root"
  external worker_name : unit -> string t = "test_worker_name"
  external signals_blocked : int -> (bool * bool) t = "test_signals_blocked"
  external signal_blocked_here : int -> bool t = "test_signal_blocked_here"
  external lock : unit -> (bool * bool * bool) t = "test_lock"
  external spin : int -> int -> unit t = "test_spin"
  external storm : int -> int t = "test_storm"
  external herd : int -> int t = "test_herd"
  external stays : unit Lwt.t -> bool t = "test_stays"
  external stays_created : unit Lwt_rust.Promise.t -> bool t = "test_stays"
  external moves_created : unit Lwt_rust.Promise.t -> bool t = "test_moves"

  external hold_on_thread : unit Lwt_rust.Promise.t -> unit t
    = "test_hold_on_thread"

  external spawn_and_wait : unit Lwt_rust.Promise.t -> bool t
    = "test_spawn_and_wait"
end

let promise = Lwt_rust.Call.promise [@alert "-lwt_rust_generated"]
let ready x = promise (Raw.ready x)
let yield turns x = promise (Raw.yield turns x)
let sleep ms x = promise (Raw.sleep ms x)
let spawn n = promise (Raw.spawn n)
let await_promise p = promise (Raw.await_promise p)
let await p = promise (Raw.await p)
let await_on_tokio p = promise (Raw.await_on_tokio p)
let resolver n = promise (Raw.resolver n)
let convert a b c d = promise (Raw.convert a b c d)
let too_large () = promise (Raw.too_large ())
let fail waits = promise (Raw.fail waits)
let unwind waits = promise (Raw.unwind waits)
let catch_and_unwind () = promise (Raw.catch_and_unwind ())
let panic_around_another () = promise (Raw.panic_around_another ())
let panic waits = promise (Raw.panic waits)
let panic_in_drop waits = promise (Raw.panic_in_drop waits)
let panic_when_cancelled () = promise (Raw.panic_when_cancelled ())
let panic_on_tokio () = promise (Raw.panic_on_tokio ())
let abandon () = promise (Raw.abandon ())
let io_error errno = promise (Raw.io_error errno)
let message_of f = promise (Raw.message_of f)
let call f x = promise (Raw.call f x)
let call_later f x = promise (Raw.call_later f x)
let sum f n = promise (Raw.sum f n)
let sum_on_tokio f n = promise (Raw.sum_on_tokio f n)
let sum_of_tasks f n = promise (Raw.sum_of_tasks f n)
let for_ever () = promise (Raw.for_ever ())
let live () = promise (Raw.live ())
let call_and_wait f = promise (Raw.call_and_wait f)
let call_and_return f = promise (Raw.call_and_return f)
let drop_promise f ~on_tokio = promise (Raw.drop_promise f on_tokio)
let detach_promise f ~on_thread = promise (Raw.detach_promise f on_thread)
let drop_task () = promise (Raw.drop_task ())
let scoped () = promise (Raw.scoped ())
let protected turns f = promise (Raw.protected turns f)
let is_mine f = promise (Raw.is_mine f)
let swallow f ~waits = promise (Raw.swallow f waits)
let panic_in_error waits = promise (Raw.panic_in_error waits)
let panic_in_conversion waits = promise (Raw.panic_in_conversion waits)
let panic_in_waker () = promise (Raw.panic_in_waker ())
let call_in_lwt_from_tokio f n = promise (Raw.call_in_lwt_from_tokio f n)
let spawn_in_lwt x = promise (Raw.spawn_in_lwt x)
let panic_in_task place = promise (Raw.panic_in_task place)
let await_task_from_tokio () = promise (Raw.await_task_from_tokio ())
let leave_task x = promise (Raw.leave_task x)
let kept_root () = promise (Raw.kept_root ())
let worker_name () = promise (Raw.worker_name ())
let signals_blocked n = promise (Raw.signals_blocked n)
let signal_blocked_here n = promise (Raw.signal_blocked_here n)
let lock () = promise (Raw.lock ())
let spin ~tasks turns = promise (Raw.spin tasks turns)
let storm n = promise (Raw.storm n)
let herd n = promise (Raw.herd n)
let ignore p ~detach = promise (Raw.ignore p detach)
let stays gate = promise (Raw.stays gate)
