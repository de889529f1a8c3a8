open Lwt.Infix

(* {1 Rust readers and writers} *)

(* Large, since each operation goes to another thread and back. *)
let size = 262_144

(* If it is cancelled, the result is left for the next operation. *)
let perform device buffer start length =
  Call.promise (Raw.device_run device buffer start length) >|= fun () ->
  Outcome.get (Raw.device_take device buffer start length)

let make mode device =
  Lwt_io.make ~mode ~buffer:(Lwt_bytes.create size)
    ~close:(fun () -> Call.promise (Raw.device_close device))
    (perform device)

let input device = make Lwt_io.input device
let output device = make Lwt_io.output device

(* {1 Channels that Rust uses} *)

let read (channel, most) =
  let buffer = Bytes.create most in
  Lwt_io.read_into channel buffer 0 most >|= fun count ->
  if count = most then buffer else Bytes.sub buffer 0 count

let write (channel, bytes) =
  Lwt_io.write_from_exactly channel bytes 0 (Bytes.length bytes)
