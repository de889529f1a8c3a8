let get : 'a Raw.outcome -> 'a = function
  | Ready value -> value
  | Failed exn -> raise exn
