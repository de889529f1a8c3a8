(* The system has no threads, descriptors or memory left when the runtime starts.
   Each case runs this program again. *)

let threads = 0
let descriptors = 1
let address_space = 2
let limit what most = ignore (Rust_functions.limit what most : int)

let is_of_the_system = function
  | Unix.Unix_error ((EAGAIN | EMFILE | ENOMEM), _, _) -> true
  | _ -> false

(* That the runtime does not start, nor a call, and both do when the limit is
   lifted. *)
let refused what most =
  let before = Rust_functions.limit what most in
  let try_all () =
    (match Lwt_rust.Runtime.start () with
    | () -> exit 2
    | exception exn -> if not (is_of_the_system exn) then raise exn);
    match Lwt_main.run (Rust.yield 3 ()) with
    | () -> exit 3
    | exception exn -> if not (is_of_the_system exn) then raise exn
  in
  try_all ();
  try_all ();
  limit what before;
  if Lwt_main.run (Rust.spawn 3) <> 3 then exit 4

(* That it works or says why not, wherever the limit hits. *)
let works_or_refused what most =
  limit what most;
  match Lwt_main.run (Rust.spawn 3) with
  | 3 -> ()
  | _ -> exit 2
  | exception exn -> if not (is_of_the_system exn) then raise exn

let four_workers () =
  Lwt_rust.Runtime.(configure (Multi_thread { workers = Some 4 }))

let one_thread () = Lwt_rust.Runtime.(configure Current_thread)

(* The limit counts the threads of a user, and does not hold for root. *)
let as_another_user () =
  if Unix.getuid () = 0 then Unix.setuid 61234 else exit 0

(* What the process has mapped by now. *)
let mapped () =
  match In_channel.with_open_bin "/proc/self/statm" In_channel.input_all with
  | line -> Scanf.sscanf line "%d" (fun pages -> pages * 4096)
  | exception Sys_error _ -> exit 0

let rec range first last =
  if first > last then [] else first :: range (first + 1) last

let programs =
  List.concat
    [
      List.map
        (fun n ->
          ( Printf.sprintf "%d threads for four workers" n,
            fun () ->
              four_workers ();
              as_another_user ();
              refused threads n ))
        (range 1 4);
      List.map
        (fun n ->
          ( Printf.sprintf "about enough threads: %d" n,
            fun () ->
              four_workers ();
              as_another_user ();
              works_or_refused threads n ))
        (range 5 8);
      [
        ( "no thread for a runtime of one",
          fun () ->
            one_thread ();
            as_another_user ();
            refused threads 1 );
        ("no descriptors", fun () -> refused descriptors 5);
        ( "no descriptors for a runtime of one thread",
          fun () ->
            one_thread ();
            refused descriptors 5 );
        ( "no thread for a function that blocks",
          fun () ->
            one_thread ();
            as_another_user ();
            Lwt_rust.Runtime.start ();
            let before = Rust_functions.limit threads 2 in
            let block () = Lwt_main.run (Rust_functions.block ()) in
            let refused () =
              match block () with
              | () -> exit 2
              | exception exn -> if not (is_of_the_system exn) then raise exn
            in
            refused ();
            refused ();
            limit threads before;
            block () );
      ];
      List.map
        (fun n ->
          ( Printf.sprintf "about enough descriptors: %d" n,
            fun () -> works_or_refused descriptors n ))
        (range 6 24);
      List.map
        (fun megabytes ->
          ( Printf.sprintf "%d MB of address space" megabytes,
            fun () ->
              four_workers ();
              works_or_refused address_space
                (mapped () + (megabytes * 1024 * 1024)) ))
        [ 1; 3; 5; 7; 9; 11; 13; 100 ];
    ]

let contains word name = List.mem word (String.split_on_char ' ' name)

let left_out name =
  ( Support.Memcheck,
    "valgrind needs descriptors and memory too, and minutes for the rest" )
  ::
  (if contains "address" name then
     [ (Support.Thread_sanitizer, "ThreadSanitizer needs address space too") ]
   else [])

let ends name () =
  Alcotest.(check int)
    "code" 0
    (Program.wait_for (Program.start name Unix.stderr))

let () =
  match Sys.argv with
  | [| _; name |] when List.mem_assoc name programs ->
      (List.assoc name programs) ()
  | _ ->
      Alcotest.run "limits"
        [
          ( "limits",
            List.concat_map
              (fun (name, _) ->
                Support.left_out (left_out name)
                  [ Alcotest.test_case name `Quick (ends name) ])
              programs );
        ]
