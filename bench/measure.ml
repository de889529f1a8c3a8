let is_quick =
  match Sys.getenv_opt "QUICK" with
  | None | Some ("" | "0") -> false
  | Some _ -> true

let now () = Unix.gettimeofday () *. 1e9

let plain run n =
  let start = now () in
  run n;
  (now () -. start) /. float_of_int n

let lwt run = plain (fun n -> Lwt_main.run (run n))

type summary = { median : float; least : float; most : float }

let summary list =
  let sorted = Array.of_list (List.sort Float.compare list) in
  let n = Array.length sorted in
  { median = sorted.(n / 2); least = sorted.(0); most = sorted.(n - 1) }

type pair = { ratio : summary; subject : float; baseline : float }

let pair ?(rounds = 11) ~baseline subject =
  let rounds = if is_quick then min rounds 3 else rounds in
  let round _ =
    let bare = baseline () in
    (bare, subject ())
  in
  ignore (round 0 : float * float);
  let times = List.init rounds round in
  let median f = (summary (List.map f times)).median in
  {
    ratio = summary (List.map (fun (bare, ours) -> ours /. bare) times);
    subject = median snd;
    baseline = median fst;
  }
