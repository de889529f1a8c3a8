#!/bin/sh
# The two demonstrations: examples/demo.sh [FILE]
set -eu
cd "$(dirname "$0")/.."
file=${1:-README.md}
built=${DUNE_BUILD_DIR:-_build}/default

dune build --profile release examples/proof.exe examples/lines.exe bench/bench.exe

"$built/examples/proof.exe"

# system_calls (lwt | proof): the system calls of 10,000 turns, by their names.
system_calls() {
  strace -f -c -U calls,name -o "$counts" "$built/bench/bench.exe" run "$1" 10000 >/dev/null
  awk '$1 ~ /^[0-9]+$/ && $1 >= 1000 && $2 != "total" { calls = calls ", " $1 " " $2 }
    $1 ~ /^[0-9]+$/ && $1 < 1000 { rest += $1 }
    END { print substr(calls, 3) ", " rest + 0 " others" }' "$counts"
}

echo
if command -v strace >/dev/null; then
  counts=$(mktemp)
  trap 'rm -f "$counts"' EXIT
  echo "System calls of 10,000 turns, start and end of the process included:"
  echo "  a bare loop over Lwt.pause:    $(system_calls lwt)"
  echo "  Rust awaiting Lwt.pause:       $(system_calls proof)"
else
  echo "(with strace installed, the system calls would be counted here)"
fi

echo
echo "Rust reads $file, and OCaml answers each line:"
"$built/examples/lines.exe" "$file"
echo "wc says: $(wc -lc "$file")"
