//! `/ticker`: prices as an event stream, with a log to resume from.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval};

use super::cursor::Cursor;
use super::log::{Item, Logs, Reader};
use super::message::Say;
use super::sse::Out;
use super::stats::Kind;
use super::{Shared, sse};

const TICK: Duration = Duration::from_millis(250);
const COMMENT: Duration = Duration::from_secs(10);

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
) -> Response {
    let key = format!("ticker/{}", query.name);
    let reader = match cursor {
        None if query.history == "1" => app.logs.read_all(&key),
        cursor if query.overlap == "1" => app.logs.read_overlapping(&key, cursor.as_deref()),
        cursor => app.logs.read(&key, cursor.as_deref()),
    };
    app.generators.start(&app.logs, key, query.name);
    sse::respond(app.stats.open(Kind::Sse), async |out| write(out, reader).await)
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

/// The tickers that run. From their first use on, for the life of the process.
#[derive(Default)]
pub(super) struct Generators(Mutex<HashSet<String>>);

impl Generators {
    fn start(&self, logs: &Arc<Logs>, key: String, symbol: String) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
            tokio::spawn(generate(Arc::clone(logs), key, symbol));
        }
    }
}

async fn generate(logs: Arc<Logs>, key: String, symbol: String) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        logs.append(&key, |seq, _| Say::Tick { seq, symbol: &symbol, price: price(seq) }.json());
    }
}

/// By the number alone, so that the curve goes on after a restart.
fn price(seq: u64) -> f64 {
    let t = seq as f64;
    let cents = 10_000.0 + 900.0 * (t / 37.0).sin() + 260.0 * (t / 5.3).sin() + 90.0 * (t * 1.7).cos();
    cents.round() / 100.0
}
