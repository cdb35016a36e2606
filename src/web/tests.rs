//! The port with the page's test double: what an app's closures and wakers may do while it runs, and what is left when nobody asks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test, and that is all it does"
)]

use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_core::Stream;

use crate::{
    Client, Event, Handle, State,
    client::{
        EndpointError, Rate, Requests, Resume, SendOptions, SubscribeOptions, Subscription, Subscriptions,
    },
    options::Outbox,
    test_util::{Page, SseEvent},
};

const SECOND: Duration = Duration::from_secs(1);

/// Counts what is alive.
struct Alive(Rc<Cell<u32>>);

impl Alive {
    fn new(count: &Rc<Cell<u32>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

thread_local! {
    static HOOK: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

/// Wakes by running a function of the test's there and then.
struct Hook;

impl Wake for Hook {
    fn wake(self: Arc<Self>) {
        let hook = HOOK.with(RefCell::take);
        if let Some(mut hook) = hook {
            hook();
        }
    }
}

fn on_wake(hook: impl FnMut() + 'static) -> Waker {
    HOOK.set(Some(Box::new(hook)));
    Waker::from(Arc::new(Hook))
}

fn poll(stream: &mut (impl Stream<Item = Event> + Unpin), waker: &Waker) -> Poll<Option<Event>> {
    std::pin::Pin::new(stream).poll_next(&mut Context::from_waker(waker))
}

fn texts(events: &[Event]) -> Vec<String> {
    let text = |event: &Event| match event {
        Event::Message(message) => message.text().map(str::to_owned),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

fn rest(page: &Page, subscription: &mut Subscription) -> Vec<Event> {
    std::iter::from_fn(|| page.now_or_never(subscription.next()).flatten()).collect()
}

#[test]
fn an_endpoint_function_that_hangs_is_dropped_with_its_attempt() {
    let page = Page::new();
    let (alive, asked) = (Rc::<Cell<u32>>::default(), Rc::<Cell<u32>>::default());
    let (of, times) = (Rc::clone(&alive), Rc::clone(&asked));
    let client = Client::builder_with(move |_| {
        times.set(times.get() + 1);
        let alive = Alive::new(&of);
        async move {
            pending::<()>().await;
            drop(alive);
            Ok::<_, EndpointError>("wss://example.com/live")
        }
    })
    .connect()
    .unwrap();
    page.advance(300 * SECOND);
    assert!(asked.get() > 5, "{}", asked.get());
    assert!(alive.get() <= 1, "{} are left", alive.get());
    page.advance(60 * SECOND);
    client.handle().reconnect();
    page.run_until_stalled();
    assert_eq!(alive.get(), 1);
    client.handle().close();
    assert_eq!(alive.get(), 0);
}

#[test]
fn an_endpoint_function_may_close_reconnect_and_drop() {
    for act in ["close", "reconnect", "drop"] {
        let page = Page::new();
        let place = Rc::<RefCell<Option<Client>>>::default();
        let (of, times) = (Rc::clone(&place), Rc::<Cell<u32>>::default());
        let count = Rc::clone(&times);
        let client = Client::builder_with(move |_| {
            count.set(count.get() + 1);
            if count.get() == 1 {
                let handle = of.borrow().as_ref().map(Client::handle).unwrap();
                match act {
                    "close" => handle.close(),
                    "reconnect" => handle.reconnect(),
                    _ => drop(of.take()),
                }
            }
            async { Ok::<_, EndpointError>("wss://example.com/live") }
        })
        .connect()
        .unwrap();
        place.replace(Some(client));
        let attempt = page.wait_for_attempt();
        assert_eq!(attempt.is_ok(), act == "reconnect", "{act}");
        if act == "reconnect" {
            attempt.unwrap().accept();
            assert_eq!(place.borrow().as_ref().unwrap().handle().state(), State::Open);
        }
        place.take();
    }
}

#[test]
fn what_makes_a_join_is_dropped_when_its_topic_is_left() {
    let page = Page::new();
    let client = Client::builder("wss://example.com/live").connect().unwrap();
    let server = page.next_attempt().unwrap().accept();
    let alive = Rc::<Cell<u32>>::default();
    let join = |handle: &Handle| {
        let of = Rc::clone(&alive);
        let options = SubscribeOptions::new().with_join_async(move |_| {
            let alive = Alive::new(&of);
            async move {
                pending::<()>().await;
                drop(alive);
                Ok::<_, EndpointError>(String::new())
            }
        });
        handle.subscribe_with("a", options).unwrap()
    };
    let first = join(&client.handle());
    assert_eq!(alive.get(), 1);
    drop(first);
    assert_eq!(alive.get(), 0);
    let _second = join(&client.handle());
    assert_eq!(alive.get(), 1);
    page.advance(100 * SECOND);
    assert_eq!(alive.get(), 1, "of one that is late");
    server.break_off();
    page.advance(SECOND / 2);
    assert!(alive.get() <= 1);
    page.wait_for_attempt().unwrap().accept();
    assert_eq!(alive.get(), 1);
    client.handle().close();
    assert_eq!(alive.get(), 0);
}

#[test]
fn a_join_that_was_made_for_those_who_left_is_not_sent() {
    for (together, stale) in [(false, false), (true, false), (false, true), (true, true)] {
        let page = Page::new();
        let held = Rc::<RefCell<Vec<Subscription>>>::default();
        let place = Rc::<RefCell<Option<Handle>>>::default();
        let (of, by) = (Rc::clone(&held), Rc::clone(&place));
        let times = Rc::<Cell<u32>>::default();
        let make = Rc::new(move || {
            times.set(times.get() + 1);
            let number = times.get();
            if number == 1 {
                let before = of.take();
                drop(before);
                let handle = by.borrow().clone().unwrap();
                let again = handle.subscribe("a").unwrap();
                of.borrow_mut().push(again);
            }
            format!("join {number}")
        });
        let mut subscriptions = Subscriptions::new();
        if together {
            let make = Rc::clone(&make);
            subscriptions = subscriptions.with_join_all(move |_| make());
        }
        let client =
            Client::builder("wss://example.com/live").subscriptions(subscriptions).connect().unwrap();
        place.replace(Some(client.handle()));
        let server = stale.then(|| {
            // Its leave is not answered, so what comes of it is not for who comes next.
            let server = page.next_attempt().unwrap().accept();
            let plain = SubscribeOptions::new().with_join(|_| "before".to_owned());
            let before = client.handle().subscribe_with("a", plain).unwrap();
            assert_eq!(server.received(), Some("before".into()));
            server.send_text(r#"{"type":"joined","topic":"a"}"#);
            drop(before);
            assert_eq!(server.received(), Some(r#"{"type":"leave","topic":"a"}"#.into()));
            server
        });
        let options = SubscribeOptions::new();
        let options = if together { options } else { options.with_join(move |_| make()) };
        let (asks, to) = (client.handle(), Rc::clone(&held));
        let subscribe = move || {
            let first = asks.subscribe_with("a", options.clone()).unwrap();
            to.borrow_mut().push(first);
        };
        // While another join is made this one waits, and what it gives is there to be dropped.
        let _other = stale.then(|| {
            let subscribe = subscribe.clone();
            let other = SubscribeOptions::new().with_join(move |_| {
                subscribe();
                "other".to_owned()
            });
            client.handle().subscribe_with("b", other).unwrap()
        });
        if !stale {
            subscribe();
        }
        let server = server.unwrap_or_else(|| page.next_attempt().unwrap().accept());
        let sent: Vec<_> =
            std::iter::from_fn(|| server.received()).filter(|sent| *sent != "other".into()).collect();
        let expected = if together { "join 2" } else { r#"{"type":"join","topic":"a"}"# };
        assert_eq!(sent, [expected.into()], "{together} {stale}");
        server.send_text(r#"{"type":"joined","topic":"a"}"#);
        assert_eq!(held.borrow()[0].state(), crate::topics::TopicState::Joined);
        place.take();
        held.take();
    }
}

#[test]
fn a_waker_that_closes_ends_what_has_not_been_told() {
    let page = Page::new();
    let client = Client::builder("wss://example.com/live").connect().unwrap();
    let handle = client.handle();
    let (mut first, mut second) = (handle.subscribe("a").unwrap(), handle.subscribe("a").unwrap());
    let server = page.next_attempt().unwrap().accept();
    server.send_text(r#"{"type":"joined","topic":"a"}"#);
    assert!(rest(&page, &mut first).is_empty() && rest(&page, &mut second).is_empty());
    let closing = handle.clone();
    let waker = on_wake(move || closing.close());
    assert!(poll(&mut first, &waker).is_pending());
    server.send_text(r#"{"topic":"a","n":1}"#);
    assert_eq!(handle.state(), State::Closed);
    assert_eq!(texts(&rest(&page, &mut first)).len(), 1);
    assert_eq!(texts(&rest(&page, &mut second)).len(), 0, "after close()");
    assert!(!server.is_open());
}

#[test]
fn a_waker_may_drop_all_of_it() {
    for transport in ["wss", "https"] {
        let page = Page::new();
        let client = Client::builder(format!("{transport}://example.com/live")).connect().unwrap();
        let server = page.next_attempt().unwrap().accept();
        let place = Rc::new(RefCell::new(Some(client)));
        let of = Rc::clone(&place);
        let waker = on_wake(move || drop(of.take()));
        loop {
            let mut client = place.take().unwrap();
            let polled = poll(&mut client, &waker);
            place.replace(Some(client));
            if polled.is_pending() {
                break;
            }
        }
        server.send_text("data: 1\n\ndata: 2\n\ndata: 3\n\n");
        assert!(place.borrow().is_none());
        assert!(!server.is_open());
        page.advance(60 * SECOND);
        assert!(page.next_attempt().is_none());
    }
}

#[test]
fn each_closure_of_the_app_may_close_reconnect_send_subscribe_and_drop() {
    for act in ["close", "reconnect", "send", "subscribe", "drop"] {
        for which in ["acks", "refused", "slow", "topic", "is_error", "frame", "rule", "joined"] {
            let page = Page::new();
            let place = Rc::<RefCell<Option<Client>>>::default();
            let armed = Rc::new(Cell::new(false));
            let (of, once) = (Rc::clone(&place), Rc::clone(&armed));
            let does = Rc::new(move |what: &str| {
                if what != which || !once.replace(false) {
                    return;
                }
                let handle = of.borrow().as_ref().map(Client::handle).unwrap();
                match act {
                    "close" => handle.close(),
                    "reconnect" => handle.reconnect(),
                    "send" => drop(handle.send("x")),
                    "subscribe" => drop(handle.subscribe("other").unwrap().ready()),
                    _ => {
                        drop(handle);
                        drop(of.take());
                    }
                }
            });
            let on = |what: &'static str| {
                let does = Rc::clone(&does);
                move || does(what)
            };
            let (acks, refused, slow) = (on("acks"), on("refused"), on("slow"));
            let (topic, is_error, joined) = (on("topic"), on("is_error"), on("joined"));
            let (frame, rule) = (on("frame"), on("rule"));
            let client = Client::builder("wss://example.com/live")
                .acks(move |message| {
                    acks();
                    message.text()?.strip_prefix("ack ").map(str::to_owned)
                })
                .refused(move |_| {
                    refused();
                    None
                })
                .rate(Rate::new(1_000, SECOND).with_slow_when(move |_| {
                    slow();
                    false
                }))
                .requests(Requests::new().with_error_when(move |_| {
                    is_error();
                    false
                }))
                .subscriptions(
                    Subscriptions::new()
                        .with_topic_of(move |message| {
                            topic();
                            message.text()?.contains("topic-a").then(|| "a".to_owned())
                        })
                        .with_joined_when(move |message| {
                            joined();
                            message.text()?.contains("joined-a").then(|| "a".to_owned())
                        }),
                )
                .resume(Resume::new().with_id("id"))
                .resume_frame(move |_| {
                    frame();
                    Some("frame".to_owned())
                })
                .should_reconnect(move |_| {
                    rule();
                    Some(true)
                })
                .connect()
                .unwrap();
            let handle = client.handle();
            place.replace(Some(client));
            let topics = (handle.subscribe("a").unwrap(), handle.subscribe("a").unwrap());
            if which == "frame" {
                armed.set(true);
            }
            let server = page.next_attempt().unwrap().accept();
            let asked = handle.request(&serde_json::json!({ "id": "q", "n": 1 }));
            let sent = handle.send_with("hello", &SendOptions::new().with_ack("s1"));
            armed.set(true);
            server.send_text(r#"{"topic":"topic-a","id":"1","joined-a":1}"#);
            server.send_text("plain");
            server.send_text(r#"{"id":"q","result":1}"#);
            server.send_text("ack s1");
            server.send_text(r#"{"topic":"topic-a","id":"2"}"#);
            server.break_off();
            page.advance(SECOND);
            match act {
                "close" | "drop" => {
                    if which != "rule" || handle.state() == State::Closed {
                        assert_eq!(handle.state(), State::Closed, "{which} {act}");
                    }
                    page.advance(60 * SECOND);
                    assert!(page.next_attempt().is_none(), "{which} {act}");
                }
                _ => {
                    armed.set(false);
                    page.advance(20 * SECOND);
                    let attempt = page.next_attempt().or_else(|| page.wait_for_attempt().ok());
                    let server = attempt.unwrap().accept();
                    assert_eq!(handle.state(), State::Open, "{which} {act}");
                    assert!(server.is_open());
                }
            }
            drop((topics, asked, sent));
            if let Some(client) = place.take() {
                drop(client);
            }
            assert_eq!(handle.state(), State::Closed);
        }
    }
}

#[test]
fn an_event_without_a_name_has_the_type_of_its_json() {
    let page = Page::new();
    let mut client = Client::builder("/live").connect().unwrap();
    let server = page.next_attempt().unwrap().accept();
    server.send_text("event:\ndata: {\"type\":\"price\"}\n\n");
    server.send_text("event: message\ndata: {\"type\":\"price\"}\n\n");
    server.send_text("event:\ndata: x\n\n");
    let kinds: Vec<_> = page
        .events(&mut client)
        .iter()
        .filter_map(|event| match event {
            Event::Message(message) => Some(message.kind().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["price", "price", "message"]);
}

#[test]
fn a_stream_that_waits_for_the_app_goes_on_where_it_was_after_a_loss() {
    let page = Page::new();
    let mut client = Client::builder("/live").connect().unwrap();
    let stream =
        |from: u32| -> String { (from..=3_000).map(|n| format!("id: {n}\ndata: {n}\n\n")).collect() };
    let server = page.next_attempt().unwrap().accept();
    server.send_text(&stream(1));
    let waiting = client.handle().stats().waiting;
    assert!((900..1_024).contains(&waiting), "{waiting}");
    // The app is behind, and the connection is lost.
    client.handle().reconnect();
    let attempt = page.wait_for_attempt().unwrap();
    let cursor: u32 =
        attempt.query("lastEventId").or(attempt.header("last-event-id")).unwrap().parse().unwrap();
    let server = attempt.accept();
    server.send_text(&stream(cursor + 1));
    let got = texts(&page.events(&mut client));
    let expected: Vec<_> = (1..=3_000).map(|n| n.to_string()).collect();
    assert_eq!(got, expected);
    // Behind again, and closed.
    server.send_text(&stream(1).replace("id: ", "id: 9"));
    client.handle().close();
    assert!(!server.is_open());
    page.advance(60 * SECOND);
    let last = page.events(&mut client).pop();
    assert!(matches!(last, Some(Event::Closed(_))), "{last:?}");
}

#[test]
fn a_loss_is_told_once_and_not_after_close() {
    let page = Page::new();
    let mut client = Client::builder("wss://example.com/live").connect().unwrap();
    let server = page.next_attempt().unwrap().accept();
    page.events(&mut client);
    server.break_off();
    server.break_off();
    page.advance(Duration::from_millis(250));
    let retries = |events: Vec<Event>| events.iter().filter(|event| matches!(event, Event::Retry(_))).count();
    assert_eq!(retries(page.events(&mut client)), 1);
    let server = page.wait_for_attempt().unwrap().accept();
    page.events(&mut client);
    // The page may be going; meanwhile the app asks for another connection.
    server.break_off();
    client.handle().reconnect();
    let server = page.wait_for_attempt().unwrap().accept();
    page.advance(SECOND);
    assert_eq!(client.handle().state(), State::Open);
    assert_eq!(retries(page.events(&mut client)), 0);
    server.break_off();
    client.handle().close();
    page.advance(60 * SECOND);
    let events = page.events(&mut client);
    assert!(matches!(events.last(), Some(Event::Closed(_))), "{events:?}");
    assert_eq!(retries(events), 0);
}

#[test]
fn ten_thousand_topics_and_no_more() {
    let page = Page::new();
    let client = Client::builder("wss://example.com/live").connect().unwrap();
    let handle = client.handle();
    let mut held: Vec<_> = (0..10_000).map(|n| handle.subscribe(&n.to_string()).unwrap()).collect();
    assert!(handle.subscribe("one more").is_err());
    held.push(handle.subscribe("7").unwrap());
    held.truncate(9_990);
    let more: Vec<_> = (0..11).map(|n| handle.subscribe(&format!("more {n}")).is_ok()).collect();
    // Each is left at once, so there is room for the next.
    assert!(more.iter().all(|more| *more));
    handle.close();
    assert!(handle.subscribe("x").is_err());
    drop(page);
}

#[test]
fn sends_settle_in_any_order() {
    let page = Page::new();
    let client = Client::builder("wss://example.com/live")
        .acks(|message| message.text()?.strip_prefix("ack ").map(str::to_owned))
        .outbox(Outbox::new().with_max_messages(5_000).with_in_flight(5_000))
        .connect()
        .unwrap();
    let server = page.next_attempt().unwrap().accept();
    let send = |n: u32| client.handle().send_with("x", &SendOptions::new().with_ack(n.to_string())).unwrap();
    let sent: Vec<_> = (0..2_000).map(send).collect();
    for n in (0..2_000).rev() {
        server.send_text(&format!("ack {n}"));
    }
    for sending in sent {
        assert_eq!(page.now_or_never(sending), Some(crate::Sent::Acked));
    }
    assert_eq!(client.handle().stats().acked, 2_000);
}

#[test]
fn an_event_source_keeps_the_id_of_a_block_without_data() {
    let page = Page::new();
    let mut client = Client::builder("/live").transport(crate::Transport::EventSource).connect().unwrap();
    let server = page.next_attempt().unwrap().accept();
    server.send_event(SseEvent::new("a").with_id(1));
    server.send_text("id: 2\n\n");
    assert_eq!(client.handle().last_event_id(), "1", "nothing says so yet");
    server.send_event("b");
    assert_eq!(client.handle().last_event_id(), "2");
    server.break_off();
    let attempt = page.wait_for_attempt().unwrap();
    assert_eq!(attempt.query("lastEventId").as_deref(), Some("2"));
    let server = attempt.accept();
    server.send_event("c");
    assert_eq!(client.handle().last_event_id(), "2");
    server.send_event(SseEvent::new("d").with_id(3));
    assert_eq!(client.handle().last_event_id(), "3");
    assert_eq!(texts(&page.events(&mut client)), ["a", "b", "c", "d"]);
}
