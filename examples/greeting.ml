open Lwt.Syntax

external greet : string -> float -> string Lwt_rust.Call.t = "demo_greet"

let greet name seconds = Lwt_rust.Call.promise (greet name seconds)

let () =
  Lwt_main.run
    (let* greetings = Lwt.both (greet "Ada" 0.02) (greet "Grace" 0.01) in
     Lwt_io.printlf "%s %s" (fst greetings) (snd greetings))
