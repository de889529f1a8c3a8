#!/bin/sh
# The two demonstrations: examples/demo.sh [FILE]
set -eu
cd "$(dirname "$0")/.."
dune build --profile release examples/proof.exe examples/lines.exe
dune exec --profile release examples/proof.exe
file=${1:-README.md}
echo
echo "Rust reads $file, and OCaml answers each line:"
dune exec --profile release examples/lines.exe "$file"
echo "wc says: $(wc -lc "$file")"
