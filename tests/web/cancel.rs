//! The stop request, and what a refusal says.

use everwire::{
    Builder, Client, Event, Failure, State,
    endpoint::{Request, path_segment},
    error::CancelError,
    event::CloseReason,
};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, QUICK, Record, Server, next, server::unique, until_closed, until_open, wait::within,
};

#[wasm_bindgen_test]
async fn an_address_gets_a_post_and_the_client_closes() {
    let server = Server::start().await;
    let stream = server.script("sse", r#"[[["send","data: a\n\n"]]]"#);
    let stop = server.script("sse", r#"[[["status",204]]]"#);
    let mut wire = Client::builder(stream.url.as_str()).cancel(stop.url.as_str()).reconnect(QUICK).live();
    until_open(&mut wire).await;
    let handle = wire.handle();
    assert_eq!(handle.url(), stream.url);
    assert_eq!(within("the stop request", handle.cancel()).await, Ok(()));
    assert_eq!(handle.state(), State::Closed);
    assert_eq!(within("the same", handle.cancel()).await, Ok(()));
    let asked = stop.log().await;
    assert_eq!(asked.iter().map(|asked| asked.method.as_str()).collect::<Vec<_>>(), ["POST"]);
    assert!(until_closed(&mut wire).await.0.was_clean);
}

#[wasm_bindgen_test]
async fn it_says_why_the_server_was_not_told() {
    let server = Server::start().await;
    let stream = server.script("sse", r#"[[["send","data: a\n\n"]]]"#);
    let stop = server.script("sse", r#"[[["status",500]],[["hang"]]]"#);
    let status = Failure::Http { status: 500, retry_after: None };
    for failure in [status, Failure::OpenTimeout] {
        let builder = Client::builder(stream.url.as_str()).cancel(stop.url.as_str());
        let mut wire = builder.open_timeout(std::time::Duration::from_secs(2)).live();
        until_open(&mut wire).await;
        let cancelled = within("the answer", wire.handle().cancel()).await;
        assert_eq!(cancelled, Err(CancelError::Failed(failure)));
    }
}

/// A text of tokens, whose events have the job's name in their ids.
fn job(server: &Server) -> Builder {
    let (start, jobs) = (server.sse("/llm?delay=5&tokens=1000"), server.sse("/llm"));
    let of = |id: &str| id.split(':').next().and_then(path_segment);
    let (resume, stop) = (jobs.clone(), jobs);
    Client::builder_with(move |context| {
        let request = match of(&context.last_event_id) {
            None => Request::post(start.clone(), r#"{"prompt":"hi"}"#)
                .with_header("content-type", "application/json")
                .with_resume(),
            Some(job) => Request::get(format!("{resume}/{job}")),
        };
        async { Ok(request) }
    })
    .cancel_with(move |context| {
        let stop =
            of(&context.last_event_id).map(|job| Request::get(format!("{stop}/{job}")).with_method("DELETE"));
        async { Ok(Some(stop.ok_or("there is no job")?)) }
    })
    .reconnect(QUICK)
}

#[wasm_bindgen_test]
async fn a_client_that_listens_on_ends_with_the_stream() {
    let server = Server::start().await;
    let record = Record::of(job(&server).live());
    record.until("some tokens", |seen| seen.texts().len() > 10).await;
    assert_eq!(within("the stop request", record.handle.cancel_and_listen()).await, Ok(()));
    record.until("the end", |seen| seen.labels.iter().any(|label| label.starts_with("closed"))).await;
    assert_eq!(record.seen().labels.last().map(String::as_str), Some("closed Ended"));
}

#[wasm_bindgen_test]
async fn a_refusals_body_and_content_type_are_told() {
    let server = Server::start().await;
    let url = server.sse(&format!("/answer?key={}&status=422&body=no%20such%20thing", unique()));
    let (closed, _) = until_closed(&mut Client::builder(url).live()).await;
    assert_eq!((closed.reason, closed.was_clean), (CloseReason::Fatal, false));
    assert_eq!(closed.details.body, "no such thing");
    assert!(closed.details.content_type.starts_with("text/plain"), "{:?}", closed.details.content_type);
    let url = server.sse(&format!("/answer?key={}&status=503&body=abcdef", unique()));
    let mut wire = Client::builder(url).max_failure_body(3).reconnect(QUICK).live();
    loop {
        if let Event::Retry(retry) = next(&mut wire).await {
            assert_eq!(retry.details.body, "abc");
            break;
        }
    }
}

#[wasm_bindgen_test]
async fn comments_are_the_apps_where_it_asks_for_them() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["send",": one\n\n:two\ndata: a\n\n"]]]"#);
    let seen = Rc::<RefCell<Vec<String>>>::default();
    let comments = Rc::clone(&seen);
    let builder = Client::builder(script.url.as_str());
    let record =
        Record::of(builder.on_comment(move |text| comments.borrow_mut().push(text.to_owned())).live());
    record.until("the message", |seen| seen.texts() == ["a"]).await;
    let seen: Vec<_> =
        seen.borrow().iter().filter(|text| ["one", "two"].contains(&&***text)).cloned().collect();
    assert_eq!(seen, ["one", "two"]);
}
