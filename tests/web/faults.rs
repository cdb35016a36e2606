//! Each kind of trouble, on both transports at once: all messages arrive, once and in order.

use everwire::{
    Failure, State,
    options::{Heartbeat, Resume},
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Live, Record, Server, event_source, millis, wait::until, web_socket};

const MESSAGES: u64 = 900;
/// At 600 a second, and each connection's replay begins with the cursor: that proves that nothing is missing.
const STREAM: &str = "/count?to=900&rate=600&overlap=1";

/// `failure`: what the first loss looks like.
async fn survives(cause: &str, heartbeat: Option<Heartbeat>, failure: Failure) {
    let server = Server::start().await;
    let records = [
        web_socket(&server.ws(STREAM)).resume(Resume::new().with_id("eventId")),
        event_source(&server.sse(STREAM)),
    ]
    .map(|builder| {
        let builder = builder.open_timeout(millis(500));
        let builder = match &heartbeat {
            Some(heartbeat) => builder.heartbeat(heartbeat.clone()),
            None => builder,
        };
        Record::of(builder.live())
    });
    for record in &records {
        record.until("the first messages", |seen| seen.last() >= MESSAGES / 6).await;
    }
    server.fault(cause).await;
    for record in &records {
        record.until("the loss to be noticed", |seen| !seen.retries.is_empty()).await;
        assert!(record.seen().last() < MESSAGES, "the trouble came too late to be one");
    }
    for record in &records {
        record.until("all messages", |seen| seen.last() == MESSAGES).await;
        record.assert_all(MESSAGES);
        assert!(record.seen().opens > 1);
        assert_eq!(record.seen().retries[0].failure, failure);
    }
    if heartbeat.is_none() {
        assert!(records.iter().all(|record| record.handle.state() == State::Open));
        server.until_stats("one connection each", 1, 1).await;
    }
}

#[wasm_bindgen_test]
async fn dropped() {
    survives("/fault/drop", None, Failure::Network).await;
}

#[wasm_bindgen_test]
async fn restarted() {
    survives("/fault/restart?down=200", None, Failure::Network).await;
}

#[wasm_bindgen_test]
async fn stalled() {
    // It looks open, so only the heartbeat notices.
    let heartbeat = Heartbeat::new().with_interval(millis(300)).with_timeout(millis(200));
    survives("/fault/stall?ms=1200", Some(heartbeat), Failure::HalfOpen).await;
}

#[wasm_bindgen_test]
async fn refused() {
    survives("/fault/refuse?ms=600", None, Failure::Network).await;
}

#[wasm_bindgen_test]
async fn unavailable() {
    survives("/fault/503?ms=600", None, Failure::Network).await;
}

#[wasm_bindgen_test]
async fn half_closed_and_black_holed_connections_are_noticed() {
    let server = Server::start().await;
    for trouble in [
        "/proxy/half-close",
        "/proxy/black-hole?direction=down",
        "/proxy/black-hole?direction=up",
        "/proxy/black-hole?direction=both",
    ] {
        let heartbeat = Heartbeat::new().with_interval(millis(150)).with_timeout(millis(150));
        let record = Record::of(
            web_socket(&server.ws("/chat?room=1")).open_timeout(millis(500)).heartbeat(heartbeat).live(),
        );
        record.until("the open", |seen| seen.opens == 1).await;
        server.fault(trouble).await;
        record.until(trouble, |seen| !seen.retries.is_empty()).await;
        server.fault("/fault/clear").await;
        record.until("another connection", |seen| seen.opens > 1).await;
    }
}

#[wasm_bindgen_test]
async fn a_slow_line_below_the_timeout_is_left_alone() {
    let server = Server::start().await;
    let heartbeat = Heartbeat::new().with_interval(millis(2_000)).with_timeout(millis(2_000));
    let record = Record::of(web_socket(&server.ws("/chat?room=1")).heartbeat(heartbeat).live());
    record.until("the open", |seen| seen.opens == 1).await;
    server.fault("/proxy/delay?ms=100").await;
    let slow = || record.handle.round_trip() >= Some(millis(190));
    until("a slow round trip", slow).await;
    assert_eq!((record.seen().retries.len(), record.handle.state()), (0, State::Open));
}
