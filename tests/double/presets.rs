//! nchan and Mercure, and what an answer's head says.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Client, Event, Transport,
    error::{ConnectError, OptionError},
    event::{Head, Outcome},
    options::{Heartbeat, Resume},
    test_util::{Attempt, Connection, Response, SseEvent},
};

use crate::support::{EVEN, Live, SSE, fetch, web_socket};

fn answer(attempt: Attempt, headers: &[(&str, &str)]) -> Connection {
    let mut response = Response::new(200).with_header("content-type", "text/event-stream");
    for (name, value) in headers {
        response = response.with_header(*name, *value);
    }
    attempt.respond(response)
}

fn heads(live: &mut Live) -> Vec<(Transport, Option<Head>)> {
    let events = live.events();
    events
        .into_iter()
        .filter_map(|event| {
            if let Event::Open(opened) = event { Some((opened.transport, opened.head)) } else { None }
        })
        .collect()
}

#[test]
fn an_open_tells_the_head_of_a_fetched_streams_answer() {
    let mut live = Live::new(fetch());
    answer(live.attempt(), &[("x-run", "7"), ("X-Token", "s3cret"), ("x-run", "8")]);
    let (transport, head) = heads(&mut live).remove(0);
    let head = head.unwrap();
    assert_eq!((transport, head.status()), (Transport::Fetch, 200));
    assert_eq!(head.header("X-Run").as_deref(), Some("7, 8"));
    assert_eq!(head.header("x-other"), None);
    assert!(!format!("{head:?}").contains("s3cret"));

    let mut live = Live::new(web_socket());
    live.accept();
    assert_eq!(heads(&mut live), [(Transport::WebSocket, None)]);
}

#[test]
fn an_endpoint_function_is_told_the_last_one_also_before_the_first_event() {
    let told = Rc::<RefCell<Vec<Option<String>>>>::default();
    let to = Rc::clone(&told);
    let builder = Client::builder_with(move |context| {
        to.borrow_mut().push(context.head.and_then(|head| head.header("x-run")));
        async { Ok(SSE) }
    });
    let live = Live::new(builder.reconnect(EVEN));
    answer(live.attempt(), &[("x-run", "7")]).break_off();
    live.retry().refuse(503);
    answer(live.retry(), &[]).break_off();
    drop(live.retry());
    let seven = || Some("7".to_owned());
    assert_eq!(*told.borrow(), [None, seven(), seven(), None]);
}

#[test]
fn an_outcome_is_what_the_head_says() {
    let asked = Rc::<RefCell<Vec<String>>>::default();
    let to = Rc::clone(&asked);
    let mut live = Live::new(fetch().resume_outcome(move |head, id| {
        to.borrow_mut().push(id.to_owned());
        match &*head.header("x-replay")? {
            "all" => Some(Outcome::Recovered),
            "some" => Some(Outcome::Gap),
            _ => Some(Outcome::Unknown),
        }
    }));
    let server = live.accept();
    server.send_event(SseEvent::new("a").with_id("1"));
    for (says, outcome) in [("all", Outcome::Recovered), ("some", Outcome::Gap), ("none", Outcome::Unknown)] {
        live.handle().reconnect();
        let server = answer(live.retry(), &[("x-replay", says)]);
        server.send_event(SseEvent::new(says).with_id(says));
        let events = live.labels();
        assert_eq!(live.handle().stats().outcome, Some(outcome), "{says}: {events:?}");
        let gaps = events.iter().filter(|event| event.starts_with("gap")).count();
        assert_eq!(gaps, usize::from(outcome != Outcome::Recovered), "{says}: {events:?}");
    }
    // The first request names no cursor.
    assert_eq!(*asked.borrow(), ["1", "all", "some"]);
}

#[test]
fn nchan_has_its_ids_in_front_of_each_frame() {
    let mut live = Live::new(web_socket().nchan());
    let first = live.attempt();
    assert_eq!(first.protocols(), ["ws+meta.nchan"]);
    assert_eq!(first.query("last_event_id"), None);
    let server = first.accept();
    server.send_text("id: 100:0\ncontent-type: application/json\n\n{\"n\":1}");
    server.send_bytes(b"id: 100:1\n\n\x01\n\n\xff");
    server.send_text("id: 100:2\n\nid: 5\n\nnot a frame");
    server.send_text("bare\n\ntext");
    server.send_text("id: no end");
    let seen: Vec<_> = live
        .events()
        .iter()
        .filter_map(crate::support::message)
        .map(|message| {
            (message.bytes().to_vec(), message.text().is_some(), message.last_event_id().to_owned())
        })
        .collect();
    let expected: Vec<_> = [
        (&b"{\"n\":1}"[..], true, "100:0"),
        (b"\x01\n\n\xff", false, "100:1"),
        (b"id: 5\n\nnot a frame", true, "100:2"),
        (b"bare\n\ntext", true, "100:2"),
        (b"id: no end", true, "100:2"),
    ]
    .into_iter()
    .map(|(bytes, text, id)| (bytes.to_vec(), text, id.to_owned()))
    .collect();
    assert_eq!(seen, expected);
    server.break_off();
    let again = live.retry();
    assert_eq!(again.query("last_event_id").as_deref(), Some("100:2"));
    assert_eq!(again.query("lastEventId"), None);
    let server = again.accept();
    server.send_text("id: 100:2\n\nid: 5\n\nnot a frame");
    server.send_text("id: 101:0\n\nnext");
    assert_eq!(live.texts(), ["next"]);
    assert_eq!(live.handle().stats().outcome, Some(Outcome::Recovered));
}

#[test]
fn nchan_over_an_event_stream_takes_the_messages_as_they_are_and_a_heartbeat() {
    let mut live = Live::new(fetch().nchan().heartbeat(Heartbeat::new()).resume(Resume::new().via_query()));
    let server = live.accept();
    server.send_event(SseEvent::new("id: 9\n\nbody").with_id("1:0"));
    assert_eq!(live.texts(), ["id: 9\n\nbody"]);
    server.break_off();
    assert_eq!(live.retry().query("last_event_id").as_deref(), Some("1:0"));
}

#[test]
fn what_nchan_cannot_have_is_an_error() {
    let problem = |builder: everwire::Builder| match builder.nchan().connect() {
        Err(ConnectError::InvalidOption(OptionError { option, .. })) => option,
        other => panic!("{other:?}"),
    };
    let _live = Live::new(fetch());
    assert_eq!(problem(web_socket().heartbeat(Heartbeat::new())), "heartbeat");
    assert_eq!(problem(web_socket().protocols(["chat"])), "protocols");
    assert_eq!(problem(web_socket().resume(Resume::new().with_id("id"))), "resume.id");
    let silent = web_socket().heartbeat(Heartbeat::new()).no_ping().failover(["wss://other.example/live"]);
    assert!(silent.nchan().connect().is_ok());
}

#[test]
fn mercure_names_the_cursor_twice_and_hears_what_the_hub_says() {
    for header in ["last-event-id", "mercure-last-event-id"] {
        let live = Live::new(fetch().mercure());
        let server = answer(live.attempt(), &[(header, "urn:0")]);
        server.send_event(SseEvent::new("1").with_id("urn:1"));
        for (from, id, outcome) in [
            (Some("urn:1"), "urn:2", Outcome::Recovered),
            (Some("earliest"), "urn:9", Outcome::Gap),
            (None, "urn:10", Outcome::Unknown),
        ] {
            let before = live.handle().last_event_id();
            live.handle().reconnect();
            let attempt = live.retry();
            for name in ["lastEventID", "last_event_id"] {
                assert_eq!(attempt.query(name), Some(before.clone()));
            }
            let headers: Vec<_> = from.iter().map(|from| (header, *from)).collect();
            answer(attempt, &headers).send_event(SseEvent::new("x").with_id(id));
            assert_eq!(live.handle().stats().outcome, Some(outcome), "{header} {id}");
        }
    }
    // What the app says counts.
    let own = fetch().mercure().resume(Resume::new().with_name("since").with_from("5"));
    let attempt = Live::new(own).attempt();
    assert_eq!((attempt.query("since").as_deref(), attempt.query("lastEventID")), (Some("5"), None));
}

#[test]
fn protocols_of_the_apps_own_stay_with_their_origin_beside_mercure() {
    let page = everwire::test_util::Page::new();
    let builder = Client::builder("wss://a.example/live").failover(["wss://b.example/live"]);
    let error = builder.protocols(["bearer.secret"]).mercure().connect().unwrap_err();
    assert!(error.to_string().contains("protocols"), "{error}");
    drop(page);
}
