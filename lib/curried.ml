type f1 = Obj.t -> Obj.t
type f2 = Obj.t -> f1
type f3 = Obj.t -> f2
type f4 = Obj.t -> f3
type f5 = Obj.t -> f4
type f6 = Obj.t -> f5
type f7 = Obj.t -> f6
type f8 = Obj.t -> f7

let call f arguments =
  let x i = Obj.field arguments i in
  match Obj.size arguments with
  | 2 -> (Obj.obj f : f2) (x 0) (x 1)
  | 3 -> (Obj.obj f : f3) (x 0) (x 1) (x 2)
  | 4 -> (Obj.obj f : f4) (x 0) (x 1) (x 2) (x 3)
  | 5 -> (Obj.obj f : f5) (x 0) (x 1) (x 2) (x 3) (x 4)
  | 6 -> (Obj.obj f : f6) (x 0) (x 1) (x 2) (x 3) (x 4) (x 5)
  | 7 -> (Obj.obj f : f7) (x 0) (x 1) (x 2) (x 3) (x 4) (x 5) (x 6)
  | _ -> (Obj.obj f : f8) (x 0) (x 1) (x 2) (x 3) (x 4) (x 5) (x 6) (x 7)

let of_tuple arity f =
  let call tuple = f (Obj.repr tuple) in
  match arity with
  | 1 -> Obj.repr f
  | 2 -> Obj.repr (fun a b -> call (a, b))
  | 3 -> Obj.repr (fun a b c -> call (a, b, c))
  | 4 -> Obj.repr (fun a b c d -> call (a, b, c, d))
  | 5 -> Obj.repr (fun a b c d e -> call (a, b, c, d, e))
  | 6 -> Obj.repr (fun a b c d e f -> call (a, b, c, d, e, f))
  | 7 -> Obj.repr (fun a b c d e f g -> call (a, b, c, d, e, f, g))
  | _ -> Obj.repr (fun a b c d e f g h -> call (a, b, c, d, e, f, g, h))
