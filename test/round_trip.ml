(** Values that go to Rust and back. *)

let tiny_heap f () =
  let control = Gc.get () in
  Gc.set { control with minor_heap_size = 1024 };
  Fun.protect ~finally:(fun () -> Gc.set control) f

let trips = ref 0

(* With frequent collections and a small heap, values move all the time. *)
let collect () =
  incr trips;
  if !trips mod 50 = 0 then Gc.full_major ()

(** [round_trip name gen echo] is a case that sends values of [gen] to Rust and
    back by [echo]. *)
let round_trip ?(count = 200) ?(equal = fun a b -> compare a b = 0) name gen
    echo =
  let test =
    QCheck2.Test.make ~count ~name gen (fun value ->
        let back = echo value in
        collect ();
        equal value back)
  in
  let name, speed, run = QCheck_alcotest.to_alcotest test in
  Alcotest.test_case name speed (fun () -> tiny_heap run ())
