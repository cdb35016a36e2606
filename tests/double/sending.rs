//! What goes out, and what becomes of it.

use everwire::{
    Message, Sent, State,
    error::{ConnectError, OptionError},
    message::Payload,
    options::{Heartbeat, Outbox, Overflow, SendOptions},
    send::Dropped,
    test_util::{Connection, Frame, Page},
};

use futures_util::SinkExt;

use crate::support::{Live, millis, seconds, web_socket};

fn received(server: &Connection) -> Vec<Frame> {
    std::iter::from_fn(|| server.received()).collect()
}

#[test]
fn the_outbox_is_flushed_on_open_in_order() {
    let live = Live::new(web_socket());
    let handle = live.handle();
    let sending = handle.send("one");
    drop(handle.send_bytes(b"two"));
    let last = handle.send_json(&["three"]).unwrap();
    assert_eq!(handle.queued(), (3, 15));
    let server = live.accept();
    assert_eq!(live.page.block_on(sending), Ok(Sent::Sent));
    assert_eq!(live.page.block_on(last), Ok(Sent::Sent));
    assert_eq!(handle.queued(), (0, 0));
    let expected: [Frame; 3] = ["one".into(), b"two"[..].into(), r#"["three"]"#.into()];
    assert_eq!(received(&server), expected);
}

#[test]
fn what_waits_is_sent_after_a_loss() {
    let live = Live::new(web_socket());
    live.accept().break_off();
    live.page.advance(millis(200));
    assert_eq!(live.handle().state(), State::Waiting);
    let sending = live.handle().send("kept");
    assert_eq!(live.page.now_or_never(async {}), Some(()));
    let server = live.retry().accept();
    assert_eq!(live.page.block_on(sending), Ok(Sent::Sent));
    assert_eq!(received(&server), ["kept".into()]);
}

#[test]
fn a_full_outbox_drops_by_its_policy() {
    let (overflow, closed) = (Sent::Dropped(Dropped::Overflow), Sent::Dropped(Dropped::Closed));
    for (policy, fates) in [
        (Overflow::Reject, [closed, closed, overflow]),
        (Overflow::DropOldest, [overflow, closed, closed]),
        (Overflow::DropNewest, [closed, overflow, closed]),
    ] {
        let outbox = Outbox::new().with_max_messages(2).with_overflow(policy);
        let live = Live::new(web_socket().outbox(outbox));
        let handle = live.handle();
        let sendings = ["1", "2", "3"].map(|text| handle.send(text));
        assert_eq!(handle.queued(), (2, 2));
        handle.close();
        for (sending, fate) in sendings.into_iter().zip(fates) {
            assert_eq!(live.page.block_on(sending), Ok(fate), "{policy:?}");
        }
    }
}

fn acks(message: &Message) -> Option<String> {
    message.text()?.strip_prefix("ack ").map(str::to_owned)
}

#[test]
fn an_ack_settles_its_send_and_what_was_not_acked_is_sent_again() {
    let mut live = Live::new(web_socket().acks(acks));
    let send =
        |text, ack: &str| live.client.handle().send_with(text, &SendOptions::new().with_ack(ack)).unwrap();
    let (first, second) = (send("a", "1"), send("b", "2"));
    let server = live.accept();
    assert_eq!(received(&server), ["a".into(), "b".into()]);
    server.send_text("ack 1");
    assert_eq!(live.page.block_on(first), Ok(Sent::Acked));
    server.break_off();
    let server = live.retry().accept();
    assert_eq!(received(&server), ["b".into()]);
    server.send_text("ack 2");
    assert_eq!(live.page.block_on(second), Ok(Sent::Acked));
    assert_eq!(live.texts(), [""; 0], "acks do not reach the app");
}

#[test]
fn a_server_can_refuse_a_message() {
    let refuses = |message: &Message| message.text()?.strip_prefix("no ").map(str::to_owned);
    let live = Live::new(web_socket().acks(acks).refused(refuses));
    let server = live.accept();
    let sending = live.handle().send_with("a", &SendOptions::new().with_ack("1")).unwrap();
    server.send_text("no 1");
    assert_eq!(live.page.block_on(sending), Ok(Sent::Dropped(Dropped::Refused)));
}

#[test]
fn one_message_may_ack_several() {
    let several = |message: &Message| -> Vec<String> {
        let ids = message.text().and_then(|text| text.strip_prefix("acks "));
        ids.map(|ids| ids.split(' ').map(str::to_owned).collect()).unwrap_or_default()
    };
    let mut live = Live::new(web_socket().acks(several));
    let server = live.accept();
    let send = |ack: &str| live.client.handle().send_with(ack, &SendOptions::new().with_ack(ack)).unwrap();
    let (first, second) = (send("1"), send("2"));
    server.send_text("acks 1 2 3");
    server.send_text("none");
    assert_eq!((live.page.block_on(first), live.page.block_on(second)), (Ok(Sent::Acked), Ok(Sent::Acked)));
    assert_eq!(live.texts(), ["none"]);
}

#[test]
fn what_is_refused_has_to_be_acked_as_well() {
    let problem = "needs Builder::acks";
    let error = ConnectError::InvalidOption(OptionError { option: "outbox.ack.refused", problem });
    let page = Page::new();
    assert_eq!(web_socket().refused(|_| None).connect().err(), Some(error));
    drop(page);
}

#[test]
fn a_pong_confirms_a_send() {
    let live = Live::new(web_socket().heartbeat(Heartbeat::new()));
    let server = live.accept();
    let sending = live.handle().send_with("a", &SendOptions::new().with_confirm()).unwrap();
    assert_eq!(server.received(), Some("a".into()));
    let Some(Frame::Text(ping)) = server.received() else { panic!("no ping") };
    assert!(ping.starts_with(r#"{"type":"ping""#), "{ping}");
    server.send_text(r#"{"type":"pong"}"#);
    assert_eq!(live.page.block_on(sending), Ok(Sent::Sent));
}

#[test]
fn what_is_of_no_use_any_more_is_not_sent() {
    let live = Live::new(web_socket());
    let handle = live.handle();
    let late = handle.send_with("late", &SendOptions::new().with_ttl(seconds(1))).unwrap();
    let hangs = live.attempt();
    live.page.advance(seconds(2));
    assert_eq!(received(&hangs.accept()), []);
    assert_eq!(live.page.block_on(late), Ok(Sent::Dropped(Dropped::Expired)));
}

#[test]
fn a_socket_with_a_full_buffer_takes_no_more_until_the_server_reads() {
    let live = Live::new(web_socket().high_water_mark(10));
    let server = live.accept();
    server.pause_reading();
    for text in ["0123456789", "abc", "def"] {
        drop(live.handle().send(text));
    }
    live.page.advance(seconds(1));
    assert_eq!(live.handle().queued(), (2, 6));
    assert_eq!(received(&server), []);
    server.resume_reading();
    live.page.advance(seconds(1));
    assert_eq!(received(&server), ["0123456789".into(), "abc".into(), "def".into()]);
    assert_eq!(live.handle().queued(), (0, 0));
}

#[test]
fn acks_and_refusals_may_be_messages_of_a_type() {
    let mut live = Live::new(web_socket().ack_type("ack").refused_type("nack"));
    let server = live.accept();
    let send = |id: &str| live.handle().send_with(id, &SendOptions::new().with_ack(id)).unwrap();
    let (one, two) = (send("1"), send("b"));
    server.send_text(r#"{"type":"ack","id":1}"#);
    server.send_text(r#"{"type":"nack","id":"b"}"#);
    server.send_text(r#"{"type":"ack"}"#);
    assert_eq!(live.page.block_on(one), Ok(Sent::Acked));
    assert_eq!(live.page.block_on(two), Ok(Sent::Dropped(Dropped::Refused)));
    assert_eq!(live.texts(), [r#"{"type":"ack"}"#], "it acks nothing");
}

#[test]
fn a_send_may_be_taken_back() {
    let live = Live::new(web_socket());
    let waits = live.handle().send("a");
    let drained = live.handle().drained();
    assert_eq!(live.handle().queued().0, 1);
    waits.abort();
    assert_eq!(live.handle().queued().0, 0);
    assert_eq!(live.page.block_on(waits), Ok(Sent::Dropped(Dropped::Aborted)));
    assert_eq!(live.page.block_on(drained), Ok(()));
    let server = live.accept();
    let sent = live.handle().send("b");
    live.page.run_until_stalled();
    sent.abort();
    assert_eq!(live.page.block_on(sent), Ok(Sent::Sent), "it is settled");
    assert_eq!(server.received().unwrap(), "b".into());
}

#[test]
fn drained_waits_for_acks_and_for_what_is_queued() {
    let live = Live::new(web_socket().ack_type("ack"));
    let _one = live.handle().send_with("1", &SendOptions::new().with_ack("1")).unwrap();
    let _two = live.handle().send("2");
    let drained = live.handle().drained();
    let mut drained = std::pin::pin!(drained);
    assert_eq!(live.page.now_or_never(drained.as_mut()), None);
    let server = live.accept();
    assert_eq!(live.page.now_or_never(drained.as_mut()), None);
    server.send_text(r#"{"type":"ack","id":"1"}"#);
    assert_eq!(live.page.block_on(drained), Ok(()));
}

#[test]
fn a_client_is_a_sink() {
    let outbox = Outbox::new().with_max_messages(2);
    let mut live = Live::new(web_socket().outbox(outbox));
    let client = &mut live.client;
    for text in ["a", "b"] {
        assert_eq!(live.page.now_or_never(client.feed(text.into())), Some(Ok(())));
    }
    assert_eq!(live.page.now_or_never(client.feed("more".into())), None, "full");
    assert_eq!(live.page.now_or_never(SinkExt::<Payload>::flush(client)), None);
    let server = live.page.next_attempt().unwrap().accept();
    assert_eq!(live.page.block_on(SinkExt::<Payload>::flush(client)), Ok(Ok(())));
    assert_eq!(live.page.block_on(client.send(vec![1].into())), Ok(Ok(())));
    assert_eq!(live.page.now_or_never(client.feed("last".into())), Some(Ok(())));
    assert_eq!(live.page.block_on(SinkExt::<Payload>::close(client)), Ok(Ok(())));
    let frames: Vec<_> = std::iter::from_fn(|| server.received()).collect();
    assert_eq!(frames, ["a".into(), "b".into(), (&[1][..]).into(), "last".into()]);
    assert_eq!(client.handle().state(), State::Closed);
    assert_eq!(live.page.block_on(client.send("late".into())), Ok(Err(Dropped::Closed)));
}

#[test]
fn a_sink_says_why_a_message_was_dropped() {
    let outbox = Outbox::new().with_max_bytes(4);
    let mut live = Live::new(web_socket().outbox(outbox));
    let sent = live.client.send("more than there is room for".into());
    assert_eq!(live.page.block_on(sent), Ok(Err(Dropped::TooBig)));
}

#[test]
fn who_waits_for_sends_is_woken_by_the_last_of_them() {
    use std::{cell::Cell, rc::Rc};
    let mut live = Live::new(web_socket().outbox(Outbox::new().with_max_messages(0)));
    let done = Rc::new(Cell::new(0));
    let count = Rc::clone(&done);
    let handle = live.handle();
    live.page.spawn(async move {
        let _ = handle.send("never waits").await;
        count.set(count.get() + 1);
    });
    assert_eq!(live.page.now_or_never(live.client.feed("no room".into())), None);
    let server = live.accept();
    assert_eq!(live.page.block_on(live.client.send("at once".into())), Ok(Ok(())), "nothing has to wait");
    assert_eq!(done.get(), 1);

    let live = Live::new(web_socket().ack_type("ack"));
    let (handle, count) = (live.handle(), Rc::clone(&done));
    let _sent = handle.send_with("a", &SendOptions::new().with_ack("1")).unwrap();
    live.page.spawn(async move {
        handle.drained().await;
        count.set(count.get() + 1);
    });
    let other = live.accept();
    live.page.run_until_stalled();
    assert_eq!(done.get(), 1);
    other.send_text(r#"{"type":"ack","id":"1"}"#);
    live.page.run_until_stalled();
    assert_eq!(done.get(), 2, "by the ack alone");
    drop(server);
}
