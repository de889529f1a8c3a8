//! Reads the lines of a file, and has OCaml answer each of them.

use std::{path::PathBuf, sync::Arc};

use lwt_rust::{Error, LwtFn, Promise, func};
use tokio::{
    fs::File,
    io::{AsyncBufRead, AsyncBufReadExt, BufReader},
    sync::Semaphore,
};

/// The greatest number of lines that OCaml works on at a time.
const AT_MOST: usize = 64;

/// The length of the longest line. Without this limit, one file without line ends could
/// fill the memory.
const LONGEST: usize = 16 << 20;

/// Reads a file line by line, gives each line to a Lwt closure, at most 64 at a
/// time, and returns the number of lines and the sum of the answers.
#[func]
pub(crate) async fn lines(path: PathBuf, answer: LwtFn<Vec<u8>, u64>) -> Result<(u64, u64), Error> {
    // tokio reads in its own threads while OCaml answers the lines.
    let (lines, mut read) = tokio::sync::mpsc::channel(AT_MOST);
    let reader = tokio::spawn(send_lines(path, lines));
    let mut answers = Answers::new(answer);
    while let Some(line) = read.recv().await {
        answers.ask(line).await?;
    }
    reader.await??;
    answers.finish().await
}

/// A line with its end, if it has one.
type Line = Vec<u8>;

async fn send_lines(path: PathBuf, lines: tokio::sync::mpsc::Sender<Line>) -> Result<(), Error> {
    let told = |what: &str, error: std::io::Error| {
        Error::message(format!("{what} {}: {error}", path.display()))
    };
    let file = File::open(&path)
        .await
        .map_err(|error| told("cannot open", error))?;
    let metadata = file
        .metadata()
        .await
        .map_err(|error| told("cannot examine", error))?;
    if metadata.is_dir() {
        return Err(Error::message(format!(
            "cannot read {}: it is a folder",
            path.display()
        )));
    }
    let mut file = BufReader::with_capacity(64 << 10, file);
    loop {
        let line = next_line(&mut file)
            .await
            .map_err(|error| told("cannot read", error))?;
        // A send fails if the promise of `lines` was cancelled or rejected.
        if line.is_empty() || lines.send(line).await.is_err() {
            return Ok(());
        }
    }
}

/// The next line; an empty one at the end of the file.
async fn next_line(file: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Line> {
    let mut line = Vec::new();
    loop {
        let available = file.fill_buf().await?;
        let end = available.iter().position(|&byte| byte == b'\n');
        let length = end.map_or(available.len(), |end| end + 1);
        if line.len() + length > LONGEST {
            return Err(std::io::Error::other(format!(
                "a line is longer than {LONGEST} bytes"
            )));
        }
        line.extend_from_slice(&available[..length]);
        file.consume(length);
        if end.is_some() || length == 0 {
            return Ok(line);
        }
    }
}

/// The questions under way, and the sum of the answers so far.
struct Answers {
    answer: LwtFn<Line, u64>,
    permits: Arc<Semaphore>,
    sum: std::rc::Rc<std::cell::Cell<u64>>,
    failure: std::rc::Rc<std::cell::RefCell<Option<Error>>>,
    asked: u64,
}

impl Answers {
    fn new(answer: LwtFn<Line, u64>) -> Self {
        Answers {
            answer,
            permits: Arc::new(Semaphore::new(AT_MOST)),
            sum: Default::default(),
            failure: Default::default(),
            asked: 0,
        }
    }

    /// Asks OCaml about a line. Waits first while [`AT_MOST`] questions are under way.
    async fn ask(&mut self, line: Line) -> Result<(), Error> {
        let permit = self.permits.clone().acquire_owned().await?;
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        self.asked += 1;
        let answer: Promise<u64> = self.answer.call(line);
        let (sum, failure) = (self.sum.clone(), self.failure.clone());
        let asked = lwt_rust::spawn_local(async move {
            match answer.await {
                Ok(answer) => sum.set(sum.get() + answer),
                Err(error) => drop(failure.replace(Some(error))),
            }
            drop(permit);
        });
        asked.detach();
        Ok(())
    }

    /// Waits for the answers that are still missing.
    async fn finish(self) -> Result<(u64, u64), Error> {
        let all = u32::try_from(AT_MOST)?;
        let _all = self.permits.acquire_many(all).await?;
        match self.failure.take() {
            Some(error) => Err(error),
            None => Ok((self.asked, self.sum.get())),
        }
    }
}
