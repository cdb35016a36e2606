//! What the tests share.

pub(crate) mod live;
pub(crate) mod record;
pub(crate) mod server;
pub(crate) mod wait;

use std::time::Duration;

use everwire::{
    Builder, Client, Event, Transport,
    event::Closed,
    options::{Jitter, Reconnect},
};

pub(crate) use self::{live::Live, record::Record, server::Server};
use self::{record::label, wait::within};

/// As quick as the floor allows, and the same each time.
pub(crate) const QUICK: Reconnect =
    Reconnect::new().with_initial_delay(millis(100)).with_max_delay(millis(200)).with_jitter(Jitter::None);

pub(crate) const fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn web_socket(address: &str) -> Builder {
    Client::builder(address).reconnect(QUICK)
}

pub(crate) fn event_source(address: &str) -> Builder {
    Client::builder(address).transport(Transport::EventSource).reconnect(QUICK)
}

/// The next event, which must come.
pub(crate) async fn next(wire: &mut Client) -> Event {
    within("the next event", wire.next()).await.expect("the stream ended")
}

/// Passes over what comes before the connection is open.
pub(crate) async fn until_open(wire: &mut Client) {
    while !matches!(next(wire).await, Event::Open(_)) {}
}

/// The next message's text. Passes over all other events.
pub(crate) async fn next_text(wire: &mut Client) -> String {
    next_message(wire).await.text().expect("the message is binary").to_owned()
}

pub(crate) async fn next_message(wire: &mut Client) -> everwire::Message {
    loop {
        match next(wire).await {
            Event::Message(message) => return message,
            Event::Closed(closed) => panic!("closed instead of a message: {closed:?}"),
            _ => {}
        }
    }
}

/// How it ended, what came before that, and that nothing comes after it.
pub(crate) async fn until_closed(wire: &mut Client) -> (Closed, Vec<String>) {
    let mut before = Vec::new();
    loop {
        match next(wire).await {
            Event::Closed(closed) => {
                for _ in 0..2 {
                    assert!(within("the stream's end", wire.next()).await.is_none());
                }
                return (closed, before);
            }
            event => before.push(label(&event)),
        }
    }
}
