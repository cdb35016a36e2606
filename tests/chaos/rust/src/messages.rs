//! Numbered messages on each transport: see tests/chaos/run.mjs.

use everwire::{Client, Event, State, Transport, options::Resume, storage::Storage};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::page::{Tally, begin, endpoints, fail, fail_by_panic, option, paced, rate, tally_of};

#[derive(Deserialize)]
struct Count {
    seq: u32,
}

#[wasm_bindgen]
pub fn messages() {
    fail_by_panic();
    for transport in [Transport::WebSocket, Transport::EventSource, Transport::Fetch] {
        match connect(transport) {
            Ok(client) => spawn_local(count(client, tally_of(transport.name()))),
            Err(error) => fail(&format!("{transport}: {error}")),
        }
    }
}

fn connect(transport: Transport) -> Result<Client, everwire::error::ConnectError> {
    let log = option("log").map(|log| format!("&log={log}")).unwrap_or_default();
    let path = format!("/count?begin={}&rate={}&to=1000000000000{log}", begin(), rate());
    let mut addresses = endpoints().into_iter().map(|address| address + &path);
    let mut resume = Resume::new().with_seq("seq").with_storage(Storage::session(), transport.name());
    if transport == Transport::WebSocket {
        resume = resume.with_id("eventId");
    }
    let first = addresses.next().unwrap_or_default();
    paced(Client::builder(first)).failover(addresses).transport(transport).resume(resume).connect()
}

pub(crate) async fn count(mut client: Client, tally: Tally) {
    // Another connection, and the state was open all the while.
    let mut calm = true;
    let mut opened = None;
    while let Some(event) = client.next().await {
        match event {
            Event::Message(message) => {
                // Which endpoint it is at, its first message tells.
                if let Some(rolled_over) = opened.take() {
                    tally.open(message.origin(), rolled_over);
                }
                match message.json::<Count>() {
                    Ok(Count { seq }) => tally.message(f64::from(seq)),
                    Err(error) => fail(&format!("{:?}: {error}", message.text())),
                }
            }
            Event::Open(_) => opened = Some(std::mem::replace(&mut calm, true)),
            Event::State(State::Closed) | Event::Retry(_) => {}
            Event::State(_) => calm = false,
            Event::Gap(gap) => {
                let (from, to) = gap.missing.unzip();
                tally.gap(from.map(|from| from as f64), to.map(|to| to as f64));
            }
            other => fail(&format!("{other:?}")),
        }
    }
}
