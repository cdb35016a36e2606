//! Prices as they come, in Leptos.

use everwire::{
    Client, Event, Handle,
    options::{Heartbeat, Resume},
};
use leptos::{mount::mount_to_body, prelude::*, task::spawn_local};

const SERVER: &str = "ws://localhost:8081/live";

#[derive(serde::Deserialize)]
struct Price {
    price: f64,
}

#[derive(Clone)]
struct Row {
    id: String,
    price: String,
}

#[component]
fn App() -> impl IntoView {
    let (state, set_state) = signal("connecting".to_owned());
    let (gap, set_gap) = signal(String::new());
    let (rows, set_rows) = signal(Vec::<Row>::new());
    // The handle is not `Send`, so it stands in local storage.
    let handle = StoredValue::<Option<Handle>, LocalStorage>::new_local(None);

    spawn_local(async move {
        let client = Client::builder(SERVER)
            .heartbeat(Heartbeat::new())
            .resume(Resume::new().with_id("eventId").with_gap("gap"))
            .connect();
        let mut wire = match client {
            Ok(wire) => wire,
            Err(error) => return set_state.set(error.to_string()),
        };
        handle.set_value(Some(wire.handle()));
        while let Some(event) = wire.next().await {
            match event {
                Event::Message(message) => {
                    // What is no price, a pong say, is left out.
                    let Ok(Price { price }) = message.json() else { continue };
                    let row = Row { id: message.last_event_id().to_owned(), price: format!("{price:.2}") };
                    set_rows.update(|rows| {
                        rows.insert(0, row);
                        rows.truncate(100);
                    });
                }
                Event::Gap(gap) => set_gap.set(format!("Prices may be missing after {}.", gap.after)),
                Event::State(state) => set_state.set(state.to_string()),
                Event::Retry(retry) => set_state.set(format!("waiting, because: {}", retry.failure)),
                _ => {}
            }
        }
    });
    let cut = move |_| {
        if let Some(handle) = handle.get_value() {
            handle.reconnect();
        }
    };

    view! {
        <h1>"Prices in Rust"</h1>
        <p><button id="cut" on:click=cut>"Cut the connection"</button></p>
        <p id="state" role="status">{state}</p>
        <p id="gap" role="alert">{gap}</p>
        <table>
            <thead><tr><th>"Price"</th><th>"Message"</th></tr></thead>
            <tbody id="prices">
                <For each=move || rows.get() key=|row| row.id.clone() let:row>
                    <tr><td>{row.price}</td><td>{row.id}</td></tr>
                </For>
            </tbody>
        </table>
    }
}

fn main() {
    mount_to_body(App);
}
