let () = print_endline Lwt_rust.archive
