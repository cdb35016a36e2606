use serde_json::json;

use crate::support::{Server, Sse};

#[tokio::test]
async fn a_restart_repeats_and_skips_no_id() {
    let server = Server::start().await;
    let mut sse = server.sse("/ticker?name=T").await;
    assert!(sse.head.contains("content-type: text/event-stream\r\n"));
    assert!(sse.head.contains("x-accel-buffering: no\r\n"));
    let mut expected = 1;
    let mut last = String::new();
    for _ in 0..4 {
        for _ in 0..2 {
            let event = sse.event().await;
            assert_eq!(event.name, "tick");
            assert!(event.id.ends_with(&format!("-{expected}")), "{} is not {expected}", event.id);
            let tick = event.json();
            assert_eq!(
                (&tick["type"], &tick["seq"], &tick["symbol"]),
                (&json!("tick"), &json!(expected), &json!("T"))
            );
            assert!(tick["price"].is_number());
            expected += 1;
            last = event.id;
        }
        server.fault("/fault/restart?down=0").await;
        sse = server.sse(&format!("/ticker?name=T&lastEventId={last}")).await;
    }
}

#[tokio::test]
async fn the_header_wins_over_the_query() {
    let server = Server::start().await;
    let mut sse = server.sse("/ticker").await;
    let ids = [sse.event().await.id, sse.event().await.id, sse.event().await.id];
    let path = format!("/ticker?lastEventId={}", ids[0]);
    let mut resumed = server.sse(&path).await;
    assert_eq!(resumed.event().await.id, ids[1]);
    let mut resumed = Sse::open(&server.wire, &path, &[("Last-Event-ID", &ids[1])]).await.unwrap();
    assert_eq!(resumed.event().await.id, ids[2]);
}

#[tokio::test]
async fn a_gap_is_told_and_has_no_id() {
    let server = Server::start_with(&["--log-size", "2"]).await;
    let mut sse = server.sse("/ticker").await;
    let first = sse.event().await.id;
    for _ in 0..3 {
        sse.event().await;
    }
    let mut resumed = server.sse(&format!("/ticker?lastEventId={first}")).await;
    let gap = resumed.event().await;
    let next = resumed.event().await;
    assert_eq!((gap.name.as_str(), gap.id.as_str()), ("gap", ""));
    assert_eq!(gap.json(), json!({ "type": "gap", "after": first, "before": next.id }));
    assert_ne!(next.json()["seq"], 2);
}

#[tokio::test]
async fn a_replay_gives_everything_once_more() {
    let server = Server::start().await;
    let mut sse = server.sse("/ticker").await;
    let first = sse.event().await.id;
    let second = sse.event().await.id;
    server.fault("/fault/replay").await;
    let path = format!("/ticker?lastEventId={second}");
    assert_eq!(server.sse(&path).await.event().await.id, first);
    assert_ne!(server.sse(&path).await.event().await.id, first);
}
