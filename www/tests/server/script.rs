use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{Server, Sse, Ws, encode, eventually, get, is_reset, post, request_with};

fn path(kind: &str, script: &Value) -> String {
    format!("/script/{kind}?key=k&s={}", encode(&script.to_string()))
}

async fn log(server: &Server) -> Value {
    get(&server.app, "/script/log?key=k").await.json()
}

#[tokio::test]
async fn websocket_attempts_run_in_turn_and_the_last_repeats() {
    let server = Server::start().await;
    let script = json!([
        [["send", "a"], ["bytes", [1, 2, 255]], ["wait", 1], ["close", 4401, "who?"]],
        [["status", 503, "text/plain", { "retry-after": "7" }]],
        [["send", "last"]],
    ]);
    let path = path("ws", &script);

    let mut ws = server.ws(&path).await;
    assert_eq!(ws.text().await, "a");
    assert_eq!(ws.next().await.unwrap().unwrap(), Message::binary(vec![1, 2, 255]));
    let frame = ws.close_frame().await.unwrap();
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4401, "who?"));

    let Err(Error::Http(response)) = Ws::open(&server.wire, &path).await else { panic!("not a 503") };
    assert_eq!(response.status(), 503);
    assert_eq!(
        (&response.headers()["retry-after"], &response.headers()["content-type"]),
        (&"7".parse().unwrap(), &"text/plain".parse().unwrap())
    );

    for _ in 0..2 {
        assert_eq!(server.ws(&path).await.text().await, "last");
    }
    assert_eq!(log(&server).await.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn the_log_has_what_the_client_sent() {
    let server = Server::start().await;
    let path = path("ws", &json!([[["echo"]]]));
    let headers = [
        ("cookie", "a=b"),
        ("origin", "http://a.test"),
        ("last-event-id", "ü"),
        ("sec-websocket-protocol", "v2, v1"),
    ];
    let url = format!("{path}&token=t&lastEventId=1&lastEventId=2");
    let mut ws = Ws::open_with(&server.wire, &url, &headers).await.unwrap();
    assert_eq!(ws.protocol.as_deref(), Some("v2"));
    ws.round_trip("one").await;
    ws.round_trip("two").await;
    let log = log(&server).await;
    let attempt = &log[0];
    assert_eq!(attempt["attempt"], 0);
    assert!(attempt["at"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(attempt["query"], json!({ "key": "k", "token": "t", "lastEventId": ["1", "2"] }));
    assert_eq!(attempt["headers"]["cookie"], "a=b");
    assert_eq!(attempt["headers"]["origin"], "http://a.test");
    assert_eq!(attempt["headers"]["last-event-id"], "ü");
    assert_eq!(attempt["protocols"], json!(["v2", "v1"]));
    assert_eq!(attempt["received"], json!(["one", "two"]));
}

#[tokio::test]
async fn frames_are_treated_as_the_script_says() {
    let server = Server::start().await;
    let path = path("ws", &json!([[["send", "muted"]], [["echo"], ["wait", 100], ["ping-close", 1000]]]));
    let mut ws = server.ws(&path).await;
    assert_eq!(ws.text().await, "muted");
    ws.send("ping").await;
    eventually(async || log(&server).await[0]["received"][0] == "ping").await;
    let answered = ws.tcp().try_read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(answered, Err(ErrorKind::WouldBlock));

    // An echo until the wait is over, then the close.
    let mut ws = server.ws(&path).await;
    let frame = loop {
        ws.send("ping").await;
        match ws.next().await.unwrap().unwrap() {
            Message::Text(text) => assert_eq!(text.as_str(), "ping"),
            Message::Close(frame) => break frame.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(u16::from(frame.code), 1000);
}

#[tokio::test]
async fn a_reset_is_an_rst_on_both_transports() {
    let server = Server::start().await;
    let script = json!([[["send", "data: a\n\n"], ["reset"]]]);
    for address in [&server.app, &server.wire] {
        let mut sse = Sse::open(address, &path("sse", &script), &[]).await.unwrap();
        assert_eq!(sse.event().await.data, "a");
        assert!(is_reset(&sse.end().await), "SSE through {address}");
        let ws = Ws::open(address, &path("ws", &json!([[["reset"]]]))).await.unwrap();
        assert!(is_reset(&ws.end().await), "WebSocket through {address}");
    }
    server.connections(0).await;
}

#[tokio::test]
async fn sse_attempts_run_in_turn() {
    let server = Server::start().await;
    let script = json!([
        [["send", "id: 1\ndata: on"], ["send", "e\n\n"], ["wait", 1], ["end"]],
        [["status", 204]],
        [["bytes", [100, 97, 116, 97, 58, 32, 50, 10, 10]]],
    ]);
    let path = path("sse", &script);
    let mut sse = server.sse(&path).await;
    let event = sse.event().await;
    assert_eq!((event.id.as_str(), event.data.as_str()), ("1", "one"));
    assert_eq!(sse.next().await.unwrap(), None);
    assert!(sse.end().await.is_ok());
    assert_eq!(server.sse(&path).await.status, 204);
    assert_eq!(server.sse(&path).await.event().await.data, "2");
}

#[tokio::test]
async fn a_script_has_a_status_a_type_and_the_cursor_of_the_query() {
    let server = Server::start().await;
    let script = path("sse", &json!([[["last-event-id"]]]));
    let mut sse = server.sse(&format!("{script}&status=404&type=text/html&lastEventId=7%C3%BC")).await;
    assert_eq!(sse.status, 404);
    assert!(sse.head.contains("content-type: text/html\r\n"));
    assert_eq!(sse.event().await.data, "37c3bc");
    assert_eq!(get(&server.wire, &format!("{script}&status=101")).await.status, 400);
}

#[tokio::test]
async fn an_answer_can_wait_or_not_come() {
    let server = Server::start().await;
    let script = json!([
        [["cut"]],
        [["wait", 30], ["cut"]],
        [["wait", 30], ["status", 429, { "retry-after": "1" }]],
        [["status", 200, "application/json"], ["send", "[1]"]],
    ]);
    let path = path("sse", &script);
    for (n, address) in [&server.app, &server.wire].into_iter().enumerate() {
        let asked = post(address, &path, &json!([{ "id": n }])).await;
        assert!(asked.is_err(), "{:?}", asked.map(|answer| answer.head));
    }
    let started = Instant::now();
    let refused = post(&server.wire, &path, &json!(["again"])).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(30));
    assert!(refused.status == 429 && refused.has("retry-after: 1"));
    let taken = post(&server.wire, &path, &json!(["again"])).await.unwrap();
    assert_eq!((taken.status, taken.json()), (200, json!([1])));
    let log = log(&server).await;
    let received: Vec<_> = log.as_array().unwrap().iter().map(|attempt| &attempt["received"][0]).collect();
    assert_eq!(received, [r#"[{"id":0}]"#, r#"[{"id":1}]"#, r#"["again"]"#, r#"["again"]"#]);
    assert_eq!(log[3]["headers"]["content-type"], "application/json");
}

#[tokio::test]
async fn a_request_hangs_until_its_client_goes() {
    let server = Server::start().await;
    for kind in ["ws", "sse"] {
        let path = path(kind, &json!([[["hang"]]]));
        let hanging = tokio::spawn({
            let wire = server.wire.clone();
            async move { Sse::open(&wire, &path, &[]).await.map(drop) }
        });
        server.connections(1).await;
        hanging.abort();
        server.connections(0).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_answer_a_close_is_left() {
    let server = Server::start().await;
    let ws = server.ws(&path("ws", &json!([[["close", 1000]]]))).await;
    // Reads on the bare socket: nobody answers the close frame.
    let tcp: TcpStream = ws.stream.into_inner();
    assert!(crate::support::end(tcp).await.is_ok());
    server.connections(0).await;
}

#[tokio::test]
async fn a_bad_script_is_said() {
    let server = Server::start().await;
    let answer = get(&server.app, &path("sse", &json!([[["sned", "a"]]]))).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("sned"));
    assert_eq!(log(&server).await, json!([]));
}

#[tokio::test]
async fn a_script_can_be_the_body() {
    let server = Server::start().await;
    let script = r#"[[["last-event-id"]],[["status",402,"text/plain"],["send","pay"]]]"#;
    let (path, headers) = ("/script/sse?key=k", [("Last-Event-ID", "a/ü")]);
    let mut sse = Sse::request("POST", &server.wire, path, &headers, script).await.unwrap();
    assert_eq!(sse.event().await.data, "612fc3bc");
    let answer = request_with("PATCH", &server.wire, path, &[], script).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (402, "pay"));
    let log = log(&server).await;
    assert_eq!((&log[0]["method"], &log[1]["method"]), (&json!("POST"), &json!("PATCH")));
    assert_eq!(log[0]["received"], json!([script]));
}
