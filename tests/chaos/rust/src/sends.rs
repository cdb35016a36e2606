//! Numbered messages to the server's ledger: see tests/chaos/sends.mjs.

use std::rc::Rc;

use everwire::{
    Client, Event, Message, Sent,
    options::{Outbox, SendOptions},
};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::page::{Sends, endpoints, fail, fail_by_panic, paced, sends_of};

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Acked,
    Confirmed,
    Plain,
}

#[wasm_bindgen]
pub fn sends() {
    fail_by_panic();
    for (name, mode) in [("acked", Mode::Acked), ("confirmed", Mode::Confirmed), ("plain", Mode::Plain)] {
        let sends = Rc::new(sends_of(name));
        if let Err(error) = begin(mode, Rc::clone(&sends)) {
            fail(&format!("{name}: {error}"));
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

fn begin(mode: Mode, sends: Rc<Sends>) -> Result<(), everwire::error::ConnectError> {
    let address = endpoints().into_iter().next().unwrap_or_default().replacen("http", "ws", 1);
    let silent = if mode == Mode::Acked { "" } else { "&ack=0" };
    let url = format!("{address}/ledger?client={}{silent}", sends.key());
    let mut builder = paced(Client::builder(url)).outbox(roomy());
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
    let send = Closure::<dyn Fn(f64)>::new(move |n: f64| {
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
    sends.drive(&send.into_js_value());
    Ok(())
}
