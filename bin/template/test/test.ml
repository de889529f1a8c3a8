open Lwt.Syntax

(* Two greetings that wait at the same time. *)
let () =
  Lwt_main.run
    (let* greetings =
       Lwt.both (My_project.greet "Ada" 0.02) (My_project.greet "Grace" 0.01)
     in
     if greetings <> ("Hello, Ada!", "Hello, Grace!") then
       failwith "these are not the greetings";
     Lwt_io.printl "greetings: passed")
