use serde_json::json;

use crate::support::{Event, Server, Sse, get, request, request_with};

const PROMPT: &str = r#"{"prompt":"Tell me of the cable."}"#;

async fn start(server: &Server, query: &str) -> (Sse, String) {
    let mut sse = Sse::request("POST", &server.wire, &format!("/llm?{query}"), &[], PROMPT).await.unwrap();
    assert_eq!(sse.status, 200);
    let job = sse.event().await;
    assert_eq!(job.name, "job");
    let id = job.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(job.id, format!("{id}:0"));
    (sse, id)
}

/// All events until the connection ends.
async fn rest(sse: &mut Sse) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = sse.next().await.unwrap() {
        events.push(event);
    }
    events
}

#[tokio::test]
async fn the_tokens_make_the_text() {
    let server = Server::start().await;
    let (mut sse, id) = start(&server, "delay=0").await;
    for header in ["x-accel-buffering: no\r\n", "cache-control: no-cache\r\n", "text/event-stream\r\n"] {
        assert!(sse.head.contains(header), "{header}");
    }
    let mut events = rest(&mut sse).await;
    let done = events.pop().unwrap();
    assert_eq!((done.data.as_str(), done.id), ("[DONE]", format!("{id}:{}", events.len() + 1)));
    for (n, event) in events.iter().enumerate() {
        assert_eq!(event.id, format!("{id}:{}", n + 1));
    }
    let text: String = events.iter().map(|event| event.data.as_str()).collect();
    assert_eq!(text, get(&server.wire, &format!("/llm/{id}/text")).await.body);
    assert!(events.iter().any(|event| event.data.starts_with("\n\n")), "a token of several lines");
    assert!(events.iter().any(|event| event.data == " first"), "a token with its space");
}

#[tokio::test]
async fn a_job_is_resumed_behind_its_cursor() {
    let server = Server::start().await;
    let (_, id) = start(&server, "delay=0&tokens=10").await;
    let header = format!("{id}:7");
    let headers = [("Last-Event-ID", header.as_str())];
    for (path, headers) in [
        (format!("/llm/{id}?after=7"), &headers[..0]),
        (format!("/llm/{id}?lastEventId={id}:7"), &headers[..0]),
        (format!("/llm/{id}?after=2"), &headers[..]),
    ] {
        let mut sse = Sse::open(&server.wire, &path, headers).await.unwrap();
        let ids: Vec<String> = rest(&mut sse).await.into_iter().map(|event| event.id).collect();
        assert_eq!(ids, [8, 9, 10, 11].map(|n| format!("{id}:{n}")), "{path}");
    }
    assert_eq!(server.sse(&format!("/llm/{id}")).await.event().await.name, "job");
    let mut overlapping = server.sse(&format!("/llm/{id}?after=7&overlap=1")).await;
    assert_eq!(overlapping.event().await.id, format!("{id}:7"));
    for (path, status) in [
        (format!("/llm/{id}?after=11"), 204),
        (format!("/llm/{id}?lastEventId=other:1"), 400),
        ("/llm/other?after=1".to_owned(), 404),
        ("/llm/other/stats".to_owned(), 404),
    ] {
        assert_eq!(get(&server.wire, &path).await.status, status, "{path}");
    }
    let bad = request_with("POST", &server.wire, "/llm", &[], "{}").await.unwrap();
    assert!(bad.status == 400 && bad.body.contains("prompt"));
}

#[tokio::test]
async fn a_stream_cut_five_times_has_it_all() {
    let server = Server::start().await;
    let (mut sse, id) = start(&server, "delay=1&tokens=23&cut=4").await;
    let (mut events, mut cuts) = (Vec::new(), 0);
    loop {
        events.extend(rest(&mut sse).await);
        if events.last().is_some_and(|event| event.data == "[DONE]") {
            break;
        }
        cuts += 1;
        sse = server.sse(&format!("/llm/{id}?after={}", events.len())).await;
    }
    assert_eq!((cuts, events.len()), (5, 24));
    let stats = get(&server.wire, &format!("/llm/{id}/stats")).await.json();
    assert_eq!(stats, json!({ "starts": 1, "resumes": 5, "cancels": 0 }));
}

#[tokio::test]
async fn a_cancel_ends_the_streams() {
    let server = Server::start().await;
    for (method, suffix) in [("DELETE", ""), ("POST", "/cancel")] {
        let (mut sse, id) = start(&server, "delay=10&tokens=100000").await;
        sse.event().await;
        let cancel = request(method, &server.wire, &format!("/llm/{id}{suffix}"), &[]).await.unwrap();
        assert_eq!(cancel.status, 204);
        let events = rest(&mut sse).await;
        assert!(events.iter().all(|event| event.data != "[DONE]"));
        let heard: String = events.iter().map(|event| event.data.as_str()).collect();
        let text = format!("/llm/{id}/text");
        let said = get(&server.wire, &text).await.body;
        assert!(said.contains(&heard), "{heard:?} is not in {said:?}");
        assert_eq!(get(&server.wire, &text).await.body, said, "it goes on");
        assert_eq!(get(&server.wire, &format!("/llm/{id}?after=1")).await.status, 204);
        assert_eq!(get(&server.wire, &format!("/llm/{id}/stats")).await.json()["cancels"], 1);
        let unknown = request(method, &server.wire, &format!("/llm/other{suffix}"), &[]).await.unwrap();
        assert_eq!(unknown.status, 404);
    }
    server.connections(0).await;
}

#[tokio::test]
async fn a_job_outlives_a_restart() {
    let server = Server::start().await;
    let (mut sse, id) = start(&server, "delay=5&tokens=100").await;
    assert_eq!(sse.event().await.id, format!("{id}:1"));
    server.fault("/fault/restart?down=0").await;
    let mut sse = server.sse(&format!("/llm/{id}?after=1")).await;
    let events = rest(&mut sse).await;
    assert_eq!((events[0].id.clone(), events.len()), (format!("{id}:2"), 100));
}

#[tokio::test]
async fn a_task_counts_to_a_hundred() {
    let server = Server::start().await;
    let mut sse = Sse::request("POST", &server.wire, "/task?delay=1", &[], "").await.unwrap();
    let first = sse.event().await;
    assert_eq!((first.name.as_str(), first.json()), ("progress", json!({ "progress": 0 })));
    let id = first.id.strip_suffix(":0").unwrap();
    let events = rest(&mut sse).await;
    assert_eq!(events.len(), 100);
    assert_eq!(events.last().unwrap().json(), json!({ "progress": 100 }));
    let mut sse = server.sse(&format!("/task/{id}?lastEventId={id}:98")).await;
    assert_eq!(rest(&mut sse).await.len(), 2);
    assert_eq!(get(&server.wire, &format!("/task/{id}?after=100")).await.status, 204);
}
