use everwire::{Client, Event};
use leptos::{mount::mount_to_body, prelude::*, task::spawn_local};

#[component]
fn App() -> impl IntoView {
    let (state, set_state) = signal("connecting".to_owned());
    let (last, set_last) = signal(String::new());
    let Ok(mut client) = Client::builder("wss://example.com/live").connect() else { return ().into_any() };
    let handle = client.handle();
    spawn_local(async move {
        while let Some(event) = client.next().await {
            match event {
                Event::Message(message) => set_last.set(message.text().unwrap_or_default().to_owned()),
                Event::State(state) => set_state.set(state.to_string()),
                _ => {}
            }
        }
    });
    view! {
        <p>{state}</p>
        <p>{last}</p>
        <button on:click=move |_| drop(handle.send("hello"))>"hello"</button>
    }
    .into_any()
}

fn main() {
    mount_to_body(App);
}
