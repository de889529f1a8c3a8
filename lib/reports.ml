let give handle reports =
  List.iter
    (fun report ->
      try handle report
      with exn when Lwt.Exception_filter.run exn ->
        !Lwt.async_exception_hook exn)
    reports
