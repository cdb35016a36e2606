//! Several ways to one server, and endpoints in a random order.

use std::collections::BTreeSet;

use everwire::{
    Builder, Client, Event, Failure, State, Transport,
    endpoint::{Request, Way, Ways},
    error::{ConnectError, OptionError},
    options::{Fallback, Reconnect, Resume},
    test_util::{Attempt, Page, SseEvent},
};

use crate::support::{EVEN, Live, SSE, WS, seconds};

fn both() -> Builder {
    Client::builder(Ways::new().with_websocket(WS).with_sse(SSE)).reconnect(EVEN)
}

/// Refuses the WebSocket so often, and gives what is asked for then.
fn after_refusals(live: &Live, refusals: u32) -> Attempt {
    for _ in 0..refusals {
        let attempt = live.retry();
        assert_eq!(attempt.transport(), Transport::WebSocket);
        attempt.refuse(426);
    }
    live.retry()
}

#[test]
fn a_web_socket_that_never_opens_is_left_at_the_second_failure() {
    let mut live = Live::new(both());
    let down = after_refusals(&live, 2);
    assert_eq!((down.transport(), down.url()), (Transport::Fetch, SSE));
    let server = down.accept();
    server.send_event("down");
    assert_eq!(live.texts(), ["down"]);
    assert_eq!(live.handle().transport(), Some(Transport::Fetch));
    assert_eq!(live.handle().stats().attempts, 3);
}

#[test]
fn one_that_dies_early_is_left_at_the_third_time_and_the_cursor_goes_along() {
    let mut live = Live::new(both().resume(Resume::new().with_id("at")));
    for at in 1..=3 {
        let attempt = live.retry();
        assert_eq!(attempt.transport(), Transport::WebSocket);
        let server = attempt.accept();
        server.send_text(&format!(r#"{{"at":"e{at}"}}"#));
        server.break_off();
    }
    let down = live.retry();
    assert_eq!((down.transport(), down.query("lastEventId").as_deref()), (Transport::Fetch, Some("e3")));
    let server = down.accept();
    server.send_event(SseEvent::new("old").with_id("e3"));
    server.send_event(SseEvent::new("new").with_id("e4"));
    assert_eq!(live.texts().last().map(String::as_str), Some("new"));
    let seen =
        |text| live.seen.iter().any(|event| matches!(event, Event::Message(m) if m.text() == Some(text)));
    assert!(!seen("old"), "what was delivered comes no more");
    let gap = |event: &Event| matches!(event, Event::Gap(gap) if gap.after == "e3");
    assert!(!live.seen.iter().any(gap), "nothing is missing behind it");
}

#[test]
fn one_that_has_held_is_not_left_for_a_loss_and_after_eight_failures_only() {
    let live = Live::new(both());
    let server = live.accept();
    live.page.advance(seconds(6));
    server.break_off();
    let down = after_refusals(&live, 8);
    assert_eq!(down.transport(), Transport::Fetch);
}

#[test]
fn what_says_nothing_of_the_way_does_not_count() {
    let order = Fallback::new().with_order([Way::Fetch, Way::WebSocket]);
    let live = Live::new(both().fallback(order));
    for status in [503, 429, 503, 429] {
        let attempt = live.retry();
        assert_eq!(attempt.transport(), Transport::Fetch);
        attempt.refuse(status);
    }
    assert_eq!(live.retry().transport(), Transport::Fetch);
}

#[test]
fn the_numbers_and_the_order_are_the_callers() {
    let live = Live::new(both().fallback(Fallback::new().with_failures(1)));
    assert_eq!(after_refusals(&live, 1).transport(), Transport::Fetch);

    let live = Live::new(both().fallback(Fallback::new().with_early(1).with_remember(false)));
    live.accept().break_off();
    assert_eq!(live.retry().transport(), Transport::Fetch);

    let order = Fallback::new().with_order([Way::EventSource, Way::WebSocket]).with_failures(1);
    let live = Live::new(both().fallback(order));
    let first = live.attempt();
    assert_eq!(first.transport(), Transport::EventSource);
    first.fail();
    assert_eq!(live.retry().transport(), Transport::WebSocket);

    // Of one address, too: http: is ws: then.
    let order = Fallback::new().with_order([Way::WebSocket, Way::Fetch]).with_failures(1);
    let live = Live::new(Client::builder(SSE).fallback(order).reconnect(EVEN));
    let first = live.attempt();
    assert_eq!((first.transport(), first.url()), (Transport::WebSocket, WS));
    first.fail();
    let second = live.retry();
    assert_eq!((second.transport(), second.url()), (Transport::Fetch, SSE));
}

#[test]
fn never_is_the_web_socket_alone_and_so_is_one_of_several_endpoints() {
    let ways = || Ways::new().with_websocket(WS).with_sse(SSE);
    for builder in [both().fallback(Fallback::never()), both().failover([ways()])] {
        let live = Live::new(builder);
        assert_eq!(after_refusals(&live, 6).transport(), Transport::WebSocket);
    }
    // And a transport says which one.
    for transport in [Transport::EventSource, Transport::Fetch] {
        let live = Live::new(both().transport(transport));
        assert_eq!(live.attempt().transport(), transport);
    }
}

#[test]
fn each_request_goes_its_own_way() {
    let websocket = Request::get(WS).with_protocols(["chat"]);
    let sse = Request::get(SSE).with_header("x-key", "7");
    let ways = Ways::new().with_websocket(websocket).with_sse(sse);
    assert!(!format!("{ways:?}").contains("example.com"), "{ways:?}");
    let live = Live::new(Client::builder(ways).fallback(Fallback::new().with_failures(1)).reconnect(EVEN));
    let first = live.attempt();
    assert_eq!(first.protocols(), ["chat"]);
    first.fail();
    assert_eq!(live.retry().header("x-key").as_deref(), Some("7"));
    // One address is enough.
    let live = Live::new(Client::builder(Ways::new().with_websocket("https://example.com/live")));
    assert_eq!(live.attempt().url(), WS);
}

#[test]
fn handshake_and_frame_are_the_web_sockets() {
    let resume = Resume::new().with_id("at").with_from("7").via_query();
    let builder =
        both().resume(resume).resume_frame(|_| Some("resume".into())).handshake(|_| async { Ok(()) });
    let mut live = Live::new(builder);
    let down = after_refusals(&live, 2);
    assert_eq!(down.query("lastEventId").as_deref(), Some("7"));
    down.accept();
    assert!(live.labels().contains(&"open".to_owned()));
}

#[test]
fn a_function_gives_the_target_by_the_order() {
    let builder = Client::builder_with(|context| async move {
        let websocket = format!("{WS}?n={}", context.attempt);
        let ways = Ways::new().with_websocket(websocket);
        // It forgets one.
        Ok(if context.attempt == 2 { ways } else { ways.with_sse(SSE) })
    });
    let order = Fallback::new().with_order([Way::WebSocket, Way::Fetch]);
    let mut live = Live::new(builder.fallback(order).reconnect(EVEN));
    let down = after_refusals(&live, 2);
    assert_eq!(down.transport(), Transport::Fetch);
    let failures: Vec<Failure> = live.retries().into_iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Network, Failure::Network, Failure::Provider]);
    assert_eq!(live.page.warnings().len(), 1, "{:?}", live.page.warnings());
}

#[test]
fn the_session_remembers_the_way_that_worked_by_the_server() {
    let page = Page::new();
    let first = |builder: Builder| {
        let client = builder.connect().unwrap();
        let attempt = page.next_attempt().unwrap();
        (client, attempt)
    };
    let refused = both().connect().unwrap();
    for _ in 0..2 {
        page.wait_for_attempt().unwrap().fail();
    }
    let down = page.wait_for_attempt().unwrap();
    // Not before it has opened.
    assert_eq!(first(both()).1.transport(), Transport::WebSocket);
    down.accept();
    drop(refused);
    // The query, which may be a token, is not looked at.
    let query = Ways::new().with_websocket(format!("{WS}?token=1")).with_sse(format!("{SSE}?token=2"));
    for (builder, transport) in [
        (both(), Transport::Fetch),
        (Client::builder(query), Transport::Fetch),
        // What it left was a way by its name: in another order it has another place.
        (both().fallback(Fallback::new().with_order([Way::Fetch, Way::WebSocket])), Transport::Fetch),
        (
            both().fallback(Fallback::new().with_order([Way::WebSocket, Way::EventSource])),
            Transport::WebSocket,
        ),
        (both().fallback(Fallback::new().with_remember(false)), Transport::WebSocket),
        (both().fallback(Fallback::new().with_remember_as("mine")), Transport::WebSocket),
        (both().fallback(Fallback::new().with_remember_as("")), Transport::WebSocket),
        (
            Client::builder(Ways::new().with_websocket("wss://other.example/live").with_sse(SSE)),
            Transport::WebSocket,
        ),
    ] {
        assert_eq!(first(builder).1.transport(), transport);
    }
}

#[test]
fn the_better_way_is_tried_again_at_a_natural_end_and_forgotten_to_be_worse_when_it_has_held() {
    let mut live = Live::new(both());
    let server = after_refusals(&live, 2).accept();
    live.page.advance(seconds(6));
    server.end();
    let up = live.retry();
    assert_eq!(up.transport(), Transport::WebSocket);
    up.accept();
    let next = |live: &Live| {
        let client = both().connect().unwrap();
        let transport = live.attempt().transport();
        drop(client);
        transport
    };
    assert_eq!(next(&live), Transport::Fetch, "it has only opened");
    live.page.advance(seconds(6));
    assert_eq!(next(&live), Transport::WebSocket, "it has held");
    assert!(matches!(live.events().last(), Some(Event::Open(_))));
}

#[test]
fn failback_tries_it_while_the_stream_delivers() {
    let reconnect = Reconnect::new().with_failback(seconds(10));
    let mut live = Live::new(both().reconnect(reconnect).resume(Resume::new().with_id("at")));
    let server = after_refusals(&live, 2).accept();
    server.send_event(SseEvent::new("one").with_id("1"));
    let up = live.retry();
    assert_eq!((up.transport(), up.query("lastEventId").as_deref()), (Transport::WebSocket, Some("1")));
    assert_eq!(live.handle().transport(), Some(Transport::Fetch));
    let up = up.accept();
    assert_eq!(live.handle().transport(), Some(Transport::WebSocket));
    up.send_text(r#"{"at":"2"}"#);
    assert_eq!(live.texts(), ["one", r#"{"at":"2"}"#]);
    assert_eq!(live.handle().state(), State::Open);
    assert!(!server.is_open());
}

#[test]
fn a_shuffled_client_tries_each_endpoint_once_a_round_in_an_order_of_its_own() {
    const NODES: [&str; 4] = ["wss://a.example/", "wss://b.example/", "wss://c.example/", "wss://d.example/"];
    let mut orders = BTreeSet::new();
    for seed in 0..200 {
        let page = Page::new().with_seed(seed);
        let builder = Client::builder(NODES[0]).failover(NODES[1..].iter().copied()).shuffle();
        let live = Live::on(page, builder.reconnect(EVEN));
        let round = || -> Vec<String> {
            NODES
                .map(|_| {
                    let attempt = live.retry();
                    let url = attempt.url().to_owned();
                    attempt.fail();
                    url
                })
                .into()
        };
        let order = round();
        assert_eq!(order.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(NODES));
        assert_eq!(round(), order, "it keeps to its order");
        orders.insert(order);
    }
    assert_eq!(orders.len(), 24, "all orders come up");
}

#[test]
fn a_function_is_shuffled_with_the_others() {
    let mut firsts = BTreeSet::new();
    for seed in 0..20 {
        let builder = Client::builder_with(|_| async { Ok(WS) }).failover([SSE]).shuffle();
        let live = Live::on(Page::new().with_seed(seed), builder.reconnect(EVEN));
        let first = live.attempt();
        firsts.insert(first.url().to_owned());
        first.fail();
    }
    assert_eq!(firsts, BTreeSet::from([WS.to_owned(), SSE.to_owned()]));
}

#[test]
fn what_cannot_be() {
    let page = Page::new();
    let order = |ways: &[Way]| Fallback::new().with_order(ways.iter().copied());
    let socket = || Client::builder(WS);
    for (builder, option) in [
        (both().fallback(order(&[])), "fallback.order"),
        (both().fallback(order(&[Way::Fetch, Way::Fetch])), "fallback.order"),
        (both().fallback(order(&[Way::Fetch])).transport(Transport::Fetch), "fallback.order"),
        (socket().fallback(order(&[Way::WebSocket])).failover([WS]), "fallback.order"),
        (socket().fallback(Fallback::new().with_failures(0)), "fallback.failures"),
        (socket().fallback(Fallback::new().with_failures(1_000_001)), "fallback.failures"),
        (socket().fallback(Fallback::new().with_early(0)), "fallback.early"),
        (both().resume(Resume::new().via_url()), "resume.via"),
    ] {
        match builder.connect() {
            Err(ConnectError::InvalidOption(OptionError { option: given, .. })) => assert_eq!(given, option),
            other => panic!("{option}: {other:?}"),
        }
    }
    for builder in [
        Client::builder(Ways::new()),
        Client::builder(Ways::new().with_websocket(WS)).fallback(order(&[Way::Fetch])),
        Client::builder(Ways::new().with_sse(SSE)).transport(Transport::WebSocket),
        Client::builder(Ways::new().with_websocket(WS).with_sse(WS)),
        socket().fallback(order(&[Way::WebSocket, Way::EventSource])),
    ] {
        assert!(matches!(builder.connect(), Err(ConnectError::InvalidUrl(_))));
    }
    // Without a page, as on a server, nothing is known of the transports.
    drop(page);
    assert_eq!(both().connect().err(), Some(ConnectError::Unsupported));
}
