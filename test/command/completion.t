Each command is known to the completion, and each has a page:

  $ cat > complete <<'END'
  > . ../../bin/completion.bash
  > COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  > _lwt_rust
  > echo "${COMPREPLY[@]}"
  > END
  $ bash complete lwt-rust ''
  bindings config doctor new --help --version
  $ bash complete lwt-rust n
  new
  $ bash complete lwt-rust config --
  --offline --help
  $ bash complete lwt-rust bindings --c
  --crate
  $ for command in $(bash complete lwt-rust '' | sed 's/--.*//'); do
  >   lwt-rust $command --help=plain | sed -n 2p
  > done
         lwt-rust-bindings - write the OCaml module of a crate
         lwt-rust-config - print a configuration for cargo
         lwt-rust-doctor - check what a project needs
         lwt-rust-new - write a new project
  $ lwt-rust --help=plain | sed -n 's/^       \([a-z]*\) .*OPTION.*/\1/p' | paste -sd ' '
  bindings config doctor new
  $ lwt-rust --version
  0.1.0
