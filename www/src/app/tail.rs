//! `/logs`: what a service logs, as it does.
//!
//! A line is computed from its number and its time, and its time from its number. So the log needs no
//! memory, and goes on over a restart; only as many lines as a buffer would have can be had again.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use tokio::time::interval;

use super::cursor::Cursor;
use super::message::Say;
use super::requests::Asked;
use super::sse::Out;
use super::stats::Kind;
use super::{Shared, clock, sse};

/// So many lines can be had again.
const KEPT: u64 = 1000;
const COMMENT: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
pub(super) struct LogsQuery {
    /// Milliseconds from line to line. Each has a log of its own.
    #[serde(default = "three_a_second")]
    delay: u64,
    /// Without a cursor, so many lines of before come first.
    #[serde(default = "ten")]
    history: u64,
    /// 1: a resume begins with the line at the cursor, which proves that nothing is missing.
    #[serde(default)]
    overlap: String,
}

fn three_a_second() -> u64 {
    333
}

fn ten() -> u64 {
    10
}

pub(super) async fn handle(
    State(app): Shared,
    Query(query): Query<LogsQuery>,
    Cursor(cursor): Cursor,
    _: Asked,
) -> Response {
    let delay = query.delay.clamp(5, 60_000);
    let last = clock::now() / delay;
    let oldest = (last + 1).saturating_sub(KEPT);
    let mut first = (last + 1).saturating_sub(query.history.min(KEPT));
    let overlap = u64::from(query.overlap == "1");
    let mut gap = None;
    if let Some(cursor) = cursor {
        let known = number(&cursor, delay).filter(|&n| n <= last).map(|n| n + 1 - overlap);
        first = known.filter(|&next| next >= oldest).unwrap_or(oldest);
        if known != Some(first) {
            let before = id(first, delay);
            gap = Some(sse::event(Some("gap"), None, &Say::Gap { after: &cursor, before: &before }.json()));
        }
    }
    sse::respond(app.stats.open(Kind::Sse), async move |out| write(out, gap, first, delay).await)
}

async fn write(out: Out, gap: Option<String>, first: u64, delay: u64) {
    if let Some(gap) = gap {
        out.send(gap).await;
    }
    let mut comments = interval(COMMENT);
    comments.reset();
    let mut n = first;
    loop {
        tokio::select! {
            () = clock::reached(n.saturating_mul(delay)) => {
                let (level, line) = line(n, delay);
                out.send(sse::event(Some(level), Some(&id(n, delay)), &line)).await;
                n += 1;
            }
            _ = comments.tick() => out.send(": still here\n\n").await,
        }
    }
}

fn id(n: u64, delay: u64) -> String {
    format!("{delay}-{n}")
}

fn number(id: &str, delay: u64) -> Option<u64> {
    let (of, n) = id.split_once('-')?;
    (of == delay.to_string()).then(|| n.parse().ok())?
}

/// The level and the text.
fn line(n: u64, delay: u64) -> (&'static str, String) {
    // Looks like chance, and is the same each time.
    let chance = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let pick = |at: u32, of: u64| (chance >> at) % of;
    let order = 10_000 + pick(8, 90_000);
    let (level, text) = match pick(0, 20) {
        0 => ("error", format!("POST /orders/{order}/pay 502: the bank did not answer in 5000 ms")),
        1 => ("error", format!("worker {} stopped: out of memory at {} MB", pick(12, 8), 500 + pick(16, 12))),
        2 | 3 => ("warning", format!("GET /orders/{order} 200 in {} ms: slow", 800 + pick(20, 2000))),
        4 => ("warning", format!("pool: {} of 20 connections in use", 17 + pick(24, 4))),
        5..=8 => ("info", format!("POST /orders 201 in {} ms: order {order}", 20 + pick(28, 90))),
        9 => ("info", format!("cache: {} entries dropped", 1 + pick(32, 400))),
        _ => ("info", format!("GET /orders/{order} 200 in {} ms", 2 + pick(36, 60))),
    };
    (level, format!("{} {level} shop-{} {text}", clock::timestamp(n.saturating_mul(delay)), 1 + pick(44, 3)))
}
