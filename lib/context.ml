(* Lwt gives no access to its storage, the values of [Lwt.with_value]. But Lwt runs the
   callback of a promise with the storage that was current when the callback was added.
   So a context is a promise with a callback that runs a job. Lwt runs a callback once.
   Therefore the callback first adds another one, to a new promise, for the next job. *)

open Raw

let capture () =
  let promise, runs = Lwt.wait () in
  let context = Within { runs } in
  let rec arm promise =
    Lwt.on_success promise (fun job ->
        (* The handler of a signal may raise. The context has to be armed again even so. *)
        (try arm_again ()
         with exn ->
           let backtrace = Printexc.get_raw_backtrace () in
           arm_again ();
           Printexc.raise_with_backtrace exn backtrace);
        job ())
  and arm_again () =
    match context with
    | Nowhere -> ()
    | Within context ->
        let next, runs = Lwt.wait () in
        arm next;
        context.runs <- runs
  in
  arm promise;
  context

(* The context of closures that were not given to a call. *)
let neutral = capture ()

let rec run context job =
  match context with
  | Nowhere -> run neutral job
  | Within context ->
      (* An exception of [job] must not reach Lwt, which would give it to
         [Lwt.async_exception_hook]. If it escaped from there, Lwt's count of nested
         callbacks would stay wrong. *)
      let raised = ref None in
      let has_begun = ref false in
      let guarded () =
        try
          has_begun := true;
          job ()
        with exn -> raised := Some (exn, Some (Printexc.get_raw_backtrace ()))
      in
      (* Another thread may have used the promise since the function began. *)
      Lwt.wakeup context.runs guarded;
      Option.iter Failure.raise !raised;
      (* If the handler of a signal has raised before the job began, Lwt has given the
         exception to its hook. *)
      if not !has_begun then run (Within context) job

let call context f argument =
  let result = ref None in
  run context (fun () -> result := Some (f argument));
  Option.get !result
