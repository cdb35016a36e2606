//! An app that uses all of it, on a server that wants tokens: see tests/chaos/app.mjs.

use std::{rc::Rc, time::Duration};

use everwire::{
    Builder, Client, Event, Transport,
    auth::{Authorize, Token, TokenContext, Tokens},
    endpoint::{EndpointError, Request, Ways},
    error::ConnectError,
    options::{Fallback, Persist, Rate, Resume, SendOptions, Uplink},
    requests::Requests,
    storage::Storage,
    topics::Subscriptions,
};
use serde::Deserialize;
use serde_json::json;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::{
    page::{Sends, begin, endpoints, fail, fail_by_panic, note, paced, rate, sends_of, tally_of},
    sends::{acked, name_of, roomy},
    topics::{Room, ask, room},
};

const ROOMS: [&str; 2] = ["a", "b"];
const SECOND: Duration = Duration::from_secs(1);

#[wasm_bindgen]
pub fn app() {
    fail_by_panic();
    if let Err(error) = connect() {
        fail(&error.to_string());
    }
}

fn connect() -> Result<(), Box<dyn std::error::Error>> {
    let address = endpoints().into_iter().next().unwrap_or_default();
    let asked = format!("{address}/token?ms=10000");
    let tokens = Tokens::new(move |context| ask_for_token(asked.clone(), context))
        .with_refresh_ahead(5 * SECOND)
        .with_origins([&address, &address.replacen("http", "ws", 1)])?;
    numbers(&address, &tokens)?;
    rooms(&address, &tokens)?;
    Ok(())
}

/// Through the same faults.
async fn ask_for_token(url: String, context: TokenContext) -> Result<Token, EndpointError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        token: String,
        expires_in: u64,
    }
    note(&format!("token, {:?}", context.reason).to_lowercase());
    let words = |error: JsValue| format!("{error:?}");
    let window = web_sys::window().ok_or("there is no window")?;
    // In a black hole it hangs, and all who want a token with it. Unless it is aborted, it keeps one of the host's six connections.
    let init = web_sys::RequestInit::new();
    init.set_signal(Some(&web_sys::AbortSignal::timeout_with_u32(2_000)));
    let asked = window.fetch_with_str_and_init(&url, &init);
    let response = JsFuture::from(asked).await.map_err(words)?;
    let text = response.dyn_into::<web_sys::Response>().map_err(words)?.text().map_err(words)?;
    let text = JsFuture::from(text).await.map_err(words)?.as_string().unwrap_or_default();
    let Answer { token, expires_in } = serde_json::from_str(&text)?;
    Ok(Token::new(token).with_expires_in(Duration::from_millis(expires_in)))
}

/// Over a WebSocket or an event stream, whatever gets through, with a token in each request.
fn ways(address: &str, path: &str, put: Rc<Authorize>) -> Builder {
    let url = format!("{address}{path}&auth=1");
    let (probe, asks) = (url.clone(), Rc::clone(&put));
    let ways = Ways::new().with_websocket(url.replacen("http", "ws", 1)).with_sse(url);
    paced(Client::builder(ways))
        .fallback(Fallback::new().with_remember_as(path.split('?').next().unwrap_or_default()))
        .map_request(move |request, context| put(request, context))
        .probe_with(move |context| asks(Request::get(&probe), context))
}

/// Numbers that go on after a reload.
fn numbers(address: &str, tokens: &Tokens) -> Result<(), ConnectError> {
    let path = format!("/count?begin={}&rate={}&to=1000000000000", begin(), rate());
    let resume = Resume::new()
        .with_id("eventId")
        .with_seq("seq")
        .via_query()
        .with_storage(Storage::session(), "numbers");
    let client = ways(address, &path, Rc::new(tokens.query("token"))).resume(resume).connect()?;
    spawn_local(crate::messages::count(client, tally_of("numbers")));
    Ok(())
}

/// Topics, what is said in them, and requests.
fn rooms(address: &str, tokens: &Tokens) -> Result<(), ConnectError> {
    let path = "/rooms?name=page";
    let said: Rc<Vec<(&str, Rc<Sends>)>> =
        Rc::new(ROOMS.map(|name| (name, Rc::new(sends_of(&format!("to {name}"), true)))).into());
    let restored = Rc::clone(&said);
    let persist = Persist::new("rooms").with_restored(move |text, sending| {
        let id = text.split("\"id\":\"said-").nth(1).and_then(|rest| rest.split('"').next());
        let Some((name, n)) = id.and_then(|id| id.split_once('-')) else {
            return fail(&format!("restored: {text}"));
        };
        let sends = restored.iter().find(|(of, _)| *of == name).map(|(_, sends)| Rc::clone(sends));
        let (Some(sends), Ok(n)) = (sends, n.parse::<f64>()) else {
            return fail(&format!("restored: {text}"));
        };
        note("restored");
        spawn_local(async move { sends.settled(n, &name_of(sending.await)) });
    });
    let posts = format!("{address}{path}&auth=1");
    // One for all that the client asks: a refusal is that of the token which was put there last.
    let put: Rc<Authorize> = Rc::new(tokens.query("token"));
    let mut client = ways(address, path, Rc::clone(&put))
        .uplink(
            Uplink::new_with(move |context| put(Request::get(&posts), context))
                .with_timeout(Duration::from_millis(1_500)),
        )
        .outbox(roomy())
        .persist(persist)
        .rate(Rate::new(1_000, SECOND))
        // The server acks by id whatever has one. For a request that is the reply.
        .acks(|message| acked(message).filter(|id| id.starts_with("said-")))
        .subscriptions(Subscriptions::new().with_id("eventId").with_seq("seq"))
        .requests(Requests::new().with_timeout(60 * SECOND).with_retry())
        .connect()?;
    let handle = client.handle();
    let (greets, opened) = (handle.clone(), handle.clone());
    tokens.keep_fresh(&handle, move |token| {
        // The server has no use for it, but takes it.
        let auth = json!({ "type": "auth", "token": token }).to_string();
        drop(greets.send_with(&auth, &SendOptions::new().with_volatile()));
    });
    spawn_local(async move {
        while let Some(event) = client.next().await {
            if matches!(event, Event::Open(_)) {
                note(&format!("by {}", opened.transport().map_or("nothing", Transport::name)));
            }
            if !matches!(event, Event::Open(_) | Event::State(_) | Event::Retry(_)) {
                fail(&format!("for nobody: {event:?}"));
            }
        }
    });
    for (name, sends) in said.iter() {
        let kept = Some(Rc::clone(sends));
        room(&handle, name, Room { kept, ..Room::default() });
    }
    ask(handle);
    Ok(())
}
