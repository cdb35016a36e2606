//! `/count`: the numbers from 1 on, computed and not stored, so that any restart can go on. With `begin` they come
//! at a time of their own, whether anyone listens or not, and `log` says how many of the last can be had again.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::ws::Message;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout_at};

use super::cursor::Cursor;
use super::message::Say;
use super::sse::Out;
use super::stats::Kind;
use super::uplink::StreamQuery;
use super::ws::{Gone, Upgrade, Ws, json_of, pong};
use super::{Shared, sse, ws};

/// At most so many at once, so that pings are answered in between.
const BURST: u64 = 100;
const PAUSE: Duration = Duration::from_millis(4);

#[derive(Deserialize)]
pub(super) struct CountQuery {
    #[serde(default = "ten_thousand")]
    to: u64,
    #[serde(default)]
    rate: u64,
    #[serde(default)]
    replay: String,
    #[serde(default)]
    overlap: u64,
    /// Unix time in ms at which number 1 was due.
    begin: Option<u64>,
    log: Option<u64>,
}

fn ten_thousand() -> u64 {
    10_000
}

pub(super) async fn handle(
    State(app): Shared,
    Query(query): Query<CountQuery>,
    Query(stream): Query<StreamQuery>,
    cursor: Cursor,
    Upgrade(upgrade): Upgrade,
) -> Response {
    let mut numbers = Numbers::new(&query, cursor);
    if let Some(upgrade) = upgrade {
        return ws::upgrade(app.stats.open(Kind::Ws), upgrade, async |ws| serve_ws(ws, numbers).await);
    }
    sse::respond(app.stats.open(Kind::Sse), async move |out| match stream.poll() {
        Some(wait) => poll(&out, numbers, wait).await,
        None => loop {
            out.send(events(numbers.due().await)).await;
        },
    })
}

fn events(numbers: RangeInclusive<u64>) -> String {
    numbers.map(|k| sse::event(None, Some(&k.to_string()), &message(k))).collect()
}

/// Ends with the first that is new. An overlap is not.
async fn poll(out: &Out, mut numbers: Numbers, wait: Duration) {
    out.send(": hello\n\n").await;
    let end = Instant::now() + wait;
    while let Ok(due) = timeout_at(end, numbers.due()).await {
        let last = *due.end();
        out.send(events(due)).await;
        if last > numbers.after {
            return;
        }
    }
}

async fn serve_ws(mut ws: Ws, mut numbers: Numbers) -> Result<(), Gone> {
    loop {
        tokio::select! {
            due = numbers.due() => ws.send_all(due.map(message)).await?,
            received = ws.receive() => {
                if let Some(pong) = json_of(&received?).as_ref().and_then(pong) {
                    ws.send(Message::text(pong)).await?;
                }
            }
        }
    }
}

fn message(k: u64) -> String {
    Say::Count { event_id: k.to_string(), seq: k }.json()
}

/// The last number that is due.
fn published(begin: u64, rate: u64, to: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let due = now.saturating_sub(u128::from(begin)) * u128::from(rate) / 1_000;
    u64::try_from(due).unwrap_or(u64::MAX).min(to)
}

/// The numbers that one connection gets, each at its time.
struct Numbers {
    /// What the client has.
    after: u64,
    next: u64,
    to: u64,
    rate: u64,
    started: Instant,
    sent: u64,
    begin: Option<u64>,
}

impl Numbers {
    fn new(query: &CountQuery, Cursor(cursor): Cursor) -> Self {
        let after =
            cursor.and_then(|id| id.parse::<u64>().ok()).filter(|_| query.replay != "all").unwrap_or(0);
        let mut next = after.saturating_add(1).saturating_sub(query.overlap).max(1);
        if let (Some(begin), Some(log)) = (query.begin, query.log) {
            next = next.max(published(begin, query.rate, query.to).saturating_sub(log).saturating_add(1));
        }
        Self {
            after,
            next,
            to: query.to,
            rate: query.rate,
            started: Instant::now(),
            sent: 0,
            begin: query.begin,
        }
    }

    /// Waits until some are due. By the clock, so that what was late is made up for.
    async fn due(&mut self) -> RangeInclusive<u64> {
        if self.next > self.to {
            return std::future::pending().await;
        }
        loop {
            let due = match (self.rate, self.begin) {
                (0, _) => BURST,
                (rate, Some(begin)) => {
                    published(begin, rate, self.to).saturating_add(1).saturating_sub(self.next).min(BURST)
                }
                (rate, None) => {
                    let by_now = self.started.elapsed().as_micros() * u128::from(rate) / 1_000_000;
                    u64::try_from(by_now).unwrap_or(u64::MAX).saturating_sub(self.sent).min(BURST)
                }
            };
            if due > 0 {
                let first = self.next;
                let last = self.to.min(first.saturating_add(due - 1));
                self.next = last.saturating_add(1);
                self.sent += last - first + 1;
                return first..=last;
            }
            sleep(PAUSE).await;
        }
    }
}
