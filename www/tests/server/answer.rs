use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::{Server, Sse, encode, get, request, request_with};

#[tokio::test]
async fn an_answer_is_what_was_asked_for() {
    let server = Server::start().await;
    let path = format!("/answer?status=503&retry_after=soon&body={}", encode("wait <a while>"));
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let answer = request(method, &server.wire, &path, &[("Origin", "http://a.test")]).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "wait <a while>"), "{method}");
        for header in [
            "retry-after: soon",
            "content-type: text/plain",
            "access-control-expose-headers: retry-after, last-event-id, mercure-last-event-id",
        ] {
            assert!(answer.has(header), "{header}");
        }
    }
    let typeless = get(&server.wire, "/answer?status=200&type=&body=a").await;
    assert!(!typeless.head.to_lowercase().contains("content-type"));
    assert_eq!(get(&server.wire, "/answer?status=101").await.status, 400);
}

#[tokio::test]
async fn a_date_is_in_the_future() {
    let server = Server::start().await;
    let answer = get(&server.wire, "/answer?status=429&date_after=3").await;
    let line = answer.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let second = line.get(23..25).unwrap().parse::<u64>().unwrap();
    assert!(line.ends_with(" GMT"), "{line}");
    assert!((2..=4).contains(&((second + 60 - now % 60) % 60)), "{line}");
}

#[tokio::test]
async fn after_so_many_times_the_stream_comes() {
    let server = Server::start().await;
    for _ in 0..2 {
        assert_eq!(get(&server.wire, "/answer?status=500&times=2&key=a").await.status, 500);
    }
    let mut sse = server.sse("/answer?status=500&times=2&key=a").await;
    assert!(sse.head.contains("content-type: text/event-stream\r\n"));
    let event = sse.event().await;
    assert_eq!((event.id.as_str(), event.data.as_str()), ("1", "hello"));
    let then = encode("data: other\n\n");
    let mut sse = server.sse(&format!("/answer?status=500&times=0&key=b&then={then}")).await;
    assert_eq!(sse.event().await.data, "other");
    let mut sse = server.sse("/answer?type=TEXT/EVENT-STREAM;charset=utf-8").await;
    assert!(sse.head.contains("content-type: TEXT/EVENT-STREAM;charset=utf-8\r\n"));
    assert_eq!(sse.event().await.data, "hello");
    server.connections(3).await;
}

#[tokio::test]
async fn a_redirect_goes_where_it_should() {
    let server = Server::start().await;
    for status in [301, 302, 303, 307, 308] {
        let to = "http://a.test/x?y=z";
        let path = format!("/redirect?status={status}&to={}", encode(to));
        let answer = request("POST", &server.wire, &path, &[]).await.unwrap();
        assert_eq!(answer.status, status);
        assert!(answer.has(&format!("location: {to}")));
    }
    assert_eq!(get(&server.wire, "/redirect?status=200&to=x").await.status, 400);
}

#[tokio::test]
async fn what_came_with_a_key_can_be_read_back() {
    let server = Server::start().await;
    let headers =
        [("Last-Event-ID", "é1"), ("X-Test", "t"), ("Authorization", "Bearer b"), ("Cookie", "a=b")];
    request_with("PUT", &server.wire, "/answer?status=500&key=a", &headers, "the body").await.unwrap();
    get(&server.wire, "/redirect?to=x&key=a").await;
    get(&server.wire, "/answer?key=b").await;
    let log = get(&server.wire, "/requests?key=a").await.json();
    let first = &log[0];
    assert_eq!(
        (&first["method"], &first["path"], &first["query"], &first["body"]),
        (&json!("PUT"), &json!("/answer"), &json!("status=500&key=a"), &json!("the body"))
    );
    let known = json!({ "last-event-id": "c3a931", "x-test": "t", "authorization": "Bearer b" });
    assert_eq!(first["headers"], known);
    assert_eq!((log[1]["path"].as_str(), log.as_array().unwrap().len()), (Some("/redirect"), 2));
    assert_eq!(get(&server.wire, "/requests?key=none").await.json(), json!([]));
}

#[tokio::test]
async fn a_preflight_allows_what_was_asked() {
    let server = Server::start().await;
    let asked = [
        ("Origin", "http://a.test"),
        ("Access-Control-Request-Method", "DELETE"),
        ("Access-Control-Request-Headers", "authorization,last-event-id"),
    ];
    let granted = [
        "access-control-allow-origin: http://a.test",
        "access-control-allow-methods: delete",
        "access-control-allow-headers: authorization,last-event-id",
    ];
    for path in ["/answer", "/script/sse?key=a", "/llm/a", "/cors?allow=1"] {
        let preflight = request("OPTIONS", &server.wire, path, &asked).await.unwrap();
        assert_eq!(preflight.status, 204, "{path}");
        assert!(granted.iter().all(|header| preflight.has(header)), "{path}: {}", preflight.head);
    }
    let preflight = request("OPTIONS", &server.wire, "/cors?allow=0", &asked).await.unwrap();
    assert!(!preflight.head.contains("access-control"));
    for (allow, allowed) in [(0, false), (1, true)] {
        let path = format!("/cors?allow={allow}");
        let mut sse = Sse::open(&server.wire, &path, &[("Origin", "http://a.test")]).await.unwrap();
        assert_eq!(sse.head.contains("access-control-allow-origin: http://a.test"), allowed);
        assert_eq!(sse.event().await.data, "hello");
    }
}
