# One line each: what there is to do is in the files these call.

demo:   ; dev/with-ocaml examples/demo.sh $(FILE)
test:   ; dev/with-ocaml dune build @default @runtest
fmt:    ; dev/debian-root trixie dev/format
lint:   ; dev/debian-root trixie dev/lint
loom:   ; dev/with-ocaml dev/loom
memcheck: ; dev/debian-root trixie dev/memcheck
tsan:   ; dev/debian-root trixie dev/tsan
doc:    ; dev/with-ocaml dune build @doc
bench:  ; dev/with-ocaml dev/bench
counts: ; dev/debian-root trixie dev/counts
vendor: ; dev/with-ocaml dev/vendor
dist:   ; dev/with-ocaml dev/dist

.PHONY: demo test fmt lint loom memcheck tsan doc bench counts vendor dist
