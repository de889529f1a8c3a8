type 'a t = 'a Raw.promise

let create () = Outcome.get (Raw.promise_create ())

let once name is_first =
  if not is_first then invalid_arg (name ^ ": the promise was settled before")

let resolve promise value =
  once "Lwt_rust.Promise.resolve"
    (Outcome.get (Raw.promise_resolve promise value))

let reject promise exn =
  once "Lwt_rust.Promise.reject"
    (Outcome.get (Raw.promise_reject promise (Errors.show exn None)))
