# Read by archive.sh and toolchain.sh, which dune's rules call in _build/CONTEXT. It
# finds the folders of the build, whether or not the rule runs in a sandbox. It needs
# $manifest, the crate's Cargo.toml as the rule names it.
#
# Each sandbox has another path, and cargo builds a crate again when its path has
# changed. So cargo reads the files in _build/CONTEXT. A sandbox has copies of these
# files or links to them. They have the same content, because the rule depends on them.

# outside_sandbox PATH: _build/.sandbox/HASH/PLACE is _build/PLACE.
outside_sandbox() {
  case $1 in
    */.sandbox/*/*)
      place=${1#*/.sandbox/}
      printf '%s\n' "${1%%/.sandbox/*}/${place#*/}"
      ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# The folder _build/CONTEXT, and the project's own folder.
context=$(outside_sandbox "$PWD")
project=${DUNE_SOURCEROOT:-$context}
# The folder of the crates that come with this package.
ours=$(outside_sandbox "$(cd "$(dirname "$0")" && pwd)")
# The crate's folder: dune's copy of it, and its author's folder. Cargo and rustup look
# for their configuration in the author's folder and above it.
crate=$(dirname "$manifest")
author=$project/$crate
[ -d "$author" ] || author=$context/$crate
