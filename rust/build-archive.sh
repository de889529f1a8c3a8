#!/bin/sh
# Builds the archive of a crate, for a dune rule.
#
#   build-archive.sh PROJECT CRATE PROFILE OCAMLOPT VERSION WHERE LIB.a DLL.so FLAGS
#
# PROJECT is the folder of dune-project, PROFILE is dune's, and OCAMLOPT, VERSION
# and WHERE are those of the OCaml compiler in use. The last three are the files
# to make: the static library for native code, the dynamic one for bytecode, and
# the flags that linking the static one needs.
#
# The rule runs it in _build/CONTEXT. Cargo's target folder is beside that one:
# inside it, dune would delete what it does not know.
set -eu

project=$1 crate=$2 profile=$3 static=$7 dynamic=$8 flags=$9
export OCAMLOPT="$4" OCAML_VERSION="$5" OCAML_WHERE_PATH="$6"
target=$(dirname "$PWD")/_cargo

command -v cargo >/dev/null || {
  echo "cargo is not installed, and lwt_rust has a Rust part." >&2
  echo "Install Rust 1.85 or later, with rustup or from your system's packages." >&2
  exit 1
}

set -- --quiet --locked --manifest-path "$project/rust/Cargo.toml" \
  --target-dir "$target" --package "$crate" --lib
# What cargo builds for a target that is named is in that target's folder.
built=$target${CARGO_BUILD_TARGET:+/$CARGO_BUILD_TARGET}
case $profile in
  release) set -- "$@" --release; built=$built/release ;;
  *) built=$built/debug ;;
esac
if [ -d "$project/vendor/crates" ]; then
  set -- "$@" --offline --config "$(cd "$project" && pwd)/vendor/config.toml"
fi
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

log=$flags.log
trap 'rm -f "$log"' EXIT
if ! cargo rustc "$@" -- --print native-static-libs 2>"$log"; then
  cat "$log" >&2
  if grep -qiE 'download|network|resolve host' "$log"; then
    echo "Crates could not be downloaded (opam, say, builds without network): run" >&2
    echo "make vendor where there is one, or use a release, which has the crates." >&2
  fi
  exit 1
fi
# rustc says which libraries the archive needs; the rest of what it says is for
# the reader.
libraries=$(sed -n 's/^note: native-static-libs: //p' "$log" | head -n 1)
[ -n "$libraries" ] || {
  echo "rustc did not say which libraries the archive of $crate needs." >&2
  exit 1
}
sed -e '/native-static-libs/d' -e '/^note: [Ll]ink against the following native/d' \
  -e '/^$/d' -e '/^  *|$/d' "$log" >&2
printf '(%s)\n' "$libraries" >"$flags"

name=$(printf %s "$crate" | tr - _)
cp "$built/lib$name.a" "$static"
cp "$built/lib$name.$extension" "$dynamic"
