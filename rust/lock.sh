# Read by archive.sh: the lock file of the crate, or of its workspace. The build keeps
# the lock file in the project's folder, as cargo does. It writes the file if there is
# none, and changes it if it does not fit Cargo.toml any more.

# find_lock: finds the lock file, in dune's folder and in the project's.
find_lock() {
  root=$(in_crate cargo locate-project --workspace --message-format plain \
    --manifest-path "$context/$manifest" 2>/dev/null) ||
    root=$context/$manifest
  lock=$(dirname "$root")/Cargo.lock
  authors_lock=$project/${lock#"$context"/}
  # If the rule does not depend on the lock file, dune has no copy of it.
  if [ -f "$authors_lock" ]; then
    cp "$authors_lock" "$work/lock"
  elif [ -f "$lock" ]; then
    cp "$lock" "$work/lock"
  fi
  forgotten=
}

# dune's copy is read-only, and cargo may have to change it.
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
warning: cargo cannot get the crates of ${lock#"$context"/}, or they do not fit lwt_rust.
The build used those that came with lwt_rust instead, in other versions. To have these
versions in the lock file, remove the lock file and build again.
END
  elif ! cmp -s "$lock" "$authors_lock"; then
    # If the project is read-only, it gets no lock file.
    cp "$lock" "$authors_lock" 2>/dev/null || true
  fi
}
