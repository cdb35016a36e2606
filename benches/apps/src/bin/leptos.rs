use leptos::{mount::mount_to_body, prelude::*};

#[component]
fn App() -> impl IntoView {
    let (state, set_state) = signal("connecting".to_owned());
    let (last, set_last) = signal(String::new());
    let click = move |_| {
        set_state.set("open".to_owned());
        set_last.set("hello".to_owned());
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
