//! Telling the server to stop.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Builder, Event, Failure, State,
    endpoint::{Context, Reason, Request},
    error::CancelError,
    event::CloseReason,
    options::Resume,
    storage::Storage,
    test_util::{HttpRequest, Response, SseEvent},
};

use crate::support::{Live, fetch, seconds};

const STOP: &str = "https://example.com/stop";

fn stopping() -> Builder {
    fetch().cancel(STOP)
}

fn told(live: &Live) -> HttpRequest {
    live.page.next_request().expect("the server is told")
}

#[test]
fn it_closes_and_tells_the_server_once() {
    let mut live = Live::new(stopping());
    let _server = live.accept();
    let cancelled = live.handle().cancel();
    assert_eq!(live.handle().state(), State::Closed);
    let request = told(&live);
    assert_eq!((request.method(), request.url()), ("POST", STOP));
    let again = live.handle().cancel();
    request.respond(Response::new(204));
    assert_eq!(live.page.block_on(cancelled), Ok(Ok(())));
    assert_eq!(live.page.block_on(again), Ok(Ok(())));
    assert!(live.page.next_request().is_none(), "once");
    assert_eq!(live.closed().reason, CloseReason::App);
}

#[test]
fn nothing_is_to_be_stopped_before_a_request_after_the_end_and_without_the_option() {
    let live = Live::new(stopping());
    assert_eq!(live.page.block_on(live.handle().cancel()), Ok(Err(CancelError::Nothing)));
    let live = Live::new(stopping());
    let _server = live.accept();
    live.handle().close();
    assert_eq!(live.page.block_on(live.handle().cancel()), Ok(Err(CancelError::Nothing)));
    let live = Live::new(fetch());
    let _server = live.accept();
    assert_eq!(live.page.block_on(live.handle().cancel()), Ok(Err(CancelError::Nothing)));
    assert_eq!(live.handle().state(), State::Closed);
}

#[test]
fn a_function_is_told_where_the_stream_stands_and_asked_again_after_a_401() {
    let seen = Rc::<RefCell<Vec<Context>>>::default();
    let contexts = Rc::clone(&seen);
    let live = Live::new(fetch().cancel_with(move |context| {
        contexts.borrow_mut().push(context.clone());
        async move {
            let stop = Request::get(format!("{STOP}/{}", context.last_event_id));
            Ok(Some(stop.with_method("DELETE").with_header("x-reason", context.reason.to_string())))
        }
    }));
    let server = live.attempt().respond(
        Response::new(200).with_header("content-type", "text/event-stream").with_header("x-run-id", "r7"),
    );
    server.send_event(SseEvent::new("a").with_id("7"));
    live.page.run_until_stalled();
    let cancelled = live.handle().cancel();
    let first = told(&live);
    assert_eq!((first.method(), first.url().ends_with("/stop/7")), ("DELETE", true));
    first.respond(Response::new(401));
    let second = told(&live);
    assert_eq!(second.header("x-reason").as_deref(), Some("unauthorized"));
    second.respond(Response::new(401));
    let failure = Failure::Http { status: 401, retry_after: None };
    assert_eq!(live.page.block_on(cancelled), Ok(Err(CancelError::Failed(failure))));
    let seen = seen.borrow();
    assert_eq!(
        seen.iter().map(|context| context.reason).collect::<Vec<_>>(),
        [Reason::Reconnect, Reason::Unauthorized]
    );
    assert_eq!(seen[0].head.as_ref().and_then(|head| head.header("x-run-id")).as_deref(), Some("r7"));
}

#[test]
fn it_says_why_not_and_in_time() {
    let failed = |builder: Builder, answer: &dyn Fn(&Live)| {
        let live = Live::new(builder);
        let _server = live.accept();
        let cancelled = live.handle().cancel();
        answer(&live);
        live.page.block_on(cancelled).unwrap().unwrap_err()
    };
    assert_eq!(
        failed(stopping(), &|live| told(live).respond(Response::new(500))),
        CancelError::Failed(Failure::Http { status: 500, retry_after: None })
    );
    assert_eq!(failed(stopping(), &|live| told(live).fail()), CancelError::Failed(Failure::Network));
    assert_eq!(failed(stopping(), &|_| {}), CancelError::Failed(Failure::OpenTimeout));
    let astray = |address: &'static str| fetch().cancel_with(move |_| async move { Ok(Some(address)) });
    for address in ["/chat/../account", "wss://example.com/", "https://user:secret@example.com/"] {
        assert_eq!(failed(astray(address), &|_| {}), CancelError::Failed(Failure::Provider), "{address}");
    }
    let wrong = fetch().cancel_with(|_| async { Err::<Option<Request>, _>("no".into()) });
    assert_eq!(failed(wrong, &|_| {}), CancelError::Failed(Failure::Provider));
    let own = fetch().cancel_with(|_| async { Ok(None::<Request>) });
    let live = Live::new(own);
    let _server = live.accept();
    assert_eq!(live.page.block_on(live.handle().cancel()), Ok(Ok(())), "it has told the server itself");
    for address in ["", "wss://example.com/stop", "ftp://example.com/"] {
        let error = fetch().cancel(address).connect().unwrap_err();
        assert!(error.to_string().contains("http.cancel"), "{address}: {error}");
    }
}

#[test]
fn a_client_that_listens_on_ends_with_the_stream() {
    let mut live = Live::new(stopping());
    let server = live.accept();
    let cancelled = live.handle().cancel_and_listen();
    told(&live).respond(Response::new(204));
    assert_eq!(live.page.block_on(cancelled), Ok(Ok(())));
    assert_eq!(live.handle().state(), State::Open);
    server.break_off();
    let server = live.retry().accept();
    server.send_event(SseEvent::new("the rest"));
    assert_eq!(live.texts(), ["the rest"]);
    server.end();
    let closed = live.closed();
    assert_eq!((closed.reason, closed.failure, closed.was_clean), (CloseReason::Ended, None, true));
}

#[test]
fn where_the_server_was_not_told_nothing_has_changed_and_it_may_be_asked_again() {
    let live = Live::new(stopping());
    let early = live.handle().cancel_and_listen();
    assert_eq!(live.page.block_on(early), Ok(Err(CancelError::Nothing)));
    let server = live.accept();
    let cancelled = live.handle().cancel_and_listen();
    told(&live).respond(Response::new(503));
    assert!(live.page.block_on(cancelled).unwrap().is_err());
    server.end();
    let server = live.retry().accept();
    assert_eq!(live.handle().state(), State::Open, "an end is no end");
    let cancelled = live.handle().cancel_and_listen();
    told(&live).respond(Response::new(204));
    assert_eq!(live.page.block_on(cancelled), Ok(Ok(())));
    drop(server);
    drop(live.handle().cancel());
    assert_eq!(live.handle().state(), State::Closed, "a later call without listening closes");
}

#[test]
fn the_next_page_does_not_go_on_with_what_was_cancelled() {
    let resume = || Resume::new().with_storage(Storage::session(), "job");
    let mut live = Live::new(stopping().resume(resume()));
    let server = live.accept();
    server.send_event(SseEvent::new("a").with_id("7"));
    assert_eq!(live.texts(), ["a"]);
    drop(live.handle().cancel());
    live.page.advance(seconds(1));
    let Live { client, page, .. } = live;
    drop(client);
    let page = page.reload();
    let live = Live::on(page, stopping().resume(resume()));
    assert_eq!(live.attempt().query("lastEventId"), None);
    assert!(!live.seen.iter().any(|event| matches!(event, Event::NotStored(_))));
}
