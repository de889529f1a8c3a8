let width = 760.
let row_height = 22.
let bars_from = 190.
let bars_to = 640.

(* The length of a bar is proportional to the ratio of its figure to its limit.
   If the figure equals the limit, the bar ends at the line. *)
let limit_at = bars_from +. ((bars_to -. bars_from) /. 2.)

let text ?(anchor = "start") x y content =
  Printf.sprintf {|<text x="%.0f" y="%.0f" text-anchor="%s">%s</text>|} x y
    anchor content

let bar i { Rows.id; limit; figure; _ } =
  let y = 30. +. (float_of_int i *. row_height) in
  let part = figure.median /. limit in
  let length =
    Float.min (bars_to -. bars_from) (part *. (limit_at -. bars_from))
  in
  let colour = if part <= 1. then "#4a7" else "#c63" in
  [
    text ~anchor:"end" (bars_from -. 8.) (y +. 12.) id;
    Printf.sprintf
      {|<rect x="%.0f" y="%.0f" width="%.1f" height="%.0f" fill="%s"/>|}
      bars_from y length (row_height -. 6.) colour;
    text (bars_to +. 8.) (y +. 12.)
      (Printf.sprintf "%.2f of %.2f" figure.median limit);
  ]

let curve top points =
  let height = 140. in
  let most =
    List.fold_left (fun most (_, cost) -> Float.max most cost) 1. points
  in
  let x tasks = bars_from +. (log10 (float_of_int tasks) *. 85.) in
  let y cost = top +. height -. (cost /. most *. (height -. 30.)) in
  let corner (tasks, cost) = Printf.sprintf "%.0f,%.0f" (x tasks) (y cost) in
  [
    text bars_from (top +. 4.) "nanoseconds a poll, by the number of tasks";
    Printf.sprintf
      {|<polyline points="%s" fill="none" stroke="#47a" stroke-width="2"/>|}
      (String.concat " " (List.map corner points));
  ]
  @ List.concat_map
      (fun (tasks, cost) ->
        [
          text ~anchor:"middle" (x tasks)
            (top +. height +. 16.)
            (string_of_int tasks);
          text ~anchor:"middle" (x tasks)
            (y cost -. 6.)
            (Printf.sprintf "%.0f" cost);
        ])
      points

let svg rows scaling =
  let bottom = 30. +. (float_of_int (List.length rows) *. row_height) in
  let height = bottom +. 220. in
  String.concat "\n"
    ([
       Printf.sprintf
         {|<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="12">|}
         width height;
       Printf.sprintf {|<rect width="%.0f" height="%.0f" fill="white"/>|} width
         height;
       text bars_from 18. "the cost, as a share of the limit";
     ]
    @ List.concat (List.mapi bar rows)
    @ [
        Printf.sprintf
          {|<line x1="%.0f" y1="24" x2="%.0f" y2="%.0f" stroke="black"/>|}
          limit_at limit_at bottom;
      ]
    @ curve (bottom +. 30.) scaling
    @ [ "</svg>\n" ])
