# Read by archive.sh and toolchain.sh, which dune's rules call in _build/CONTEXT:
# says where things are, whether or not the rule runs in a sandbox. It needs
# $manifest, the crate's Cargo.toml as the rule names it.
#
# A sandbox has another path each time, and cargo builds a crate again that is
# found elsewhere. So cargo reads the files in _build/CONTEXT, of which a sandbox has
# copies or links: they are the same, for the rule depends on them.

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

# _build/CONTEXT, and the project's own folder.
context=$(outside_sandbox "$PWD")
project=${DUNE_SOURCEROOT:-$context}
# The folder of the crates that come with this package.
ours=$(outside_sandbox "$(cd "$(dirname "$0")" && pwd)")
# The crate's folder: dune's copy of it, and the one that its author sees. Cargo
# and rustup look for their configuration in the latter and above it.
crate=$(dirname "$manifest")
author=$project/$crate
[ -d "$author" ] || author=$context/$crate
