open Template

let ( / ) = Filename.concat
let ( let* ) = Result.bind

let create ~template name =
  let* () = check name in
  match
    let* () = nothing_there name in
    let paths = files template "" in
    let write_one path =
      let destination = destination name path in
      write (name / destination) (fill name (read (template / path)));
      destination
    in
    Ok (List.sort compare (List.map write_one paths))
  with
  | result -> result
  | exception Sys_error message -> Error message
