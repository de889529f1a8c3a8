(* The plugin puts its check here, for the program that loads it. *)
let it : (unit -> unit) ref = ref (fun () -> failwith "nothing was loaded")
