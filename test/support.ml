(** What the tests share. *)

(** A test case whose body is a Lwt thread. One that waits for what never comes
    fails after a while, instead of hanging. *)
let case name body =
  Alcotest.test_case name `Quick (fun () ->
      Lwt_main.run
        (Lwt.pick
           [
             Lwt.bind (Lwt_unix.sleep 60.) (fun () ->
                 Alcotest.fail "still waiting after 60 seconds");
             body ();
           ]))

(** [result p] never fails: it is what [p] ends as. *)
let result p =
  Lwt.try_bind
    (fun () -> p)
    (fun value -> Lwt.return (Ok value))
    (fun exn -> Lwt.return (Error exn))

let pauses n =
  let rec go n =
    if n = 0 then Lwt.return_unit
    else Lwt.bind (Lwt.pause ()) (fun () -> go (n - 1))
  in
  go n

let is_pending p = Lwt.state p = Lwt.Sleep
let check_int = Alcotest.(check int)
let check_bool = Alcotest.(check bool)
let check_string = Alcotest.(check string)

(** [resident ()] is the resident memory of the process in kilobytes, where the
    system says. *)
let resident () =
  match In_channel.with_open_bin "/proc/self/statm" In_channel.input_all with
  | line -> Scanf.sscanf line "%d %d" (fun _ pages -> pages * 4)
  | exception Sys_error _ -> 0

(** [expect name promise check] waits for [promise] to reject with an exception
    that [check] accepts. *)
let expect name promise check =
  Lwt.bind (result promise) (function
    | Ok _ -> Alcotest.failf "%s: expected a rejection" name
    | Error exn ->
        if not (check exn) then
          Alcotest.failf "%s: rejected with %s" name (Printexc.to_string exn);
        Lwt.return_unit)

(** That the executor goes on. *)
let still_works () = Lwt.map (check_int "the next call" 11) (Rust.yield 2 11)
