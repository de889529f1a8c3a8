//! Every option of `#[func]`, and every conversion, there and back: the bindings
//! are made of these.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use lwt_rust::{
    Abstract, AbstractType, Buffer, Char, Closure, Error, FromOcaml, IntoOcaml, LwtFn, OcamlType,
    Poly, Promise, Root, Taken, func, vars, with_lock,
};

/// Adds two numbers.
#[func]
pub(crate) fn add(left: i64, right: i64) -> i64 {
    left.wrapping_add(right)
}

/// Divides, or raises {!Lwt_rust.Error}.
///
/// # Errors
///
/// If `divisor` is 0.
#[func]
pub(crate) fn divide(dividend: i64, divisor: i64) -> Result<i64, Error> {
    dividend
        .checked_div(divisor)
        .ok_or_else(|| Error::message("division by zero"))
}

/// Panics.
#[func]
pub(crate) fn panic_directly() {
    panic!("directly");
}

/// Waits for a time, then gives its argument back.
#[func]
pub(crate) async fn later<A>(time: Duration, value: Poly<A>) -> Poly<A> {
    tokio::time::sleep(time).await;
    value
}

/// Fails if it is told to, after a turn.
#[func]
pub(crate) async fn fail_if(fails: bool) -> Result<&'static str, Error> {
    tokio::task::yield_now().await;
    match fails {
        true => Err(Error::message("as told")),
        false => Ok("fine"),
    }
}

/// Why a number was refused.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) enum Refusal {
    /// It is below zero.
    Negative,
    TooLarge(u64),
}

/// The square root of a square number.
#[func(result, name = "square_root", doc = "The root, or why there is none.")]
pub(crate) async fn root(number: i64) -> Result<u64, Refusal> {
    tokio::task::yield_now().await;
    match u64::try_from(number) {
        Err(_) => Err(Refusal::Negative),
        Ok(number) if number > 100 => Err(Refusal::TooLarge(number)),
        Ok(number) => Ok(number.isqrt()),
    }
}

/// Does the same as [`root`], at once.
#[func(result)]
pub(crate) fn root_now(number: i64) -> Result<u64, Refusal> {
    u64::try_from(number).map_or(Err(Refusal::Negative), |number| Ok(number.isqrt()))
}

/// The sum of the bytes, on a thread of the pool. Fails if there are none.
#[func(blocking)]
pub(crate) fn sum_blocking(bytes: Vec<u8>) -> Result<u64, std::io::Error> {
    std::thread::sleep(Duration::from_millis(5));
    match bytes.is_empty() {
        true => Err(std::io::ErrorKind::InvalidInput.into()),
        false => Ok(bytes.iter().map(|&byte| u64::from(byte)).sum()),
    }
}

/// Panics on a thread of the pool.
#[func(blocking)]
pub(crate) fn panic_blocking() {
    panic!("in the pool");
}

static FINISHED: AtomicU64 = AtomicU64::new(0);

/// Counts itself as finished after a turn, even if it was cancelled.
#[func(protected)]
pub(crate) async fn finish() {
    tokio::task::yield_now().await;
    FINISHED.fetch_add(1, Ordering::Relaxed);
}

/// How many calls of [`finish`] have finished.
#[func]
pub(crate) fn finished() -> u64 {
    FINISHED.load(Ordering::Relaxed)
}

/// Seven arguments, for which bytecode has a stub of its own.
#[func]
#[allow(clippy::too_many_arguments)]
pub(crate) async fn seven(
    a: i64,
    (b, c): (i64, i64),
    [d, e]: [i64; 2],
    _f: (),
    r#type: String,
    g: Option<i64>,
    mut h: f64,
) -> String {
    h *= 2.;
    format!("{a} {b} {c} {d} {e} {type} {g:?} {h}")
}

/// Seven arguments of a function that returns no promise.
#[func]
pub(crate) fn sum_seven(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64) -> i64 {
    a + b + c + d + e + f + g
}

/// A record of floats, which OCaml stores without boxes.
#[derive(OcamlType, FromOcaml, IntoOcaml, PartialEq, Debug)]
pub(crate) struct Point {
    /// To the right.
    x: f64,
    y: f32,
    t: Duration,
}

/// A record of floats and other values.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Person {
    name: String,
    r#type: Option<i64>,
    #[ocaml(name = "height_")]
    height: f64,
    friends: Vec<Person>,
}

/// Metres.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Metres(f64);

/// A pair with a name.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Named(String, i64);

/// Nothing, with a name.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Nothing;

/// Every kind of constructor.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) enum Figure {
    /// No figure at all.
    Empty,
    Dot(Point),
    Unknown,
    /// A line.
    Line(Point, Point),
    Pair((i64, i64)),
    Circle {
        centre: Point,
        /// In metres.
        radius: Metres,
    },
    /// Floats are in boxes here.
    Size {
        width: f64,
        height: f64,
    },
    Group(Vec<Figure>),
}

/// A polymorphic variant.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
#[ocaml(polymorphic)]
pub(crate) enum Colour {
    Red,
    Grey(u8),
    Rgb(u8, u8, u8),
    Mixed(Vec<Colour>),
}

/// The same as a type of OCaml's.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
#[ocaml(same_as = "Unix.seek_command")]
#[allow(clippy::enum_variant_names)]
pub(crate) enum Seek {
    #[ocaml(name = "SEEK_SET")]
    Set,
    #[ocaml(name = "SEEK_CUR")]
    Current,
    #[ocaml(name = "SEEK_END")]
    End,
}

round_trips! {
    echo_unit: ();
    echo_bool: bool;
    echo_i8: i8;
    echo_i16: i16;
    echo_i32: i32;
    echo_i64: i64;
    echo_isize: isize;
    echo_u8: u8;
    echo_u16: u16;
    echo_u32: u32;
    echo_u64: u64;
    echo_usize: usize;
    echo_f64: f64;
    echo_f32: f32;
    echo_duration: Duration;
    echo_char: Char;
    echo_uchar: char;
    echo_string: String;
    echo_boxed_str: Box<str>;
    echo_path: PathBuf;
    echo_string_of_bytes: Vec<u8>;
    echo_bytes: Box<[u8]>;
    echo_option: Option<Option<i64>>;
    echo_pair: (i64, String);
    echo_eight: (i64, bool, f64, String, (), i64, i64, i64);
    echo_list: Vec<String>;
    echo_nested: Vec<Vec<f64>>;
    echo_array: Box<[i64]>;
    echo_strings: Box<[String]>;
    echo_floats: Box<[f64]>;
    echo_metres: Box<[Metres]>;
    echo_three: [i64; 3];
    echo_sorted: BTreeMap<String, i64>;
    echo_hashed: HashMap<i64, String>;
    echo_point: Point;
    echo_person: Person;
    echo_named: Named;
    echo_nothing: Nothing;
    echo_figure: Figure;
    echo_figures: Vec<Figure>;
    echo_colour: Colour;
    echo_seek: Seek;
}

/// There and back.
#[func]
pub(crate) fn echo_poly<A>(value: Poly<A>) -> Poly<A> {
    value
}

/// There and back.
#[func]
pub(crate) fn echo_polys<A, B>(
    value: (Vec<Poly<A>>, Box<[Poly<B>]>),
) -> (Vec<Poly<A>>, Box<[Poly<B>]>) {
    value
}

/// A `result` there and back.
#[func(result)]
pub(crate) fn echo_result(value: Result<i64, String>) -> Result<i64, String> {
    value
}

/// Gives a figure back after a turn.
#[func]
pub(crate) async fn figure_later(figure: Figure) -> Figure {
    tokio::task::yield_now().await;
    figure
}

/// Gives values back after a turn.
#[func]
pub(crate) async fn swap_later<A, B>((left, right): (Poly<A>, Poly<B>)) -> (Poly<B>, Poly<A>) {
    tokio::task::yield_now().await;
    (right, left)
}

/// Does the same as `swap_later`, at once, with parameters that are not declared.
#[func]
pub(crate) fn swap(
    (left, right): (Poly<vars::A>, Poly<vars::B>),
) -> (Poly<lwt_rust::vars::B>, Poly<vars::A>) {
    let right: Poly<vars::B> = right;
    (right, left)
}

/// Drops a value on a thread of tokio's.
#[func]
pub(crate) async fn drop_on_tokio<A>(value: Poly<A>) -> Result<(), Error> {
    let value = Root::from(value);
    Ok(tokio::spawn(async move { drop(value) }).await?)
}

/// Calls a plain closure.
#[func]
pub(crate) async fn map<A, B>(
    f: Closure<Poly<A>, Poly<B>>,
    list: Vec<Poly<A>>,
) -> Result<Vec<Poly<B>>, Error> {
    tokio::task::yield_now().await;
    list.into_iter()
        .map(|element| with_lock(|lock| f.call(lock, element)))
        .collect()
}

/// Calls a Lwt closure, after a turn.
#[func]
pub(crate) async fn feed<A, B>(
    f: LwtFn<Poly<A>, Poly<B>>,
    value: Poly<A>,
) -> Result<Poly<B>, Error> {
    tokio::task::yield_now().await;
    f.call(value).await
}

/// Calls a Lwt closure from a thread that may block, and waits for it on that thread.
#[func(blocking)]
pub(crate) fn feed_from_pool<A, B>(
    f: LwtFn<Poly<A>, Poly<B>>,
    value: Poly<A>,
) -> Result<Poly<B>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(f.call(value))
}

/// Calls a plain closure from a function that returns no promise.
#[func]
pub(crate) fn apply(f: Closure<i64, i64>, number: i64) -> Result<i64, Error> {
    with_lock(|lock| f.call(lock, number))
}

/// Calls a Lwt closure with each number below a limit, one after the other.
#[func]
pub(crate) async fn iterate(f: LwtFn<u64, ()>, limit: u64) -> Result<(), Error> {
    for number in 0..limit {
        f.call(number).await?;
    }
    Ok(())
}

/// Awaits both.
#[func]
pub(crate) async fn both<A, B>(
    left: Promise<Poly<A>>,
    right: Promise<Poly<B>>,
) -> Result<(Poly<A>, Poly<B>), Error> {
    Ok((left.await?, right.await?))
}

static COUNTERS: AtomicU64 = AtomicU64::new(0);

/// A counter that Rust keeps for OCaml.
#[derive(AbstractType)]
#[ocaml(size = Counter::kept)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    fn kept(&self) -> usize {
        1 << 20
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        COUNTERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Another abstract type.
#[derive(AbstractType)]
#[ocaml(name = "other_counter")]
pub(crate) struct Other;

/// A counter that begins at a number.
#[func]
pub(crate) fn counter(first: u64) -> Abstract<Counter> {
    COUNTERS.fetch_add(1, Ordering::Relaxed);
    Abstract::new(Counter(AtomicU64::new(first)))
}

/// How many counters there are.
#[func]
pub(crate) fn counters() -> u64 {
    COUNTERS.load(Ordering::Relaxed)
}

/// Something else.
#[func]
pub(crate) fn other() -> Abstract<Other> {
    Abstract::new(Other)
}

/// The number of the counter, which then grows by one.
#[func]
pub(crate) async fn next(counter: Abstract<Counter>) -> u64 {
    tokio::task::yield_now().await;
    counter.0.fetch_add(1, Ordering::Relaxed)
}

/// Ends a counter.
#[func]
pub(crate) fn close(counter: Taken<Counter>) {
    drop(counter);
}

/// Turns the bytes of the buffer around, on a thread of the pool.
#[func(blocking)]
pub(crate) fn reverse(buffer: Buffer) {
    let mut bytes = buffer.to_vec();
    bytes.reverse();
    buffer.write(0, &bytes);
}

/// A new buffer.
#[func]
pub(crate) fn buffer(length: usize, byte: Char) -> Result<Buffer, Error> {
    let buffer = with_lock(|lock| Buffer::new(lock, length))?;
    buffer.write(0, &vec![byte.0; length]);
    Ok(buffer)
}

/// The number of bytes of a copy.
#[func]
pub(crate) fn copy_buffer(buffer: Buffer) -> usize {
    buffer.to_vec().len()
}

/// Does the same as [`copy_buffer`], into memory that is there, and back.
#[func]
pub(crate) fn copy_buffer_in_parts(buffer: Buffer, part: usize) {
    let mut bytes = vec![0; part];
    for start in (0..buffer.len() / part).map(|number| number * part) {
        buffer.read(start, &mut bytes);
        buffer.write(start, &bytes);
    }
}

/// Does the same as [`copy_buffer`].
#[func]
pub(crate) fn copy_string(string: Vec<u8>) -> usize {
    string.len()
}
