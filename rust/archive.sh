#!/bin/sh
# Builds the archive of a crate, for a dune rule. doc/linking.md says how it is
# used, and why it is as it is.
#
#   archive.sh MANIFEST PROFILE OCAMLOPT libNAME.a dllNAME.so FLAGS.sexp ARCHIVE.ml
#
# MANIFEST is the crate's Cargo.toml, PROFILE is dune's, and OCAMLOPT is the OCaml
# compiler in use. The others are the files to make: the static library for native
# code and the bindings, the dynamic one for bytecode, the flags that linking the
# static one needs, and the module that says which archive this is. NAME is that
# of the crate's library.
set -eu

usage="usage: archive.sh MANIFEST PROFILE OCAMLOPT libNAME.a dllNAME.so FLAGS.sexp ARCHIVE.ml"
[ $# -eq 7 ] || { echo "$usage" >&2; exit 2; }
manifest=$1 profile=$2 static=$4 dynamic=$5 flags=$6 module=$7
export OCAMLOPT="$3"
name=$(basename "$static" .a)
name=${name#lib}
. "$(dirname "$0")/places.sh"
. "$ours/messages.sh"
. "$ours/lock.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What cargo says to people, and what it says to programs.
log=$work/log messages=$work/messages

command -v cargo >/dev/null || fail \
  "cargo is not installed, and this library has a Rust part." \
  "Install Rust 1.85 or later, with rustup or from your system's packages."
[ -f "$context/$manifest" ] ||
  fail "There is no $manifest: it has to be the Cargo.toml of a crate."

OCAML_VERSION=$("$OCAMLOPT" -version) OCAML_WHERE_PATH=$("$OCAMLOPT" -where)
export OCAML_VERSION OCAML_WHERE_PATH
# Cargo's folder is beside dune's: inside it, dune would delete what it does not
# know. Each OCaml compiler has its own, because not every build script notices
# that the compiler at a path is another one than before.
compiler=$("$OCAMLOPT" -config | cksum | cut -d ' ' -f 1)
target=$(dirname "$context")/_cargo/ocaml-$OCAML_VERSION-$compiler

# The crate lwt-rust is the one that came with this script.
set -- --manifest-path "$context/$manifest"
case $context/$crate/ in
  "$ours"/*) ;;
  *) set -- "$@" --config "patch.crates-io.lwt-rust.path = $(toml "$ours/lwt-rust")" ;;
esac

extension=so flags_of_rustc=
if [ "$(uname)" = Darwin ]; then
  # The functions of OCaml's are found when the dynamic library is loaded.
  flags_of_rustc="-C link-arg=-undefined -C link-arg=dynamic_lookup"
  extension=dylib
fi
case $profile in
  release) release=--release ;;
  *) release= ;;
esac

# Cargo reads its configuration where the crate's author would run it.
in_crate() { (cd "$author" && "$@"); }

# attempt ARGUMENT...: builds the crate. The lock file is as it was before.
attempt() {
  restore_lock
  rm -f "$work/pipe"
  mkfifo "$work/pipe"
  follow "$@" <"$work/pipe" >"$log" &
  follower=$! status=0
  # shellcheck disable=SC2086
  in_crate cargo rustc "$@" --lib $release --target-dir "$target" \
    --message-format=json-render-diagnostics -- --print native-static-libs $flags_of_rustc \
    >"$messages" 2>"$work/pipe" || status=$?
  wait "$follower"
  return $status
}

# Whether the crates that came with this script are all that the crate needs. If
# it needs others, cargo gets them all as it always does.
vendored=$ours/../vendor
has_all() {
  restore_lock
  [ -d "$vendored/crates" ] &&
    in_crate cargo metadata --format-version 1 --offline --config "$vendored/config.toml" "$@" \
      >/dev/null 2>&1
}

lacks_crates() {
  ! grep -q 'could not compile' "$log" &&
    grep -qiE 'download|network|resolve host|failed to (get|fetch|query)|--offline|no matching package|locked to' "$log"
}

# build ARGUMENT...: without a network, from the crates that there are.
build() {
  if has_all "$@"; then
    attempt "$@" --offline --config "$vendored/config.toml"
    return
  fi
  attempt "$@" && return
  lacks_crates || return
  cp "$log" "$work/log.first"
  attempt "$@" --offline && return
  lacks_crates || return
  # The lock file may name other versions than those that came with this script.
  forget_lock
  if has_all "$@"; then
    attempt "$@" --offline --config "$vendored/config.toml"
    return
  fi
  cp "$work/log.first" "$log"
  return 1
}

find_lock "$@"
if ! build "$@"; then
  restore_lock
  advise
  show
  exit 1
fi
keep_lock

# file PATTERN: the path of a file that cargo made.
file() {
  sed -nE 's/.*"reason":"compiler-artifact".*[[,]"((\\.|[^"\\])*\/'"$1"')".*/\1/p' "$messages" |
    tail -n 1 | sed -E 's/\\(.)/\1/g'
}
library=$(file "lib$name\\.a") plugin=$(file "lib$name\\.$extension")
[ -n "$library" ] && [ -n "$plugin" ] || fail \
  "This crate does not make lib$name.a and lib$name.$extension. It has to say" \
  "" "  [lib]" "  name = \"$name\"" "  crate-type = [\"staticlib\", \"cdylib\"]"

# rustc says which libraries the archive needs. The linker that OCaml calls finds
# libgcc by itself, and a static program has another one of the kind.
libraries=$(sed -n 's/^note: native-static-libs: //p' "$log" | head -n 1)
[ -n "$libraries" ] || fail "rustc did not say which libraries lib$name.a needs."
{
  printf '('
  linked_folders
  for library_flag in $libraries; do
    [ "$library_flag" = -lgcc_s ] || printf '%s ' "$library_flag"
  done
  printf ')\n'
} >"$flags"
show

printf 'let crate = "%s"\n' "$name" >"$module"

# A linker takes from an archive the objects that something refers to, and nothing
# refers to those with what a crate registers when the program starts. So they all
# become one object, by the linker that OCaml uses, whose name comes with options.
object=$work/all.o whole=--whole-archive
[ "$(uname)" != Darwin ] || whole=-all_load
# shellcheck disable=SC2046
set -- $("$OCAMLOPT" -config-var native_pack_linker)
ar=${1%ld}ar
command -v "$ar" >/dev/null || ar=ar
"$@" "$object" $whole "$library"
rm -f "$static"
ZERO_AR_DATE=1 "$ar" rcs "$static" "$object"
cp "$plugin" "$dynamic"
