//! Streams that are spoken to by POST. Each has a name, the `connection` of its address, and the POSTs have it too: what
//! they want said is left in the stream's mailbox.
//!
//! A long poll (`poll=MS`) ends with what it finds there, or after so many ms. Its mailbox is kept for the next one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::App;
use super::sse::{self, Out};
use super::stats::Kind;

/// So much is in a mailbox at most. Then those who write wait.
const WRITES: usize = 64;
/// So long a POST waits for a stream that does not keep up. What it left is not told then.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long a mailbox is kept from poll to poll.
const KEPT: Duration = Duration::from_secs(60);
const LONGEST_POLL: u64 = 25_000;

/// How a client wants its stream, and which one a POST belongs to.
#[derive(Deserialize)]
pub(super) struct StreamQuery {
    connection: Option<String>,
    /// Milliseconds between two comments.
    #[serde(default = "half_a_second")]
    beat: u64,
    /// Ends when there is something to say, and after so many milliseconds.
    poll: Option<u64>,
}

fn half_a_second() -> u64 {
    500
}

impl StreamQuery {
    /// How long to wait, when it is a poll.
    pub(super) fn poll(&self) -> Option<Duration> {
        self.poll.map(|ms| Duration::from_millis(ms.min(LONGEST_POLL)))
    }

    pub(super) fn connection(&self) -> Option<&str> {
        self.connection.as_deref()
    }

    fn beat(&self) -> Duration {
        Duration::from_millis(self.beat.clamp(10, 60_000))
    }
}

/// What becomes a file's name, or a key here.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A status, and why.
pub(super) type Refusal = (StatusCode, &'static str);

/// The name of the stream that a POST belongs to.
pub(super) fn connection(query: &StreamQuery) -> Result<&str, Refusal> {
    let name = query.connection.as_deref().filter(|name| is_name(name));
    name.ok_or((StatusCode::BAD_REQUEST, "connection must be 1 to 64 letters, digits and hyphens"))
}

/// For a POST without its stream. Its client could not be told of what was done, so nothing is.
pub(super) const GONE: Refusal =
    (StatusCode::CONFLICT, "there is no stream of this connection: nothing was done");

/// The messages of a POST.
pub(super) fn messages(body: &[u8]) -> Result<Vec<Value>, Refusal> {
    serde_json::from_slice(body)
        .map_err(|_| (StatusCode::BAD_REQUEST, "the body must be a JSON array of messages"))
}

pub(super) struct Streams {
    /// More are answered 503.
    most: usize,
    all: Mutex<HashMap<String, Stream>>,
    serial: AtomicU64,
}

struct Stream {
    serial: u64,
    mailbox: mpsc::Sender<String>,
    /// Since when nobody reads it.
    kept: Option<(Instant, mpsc::Receiver<String>)>,
}

impl Streams {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, all: Mutex::default(), serial: AtomicU64::new(0) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Stream>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A second stream of the same name takes the first one's place. A poll goes on with what the last one left.
    fn open(self: &Arc<Self>, name: String, keep: bool) -> Option<Opened> {
        let mut all = self.lock();
        if let Some(stream) = all.get_mut(&name)
            && keep
            && let Some((_, reader)) = stream.kept.take()
        {
            let mailbox = Mailbox {
                streams: Arc::clone(self),
                serial: stream.serial,
                name,
                reader: Some(reader),
                keep,
            };
            return Some(Opened { mailbox, writer: None });
        }
        if all.len() >= self.most && !all.contains_key(&name) {
            return None;
        }
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let (writer, reader) = mpsc::channel(WRITES);
        all.insert(name.clone(), Stream { serial, mailbox: writer.clone(), kept: None });
        let mailbox = Mailbox { streams: Arc::clone(self), serial, name, reader: Some(reader), keep };
        Some(Opened { mailbox, writer: Some(writer) })
    }

    fn find(&self, name: &str) -> Option<mpsc::Sender<String>> {
        Some(self.lock().get(name)?.mailbox.clone())
    }

    /// Removes what was kept for a poll that did not come.
    pub(super) fn sweep(&self, now: Instant) {
        self.lock().retain(|_, stream| stream.kept.as_ref().is_none_or(|(since, _)| now < *since + KEPT));
    }

    pub(super) async fn sweep_for_ever(&self) {
        let mut sweeps = interval(KEPT / 10);
        loop {
            self.sweep(sweeps.tick().await);
        }
    }
}

pub(super) struct Opened {
    pub(super) mailbox: Mailbox,
    /// None when it goes on with what the last poll left, whose writer is still there.
    pub(super) writer: Option<mpsc::Sender<String>>,
}

/// The reading end. While it is there, POSTs of its name are taken.
pub(super) struct Mailbox {
    streams: Arc<Streams>,
    serial: u64,
    name: String,
    reader: Option<mpsc::Receiver<String>>,
    /// For the next poll.
    keep: bool,
}

impl Mailbox {
    /// All that is there, or what comes next. None when another stream has taken its place.
    async fn next(&mut self) -> Option<String> {
        let reader = self.reader.as_mut()?;
        let mut all = reader.recv().await?;
        while let Ok(more) = reader.try_recv() {
            all.push_str(&more);
        }
        Some(all)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let mut all = self.streams.lock();
        if let Some(stream) = all.get_mut(&self.name)
            && stream.serial == self.serial
        {
            stream.kept = self.reader.take().filter(|_| self.keep).map(|reader| (Instant::now(), reader));
            if stream.kept.is_none() {
                all.remove(&self.name);
            }
        }
    }
}

/// Opens the mailbox of a stream. Who has no name gets one that no POST can have.
pub(super) fn open(app: &App, query: &StreamQuery) -> Result<Opened, Refusal> {
    let name = match query.connection {
        Some(_) => connection(query)?.to_owned(),
        None => format!("#{}", app.streams.serial.fetch_add(1, Ordering::Relaxed)),
    };
    let opened = app.streams.open(name, query.poll().is_some());
    opened.ok_or((StatusCode::SERVICE_UNAVAILABLE, "too many streams are open"))
}

/// Answers with what comes into the mailbox.
pub(super) fn respond(app: &App, query: &StreamQuery, mailbox: Mailbox) -> Response {
    let (wait, beat) = (query.poll(), query.beat());
    sse::respond(app.stats.open(Kind::Sse), async move |out| {
        out.send(": hello\n\n").await;
        match wait {
            Some(wait) => poll(&out, mailbox, wait).await,
            None => stream(&out, mailbox, beat).await,
        }
    })
}

async fn stream(out: &Out, mut mailbox: Mailbox, beat: Duration) {
    let mut beats = interval(beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats.reset();
    loop {
        tokio::select! {
            text = mailbox.next() => match text {
                Some(text) => out.send(text).await,
                None => return,
            },
            _ = beats.tick() => out.send(": still here\n\n").await,
        }
    }
}

async fn poll(out: &Out, mut mailbox: Mailbox, wait: Duration) {
    if let Ok(Some(mut text)) = timeout(wait, mailbox.next()).await {
        while let Ok(Some(more)) = timeout(Duration::ZERO, mailbox.next()).await {
            text.push_str(&more);
        }
        // Before the end of the answer, as the next poll comes at once.
        drop(mailbox);
        out.send(text).await;
    }
}

/// Where the answers to a POST's messages go.
pub(super) enum Answers {
    Nowhere,
    Body,
    Stream(mpsc::Sender<String>),
}

impl Answers {
    /// `to` is `body`, `0` for nowhere, or else it is the stream, which must be there.
    pub(super) fn to(app: &App, to: &str, query: &StreamQuery) -> Result<Self, Refusal> {
        match to {
            "0" => Ok(Self::Nowhere),
            "body" => Ok(Self::Body),
            _ => Ok(Self::Stream(app.streams.find(connection(query)?).ok_or(GONE)?)),
        }
    }

    /// Answers the POST. A stream that has ended meanwhile changes nothing: what the POST wanted is done.
    pub(super) async fn give(self, answers: Vec<Value>) -> Response {
        match self {
            Self::Body => return Json(answers).into_response(),
            Self::Stream(mailbox) if !answers.is_empty() => {
                let events: String = answers.into_iter().map(event).collect();
                let _ = timeout(PATIENCE, mailbox.send(events)).await;
            }
            Self::Nowhere | Self::Stream(_) => {}
        }
        StatusCode::NO_CONTENT.into_response()
    }
}

/// A text as it is, everything else as JSON.
fn event(message: Value) -> String {
    match message {
        // An event has one kind of line break.
        Value::String(text) => sse::event(None, None, &text.replace("\r\n", "\n").replace('\r', "\n")),
        json => sse::event(None, None, &json.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn open(streams: &Arc<Streams>, keep: bool) -> Opened {
        streams.open("a".to_owned(), keep).unwrap()
    }

    #[tokio::test]
    async fn a_stream_takes_the_place_of_the_one_before_and_ends_with_its_reader() {
        let streams = Streams::new(10);
        let mut first = open(&streams, false);
        first.writer = None;
        let second = open(&streams, false);
        assert_eq!(first.mailbox.next().await, None);
        drop(first);
        assert!(streams.find("a").is_some());
        drop(second);
        assert!(streams.find("a").is_none());
    }

    #[tokio::test]
    async fn a_poll_leaves_its_mailbox_to_the_next_for_a_while() {
        let streams = Streams::new(10);
        drop(open(&streams, true));
        let writer = streams.find("a").unwrap();
        for text in ["b", "c"] {
            writer.send(text.to_owned()).await.unwrap();
        }
        let mut next = open(&streams, true);
        assert!(next.writer.is_none());
        assert_eq!(next.mailbox.next().await.unwrap(), "bc");
        streams.sweep(Instant::now() + KEPT);
        assert!(streams.find("a").is_some());
        drop(next);
        streams.sweep(Instant::now() + KEPT);
        assert!(streams.find("a").is_none() && writer.is_closed());
    }
}
