A project has the name it was given, everywhere:

  $ lwt-rust new my-app
  my-app/.github/workflows/ci.yml
  my-app/.gitignore
  my-app/README.md
  my-app/bin/dune
  my-app/bin/main.ml
  my-app/dune-project
  my-app/lib/dune
  my-app/my-app.opam
  my-app/rust/Cargo.toml
  my-app/rust/dune
  my-app/rust/src/lib.rs
  my-app/test/dune
  my-app/test/test.ml
  
  Now:
  
    cd my-app
    dune build
    dune test
    dune exec my-app
  $ grep -rlE 'my-project|my_project|My_project' my-app
  [1]
  $ head -n 4 my-app/lib/dune
  ; The module My_app, made of what the crate in rust/ says of itself.
  
  (library
   (name my_app)
  $ ls -A my-app
  .github
  .gitignore
  README.md
  bin
  dune-project
  lib
  my-app.opam
  rust
  test

An empty folder will do, one with something in it will not:

  $ mkdir empty
  $ lwt-rust new empty | tail -n 1
    dune exec empty
  $ echo mine > my-app/README.md
  $ lwt-rust new my-app
  lwt-rust: there is something in my-app already, and nothing is overwritten
  [1]
  $ cat my-app/README.md
  mine
  $ touch file
  $ lwt-rust new file
  lwt-rust: file: Not a directory
  [1]

Names that OCaml, Rust or opam cannot have:

  $ lwt-rust new Hello
  lwt-rust: "Hello" cannot be the name of a package: it has to begin with a small letter, go on with small letters, digits, - or _, and have at most 60 of them
  [1]
  $ lwt-rust new ''
  lwt-rust: "" cannot be the name of a package: it has to begin with a small letter, go on with small letters, digits, - or _, and have at most 60 of them
  [1]
  $ lwt-rust new ../elsewhere
  lwt-rust: "../elsewhere" cannot be the name of a package: it has to begin with a small letter, go on with small letters, digits, - or _, and have at most 60 of them
  [1]
  $ lwt-rust new 1st
  lwt-rust: "1st" cannot be the name of a package: it has to begin with a small letter, go on with small letters, digits, - or _, and have at most 60 of them
  [1]
  $ lwt-rust new match
  lwt-rust: "match" is taken: choose another name
  [1]
  $ lwt-rust new lwt_rust
  lwt-rust: "lwt_rust" is taken: choose another name
  [1]
  $ ls
  empty
  file
  my-app

The bindings of a Cargo workspace. Without cargo, the command does not know the
members:

  $ mkdir workspace && cd workspace
  $ lwt-rust new --binding my-app
  lwt-rust: there is no Cargo.toml with a line [workspace] in this folder: run the command in the folder of a Cargo workspace, or leave out --binding
  [1]
  $ echo '[workspace]' > Cargo.toml
  $ echo 'members = ["core"]' >> Cargo.toml
  $ (PATH=$(dirname $(command -v lwt-rust)) && lwt-rust new --binding my-app)
  my-app/bin/dune
  my-app/bin/main.ml
  my-app/lib/dune
  my-app/rust/Cargo.toml
  my-app/rust/dune
  my-app/rust/src/lib.rs
  my-app/test/dune
  my-app/test/test.ml
  dune
  dune-project
  my-app.opam
  
  Now:
  
    add "my-app/rust" to the members in Cargo.toml
    dune build
    dune test
    dune exec my-app
  $ grep -rlE 'my-project|my_project|My_project' .
  [1]
  $ cat my-app/rust/Cargo.toml
  [package]
  name = "my-app-stubs"
  version = "0.1.0"
  edition = "2024"
  publish = false
  
  [lib]
  name = "my_app_stubs"
  crate-type = ["staticlib", "cdylib"]
  
  [dependencies]
  lwt-rust = "0.1"
  tokio = { version = "1", features = ["time"] }
  $ grep source_tree my-app/rust/dune
    (source_tree %{project_root})
  $ cat dune
  ; Cargo's folder, which dune need not copy.
  
  (dirs :standard \ target)

No file is changed:

  $ lwt-rust new --binding my-app
  lwt-rust: there is something in my-app already, and nothing is overwritten
  [1]
  $ cat > dune-project <<END
  > (lang dune 3.17)
  > (package (name other))
  > END
  $ echo '(data_only_dirs core)' > dune
  $ lwt-rust new --binding second | sed -n '/^Now/,$p'
  Now:
  
    add "second/rust" to the members in Cargo.toml
    write (dirs :standard \ target) into the file dune
    write (package (name second) (depends lwt lwt_rust)) into dune-project
    dune build
    dune test
    dune exec second
  $ cat dune
  (data_only_dirs core)
  $ ls
  Cargo.toml
  dune
  dune-project
  my-app
  my-app.opam
  second
  $ cd ..

A command line that is none:

  $ lwt-rust new 2>/dev/null
  [124]
  $ lwt-rust mew 2>/dev/null
  [124]
