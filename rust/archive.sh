#!/bin/sh
# Builds the archive of a crate, for a dune rule. doc/linking.md says how it is
# used, and why it is as it is.
#
#   archive.sh MANIFEST PROFILE OCAMLOPT libNAME.a dllNAME.so FLAGS.sexp ARCHIVE.ml
#
# MANIFEST is the crate's Cargo.toml, PROFILE is dune's, and OCAMLOPT is the OCaml
# compiler in use. The others are the files to make: the static library for native
# code, the dynamic one for bytecode and the bindings, the flags that linking the
# static one needs, and the module that says which archive this is. NAME is that
# of the crate's library.
#
# It runs in _build/CONTEXT, as actions do. Cargo's target folder is beside that
# one: inside it, dune would delete what it does not know.
set -eu

usage="usage: archive.sh MANIFEST PROFILE OCAMLOPT libNAME.a dllNAME.so FLAGS.sexp ARCHIVE.ml"
[ $# -eq 7 ] || { echo "$usage" >&2; exit 2; }
manifest=$1 profile=$2 static=$4 dynamic=$5 flags=$6 module=$7
export OCAMLOPT="$3"
OCAML_VERSION=$("$OCAMLOPT" -version) OCAML_WHERE_PATH=$("$OCAMLOPT" -where)
export OCAML_VERSION OCAML_WHERE_PATH
# C code of a crate's is compiled again when the flags change, and not when OCaml's
# headers do: those of a compiler that was upgraded may be in the same place.
export CFLAGS="${CFLAGS:+$CFLAGS }-DLWT_RUST_OCAML_VERSION=$OCAML_VERSION"
name=$(basename "$static" .a)
name=${name#lib}
ours=$(cd "$(dirname "$0")" && pwd)
target=$(dirname "$PWD")/_cargo

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

command -v cargo >/dev/null || fail \
  "cargo is not installed, and this library has a Rust part." \
  "Install Rust 1.85 or later, with rustup or from your system's packages."
[ -f "$manifest" ] || fail "there is no $manifest: it has to be the Cargo.toml of a crate"

set -- --manifest-path "$manifest"
# A lock file that the project has is kept to.
folder=$(cd "$(dirname "$manifest")" && pwd)
root=$folder
while [ "$root" != / ] && [ ! -f "$root/Cargo.lock" ] && [ "$root" != "$PWD" ]; do
  root=$(dirname "$root")
done
[ ! -f "$root/Cargo.lock" ] || set -- "$@" --locked
# The crate lwt-rust is the one that came with this script.
case $folder/ in
  "$ours"/*) ;;
  *) set -- "$@" --config "patch.crates-io.lwt-rust.path='$ours/lwt-rust'" ;;
esac
# So are the crates that it needs, if it came with those. A crate that needs others
# gets all from the network, or from where the project's own configuration says.
vendored=$ours/../vendor
if [ -d "$vendored/crates" ]; then
  vendored=$(cd "$vendored" && pwd)/config.toml
  if cargo metadata --format-version 1 --offline --config "$vendored" "$@" >/dev/null 2>&1; then
    set -- --offline --config "$vendored" "$@"
  fi
fi

set -- "$@" --quiet --target-dir "$target" --lib
# What cargo builds for a target that is named is in that target's folder.
built=$target${CARGO_BUILD_TARGET:+/$CARGO_BUILD_TARGET}
case $profile in
  release) set -- "$@" --release; built=$built/release ;;
  *) built=$built/debug ;;
esac
extension=so
# The bindings are made by loading the dynamic library where not all of OCaml is:
# a function that is missing is missed when it is called, and not before.
flags_of_rustc="-C relro-level=partial"
if [ "$(uname)" = Darwin ]; then
  extension=dylib
  flags_of_rustc="-C link-arg=-undefined -C link-arg=dynamic_lookup"
fi
if [ -n "${RUSTFLAGS+set}" ]; then
  export RUSTFLAGS="$RUSTFLAGS $flags_of_rustc"
else
  # Those of the user's own configuration count too.
  set -- "$@" --config "build.rustflags = '$flags_of_rustc'"
fi

log=$flags.log object=${static%.a}.o
trap 'rm -f "$log" "$object"' EXIT
if ! cargo rustc "$@" -- --print native-static-libs 2>"$log"; then
  cat "$log" >&2
  if grep -qiE 'download|network|resolve host' "$log"; then
    echo "Crates could not be downloaded (opam, say, builds without network): run" >&2
    echo "make vendor where there is one, or use a release, which has the crates." >&2
  fi
  exit 1
fi
[ -f "$built/lib$name.a" ] && [ -f "$built/lib$name.$extension" ] || fail \
  "$manifest does not make lib$name.a and lib$name.$extension. It has to say" \
  "" "  [lib]" "  name = \"$name\"" "  crate-type = [\"staticlib\", \"cdylib\"]"
# rustc says which libraries the archive needs; the rest of what it says is for
# the reader.
libraries=$(sed -n 's/^note: native-static-libs: //p' "$log" | head -n 1)
[ -n "$libraries" ] || fail "rustc did not say which libraries lib$name.a needs."
sed -e '/native-static-libs/d' -e '/^note: [Ll]ink against the following native/d' \
  -e '/^$/d' -e '/^  *|$/d' "$log" >&2
printf '(%s)\n' "$libraries" >"$flags"
printf 'let crate = "%s"\n' "$name" >"$module"

# A linker takes from an archive the objects that something refers to, and nothing
# refers to those with what a crate registers when the program starts. So they all
# become one object, by the linker that OCaml uses, whose name comes with options.
whole=--whole-archive
[ "$(uname)" != Darwin ] || whole=-all_load
set -- $("$OCAMLOPT" -config-var native_pack_linker)
ar=${1%ld}ar
command -v "$ar" >/dev/null || ar=ar
"$@" "$object" $whole "$built/lib$name.a"
rm -f "$static"
ZERO_AR_DATE=1 "$ar" rcs "$static" "$object"
cp "$built/lib$name.$extension" "$dynamic"
