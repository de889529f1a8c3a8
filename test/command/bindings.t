  $ lwt-rust bindings missing.so a.ml a.mli
  lwt-rust: $TESTCASE_ROOT/missing.so: cannot open shared object file: No such file or directory
  [1]
  $ echo text > text.so
  $ lwt-rust bindings text.so a.ml a.mli 2>&1 | sed "s,$PWD,.,"
  lwt-rust: ./text.so: file too short
  $ lwt-rust bindings text.so a.ml 2>/dev/null
  [124]
  $ ls
  text.so
