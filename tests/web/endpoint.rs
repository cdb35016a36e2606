//! Addresses from a function, asked for before each attempt.

use std::{cell::RefCell, future::Future, rc::Rc};

use everwire::{
    Builder, Client, Failure,
    endpoint::{Context, EndpointError, Reason, Request},
    event::CloseReason,
    options::Resume,
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Live, QUICK, Record, Server, millis, next_text, until_closed};

type Asked = Rc<RefCell<Vec<Context>>>;

/// `answer` is given the number of the question, from 0 on.
fn asking<R>(answer: impl Fn(usize) -> R + 'static) -> (Asked, Builder)
where
    R: Future<Output = Result<String, EndpointError>> + 'static,
{
    let asked = Asked::default();
    let list = Rc::clone(&asked);
    let builder = Client::builder_with(move |context| {
        list.borrow_mut().push(context);
        answer(list.borrow().len() - 1)
    });
    (asked, builder.reconnect(QUICK))
}

fn told(asked: &Asked) -> Vec<(Reason, u64, String)> {
    asked.borrow().iter().map(|c| (c.reason, c.attempt, c.last_event_id.clone())).collect()
}

#[wasm_bindgen_test]
async fn each_attempt_asks_with_its_context() {
    let server = Server::start().await;
    let script = server.script(
        "ws",
        r#"[[["send","{\"n\":1,\"at\":{\"id\":\"a\"}}"],["wait",20],["reset"]],[["status",503]],[["send","in"]]]"#,
    );
    let url = script.url.clone();
    let (asked, builder) = asking(move |n| {
        let url = url.clone();
        async move { if n == 0 { Err("no token today".into()) } else { Ok(format!("{url}&n={n}")) } }
    });
    // An error is an answer: nothing waits for the open timeout.
    let builder = builder.open_timeout(millis(600_000)).resume(Resume::new().with_id("at.id"));
    let record = Record::of(builder.live());
    record.until("the last attempt", |seen| seen.texts().contains(&"in")).await;
    let failures: Vec<_> = record.seen().retries.iter().map(|retry| retry.failure).collect();
    // It is one failed attempt, not the end.
    assert_eq!(failures, [Failure::Provider, Failure::Network, Failure::Network]);
    let a = || "a".to_owned();
    assert_eq!(
        told(&asked),
        [
            (Reason::Initial, 0, String::new()),
            (Reason::Reconnect, 1, String::new()),
            (Reason::Reconnect, 2, a()),
            (Reason::Reconnect, 3, a()),
        ]
    );
    let queries: Vec<_> = script
        .log()
        .await
        .iter()
        .map(|attempt| (attempt.query["n"].clone(), attempt.query.get("lastEventId").cloned()))
        .collect();
    assert_eq!(queries, [("1".into(), None), ("2".into(), Some(a())), ("3".into(), Some(a()))]);
}

#[wasm_bindgen_test]
async fn unauthorized_asks_once_more_then_it_is_fatal() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["close",4401,"who are you"]]]"#);
    let url = script.url.clone();
    let (asked, builder) = asking(move |_| {
        let url = url.clone();
        async move { Ok(url) }
    });
    let mut wire = builder.live();
    let (closed, _) = until_closed(&mut wire).await;
    let reasons: Vec<_> = told(&asked).into_iter().map(|(reason, ..)| reason).collect();
    assert_eq!(reasons, [Reason::Initial, Reason::Unauthorized]);
    assert_eq!(
        (closed.reason, closed.code, closed.peer_close_reason.as_str()),
        (CloseReason::Fatal, 4401, "who are you")
    );
    assert_eq!(closed.failure, Some(Failure::Closed { code: 4401 }));
    assert_eq!(script.log().await.len(), 2);
}

#[wasm_bindgen_test]
async fn a_fresh_token_goes_on() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["close",4401,""]],[["send","in"]]]"#);
    let url = script.url.clone();
    let (_, builder) = asking(move |_| std::future::ready(Ok(url.clone())));
    let mut wire = builder.live();
    assert_eq!(next_text(&mut wire).await, "in");
}

#[wasm_bindgen_test]
async fn unauthorized_is_fatal_where_there_is_nobody_to_ask() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["close",4401,""]]]"#);
    let mut wire = Client::builder(&script.url).live();
    assert_eq!(until_closed(&mut wire).await.0.reason, CloseReason::Fatal);
    assert_eq!(script.log().await.len(), 1);
}

#[wasm_bindgen_test]
async fn no_answer_and_no_usable_address_are_failed_attempts() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","in"]]]"#);
    let url = script.url.clone();
    let (_, builder) = asking(move |n| {
        let url = url.clone();
        async move {
            match n {
                0 => std::future::pending().await,
                1 => Ok("http://".to_owned()),
                _ => Ok(url),
            }
        }
    });
    let record = Record::of(builder.open_timeout(millis(1_000)).live());
    record.until("the third attempt", |seen| seen.texts().contains(&"in")).await;
    let failures: Vec<_> = record.seen().retries.iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Provider, Failure::Provider]);
}

/// What a server may put into an id, in an address that an app makes of it.
const STEERING: [&str; 9] = [
    "/chat/../account/7?x",
    "/chat/%2e%2E/account",
    "/chat\\..\\account",
    "/chat/.\t./account",
    "//localhost/account",
    "/\\localhost/account",
    "\u{1}\\\\localhost/account",
    "https:localhost/account",
    "http:/account",
];

#[wasm_bindgen_test]
async fn an_id_that_leads_the_address_elsewhere_is_a_failed_attempt() {
    let server = Server::start().await;
    for with_resume in [true, false] {
        let script = server.script(
            "sse",
            r#"[[["send","id: ..\ndata: 1\n\n"],["wait",20],["reset"]],[["send","data: in\n\n"]]]"#,
        );
        let url = script.url.clone();
        let asked = Asked::default();
        let list = Rc::clone(&asked);
        let builder = Client::builder_with(move |context| {
            list.borrow_mut().push(context);
            let place = list.borrow().len() - 1;
            let first = Request::get(&url);
            let first = if with_resume { first.with_resume() } else { first };
            let url = url.clone();
            async move {
                Ok(match place.checked_sub(1).map(|place| STEERING.get(place)) {
                    None => first,
                    Some(Some(&address)) => Request::get(address),
                    // What a URL type makes of it is its own choice.
                    Some(None) => Request::get(url),
                })
            }
        });
        let resume = if with_resume { Resume::new() } else { Resume::new().via_url() };
        let record = Record::of(builder.reconnect(QUICK).resume(resume).live());
        record.until("the last attempt", |seen| seen.texts().contains(&"in")).await;
        let failures: Vec<_> = record.seen().retries.iter().map(|retry| retry.failure).collect();
        assert_eq!(failures.len(), STEERING.len() + 1, "{failures:?}");
        assert!(failures.iter().skip(1).all(|failure| *failure == Failure::Provider), "{failures:?}");
        assert!(asked.borrow().iter().skip(1).all(|context| context.last_event_id == ".."));
        assert_eq!(script.log().await.len(), 2);
    }
}

#[wasm_bindgen_test]
async fn protocols_go_to_the_first_origin_and_to_the_endpoints_that_they_are_given_for() {
    let server = Server::start().await;
    let home = server.script("ws", r#"[[["close",1011,""]],[["send","in"]]]"#);
    let [stray, own] = [(); 2].map(|()| server.script("ws", r#"[[["close",1011,""]]]"#));
    let elsewhere = |url: &str| url.replacen("127.0.0.1", "localhost", 1);
    assert_ne!(elsewhere(&stray.url), stray.url);
    let urls = [home.url.clone(), elsewhere(&stray.url), elsewhere(&own.url), home.url.clone()];
    let count = Rc::new(RefCell::new(0));
    let builder = Client::builder_with(move |_| {
        let at = count.replace_with(|&mut at| at + 1);
        let request = Request::get(urls[at.min(3)].clone());
        std::future::ready(Ok(if at == 2 { request.with_protocols(["own"]) } else { request }))
    });
    let record = Record::of(builder.reconnect(QUICK).protocols(["token"]).live());
    record.until("the home again", |seen| seen.texts().contains(&"in")).await;
    let failures: Vec<_> = record.seen().retries.iter().map(|retry| retry.failure).collect();
    let closed = Failure::Closed { code: 1011 };
    assert_eq!(failures, [closed, Failure::Provider, closed]);
    assert!(stray.log().await.is_empty());
    assert_eq!(own.log().await[0].protocols, ["own"]);
    assert!(home.log().await.iter().all(|attempt| attempt.protocols == ["token"]));
}
