let () = print_endline Lwt_rust.Debug.archive
