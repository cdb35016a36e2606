//! What a client has to do wherever an app runs: see tests/app/run.mjs.

use std::time::Duration;

use everwire::{
    Client, Event, Transport,
    error::ConnectError,
    event::CloseReason,
    options::{Heartbeat, Jitter, Reconnect, Resume},
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
    // Not each engine tells what `window.stop()` cut.
    let heartbeat =
        Heartbeat::new().with_interval(Duration::from_secs(1)).with_timeout(Duration::from_millis(500));
    Client::builder(address)
        .transport(transport)
        .reconnect(soon)
        .heartbeat(heartbeat)
        .resume(resume)
        .connect()
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

/// Connects, and counts for as long as the place lives: how many came is told. An error: one is missing or came twice.
#[wasm_bindgen]
pub async fn stay(transport: String, address: String, tell: Function) -> Result<(), JsError> {
    let mut wire = connect(&transport, address)?;
    let mut seen = Vec::new();
    loop {
        let to = seen.len() + 1;
        numbers(&mut wire, &mut seen, to).await?;
        if seen.last().copied() != seen.first().map(|first| first + to as u32 - 1) {
            return Err(JsError::new(&format!("out of order: {seen:?}")));
        }
        tell.call1(&JsValue::NULL, &JsValue::from(to as u32))
            .map_err(|error| JsError::new(&format!("{error:?}")))?;
    }
}

/// What becomes of a client that the browser does not let out.
#[wasm_bindgen]
pub async fn refused(transport: String, address: String) -> Result<String, JsError> {
    let mut wire = connect(&transport, address)?;
    while let Some(event) = wire.next().await {
        match event {
            Event::Closed(closed) => return Ok(format!("{:?}, {:?}", closed.reason, closed.failure)),
            Event::State(_) => {}
            other => return Err(JsError::new(&format!("{other:?}"))),
        }
    }
    Err(JsError::new("it ended without a word"))
}

/// A hundred clients on each transport, which end at once, when open, or after a message. An error: the memory has grown.
#[wasm_bindgen]
pub async fn cycles(socket: String, stream: String) -> Result<(), JsError> {
    let mut settled = 0;
    for round in 0..100 {
        for (transport, address) in [("websocket", &socket), ("fetch", &stream), ("eventsource", &stream)] {
            let mut wire = connect(transport, address.clone())?;
            if round % 2 == 1 {
                numbers(&mut wire, &mut Vec::new(), 1).await?;
            }
            if round % 3 == 0 {
                wire.handle().close();
            }
        }
        if round == 40 {
            settled = memory();
        }
    }
    if memory() == settled {
        Ok(())
    } else {
        Err(JsError::new(&format!("{settled} bytes of memory became {}", memory())))
    }
}

fn memory() -> u32 {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length()
}
