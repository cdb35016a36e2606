use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Server, Sse, Ws, chunks};

async fn expect_ws(ws: &mut Ws, numbers: impl Iterator<Item = u64>) {
    for k in numbers {
        assert_eq!(ws.json().await, json!({ "type": "count", "eventId": k.to_string(), "seq": k }));
    }
}

async fn expect_sse(sse: &mut Sse, numbers: impl Iterator<Item = u64>) {
    for k in numbers {
        let event = sse.event().await;
        assert_eq!((event.name.as_str(), event.id.as_str()), ("", k.to_string().as_str()));
        assert_eq!(event.json()["seq"], k);
    }
}

#[tokio::test]
async fn both_transports_count_to_the_end_and_stay_open() {
    let server = Server::start().await;
    let mut ws = server.ws("/count?to=3000").await;
    let mut sse = server.sse("/count?to=3000").await;
    expect_ws(&mut ws, 1..=3000).await;
    expect_sse(&mut sse, 1..=3000).await;
    // What comes after the last number is the answer to this ping, and nothing before it.
    ws.send(r#"{"type":"ping","timestamp":7}"#).await;
    assert_eq!(ws.json().await, json!({ "type": "pong", "timestamp": 7 }));
    server.connections(2).await;
}

#[tokio::test]
async fn a_cursor_is_followed_as_asked() {
    let server = Server::start().await;
    for (query, first) in [
        ("", 1),
        ("&lastEventId=40", 41),
        ("&lastEventId=40&overlap=5", 36),
        ("&lastEventId=2&overlap=5", 1),
        ("&lastEventId=40&replay=all", 1),
        ("&lastEventId=nonsense", 1),
        ("&lastEventId=", 1),
    ] {
        let path = format!("/count?to=50{query}");
        expect_ws(&mut server.ws(&path).await, first..=50).await;
        expect_sse(&mut server.sse(&path).await, first..=50).await;
    }
    let mut by_header = Sse::open(&server.wire, "/count?to=50", &[("Last-Event-ID", "48")]).await.unwrap();
    expect_sse(&mut by_header, 49..=50).await;
}

#[tokio::test]
async fn numbers_come_at_their_rate() {
    let server = Server::start().await;
    let started = Instant::now();
    let mut ws = server.ws("/count?to=500&rate=1000").await;
    expect_ws(&mut ws, 1..=500).await;
    // Never early; how late depends on the machine.
    assert!(started.elapsed() >= Duration::from_millis(490));
}

#[tokio::test]
async fn a_poll_ends_with_the_first_that_is_new() {
    let server = Server::start().await;
    for (query, numbers) in [
        ("to=50&poll=25000", 1..=50),
        ("to=50&lastEventId=40&overlap=1&poll=25000", 40..=50),
        ("to=500&lastEventId=140&poll=25000", 141..=240),
        // At the end there is nothing but the overlap, however long it waits.
        ("to=50&lastEventId=50&overlap=2&poll=30", 49..=50),
    ] {
        let mut poll = server.sse(&format!("/count?{query}")).await;
        expect_sse(&mut poll, numbers).await;
        assert_eq!(poll.next().await.unwrap(), None, "{query}");
    }
    let started = Instant::now();
    let (text, whole) =
        chunks(&server.wire, "/count?poll=25000&rate=20&lastEventId=7&overlap=1").await.unwrap();
    // At this rate 7 alone would have come 50 ms before.
    assert!(whole && text.contains("id: 7\n") && text.contains("id: 8\n"), "{text}");
    assert!(started.elapsed() >= Duration::from_millis(95));
}

#[tokio::test]
async fn a_ping_in_a_flood_is_answered() {
    let server = Server::start().await;
    let mut ws = server.ws("/count?to=1000000000").await;
    expect_ws(&mut ws, 1..=10).await;
    ws.send(r#"{"type":"ping","timestamp":1}"#).await;
    while ws.json().await["type"] != "pong" {}
}

#[tokio::test]
async fn counting_goes_on_over_restarts() {
    let server = Server::start().await;
    let mut next = 1;
    for _ in 0..5 {
        let mut ws = server.ws(&format!("/count?rate=5000&lastEventId={}", next - 1)).await;
        expect_ws(&mut ws, next..next + 20).await;
        server.fault("/fault/restart?down=0").await;
        next += 20;
        // What was on its way still comes, in order, before the end.
        while let Some(Ok(message)) = ws.next().await {
            let message: serde_json::Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            assert_eq!(message["seq"], next);
            next += 1;
        }
    }
}
