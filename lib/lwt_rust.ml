include Errors
module Call = Call
module Promise = Promise
module Runtime = Runtime

let archive = Archive.crate
let () = Callbacks.register ()
