(** Runs this test program again, as another process. Use it to test the end of
    a process and the messages that it prints. *)

let seconds = if Support.is_under Memcheck then 300. else 30.

(** [wait_for child] is the exit code of [child]. The test fails if a signal
    ends [child], or if it does not end. *)
let wait_for child =
  let deadline = Unix.gettimeofday () +. seconds in
  let rec go () =
    match Unix.waitpid [ WNOHANG ] child with
    | 0, _ when Unix.gettimeofday () > deadline ->
        Unix.kill child Sys.sigkill;
        ignore (Unix.waitpid [] child);
        Alcotest.failf "it still ran after %g seconds" seconds
    | 0, _ ->
        Unix.sleepf 0.002;
        go ()
    | _, WEXITED code -> code
    | _, (WSIGNALED signal | WSTOPPED signal) ->
        Alcotest.failf "it was ended by signal %d" signal
  in
  go ()

(** [start name stderr] runs this program with the argument [name]; [extra] are
    variables of its environment. *)
let start ?(extra = []) name stderr =
  let program = Sys.executable_name in
  let is_kept variable =
    List.for_all
      (fun other ->
        let prefix = List.hd (String.split_on_char '=' other) ^ "=" in
        not (String.starts_with ~prefix variable))
      extra
  in
  let environment = List.filter is_kept (Array.to_list (Unix.environment ())) in
  Unix.create_process_env program [| program; name |]
    (Array.of_list (extra @ environment))
    Unix.stdin Unix.stdout stderr
