type chain = { mutable actions : Raw.actions; mutable is_reserved : bool }
type t = { mutable chains : chain list }

let make () = { chains = [] }
let is_empty t = match t.chains with [] -> true | _ :: _ -> false
let length t = List.length t.chains

let rec add_first t chain =
  let before = t.chains in
  let after = chain :: before in
  if t.chains == before then t.chains <- after else add_first t chain

let rec add_last_chain t chain =
  let before = t.chains in
  let after = before @ [ chain ] in
  if t.chains == before then t.chains <- after else add_last_chain t chain

let add_last t actions = add_last_chain t { actions; is_reserved = false }

let rec forget t chain =
  match t.chains with
  | first :: others when first == chain -> t.chains <- others
  | before ->
      let after = List.filter (( != ) chain) before in
      if t.chains == before then t.chains <- after else forget t chain

let rec take t : Raw.actions =
  match t.chains with
  | [] -> Nothing
  | chain :: others when not chain.is_reserved ->
      let actions = chain.actions in
      chain.actions <- Nothing;
      t.chains <- others;
      actions
  | before -> (
      let free = List.find_opt (fun chain -> not chain.is_reserved) before in
      if t.chains != before then take t
      else
        match free with
        | None -> Nothing
        | Some chain ->
            let after = List.filter (( != ) chain) before in
            if t.chains == before && not chain.is_reserved then (
              let actions = chain.actions in
              chain.actions <- Nothing;
              t.chains <- after;
              actions)
            else take t)

let clear t = t.chains <- []
