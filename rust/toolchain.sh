#!/bin/sh
# Prints the dependencies of an archive that are not files of the project: compilers,
# flags, cargo's configuration. dune's rules write them to a file at each build, and
# make the archive again when the file has changed.
#
#   toolchain.sh MANIFEST OCAMLOPT
#
# MANIFEST is the crate's Cargo.toml, and OCAMLOPT is the OCaml compiler in use.
set -eu

[ $# -eq 2 ] || { echo "usage: toolchain.sh MANIFEST OCAMLOPT" >&2; exit 2; }
manifest=$1 ocamlopt=$2
. "$(dirname "$0")/places.sh"
cd "$author"

# If a program is missing, archive.sh reports it.
for program in rustc cargo; do
  command -v $program || true
  $program -vV 2>/dev/null || true
done
printf '%s\n' "$ocamlopt"
"$ocamlopt" -config

# The variables from which cargo, rustc, OCaml and C compilers take flags, without
# secrets, and without those that do not change the result.
env | LC_ALL=C sort | grep -E '^(CARGO|RUST|OCAMLPARAM=|(HOST_|TARGET_)?(CC|CFLAGS|AR)[_=])' |
  grep -vE '^[A-Z_]*TOKEN=|^CARGO_(MAKEFLAGS|NET_|TERM_)|^RUST_(BACKTRACE|LOG|TEST_)' || true

# Cargo's configuration: beside the crate, above it, and the user's own.
folder=$PWD
while :; do
  for name in config.toml config; do
    [ ! -f "$folder/.cargo/$name" ] || cksum "$folder/.cargo/$name"
  done
  [ "$folder" != / ] || break
  folder=$(dirname "$folder")
done
for name in config.toml config; do
  file=${CARGO_HOME:-${HOME-}/.cargo}/$name
  [ ! -f "$file" ] || cksum "$file"
done
