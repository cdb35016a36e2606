use std::collections::BTreeSet;

use crate::support::{Server, Sse};

fn number(id: &str) -> u64 {
    id.rsplit('-').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn lines_are_resumed_by_header_and_query() {
    let server = Server::start().await;
    let mut sse = server.sse("/logs?delay=20&history=5").await;
    assert!(sse.head.contains("x-accel-buffering: no\r\n"));
    let first = sse.event().await;
    let mut lines = Vec::new();
    for n in 1..10 {
        let event = sse.event().await;
        assert_eq!(number(&event.id), number(&first.id) + n);
        assert!(event.data.contains(&format!("Z {} shop-", event.name)), "{}", event.data);
        lines.push(event);
    }
    server.fault("/fault/restart?down=0").await;
    let mut by_query = server.sse(&format!("/logs?delay=20&lastEventId={}", first.id)).await;
    let mut by_header =
        Sse::open(&server.wire, "/logs?delay=20", &[("Last-Event-ID", &first.id)]).await.unwrap();
    let path = format!("/logs?delay=20&overlap=1&lastEventId={}", first.id);
    assert_eq!(server.sse(&path).await.event().await, first);
    for line in lines {
        assert_eq!(by_query.event().await, line);
        assert_eq!(by_header.event().await, line);
    }
}

#[tokio::test]
async fn all_levels_come() {
    let server = Server::start().await;
    let mut sse = server.sse("/logs?delay=5&history=1000").await;
    let mut names = BTreeSet::new();
    for _ in 0..500 {
        names.insert(sse.event().await.name);
    }
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["error", "info", "warning"]);
}

#[tokio::test]
async fn a_gap_is_told() {
    let server = Server::start().await;
    for cursor in ["5-1", "nonsense"] {
        let mut sse = server.sse(&format!("/logs?delay=5&lastEventId={cursor}")).await;
        let gap = sse.event().await;
        let next = sse.event().await;
        assert_eq!((gap.name.as_str(), gap.id.as_str()), ("gap", ""));
        assert_eq!(gap.json()["after"], cursor);
        assert_eq!(gap.json()["before"], next.id);
    }
}
