(* The runtime with a number of workers, configured before it starts. *)

let threads_named name =
  Array.fold_left
    (fun count task ->
      let file = "/proc/self/task/" ^ task ^ "/comm" in
      match In_channel.with_open_text file In_channel.input_line with
      | Some found when found = name -> count + 1
      | Some _ | None -> count
      (* The thread has ended. *)
      | exception Sys_error _ -> count)
    0
    (Sys.readdir "/proc/self/task")

let three_workers () =
  Lwt_rust.Runtime.(
    configure ~thread_name:"three" (Multi_thread { workers = Some 3 }));
  Alcotest.(check string) "name" "three" (Lwt_main.run (Rust.worker_name ()));
  (* A thread takes its name when it first runs. *)
  let rec wait_for count patience =
    if threads_named "three" <> count && patience > 0 then (
      Unix.sleepf 0.01;
      wait_for count (patience - 1))
  in
  if Sys.file_exists "/proc/self/task" then (
    wait_for 3 1000;
    Alcotest.(check int) "threads" 3 (threads_named "three"))

let () =
  Alcotest.run "workers"
    [ ("runtime", [ Alcotest.test_case "three workers" `Quick three_workers ]) ]
