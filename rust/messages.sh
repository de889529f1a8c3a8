# Read by archive.sh: what cargo says, and how a user is told.

# fail LINE...: the first line takes the place of the rule, which dune would show.
fail() {
  printf 'File "%s", line 1, characters 0-0:\n' "$manifest" >&2
  printf '%s\n' "$@" >&2
  exit 1
}

# toml TEXT: a string as cargo's configuration has it.
toml() { printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/.*/"&"/'; }

# dune shows nothing of a command before it has ended, and cargo may need minutes.
# So what cargo is at goes to the terminal, if there is one, in a line that is
# written over and does not stay.
terminal=
if [ -z "${CI-}${INSIDE_EMACS-}" ] && [ "${TERM:-dumb}" != dumb ] &&
  (: >/dev/tty) 2>/dev/null; then
  terminal=/dev/tty
fi

# follow ARGUMENT...: passes on what cargo says, and shows where it is.
follow() {
  crates=
  while IFS= read -r line; do
    printf '%s\n' "$line"
    [ -n "$terminal" ] || continue
    case $line in
      *' Compiling '*)
        what=${line#*Compiling }
        [ -n "$crates" ] || crates=$(in_crate cargo tree "$@" --prefix none \
          --no-dedupe --edges normal,build 2>/dev/null | sort -u | wc -l)
        built=$(sed -n 's/.*"reason":"compiler-artifact","package_id":"\([^"]*\)".*/\1/p' \
          "$messages" | sort -u | wc -l)
        what="compiling ${what%% (*}, $((crates - built)) of $((crates)) crates left"
        ;;
      *' Updating '* | *' Downloading '* | *' Downloaded '* | *' Blocking '*)
        what=$(printf '%s' "$line" | sed 's/^ *//')
        ;;
      *) continue ;;
    esac
    printf '\r\033[K%.79s' "cargo: $what" >$terminal
  done
  [ -z "$terminal" ] || printf '\r\033[K' >$terminal
}

# show: what cargo said, without what it said for us, and with paths that open from
# the project's folder. It begins with a place as OCaml's messages do: dune shows
# the rule above those that do not.
show() {
  states='Adding|Blocking|Building|Compiling|Downgrading|Downloaded|Downloading|Finished'
  states="$states|Locking|Removing|Unchanged|Updating|Upgrading"
  folder=$(dirname "$lock")
  folder=${folder#"$context"}
  folder=${folder#/}
  prefix=$(printf '%s' "${folder:+$folder/}" | sed 's/[\\&|]/\\&/g')
  here=$(printf '%s' "$context" | sed 's/[][\\.*^$|]/\\&/g')
  sed -E -e "/^ +($states) /d" -e '/^note: native-static-libs/d' \
    -e '/^note: [Ll]ink against the following native/d' \
    -e "s|^( *)(-->\|:::) ([^/<])|\\1\\2 $prefix\\3|" "$log" |
    sed -e "s|$here/||g" | cat -s >"$work/shown"
  grep -q . "$work/shown" || return 0
  sed -nE 's/^ *--> (.*):([0-9]+):([0-9]+)$/File "\1", line \2, characters \3-\3:/p' \
    "$work/shown" | head -n 1 >"$work/place"
  [ -s "$work/place" ] ||
    printf 'File "%s", line 1, characters 0-0:\n' "$manifest" >"$work/place"
  cat "$work/place" "$work/shown" >&2
}

# advise: adds to the log what to do.
advise() {
  if grep -q "believes it's in a workspace when it's not" "$log"; then
    cat >>"$log" <<END

In dune's folder, this crate is none of the workspace above. If it is to be by
itself, add a line [workspace] to its Cargo.toml. If it is a member, run dune in the
workspace's folder, and let the rule depend on the workspace: doc/linking.md has an
example, in "Several crates".
END
  elif lacks_crates; then
    cat >>"$log" <<END

Cargo lacks crates, and has no network to get them by. Build once with a network:
cargo keeps them, and later builds need none. A package that opam builds has no
network: doc/linking.md says how it brings its crates, in "Shipping a project".
END
  fi
}

# linked_folders: the flags for folders of libraries that build scripts name, if a
# library that the archive needs is there.
linked_folders() {
  sed -nE 's/.*"reason":"build-script-executed".*"linked_paths":\[([^]]*)\].*/\1/p' "$messages" |
    grep -oE '"(\\.|[^"\\])*"' | sort -u |
    while IFS= read -r folder; do
      folder=$(printf '%s' "$folder" | sed -E 's/^"(native=|all=)?//; s/"$//; s/\\\\(.)/\1/g')
      for needed in $libraries; do
        case $needed in
          -l*) set -- "$folder/lib${needed#-l}".* ;;
          *) continue ;;
        esac
        [ -e "$1" ] || continue
        # OCaml takes a flag with a space in it for several.
        case $folder in
          *' '*) echo "warning: OCaml cannot be told of $folder, for its name has a space" >>"$log" ;;
          *) printf '%s ' "$(toml "-L$folder")" ;;
        esac
        break
      done
    done
}
