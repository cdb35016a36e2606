//! Across a reload: what the app was done with does not come again, what it was not does.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Builder, Client, Event, Message, State,
    endpoint::Request,
    error::{ConnectError, OptionError, StorageError},
    event::{CloseReason, Outcome},
    options::{Persist, Resume},
    storage::{Backend, Storage},
    test_util::{Connection, Page, Response, SseEvent},
};

use crate::support::{EVEN, millis, seconds};

const ADDRESS: &str = "/live?token=secret";
const NAME: &str = "everwire ann%20prices /live";

fn kept() -> Resume {
    Resume::new().with_storage(Storage::session(), "ann prices")
}

fn connect(resume: Resume) -> Client {
    build(resume).connect().unwrap()
}

fn build(resume: Resume) -> Builder {
    Client::builder(ADDRESS).reconnect(EVEN).resume(resume)
}

fn send(server: &Connection, ids: std::ops::RangeInclusive<u32>) {
    for id in ids {
        server.send_event(SseEvent::new(id.to_string()).with_id(format_args!("m{id}")));
    }
}

/// So many messages off the stream, with what comes between them.
fn pull(page: &Page, client: &mut Client, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < count {
        let event = page.now_or_never(client.next()).flatten().expect("a message");
        if let Event::Message(message) = event {
            messages.push(message);
        }
    }
    messages
}

fn stored() -> Option<String> {
    Storage::session().get_item(NAME).unwrap()
}

/// The id that is stored.
fn id() -> String {
    let text = stored().expect("something is stored");
    let parts: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    parts.first().map_or_else(|| "none".to_owned(), |id| id.as_str().unwrap().to_owned())
}

/// The cursor that goes up.
fn asked(page: &Page) -> (String, Connection) {
    let attempt = page.next_attempt().expect("a connection is asked for");
    (attempt.header("last-event-id").unwrap_or_default(), attempt.accept())
}

fn problem(result: Result<Client, ConnectError>) -> (&'static str, &'static str) {
    match result {
        Err(ConnectError::InvalidOption(OptionError { option, problem })) => (option, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_next_page_goes_on_after_the_last_message_that_was_pulled() {
    let page = Page::new();
    let mut client = connect(kept());
    let (cursor, server) = asked(&page);
    assert_eq!(cursor, "");
    send(&server, 1..=3);
    pull(&page, &mut client, 2);

    let page = page.reload();
    // What is left of the page before does no harm to what it stored.
    drop(client);
    let mut client = connect(kept());
    assert_eq!(client.handle().last_event_id(), "m2");
    let (cursor, server) = asked(&page);
    assert_eq!(cursor, "m2");
    // From that very message on.
    send(&server, 2..=4);
    assert_eq!(
        pull(&page, &mut client, 2).iter().map(Message::text).collect::<Vec<_>>(),
        [Some("3"), Some("4")]
    );
    assert_eq!(client.handle().stats().outcome, Some(Outcome::Recovered));
    assert_eq!(page.warnings(), [""; 0]);
}

#[test]
fn it_is_written_250_ms_after_the_first_and_a_page_that_crashes_gets_its_last_moments_again() {
    let page = Page::new();
    let mut client = connect(kept());
    let (_, server) = asked(&page);
    send(&server, 1..=2);
    pull(&page, &mut client, 1);
    page.advance(millis(249));
    pull(&page, &mut client, 1);
    assert_eq!(stored(), None);
    page.advance(millis(1));
    assert_eq!(id(), "m2");
    send(&server, 3..=3);
    pull(&page, &mut client, 1);
    page.advance(millis(249));
    let page = page.crash();
    drop(client);
    let _client = connect(kept());
    assert_eq!(asked(&page).0, "m2");
}

#[test]
fn it_is_written_when_the_page_is_hidden_and_when_the_client_ends() {
    let page = Page::new();
    let mut client = connect(kept());
    let (_, server) = asked(&page);
    send(&server, 1..=2);
    pull(&page, &mut client, 1);
    page.hide();
    assert_eq!(id(), "m1");
    pull(&page, &mut client, 1);
    client.handle().close();
    assert_eq!(id(), "m2");
}

#[test]
fn it_is_stored_in_the_names_and_the_form_of_javascript() {
    let page = Page::new();
    let build = || {
        let resume = Resume::new().with_id("id").with_seq("at").with_storage(Storage::session(), "50% a");
        Client::builder("wss://u.example/b#x").failover(["wss://a.example/live?q"]).resume(resume)
    };
    let mut client = build().connect().unwrap();
    let server = page.next_attempt().unwrap().accept();
    server.send_text(r#"{"id":"x\"","at":["e 1",9007199254740993]}"#);
    pull(&page, &mut client, 1);
    client.handle().close();
    let name = "everwire 50%25%20a wss://a.example/live wss://u.example/b";
    assert_eq!(Storage::session().names().unwrap(), [name]);
    let text = Storage::session().get_item(name).unwrap().unwrap();
    let start = r#"["x\"","9007199254740993","e 1",["#;
    assert!(text.starts_with(start), "{text}");
    let parts: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(parts.len(), 6, "{text}");
    assert!(parts[3].as_array().unwrap().iter().all(serde_json::Value::is_u64), "{text}");
    assert!(parts[4].is_null() && parts[5].is_string(), "{text}");

    // As JavaScript writes it: what it compares by is its own.
    for (line, cursor, first) in [
        (r#"["m7",41,"e 1",[-5,7,-123],null,null]"#, "m7", r#"{"id":"m8","at":["e 1",42]}"#),
        (r#"["m7",null,null,null,null]"#, "m7", r#"{"id":"m8","at":5}"#),
    ] {
        drop(client);
        Storage::session().set_item(name, line).unwrap();
        client = build().connect().unwrap();
        let attempt = page.next_attempt().unwrap();
        assert_eq!(attempt.query("lastEventId").as_deref(), Some(cursor));
        let server = attempt.accept();
        if line.contains("41") {
            // By its number it has come before.
            server.send_text(r#"{"id":"m7","at":["e 1",41]}"#);
        }
        server.send_text(first);
        assert_eq!(pull(&page, &mut client, 1)[0].text(), Some(first));
        assert_eq!(client.handle().stats().suppressed, u64::from(line.contains("41")));
    }
}

#[test]
fn another_key_and_another_address_begin_anew_and_a_query_does_not() {
    let page = Page::new();
    let mut client = connect(kept().with_from("m0"));
    let (cursor, server) = asked(&page);
    assert_eq!(cursor, "m0", "where nothing is stored");
    send(&server, 1..=1);
    pull(&page, &mut client, 1);
    drop(client);
    let key = Resume::new().with_storage(Storage::session(), "bob prices");
    for (builder, cursor) in [
        (build(key), ""),
        (Client::builder("/other").resume(kept()), ""),
        (build(Resume::new().with_storage(Storage::local(), "ann prices")), ""),
        (Client::builder("/live?token=other").resume(kept().with_from("m0")), "m1"),
    ] {
        let _client = builder.connect().unwrap();
        assert_eq!(asked(&page).0, cursor);
    }
}

#[test]
fn what_is_torn_or_somebody_elses_begins_anew() {
    let page = Page::new();
    for torn in ["", "{", "[5]", "null", "[\"x\"", "[]", "5", "[null]", r#"{"0":"x"}"#] {
        Storage::session().set_item(NAME, torn).unwrap();
        let client = connect(kept());
        assert_eq!(client.handle().last_event_id(), "", "{torn}");
        assert_eq!(asked(&page).0, "", "{torn}");
    }
}

#[test]
fn committed_by_hand_in_any_order() {
    let page = Page::new();
    let mut client = connect(kept().with_manual_commit());
    let (_, server) = asked(&page);
    send(&server, 1..=4);
    let messages = pull(&page, &mut client, 4);
    page.advance(seconds(1));
    assert_eq!(stored(), None, "nothing was committed");
    let handle = client.handle();
    handle.commit(&messages[1]).unwrap();
    handle.commit(&messages[0].clone()).unwrap();
    page.advance(millis(250));
    assert_eq!(id(), "m2");

    let other = connect(Resume::new().with_storage(Storage::session(), "other").with_manual_commit());
    let auto = connect(Resume::new().with_storage(Storage::session(), "auto"));
    for handle in [other.handle(), auto.handle()] {
        let error = handle.commit(&messages[3]).unwrap_err();
        assert_eq!(
            (error.option, error.problem),
            ("commit", "needs Resume::with_manual_commit, and a message of this client")
        );
    }

    // Also of a client that has ended.
    handle.close();
    handle.commit(&messages[2]).unwrap();
    assert_eq!(id(), "m3");
    Storage::session().remove_item(NAME).unwrap();
    handle.commit(&messages[3]).unwrap();
    assert_eq!(stored(), None, "after a logout");
    assert_eq!(problem(build(Resume::new().with_manual_commit()).connect()).0, "resume.commit");
}

#[test]
fn after_a_logout_what_is_left_of_a_stream_writes_nothing() {
    for pulled in [0, 1] {
        let page = Page::new();
        let mut client = connect(kept());
        let (_, server) = asked(&page);
        send(&server, 1..=3);
        pull(&page, &mut client, pulled);
        client.handle().close();
        // That it shows.
        assert!(stored().is_some());
        Storage::session().remove_item(NAME).unwrap();
        pull(&page, &mut client, 1);
        assert_eq!(stored(), None);
    }
}

#[test]
fn two_clients_of_a_page_at_one_place_are_an_error() {
    let page = Page::new();
    let first = connect(kept());
    let error = ("resume.key", "is another client's of this page: give each stream its own");
    assert_eq!(problem(build(kept()).connect()), error);
    // One that could not be made has nothing.
    assert_eq!(problem(build(kept()).connect()), error);
    drop(first);
    let second = connect(kept());
    // And what fails later than that lets go of it.
    drop(second);
    let persists = || build(kept()).persist(Persist::new(""));
    assert_eq!(problem(persists().connect()), ("outbox.persist", "needs Builder::acks"));
    let _third = connect(kept());
    drop(page);
}

/// The same place of two tabs.
fn shared() -> Resume {
    Resume::new().with_storage(Storage::local(), "ann prices")
}

fn not_stored(events: &[Event]) -> Vec<&StorageError> {
    let mut errors = Vec::new();
    for event in events {
        if let Event::NotStored(error) = event {
            errors.push(error);
        }
    }
    errors
}

#[test]
fn a_client_of_another_tab_leaves_the_place_of_one_that_lives_alone_and_says_so_once() {
    let page = Page::new();
    let mut first = connect(shared());
    let (_, server) = asked(&page);
    send(&server, 1..=3);
    pull(&page, &mut first, 3);
    page.advance(seconds(1));
    let place = Storage::local().get_item(NAME).unwrap();

    let tab = page.open_tab();
    let mut second = connect(shared());
    let (cursor, server) = asked(&tab);
    assert_eq!(cursor, "m3");
    send(&server, 3..=9);
    let mut events = tab.events(&mut second);
    assert_eq!(not_stored(&events), [&StorageError::Taken; 0], "it may be about to go");
    tab.advance(seconds(60));
    send(&server, 10..=10);
    events.extend(tab.events(&mut second));
    tab.advance(seconds(60));
    events.extend(tab.events(&mut second));
    assert_eq!(not_stored(&events), [&StorageError::Taken]);
    assert_eq!(Storage::local().get_item(NAME).unwrap(), place);
    assert_eq!(second.handle().state(), State::Open);
    drop(second);
    assert_eq!(Storage::local().get_item(NAME).unwrap(), place);
}

#[test]
fn a_tab_takes_over_the_place_of_one_that_goes_while_it_waits() {
    let page = Page::new();
    let mut first = connect(shared());
    let (_, server) = asked(&page);
    send(&server, 1..=3);
    pull(&page, &mut first, 3);
    page.hide();
    let tab = page.open_tab();
    let mut second = connect(shared());
    let (_, server) = asked(&tab);
    send(&server, 3..=5);
    tab.advance(millis(900));
    pull(&tab, &mut second, 2);
    // Its lock goes with it.
    drop(page);
    tab.advance(seconds(60));
    send(&server, 6..=6);
    let events = tab.events(&mut second);
    assert_eq!(not_stored(&events), [&StorageError::Taken; 0]);
    tab.advance(millis(250));
    assert!(Storage::local().get_item(NAME).unwrap().unwrap().starts_with(r#"["m6""#));
    drop(first);
}

#[test]
fn a_page_in_the_back_forward_cache_holds_no_lock() {
    let page = Page::new();
    let mut first = connect(shared());
    let (_, server) = asked(&page);
    send(&server, 1..=3);
    pull(&page, &mut first, 3);
    page.freeze();
    let tab = page.open_tab();
    let mut second = connect(shared());
    let (cursor, server) = asked(&tab);
    assert_eq!(cursor, "m3");
    send(&server, 3..=4);
    pull(&tab, &mut second, 1);
    tab.advance(seconds(2));
    assert!(Storage::local().get_item(NAME).unwrap().unwrap().starts_with(r#"["m4""#));
    assert_eq!(not_stored(&tab.events(&mut second)), [&StorageError::Taken; 0]);
}

#[test]
fn a_storage_that_is_refused_or_full_is_told_once_and_the_stream_goes_on() {
    for full in [false, true] {
        let page = Page::new();
        if full {
            page.fill_storage();
        } else {
            page.block_storage();
        }
        let mut client = connect(kept());
        let (_, server) = asked(&page);
        send(&server, 1..=3);
        pull(&page, &mut client, 1);
        page.advance(seconds(1));
        send(&server, 4..=4);
        let error = if full {
            StorageError::Failed("QuotaExceededError".to_owned())
        } else {
            StorageError::Unavailable
        };
        let mut events = page.events(&mut client);
        page.advance(seconds(1));
        client.handle().close();
        events.extend(page.events(&mut client));
        if full {
            assert_eq!(not_stored(&events), [&error]);
        } else {
            // Already with the first one.
            assert_eq!(not_stored(&events), [&error; 0]);
        }
        assert!(matches!(events.last(), Some(Event::Closed(_))));
        let texts = events.iter().filter(|event| matches!(event, Event::Message(_))).count();
        assert_eq!(texts, 3);
    }
}

#[derive(Default)]
struct Own(RefCell<Vec<String>>);

impl Backend for Own {
    fn get_item(&self, _: &str) -> Result<Option<String>, StorageError> {
        Ok(self.0.borrow().last().cloned())
    }
    fn set_item(&self, _: &str, value: &str) -> Result<(), StorageError> {
        self.0.borrow_mut().push(value.to_owned());
        Ok(())
    }
    fn remove_item(&self, _: &str) -> Result<(), StorageError> {
        Err(StorageError::Unavailable)
    }
    fn names(&self) -> Result<Vec<String>, StorageError> {
        Err(StorageError::Unavailable)
    }
}

#[test]
fn a_storage_of_the_apps_own_is_asked() {
    let page = Page::new();
    let storage = Storage::new(Own::default());
    let resume = || Resume::new().with_storage(storage.clone(), "");
    let mut client = connect(resume());
    let (_, server) = asked(&page);
    send(&server, 1..=1);
    pull(&page, &mut client, 1);
    drop(client);
    assert!(storage.get_item("").unwrap().unwrap().starts_with(r#"["m1""#));
    let _client = connect(resume());
    assert_eq!(asked(&page).0, "m1");
}

/// A question, whose answer ends.
fn question() -> Client {
    Client::builder(Request::post("/answer", "hi")).resume(kept()).connect().unwrap()
}

#[test]
fn a_stream_that_is_over_stays_over_for_the_next_page_until_it_has_been_told() {
    let page = Page::new();
    let mut client = question();
    let server = page.next_attempt().unwrap().accept();
    send(&server, 1..=2);
    server.end();
    let closed = |events: &[Event]| match events.last() {
        Some(Event::Closed(closed)) => closed.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(closed(&page.events(&mut client)), CloseReason::Ended);

    let page = page.reload();
    let mut again = question();
    assert_eq!(closed(&page.events(&mut again)), CloseReason::Ended);
    assert!(page.next_attempt().is_none(), "nothing is asked");
    // This page knows: it is the next question.
    let mut next = question();
    let server = page.next_attempt().expect("it is asked").accept();
    send(&server, 1..=1);
    pull(&page, &mut next, 1);
    drop((client, again));
}

#[test]
fn an_end_that_the_app_has_not_read_up_to_is_not_told_to_the_next_page() {
    let page = Page::new();
    let mut client = question();
    let server = page.next_attempt().unwrap().accept();
    send(&server, 1..=2);
    server.end();
    pull(&page, &mut client, 1);
    let name = "everwire ann%20prices /answer";
    assert!(Storage::session().get_item(name).unwrap().unwrap().starts_with(r#"["m1",null,null,["#));
    let page = page.reload();
    let _again = question();
    assert!(page.next_attempt().is_some());
}

#[test]
fn a_place_that_leads_nowhere_is_gone() {
    let page = Page::new();
    let mut client = connect(kept());
    let (_, server) = asked(&page);
    send(&server, 1..=2);
    pull(&page, &mut client, 2);
    page.advance(seconds(1));
    server.break_off();
    // Whether it is about the cursor is asked once more.
    for _ in 0..2 {
        page.wait_for_attempt().unwrap().respond(Response::new(410));
    }
    let events = page.events(&mut client);
    assert!(matches!(events.last(), Some(Event::Closed(_))), "{events:?}");
    assert_eq!(stored().as_deref(), Some("[]"));
}

#[test]
fn the_names_of_a_client_and_its_messages_say_nothing_of_the_place() {
    let page = Page::new();
    let resume = Resume::new().with_storage(Storage::session(), "secret");
    assert!(!format!("{resume:?}").contains("secret"));
    assert_eq!(resume, resume.clone());
    assert_ne!(resume, Resume::new().with_storage(Storage::local(), "secret"));
    let mut client = connect(resume);
    let (_, server) = asked(&page);
    send(&server, 1..=1);
    let one = pull(&page, &mut client, 1);
    // A message is what came.
    let page = page.reload();
    let mut other = connect(Resume::new());
    let (_, server) = asked(&page);
    send(&server, 1..=1);
    assert_eq!(pull(&page, &mut other, 1), one);
    let _ = Rc::new(client);
}

#[test]
fn what_is_stored_of_the_cursor_is_of_the_message_that_moved_it() {
    let page = Page::new();
    let mut client = connect(kept());
    let server = page.next_attempt().unwrap().accept();
    server.send_event(SseEvent::new("five").with_id("m5"));
    server.send_event(SseEvent::new("without an id"));
    pull(&page, &mut client, 2);
    page.advance(seconds(1));
    let page = page.reload();
    let mut client = connect(kept());
    let server = page.next_attempt().unwrap().accept();
    server.send_event(SseEvent::new("five").with_id("m5"));
    server.send_event(SseEvent::new("six").with_id("m6"));
    let messages = pull(&page, &mut client, 1);
    assert_eq!(messages[0].text(), Some("six"), "the one before it was the cursor's");
    assert_eq!(client.handle().stats().outcome, Some(Outcome::Recovered));
}
