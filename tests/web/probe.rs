//! What the server is asked beside a connection that does not open.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Builder, Client, Failure, Transport,
    endpoint::{EndpointError, Reason, Request},
    event::CloseReason,
    options::{Reconnect, Resume, Uplink},
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, QUICK, Record, Server, millis,
    server::Script,
    wait::{holds, within},
    web_socket,
};

/// Refused once, then in.
fn once(server: &Server) -> Script {
    server.script("ws", r#"[[["status",500]],[["send","in"]]]"#)
}

fn answer(server: &Server, status: u16, more: &str) -> String {
    server.sse(&format!("/answer?status={status}{more}"))
}

type Probing<'a> = Box<dyn Fn(Builder) -> Builder + 'a>;

async fn retried(builder: Builder) -> (Record, Failure) {
    let record = Record::of(builder.live());
    record.until("a retry", |seen| !seen.retries.is_empty()).await;
    let failure = record.seen().retries[0].failure;
    (record, failure)
}

#[wasm_bindgen_test]
async fn it_tells_why_a_websocket_did_not_open() {
    let server = Server::start().await;
    let (plan, probe) = (once(&server), server.script("sse", r#"[[["status",401]]]"#));
    let reasons = Rc::<RefCell<Vec<Reason>>>::default();
    let (notes, url) = (Rc::clone(&reasons), plan.url.clone());
    let builder = Client::builder_with(move |context| {
        notes.borrow_mut().push(context.reason);
        let url = url.clone();
        async move { Ok(url) }
    });
    let request = Request::get(probe.url.as_str()).with_header("x-test", "t");
    let (record, failure) = retried(builder.reconnect(QUICK).probe(request)).await;
    assert_eq!(failure, Failure::Http { status: 401, retry_after: None });
    record.until("the connection", |seen| seen.opens == 1).await;
    assert_eq!(*reasons.borrow(), [Reason::Initial, Reason::Unauthorized]);
    let log = probe.log().await;
    assert_eq!((log.len(), &*log[0].method, &*log[0].headers["x-test"]), (1, "GET", "t"));
    for status in [403, 404] {
        let record = Record::of(web_socket(&once(&server).url).probe(answer(&server, status, "")).live());
        record.until("the end", |seen| seen.closed.is_some()).await;
        let closed = record.seen().closed.clone().unwrap();
        let failure = Some(Failure::Http { status, retry_after: None });
        assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, failure));
    }
}

#[wasm_bindgen_test]
async fn the_server_says_when_to_come_back() {
    let server = Server::start().await;
    for status in [429, 503] {
        let reconnect: Reconnect = QUICK.with_max_server_delay(millis(2_000_000));
        let probe = answer(&server, status, "&retry_after=3600");
        let (record, failure) =
            retried(web_socket(&once(&server).url).reconnect(reconnect).probe(probe)).await;
        assert!(matches!(failure, Failure::Http { status: given, retry_after: Some(_) } if given == status));
        assert!(record.seen().retries[0].delay >= millis(2_000_000));
    }
}

#[wasm_bindgen_test]
async fn what_is_no_refusal_is_an_ordinary_failure() {
    let server = Server::start().await;
    let probes: [(&str, Probing<'_>); 6] = [
        ("200", Box::new(|builder| builder.probe(answer(&server, 200, "")))),
        ("204", Box::new(|builder| builder.probe(answer(&server, 204, "")))),
        ("426", Box::new(|builder| builder.probe(answer(&server, 426, "")))),
        ("no answer", Box::new(|builder| builder.probe("http://127.0.0.1:9/"))),
        (
            "a function that fails",
            Box::new(|builder| {
                builder.probe_with(|_| async { Err::<Request, EndpointError>("no luck".into()) })
            }),
        ),
        ("no address", Box::new(|builder| builder.probe_with(|_| async { Ok("http://[") }))),
    ];
    for (what, probe) in probes {
        let (record, failure) = retried(probe(web_socket(&once(&server).url))).await;
        assert_eq!(failure, Failure::Network, "{what}");
        record.until("the connection", |seen| seen.opens == 1).await;
        assert_eq!(record.seen().retries.len(), 1, "{what}");
    }
}

#[wasm_bindgen_test]
async fn a_redirect_takes_no_header_to_another_origin() {
    let server = Server::start().await;
    let target = server.script("sse", r#"[[["status",403]]]"#);
    let to = js_sys::encode_uri_component(&target.url);
    let probe = server.sse(&format!("/redirect?to={to}"));
    let request = Request::get(probe.as_str()).with_header("x-api-key", "K");
    let (_record, failure) = retried(web_socket(&once(&server).url).probe(request)).await;
    assert_eq!((failure, target.log().await.len()), (Failure::Network, 0));
    // What carries nothing may be sent on.
    let record = Record::of(web_socket(&once(&server).url).probe(probe).live());
    record.until("the end", |seen| seen.closed.is_some()).await;
    assert_eq!(target.log().await.len(), 1);
}

#[wasm_bindgen_test]
async fn a_function_is_told_of_the_attempt() {
    let server = Server::start().await;
    let plan = server.script("ws", r#"[[["status",500]],[["status",500]],[["send","in"]]]"#);
    let contexts = Rc::<RefCell<Vec<_>>>::default();
    let (notes, url) = (Rc::clone(&contexts), answer(&server, 200, ""));
    let builder = web_socket(&plan.url).resume(Resume::new().with_from("7")).probe_with(move |context| {
        notes.borrow_mut().push((context.reason, context.attempt, context.last_event_id));
        let url = url.clone();
        async move { Ok(url) }
    });
    let record = Record::of(builder.live());
    record.until("the connection", |seen| seen.opens == 1).await;
    let seven = || "7".to_owned();
    assert_eq!(*contexts.borrow(), [(Reason::Reconnect, 0, seven()), (Reason::Reconnect, 1, seven())]);
}

#[wasm_bindgen_test]
async fn what_opened_is_not_probed_nor_a_stream() {
    let server = Server::start().await;
    let probe = server.script("sse", r#"[[["status",403]]]"#);
    let socket = server.script("ws", r#"[[["send","a"],["wait",20],["reset"]],[["send","b"]]]"#);
    let stream = server.script("sse", r#"[[["status",500]],[["send","data: b\n\n"]]]"#);
    for (url, transport) in [
        (&socket.url, Transport::WebSocket),
        (&stream.url, Transport::Fetch),
        (&stream.url, Transport::EventSource),
    ] {
        let builder = Client::builder(url.as_str()).transport(transport).reconnect(QUICK);
        let record = Record::of(builder.probe(probe.url.as_str()).live());
        record.until("the message", |seen| seen.texts().contains(&"b")).await;
    }
    assert_eq!(probe.log().await.len(), 0);
}

#[wasm_bindgen_test]
async fn a_successor_that_does_not_open_is_probed_and_does_no_harm() {
    let server = Server::start().await;
    let plan = server.script("ws", r#"[[["send","in"]],[["status",500]],[["send","in"]]]"#);
    let probe = server.script("sse", r#"[[["status",403]]]"#);
    let reconnect: Reconnect = QUICK.with_max_age(millis(1_000));
    let record = Record::of(web_socket(&plan.url).reconnect(reconnect).probe(probe.url.as_str()).live());
    within("the third attempt", holds(async || record.handle.stats().opens == 2)).await;
    assert_eq!(
        (probe.log().await.len(), record.seen().retries.len(), record.handle.last_failure()),
        (1, 0, None)
    );
}

#[wasm_bindgen_test]
async fn close_calls_it_off_and_the_open_timeout() {
    let server = Server::start().await;
    let hangs = server.script("sse", r#"[[["hang"]]]"#);
    let refuses = server.script("ws", r#"[[["status",500]]]"#);
    let record = Record::of(web_socket(&refuses.url).probe(hangs.url.as_str()).live());
    within("the probe", holds(async || hangs.log().await.len() == 1)).await;
    server.until_stats("the probe that hangs", 0, 1).await;
    record.handle.close();
    server.until_stats("the probe to be called off", 0, 0).await;
    // Long enough for the refusal to come first on a busy machine.
    let builder = web_socket(&once(&server).url).probe(hangs.url.as_str()).open_timeout(millis(3_000));
    let (record, failure) = retried(builder).await;
    assert_eq!(failure, Failure::OpenTimeout);
    server.until_stats("the probe to be called off", if record.seen().opens > 0 { 1 } else { 0 }, 0).await;
}

/// The server answers a HEAD as it answers the stream, which a proxy holds back.
#[wasm_bindgen_test]
async fn a_stream_that_is_held_back_is_told_so() {
    let server = Server::start().await;
    let held = server.script("sse", r#"[[["hang"]],[["status",200,"text/event-stream"]],[["hang"]]]"#);
    let builder = Client::builder(held.url.as_str()).reconnect(QUICK).open_timeout(millis(1_500));
    let (_record, failure) = retried(builder.uplink(Uplink::new("/none"))).await;
    assert_eq!(failure, Failure::Buffered);
    let log = held.log().await;
    assert_eq!((&*log[0].method, &*log[1].method), ("GET", "HEAD"));
    assert!(log[0].query.contains_key("connection") && !log[1].query.contains_key("connection"));
    assert_eq!(log[1].headers["accept"], "text/event-stream");
}
