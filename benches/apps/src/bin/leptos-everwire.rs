use everwire::{Client, Event};
use leptos::{mount::mount_to_body, prelude::*, task::spawn_local};

#[component]
fn App() -> impl IntoView {
    let (state, set_state) = signal("connecting".to_owned());
    let (last, set_last) = signal(String::new());
    let client = Client::builder("wss://example.com/live").connect();
    let handle = client.as_ref().ok().map(Client::handle);
    spawn_local(async move {
        let Ok(mut client) = client else { return };
        while let Some(event) = client.next().await {
            match event {
                Event::Message(message) => set_last.set(message.text().unwrap_or_default().to_owned()),
                Event::State(state) => set_state.set(state.to_string()),
                _ => {}
            }
        }
    });
    let click = move |_| {
        if let Some(handle) = &handle {
            drop(handle.send("hello"));
        }
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
