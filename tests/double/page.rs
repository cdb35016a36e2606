//! The double itself.

use std::{cell::RefCell, rc::Rc, time::Duration};

use everwire::{
    Client,
    error::ConnectError,
    test_util::{Page, sleep},
};

use crate::support::{millis, seconds, web_socket};

#[test]
fn without_a_page_there_is_nothing_to_connect_with() {
    for address in ["wss://example.com/live", "/live", "https://example.com"] {
        assert_eq!(Client::builder(address).connect().err(), Some(ConnectError::Unsupported));
    }
    let page = Page::new();
    let client = Client::builder("/live").connect().unwrap();
    drop(page);
    // It outlives its page, and does no harm.
    client.handle().reconnect();
    drop(client.handle().send("x"));
    assert_eq!(Client::builder("/live").connect().err(), Some(ConnectError::Unsupported));
}

#[test]
fn timers_and_tasks_run_in_order_each_at_its_time() {
    let page = Page::new();
    let seen = Rc::<RefCell<Vec<(u32, Duration)>>>::default();
    let page = Rc::new(page);
    for (n, ms) in [(1, 20), (2, 10), (3, 20), (4, 0)] {
        let (to, now) = (Rc::clone(&seen), Rc::clone(&page));
        page.spawn(async move {
            sleep(millis(ms)).await;
            to.borrow_mut().push((n, now.elapsed()));
        });
    }
    page.advance(millis(15));
    assert_eq!(*seen.borrow(), [(4, millis(0)), (2, millis(10))]);
    page.advance(seconds(1));
    assert_eq!(seen.borrow()[2..], [(1, millis(20)), (3, millis(20))]);
    assert_eq!(page.elapsed(), millis(1_015));
}

#[test]
fn what_can_never_come_does_not_hang() {
    let page = Page::new();
    assert!(page.block_on(std::future::pending::<()>()).is_err());
    assert!(page.wait_for_attempt().is_err());
    // Also with a timer that goes on for ever.
    page.spawn(async {
        loop {
            sleep(seconds(1)).await;
        }
    });
    let stalled = page.block_on(std::future::pending::<()>()).unwrap_err();
    assert!(stalled.to_string().starts_with("nothing is left to run"));
    assert_eq!(page.block_on(async { 7 }), Ok(7));
}

#[test]
fn a_hundred_years_pass_in_no_time() {
    let page = Page::new();
    let client = web_socket().connect().unwrap();
    let server = page.next_attempt().unwrap().accept();
    page.advance(seconds(100 * 365 * 24 * 3_600));
    assert!(server.is_open());
    page.advance(Duration::MAX);
    drop(client);
}

#[test]
fn a_client_reads_while_another_task_writes() {
    let page = Page::new();
    let mut client = web_socket().connect().unwrap();
    let server = page.next_attempt().unwrap().accept();
    let (handle, to) = (client.handle(), server.clone());
    page.spawn(async move {
        sleep(seconds(1)).await;
        // Called from within: what it brings runs next.
        to.send_text("one");
        drop(handle.send("two"));
        sleep(seconds(1)).await;
        to.close(4403, "");
    });
    let count = page.block_on(async {
        let mut count = 0;
        while client.next().await.is_some() {
            count += 1;
        }
        count
    });
    // State and open, the message, state and closed.
    assert_eq!(count, Ok(5));
    assert_eq!(server.received(), Some("two".into()));
    assert_eq!(page.elapsed(), seconds(2));
}

#[test]
fn the_newest_page_counts_until_it_is_dropped() {
    let outer = Page::new();
    let inner = Page::new().with_address("http://localhost:8080/app/");
    let client = Client::builder("live").connect().unwrap();
    assert_eq!(inner.next_attempt().unwrap().url(), "http://localhost:8080/app/live");
    assert!(outer.next_attempt().is_none());
    drop((client, inner));
    let client = Client::builder("/live").connect().unwrap();
    assert_eq!(outer.next_attempt().unwrap().url(), "https://app.example/live");
    drop(client);
}
