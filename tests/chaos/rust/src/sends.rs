//! Numbered messages to the server's ledger: see tests/chaos/sends.mjs.

use std::{rc::Rc, time::Duration};

use everwire::{
    Builder, Client, Event, Message, Sent, Transport,
    options::{Outbox, Resume, SendOptions, Uplink},
};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::page::{Sends, endpoints, fail, fail_by_panic, option, paced, sends_of};

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Acked,
    Confirmed,
    Plain,
}

#[wasm_bindgen]
pub fn sends() {
    fail_by_panic();
    let modes: &[(&str, Mode, Way)] = if over_streams() {
        // By POSTs beside event streams. A browser makes six connections to a host, so there are two names of it.
        &[
            ("acked", Mode::Acked, Way::Stream(Transport::Fetch, "127.0.0.1")),
            ("acked, eventsource", Mode::Acked, Way::Stream(Transport::EventSource, "localhost")),
            ("plain", Mode::Plain, Way::Stream(Transport::Fetch, "127.0.0.1")),
        ]
    } else {
        &[
            ("acked", Mode::Acked, Way::WebSocket),
            ("confirmed", Mode::Confirmed, Way::WebSocket),
            ("plain", Mode::Plain, Way::WebSocket),
        ]
    };
    for (name, mode, way) in modes {
        let sends = Rc::new(sends_of(name, false));
        if let Err(error) = begin(*mode, *way, Rc::clone(&sends)) {
            fail(&format!("{name}: {error}"));
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Way {
    WebSocket,
    /// The name of the host is the second.
    Stream(Transport, &'static str),
}

pub(crate) fn over_streams() -> bool {
    option("over").as_deref() == Some("stream")
}

/// A client that can send.
pub(crate) fn two_ways(path: &str, way: Way) -> Builder {
    let address = endpoints().into_iter().next().unwrap_or_default() + path;
    match way {
        Way::WebSocket => paced(Client::builder(address.replacen("http", "ws", 1))),
        Way::Stream(transport, host) => {
            let address = address.replacen("localhost", host, 1).replacen("127.0.0.1", host, 1);
            paced(Client::builder(&address))
                .transport(transport)
                .resume(Resume::new().via_query())
                .uplink(Uplink::new(&address).with_timeout(Duration::from_millis(1_500)))
        }
    }
}

/// The id that the message acks.
pub(crate) fn acked(message: &Message) -> Option<String> {
    #[derive(Deserialize)]
    struct Ack {
        id: String,
    }
    if message.kind() != "ack" {
        return None;
    }
    message.json().ok().map(|Ack { id }| id)
}

/// As the JavaScript API names it.
pub(crate) fn name_of(sent: Sent) -> String {
    match sent {
        Sent::Sent => "sent".to_owned(),
        Sent::Acked => "acked".to_owned(),
        Sent::Unknown => "unknown".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What comes together while nobody is there.
pub(crate) fn roomy() -> Outbox {
    Outbox::new().with_max_messages(100_000).with_max_bytes(100_000_000).with_in_flight(64)
}

/// Sends each number when it is due.
pub(crate) fn drive(sends: &Sends, send: impl Fn(f64) + 'static) {
    sends.drive(&Closure::<dyn Fn(f64)>::new(send).into_js_value());
}

fn begin(mode: Mode, way: Way, sends: Rc<Sends>) -> Result<(), everwire::error::ConnectError> {
    let silent = if mode == Mode::Acked { "" } else { "&ack=0" };
    let path = format!("/ledger?client={}{silent}", sends.key());
    let mut builder = two_ways(&path, way).outbox(roomy());
    if mode == Mode::Acked {
        builder = builder.acks(acked);
    }
    let mut client = builder.connect()?;
    let handle = client.handle();
    let opened = Rc::clone(&sends);
    spawn_local(async move {
        while let Some(event) = client.next().await {
            match event {
                Event::Open(_) => opened.open(),
                Event::Message(_) | Event::Gap(_) | Event::Overflow { .. } | Event::Closed(_) => {
                    fail(&format!("{event:?}"));
                }
                _ => {}
            }
        }
    });
    let settles = Rc::clone(&sends);
    drive(&sends, move |n| {
        let id = format!("m{n}");
        let text = format!(r#"{{"id":"{id}","n":{n}}}"#);
        let options = match mode {
            Mode::Acked => SendOptions::new().with_ack(id),
            Mode::Confirmed => SendOptions::new().with_confirm(),
            Mode::Plain => SendOptions::new(),
        };
        match handle.send_with(&text, &options) {
            Ok(sending) => {
                let settles = Rc::clone(&settles);
                spawn_local(async move { settles.settled(n, &name_of(sending.await)) });
            }
            Err(error) => fail(&error.to_string()),
        }
    });
    Ok(())
}
