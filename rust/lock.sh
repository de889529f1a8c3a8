# Read by archive.sh: the lock file of the crate, or of its workspace. The build
# keeps it in the project's folder, as cargo does there: it is written when there
# is none, and changed when it does not fit Cargo.toml any more.

# find_lock ARGUMENT...: where it is, in dune's folder and in the project's.
find_lock() {
  root=$(in_crate cargo locate-project --workspace --message-format plain "$@" 2>/dev/null) ||
    root=$context/$manifest
  lock=$(dirname "$root")/Cargo.lock
  authors_lock=$project/${lock#"$context"/}
  # A rule that does not depend on it has no copy.
  if [ -f "$authors_lock" ]; then
    cp "$authors_lock" "$work/lock"
  elif [ -f "$lock" ]; then
    cp "$lock" "$work/lock"
  fi
  forgotten=
}

# dune's copy cannot be written to, and cargo may have to change it.
restore_lock() {
  rm -f "$lock"
  [ ! -f "$work/lock" ] || cat "$work/lock" >"$lock"
}

forget_lock() {
  rm -f "$work/lock"
  forgotten=yes
}

keep_lock() {
  if [ -n "$forgotten" ]; then
    cat >>"$log" <<END
warning: the crates of ${lock#"$context"/} are not to be had, or do not fit lwt_rust.
Those that came with lwt_rust were taken instead, in other versions. To have them in
the lock file, remove that, and build again.
END
  elif ! cmp -s "$lock" "$authors_lock"; then
    # A project that cannot be written to stays without.
    cp "$lock" "$authors_lock" 2>/dev/null || true
  fi
}
