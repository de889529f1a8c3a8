let raise : Raw.failure -> _ = function
  | exn, None -> raise exn
  | exn, Some backtrace -> Printexc.raise_with_backtrace exn backtrace

let note ((exn, backtrace) as failure : Raw.failure) =
  if Option.is_some backtrace then
    try raise failure with raised when raised == exn -> ()

type escaped = { domain : int; exn : exn; backtrace : Printexc.raw_backtrace }

let escaped : escaped list Atomic.t = Atomic.make []

let rec update f =
  let before = Atomic.get escaped in
  let after, result = f before in
  if Atomic.compare_and_set escaped before after then result else update f

let let_through exn backtrace =
  if not (Lwt.Exception_filter.run exn) then
    let one = { domain = Domain_id.self (); exn; backtrace } in
    update (fun all -> (one :: all, ()))

let take () =
  let domain = Domain_id.self () in
  let split all =
    let mine, others = List.partition (fun one -> one.domain = domain) all in
    (* All but the first came after it; one exception leaves at a time. *)
    match List.rev mine with
    | [] -> (all, None)
    | first :: later -> (List.rev_append later others, Some first)
  in
  update split

let has_escaped () =
  match Atomic.get escaped with [] -> false | _ :: _ -> true

let leave () =
  if has_escaped () then
    match take () with
    | None -> ()
    | Some { exn; backtrace; _ } -> Printexc.raise_with_backtrace exn backtrace
