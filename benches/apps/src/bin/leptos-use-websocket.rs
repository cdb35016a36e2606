use codee::string::FromToStringCodec;
use leptos::{mount::mount_to_body, prelude::*};
use leptos_use_websocket::{ConnectionReadyState, UseWebSocketReturn, use_websocket};

#[component]
fn App() -> impl IntoView {
    let UseWebSocketReturn { ready_state, message, send, .. } =
        use_websocket::<String, String, FromToStringCodec>("wss://example.com/live");
    let state = move || match ready_state.get() {
        ConnectionReadyState::Connecting => "connecting",
        ConnectionReadyState::Open => "open",
        ConnectionReadyState::Closing => "closing",
        ConnectionReadyState::Closed => "closed",
    };
    let last = move || message.get().unwrap_or_default();
    view! {
        <p>{state}</p>
        <p>{last}</p>
        <button on:click=move |_| send(&"hello".to_owned())>"hello"</button>
    }
}

fn main() {
    mount_to_body(App);
}
