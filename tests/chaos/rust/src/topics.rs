//! Topics, what is said in them, and requests, on one connection: see tests/chaos/topics.mjs.

use std::{rc::Rc, time::Duration};

use everwire::{
    Event, Handle, Transport,
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
    page::{self, Sends, Tally, begin, fail, fail_by_panic, sends_of, tally_of},
    sends::{Way, acked, drive, name_of, over_streams, roomy, two_ways},
};

#[wasm_bindgen]
pub fn topics() {
    fail_by_panic();
    if let Err(error) = connect() {
        fail(&error.to_string());
    }
}

fn connect() -> Result<(), ConnectError> {
    let way = if over_streams() { Way::Stream(Transport::Fetch, "127.0.0.1") } else { Way::WebSocket };
    let mut client = two_ways("/rooms?name=page", way)
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
    room(&handle, "a", Room::default());
    room(&handle, "b", Room::default());
    // Left and joined again all the time.
    room(&handle, "c", Room { away: Some(Duration::from_secs(1)), ..Room::default() });
    ask(handle);
    Ok(())
}

/// How a room is used.
#[derive(Default)]
pub(crate) struct Room {
    /// After so long it is left and joined again, and so on.
    pub(crate) away: Option<Duration>,
    /// What was said, where that and the place outlive the page.
    pub(crate) kept: Option<Rc<Sends>>,
}

fn topic_of(name: &str) -> String {
    format!("t{}-{name}", begin())
}

/// What is said in a room comes back to it, with the room's own numbers.
pub(crate) fn room(handle: &Handle, name: &'static str, Room { away, kept }: Room) {
    let topic = topic_of(name);
    let keeps = kept.is_some();
    let sends = kept.unwrap_or_else(|| Rc::new(sends_of(&format!("to {name}"), false)));
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
    let from = SubscribeOptions::new().with_from(page::kept(name).unwrap_or_default());
    let first = match handle.subscribe_with(&topic, from) {
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
    let seen = Seen {
        came: tally_of(&format!("topic {name}")),
        said: tally_of(&format!("said in {name}")),
        place: keeps.then_some(name),
    };
    spawn_local(listen(handle.clone(), first, seen, away));
}

/// What came in a room: by its own numbers, and by what was said.
struct Seen {
    came: Tally,
    said: Tally,
    /// The name that its place is kept under.
    place: Option<&'static str>,
}

async fn listen(handle: Handle, mut room: Subscription, seen: Seen, away: Option<Duration>) {
    loop {
        let ended = {
            let read = std::pin::pin!(read(&mut room, &seen));
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

async fn read(room: &mut Subscription, seen: &Seen) {
    #[derive(Deserialize)]
    struct Chat {
        seq: u32,
        text: String,
    }
    while let Some(event) = room.next().await {
        match event {
            Event::Message(message) if message.kind() == "chat" => match message.json() {
                Ok(Chat { seq, text }) => {
                    seen.came.message(f64::from(seq));
                    seen.said.message(text.parse().unwrap_or_default());
                    if let Some(name) = seen.place {
                        page::keep(name, message.last_event_id());
                    }
                }
                Err(error) => fail(&format!("{:?}: {error}", message.text())),
            },
            Event::Message(_) => {}
            Event::Gap(gap) => {
                let (from, to) = gap.missing.unzip();
                seen.came.gap(from.map(|from| from as f64), to.map(|to| to as f64));
            }
            other => fail(&format!("{}: {other:?}", room.topic())),
        }
    }
}

pub(crate) fn ask(handle: Handle) {
    let asked = Rc::new(sends_of("requests", false));
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
