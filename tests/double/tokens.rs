//! Tokens: one question for all, kept, renewed, refused, confined.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use everwire::{
    Client, Event, Failure, State,
    auth::{Token, TokenReason, Tokens},
    endpoint::{EndpointError, Request},
    error::OptionError,
    event::CloseReason,
    options::Decision,
    test_util::{Attempt, Page, sleep},
};

use crate::support::{Live, SSE, WS, fetch, millis, seconds, web_socket};

const HOUR: Duration = Duration::from_secs(3600);

type Reasons = Rc<RefCell<Vec<TokenReason>>>;

/// Tokens t1, t2, …, each made by `make`, and why each was asked for.
fn counted(make: impl Fn(Token) -> Token + 'static) -> (Tokens, Reasons) {
    let reasons = Reasons::default();
    let asked = Rc::clone(&reasons);
    let tokens = Tokens::new(move |context| {
        asked.borrow_mut().push(context.reason);
        let token = make(Token::new(format!("t{}", asked.borrow().len())));
        async move { Ok(token) }
    });
    (tokens, reasons)
}

fn lasting() -> (Tokens, Reasons) {
    counted(|token| token.with_expires_in(HOUR))
}

fn header(attempt: &Attempt) -> String {
    attempt.header("authorization").unwrap_or_default()
}

#[test]
fn it_goes_where_the_server_reads_it() {
    let (tokens, reasons) = lasting();
    let live = Live::new(fetch().map_request(tokens.header()));
    assert_eq!(header(&live.attempt()), "Bearer t1");
    let live = Live::new(web_socket().map_request(tokens.protocol("bearer.", ["app.v1"])));
    assert_eq!(live.attempt().protocols(), ["app.v1", "bearer.t1"]);
    // What the request offers itself.
    let request = Request::get(WS).with_protocols(["own"]);
    let live = Live::new(Client::builder(request).map_request(tokens.protocol("bearer.", ["app.v1"])));
    assert_eq!(live.attempt().protocols(), ["own", "bearer.t1"]);
    let live = Live::new(
        Client::builder(format!("{WS}?access_token=old&a=b")).map_request(tokens.query("access_token")),
    );
    assert_eq!(live.attempt().url(), format!("{WS}?access_token=t1&a=b"));
    let put = tokens.put(|token, request, _| async move { Ok(request.with_header("x-token", &*token)) });
    let live = Live::new(Client::builder_with(|_| async { Ok(SSE) }).map_request(put));
    assert_eq!(live.attempt().header("x-token").as_deref(), Some("t1"));
    for (handshake, frame) in [
        (tokens.frame(), r#"{"type":"auth","token":"t1"}"#),
        (tokens.frame_with(|token| format!("login {token}")), "login t1"),
        (tokens.handshake(|token, socket| async move { Ok(socket.send(&token)?) }), "t1"),
    ] {
        let live = Live::new(web_socket().handshake(handshake));
        let server = live.accept();
        assert_eq!(server.received(), Some(frame.into()));
        assert_eq!(live.handle().state(), State::Open);
    }
    assert_eq!(*reasons.borrow(), [TokenReason::Initial]);
}

#[test]
fn one_question_for_clients_that_ask_at_the_same_time() {
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    let tokens = Tokens::new(move |_| {
        count.set(count.get() + 1);
        async {
            sleep(millis(50)).await;
            Ok("plain")
        }
    });
    let page = Page::new();
    let connect = || fetch().map_request(tokens.header()).connect().unwrap();
    let clients = [connect(), connect(), connect()];
    assert!(page.next_attempt().is_none());
    page.advance(millis(50));
    for _ in &clients {
        assert_eq!(header(&page.next_attempt().unwrap()), "Bearer plain");
    }
    assert_eq!(asked.get(), 1);
}

#[test]
fn it_is_kept_until_shortly_before_its_end() {
    let at = |time: Duration| move |token: Token| token.with_expires_in(time);
    type Made = (Tokens, Reasons);
    let ahead = |(tokens, reasons): Made, time| (tokens.with_refresh_ahead(time), reasons);
    // 2026-01-01T00:00:00Z, when the page begins.
    let began = 1_767_225_600;
    let cases: [(Made, Duration, Duration); 7] = [
        (counted(at(HOUR)), HOUR - seconds(61), HOUR - seconds(59)),
        (ahead(counted(at(HOUR)), seconds(1000)), HOUR - seconds(1001), HOUR - seconds(999)),
        (ahead(counted(at(seconds(10))), HOUR), seconds(4), seconds(6)),
        (ahead(counted(at(HOUR)), Duration::ZERO), HOUR - seconds(1), HOUR + seconds(1)),
        (
            counted(move |token| token.with_expires_at(seconds(began) + HOUR)),
            HOUR - seconds(61),
            HOUR - seconds(59),
        ),
        (counted(at(Duration::ZERO)), Duration::ZERO, Duration::ZERO),
        (counted(|token| token), HOUR * 20, Duration::MAX),
    ];
    for (case, ((tokens, reasons), kept, gone)) in cases.into_iter().enumerate() {
        let live = Live::new(fetch().map_request(tokens.header()).page_lifecycle(false));
        live.accept();
        let tokens = [kept, gone].map(|time| {
            if time == Duration::MAX {
                return "Bearer t1".to_owned();
            }
            live.page.advance(time - live.page.elapsed().min(time));
            live.handle().reconnect();
            header(&live.retry())
        });
        let expected = match case {
            5 => ["Bearer t2", "Bearer t3"],
            6 => ["Bearer t1", "Bearer t1"],
            _ => ["Bearer t1", "Bearer t2"],
        };
        assert_eq!(tokens, expected, "case {case}");
        assert!(reasons.borrow().iter().skip(1).all(|reason| *reason == TokenReason::Reconnect));
    }
}

#[test]
fn refused_it_is_asked_for_once_more_and_then_it_is_fatal() {
    let rule = |failure| match failure {
        Failure::Http { status: 403, .. } | Failure::Closed { code: 3000 } => Decision::Unauthorized,
        _ => Decision::Table,
    };
    for status in [401, 403] {
        let (tokens, reasons) = lasting();
        let mut live = Live::new(fetch().map_request(tokens.header()).should_reconnect(rule));
        live.attempt().refuse(status);
        let second = live.retry();
        assert_eq!(header(&second), "Bearer t2");
        second.refuse(status);
        assert_eq!(live.closed().reason, CloseReason::Fatal);
        assert_eq!(*reasons.borrow(), [TokenReason::Initial, TokenReason::Unauthorized]);
    }
    for code in [4001, 4401, 3000] {
        let (tokens, reasons) = lasting();
        let mut live = Live::new(web_socket().handshake(tokens.frame()).should_reconnect(rule));
        let server = live.accept();
        server.close(code, "");
        let server = live.retry().accept();
        assert_eq!(server.received(), Some(r#"{"type":"auth","token":"t2"}"#.into()), "{code}");
        server.close(code, "");
        assert_eq!(live.closed().reason, CloseReason::Fatal);
        assert_eq!(*reasons.borrow(), [TokenReason::Initial, TokenReason::Unauthorized]);
    }
}

#[test]
fn one_that_another_client_has_replaced_is_not_thrown_away() {
    let (tokens, reasons) = lasting();
    let page = Page::new();
    let connect = || web_socket().map_request(tokens.query("t")).connect().unwrap();
    let _clients = [connect(), connect()];
    let servers = [1, 2].map(|_| page.next_attempt().unwrap().accept());
    for server in servers {
        page.advance(seconds(10));
        server.close(4401, "");
        assert_eq!(page.wait_for_attempt().unwrap().query("t").as_deref(), Some("t2"));
    }
    assert_eq!(*reasons.borrow(), [TokenReason::Initial, TokenReason::Unauthorized]);
}

#[test]
fn an_error_is_a_failed_attempt_unless_the_old_one_is_good() {
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    let tokens = Tokens::new(move |_| {
        count.set(count.get() + 1);
        let given = match count.get() {
            1 => Err(EndpointError::from("no luck")),
            2 => Ok(Token::new("")),
            3 => Ok(Token::new("t1").with_expires_in(seconds(60))),
            _ => Err("no luck".into()),
        };
        async { given }
    });
    let mut live =
        Live::new(fetch().map_request(tokens.with_refresh_ahead(HOUR).header()).page_lifecycle(false));
    let first = live.retry();
    let began = live.page.elapsed();
    assert_eq!((header(&first), asked.get()), ("Bearer t1".to_owned(), 3));
    first.accept();
    let failures: Vec<_> = live.retries().into_iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Provider; 2]);
    // Half of its life is over, then half of the rest.
    for (second, questions) in [(31, 4), (32, 4), (46, 5)] {
        live.page.advance(began + seconds(second) - live.page.elapsed());
        live.handle().reconnect();
        assert_eq!(header(&live.attempt()), "Bearer t1");
        assert_eq!(asked.get(), questions, "{second}");
    }
    live.page.advance(seconds(15));
    live.handle().reconnect();
    assert!(live.page.next_attempt().is_none());
    assert_eq!(live.handle().last_failure(), Some(Failure::Provider));
}

/// A question without an answer, and whether it is still asked.
fn unanswered() -> (Tokens, Rc<Cell<u32>>, Rc<()>) {
    let (asked, asking) = (Rc::new(Cell::new(0)), Rc::new(()));
    let (count, held) = (Rc::clone(&asked), Rc::clone(&asking));
    let tokens = Tokens::new(move |_| {
        count.set(count.get() + 1);
        let held = Rc::clone(&held);
        async move {
            std::future::pending::<()>().await;
            drop(held);
            Ok("never")
        }
    });
    (tokens, asked, asking)
}

#[test]
fn closing_calls_the_question_off_unless_another_client_waits() {
    let (tokens, asked, asking) = unanswered();
    let page = Page::new();
    let connect = || fetch().map_request(tokens.header()).connect().unwrap();
    let (first, second) = (connect(), connect());
    page.run_until_stalled();
    // The function's own, the test's, and the question's.
    assert_eq!((asked.get(), Rc::strong_count(&asking)), (1, 3));
    drop(first);
    assert_eq!(Rc::strong_count(&asking), 3, "one still waits");
    drop(second);
    assert_eq!(Rc::strong_count(&asking), 2, "nobody does");
    let _third = connect();
    page.run_until_stalled();
    assert_eq!((asked.get(), Rc::strong_count(&asking)), (2, 3));
}

#[test]
fn an_attempt_that_waits_too_long_is_given_up_and_so_is_its_question() {
    let (tokens, asked, asking) = unanswered();
    let mut live = Live::new(fetch().map_request(tokens.header()));
    live.page.advance(millis(10_500));
    assert_eq!((asked.get(), Rc::strong_count(&asking)), (1, 2));
    assert_eq!(live.retries()[0].failure, Failure::Provider);
    live.page.advance(seconds(5));
    assert_eq!((asked.get(), Rc::strong_count(&asking)), (2, 3));
}

#[test]
fn forgotten_it_is_asked_for_again_also_while_it_is_asked_for() {
    let (tokens, reasons) = lasting();
    let live = Live::new(fetch().map_request(tokens.header()));
    assert_eq!(header(&live.attempt()), "Bearer t1");
    tokens.forget();
    live.handle().reconnect();
    assert_eq!(header(&live.retry()), "Bearer t2");
    assert_eq!(reasons.borrow().len(), 2);

    let (tokens, _asked, asking) = unanswered();
    let mut live = Live::new(fetch().map_request(tokens.header()));
    live.page.run_until_stalled();
    assert_eq!(Rc::strong_count(&asking), 3);
    tokens.forget();
    assert_eq!(Rc::strong_count(&asking), 2);
    assert_eq!(live.retries()[0].failure, Failure::Provider);
}

#[test]
fn kept_fresh_it_is_replaced_before_its_end_and_told_while_the_client_is_open() {
    let (tokens, reasons) = counted(|token| token.with_expires_in(seconds(100)));
    let live = Live::new(web_socket().map_request(tokens.query("t")));
    let told = Rc::<RefCell<Vec<String>>>::default();
    let fresh = Rc::clone(&told);
    let kept = tokens.keep_fresh(&live.handle(), move |token| fresh.borrow_mut().push(token.to_owned()));
    let attempt = live.attempt();
    // It was asked for by the attempt, and nobody is open yet.
    assert!(told.borrow().is_empty());
    let server = attempt.accept();
    live.page.advance(seconds(49));
    assert_eq!(reasons.borrow().len(), 1);
    live.page.advance(seconds(2));
    assert_eq!(*told.borrow(), ["t2"]);
    // Not open: it comes with the new one by itself.
    server.break_off();
    live.page.advance(millis(500));
    live.handle().pause();
    live.page.advance(seconds(50));
    assert_eq!((told.borrow().len(), reasons.borrow().len()), (1, 3));
    live.handle().resume();
    let again = live.attempt();
    assert_eq!(again.query("t").as_deref(), Some("t3"));
    again.accept();
    kept.stop();
    live.page.advance(HOUR);
    assert_eq!((told.borrow().len(), reasons.borrow().len()), (1, 3));
    assert_eq!(*reasons.borrow(), [TokenReason::Initial, TokenReason::Refresh, TokenReason::Refresh]);
}

#[test]
fn nothing_is_renewed_for_a_client_that_is_closed() {
    let (tokens, reasons) = counted(|token| token.with_expires_in(seconds(100)));
    let live = Live::new(web_socket().map_request(tokens.query("t")));
    let held = Rc::new(());
    let holds = Rc::clone(&held);
    tokens.keep_fresh(&live.handle(), move |_| drop(Rc::clone(&holds)));
    live.accept();
    assert_eq!(Rc::strong_count(&held), 2);
    live.handle().close();
    assert_eq!(Rc::strong_count(&held), 1, "what the app gave is let go of");
    live.page.advance(HOUR);
    tokens.keep_fresh(&live.handle(), |_| {}).stop();
    tokens.keep_fresh(&live.handle(), |_| {});
    live.page.advance(HOUR);
    assert_eq!(reasons.borrow().len(), 1);
}

#[test]
fn a_renewal_without_an_answer_is_given_up_and_tried_again() {
    let (asked, asking) = (Rc::new(Cell::new(0)), Rc::new(()));
    let (count, held) = (Rc::clone(&asked), Rc::clone(&asking));
    let tokens = Tokens::new(move |_| {
        count.set(count.get() + 1);
        let (first, held) = (count.get() == 1, Rc::clone(&held));
        async move {
            let _held = held;
            if first {
                return Ok(Token::new("t1").with_expires_in(seconds(1000)));
            }
            std::future::pending().await
        }
    });
    let live = Live::new(web_socket().map_request(tokens.query("t")));
    tokens.keep_fresh(&live.handle(), |_| {});
    live.accept();
    live.page.advance(seconds(941));
    assert_eq!((asked.get(), Rc::strong_count(&asking)), (2, 3));
    live.page.advance(seconds(30));
    assert_eq!((asked.get(), Rc::strong_count(&asking)), (2, 2));
    live.page.advance(seconds(15));
    assert_eq!((asked.get(), Rc::strong_count(&asking)), (3, 3));
    live.handle().close();
    assert_eq!(Rc::strong_count(&asking), 2, "it was for this client alone");
}

#[test]
fn another_origin_gets_none_unless_it_is_named() {
    const OTHER: &str = "https://other.example/live";
    let (tokens, _) = lasting();
    let mut live = Live::new(fetch().failover([OTHER]).map_request(tokens.header()));
    live.attempt().fail();
    let back = live.retry();
    assert_eq!(back.url(), SSE);
    let failures: Vec<_> = live.retries().into_iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Network, Failure::Provider]);
    assert_eq!(live.page.warnings().len(), 1, "{:?}", live.page.warnings());

    let tokens = lasting().0.with_origins(["wss://example.com", OTHER]).unwrap();
    let live = Live::new(fetch().failover([OTHER]).map_request(tokens.header()));
    live.attempt().fail();
    let other = live.retry();
    assert_eq!((other.url(), &*header(&other)), (OTHER, "Bearer t1"));

    // A handshake's, too.
    let tokens = lasting().0.with_origins(["https://third.example"]).unwrap();
    let mut live = Live::new(web_socket().handshake(tokens.frame()));
    let server = live.accept();
    assert_eq!(server.received(), None);
    assert_eq!(live.retries()[0].failure, Failure::Provider);

    let error = lasting().0.with_origins(["https://[", OTHER]).unwrap_err();
    let problem = "must be of addresses, such as https://example.com";
    assert_eq!(error, OptionError { option: "tokens.origins", problem });
}

#[test]
fn a_request_that_is_completed_leads_nowhere_else() {
    let mut live = Live::new(fetch().map_request(|mut request, context| async move {
        if context.attempt == 0 {
            request = Request::get("https://example.com/a/../b");
        }
        Ok(request.with_header("x-attempt", context.attempt.to_string()))
    }));
    let second = live.retry();
    assert_eq!((second.url(), second.header("x-attempt").as_deref()), (SSE, Some("1")));
    assert_eq!(live.retries()[0].failure, Failure::Provider);
    assert_eq!(live.page.warnings().len(), 1, "{:?}", live.page.warnings());
    // One that the app wrote itself may have them.
    let live = Live::new(
        Client::builder("https://example.com/a/../b").map_request(|request, _| async { Ok(request) }),
    );
    assert_eq!(live.attempt().url(), "https://example.com/b");
}

#[test]
fn no_token_is_printed() {
    let (tokens, _) = counted(|_| Token::new("s3cret"));
    let mut live = Live::new(web_socket().map_request(tokens.protocol("bearer.", ["v1"])));
    let kept = tokens.keep_fresh(&live.handle(), |_| {});
    live.accept();
    let events: Vec<Event> = live.events();
    let printed = format!("{tokens:?} {kept:?} {:?} {events:?} {:?}", Token::new("s3cret"), live.handle());
    assert!(printed.contains("Tokens") && !printed.contains("s3cret"), "{printed}");
}

#[test]
fn a_host_with_ws_in_its_name_is_one_origin_by_both_schemes() {
    for host in ["news.example.com", "ws.example.com", "aws.example"] {
        let (tokens, _) = lasting();
        let socket = Client::builder(format!("wss://{host}/live")).map_request(tokens.query("token"));
        let stream = Client::builder(format!("https://{host}/live")).map_request(tokens.header());
        let live = Live::new(socket);
        assert_eq!(live.attempt().query("token").as_deref(), Some("t1"), "{host}");
        let live = Live::new(stream);
        assert_eq!(header(&live.attempt()), "Bearer t1", "{host}");
        assert_eq!(live.page.warnings(), [""; 0]);
    }
}
