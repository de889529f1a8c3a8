let get : 'a Raw.outcome -> 'a = function
  | Ready value -> value
  | Failed (exn, backtrace) -> Failure.raise (exn, backtrace)
