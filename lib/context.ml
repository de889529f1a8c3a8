(* Lwt gives no access to its storage. But it runs the callback of a promise with the
   storage of where the callback was added. So a context is a promise with such a
   callback; the callback is run once, and makes the next one first, where it is. *)

open Raw

let capture () =
  let promise, runs = Lwt.wait () in
  let context = Within { runs } in
  let rec arm promise =
    Lwt.on_success promise (fun job ->
        (match context with
        | Nowhere -> ()
        | Within context ->
            let next, runs = Lwt.wait () in
            context.runs <- runs;
            arm next);
        job ())
  in
  arm promise;
  context

(* Of what was given to no call. *)
let neutral = capture ()

let rec run context job =
  match context with
  | Nowhere -> run neutral job
  | Within { runs } ->
      (* Lwt would hand what it raises to its hook; and what left Lwt would leave its
         depth of callbacks wrong. *)
      let raised = ref None in
      Lwt.wakeup runs (fun () ->
          try job ()
          with exn ->
            raised := Some (exn, Some (Printexc.get_raw_backtrace ())));
      Option.iter Failure.raise !raised
