//! When a client tries again, when it gives up, and what it tells an app that does not keep up.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Event, Failure, State,
    event::CloseReason,
    options::{Jitter, Reconnect, Resume},
};
use serde::Deserialize;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, QUICK, Record, Server, event_source, millis, next, next_message, until_closed, wait::until,
    web_socket,
};

#[wasm_bindgen_test]
async fn a_rule_overrides_the_table_both_ways() {
    let server = Server::start().await;
    let asked = Rc::<RefCell<Vec<Failure>>>::default();
    let list = Rc::clone(&asked);
    let fatal = server.script("ws", r#"[[["close",4403,"no"]],[["send","in"]]]"#);
    let on = Record::of(
        web_socket(&fatal.url)
            .should_reconnect(move |failure| {
                list.borrow_mut().push(failure);
                Some(true)
            })
            .live(),
    );
    on.until("the second attempt", |seen| seen.texts().contains(&"in")).await;
    assert_eq!(*asked.borrow(), [Failure::Closed { code: 4403 }]);

    let routine = server.script("ws", r#"[[["close",1001,"later"]]]"#);
    let mut off = web_socket(&routine.url).should_reconnect(|_| Some(false)).live();
    let (closed, _) = until_closed(&mut off).await;
    assert_eq!(
        (closed.reason, closed.code, closed.peer_close_reason.as_str()),
        (CloseReason::Fatal, 1001, "later")
    );
    assert_eq!(off.handle().last_failure(), Some(Failure::Closed { code: 1001 }));

    let slow = Reconnect::new()
        .with_initial_delay(millis(60_000))
        .with_max_delay(millis(60_000))
        .with_jitter(Jitter::None);
    let sooner = server.script("ws", r#"[[["close",4403,""]],[["send","in"]]]"#);
    let own = web_socket(&sooner.url).reconnect(slow).should_reconnect(|_| millis(150));
    let own = Record::of(own.live());
    own.until("the second attempt", |seen| seen.texts().contains(&"in")).await;

    let left = server.script("ws", r#"[[["close",1001,""]],[["close",4404,""]]]"#);
    let mut table = web_socket(&left.url).should_reconnect(|_| None).live();
    let (closed, _) = until_closed(&mut table).await;
    assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(Failure::Closed { code: 4404 })));
}

#[wasm_bindgen_test]
async fn the_attempts_are_used_up() {
    let server = Server::start().await;
    for kind in ["ws", "sse"] {
        let script = server.script(kind, r#"[[["status",503]]]"#);
        let builder = if kind == "ws" { web_socket(&script.url) } else { event_source(&script.url) };
        let mut wire = builder.reconnect(QUICK.with_max_attempts(3)).live();
        let (closed, before) = until_closed(&mut wire).await;
        assert_eq!(
            (closed.reason, closed.code, closed.failure),
            (CloseReason::Exhausted, 0, Some(Failure::Network))
        );
        let retries: Vec<_> = before.iter().filter(|label| label.starts_with("retry")).collect();
        assert_eq!(retries, ["retry 1 Network", "retry 2 Network"]);
        assert_eq!(script.log().await.len(), 3);
    }
}

#[wasm_bindgen_test]
async fn without_reconnect_the_first_connection_is_the_only_one() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["close",1001,""]]]"#);
    let mut wire = web_socket(&script.url).reconnect(Reconnect::never()).live();
    let (closed, before) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.code), (CloseReason::Exhausted, 1001));
    assert_eq!(before, ["state Open", "open", "state Closed"]);
    assert_eq!(script.log().await.len(), 1);
}

#[wasm_bindgen_test]
async fn a_server_that_never_answers_is_given_up() {
    let server = Server::start().await;
    for kind in ["ws", "sse"] {
        let script = server.script(kind, r#"[[["hang"]],[["send","data: in\n\n"]]]"#);
        let builder = if kind == "ws" { web_socket(&script.url) } else { event_source(&script.url) };
        let record = Record::of(builder.open_timeout(millis(1_000)).live());
        record.until("the second attempt", |seen| !seen.texts().is_empty()).await;
        assert_eq!(record.seen().retries[0].failure, Failure::OpenTimeout);
    }
}

#[wasm_bindgen_test]
async fn reconnect_tries_at_once() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["close",1001,""]],[["send","in"]],[["send","again"]]]"#);
    let patient = Reconnect::new()
        .with_initial_delay(millis(600_000))
        .with_max_delay(millis(600_000))
        .with_jitter(Jitter::None);
    let record = Record::of(web_socket(&script.url).reconnect(patient).live());
    record.until("the wait", |seen| !seen.retries.is_empty()).await;
    let handle = &record.handle;
    assert_eq!((handle.state(), handle.attempt()), (State::Waiting, 1));
    assert!(handle.retry_in().is_some_and(|wait| wait > millis(500_000)));
    handle.reconnect();
    record.until("the second connection", |seen| seen.texts() == ["in"]).await;
    handle.reconnect();
    record.until("the third connection", |seen| seen.texts() == ["in", "again"]).await;
    assert_eq!(record.seen().retries.len(), 1);
}

#[wasm_bindgen_test]
async fn a_paused_client_opens_nothing_until_it_is_resumed() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","in"]],[["send","again"]]]"#);
    let record = Record::of(web_socket(&script.url).paused(true).live());
    let handle = &record.handle;
    record.until("the state", |_| handle.state() == State::Suspended).await;
    handle.reconnect();
    assert_eq!(script.log().await.len(), 0);
    handle.resume();
    record.until("the first connection", |seen| seen.texts() == ["in"]).await;
    handle.pause();
    assert_eq!(handle.state(), State::Suspended);
    handle.resume();
    record.until("the second connection", |seen| seen.texts() == ["in", "again"]).await;
    assert_eq!(record.seen().retries.len(), 0);
}

#[wasm_bindgen_test]
async fn what_an_app_does_not_poll_takes_16_mib_and_one_message() {
    const BIG: usize = 1 << 20;
    let server = Server::start().await;
    let mut wire = web_socket(&server.ws("/echo")).resume(Resume::new().with_id("id")).live();
    let handle = wire.handle();
    until("the connection", || handle.state() == State::Open).await;
    let text = "x".repeat(BIG);
    for id in 1..=20 {
        // One by one: what a full socket does not take is too big for the outbox.
        drop(handle.send(&format!(r#"{{"id":"{id}","text":"{text}"}}"#)));
        until("its echo", || handle.last_event_id() == id.to_string()).await;
    }
    let mut came = 0;
    let missed = loop {
        match next(&mut wire).await {
            Event::Message(message) => {
                came += usize::from(message.text().is_some_and(|text| text.len() > BIG))
            }
            Event::Overflow { missed } => break missed,
            _ => {}
        }
    };
    assert_eq!((came, missed), (16, 4));
}

#[wasm_bindgen_test]
async fn gaps_with_long_ids_that_an_app_does_not_poll_take_no_more() {
    const BIG: usize = 1 << 20;
    let server = Server::start().await;
    let resume = Resume::new().with_id("id").with_seq("seq");
    let mut wire = web_socket(&server.ws("/echo")).resume(resume).live();
    let handle = wire.handle();
    until("the connection", || handle.state() == State::Open).await;
    let id = "x".repeat(BIG);
    for seq in 1..=20 {
        // Each leaves a number out.
        drop(handle.send(&format!(r#"{{"id":"{seq}{id}","seq":{}}}"#, 2 * seq)));
        until("its echo", || handle.last_event_id().starts_with(&format!("{seq}x"))).await;
    }
    let mut held = 0;
    loop {
        match next(&mut wire).await {
            Event::Message(message) => held += message.text().map_or(0, |text| text.len()),
            Event::Gap(gap) => held += gap.after.len() + gap.before.len(),
            Event::Overflow { .. } => break,
            _ => {}
        }
    }
    assert!(held < 20 * BIG, "{held}");
}

#[wasm_bindgen_test]
async fn an_app_that_does_not_poll_is_told_what_it_missed() {
    #[derive(Deserialize)]
    struct Count {
        seq: u64,
    }
    let server = Server::start().await;
    let address = server.ws("/count?to=100000&rate=4000");
    let mut wire = web_socket(&address).resume(Resume::new().with_id("eventId")).live();
    let handle = wire.handle();
    until("more than the stream holds", || handle.last_event_id().parse().is_ok_and(|id: u64| id > 1_500))
        .await;
    let mut last = 0;
    let missed = loop {
        match next(&mut wire).await {
            Event::Message(message) => {
                assert_eq!(message.json::<Count>().unwrap().seq, last + 1, "no word of what was lost");
                last += 1;
            }
            Event::Overflow { missed } => break missed,
            _ => {}
        }
    };
    // The events of the opening count, too.
    assert_eq!(last, 1_022);
    assert!(missed > 400, "{missed}");
    // And goes on where the hole ends.
    for expected in last + 1 + missed..last + 6 + missed {
        assert_eq!(next_message(&mut wire).await.json::<Count>().unwrap().seq, expected);
    }
}
