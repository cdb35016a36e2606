//! Topics on one connection.

use everwire::{
    Client, Event,
    event::Outcome,
    options::Resume,
    topics::{SubscribeOptions, Subscription, SubscriptionError, Subscriptions, TopicState},
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, Record, Server,
    server::{Frame, unique},
    until_open,
    wait::{until, within},
    web_socket,
};

/// The echo of a join confirms it.
fn echoed() -> Subscriptions {
    Subscriptions::new().with_joined("join").with_id("eventId")
}

async fn next_text(topic: &mut Subscription) -> String {
    match within("a message of the topic", topic.next()).await {
        Some(Event::Message(message)) => message.text().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

async fn gap(topic: &mut Subscription, after: &str, before: &str) {
    match within("the gap", topic.next()).await {
        Some(Event::Gap(gap)) => {
            assert_eq!((gap.outcome, &*gap.after, &*gap.before), (Outcome::Unknown, after, before));
        }
        other => panic!("{other:?}"),
    }
}

async fn ready(topic: &Subscription) -> Result<(), SubscriptionError> {
    within("the join", topic.ready()).await
}

#[wasm_bindgen_test]
async fn a_topic_is_joined_and_its_messages_go_to_its_subscriptions_only() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]]]"#);
    let resume = Resume::new().with_id("eventId");
    let record = Record::of(web_socket(&script.url).subscriptions(echoed()).resume(resume).live());
    let handle = &record.handle;
    let mut room = handle.subscribe("room:7").unwrap();
    assert_eq!((room.topic(), room.state()), ("room:7", TopicState::Joining));
    assert_eq!(ready(&room).await, Ok(()));
    assert_eq!(room.state(), TopicState::Joined);
    let mut second = handle.subscribe("room:7").unwrap();
    assert_eq!(ready(&second).await, Ok(()));
    let own = r#"{"topic":"room:7","eventId":"own"}"#;
    let other = r#"{"topic":"room:8","eventId":"of the connection"}"#;
    let _sends = [handle.send(own), handle.send(other)];
    assert_eq!((next_text(&mut room).await.as_str(), next_text(&mut second).await.as_str()), (own, own));
    record.until("the other topic's", |seen| seen.texts() == [other]).await;
    assert_eq!((room.last_event_id().as_str(), &*handle.last_event_id()), ("own", "of the connection"));
    // The last one that is dropped leaves.
    drop(second);
    room.unsubscribe();
    let frame = |text: &str| Frame::Text(text.to_owned());
    let joins = r#"{"type":"join","topic":"room:7"}"#;
    let leaves = r#"{"type":"leave","topic":"room:7"}"#;
    script.until_received(&[frame(joins), frame(own), frame(other), frame(leaves)]).await;
}

#[wasm_bindgen_test]
async fn it_is_joined_again_from_where_it_is() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]],[["echo"]]]"#);
    let mut wire = web_socket(&script.url).subscriptions(echoed()).live();
    let handle = wire.handle();
    let mut room = handle.subscribe_with("a", SubscribeOptions::new().with_from("0")).unwrap();
    assert_eq!(ready(&room).await, Ok(()));
    let one = r#"{"topic":"a","eventId":"1"}"#;
    let _sending = handle.send(one);
    // Nothing that the server sent shows that it went on from there.
    gap(&mut room, "0", "1").await;
    assert_eq!(next_text(&mut room).await, one);
    until_open(&mut wire).await;
    server.fault("/fault/drop").await;
    until_open(&mut wire).await;
    assert_eq!(ready(&room).await, Ok(()));
    let log = script.log().await;
    let first = |at: usize| match &log[at].received[0] {
        Frame::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(first(0), r#"{"type":"join","topic":"a","lastEventId":"0"}"#);
    assert_eq!(first(1), r#"{"type":"join","topic":"a","lastEventId":"1"}"#);
    // What was said meanwhile may be missing: the server does not replay.
    let two = r#"{"topic":"a","eventId":"2"}"#;
    let _sending = handle.send(two);
    gap(&mut room, "1", "2").await;
    assert_eq!(next_text(&mut room).await, two);
}

#[wasm_bindgen_test]
async fn the_server_may_refuse_and_the_client_may_close() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]]]"#);
    let options = Subscriptions::new().with_joined("yes").with_refused("join");
    let wire = web_socket(&script.url).subscriptions(options).live();
    let handle = wire.handle();
    let mut room = handle.subscribe("a").unwrap();
    assert!(matches!(ready(&room).await, Err(SubscriptionError::Refused(_))));
    assert_eq!(room.state(), TopicState::Left);
    assert!(within("the end", room.next()).await.is_none());
    let own = SubscribeOptions::new().with_join(|place| format!("join {}", place.topic)).without_leave();
    let mut other = handle.subscribe_with("b", own).unwrap();
    assert_eq!(handle.subscribe("").err(), Some(SubscriptionError::NoName));
    handle.close();
    assert_eq!(ready(&other).await, Err(SubscriptionError::Closed));
    assert!(within("the end", other.next()).await.is_none());
    assert_eq!(handle.subscribe("c").err(), Some(SubscriptionError::Closed));
}

#[wasm_bindgen_test]
async fn a_join_may_take_time_and_fail() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]]]"#);
    let wire = web_socket(&script.url).subscriptions(echoed()).live();
    let handle = wire.handle();
    let later = SubscribeOptions::new().with_join_async(|place| async move {
        gloo_timers::future::TimeoutFuture::new(20).await;
        if place.topic == "bad" {
            return Err("no token".into());
        }
        Ok(format!(r#"{{"type":"join","topic":"{}"}}"#, place.topic))
    });
    let good = handle.subscribe_with("good", later.clone()).unwrap();
    let bad = handle.subscribe_with("bad", later).unwrap();
    assert_eq!(ready(&good).await, Ok(()));
    assert_eq!(ready(&bad).await, Err(SubscriptionError::Join));
}

/// Over a server of the demo's: its rooms number what is said in them, and replay it.
#[wasm_bindgen_test]
async fn nothing_is_lost_over_cuts() {
    let server = Server::start().await;
    let address = server.ws("/rooms");
    let client = |address: &str| -> Client {
        web_socket(address).subscriptions(Subscriptions::new().with_id("eventId")).live()
    };
    let (talks, listens) = (client(&address), client(&address));
    let name = unique();
    let options = || SubscribeOptions::new().without_leave();
    let mut heard = listens.handle().subscribe_with(&name, options()).unwrap();
    let speaker = talks.handle().subscribe_with(&name, options()).unwrap();
    assert_eq!((ready(&heard).await, ready(&speaker).await), (Ok(()), Ok(())));
    let mut texts = Vec::new();
    for n in 0..12 {
        let say = format!(r#"{{"type":"chat","topic":"{name}","text":"{n}"}}"#);
        let _sending = talks.handle().send(&say);
        // Others of the room's are of who comes and goes.
        texts.push(loop {
            match within("a message", heard.next()).await {
                Some(Event::Message(message)) if message.kind() == "chat" => {
                    break message.json::<serde_json::Value>().unwrap()["text"].clone();
                }
                Some(Event::Message(_)) => {}
                other => panic!("{other:?}"),
            }
        });
        if n % 4 == 3 {
            server.fault("/fault/drop").await;
            let is = |topic: &Subscription| topic.state() == TopicState::Joined;
            until("the cut to be noticed", || !is(&heard) && !is(&speaker)).await;
            until("both to be joined again", || is(&heard) && is(&speaker)).await;
        }
    }
    assert_eq!(texts, (0..12).map(|n| n.to_string()).collect::<Vec<_>>());
}
