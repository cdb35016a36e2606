use futures_util::{SinkExt, StreamExt};
use gloo_net::websocket::{Message, futures::WebSocket};
use leptos::{mount::mount_to_body, prelude::*, task::spawn_local};

#[component]
fn App() -> impl IntoView {
    let (state, set_state) = signal("connecting".to_owned());
    let (last, set_last) = signal(String::new());
    let (sink, stream) = WebSocket::open("wss://example.com/live").ok().map(|socket| socket.split()).unzip();
    let sink = StoredValue::new_local(sink);
    spawn_local(async move {
        let Some(mut stream) = stream else { return };
        while let Some(message) = stream.next().await {
            match message {
                Ok(Message::Text(text)) => set_last.set(text),
                Ok(_) => {}
                Err(_) => set_state.set("closed".to_owned()),
            }
        }
    });
    let click = move |_| {
        let Some(mut taken) = sink.try_update_value(Option::take).flatten() else { return };
        spawn_local(async move {
            let _ = taken.send(Message::Text("hello".to_owned())).await;
            sink.set_value(Some(taken));
        });
    };
    view! {
        <p>{state}</p>
        <p>{last}</p>
        <button on:click=click>"hello"</button>
    }
}

fn main() {
    mount_to_body(App);
}
