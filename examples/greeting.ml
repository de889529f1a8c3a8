open Lwt.Syntax

let () =
  Lwt_main.run
    (let* greetings =
       Lwt.both (Demo.greet "Ada" 0.02) (Demo.greet "Grace" 0.01)
     in
     Lwt_io.printlf "%s %s" (fst greetings) (snd greetings))
