let self () = (Domain.self () :> int)
