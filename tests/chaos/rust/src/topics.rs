//! Topics, what is said in them, and requests, on one connection: see tests/chaos/topics.mjs.

use std::{rc::Rc, time::Duration};

use everwire::{
    Client, Event, Handle,
    error::ConnectError,
    options::SendOptions,
    requests::{RequestError, Requests},
    topics::{SubscribeOptions, Subscription, Subscriptions},
};
use futures_util::future::{Either, select};
use gloo_timers::future::sleep;
use serde::Deserialize;
use serde_json::json;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::{
    page::{Tally, begin, endpoints, fail, fail_by_panic, paced, sends_of, tally_of},
    sends::{acked, name_of, roomy},
};

#[wasm_bindgen]
pub fn topics() {
    fail_by_panic();
    if let Err(error) = connect() {
        fail(&error.to_string());
    }
}

fn connect() -> Result<(), ConnectError> {
    let address = endpoints().into_iter().next().unwrap_or_default().replacen("http", "ws", 1);
    let mut client = paced(Client::builder(format!("{address}/rooms?name=page")))
        .outbox(roomy())
        // The server acks by id whatever has one. For a request that is the reply.
        .acks(|message| acked(message).filter(|id| id.starts_with("said-")))
        .subscriptions(Subscriptions::new().with_id("eventId").with_seq("seq"))
        .requests(Requests::new().with_timeout(Duration::from_secs(60)).with_retry())
        .connect()?;
    let handle = client.handle();
    spawn_local(async move {
        while let Some(event) = client.next().await {
            if matches!(event, Event::Message(_) | Event::Gap(_) | Event::Overflow { .. } | Event::Closed(_))
            {
                fail(&format!("for nobody: {event:?}"));
            }
        }
    });
    room(&handle, "a", None);
    room(&handle, "b", None);
    // Left and joined again all the time.
    room(&handle, "c", Some(Duration::from_secs(1)));
    ask(handle);
    Ok(())
}

fn topic_of(name: &str) -> String {
    format!("t{}-{name}", begin())
}

/// What is said in a room comes back to it, with the room's own numbers.
fn room(handle: &Handle, name: &'static str, away: Option<Duration>) {
    let topic = topic_of(name);
    let sends = Rc::new(sends_of(&format!("to {name}")));
    let (says, settles, into) = (handle.clone(), Rc::clone(&sends), topic.clone());
    let say = move |n: f64| {
        let id = format!("said-{name}-{n}");
        let said = json!({ "type": "chat", "topic": into, "from": "page", "text": n.to_string(), "id": id });
        match says.send_json_with(&said, &SendOptions::new().with_ack(id)) {
            Ok(sending) => {
                let settles = Rc::clone(&settles);
                spawn_local(async move { settles.settled(n, &name_of(sending.await)) });
            }
            Err(error) => fail(&error.to_string()),
        }
    };
    let first = match handle.subscribe(&topic) {
        Ok(first) => first,
        Err(error) => return fail(&format!("{topic}: {error}")),
    };
    let joined = first.ready();
    // A newcomer is told the last few only.
    spawn_local(async move {
        match joined.await {
            Ok(()) => drive(&sends, say),
            Err(error) => fail(&format!("{topic}: {error}")),
        }
    });
    spawn_local(listen(handle.clone(), first, tally_of(&format!("topic {name}")), away));
}

fn drive(sends: &crate::page::Sends, send: impl Fn(f64) + 'static) {
    sends.drive(&Closure::<dyn Fn(f64)>::new(send).into_js_value());
}

async fn listen(handle: Handle, mut room: Subscription, tally: Tally, away: Option<Duration>) {
    loop {
        let ended = {
            let read = std::pin::pin!(read(&mut room, &tally));
            match away {
                Some(away) => matches!(select(read, sleep(away)).await, Either::Left(_)),
                None => {
                    read.await;
                    true
                }
            }
        };
        let (topic, last) = (room.topic().to_owned(), room.last_event_id());
        if ended {
            return fail(&format!("{topic}: it ended, {:?}", room.ready().await));
        }
        room.unsubscribe();
        sleep(Duration::from_millis(200)).await;
        let again = handle.subscribe_with(&topic, SubscribeOptions::new().with_from(last));
        match again {
            Ok(again) => room = again,
            Err(error) => return fail(&format!("{topic}: {error}")),
        }
    }
}

async fn read(room: &mut Subscription, tally: &Tally) {
    #[derive(Deserialize)]
    struct Chat {
        seq: u32,
        text: String,
    }
    while let Some(event) = room.next().await {
        match event {
            Event::Message(message) if message.kind() == "chat" => match message.json() {
                Ok(Chat { seq, text }) => {
                    tally.message(f64::from(seq));
                    if text != seq.to_string() {
                        fail(&format!("{}: {seq} is the text {text}", room.topic()));
                    }
                }
                Err(error) => fail(&format!("{:?}: {error}", message.text())),
            },
            Event::Message(_) => {}
            Event::Gap(gap) => {
                let (from, to) = gap.missing.unzip();
                tally.gap(from.map(|from| from as f64), to.map(|to| to as f64));
            }
            other => fail(&format!("{}: {other:?}", room.topic())),
        }
    }
}

fn ask(handle: Handle) {
    let asked = Rc::new(sends_of("requests"));
    let (topic, settles) = (topic_of("a"), Rc::clone(&asked));
    drive(&asked, move |n| {
        let asking = handle
            .request(&json!({ "type": "read", "topic": topic, "from": "page", "eventId": n.to_string() }));
        let settles = Rc::clone(&settles);
        spawn_local(async move {
            match asking.await {
                Ok(reply) => settles.settled(n, reply.kind()),
                Err(RequestError::Refused(reply)) => settles.settled(n, reply.kind()),
                Err(error) => settles.settled(n, &error.to_string()),
            }
        });
    });
}
