type t = Raw.backtrace

let to_string t = Outcome.get (Raw.backtrace_show t)
