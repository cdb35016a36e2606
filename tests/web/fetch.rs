//! Event streams over fetch: the request, what the server's answer says, and what is not repeated.

use std::cell::Cell;

use everwire::{
    Builder, Client, Event, Failure, Transport,
    endpoint::{NotResumable, Redirect, Request},
    event::CloseReason,
    options::Resume,
};
use gloo_timers::future::TimeoutFuture;
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, QUICK, Record, Server, millis, next, next_message, next_text,
    server::{Attempt, Frame, Script},
    until_closed,
    wait::until,
};

#[wasm_bindgen(inline_js = "
// Gives the longest time, in ms, between two of the page's turns.
export function watchTurns() {
    let last = performance.now(), longest = 0, going = true;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
        if (going) port2.postMessage(0);
    };
    port2.postMessage(0);
    return () => { going = false; return Math.max(longest, performance.now() - last); };
}
// A stream whose chunks are all there.
export function replaceFetch(chunks, text) {
    const { fetch } = globalThis, chunk = new TextEncoder().encode(text);
    globalThis.fetch = async () => {
        const pull = (controller) => { if (chunks-- > 0) controller.enqueue(chunk); else controller.close(); };
        const headers = { 'content-type': 'text/event-stream' };
        return new Response(new ReadableStream({ pull }, { highWaterMark: 4 }), { headers });
    };
    return () => { globalThis.fetch = fetch; };
}")]
extern "C" {
    #[wasm_bindgen(js_name = watchTurns)]
    fn watch_turns() -> js_sys::Function;
    #[wasm_bindgen(js_name = replaceFetch)]
    fn replace_fetch(chunks: u32, text: &str) -> js_sys::Function;
}

#[wasm_bindgen_test]
async fn a_long_burst_leaves_the_page_its_turns() {
    // Each chunk alone takes less than the page can spare.
    let restore = replace_fetch(3_000, &"data: 0123456789\n\n".repeat(8));
    let mut wire = fetch("/burst").live();
    let turns = watch_turns();
    let began = js_sys::Date::now();
    let mut count = 0;
    loop {
        match wire.next().await {
            Some(Event::Message(_)) => count += 1,
            Some(Event::Retry(_)) | None => break,
            Some(_) => {}
        }
    }
    let took = js_sys::Date::now() - began;
    let longest = turns.call0(&JsValue::NULL).unwrap().as_f64().unwrap();
    restore.call0(&JsValue::NULL).unwrap();
    assert_eq!(count, 24_000);
    assert!(took > 120.0, "{took} ms are too few to tell");
    assert!(longest < took.min(100.0), "{longest} ms of {took}");
}

/// One message, then a loss; from the second attempt on another message.
const CUT: &str =
    r#"[[["send","id: 1\ndata: one\n\n"],["wait",20],["reset"]],[["send","id: 2\ndata: two\n\n"]]]"#;

fn fetch(request: impl Into<Request>) -> Builder {
    Client::builder(request).reconnect(QUICK)
}

fn http(status: u16, retry_after: Option<u64>) -> Failure {
    Failure::Http { status, retry_after: retry_after.map(|ms| millis(ms).into()) }
}

async fn methods(script: &Script) -> Vec<String> {
    script.log().await.into_iter().map(|attempt| attempt.method).collect()
}

#[wasm_bindgen_test]
async fn an_http_address_takes_fetch_and_events_of_any_name_come() {
    let server = Server::start().await;
    let stream = "id: 7\\nevent: price\\ndata: {\\\"type\\\":\\\"x\\\"}\\n\\nevent: error\\ndata: named\\n\\n: comment\\n\\ndata: {\\\"type\\\":\\\"y\\\"}\\n\\nid: 8\\ndata: plain\\ndata: grüße 🎈\\n\\n";
    let script = server.script("sse", &format!(r#"[[["send","{stream}"]]]"#));
    let mut wire = fetch(&script.url).live();
    for (kind, text, id) in [
        ("price", "{\"type\":\"x\"}", "7"),
        ("error", "named", "7"),
        ("y", "{\"type\":\"y\"}", "7"),
        ("message", "plain\ngrüße 🎈", "8"),
    ] {
        let message = next_message(&mut wire).await;
        assert_eq!((message.kind(), message.text()), (kind, Some(text)));
        assert_eq!((message.bytes(), message.last_event_id()), (text.as_bytes(), id));
        assert_eq!((message.transport(), message.origin()), (Transport::Fetch, server.sse("").as_str()));
    }
    assert_eq!(wire.handle().last_event_id(), "8");
    let log = script.log().await;
    assert_eq!((log[0].method.as_str(), log[0].headers["accept"].as_str()), ("GET", "text/event-stream"));
    assert_eq!(log[0].received, []);
}

#[wasm_bindgen_test]
async fn method_headers_and_body_reach_the_server() {
    let server = Server::start().await;
    for (method, request) in [
        ("POST", Request::post as fn(String, &'static str) -> Request),
        ("PUT", |url, body| Request::get(url).with_method("PUT").with_body(body)),
    ] {
        let script = server.script("sse", r#"[[["send","data: in\n\n"]]]"#);
        let request = request(script.url.clone(), r#"{"prompt":"grüße"}"#)
            .with_header("content-type", "application/json")
            .with_header("X-Test", "one");
        let mut wire = fetch(request).live();
        assert_eq!(next_text(&mut wire).await, "in");
        let log = script.log().await;
        let Attempt { method: by, headers, received, .. } = &log[0];
        assert_eq!((log.len(), by.as_str()), (1, method));
        assert_eq!(
            ["content-type", "x-test", "accept"].map(|name| headers[name].as_str()),
            ["application/json", "one", "text/event-stream"]
        );
        assert_eq!(*received, [Frame::Text(r#"{"prompt":"grüße"}"#.to_owned())]);
    }
}

#[wasm_bindgen_test]
async fn what_a_retry_cannot_mend_is_told_and_fatal() {
    let server = Server::start().await;
    for (step, failure) in [
        (r#"["status",403]"#, http(403, None)),
        (
            r#"["status",404,"text/plain",{"retry-after":"2"}],["send","no such thing"]"#,
            http(404, Some(2_000)),
        ),
        (r#"["status",200,"text/html"],["send","<p>"]"#, Failure::ContentType),
    ] {
        let script = server.script("sse", &format!("[[{step}]]"));
        let mut wire = fetch(&script.url).live();
        let (closed, before) = until_closed(&mut wire).await;
        assert_eq!((closed.reason, closed.code, closed.failure), (CloseReason::Fatal, 0, Some(failure)));
        assert_eq!(wire.handle().last_failure(), Some(failure));
        assert_eq!(before, ["state Closed"]);
        assert_eq!(script.log().await.len(), 1);
    }
}

#[wasm_bindgen_test]
async fn a_status_that_may_pass_is_retried_when_the_server_says() {
    let server = Server::start().await;
    for request in [Request::get as fn(String) -> Request, |url| Request::post(url, "hi")] {
        let script =
            server.script("sse", r#"[[["status",503,{"retry-after":"0"}]],[["send","data: in\n\n"]]]"#);
        let record = Record::of(fetch(request(script.url.clone())).live());
        record.until("the second attempt", |seen| seen.texts() == ["in"]).await;
        let retries = record.seen().retries.clone();
        assert_eq!(
            (retries.len(), retries[0].failure, retries[0].delay),
            (1, http(503, Some(0)), millis(100))
        );
        assert_eq!(record.seen().opens, 1);
    }
    let script = server.script("sse", r#"[[["status",429,{"retry-after":"20"}]]]"#);
    let record = Record::of(fetch(&script.url).live());
    record.until("the wait", |seen| !seen.retries.is_empty()).await;
    let retry = record.seen().retries[0].clone();
    assert_eq!(retry.failure, http(429, Some(20_000)));
    assert!((millis(20_000)..=millis(25_000)).contains(&retry.delay), "{:?}", retry.delay);
}

#[wasm_bindgen_test]
async fn a_204_is_the_end() {
    let server = Server::start().await;
    for request in [Request::get as fn(String) -> Request, |url| Request::post(url, "hi")] {
        let script = server.script("sse", r#"[[["status",204]]]"#);
        let mut wire = fetch(request(script.url.clone())).live();
        let (closed, _) = until_closed(&mut wire).await;
        assert_eq!((closed.reason, closed.code, closed.failure), (CloseReason::Ended, 0, None));
        assert_eq!(script.log().await.len(), 1);
    }
}

#[wasm_bindgen_test]
async fn a_get_that_ends_goes_on() {
    let server = Server::start().await;
    let script = server
        .script("sse", r#"[[["send","id: 1\ndata: one\n\n"],["end"]],[["send","id: 2\ndata: two\n\n"]]]"#);
    let record = Record::of(fetch(&script.url).live());
    record.until("the second message", |seen| seen.texts() == ["one", "two"]).await;
    assert_eq!(record.seen().retries[0].failure, Failure::End);
}

#[wasm_bindgen_test]
async fn a_post_that_ends_is_over() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["send","data: one\n\n"],["send","data: two\n\n"],["end"]]]"#);
    let mut wire = fetch(Request::post(&script.url, "hi")).live();
    let (closed, before) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.code, closed.failure), (CloseReason::Ended, 0, None));
    assert_eq!(before, ["state Open", "open", "message one", "message two", "state Closed"]);
    assert_eq!(script.log().await.len(), 1);
}

#[wasm_bindgen_test]
async fn a_post_that_breaks_off_is_not_repeated() {
    let server = Server::start().await;
    let script = server.script("sse", CUT);
    let mut wire = fetch(Request::post(&script.url, "hi")).live();
    let (closed, before) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(Failure::Network)));
    assert_eq!(before, ["state Open", "open", "message one", "state Closed"]);
    assert_eq!(methods(&script).await, ["POST"]);

    // It may have been acted on: the server does not say that it was not.
    let script = server.script("sse", r#"[[["status",503]],[["send","data: in\n\n"]]]"#);
    let mut wire = fetch(Request::post(&script.url, "hi")).live();
    let (closed, _) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(http(503, None))));
    assert_eq!(methods(&script).await, ["POST"]);
}

#[wasm_bindgen_test]
async fn with_retry_even_a_post_is_repeated() {
    let server = Server::start().await;
    let script = server.script("sse", CUT);
    let record = Record::of(fetch(Request::post(&script.url, "hi").with_retry()).live());
    record.until("the second message", |seen| seen.texts() == ["one", "two"]).await;
    let log = script.log().await;
    let asked: Vec<_> = log.iter().map(|attempt| (attempt.method.as_str(), &attempt.received)).collect();
    let body = vec![Frame::Text("hi".to_owned())];
    assert_eq!(asked, [("POST", &body), ("POST", &body)]);
    assert_eq!(log[1].query["lastEventId"], "1");
}

/// By POST until there is a cursor, then by GET.
fn start_and_resume(script: &Script) -> Builder {
    let url = script.url.clone();
    let builder = Client::builder_with(move |context| {
        std::future::ready(Ok(if context.last_event_id.is_empty() {
            Request::post(&url, "hi").with_resume()
        } else {
            Request::get(format!("{url}&after={}", context.last_event_id))
        }))
    });
    builder.reconnect(QUICK)
}

#[wasm_bindgen_test]
async fn with_resume_a_post_goes_on_by_get() {
    let server = Server::start().await;
    let script = server.script(
        "sse",
        r#"[[["send","id: 1\ndata: one\n\n"],["wait",20],["reset"]],
            [["send","id: 2\ndata: two\n\n"],["wait",20],["reset"]],
            [["status",204]]]"#,
    );
    let mut wire = start_and_resume(&script).live();
    let (closed, before) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.failure), (CloseReason::Ended, None));
    let texts: Vec<_> = before.iter().filter_map(|label| label.strip_prefix("message ")).collect();
    assert_eq!(texts, ["one", "two"]);
    let log = script.log().await;
    let asked: Vec<_> = log
        .iter()
        .map(|attempt| (attempt.method.as_str(), attempt.query.get("after").map_or("", String::as_str)))
        .collect();
    assert_eq!(asked, [("POST", ""), ("GET", "1"), ("GET", "2")]);
    assert_eq!(log.iter().map(|attempt| attempt.received.len()).collect::<Vec<_>>(), [1, 0, 0]);
}

#[wasm_bindgen_test]
async fn with_resume_nothing_delivered_is_nothing_to_go_on_from() {
    let server = Server::start().await;
    let script = server.script(
        "sse",
        r#"[[["send",": here\n\n"],["wait",20],["reset"]],[["send","id: 2\ndata: two\n\n"]]]"#,
    );
    let mut wire = start_and_resume(&script).live();
    let (closed, _) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(Failure::Network)));
    assert_eq!(methods(&script).await, ["POST"]);
}

#[wasm_bindgen_test]
async fn with_resume_a_message_without_an_id_is_nothing_to_go_on_from() {
    let server = Server::start().await;
    let script = server.script(
        "sse",
        r#"[[["send","data: one\n\n"],["wait",20],["reset"]],[["send","id: 2\ndata: two\n\n"]]]"#,
    );
    let mut wire = start_and_resume(&script).live();
    let (closed, _) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(Failure::Network)));
    assert_eq!(methods(&script).await, ["POST"]);
}

#[wasm_bindgen_test]
async fn with_resume_the_function_may_say_that_it_cannot_go_on() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["send","id: 1\ndata: one\n\n"],["wait",20],["reset"]]]"#);
    let url = script.url.clone();
    let builder = Client::builder_with(move |context| {
        std::future::ready(if context.last_event_id.is_empty() {
            Ok(Request::post(&url, "hi").with_resume())
        } else {
            Err(NotResumable.into())
        })
    });
    let mut wire = builder.reconnect(QUICK).live();
    let (closed, _) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(Failure::NotResumable)));
    assert_eq!(methods(&script).await, ["POST"]);
}

#[wasm_bindgen_test]
async fn with_resume_a_resuming_post_is_resumed_as_well() {
    let server = Server::start().await;
    let script = server.script(
        "sse",
        r#"[[["send","id: 1\ndata: one\n\n"],["wait",20],["reset"]],
            [["send","id: 2\ndata: two\n\n"],["wait",20],["reset"]],
            [["send","id: 3\ndata: three\n\n"]]]"#,
    );
    let (url, asked) = (script.url.clone(), Cell::new(0));
    let builder = Client::builder_with(move |context| {
        asked.set(asked.get() + 1);
        assert_eq!(context.last_event_id.is_empty(), asked.get() == 1);
        std::future::ready(Ok(Request::post(&url, context.last_event_id).with_resume()))
    });
    let record = Record::of(builder.reconnect(QUICK).live());
    record.until("the third message", |seen| seen.texts() == ["one", "two", "three"]).await;
    assert_eq!(methods(&script).await, ["POST"; 3]);
}

#[wasm_bindgen_test]
async fn an_event_above_the_limit_is_too_big() {
    let server = Server::start().await;
    let long = "x".repeat(200);
    // Whether its end has come or not.
    for end in ["\\n\\n", ""] {
        let script = server.script(
            "sse",
            &format!(r#"[[["send","data: fits\n\n"],["wait",20],["send","data: {long}{end}"]]]"#),
        );
        let mut wire = fetch(&script.url).max_event_bytes(100).live();
        let (closed, before) = until_closed(&mut wire).await;
        assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(Failure::TooBig)));
        assert_eq!(before, ["state Open", "open", "message fits", "state Closed"]);
        assert_eq!(script.log().await.len(), 1);
    }
}

#[wasm_bindgen_test]
async fn with_flush_the_last_event_needs_no_blank_line() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["send","data: one\n\nid: 2\ndata: two"],["end"]]]"#);
    for (flush, texts, cursor) in
        [(false, &["message one"][..], ""), (true, &["message one", "message two"], "2")]
    {
        let builder = fetch(&script.url).reconnect(everwire::options::Reconnect::never());
        let mut wire = if flush { builder.flush() } else { builder }.live();
        let (closed, before) = until_closed(&mut wire).await;
        assert_eq!((closed.reason, closed.failure), (CloseReason::Ended, None));
        assert_eq!(before[2..before.len() - 1], *texts);
        assert_eq!(wire.handle().last_event_id(), cursor);
    }
}

#[wasm_bindgen_test]
async fn an_app_that_does_not_poll_loses_nothing() {
    #[derive(Deserialize)]
    struct Count {
        seq: u64,
    }
    let server = Server::start().await;
    let mut wire = fetch(server.sse("/count?to=5000&rate=1000000")).live();
    let handle = wire.handle();
    let cursor = || handle.last_event_id().parse().unwrap_or(0_u64);
    until("as much as the stream holds", || cursor() >= 900).await;
    TimeoutFuture::new(500).await;
    // Nothing is read for nobody.
    assert!(cursor() < 1_024, "{}", cursor());
    let mut last = 0;
    while last < 5_000 {
        match next(&mut wire).await {
            Event::Message(message) => {
                assert_eq!(message.json::<Count>().unwrap().seq, last + 1);
                last += 1;
            }
            Event::Overflow { missed } => panic!("{missed} missed after {last}"),
            Event::Retry(retry) => panic!("{retry:?} after {last}"),
            _ => {}
        }
    }
}

#[wasm_bindgen_test]
async fn a_client_dropped_while_its_stream_waits_lets_go() {
    let server = Server::start().await;
    let wire = fetch(server.sse("/count?to=5000&rate=1000000")).live();
    let handle = wire.handle();
    until("as much as the stream holds", || handle.last_event_id().parse().is_ok_and(|id: u64| id >= 900))
        .await;
    server.until_stats("the connection", 0, 1).await;
    drop(wire);
    server.until_stats("no connection", 0, 0).await;
}

#[wasm_bindgen_test]
async fn the_cursor_goes_up_as_asked() {
    let server = Server::start().await;
    // Across origins, as here, the query is the default: it costs no preflight.
    for (resume, header) in
        [(Resume::new(), false), (Resume::new().via_query(), false), (Resume::new().via_header(), true)]
    {
        let script = server.script("sse", CUT);
        let record = Record::of(fetch(&script.url).resume(resume.with_name("since")).live());
        record.until("the second message", |seen| seen.texts() == ["one", "two"]).await;
        let cursors: Vec<_> = script
            .log()
            .await
            .iter()
            .map(|Attempt { query, headers, .. }| {
                (query.get("since").cloned(), headers.get("last-event-id").cloned())
            })
            .collect();
        let one = || Some("1".to_owned());
        assert_eq!(cursors, [(None, None), if header { (None, one()) } else { (one(), None) }]);
    }
}

#[wasm_bindgen_test]
async fn a_redirect_takes_no_header_to_another_origin_unless_told() {
    let server = Server::start().await;
    for (redirect, arrives) in [(None, false), (Some(Redirect::Error), false), (Some(Redirect::Follow), true)]
    {
        let script = server.script("sse", r#"[[["send","data: in\n\n"]]]"#);
        let to = js_sys::encode_uri_component(&script.url);
        let mut request =
            Request::get(server.sse(&format!("/redirect?to={to}"))).with_header("x-api-key", "K");
        if let Some(redirect) = redirect {
            request = request.with_redirect(redirect);
        }
        let mut wire = fetch(request).live();
        if arrives {
            assert_eq!(next_text(&mut wire).await, "in");
            assert_eq!(script.log().await[0].headers["x-api-key"], "K");
        } else {
            let (closed, _) = until_closed(&mut wire).await;
            assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(Failure::Redirect)));
            assert!(script.log().await.is_empty());
        }
    }
}
