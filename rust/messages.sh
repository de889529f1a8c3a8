# Read by archive.sh: shows cargo's messages to the user.

# fail LINE...: ends with these lines as the error. Without the line `File`, dune would
# show the rule above them.
fail() {
  printf 'File "%s", line 1, characters 0-0:\n' "$manifest" >&2
  printf '%s\n' "$@" >&2
  exit 1
}

# toml TEXT: TEXT as a string of TOML, for cargo's configuration.
toml() { printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/.*/"&"/'; }

# dune shows the output of a command only when the command has ended, and cargo may need
# minutes. So the build shows cargo's progress on the terminal, if there is one, in a
# line that it overwrites and erases at the end.
terminal=
if [ -z "${CI-}${INSIDE_EMACS-}" ] && [ "${TERM:-dumb}" != dumb ] &&
  (: >/dev/tty) 2>/dev/null; then
  terminal=/dev/tty
fi

# follow ARGUMENT...: copies cargo's messages from its input to its output, and shows
# the progress.
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

# show: shows cargo's messages, without those that only archive.sh needs, and with paths
# that open from the project's folder. Above each error or warning is the line of its
# place in a file, as in OCaml's messages. If there is none above the first one, dune would
# show the rule.
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
  with_places <"$work/shown" >"$work/placed"
  case $(head -n 1 "$work/placed") in
    'File '*) ;;
    *) printf 'File "%s", line 1, characters 0-0:\n' "$manifest" >&2 ;;
  esac
  cat "$work/placed" >&2
}

# with_places: copies messages of rustc, and puts the place of each one above it. The
# columns of rustc begin with 1, and those of OCaml with 0.
with_places() {
  awk '
    function give(place) { printf "%s%s", place, held; held = "" }
    /^(error|warning)/ { give(""); held = $0 "\n"; next }
    held == "" { print; next }
    { held = held $0 "\n" }
    /^ *--> .*:[0-9]+:[0-9]+$/ {
      count = split($0, parts, ":")
      column = parts[count]
      file = substr($0, index($0, "--> ") + 4)
      file = substr(file, 1, length(file) - length(column) - length(parts[count - 1]) - 2)
      give("File \"" file "\", line " parts[count - 1] ", characters " column - 1 "-" column ":\n")
    }
    /^$/ { give("") }
    END { give("") }'
}

# advise: adds advice to the log, for errors whose solution is known.
advise() {
  if grep -q "believes it's in a workspace when it's not" "$log"; then
    cat >>"$log" <<END

In dune's folder, this crate is no member of the workspace above. If the crate is to
stand alone, add a line [workspace] to its Cargo.toml. If it is a member, run dune in
the workspace's folder, and let the rule depend on the workspace: doc/linking.md has
an example, in "A Cargo workspace above".
END
  elif find_missing; then
    {
      printf '\nFor dune, %s is no dependency of the archive, so cargo does not find it in dune'"'"'s\n' "$missing"
      printf 'folder. Add it to the (deps ...) of the rule in %s:\n\n' "$crate/dune"
      printf '  (source_tree %s)\n' "$missing"
      [ -z "$is_outside" ] || {
        printf '\nThis is outside of the folder in which dune runs. A folder above both becomes dune'"'"'s root\n'
        printf 'by a file dune-workspace in it, with the line (lang dune 3.17).\n'
      }
    } >>"$log"
  elif lacks_crates; then
    cat >>"$log" <<END

Cargo lacks crates, and has no network to get them. Build once with a network: cargo
keeps the crates, and later builds need no network. When opam builds a package, there
is no network: doc/linking.md says how the package brings its crates, in "Shipping a
project".
END
  fi
}

# find_missing: whether cargo has not found the crate of a path, although the author has it. Sets
# $missing, the path as the rule would name it, and $is_outside.
find_missing() {
  folder=$(sed -n 's/^ *failed to read `\(.*\)\/Cargo\.toml`$/\1/p' "$log" | head -n 1)
  [ -n "$folder" ] || return
  missing= is_outside= place=$crate
  while [ "$place" != . ]; do
    missing=../$missing place=$(dirname "$place")
  done
  below=$context authors=$project
  while [ "${folder#"${below%/}"/}" = "$folder" ]; do
    missing=../$missing below=$(dirname "$below") authors=$(dirname "$authors") is_outside=yes
  done
  missing=$missing${folder#"${below%/}"/}
  [ -f "$authors/${folder#"${below%/}"/}/Cargo.toml" ]
}

# linked_folders: prints a flag for each folder of libraries that a build script names,
# if the folder has a library that the archive needs.
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
        # OCaml splits a flag at a space.
        case $folder in
          *' '*) echo "warning: OCaml cannot search $folder for libraries, because the name has a space" >>"$log" ;;
          *) printf '%s ' "$(toml "-L$folder")" ;;
        esac
        break
      done
    done
}
