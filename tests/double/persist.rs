//! An outbox that outlives its page.

use std::{cell::RefCell, rc::Rc, time::Duration};

use everwire::{
    Builder, Client, Event, Sent,
    error::{ConnectError, StorageError},
    options::{Outbox, Persist, SendOptions},
    send::{Dropped, Sending},
    storage::Storage,
    test_util::{Connection, Page},
};

use crate::support::{EVEN, WS, millis, seconds};

const PREFIX: &str = "everwire-outbox ann\n";

fn persist() -> Persist {
    Persist::new("ann")
}

fn build(persist: Persist) -> Builder {
    Client::builder(WS)
        .reconnect(EVEN)
        .acks(|message| message.text()?.strip_prefix("ack ").map(str::to_owned))
        .refused(|message| message.text()?.strip_prefix("no ").map(str::to_owned))
        .persist(persist)
}

fn connect(persist: Persist) -> Client {
    build(persist).connect().unwrap()
}

fn with(id: impl ToString) -> SendOptions {
    SendOptions::new().with_ack(id.to_string())
}

/// Sends these, each with its number as the id of its ack.
fn send(client: &Client, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        drop(client.handle().send_with(&format!("n {number}"), &with(number)).unwrap());
    }
}

fn accept(page: &Page) -> Connection {
    page.next_attempt().expect("a connection is asked for").accept()
}

fn texts(server: &Connection) -> Vec<String> {
    std::iter::from_fn(|| server.received()).map(|frame| frame.text().unwrap().to_owned()).collect()
}

/// Acks them as they come.
fn serve(server: &Connection) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let some = texts(server);
        if some.is_empty() {
            return all;
        }
        for text in &some {
            let id = text.rsplit(' ').next().unwrap().trim_matches(|c: char| !c.is_alphanumeric());
            server.send_text(&format!("ack {id}"));
        }
        all.extend(some);
    }
}

fn numbers(numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!("n {number}")).collect()
}

fn kept() -> Vec<String> {
    let names = Storage::local().names().unwrap();
    names.into_iter().filter(|name| name.starts_with(PREFIX)).collect()
}

#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<(String, Sending)>>>);

impl Told {
    /// What was restored, and what has become of it.
    fn fates(&self, page: &Page) -> Vec<(String, Option<Sent>)> {
        let mut told = self.0.borrow_mut();
        told.iter_mut().map(|(text, sending)| (text.clone(), page.now_or_never(sending))).collect()
    }
}

fn told() -> (Told, Persist) {
    let told = Told::default();
    let to = told.clone();
    let restored = move |text: &str, sending| to.0.borrow_mut().push((text.to_owned(), sending));
    (told, persist().with_restored(restored))
}

fn acked(text: impl AsRef<str>) -> (String, Option<Sent>) {
    (text.as_ref().to_owned(), Some(Sent::Acked))
}

#[test]
fn what_a_page_left_unacked_is_sent_by_the_next_one_in_order_before_its_own() {
    let page = Page::new();
    let client = connect(persist());
    let server = accept(&page);
    send(&client, 1..=20);
    assert_eq!(texts(&server), numbers(1..=16), "the window");
    assert_eq!(kept().len(), 20);

    let page = page.reload();
    // Of the page before nothing runs.
    drop(client);
    assert_eq!(kept().len(), 20);
    let (told, persist) = told();
    let client = connect(persist);
    let own = client.handle().send_with("n 21", &with(21)).unwrap();
    let server = accept(&page);
    assert_eq!(serve(&server), numbers(1..=21));
    assert_eq!(page.block_on(own), Ok(Sent::Acked));
    assert_eq!(told.fates(&page), numbers(1..=20).into_iter().map(acked).collect::<Vec<_>>());
    assert_eq!(kept(), [""; 0]);
}

#[test]
fn a_tab_that_is_open_sends_what_another_one_left_when_it_is_gone_and_not_before() {
    let page = Page::new();
    let (told, persist_here) = told();
    let client = connect(persist_here);
    let server = accept(&page);
    let tab = page.open_tab();
    let other = connect(persist());
    let there = accept(&tab);
    send(&other, 1..=2);
    assert_eq!(texts(&there), numbers(1..=2));
    page.advance(seconds(60));
    send(&client, 0..=0);
    assert_eq!(serve(&server), numbers(0..=0), "while the other one lives");
    drop(tab);
    page.run_until_stalled();
    assert_eq!(serve(&server), numbers(1..=2));
    page.run_until_stalled();
    assert_eq!(told.fates(&page), numbers(1..=2).into_iter().map(acked).collect::<Vec<_>>());
    assert_eq!(kept(), [""; 0]);
    drop(other);
}

#[test]
fn a_tab_that_is_closed_before_it_is_answered_leaves_nothing_for_others() {
    let page = Page::new();
    let client = connect(persist());
    send(&client, 1..=3);
    // It looks through the storage first, and has handed nothing over.
    let sending = client.handle().send_with("n 4", &with(4)).unwrap();
    assert_eq!(kept().len(), 4);
    client.handle().close();
    assert_eq!(page.now_or_never(sending), Some(Sent::Dropped(Dropped::Closed)));
    assert_eq!(kept(), [""; 0]);
    assert_eq!(client.handle().stats().dropped, 4);
    let late = client.handle().send_with("n 5", &with(5)).unwrap();
    assert_eq!(page.now_or_never(late), Some(Sent::Dropped(Dropped::Closed)));
    assert_eq!(kept(), [""; 0]);
}

#[test]
fn what_is_settled_is_kept_no_longer() {
    let page = Page::new();
    let client = build(persist())
        .outbox(Outbox::new().with_ack_timeout(seconds(1)).with_max_attempts(1))
        .connect()
        .unwrap();
    let server = accept(&page);
    let send = |id| client.handle().send_with(&format!("n {id}"), &with(id)).unwrap();
    let [acked, refused, silent] = ["1", "2", "3"].map(send);
    assert_eq!(kept().len(), 3);
    server.send_text("ack 1");
    assert_eq!(page.now_or_never(acked), Some(Sent::Acked));
    assert_eq!(kept().len(), 2);
    server.send_text("no 2");
    assert_eq!(page.now_or_never(refused), Some(Sent::Dropped(Dropped::Refused)));
    assert_eq!(kept().len(), 1);
    assert_eq!(page.block_on(silent), Ok(Sent::Unknown));
    assert_eq!(kept(), [""; 0]);
    assert_eq!(client.handle().stats().unknown, 1);
}

#[test]
fn what_the_app_takes_back_is_kept_no_longer() {
    let page = Page::new();
    let client = connect(persist());
    let send = |id: u32| client.handle().send_with(&format!("n {id}"), &with(id)).unwrap();
    let early = send(1);
    early.abort();
    assert_eq!(page.now_or_never(early), Some(Sent::Dropped(Dropped::Aborted)));
    let server = accept(&page);
    let late = send(2);
    assert_eq!((texts(&server), kept().len()), (numbers(2..=2), 1));
    late.abort();
    assert_eq!(page.now_or_never(late), Some(Sent::Unknown));
    assert_eq!(kept(), [""; 0]);
}

#[test]
fn what_is_not_acked_is_not_kept() {
    let page = Page::new();
    let client = connect(persist());
    let server = accept(&page);
    let handle = client.handle();
    drop(handle.send("1"));
    drop(handle.send_bytes(b"2"));
    drop(handle.send_with("3", &with(3).with_volatile()).unwrap());
    assert_eq!(kept(), [""; 0]);
    assert_eq!(server.received(), Some("1".into()));
    let error = handle.send_bytes_with(b"4", &with(4)).err().unwrap();
    let problem = "is for texts where there is Builder::persist: send bytes without one";
    assert_eq!((error.option, error.problem), ("send.ack", problem));
}

#[test]
fn an_id_that_is_out_already_is_an_error_also_while_the_storage_is_looked_through() {
    let page = Page::new();
    let client = connect(persist());
    let _first = client.handle().send_with("n 1", &with(1)).unwrap();
    assert_eq!(client.handle().send_with("n 1", &with(1)).err().unwrap().option, "send.ack");
    let _server = accept(&page);
    assert_eq!(client.handle().send_with("n 1", &with(1)).err().unwrap().option, "send.ack");
    assert_eq!(kept().len(), 1);
}

#[test]
fn a_time_to_live_goes_on_over_the_reload_and_so_does_priority() {
    let page = Page::new();
    let client = connect(persist());
    let _server = accept(&page);
    // They wait: the window is full.
    send(&client, 1..=16);
    for (id, options) in [
        (17, with(17).with_ttl(seconds(10))),
        (18, with(18).with_ttl(seconds(30))),
        (19, with(19).with_ttl(seconds(30)).with_priority()),
    ] {
        drop(client.handle().send_with(&format!("n {id}"), &options).unwrap());
    }
    page.advance(seconds(9));
    let page = page.reload();
    drop(client);
    let (told, persist) = told();
    let _client = connect(persist);
    let attempt = page.next_attempt().unwrap();
    page.advance(seconds(2));
    assert_eq!(
        serve(&attempt.accept()),
        [&["n 19".to_owned()], &*numbers(1..=16), &["n 18".to_owned()]].concat()
    );
    page.run_until_stalled();
    let fates = told.fates(&page);
    let fate = |text: &str| fates.iter().find(|(told, _)| told == text).unwrap().1;
    assert_eq!(fate("n 17"), Some(Sent::Dropped(Dropped::Expired)));
    assert_eq!(fate("n 18"), Some(Sent::Acked));
    assert_eq!(kept(), [""; 0]);
}

#[test]
fn what_expired_in_the_storage_is_not_sent() {
    let page = Page::new();
    let client = connect(persist());
    send(&client, 1..=1);
    drop(client.handle().send_with("n 2", &with(2).with_ttl(millis(500))).unwrap());
    page.run_until_stalled();
    let page = page.crash();
    drop(client);
    page.advance(seconds(1));
    let (told, persist) = told();
    let _client = connect(persist);
    let server = accept(&page);
    assert_eq!(serve(&server), numbers(1..=1));
    page.run_until_stalled();
    assert_eq!(told.fates(&page)[1], ("n 2".to_owned(), Some(Sent::Dropped(Dropped::Expired))));
    assert_eq!(kept(), [""; 0]);
}

#[test]
fn what_javascript_left_is_sent_and_what_is_torn_is_passed_over() {
    let page = Page::new();
    let leave = |number: u32, line: &str| {
        Storage::local().set_item(&format!("{PREFIX}tab\n{number:012}"), line).unwrap();
    };
    leave(1, r#"{"message":{"id":"a","text":"é"},"priority":false}"#);
    leave(2, r#"{"message":{"meta":{"no":2},"id":7},"expires":8640000000000000}"#);
    leave(3, r#"{"message":"n 3","ack":"3"}"#);
    let torn = [
        "",
        "{",
        "null",
        "5",
        "[]",
        "{}",
        "\"message\"",
        r#"{"message":{"n":2},"expires":"5"}"#,
        r#"{"message":{"n":2},"expires":null}"#,
        r#"{"message":{"n":2},"expires":1e999}"#,
        r#"{"message":{"n":3},"priority":"1"}"#,
        r#"{"message":{"n":3},"priority":1}"#,
    ];
    for (number, line) in (10..).zip(torn) {
        leave(number, line);
    }
    // Nobody here knows which ack is its own.
    leave(99, r#"{"message":{"key":1}}"#);
    let (told, persist) = told();
    let client = connect(persist);
    let server = accept(&page);
    let sent = [r#"{"id":"a","text":"é"}"#, r#"{"meta":{"no":2},"id":7}"#, "n 3"];
    assert_eq!(texts(&server), sent);
    for id in ["a", "7", "3"] {
        server.send_text(&format!("ack {id}"));
    }
    page.run_until_stalled();
    assert_eq!(told.fates(&page), sent.map(acked));
    assert_eq!(kept(), [format!("{PREFIX}tab\n{:012}", 99)]);

    // Its id may stand elsewhere.
    drop(client);
    leave(1, r#"{"message":{"meta":{"no":"x"}}}"#);
    let _client = connect(Persist::new("ann").with_id("meta.no"));
    let server = accept(&page);
    assert_eq!(texts(&server), [r#"{"meta":{"no":"x"}}"#]);
    server.send_text("ack x");
    assert_eq!(kept().len(), 1);
}

#[test]
fn it_is_stored_in_the_names_and_the_form_of_javascript() {
    let page = Page::new();
    let client = connect(Persist::new("ann\n%"));
    drop(client.handle().send_with(r#"{ "id": "a" }"#, &with("a").with_priority()).unwrap());
    drop(client.handle().send_with("text \"", &with("b").with_ttl(Duration::from_secs(1))).unwrap());
    let names = Storage::local().names().unwrap();
    let items: Vec<_> = names
        .iter()
        .map(|name| {
            let (key, rest) = name.strip_prefix("everwire-outbox ").unwrap().split_once('\n').unwrap();
            let (tab, number) = rest.split_once('\n').unwrap();
            assert!(tab.len() >= 32, "{tab}");
            (key, number, Storage::local().get_item(name).unwrap().unwrap())
        })
        .collect();
    let expires = 1_767_225_600_000u64 + 1_000;
    assert_eq!(
        items,
        [
            (
                "ann%0A%25",
                "001000000000",
                r#"{"message":{ "id": "a" },"priority":true,"ack":"a"}"#.to_owned()
            ),
            (
                "ann%0A%25",
                "001000000001",
                format!(r#"{{"message":"text \"","expires":{expires},"ack":"b"}}"#)
            ),
        ]
    );
    drop(page);
}

#[test]
fn keys_are_apart() {
    let page = Page::new();
    let client = connect(persist());
    send(&client, 1..=1);
    let page = page.crash();
    drop(client);
    for key in ["ann ", "ann\ntab", "an", "ann%0Atab"] {
        let client = connect(Persist::new(key));
        drop(client.handle().send_with("n 0", &with(0)).unwrap());
        assert_eq!(serve(&accept(&page)), numbers(0..=0), "{key:?}");
    }
    assert_eq!(kept().len(), 1);
}

#[test]
fn a_storage_that_is_refused_or_full_is_told_once_and_everything_is_sent_all_the_same() {
    for full in [false, true] {
        let page = Page::new();
        if full {
            page.fill_storage();
        } else {
            page.block_storage();
        }
        let mut client = connect(persist());
        let server = accept(&page);
        send(&client, 1..=3);
        assert_eq!(serve(&server), numbers(1..=3));
        let events = page.events(&mut client);
        let errors: Vec<_> = events.iter().filter(|event| matches!(event, Event::NotStored(_))).collect();
        let error = if full {
            StorageError::Failed("QuotaExceededError".to_owned())
        } else {
            StorageError::Unavailable
        };
        assert_eq!(errors, [&Event::NotStored(error)]);
        assert_eq!(client.handle().stats().acked, 3);
    }
}

#[test]
fn a_message_that_two_pages_left_is_sent_once() {
    let page = Page::new();
    for tab in ["a", "b"] {
        let name = format!("{PREFIX}{tab}\n000000000001");
        Storage::local().set_item(&name, r#"{"message":"n 1","ack":"1"}"#).unwrap();
    }
    let (told, persist) = told();
    let _client = connect(persist);
    assert_eq!(serve(&accept(&page)), numbers(1..=1));
    page.run_until_stalled();
    let fates: Vec<_> = told.fates(&page).into_iter().map(|(_, sent)| sent).collect();
    assert_eq!(fates, [Some(Sent::Acked), Some(Sent::Unknown)]);
    assert_eq!(kept(), [""; 0]);
}

#[test]
fn what_cannot_be_is_told_by_name() {
    let page = Page::new();
    let error = Client::builder(WS).persist(persist()).connect().err();
    let Some(ConnectError::InvalidOption(error)) = error else { panic!("{error:?}") };
    assert_eq!((error.option, error.problem), ("outbox.persist", "needs Builder::acks"));
    assert!(!format!("{:?}", Persist::new("secret")).contains("secret"));
    drop(page);
}

#[test]
fn what_a_living_tab_stores_later_is_taken_over_as_well() {
    let first = Page::new();
    let one = connect(persist());
    let there = accept(&first);
    send(&one, 1..=1);
    assert_eq!(texts(&there), numbers(1..=1));
    let second = first.open_tab();
    let two = connect(persist());
    let server = accept(&second);
    second.advance(seconds(10));
    assert_eq!(serve(&server), [""; 0], "that one lives");
    first.run_until_stalled();
    send(&one, 2..=3);
    assert_eq!(texts(&there), numbers(2..=3));
    drop(first);
    second.advance(seconds(10));
    assert_eq!(serve(&server), numbers(1..=3));
    drop((one, two));
}
