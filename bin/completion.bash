# Completion of lwt-rust for bash.

_lwt_rust() {
  local word=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "bindings config doctor new --help --version" -- "$word")
    return
  fi
  case ${COMP_WORDS[1]}:$word in
    new:-*) mapfile -t COMPREPLY < <(compgen -W "--binding --help" -- "$word") ;;
    bindings:-*) mapfile -t COMPREPLY < <(compgen -W "--crate --help" -- "$word") ;;
    config:-*) mapfile -t COMPREPLY < <(compgen -W "--offline --help" -- "$word") ;;
    *:-*) mapfile -t COMPREPLY < <(compgen -W "--help" -- "$word") ;;
    bindings:*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}
complete -o filenames -F _lwt_rust lwt-rust
