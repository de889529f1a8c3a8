let get : type a. a Raw.outcome -> a = function
  | Done -> ()
  | Ready value -> value
  | Failed (exn, backtrace) -> Failure.raise (exn, backtrace)
