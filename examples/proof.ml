(* The proof scenario: OCaml gives a Lwt closure to Rust. A Rust task calls the
   closure in a loop, and awaits the promise that it returns each time.
   Meanwhile the Lwt loop and tokio's timers go on. *)

open Lwt.Syntax

let rec tick ticks =
  let* () = Lwt_unix.sleep 0.01 in
  incr ticks;
  tick ticks

let seconds = 2.

let () =
  Lwt_main.run
    (let ticks = ref 0 and beats = ref 0 in
     let* () =
       Lwt_io.printlf "Rust calls a Lwt closure in a loop, for %g seconds:"
         seconds
     in
     let ticker = tick ticks in
     let interval =
       Demo.every 0.1 (fun () ->
           incr beats;
           Lwt_io.printlf "  tokio timer: beat %d; Lwt ticker: %d ticks" !beats
             !ticks)
     in
     let before = (Lwt_rust.Runtime.metrics ()).notifications in
     let* calls = Demo.call_for Lwt.pause seconds in
     Lwt.cancel ticker;
     Lwt.cancel interval;
     let sent = (Lwt_rust.Runtime.metrics ()).notifications - before in
     Lwt_io.printlf
       "%.0f calls a second, %d ticks of 10 ms, %d beats of 100 ms\n\
        %d calls took %d notifications, one a beat at most"
       (float_of_int calls /. seconds)
       !ticks !beats calls sent)
