//! A marked secret goes in through addresses, headers, methods, protocols and messages, and through their failures. What can be
//! printed of anything that comes out does not hold it, nor does the console.

use std::fmt::{Debug, Display};

use everwire::{
    Builder, Client, Event,
    endpoint::Request,
    options::{Resume, Uplink},
};
use serde::Deserialize;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Live, QUICK, Server, millis};

const SECRET: &str = "S3CR3T";

fn clean(what: &str, text: &str) {
    assert!(!text.contains(SECRET), "{what}: {text}");
}

fn printed<E: Debug + Display>(error: &E) -> String {
    format!("{error:?} {error}")
}

/// Runs until it has failed once, or is open.
async fn follow(what: &str, builder: Builder) {
    clean(what, &format!("{builder:?}"));
    let mut wire = match builder.reconnect(QUICK).open_timeout(millis(2_000)).connect() {
        Ok(wire) => wire,
        Err(error) => return clean(what, &printed(&error)),
    };
    loop {
        clean(what, &format!("{wire:?} {:?}", wire.handle()));
        let event = wire.next().await;
        clean(what, &format!("{event:?}"));
        match event {
            Some(Event::Retry(retry)) => return clean(what, &printed(&retry.failure)),
            Some(Event::Closed(closed)) => {
                return clean(what, &closed.failure.map_or_else(String::new, |failure| printed(&failure)));
            }
            Some(Event::Open(_)) | None => return,
            _ => {}
        }
    }
}

/// What the console was told since the last time; it is given back first.
fn console(listens: bool) -> String {
    let script = if listens {
        "globalThis.everwireSaid = ['']; globalThis.everwireConsole = {};
         for (const name of ['warn', 'error']) {
           everwireConsole[name] = console[name];
           console[name] = (...given) => void everwireSaid.push(given.map(String).join(' '));
         } ''"
    } else {
        "Object.assign(console, everwireConsole); everwireSaid.join('\\n')"
    };
    js_sys::eval(script).unwrap().as_string().unwrap()
}

#[wasm_bindgen_test]
async fn nothing_that_is_printed_holds_a_secret() {
    let server = Server::start().await;
    let refused = format!("{}&token={SECRET}", server.script("sse", r#"[[["status",403]]]"#).url);
    let requests = || {
        let address = |address: &str| Request::get(address);
        vec![
            address(&format!("http://[{SECRET}")),
            address(&format!("nothing://{SECRET}")),
            address(&format!("http://user:{SECRET}@localhost/")),
            address(&format!("http://localhost:1023/?token={SECRET}")),
            address(&format!("http://localhost:6000/?token={SECRET}")),
            address(&format!("ws://localhost:1023/?token={SECRET}")),
            address(&format!("/chat/../{SECRET}")),
            address(&refused).with_header("authorization", SECRET),
            address(&refused).with_header("authorization", format!("{SECRET}\n{SECRET}")),
            address(&refused).with_header("authorization", format!("{SECRET}\u{20ac}")),
            address(&refused).with_header(format!("{SECRET} x"), "1"),
            address(&refused).with_method("NO METHOD"),
            address(&refused).with_body(SECRET),
            Request::post(&refused, SECRET),
        ]
    };
    console(true);
    for (at, request) in requests().into_iter().enumerate() {
        clean("a request", &format!("{request:?}"));
        let from = Resume::new().with_from(SECRET);
        follow(&format!("fixed {at}"), Client::builder(request.clone())).await;
        follow(&format!("from a cursor {at}"), Client::builder(request.clone()).resume(from)).await;
        let asked = Client::builder_with(move |_| std::future::ready(Ok(request.clone())));
        follow(&format!("asked {at}"), asked).await;
    }
    let fails = Client::builder_with(|_| std::future::ready(Err::<String, _>(SECRET.into())));
    follow("an error of the app's", fails).await;
    for protocol in [SECRET.to_owned(), format!("{SECRET} x"), format!("{SECRET}\u{20ac}")] {
        let dead = Client::builder("ws://localhost:1023/").protocols([protocol.clone(), protocol]);
        follow("protocols", dead).await;
    }
    for request in requests() {
        clean("an uplink", &format!("{:?}", Uplink::new(request.clone())));
        let builder = Client::builder(server.sse("/ticker")).uplink(Uplink::new(request.clone()));
        follow("an uplink", builder).await;
        let asked = Uplink::new_with(move |_| std::future::ready(Ok(request.clone())));
        let mut wire = Client::builder(server.sse("/ticker")).reconnect(QUICK).uplink(asked).live();
        let sending = wire.handle().send(SECRET);
        clean("a send", &format!("{sending:?}"));
        loop {
            let event = wire.next().await;
            clean("an uplink's event", &format!("{event:?}"));
            if matches!(event, Some(Event::Retry(_) | Event::Closed(_)) | None) {
                break;
            }
            if wire.handle().stats().sent > 0 {
                break;
            }
        }
    }
    for request in requests() {
        let dead = || Client::builder("ws://localhost:1023/");
        follow("a probe", dead().probe(request.clone())).await;
        follow("a probe", dead().probe_with(move |_| std::future::ready(Ok(request.clone())))).await;
    }
    clean("the console", &console(false));
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only its errors matter")]
struct Tick {
    n: u32,
    kind: Kind,
}

#[derive(Debug, Deserialize)]
enum Kind {
    Known,
}

#[wasm_bindgen_test]
async fn no_error_of_decoding_holds_what_came() {
    let server = Server::start().await;
    let messages = [
        format!(r#"{{\"n\":\"{SECRET}, expected {SECRET}\",\"kind\":\"Known\"}}"#),
        format!(r#"{{\"n\":1,\"kind\":\"{SECRET}\"}}"#),
        format!(r#"{{\"{SECRET}\":1}}"#),
        SECRET.to_owned(),
    ];
    let steps: Vec<_> = messages.iter().map(|text| format!(r#"["send","{text}"]"#)).collect();
    let mut wire = Client::builder(&server.script("ws", &format!("[[{}]]", steps.join(","))).url).live();
    let mut looked = 0;
    while looked < messages.len() {
        if let Some(Event::Message(message)) = wire.next().await {
            looked += 1;
            clean("a message", &format!("{message:?}"));
            clean("decoding", &printed(&message.json::<Tick>().unwrap_err()));
        }
    }
}
