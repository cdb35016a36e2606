//! Streams that are spoken to by POST: `/echo` and `/ledger`.

use serde_json::{Value, json};

use crate::support::{Server, Sse, chunks, get, post, request_with};

async fn said(stream: &mut Sse, messages: &[Value]) {
    for message in messages {
        assert_eq!(stream.event().await.json(), *message);
    }
}

fn acks(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "type": "ack", "id": id })).collect()
}

async fn tally(server: &Server) -> [u64; 3] {
    let report = get(&server.wire, "/ledger/report?client=a").await.json();
    ["applied", "repeats", "disordered"].map(|name| report[name].as_u64().unwrap())
}

#[tokio::test]
async fn a_stream_says_hello_and_then_that_it_is_there() {
    let server = Server::start().await;
    for path in [
        "/echo?connection=1",
        "/ledger?client=a&connection=2&beat=10",
        "/rooms?connection=3&beat=10",
        "/echo",
    ] {
        let mut stream = server.sse(path).await;
        for header in ["content-type: text/event-stream", "cache-control: no-cache", "x-accel-buffering: no"]
        {
            assert!(stream.head.contains(&format!("{header}\r\n")), "{path}: {}", stream.head);
        }
        let comments = [stream.comment().await, stream.comment().await];
        assert_eq!(comments, ["hello", "still here"], "{path}");
    }
}

#[tokio::test]
async fn what_is_posted_comes_back_over_its_stream_alone() {
    let server = Server::start().await;
    let mut a = server.sse("/echo?connection=a").await;
    let mut b = server.sse("/echo?connection=b").await;
    let messages = json!([{ "id": 1, "ü": [null, 1.5] }, "a text\r\nof two lines", "", 7]);
    let answer = post(&server.wire, "/echo?connection=a", &messages).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(a.event().await.json(), messages[0]);
    for text in ["a text\nof two lines", "", "7"] {
        assert_eq!(a.event().await.data, text);
    }
    let bytes = [("Content-Type", "application/octet-stream")];
    request_with("POST", &server.wire, "/echo?connection=b", &bytes, "12345").await.unwrap();
    said(&mut b, &[json!({ "type": "bytes", "length": 5 })]).await;
}

#[tokio::test]
async fn a_reply_can_be_the_answer_itself() {
    let server = Server::start().await;
    let messages = json!([{ "id": 1 }, "text"]);
    let answer = post(&server.wire, "/echo?reply=body", &messages).await.unwrap();
    assert!(answer.status == 200 && answer.has("content-type: application/json"));
    assert_eq!(answer.json(), messages);
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_a_conflict_before_anything_is_done() {
    let server = Server::start().await;
    let order = json!([{ "id": "x", "n": 1 }]);
    for path in ["/echo?connection=a", "/ledger?client=a&connection=a", "/rooms?connection=a"] {
        assert_eq!(post(&server.wire, path, &order).await.unwrap().status, 409, "{path}");
    }
    let mut stream = server.sse("/ledger?client=a&connection=a").await;
    post(&server.wire, "/ledger?client=a&connection=a", &order).await.unwrap();
    said(&mut stream, &acks(&["x"])).await;
    drop(stream);
    server.connections(0).await;
    assert_eq!(post(&server.wire, "/ledger?client=a&connection=a", &order).await.unwrap().status, 409);
    assert_eq!(tally(&server).await, [1, 0, 0]);
}

#[tokio::test]
async fn what_is_no_array_or_has_no_good_name_is_refused() {
    let server = Server::start().await;
    let _stream = server.sse("/ledger?client=a&connection=a").await;
    for (path, body) in [
        ("/ledger?client=a&connection=a", json!({ "id": "x", "n": 1 })),
        ("/echo?reply=body", json!("text")),
        ("/rooms?connection=", json!([])),
        ("/echo?connection=a%20b", json!([])),
        ("/echo", json!([])),
        ("/ledger?client=..&connection=a", json!([])),
    ] {
        assert_eq!(post(&server.wire, path, &body).await.unwrap().status, 400, "{path}");
    }
    assert_eq!(get(&server.wire, "/echo?connection=a%20b").await.status, 400);
    assert_eq!(tally(&server).await, [0, 0, 0]);
}

#[tokio::test]
async fn a_new_stream_takes_the_place_of_the_one_before() {
    let server = Server::start().await;
    let mut first = server.sse("/echo?connection=a").await;
    let mut second = server.sse("/echo?connection=a").await;
    assert_eq!(first.next().await.unwrap(), None);
    post(&server.wire, "/echo?connection=a", &json!([1])).await.unwrap();
    said(&mut second, &[json!(1)]).await;
}

#[tokio::test]
async fn orders_are_applied_once_in_order_and_acked_over_the_stream() {
    let server = Server::start().await;
    let path = "/ledger?client=a&connection=a&key=k";
    let mut stream = server.sse(path).await;
    let orders = json!([{ "id": "x", "n": 1 }, "noise", { "id": "y", "n": 2 }, { "id": "x", "n": 1 }]);
    assert_eq!(post(&server.wire, path, &orders).await.unwrap().status, 204);
    post(&server.wire, path, &json!([{ "type": "ping", "timestamp": 7 }, { "id": "z", "n": 3 }]))
        .await
        .unwrap();
    said(&mut stream, &acks(&["x", "y", "x"])).await;
    said(&mut stream, &[json!({ "type": "pong", "timestamp": 7 })]).await;
    said(&mut stream, &acks(&["z"])).await;
    assert_eq!(tally(&server).await, [3, 1, 0]);
    let requests = get(&server.wire, "/requests?key=k").await.json();
    let methods: Vec<_> = requests.as_array().unwrap().iter().map(|request| &request["method"]).collect();
    assert_eq!(methods, ["GET", "POST", "POST"]);
    assert_eq!(
        (&requests[1]["query"], &requests[1]["body"], &requests[1]["headers"]["content-type"]),
        (&json!("client=a&connection=a&key=k"), &json!(orders.to_string()), &json!("application/json"))
    );
}

#[tokio::test]
async fn acks_come_as_asked() {
    let server = Server::start().await;
    let orders = json!([{ "id": "x", "n": 1 }, { "id": "y", "n": 2 }]);
    let in_body = post(&server.wire, "/ledger?client=a&ack=body", &orders).await.unwrap();
    assert_eq!((in_body.status, in_body.json()), (200, acks(&["x", "y"]).into()));
    let none = post(&server.wire, "/ledger?client=a&ack=0", &json!([{ "id": "z", "n": 3 }])).await.unwrap();
    assert_eq!((none.status, none.body.as_str()), (204, ""));
    assert_eq!(tally(&server).await, [3, 0, 0]);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_comes_after_the_deed() {
    let server = Server::start().await;
    let path = "/ledger?client=a&ack=body&cut=1&key=k";
    let order = json!([{ "id": "x", "n": 1 }]);
    assert!(post(&server.wire, path, &order).await.is_err());
    assert_eq!(tally(&server).await, [1, 0, 0]);
    assert_eq!(post(&server.wire, path, &order).await.unwrap().json(), json!(acks(&["x"])));
    assert_eq!(tally(&server).await, [1, 1, 0]);
}

#[tokio::test]
async fn a_poll_ends_with_what_it_got_and_the_next_goes_on() {
    let server = Server::start().await;
    let path = "/ledger?client=a&connection=a&poll=25000";
    let (text, whole) = chunks(&server.wire, "/ledger?client=a&connection=a&poll=10").await.unwrap();
    assert!(whole && !text.contains("data"), "{text}");
    // What is said between two polls waits for the next one.
    post(&server.wire, path, &json!([{ "id": "x", "n": 1 }])).await.unwrap();
    post(&server.wire, path, &json!([{ "id": "y", "n": 2 }])).await.unwrap();
    let mut poll = server.sse(path).await;
    said(&mut poll, &acks(&["x", "y"])).await;
    assert_eq!(poll.next().await.unwrap(), None);
    let mut poll = server.sse(path).await;
    poll.comment().await;
    post(&server.wire, path, &json!([{ "id": "z", "n": 3 }])).await.unwrap();
    said(&mut poll, &acks(&["z"])).await;
    assert_eq!(poll.next().await.unwrap(), None);
    // One that is given up leaves its place to the next one, too.
    let mut given_up = server.sse(path).await;
    given_up.comment().await;
    drop(given_up);
    server.connections(0).await;
    post(&server.wire, path, &json!([{ "id": "last", "n": 4 }])).await.unwrap();
    said(&mut server.sse(path).await, &acks(&["last"])).await;
}
