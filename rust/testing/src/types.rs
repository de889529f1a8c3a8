//! Types that people write: pointers, recursive types, integers of all sizes, addresses.

use std::{
    borrow::Cow,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::TryFromIntError,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lwt_rust::{
    Error, FromOcaml, Int32, Int64, IntoOcaml, LwtFn, Nativeint, OcamlType, Poly, func,
};

round_trips! {
    echo_int64: Int64;
    echo_int32: Int32;
    echo_nativeint: Nativeint;
    echo_i128: i128;
    echo_u128: u128;
    echo_int64s: Vec<Option<Int64>>;
    echo_address: IpAddr;
    echo_v4: Ipv4Addr;
    echo_v6: Ipv6Addr;
    echo_socket_address: SocketAddr;
    echo_time: SystemTime;
    echo_times: Box<[SystemTime]>;
    echo_boxed: Box<i64>;
    echo_boxed_float: Box<[Box<f64>]>;
    echo_shared_list: Arc<Vec<Rc<bool>>>;
    echo_cow: Cow<'static, str>;
    echo_shared_text: Arc<str>;
    echo_local_text: Rc<str>;
    echo_expression: Expression;
    echo_boxed_expression: Box<Expression>;
    echo_module: Arc<Module>;
    echo_entry: Entry;
    echo_spans: Spans;
    echo_id: Id;
    echo_happening: Happening;
}

/// A type with a parameter.
#[derive(Clone, OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Page<T> {
    items: Vec<T>,
    array: Box<[T]>,
    next: Option<String>,
}

/// With two of them. It is no record of floats, even if both are floats.
#[derive(Clone, OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Both<K, V> {
    key: K,
    value: V,
}

#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) enum TreeOf<T> {
    End,
    Branch(Box<TreeOf<T>>, T, Box<TreeOf<T>>),
    Named { label: T },
}

#[derive(Clone, OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Wrapped<T>(T);

#[derive(OcamlType, FromOcaml, IntoOcaml)]
#[ocaml(polymorphic)]
pub(crate) enum Found<T> {
    Nothing,
    One(T),
    Several(T, Vec<T>),
}

/// It uses other types with parameters.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Book<T: Clone> {
    pages: Vec<Page<T>>,
    index: HashMap<String, Both<T, i64>>,
}

/// A record of floats.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Spot {
    x: Wrapped<f64>,
    y: f64,
}

round_trips! {
    echo_page: Page<i64>;
    echo_page_of_floats: Page<f64>;
    echo_page_of_entries: Page<Entry>;
    echo_both: Both<f64, f64>;
    echo_boths: Vec<Both<i64, String>>;
    echo_tree_of: TreeOf<Option<String>>;
    echo_wrapped: Wrapped<f64>;
    echo_wrapped_floats: Box<[Wrapped<f64>]>;
    echo_found: Found<f64>;
    echo_book: Book<String>;
    echo_spot: Spot;
}

/// The first item.
#[func]
pub(crate) fn first_of_page<A>(page: Page<Poly<A>>) -> Option<Poly<A>> {
    page.items.into_iter().next()
}

/// Calls a function with a page.
#[func]
pub(crate) async fn with_page(f: LwtFn<Page<i64>, Page<bool>>) -> Result<Vec<bool>, Error> {
    let page = Page {
        items: vec![1, 2],
        array: Box::new([3]),
        next: None,
    };
    Ok(f.call(page).await?.items)
}

/// A type that contains itself.
#[derive(Clone, OcamlType, FromOcaml, IntoOcaml)]
pub(crate) enum Expression {
    Number(f64),
    Negated(Box<Expression>),
    Added(Box<Expression>, Arc<Expression>),
    Called {
        name: Cow<'static, str>,
        arguments: Vec<Expression>,
    },
}

/// Two types that contain each other.
#[derive(Clone, OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Module {
    name: Arc<str>,
    body: Vec<Statement>,
    next: Option<Box<Module>>,
}

#[derive(Clone, OcamlType, FromOcaml, IntoOcaml)]
pub(crate) enum Statement {
    Value(Box<Expression>),
    Inner(Arc<Module>),
}

/// Numbers of 64 bits.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Entry {
    #[ocaml(with = Int64)]
    id: u64,
    #[ocaml(with = Int64, name = "change")]
    difference: i64,
    #[ocaml(with = Int32)]
    mode: u32,
    #[ocaml(with = Nativeint)]
    size: usize,
    name: String,
}

/// The time in milliseconds, for a type that counts them.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Milliseconds(f64);

impl From<Duration> for Milliseconds {
    fn from(duration: Duration) -> Self {
        Milliseconds(duration.as_secs_f64() * 1e3)
    }
}

impl TryFrom<Milliseconds> for Duration {
    type Error = std::time::TryFromFloatSecsError;

    fn try_from(Milliseconds(time): Milliseconds) -> Result<Self, Self::Error> {
        Duration::try_from_secs_f64(time / 1e3)
    }
}

/// A record of floats, also by another type.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Spans {
    #[ocaml(with = Milliseconds)]
    first: Duration,
    second: Box<f64>,
}

#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Id(#[ocaml(with = Int64)] u64);

/// One of each shape.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
#[ocaml(polymorphic)]
pub(crate) enum Happening {
    Began,
    Ended(#[ocaml(with = Int64)] u64),
    Moved(#[ocaml(with = Milliseconds)] Duration, i64),
}

/// Takes away what fits.
#[func]
pub(crate) fn largest_id(
    #[ocaml(with = Int64)] left: u64,
    #[ocaml(with = Int64)] right: u64,
) -> Id {
    Id(left.max(right))
}

/// An argument that need not fit.
pub(crate) struct Small(u8);

impl TryFrom<Int64> for Small {
    type Error = TryFromIntError;

    fn try_from(Int64(number): Int64) -> Result<Self, Self::Error> {
        number.try_into().map(Small)
    }
}

/// Later.
#[func]
pub(crate) async fn small(#[ocaml(with = Int64)] number: Small) -> u8 {
    tokio::task::yield_now().await;
    number.0
}
