//! Endpoint functions, and rules of the app's.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Client, Failure, State, Transport,
    endpoint::{Context, NotResumable, Reason, Request, path_segment},
    event::CloseReason,
    options::Decision,
    test_util::{SseEvent, sleep},
};

use crate::support::{EVEN, Live, SSE, fetch, millis, seconds, web_socket};

type Asked = Rc<RefCell<Vec<Context>>>;

fn asking() -> (Asked, everwire::Builder) {
    let asked = Asked::default();
    let to = Rc::clone(&asked);
    let builder = Client::builder_with(move |context| {
        to.borrow_mut().push(context);
        let token = to.borrow().len();
        async move {
            // Of another server, say.
            sleep(millis(30)).await;
            Ok(format!("{SSE}?token={token}"))
        }
    });
    (asked, builder.reconnect(EVEN))
}

#[test]
fn unauthorized_asks_once_more_then_it_is_fatal() {
    let (asked, builder) = asking();
    let mut live = Live::new(builder);
    let first = live.retry();
    assert_eq!(first.query("token").as_deref(), Some("1"));
    first.refuse(401);
    let second = live.retry();
    assert_eq!(second.query("token").as_deref(), Some("2"));
    second.refuse(401);
    let closed = live.closed();
    assert_eq!(closed.reason, CloseReason::Fatal);
    assert_eq!(closed.failure, Some(Failure::Http { status: 401, retry_after: None }));
    let reasons: Vec<Reason> = asked.borrow().iter().map(|context| context.reason).collect();
    assert_eq!(reasons, [Reason::Initial, Reason::Unauthorized]);
}

#[test]
fn each_attempt_asks_with_its_context() {
    let (asked, builder) = asking();
    let live = Live::new(builder);
    let server = live.retry().accept();
    server.send_event(SseEvent::new("x").with_id("7"));
    server.break_off();
    live.retry().fail();
    drop(live.retry());
    let told = |context: &Context| (context.reason, context.attempt, context.last_event_id.clone());
    let told: Vec<_> = asked.borrow().iter().map(told).collect();
    assert_eq!(
        told,
        [
            (Reason::Initial, 0, String::new()),
            (Reason::Reconnect, 1, "7".to_owned()),
            (Reason::Reconnect, 2, "7".to_owned())
        ]
    );
}

#[test]
fn a_function_that_fails_is_a_failed_attempt_and_one_that_takes_too_long_too() {
    let asked = Rc::new(RefCell::new(0));
    let to = Rc::clone(&asked);
    let builder = Client::builder_with(move |_| {
        *to.borrow_mut() += 1;
        let count = *to.borrow();
        async move {
            match count {
                1 => Err("no token".into()),
                2 => std::future::pending().await,
                3 => Ok("wss://example.com/../live".to_owned()),
                _ => Ok("wss://example.com/live".to_owned()),
            }
        }
    });
    let mut live = Live::new(builder.reconnect(EVEN));
    live.retry().accept();
    let failures: Vec<Failure> = live.retries().into_iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Provider; 3]);
    assert_eq!(live.page.warnings().len(), 1, "{:?}", live.page.warnings());
    assert_eq!(live.handle().state(), State::Open);
}

#[test]
fn a_rule_overrides_the_table_both_ways() {
    let rule = |failure| match failure {
        Failure::Http { status: 404, .. } => Decision::After(seconds(60)),
        Failure::Http { status: 503, .. } => Decision::GiveUp,
        _ => Decision::Table,
    };
    let mut live = Live::new(fetch().should_reconnect(rule));
    live.attempt().refuse(404);
    assert_eq!(live.handle().retry_in(), Some(seconds(60)));
    live.retry().refuse(503);
    assert_eq!(live.closed().reason, CloseReason::Fatal);
}

#[test]
fn start_by_post_and_go_on_by_get() {
    let builder = Client::builder_with(|context| async move {
        match path_segment(&context.last_event_id) {
            None if context.reason == Reason::Initial => Ok(Request::post("/chat", "hi").with_resume()),
            Some(id) => Ok(Request::get(format!("/chat/{id}"))),
            None => Err(NotResumable.into()),
        }
    });
    let mut live = Live::new(builder.reconnect(EVEN));
    let post = live.attempt();
    assert_eq!((post.method(), post.body()), ("POST", Some(&b"hi"[..])));
    let server = post.accept();
    server.send_event(SseEvent::new("one").with_id("../1"));
    server.break_off();
    let get = live.retry();
    assert_eq!((get.method(), get.url()), ("GET", "https://app.example/chat/..%2F1"));
    get.accept().end();
    assert_eq!(live.texts(), ["one"]);
}

#[test]
fn protocols_are_offered_and_stay_with_their_origin() {
    let live = Live::new(web_socket().protocols(["chat", "token-7"]));
    let attempt = live.attempt();
    assert_eq!(attempt.transport(), Transport::WebSocket);
    assert_eq!(attempt.protocols(), ["chat", "token-7"]);
}

#[test]
fn what_a_web_socket_says_first_is_not_skipped_on_an_event_stream_that_a_function_gives() {
    let to = || Client::builder_with(|_| async { Ok("https://example.com/live") });
    for builder in [to().handshake(|_| async { Ok(()) }), to().resume_frame(|_| Some("from".to_owned()))] {
        let live = Live::new(builder);
        assert!(live.page.next_attempt().is_none());
        let told = live.page.warnings();
        assert!(told.iter().any(|told| told.contains("are for a WebSocket")), "{told:?}");
    }
    let page = everwire::test_util::Page::new();
    let request = Request::get("wss://example.com/live").with_header("authorization", "Bearer …");
    let error = Client::builder(request).connect().unwrap_err();
    assert!(error.to_string().contains("a WebSocket takes the address alone"), "{error}");
    drop(page);
}
