#!/bin/sh
# Builds the archive of a crate, for a dune rule. doc/linking.md explains its use and
# its design.
#
#   archive.sh MANIFEST PROFILE OCAMLOPT libNAME.a dllNAME.so FLAGS.sexp ARCHIVE.ml
#     [OPTION...]
#
# MANIFEST is the crate's Cargo.toml, PROFILE is dune's, and OCAMLOPT is the OCaml
# compiler in use. The script makes the other files: the static library for native code
# and the bindings, the dynamic one for bytecode, the flags for linking the static one,
# and a module with the name of the archive. NAME is the name of the crate's library. The
# OPTIONs are some of cargo's.
set -eu

usage="usage: archive.sh MANIFEST PROFILE OCAMLOPT libNAME.a dllNAME.so FLAGS.sexp ARCHIVE.ml [OPTION...]
Options of cargo, which may follow %{targets} in the rule:
  --features NAMES  --all-features  --no-default-features  --profile NAME  --target TRIPLE"
# Without the line \`File\`, dune shows the rule above this.
refuse() { printf '%s\n%s\n' "$1" "$usage" >&2; exit 2; }
[ $# -ge 7 ] || refuse "The rule has to name seven files."
manifest=$1 profile=$2 static=$4 dynamic=$5 flags=$6 module=$7
export OCAMLOPT="$3"
shift 7
# Leaves the options that choose features, which several commands of cargo take.
profile_option= triple= left=$#
[ "$profile" != release ] || profile_option=--release
while [ "$left" -gt 0 ]; do
  option=$1 left=$((left - 1))
  shift
  case $option in
    --features | --profile | --target)
      [ "$left" -gt 0 ] || refuse "The option $option needs a value."
      value=$1 left=$((left - 1))
      shift
      ;;
    --*=*) value=${option#*=} option=${option%%=*} ;;
    *) value= ;;
  esac
  case $option in
    --features) set -- "$@" --features "$value" ;;
    --all-features | --no-default-features)
      [ -z "$value" ] || refuse "The option $option has no value."
      set -- "$@" "$option"
      ;;
    --profile) profile_option=--profile=$value ;;
    --target) triple=$value ;;
    *) refuse "The rule cannot give the option $option to cargo." ;;
  esac
done
name=$(basename "$static" .a)
name=${name#lib}
. "$(dirname "$0")/places.sh"
. "$ours/messages.sh"
. "$ours/lock.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# cargo's messages to people, and its messages to programs.
log=$work/log messages=$work/messages

command -v cargo >/dev/null || fail \
  "cargo is not installed, and this library has a Rust part." \
  "Install Rust 1.85 or later, with rustup or from your system's packages."
[ -f "$context/$manifest" ] ||
  fail "There is no $manifest: the rule has to name the Cargo.toml of a crate."

OCAML_VERSION=$("$OCAMLOPT" -version) OCAML_WHERE_PATH=$("$OCAMLOPT" -where)
export OCAML_VERSION OCAML_WHERE_PATH
# Cargo's folder is beside dune's. Inside dune's folder, dune would delete cargo's
# files, which it does not know. Each OCaml compiler has a folder of its own, because
# some build scripts do not notice that a path leads to another compiler than before.
compiler=$("$OCAMLOPT" -config | cksum | cut -d ' ' -f 1)
target=$(dirname "$context")/_cargo/ocaml-$OCAML_VERSION-$compiler

# Cargo takes the crate lwt-rust that came with this script.
set -- --manifest-path "$context/$manifest" "$@"
case $context/$crate/ in
  "$ours"/*) ;;
  *) set -- "$@" --config "patch.crates-io.lwt-rust.path = $(toml "$ours/lwt-rust")" ;;
esac

extension=so flags_of_rustc= whole=--whole-archive
case ${triple:-$(uname)} in
  *-apple-* | Darwin)
    # The loader finds OCaml's functions when it loads the dynamic library.
    flags_of_rustc="-C link-arg=-undefined -C link-arg=dynamic_lookup"
    extension=dylib whole=-all_load
    ;;
esac

# Runs cargo where the crate's author would run it, since cargo reads the configuration
# there.
in_crate() { (cd "$author" && "$@"); }

# attempt ARGUMENT...: builds the crate, with the lock file as it was before the first
# attempt.
attempt() {
  restore_lock
  rm -f "$work/pipe"
  mkfifo "$work/pipe"
  follow "$@" <"$work/pipe" >"$log" &
  follower=$! status=0
  # shellcheck disable=SC2086
  in_crate cargo rustc "$@" --lib ${profile_option:+"$profile_option"} \
    ${triple:+--target "$triple"} --target-dir "$target" \
    --message-format=json-render-diagnostics -- --print native-static-libs $flags_of_rustc \
    >"$messages" 2>"$work/pipe" || status=$?
  wait "$follower"
  return $status
}

# Whether the crates that came with this script are all that the crate needs. If it
# needs others, cargo gets all crates in its usual way.
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

# build ARGUMENT...: builds the crate. If there is no network, it uses the crates that
# are on the machine.
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
  # The lock file may name versions that did not come with this script. Try without the
  # lock file.
  forget_lock
  if has_all "$@"; then
    attempt "$@" --offline --config "$vendored/config.toml"
    return
  fi
  cp "$work/log.first" "$log"
  return 1
}

find_lock
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
  "This crate does not make lib$name.a and lib$name.$extension. Its Cargo.toml has to say" \
  "" "  [lib]" "  name = \"$name\"" "  crate-type = [\"staticlib\", \"cdylib\"]"

# rustc tells the libraries that the archive needs. -lgcc_s is left out: the linker that
# OCaml calls finds libgcc by itself, and a static program needs another variant of it.
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

# A crate may register things when the program starts. No other object refers to the
# object with that code, and a linker takes from an archive only the objects that others
# refer to. So all objects are joined into one, by the linker that OCaml uses. OCaml's
# configuration names that linker together with options.
object=$work/all.o
# shellcheck disable=SC2046
set -- $("$OCAMLOPT" -config-var native_pack_linker)
ar=${1%ld}ar
command -v "$ar" >/dev/null || ar=ar
"$@" "$object" $whole "$library"
rm -f "$static"
ZERO_AR_DATE=1 "$ar" rcs "$static" "$object"
cp "$plugin" "$dynamic"
