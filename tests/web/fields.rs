//! The same stream over every transport: what a message is.

use everwire::{Client, Event, Transport, options::Resume};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Live, QUICK, Server, next, web_socket};

/// A block, and of its message type, text and id.
const BLOCKS: [(&str, Option<[&str; 3]>); 19] = [
    (r#"data: {\"type\":\"price\"}"#, Some(["price", r#"{"type":"price"}"#, ""])),
    // By the standard `message` is the type of an event without a name.
    (r#"event: message\ndata: {\"type\":\"price\"}"#, Some(["price", r#"{"type":"price"}"#, ""])),
    (r"event: message\ndata: x", Some(["message", "x", ""])),
    (r"event:\ndata: x", Some(["message", "x", ""])),
    (r#"event: other\ndata: {\"type\":\"price\"}"#, Some(["other", r#"{"type":"price"}"#, ""])),
    (r"event: open\ndata: x", Some(["open", "x", ""])),
    (r"event: error\ndata: x", Some(["error", "x", ""])),
    (r"id: 7\ndata: with an id", Some(["message", "with an id", "7"])),
    (r"data: after it", Some(["message", "after it", "7"])),
    (r"id: 8", None),
    (r"data: after an id alone", Some(["message", "after an id alone", "8"])),
    (r"id: 9\u0000\ndata: what is no id", Some(["message", "what is no id", "8"])),
    (r"id\ndata: none any more", Some(["message", "none any more", ""])),
    (r"id: é\ndata: ü 💡", Some(["message", "ü 💡", "é"])),
    (r"data: two\ndata: lines\ndata", Some(["message", "two\nlines\n", "é"])),
    (r"data:  42", Some(["message", " 42", "é"])),
    (r#"data: {\"torn\""#, Some(["message", r#"{"torn""#, "é"])),
    (r"data", Some(["message", "", "é"])),
    (r": comment\nother: field\ndata: x", Some(["message", "x", "é"])),
];

/// Firefox's own EventSource forgets the id of a block without data, and loses an event whose id has a NUL.
fn forgets(transport: Transport) -> bool {
    let agent = user_agent();
    transport == Transport::EventSource && agent.contains("Firefox/")
}

fn user_agent() -> String {
    let navigator = js_sys::Reflect::get(&js_sys::global(), &"navigator".into()).unwrap();
    js_sys::Reflect::get(&navigator, &"userAgent".into()).unwrap().as_string().unwrap()
}

async fn messages(wire: &mut Client, count: usize) -> Vec<everwire::Message> {
    let mut messages = Vec::new();
    while messages.len() < count {
        match next(wire).await {
            Event::Message(message) => messages.push(message),
            Event::Closed(closed) => panic!("{closed:?}"),
            _ => {}
        }
    }
    messages
}

async fn come_as_they_are(transport: Transport) {
    let server = Server::start().await;
    let rows: Vec<_> = BLOCKS
        .into_iter()
        .filter(|(block, _)| {
            !(forgets(transport) && (block.starts_with("id: 8") || block.starts_with("id: 9")))
        })
        .map(|(block, message)| {
            let message = message
                .map(|[kind, text, id]| [kind, text, if forgets(transport) && id == "8" { "7" } else { id }]);
            (block, message)
        })
        .collect();
    let text: String = rows.iter().map(|(block, _)| format!(r"{block}\n\n")).collect();
    let expected: Vec<_> = rows.iter().filter_map(|(_, message)| *message).collect();
    let script = server.script("sse", &format!(r#"[[["send","{text}"]]]"#));
    let builder = Client::builder(script.url.as_str()).transport(transport).reconnect(QUICK);
    let mut wire = builder.events(["other", "open", "error"]).live();
    let seen = messages(&mut wire, expected.len()).await;
    let told: Vec<_> = seen
        .iter()
        .map(|message| [message.kind(), message.text().unwrap(), message.last_event_id()])
        .collect();
    assert_eq!(told, expected);
    let origin = server.sse("");
    assert!(seen.iter().all(|message| message.transport() == transport && message.origin() == origin));
}

#[wasm_bindgen_test]
async fn over_fetch() {
    come_as_they_are(Transport::Fetch).await;
}

#[wasm_bindgen_test]
async fn over_event_source() {
    come_as_they_are(Transport::EventSource).await;
}

#[wasm_bindgen_test]
async fn over_web_socket() {
    let server = Server::start().await;
    let texts =
        [r#"{\"type\":\"price\",\"id\":\"7\"}"#, "x", " 42", r#"{\"torn\""#, "", r#"{\"type\":5}"#, "[1]"];
    let sends: Vec<_> = texts.iter().map(|text| format!(r#"["send","{text}"]"#)).collect();
    let script = server.script("ws", &format!("[[{}]]", sends.join(",")));
    let mut wire = web_socket(&script.url).resume(Resume::new().with_id("id")).live();
    let seen = messages(&mut wire, texts.len()).await;
    let kinds: Vec<_> = seen.iter().map(|message| message.kind()).collect();
    assert_eq!(kinds, ["price", "message", "message", "message", "message", "message", "message"]);
    let plain: Vec<_> = texts.iter().map(|text| text.replace('\\', "")).collect();
    assert_eq!(seen.iter().map(|message| message.text().unwrap()).collect::<Vec<_>>(), plain);
    let origin = server.ws("");
    for message in &seen {
        assert_eq!(
            (message.transport(), message.origin(), message.last_event_id()),
            (Transport::WebSocket, origin.as_str(), "7")
        );
    }
}
