//! `/ticker`: prices as an event stream, with a log to resume from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::cursor::Cursor;
use super::log::{Item, Logs, Reader};
use super::message::Say;
use super::sse::Out;
use super::stats::Kind;
use super::uplink::Refusal;
use super::{Shared, sse};

const TICK: Duration = Duration::from_millis(250);
const COMMENT: Duration = Duration::from_secs(10);
/// So long a ticker goes on when nobody watches: who was cut off comes back for what it missed.
const UNWATCHED: Duration = Duration::from_secs(30);
const NAME: usize = 40;
const TOO_MANY: Refusal = (StatusCode::SERVICE_UNAVAILABLE, "there are too many tickers\n");

#[derive(Deserialize)]
pub(super) struct TickerQuery {
    #[serde(default = "ever")]
    name: String,
    /// 1: without a cursor, all that the log has comes first.
    #[serde(default)]
    history: String,
    /// 1: a resume begins with the message at the cursor, which proves that nothing is missing.
    #[serde(default)]
    overlap: String,
}

fn ever() -> String {
    "EVER".to_owned()
}

pub(super) async fn handle(
    State(app): Shared,
    Query(query): Query<TickerQuery>,
    Cursor(cursor): Cursor,
) -> Result<Response, Refusal> {
    if query.name.len() > NAME || query.name.contains(char::is_control) {
        return Err((StatusCode::BAD_REQUEST, "a name has at most 40 bytes\n"));
    }
    let key = format!("ticker/{}", query.name);
    if !app.logs.admits(&key) {
        return Err(TOO_MANY);
    }
    let watched = app.generators.watch(&app.logs, &key, query.name).ok_or(TOO_MANY)?;
    let reader = match cursor {
        None if query.history == "1" => app.logs.read_all(&key),
        cursor if query.overlap == "1" => app.logs.read_overlapping(&key, cursor.as_deref()),
        cursor => app.logs.read(&key, cursor.as_deref()),
    };
    Ok(sse::respond(app.stats.open(Kind::Sse), async |out| {
        let _watched = watched;
        write(out, reader).await;
    }))
}

async fn write(out: Out, mut reader: Reader) {
    let mut comments = interval(COMMENT);
    comments.reset();
    loop {
        tokio::select! {
            items = reader.next() => {
                let events = items.iter().map(|item| match item {
                    Item::Entry { id, body } => sse::event(Some("tick"), Some(id), body),
                    Item::Gap(gap) => sse::event(Some("gap"), None, gap),
                });
                out.send(events.collect::<String>()).await;
            }
            _ = comments.tick() => out.send(": still here\n\n").await,
        }
    }
}

/// The tickers that run, by the keys of their logs.
pub(super) struct Generators {
    running: Mutex<HashMap<String, Watchers>>,
    most: usize,
}

struct Watchers {
    now: usize,
    /// Since when there is none.
    none: Instant,
}

impl Generators {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { running: Mutex::default(), most })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Watchers>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it when it does not run. None when there are too many.
    fn watch(self: &Arc<Self>, logs: &Arc<Logs>, key: &str, symbol: String) -> Option<Watched> {
        let mut running = self.lock();
        if !running.contains_key(key) {
            if running.len() >= self.most {
                return None;
            }
            running.insert(key.to_owned(), Watchers { now: 0, none: Instant::now() });
            tokio::spawn(generate(Arc::clone(self), Arc::clone(logs), key.to_owned(), symbol));
        }
        running.get_mut(key)?.now += 1;
        Some(Watched { generators: Arc::clone(self), key: key.to_owned() })
    }

    /// Whether the ticker still has somebody to tick for. Removes it when not.
    fn goes_on(&self, key: &str) -> bool {
        let mut running = self.lock();
        let goes_on = running.get(key).is_some_and(|of| of.now > 0 || of.none.elapsed() < UNWATCHED);
        if !goes_on {
            running.remove(key);
        }
        goes_on
    }
}

/// Somebody watches, until this is dropped.
struct Watched {
    generators: Arc<Generators>,
    key: String,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(of) = self.generators.lock().get_mut(&self.key) {
            of.now -= 1;
            of.none = Instant::now();
        }
    }
}

async fn generate(generators: Arc<Generators>, logs: Arc<Logs>, key: String, symbol: String) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !generators.goes_on(&key) {
            return;
        }
        logs.append(&key, |seq, _| Say::Tick { seq, symbol: &symbol, price: price(seq) }.json());
    }
}

/// By the number alone, so that the curve goes on after a restart.
fn price(seq: u64) -> f64 {
    let t = seq as f64;
    let cents = 10_000.0 + 900.0 * (t / 37.0).sin() + 260.0 * (t / 5.3).sin() + 90.0 * (t * 1.7).cos();
    cents.round() / 100.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::bounds::Bounds;

    #[tokio::test(start_paused = true)]
    async fn a_ticker_that_nobody_watches_ends() {
        let dir = std::env::temp_dir().join(format!("everwire-ticker-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let logs = Arc::new(Logs::open(&dir, "e1".to_owned(), 1_000, Bounds::of(false)).unwrap());
        let generators = Generators::new(1);
        let key = "ticker/a";
        let watch = || generators.watch(&logs, key, "a".to_owned()).unwrap();
        let (first, second) = (watch(), watch());
        assert!(generators.watch(&logs, "ticker/b", "b".to_owned()).is_none(), "there are too many");
        drop(first);
        tokio::time::sleep(2 * UNWATCHED).await;
        assert!(generators.lock().contains_key(key), "somebody watches");
        drop(second);
        tokio::time::sleep(UNWATCHED - TICK).await;
        assert!(generators.lock().contains_key(key), "who was cut off may come back");
        let again = watch();
        tokio::time::sleep(2 * UNWATCHED).await;
        assert!(generators.lock().contains_key(key));
        drop(again);
        tokio::time::sleep(UNWATCHED + 2 * TICK).await;
        assert!(generators.lock().is_empty());
        let last = logs.last_id(key);
        tokio::time::sleep(2 * UNWATCHED).await;
        assert_eq!(logs.last_id(key), last);
        assert!(generators.watch(&logs, "ticker/b", "b".to_owned()).is_some(), "there is room again");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
