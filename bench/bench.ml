(* bench.exe           measures all rows; writes results.tsv and results.svg
   bench.exe ROW...    measures some rows, and writes nothing
   bench.exe run ROW N runs the subject of a row N times, for tools that count
   bench.exe --test    runs the subject of each such row a few times *)

let line { Rows.id; limit; figure; times; _ } =
  let nanoseconds, baseline =
    match times with
    | Some (ours, bare) ->
        (Printf.sprintf "%.0f" ours, Printf.sprintf "%.0f" bare)
    | None -> ("-", "-")
  in
  Printf.sprintf "%s\t%.3f\t%.3f\t%s\t%s" id figure.median limit nanoseconds
    baseline

let show { Rows.id; what; beside; limit; figure; times } =
  Printf.printf "%-20s %8.3f  (%.3f to %.3f)  at most %.3f %s  %s / %s%s\n%!" id
    figure.median figure.least figure.most limit
    (if figure.median <= limit then "   " else "(!)")
    what beside
    (match times with
    | Some (ours, bare) -> Printf.sprintf "  [%.0f and %.0f ns]" ours bare
    | None -> "")

let measure rows =
  List.concat_map
    (fun (_, row) ->
      let rows = row () in
      List.iter show rows;
      rows)
    rows

let write path text =
  Out_channel.with_open_bin path (fun channel ->
      Out_channel.output_string channel text)

let all () =
  let rows = measure Rows.all in
  let scaling = Rows.scaling () in
  List.iter
    (fun (tasks, cost) ->
      Printf.printf "%7d tasks: %.0f ns a poll\n" tasks cost)
    scaling;
  write "results.tsv" (String.concat "\n" (List.map line rows) ^ "\n");
  write "results.svg" (Picture.svg rows scaling)

let choose list id =
  match List.assoc_opt id list with
  | Some one -> one
  | None ->
      prerr_endline ("bench: there is nothing called " ^ id);
      exit 2

let some ids =
  let rows = List.map (fun id -> (id, choose Rows.all id)) ids in
  ignore (measure rows : Rows.t list)

let () =
  match List.tl (Array.to_list Sys.argv) with
  | [] -> all ()
  | [ "--test" ] -> List.iter (fun (_, run) -> run 10) Rows.counted
  | [ "child"; figure ] -> Printf.printf "%f\n" (Rows.alone figure)
  | [ "run"; id; n ] ->
      (choose Rows.counted id) (int_of_string n);
      Printf.printf "notifications: %d\n"
        (Lwt_rust.Runtime.metrics ()).notifications
  | ids -> some ids
