//! Code that would let one OCaml type become another.

use std::{any::Any, collections::HashMap, sync::Mutex};

use lwt_rust::{
    AbstractType, Closure, Error, FromOcaml, IntoOcaml, Lock, LwtFn, OcamlType, Poly, Root, Val,
    Variable, expansion, func, vars, with_lock,
};

static KEPT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());

/// A value of a type variable is kept for the next call, where it has another type.
#[func]
fn keep<A>(value: Poly<A>) {
    KEPT.lock().unwrap().push(Box::new(value));
}

/// The same, of a function.
#[func]
fn keep_function<A>(f: LwtFn<i64, Poly<A>>) {
    KEPT.lock().unwrap().push(Box::new(f));
}

/// The same, under the name of a variable.
static NAMED: Mutex<Vec<Poly<vars::A>>> = Mutex::new(Vec::new());

fn remember(value: Poly<vars::A>) {
    NAMED.lock().unwrap().push(value);
}

#[func]
fn keep_named(value: Poly<vars::A>) {
    remember(value);
}

/// The same, in a task that outlives the call.
#[func]
async fn keep_in_task<A>(f: Closure<Poly<A>, i64>) {
    std::thread::spawn(move || drop(f));
}

/// With this bound a function could keep a value.
#[func]
fn bounded<A: 'static>(value: Poly<A>) {
    KEPT.lock().unwrap().push(Box::new(value));
}

/// A type that brings such a bound with it would do the same.
struct Hasher<A: 'static>(std::marker::PhantomData<A>);

impl<A> Default for Hasher<A> {
    fn default() -> Self {
        Hasher(std::marker::PhantomData)
    }
}

impl<A> std::hash::BuildHasher for Hasher<A> {
    type Hasher = std::hash::DefaultHasher;

    fn build_hasher(&self) -> Self::Hasher {
        Self::Hasher::new()
    }
}

#[func]
fn implied<A>(value: Poly<A>, _map: HashMap<i64, i64, Hasher<A>>) {
    KEPT.lock().unwrap().push(Box::new(value));
}

/// A value of a type variable is made of another value.
#[func]
fn forge<A>(_value: Poly<A>) -> Result<Poly<A>, Error> {
    Poly::from_ocaml(Val::UNIT)
}

/// A type of the user's as a type variable.
struct Mine;

impl Variable for Mine {
    const NAME: &'static str = "a";
}

#[func]
fn mine(value: Poly<i64>) -> Poly<i64> {
    value
}

/// A function is read as one of another type.
fn read(value: Root) -> Result<LwtFn<i64, String>, Error> {
    with_lock(|lock| LwtFn::from_ocaml(value.get(lock)))
}

/// A function is called with an argument of another type.
fn call(f: &Root, value: &Root) {
    with_lock(|lock| drop(lock.call(f, &[value])));
}

/// The functions that the macros use.
fn block(lock: &mut Lock) {
    expansion::block(lock, 252, &[&Root::UNIT]);
    let _ = expansion::record(lock, true, &[&Root::UNIT]);
}

/// A type that declares itself as another OCaml type.
struct Liar;

impl OcamlType for Liar {
    const TYPE: expansion::Type = expansion::Type::named("string");
}

impl IntoOcaml for Liar {
    fn into_ocaml(self, _: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(Val::UNIT)
    }
}

impl lwt_rust::OcamlException for Liar {
    const EXCEPTIONS: &'static [bool] = &[];

    fn parts(&self, _: &mut Lock) -> Result<expansion::Parts<'_>, Error> {
        Ok(expansion::Parts::Exception(0, Vec::new()))
    }

    unsafe fn of_parts(_: usize, _: expansion::Fields<'_>) -> Result<Self, Error> {
        Ok(Liar)
    }
}

impl expansion::Member for Liar {
    const SYMBOL: &'static str = "lwt_rust_func_4mine_other";
}

/// An abstract type that goes by the name of another type.
impl AbstractType for Liar {
    const NAME: &'static str = "point";
    const PATH: &'static str = "mine::Point";
}

/// A type that is the same as one of OCaml's and more.
#[derive(OcamlType)]
#[ocaml(same_as = "int\nlet f = Obj.magic")]
enum More {
    One,
}

fn main() {}
