#[path = "../page/bare.rs"]
mod page;

use std::{cell::RefCell, rc::Rc};

use futures_util::{SinkExt, StreamExt};
use gloo_net::websocket::{Message, futures::WebSocket};
use wasm_bindgen_futures::spawn_local;

fn main() -> Result<(), wasm_bindgen::JsValue> {
    let page = page::Page::new()?;
    let Ok(socket) = WebSocket::open("wss://example.com/live") else { return Ok(()) };
    let (sink, mut stream) = socket.split();
    let sink = Rc::new(RefCell::new(Some(sink)));
    page.on_click(move || {
        let sink = sink.clone();
        spawn_local(async move {
            let Some(mut taken) = sink.take() else { return };
            let _ = taken.send(Message::Text("hello".to_owned())).await;
            sink.replace(Some(taken));
        });
    })?;
    spawn_local(async move {
        page.state.set_text_content(Some("connecting"));
        while let Some(message) = stream.next().await {
            match message {
                Ok(Message::Text(text)) => page.last.set_text_content(Some(&text)),
                Ok(_) => {}
                Err(_) => page.state.set_text_content(Some("closed")),
            }
        }
    });
    Ok(())
}
