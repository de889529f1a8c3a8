//! Values that are too large or too deep, or that contain nothing to read.

use std::collections::{BTreeMap, HashMap};

use lwt_rust::{Error, FromOcaml, IntoOcaml, LwtFn, OcamlType, Root, func, with_lock};

/// Returns this many `()`.
#[func]
pub(crate) fn many_units(length: usize) -> Box<[()]> {
    vec![(); length].into_boxed_slice()
}

/// The number of fields that Rust finds in a value, and whether it finds the first.
#[func]
pub(crate) fn fields_of(value: Root) -> (usize, bool) {
    with_lock(|lock| {
        let value = value.get(lock);
        (value.size(), value.field(0).is_some())
    })
}

/// Runs `make` while the process can have few more bytes than it has, and at least
/// so many.
fn with_little_memory<T>(bytes: usize, make: impl FnOnce() -> T) -> Result<T, Error> {
    let mut before = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the limit is valid for writing.
    if unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut before) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm
        .split(' ')
        .next()
        .and_then(|pages| pages.parse().ok())
        .ok_or_else(|| Error::message("no number in /proc/self/statm"))?;
    let little = libc::rlimit {
        rlim_cur: (pages * 4096 + bytes) as libc::rlim_t,
        ..before
    };
    // SAFETY: the limit is valid for reading.
    if unsafe { libc::setrlimit(libc::RLIMIT_AS, &little) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    let made = make();
    // SAFETY: as above.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &before) };
    Ok(made)
}

macro_rules! with_little_memory {
    ($($name:ident: $type:ty, $element:expr;)*) => { $(
        /// Returns the error for `length` elements for which OCaml finds no memory.
        #[func]
        pub(crate) fn $name(length: usize) -> Result<String, Error> {
            let value: $type = vec![$element; length].into();
            let made = with_little_memory(32 << 20, || {
                with_lock(|lock| lwt_rust::IntoOcaml::into_ocaml(value, lock).map(|_| ()))
            })?;
            Ok(match made {
                Ok(()) => "there was memory".to_owned(),
                Err(error) => error.to_string(),
            })
        }
    )* };
}

with_little_memory! {
    bytes_without_memory: Vec<u8>, b'x';
    floats_without_memory: Box<[f64]>, 0.5;
    ints_without_memory: Box<[i64]>, 1;
}

/// A tree.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) enum Tree {
    Leaf,
    Node(Vec<Tree>),
}

impl Tree {
    /// A tree of this many levels of `wrap`, which ends with a leaf.
    fn deep(levels: usize, wrap: impl Fn(Tree) -> Tree) -> Tree {
        (0..levels).fold(Tree::Leaf, |tree, _| wrap(tree))
    }

    /// Counts the levels along the first branches, and takes the tree apart.
    fn levels(self) -> usize {
        let mut levels = 0;
        let mut rest = vec![self];
        while let Some(tree) = rest.pop() {
            if let Tree::Node(branches) = tree {
                levels += 1;
                rest = branches;
                rest.truncate(1);
            }
        }
        levels
    }
}

/// The same as [`Tree`], made of a record, an option, a pair, a result, an array and maps.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Bush {
    name: String,
    branches: Option<Box<[Branch]>>,
    others: BTreeMap<String, Bush>,
}

type Branch = (i64, Result<Bush, Vec<Bush>>);

/// The same as [`Tree`], made of polymorphic variants.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
#[ocaml(polymorphic)]
pub(crate) enum Shrub {
    Leaf,
    One(Vec<Shrub>),
    Two(HashMap<i64, Shrub>, i64),
}

/// There and back.
#[func]
pub(crate) fn echo_tree(tree: Tree) -> Tree {
    tree
}

/// There and back, after a turn.
#[func]
pub(crate) async fn tree_later(tree: Tree) -> Tree {
    tokio::task::yield_now().await;
    tree
}

/// There and back.
#[func]
pub(crate) fn echo_bush(bush: Bush) -> Bush {
    bush
}

/// There and back.
#[func]
pub(crate) fn echo_shrub(shrub: Shrub) -> Shrub {
    shrub
}

/// The levels of a tree that is dropped on a thread of tokio's.
#[func]
pub(crate) async fn drop_tree_on_tokio(tree: Tree) -> Result<(), Error> {
    Ok(tokio::spawn(async move { drop(tree) }).await?)
}

/// Returns a tree of this many levels. If it is told to, it has a second branch of as many
/// levels on the first one.
#[func]
pub(crate) fn make_tree(levels: usize, is_double: bool) -> Tree {
    let tree = || Tree::deep(levels.saturating_sub(1), |tree| Tree::Node(vec![tree]));
    match is_double {
        true => Tree::Node(vec![tree(), tree()]),
        false => Tree::Node(vec![tree()]),
    }
}

/// A list of such trees.
#[func]
pub(crate) fn make_trees(levels: usize, number: usize) -> Vec<Tree> {
    (0..number)
        .map(|_| Tree::deep(levels, |tree| Tree::Node(vec![tree])))
        .collect()
}

/// Counts the levels of the tree that a closure makes of such a tree, in a task.
#[func]
pub(crate) async fn give_tree(f: LwtFn<Tree, Tree>, levels: usize) -> Result<usize, Error> {
    tokio::task::yield_now().await;
    let tree = Tree::deep(levels, |tree| Tree::Node(vec![tree]));
    Ok(f.call(tree).await?.levels())
}
