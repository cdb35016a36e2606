//! What a client has to do wherever an app runs: see tests/app/run.mjs.

use std::time::Duration;

use everwire::{
    Client, Event, Transport,
    error::ConnectError,
    event::CloseReason,
    options::{Jitter, Reconnect, Resume},
};
use js_sys::Function;
use serde::Deserialize;
use wasm_bindgen::prelude::*;

#[derive(Deserialize)]
struct Count {
    seq: u32,
}

/// The server's `/count`: numbered messages, which it goes on with after the last id that it is told.
fn connect(transport: &str, address: String) -> Result<Client, ConnectError> {
    let transport = match transport {
        "websocket" => Transport::WebSocket,
        "eventsource" => Transport::EventSource,
        _ => Transport::Fetch,
    };
    let mut resume = Resume::new().with_seq("seq").via_query();
    if transport == Transport::WebSocket {
        resume = resume.with_id("eventId");
    }
    let soon = Reconnect::new().with_initial_delay(Duration::from_millis(100)).with_jitter(Jitter::None);
    Client::builder(address).transport(transport).reconnect(soon).resume(resume).connect()
}

/// Counts until `to` messages are there.
async fn numbers(wire: &mut Client, seen: &mut Vec<u32>, to: usize) -> Result<u32, JsError> {
    let mut retries = 0;
    while seen.len() < to {
        match wire.next().await {
            Some(Event::Message(message)) => seen.push(message.json::<Count>()?.seq),
            Some(Event::Retry(_)) => retries += 1,
            Some(Event::Open(_) | Event::State(_)) => {}
            other => return Err(JsError::new(&format!("after {seen:?} came {other:?}"))),
        }
    }
    Ok(retries)
}

/// Messages, a connection that is cut, the messages after it, and the end. What it saw, in words.
#[wasm_bindgen]
pub async fn follow(transport: String, address: String, cut: Function) -> Result<String, JsError> {
    let mut wire = connect(&transport, address)?;
    let mut seen = Vec::new();
    let early = numbers(&mut wire, &mut seen, 3).await?;
    cut.call0(&JsValue::NULL).map_err(|error| JsError::new(&format!("{error:?}")))?;
    // What was under way came before the cut was felt.
    let retries = loop {
        let to = seen.len() + 1;
        let retries = numbers(&mut wire, &mut seen, to).await?;
        if retries > 0 {
            break retries;
        }
    };
    let to = seen.len() + 3;
    let late = numbers(&mut wire, &mut seen, to).await?;
    let begin = seen.first().copied().unwrap_or_default();
    let all = seen.iter().zip(begin..).all(|(seq, expected)| *seq == expected);
    wire.handle().close();
    let mut closed = None;
    while let Some(event) = wire.next().await {
        if let Event::Closed(end) = event {
            closed = Some(end.reason);
        }
    }
    let told = format!("in order: {all}, reconnects: {}, closed: {closed:?}", early + retries + late);
    if closed == Some(CloseReason::App) { Ok(told) } else { Err(JsError::new(&told)) }
}

/// Connects, and counts for as long as the place lives: each number is told.
#[wasm_bindgen]
pub async fn stay(address: String, tell: Function) -> Result<(), JsError> {
    let mut wire = connect("websocket", address)?;
    let mut seen = Vec::new();
    loop {
        let to = seen.len() + 1;
        numbers(&mut wire, &mut seen, to).await?;
        let last = seen.last().copied().map_or(JsValue::NULL, JsValue::from);
        tell.call1(&JsValue::NULL, &last).map_err(|error| JsError::new(&format!("{error:?}")))?;
    }
}
