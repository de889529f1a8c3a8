type chain = { mutable actions : Raw.actions }
type t = { mutable chains : chain list }

let make () = { chains = [] }
let is_empty t = match t.chains with [] -> true | _ :: _ -> false
let length t = List.length t.chains

let rec add_first t chain =
  let before = t.chains in
  let after = chain :: before in
  if t.chains == before then t.chains <- after else add_first t chain

let rec add_last t chain =
  let before = t.chains in
  let after = before @ [ chain ] in
  if t.chains == before then t.chains <- after else add_last t chain

let take t : Raw.actions =
  match t.chains with
  | [] -> Nothing
  | chain :: others ->
      let actions = chain.actions in
      chain.actions <- Nothing;
      t.chains <- others;
      actions

let rec forget t chain =
  match t.chains with
  | first :: others when first == chain -> t.chains <- others
  | before ->
      let after = List.filter (( != ) chain) before in
      if t.chains == before then t.chains <- after else forget t chain

let clear t = t.chains <- []
