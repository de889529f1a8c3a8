//! Methods, and Rust modules that are OCaml modules.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lwt_rust::{Abstract, AbstractType, Error, FromOcaml, IntoOcaml, LwtFn, OcamlType, Poly};

static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// How many stores there are.
#[lwt_rust::func]
pub(crate) fn alive() -> usize {
    ALIVE.load(Ordering::SeqCst)
}

/// A store of texts.
#[derive(AbstractType)]
pub(crate) struct Store {
    texts: Mutex<BTreeMap<String, String>>,
}

impl Store {
    fn of(texts: BTreeMap<String, String>) -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Store {
            texts: Mutex::new(texts),
        }
    }

    fn texts(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A text in a store, and the store.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Place {
    store: Abstract<Store>,
    key: String,
}

/// Stores.
#[lwt_rust::methods]
impl Store {
    const LIMIT: usize = 3;

    /// An empty store.
    fn new() -> Self {
        Self::of(BTreeMap::new())
    }

    /// A store that is ready after a while.
    async fn open(texts: BTreeMap<String, String>, time: Duration) -> Result<Self, Error> {
        if texts.len() > Self::LIMIT {
            return Err(Error::message("too many texts"));
        }
        tokio::time::sleep(time).await;
        Ok(Self::of(texts))
    }

    /// The text with this key, after a while.
    async fn get(&self, key: String, time: Duration) -> Option<String> {
        tokio::time::sleep(time).await;
        self.texts().get(&key).cloned()
    }

    /// How many texts there are.
    #[func(name = "length")]
    fn len(&self) -> usize {
        self.texts().len()
    }

    fn set(&self, key: String, text: String) {
        self.texts().insert(key, text);
    }

    #[lwt_rust::func(blocking)]
    fn thread(self: Arc<Self>) -> Option<String> {
        let name = std::thread::current().name().map(str::to_owned);
        drop(self);
        name
    }

    /// Calls `f` with each text.
    async fn each(&self, f: LwtFn<(String, String), ()>) -> Result<(), Error> {
        let texts = self.texts().clone();
        for text in texts {
            f.call(text).await?;
        }
        Ok(())
    }

    fn merge(&self, others: Vec<Abstract<Self>>) -> Self {
        let mut texts = self.texts().clone();
        for other in others {
            texts.extend(other.texts().clone());
        }
        Self::of(texts)
    }

    fn keep<A>(&self, value: Poly<A>) -> Poly<A> {
        value
    }

    fn place(self: Arc<Self>, key: String) -> Place {
        Place {
            store: self.into(),
            key,
        }
    }

    fn at(place: Place) -> Option<String> {
        place.store.texts().get(&place.key).cloned()
    }

    /// Ends the store, and returns how many texts it had.
    async fn close(self, most: u8, time: Duration) -> Result<usize, Error> {
        tokio::time::sleep(time).await;
        match self.len() {
            length if length > most.into() => Err(Error::message("too many texts")),
            length => Ok(length),
        }
    }

    /// Ends the store at once.
    #[func(tokio)]
    fn end_now(self) -> usize {
        self.len()
    }

    #[cfg(any())]
    fn gone(&self) -> Missing {}

    #[deprecated]
    #[allow(clippy::too_many_arguments, non_snake_case)]
    #[func(name = "eight")]
    fn ofEight(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, gG: u8) -> u8 {
        a + b + c + d + e + f + gG
    }

    fn six(&self, a: u8, b: u8, c: u8, d: u8, e: u8) -> Vec<i64> {
        [a, b, c, d, e].map(i64::from).to_vec()
    }
}

/// A number with methods.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Vector {
    x: f64,
    y: f64,
}

#[lwt_rust::methods]
impl Vector {
    fn norm(&self) -> f64 {
        self.x.hypot(self.y)
    }

    fn scale(self, factor: f64) -> Self {
        Vector {
            x: self.x * factor,
            y: self.y * factor,
        }
    }
}

/// What a server answers.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Reply {
    headers: Vec<http::Header>,
    status: i64,
}

/// The status.
#[lwt_rust::func]
pub(crate) fn status(reply: Reply) -> i64 {
    reply.status
}

pub(crate) mod http {
    use lwt_rust::{FromOcaml, IntoOcaml, OcamlException, OcamlType};

    use super::Reply;

    #[derive(OcamlType, FromOcaml, IntoOcaml)]
    pub(crate) struct Header {
        pub(crate) name: String,
    }

    #[derive(Debug, OcamlException)]
    pub(crate) enum Problem {
        Refused(String),
    }

    impl std::fmt::Display for Problem {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("refused")
        }
    }

    impl std::error::Error for Problem {}

    /// Gets by the first protocol.
    #[lwt_rust::func]
    pub(crate) async fn get(names: Vec<String>) -> Result<Reply, Problem> {
        if let [name] = &*names {
            return Err(Problem::Refused(name.clone()));
        }
        Ok(Reply {
            headers: names.into_iter().map(|name| Header { name }).collect(),
            status: 1,
        })
    }

    pub(crate) mod v2 {
        use lwt_rust::{FromOcaml, IntoOcaml, OcamlType};

        #[derive(OcamlType, FromOcaml, IntoOcaml)]
        pub(crate) struct Header {
            name: String,
            values: Vec<String>,
        }

        /// Gets by the second protocol.
        #[lwt_rust::func]
        pub(crate) fn get(header: super::Header, values: Vec<String>) -> Header {
            let name = header.name;
            Header { name, values }
        }

        #[lwt_rust::func]
        pub(crate) fn back(header: Header) -> super::Header {
            super::Header {
                name: header.name + &header.values.concat(),
            }
        }
    }
}
