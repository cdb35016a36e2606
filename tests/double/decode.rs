//! What frames are made into before anything is read of them.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    rc::Rc,
    task::{Poll, Waker},
};

use everwire::{Builder, event::Outcome, options::Resume, test_util::SseEvent};

use crate::support::{Live, fetch, seconds, web_socket};

fn lines(builder: Builder) -> Builder {
    builder.decode(|frame| {
        let text = frame.text().ok_or("no text")?;
        Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>())
    })
}

#[derive(Default)]
struct Doors {
    open: Vec<String>,
    wakers: Vec<Waker>,
}

/// What lets frames through, by their text, in the order that a test wants.
#[derive(Clone, Default)]
struct Door(Rc<RefCell<Doors>>);

impl Door {
    fn open(&self, name: &str) {
        let wakers = {
            let mut doors = self.0.borrow_mut();
            doors.open.push(name.to_owned());
            std::mem::take(&mut doors.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn wait(&self, name: String) -> impl Future<Output = ()> + use<> {
        let doors = Rc::clone(&self.0);
        poll_fn(move |cx| {
            let mut doors = doors.borrow_mut();
            if doors.open.contains(&name) {
                return Poll::Ready(());
            }
            doors.wakers.push(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// "!" in front is an error, and each "+" in it begins another message.
fn slow(builder: Builder, door: &Door) -> Builder {
    let door = door.clone();
    builder.decode_async(move |frame| {
        let text = frame.text().unwrap_or_default().to_owned();
        let wait = door.wait(text.clone());
        async move {
            wait.await;
            if text.starts_with('!') {
                return Err("spoiled".into());
            }
            Ok(text.split('+').map(str::to_owned).collect::<Vec<_>>())
        }
    })
}

#[test]
fn each_message_of_a_frame_is_one_of_its_own() {
    let resume = Resume::new().with_id("eventId");
    let mut live = Live::new(lines(web_socket().resume(resume)).ack_type("ack"));
    let server = live.accept();
    let send = live.handle().send_with("hi", &everwire::options::SendOptions::new().with_ack("1")).unwrap();
    server.send_text(
        "{\"type\":\"a\",\"eventId\":1}\n{\"type\":\"ack\",\"id\":\"1\"}\n{\"type\":\"b\",\"eventId\":2}",
    );
    assert_eq!(live.page.block_on(send), Ok(everwire::Sent::Acked));
    server.send_text("");
    let events = live.events();
    let kinds: Vec<_> =
        events.iter().filter_map(crate::support::message).map(everwire::Message::kind).collect();
    assert_eq!(kinds, ["a", "b"]);
    assert_eq!(live.handle().last_event_id(), "2");
    assert_eq!(live.handle().stats().received, 3);
    // Put together in another way, they are still the same messages.
    server.break_off();
    let server = live.retry().accept();
    server.send_text("{\"type\":\"b\",\"eventId\":2}\n{\"type\":\"c\",\"eventId\":3}");
    assert_eq!(live.texts(), [r#"{"type":"c","eventId":3}"#]);
}

#[test]
fn a_frame_that_cannot_be_decoded_is_left_out_and_told() {
    let mut live = Live::new(lines(web_socket()));
    let server = live.accept();
    server.send_bytes(b"bytes");
    server.send_text("a");
    assert_eq!(live.texts(), ["a"]);
    let told = live.page.warnings();
    assert!(told.iter().any(|told| told.contains("Builder::decode") && told.contains("no text")), "{told:?}");
}

#[test]
fn the_id_of_an_event_is_that_of_its_last_message() {
    let mut live = Live::new(lines(fetch()));
    let server = live.accept();
    server.send_event(SseEvent::new("a\nb").with_id("7").with_name("news"));
    let events = live.events();
    let told: Vec<_> = events
        .iter()
        .filter_map(crate::support::message)
        .map(|message| (message.text().unwrap(), message.kind(), message.last_event_id()))
        .collect();
    assert_eq!(told, [("a", "news", ""), ("b", "news", "7")]);
}

#[test]
fn the_rest_of_a_frame_is_left_to_the_replay_after_close_and_reconnect() {
    for close in [true, false] {
        let cell: Rc<RefCell<Option<everwire::Handle>>> = Rc::default();
        let handle = Rc::clone(&cell);
        // What reads the id is the app's own, and comes back in.
        let resume = Resume::new().with_id_of(move |message| {
            let text = message.text()?.to_owned();
            if text == "b"
                && let Some(handle) = &*handle.borrow()
            {
                if close { handle.close() } else { handle.reconnect() }
            }
            Some(text)
        });
        let mut live = Live::new(lines(web_socket().resume(resume)));
        cell.replace(Some(live.handle()));
        let server = live.accept();
        server.send_text("a\nb\nc");
        let texts = live.texts();
        assert!(!texts.contains(&"c".to_owned()), "close: {close}: {texts:?}");
        assert_ne!(live.handle().last_event_id(), "c");
    }
}

#[test]
fn what_is_decoded_late_keeps_its_order_and_the_cursor_follows_what_was_delivered() {
    let door = Door::default();
    let resume = Resume::new().with_id_of(|message| message.text().map(str::to_owned));
    let mut live = Live::new(slow(web_socket().resume(resume), &door));
    let server = live.accept();
    for text in ["a", "b+c", "!", "d"] {
        server.send_text(text);
    }
    live.page.run_until_stalled();
    door.open("d");
    door.open("b+c");
    assert_eq!(live.texts(), [""; 0]);
    assert_eq!(live.handle().last_event_id(), "");
    door.open("a");
    assert_eq!(live.texts(), ["a", "b", "c"]);
    assert_eq!(live.handle().last_event_id(), "c");
    door.open("!");
    assert_eq!(live.texts(), ["d"]);
    assert_eq!(live.page.warnings().len(), 1);
}

#[test]
fn a_loss_is_told_after_what_came_before_it() {
    let door = Door::default();
    let mut live = Live::new(slow(web_socket(), &door));
    let server = live.accept();
    server.send_text("a");
    server.close(4000, "");
    live.page.run_until_stalled();
    assert!(live.handle().state() == everwire::State::Open);
    door.open("a");
    let labels = live.labels();
    let at = |label: &str| labels.iter().position(|told| told.starts_with(label));
    assert!(at("message a").unwrap() < at("state Waiting").unwrap(), "{labels:?}");
}

#[test]
fn what_waits_when_a_connection_is_given_up_comes_by_the_replay_alone() {
    let door = Door::default();
    let resume = Resume::new().with_id_of(|message| message.text().map(str::to_owned));
    let mut live = Live::new(slow(web_socket().resume(resume), &door));
    let server = live.accept();
    door.open("a");
    server.send_text("a");
    server.send_text("b");
    assert_eq!(live.texts(), ["a"]);
    live.handle().reconnect();
    let attempt = live.retry();
    assert_eq!(attempt.query("lastEventId").as_deref(), Some("a"));
    let server = attempt.accept();
    door.open("b");
    assert_eq!(live.texts(), [""; 0]);
    server.send_text("b");
    assert_eq!(live.texts(), ["b"]);
}

#[test]
fn more_than_may_wait_is_lost_and_a_gap_tells_it() {
    let door = Door::default();
    let mut live = Live::new(slow(web_socket(), &door));
    let server = live.accept();
    for n in 0..1_030 {
        server.send_text(&n.to_string());
    }
    live.page.run_until_stalled();
    for n in 0..1_030 {
        door.open(&n.to_string());
    }
    // In parts, as the stream of events holds 1 024.
    let texts = live.texts();
    assert!((1_000..=1_025).contains(&texts.len()), "{}", texts.len());
    server.send_text("1");
    let labels = live.labels();
    assert!(labels.iter().any(|told| told.starts_with("gap Gap")), "{labels:?}");
    assert_eq!(labels.last().map(String::as_str), Some("message 1"));
    assert_eq!(live.handle().stats().outcome, Some(Outcome::Gap));
}

#[test]
fn a_fetched_stream_waits_for_the_decoder_and_for_the_app() {
    let door = Door::default();
    let mut live = Live::new(slow(fetch(), &door));
    let server = live.accept();
    server.send_event(SseEvent::new("a"));
    server.send_event(SseEvent::new("b"));
    live.page.run_until_stalled();
    // Not read, so not decoded either: the door of b is not asked for.
    door.open("b");
    assert_eq!(live.texts(), [""; 0]);
    door.open("a");
    assert_eq!(live.texts(), ["a", "b"]);

    // A frame with more messages than the app's stream has room for: none is lost.
    let mut live = Live::new(lines(fetch()));
    let server = live.accept();
    let many: Vec<String> = (0..3_000).map(|n| n.to_string()).collect();
    server.send_event(SseEvent::new(many.join("\n")));
    server.send_event(SseEvent::new("last"));
    let mut texts = Vec::new();
    for _ in 0..10 {
        texts.extend(live.texts());
    }
    assert_eq!(texts.len(), 3_001);
    assert_eq!(texts.last().map(String::as_str), Some("last"));
    assert!(!live.seen.iter().any(|event| matches!(event, everwire::Event::Overflow { .. })));
}

#[test]
fn a_handshake_receives_what_was_decoded_and_the_rest_is_the_apps() {
    let builder = lines(web_socket()).handshake(|socket| async move {
        let first = socket.receive().await?;
        let second = socket.receive().await?;
        if (first.text(), second.text()) == (Some("hello"), Some("world")) {
            Ok(())
        } else {
            Err("not welcome".into())
        }
    });
    let mut live = Live::new(builder);
    let server = live.accept();
    server.send_text("hello");
    server.send_text("world\nfirst\nsecond");
    server.send_text("third");
    assert_eq!(live.texts(), ["first", "second", "third"]);
}

#[test]
fn what_is_decoded_late_is_no_silence() {
    let door = Door::default();
    let builder = slow(web_socket(), &door).heartbeat(everwire::options::Heartbeat::new());
    let mut live = Live::new(builder);
    let server = live.accept();
    server.answer_pings();
    server.send_text("a");
    live.page.advance(seconds(120));
    assert_eq!(live.handle().state(), everwire::State::Open);
    door.open("a");
    assert_eq!(live.texts(), ["a"]);
}

#[test]
fn a_slow_decoder_makes_a_fetched_stream_wait_for_the_app_too() {
    let door = Door::default();
    let mut live = Live::new(slow(fetch(), &door));
    let server = live.accept();
    for n in 0..3_000 {
        door.open(&n.to_string());
        server.send_event(SseEvent::new(n.to_string()));
    }
    let mut texts = Vec::new();
    for _ in 0..12 {
        live.page.advance(seconds(1));
        texts.extend(live.texts());
    }
    assert_eq!(texts.len(), 3_000);
    assert!(!live.seen.iter().any(|event| matches!(event, everwire::Event::Overflow { .. })));
}

#[test]
fn what_a_decoder_gives_after_it_has_ended_its_connection_is_left_to_the_replay() {
    let cell: Rc<RefCell<Option<everwire::Handle>>> = Rc::default();
    let handle = Rc::clone(&cell);
    let resume = Resume::new().with_id_of(|message| message.text().map(str::to_owned));
    let mut live = Live::new(web_socket().resume(resume).decode_async(move |frame| {
        let handle = handle.borrow().clone();
        async move {
            if let Some(handle) = handle {
                handle.reconnect();
            }
            Ok([frame.text().unwrap_or_default().to_owned()])
        }
    }));
    cell.replace(Some(live.handle()));
    let server = live.accept();
    server.send_text("stale");
    assert_eq!(live.texts(), [""; 0]);
    assert_eq!(live.retry().query("lastEventId"), None);
    cell.take();
}

#[test]
fn a_frame_that_nobody_waits_for_any_more_is_not_lost_in_a_handshake() {
    let door = Door::default();
    let opens = door.clone();
    let builder = slow(web_socket(), &door).handshake(move |socket| {
        let opens = opens.clone();
        async move {
            {
                let first = std::pin::pin!(socket.receive());
                let mut first = first;
                // Once, and no more.
                poll_fn(|cx| {
                    let _ = first.as_mut().poll(cx);
                    Poll::Ready(())
                })
                .await;
            }
            opens.open("hello");
            if socket.receive().await?.text() == Some("hello") { Ok(()) } else { Err("lost".into()) }
        }
    });
    let mut live = Live::new(builder);
    let server = live.accept();
    server.send_text("hello");
    door.open("next");
    server.send_text("next");
    assert_eq!(live.texts(), ["next"]);
}
