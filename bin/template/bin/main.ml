open Lwt.Syntax

let () =
  Lwt_main.run
    (let* greeting = My_project.greet "OCaml" 0.1 in
     Lwt_io.printl greeting)
