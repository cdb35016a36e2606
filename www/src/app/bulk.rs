//! `/big` and `/flood`: much at once.

use std::fmt::Write;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::requests::Asked;
use super::sse::Out;
use super::stats::Kind;
use super::{Shared, sse};

const CHUNK: usize = 4096;
const FLOOD_CHUNK: usize = 64 * 1024;
const ALPHABET: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

/// The alphabet over and over.
fn letters(n: usize) -> Bytes {
    ALPHABET.iter().copied().cycle().take(n).collect()
}

#[derive(Deserialize)]
pub(super) struct BigQuery {
    #[serde(default = "fourteen_megabytes")]
    bytes: usize,
    /// The first request of the key is cut off after so many of them.
    cut: Option<usize>,
    #[serde(default)]
    key: String,
}

fn fourteen_megabytes() -> usize {
    14_000_000
}

pub(super) async fn big(State(app): Shared, Query(query): Query<BigQuery>, _: Asked) -> Response {
    let first = app.requests.attempt(&query.key, "/big") == 1;
    let cut = query.cut.filter(|_| first);
    sse::respond(app.stats.open(Kind::Sse), async move |out| write_big(out, query.bytes, cut).await)
}

async fn write_big(out: Out, bytes: usize, cut: Option<usize>) {
    let letters = letters(CHUNK + ALPHABET.len());
    let end = bytes.min(cut.unwrap_or(bytes));
    out.send("id: 1\ndata: ").await;
    let mut at = 0;
    while at < end {
        let first = at % ALPHABET.len();
        let length = CHUNK.min(end - at);
        out.send(letters.slice(first..first + length)).await;
        at += length;
    }
    if cut.is_some() {
        return out.fail().await;
    }
    out.send("\n\n").await;
    std::future::pending().await
}

#[derive(Deserialize)]
pub(super) struct FloodQuery {
    #[serde(default = "many")]
    events: u64,
    #[serde(default = "hundred")]
    bytes: usize,
}

fn many() -> u64 {
    200_000
}

fn hundred() -> usize {
    100
}

pub(super) async fn flood(State(app): Shared, Query(query): Query<FloodQuery>, _: Asked) -> Response {
    let data = String::from_utf8_lossy(&letters(query.bytes.min(FLOOD_CHUNK))).into_owned();
    sse::respond(app.stats.open(Kind::Sse), async move |out| {
        let mut chunk = String::with_capacity(2 * FLOOD_CHUNK);
        for n in 1..=query.events {
            // Writing to a string does not fail.
            let _ = write!(chunk, "id: {n}\ndata: {data}\n\n");
            if chunk.len() >= FLOOD_CHUNK {
                out.send(std::mem::replace(&mut chunk, String::with_capacity(2 * FLOOD_CHUNK))).await;
            }
        }
        chunk.push_str("data: done\n\n");
        out.send(chunk).await;
    })
}
