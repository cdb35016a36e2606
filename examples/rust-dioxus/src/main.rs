//! Prices as they come, in Dioxus.

use dioxus::prelude::*;
use everwire::{
    Client, Event, Handle,
    options::{Heartbeat, Resume},
};

const SERVER: &str = "ws://localhost:8081/live";

#[derive(serde::Deserialize)]
struct Price {
    price: f64,
}

struct Row {
    id: String,
    price: String,
}

#[component]
fn App() -> Element {
    let mut state = use_signal(|| "connecting".to_owned());
    let mut gap = use_signal(String::new);
    let mut rows = use_signal(Vec::<Row>::new);
    let mut handle = use_signal(|| None::<Handle>);

    // It ends with the component, and the client with it, which closes.
    use_future(move || async move {
        let client = Client::builder(SERVER)
            .heartbeat(Heartbeat::new())
            .resume(Resume::new().with_id("eventId").with_gap("gap"))
            .connect();
        let mut wire = match client {
            Ok(wire) => wire,
            Err(error) => return state.set(error.to_string()),
        };
        handle.set(Some(wire.handle()));
        while let Some(event) = wire.next().await {
            match event {
                Event::Message(message) => {
                    // What is no price, a pong say, is left out.
                    let Ok(Price { price }) = message.json() else { continue };
                    let row = Row { id: message.last_event_id().to_owned(), price: format!("{price:.2}") };
                    let mut rows = rows.write();
                    rows.insert(0, row);
                    rows.truncate(100);
                }
                Event::Gap(missed) => gap.set(format!("Prices may be missing after {}.", missed.after)),
                Event::State(now) => state.set(now.to_string()),
                Event::Retry(retry) => state.set(format!("waiting, because: {}", retry.failure)),
                _ => {}
            }
        }
    });
    let cut = move |_| {
        if let Some(handle) = &*handle.read() {
            handle.reconnect();
        }
    };

    rsx! {
        h1 { "Prices in Rust" }
        p { button { id: "cut", onclick: cut, "Cut the connection" } }
        p { id: "state", role: "status", "{state}" }
        p { id: "gap", role: "alert", "{gap}" }
        table {
            thead { tr { th { "Price" } th { "Message" } } }
            tbody { id: "prices",
                for row in rows.read().iter() {
                    tr { key: "{row.id}", td { "{row.price}" } td { "{row.id}" } }
                }
            }
        }
    }
}

fn main() {
    dioxus::launch(App);
}
