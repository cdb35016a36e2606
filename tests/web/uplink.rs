//! What is sent beside an event stream: POSTs.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Builder, Client, Failure, Sent, State, Transport,
    endpoint::Reason,
    event::CloseReason,
    options::{Outbox, Reconnect, Resume, SendOptions, Uplink},
    send::{Dropped, Sending},
    topics::Subscriptions,
};
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, QUICK, Record, Server, millis,
    server::{Frame, Script, unique},
    wait::{holds, within},
};

#[wasm_bindgen(inline_js = "
export function watchFetch(seen) {
    const { fetch } = window;
    window.fetch = (url, init) => {
        const answer = fetch(url, init);
        if (init?.method === 'POST' && !String(url).includes('/script/heard'))
            seen.push({ keepalive: init.keepalive === true, length: init.body.length, answer, signal: init.signal });
        return answer;
    };
    return () => { window.fetch = fetch; };
}
export function answerPosts(answer) {
    const { fetch } = window;
    window.fetch = (url, init) => init?.method === 'POST'
        ? Promise.resolve(new Response(answer, { headers: { 'content-type': 'application/json' } }))
        : fetch(url, init);
    return () => { window.fetch = fetch; };
}
export function pageHides(persisted) {
    window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted }));
}
export function pageShows() {
    window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
}")]
extern "C" {
    #[wasm_bindgen(js_name = watchFetch)]
    fn watch_fetch(seen: &js_sys::Array) -> js_sys::Function;
    #[wasm_bindgen(js_name = answerPosts)]
    fn answer_posts(answer: &str) -> js_sys::Function;
    #[wasm_bindgen(js_name = pageHides)]
    fn page_hides(persisted: bool);
    #[wasm_bindgen(js_name = pageShows)]
    fn page_shows();

    type Posted;
    #[wasm_bindgen(method, getter)]
    fn keepalive(this: &Posted) -> bool;
    #[wasm_bindgen(method, getter)]
    fn signal(this: &Posted) -> Signal;
    type Signal;
    #[wasm_bindgen(method, getter)]
    fn aborted(this: &Signal) -> bool;
}

/// A stream that is open and says nothing.
const SILENT: &str = r#"[[["send",": hello\n\n"]]]"#;

fn stream(address: &str, uplink: &str) -> Builder {
    Client::builder(address).reconnect(QUICK).uplink(Uplink::new(uplink))
}

/// What the server does with each id once, and whose stream and uplink are one address.
struct Ledger {
    url: String,
    name: String,
}

impl Ledger {
    fn new(server: &Server, query: &str) -> Self {
        let name = unique();
        Self { url: server.sse(&format!("/ledger?client={name}{query}")), name }
    }

    /// Applied, repeats, disordered.
    async fn report(&self, server: &Server) -> [u64; 3] {
        let report: Value = server.get(&format!("/ledger/report?client={}", self.name)).await;
        ["applied", "repeats", "disordered"].map(|name| report[name].as_u64().unwrap())
    }

    fn client(&self, transport: Transport) -> Record {
        let outbox = Outbox::new().with_in_flight(64);
        Record::of(stream(&self.url, &self.url).transport(transport).outbox(outbox).acks(acked).live())
    }
}

fn acked(message: &everwire::Message) -> Option<String> {
    let said: Value = message.json().ok()?;
    (said["type"] == "ack").then(|| said["id"].as_str().map(str::to_owned))?
}

/// A message of the ledger's, and its id.
fn numbered(record: &Record, n: u64) -> Sending {
    let id = format!("m{n}");
    let message = json!({"id": id, "n": n});
    record.handle.send_json_with(&message, &SendOptions::new().with_ack(id)).unwrap()
}

async fn all(sends: Vec<Sending>) -> Vec<Sent> {
    let mut fates = Vec::new();
    for sending in sends {
        fates.push(within("a send's fate", sending).await);
    }
    fates
}

fn texts(record: &Record, numbers: impl IntoIterator<Item = u64>) -> Vec<Sending> {
    numbers.into_iter().map(|n| record.handle.send(&json!({"n": n}).to_string())).collect()
}

fn numbers(numbers: impl IntoIterator<Item = u64>) -> Value {
    numbers.into_iter().map(|n| json!({"n": n})).collect()
}

async fn posted(script: &Script) -> Vec<Value> {
    let log = script.log().await;
    let body = |frame: &Frame| match frame {
        // Bytes are no JSON.
        Frame::Text(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Frame::Binary { bytes } => json!(bytes),
    };
    log.iter().map(|attempt| attempt.received.first().map_or(Value::Null, body)).collect()
}

async fn until_posted(script: &Script, many: usize) {
    within(&format!("{many} POSTs"), holds(async || script.log().await.len() >= many)).await;
}

async fn open(builder: Builder) -> Record {
    let record = Record::of(builder.live());
    record.until("the stream", |seen| seen.opens > 0).await;
    record
}

/// A stream, and an uplink that answers as it is said.
async fn answering(server: &Server, answers: &str) -> (Record, Script) {
    let (down, up) = (server.script("sse", SILENT), server.script("sse", answers));
    (open(stream(&down.url, &up.url)).await, up)
}

#[wasm_bindgen_test]
async fn acked_in_order_once_and_many_in_a_request() {
    let server = Server::start().await;
    for transport in [Transport::Fetch, Transport::EventSource] {
        let key = unique();
        let ledger = Ledger::new(&server, &format!("&key={key}"));
        let record = ledger.client(transport);
        let sends = (1..=300).map(|n| numbered(&record, n)).collect();
        assert!(all(sends).await.iter().all(|sent| *sent == Sent::Acked));
        assert_eq!(ledger.report(&server).await, [300, 0, 0]);
        assert_eq!(record.seen().texts(), [""; 0], "nothing of it is the app's");
        let requests: Vec<Value> = server.get(&format!("/requests?key={key}")).await;
        let (stream, posts) = requests.split_first().unwrap();
        assert!(posts.len() < 20, "{} requests", posts.len());
        let connection = |request: &Value| {
            let query = request["query"].as_str().unwrap().to_owned();
            query.split('&').find(|part| part.starts_with("connection=")).unwrap().to_owned()
        };
        for post in posts {
            assert_eq!((&post["method"], connection(post)), (&json!("POST"), connection(stream)));
            assert_eq!(post["headers"]["content-type"], "application/json");
        }
    }
}

#[wasm_bindgen_test]
async fn acks_in_the_answers() {
    let server = Server::start().await;
    let ledger = Ledger::new(&server, "&ack=body");
    let record = ledger.client(Transport::Fetch);
    let sends = (1..=100).map(|n| numbered(&record, n)).collect();
    assert!(all(sends).await.iter().all(|sent| *sent == Sent::Acked));
    assert_eq!(ledger.report(&server).await, [100, 0, 0]);
}

#[wasm_bindgen_test]
async fn over_drops_and_cut_answers_each_once_and_in_order() {
    let server = Server::start().await;
    for (transport, query) in
        [(Transport::Fetch, ""), (Transport::EventSource, ""), (Transport::Fetch, "&cut=2")]
    {
        let ledger = Ledger::new(&server, query);
        let record = ledger.client(transport);
        let mut sends: Vec<_> = (1..=50).map(|n| numbered(&record, n)).collect();
        for (round, path) in (1..).zip(["/fault/drop", "/proxy/reset", "/fault/drop"]) {
            let last = sends.pop().unwrap();
            assert_eq!(within("an ack", last).await, Sent::Acked);
            server.fault(path).await;
            sends.extend((1..=50).map(|n| numbered(&record, round * 50 + n)));
        }
        assert!(all(sends).await.iter().all(|sent| *sent == Sent::Acked));
        let [applied, repeats, disordered] = ledger.report(&server).await;
        assert_eq!((applied, disordered), (200, 0));
        assert!(query.is_empty() || repeats > 0, "some came twice");
    }
}

#[wasm_bindgen_test]
async fn requests_with_replies_on_the_stream_and_in_the_answer() {
    let server = Server::start().await;
    for transport in [Transport::Fetch, Transport::EventSource] {
        for query in ["", "?reply=body"] {
            let up = server.sse(&format!("/echo{query}"));
            let record = Record::of(stream(&server.sse("/echo"), &up).transport(transport).live());
            let asked: Vec<_> = (0..50).map(|n| record.handle.request(&json!({"n": n}))).collect();
            for (n, reply) in (0..).zip(asked) {
                let reply: Value = within("the reply", reply).await.unwrap().json().unwrap();
                assert_eq!(reply["n"], n);
            }
        }
    }
}

#[wasm_bindgen_test]
async fn a_text_is_itself_what_is_no_json_a_json_string_and_bytes_are_by_themselves() {
    let server = Server::start().await;
    let up = server.script("sse", r#"[[["status",204]]]"#);
    let down = server.script("sse", SILENT);
    let record = open(stream(&down.url, &up.url)).await;
    let mut sends: Vec<_> = ["plain", " {\"a\":1}", "{\"a\":1}", "[1", "", "é\u{1f980}"]
        .map(|text| record.handle.send(text))
        .into();
    sends.push(record.handle.send_bytes(b"bytes"));
    sends.push(record.handle.send("after"));
    assert_eq!(all(sends).await, [Sent::Sent; 8]);
    let texts = json!(["plain", " {\"a\":1}", {"a": 1}, "[1", "", "é\u{1f980}"]);
    let log = up.log().await;
    assert_eq!(posted(&up).await, [texts, json!("bytes"), json!(["after"])]);
    let kinds: Vec<_> = log.iter().map(|post| post.headers["content-type"].as_str()).collect();
    assert_eq!(kinds, ["application/json", "application/octet-stream", "application/json"]);
}

#[wasm_bindgen_test]
async fn one_request_at_a_time_and_the_rest_in_the_next() {
    let server = Server::start().await;
    let (record, up) = answering(&server, r#"[[["wait",300],["status",204]],[["status",204]]]"#).await;
    let first = texts(&record, [1]);
    until_posted(&up, 1).await;
    let options = SendOptions::new();
    let mut rest = texts(&record, [2]);
    let late = record.handle.send_with("late", &options.clone().with_ttl(millis(50))).unwrap();
    rest.push(record.handle.send_with(r#"{"n":0}"#, &options.with_priority()).unwrap());
    assert_eq!(all(first).await, [Sent::Sent]);
    assert_eq!(all(rest).await, [Sent::Sent; 2]);
    assert_eq!(within("its end", late).await, Sent::Dropped(Dropped::Expired));
    assert_eq!(posted(&up).await, [numbers([1]), numbers([0, 2])]);
}

#[wasm_bindgen_test]
async fn the_answer_says_what_becomes_of_each() {
    let server = Server::start().await;
    for (status, why) in [(400, Dropped::Refused), (413, Dropped::TooBig)] {
        let answers =
            format!(r#"[[["status",{status}]],[["status",204]],[["status",{status}]],[["status",204]]]"#);
        let (record, up) = answering(&server, &answers).await;
        let fates = all(texts(&record, 1..=3)).await;
        assert_eq!(fates, [Sent::Sent, Sent::Dropped(why), Sent::Sent]);
        assert_eq!(posted(&up).await, [numbers(1..=3), numbers([1]), numbers([2]), numbers([3])]);
        assert_eq!((record.seen().retries.len(), record.seen().opens), (0, 1), "the stream stays");
    }
    let (record, up) = answering(&server, r#"[[["status",429,{"retry-after":"1"}]],[["status",204]]]"#).await;
    let began = js_sys::Date::now();
    assert_eq!(all(texts(&record, 1..=2)).await, [Sent::Sent; 2]);
    assert!(js_sys::Date::now() - began >= 1_000.0);
    assert_eq!(posted(&up).await, [numbers(1..=2), numbers(1..=2)]);
    for status in [404, 409] {
        let (record, up) = answering(&server, &format!(r#"[[["status",{status}]],[["status",204]]]"#)).await;
        assert_eq!(all(texts(&record, 1..=2)).await, [Sent::Sent; 2]);
        assert_eq!(posted(&up).await, [numbers(1..=2), numbers(1..=2)]);
        assert_eq!(record.seen().retries[0].failure, Failure::Http { status, retry_after: None });
    }
    let (record, _up) = answering(&server, r#"[[["status",403]]]"#).await;
    assert_eq!(all(texts(&record, [1])).await, [Sent::Dropped(Dropped::Closed)]);
    record.until("the end", |seen| seen.closed.is_some()).await;
    assert_eq!(record.seen().closed.as_ref().map(|closed| closed.reason), Some(CloseReason::Fatal));
}

#[wasm_bindgen_test]
async fn what_nobody_answers_or_redirects_is_unknown() {
    let server = Server::start().await;
    let to = js_sys::encode_uri_component("/echo?reply=body");
    let hang = server.script("sse", r#"[[["hang"]]]"#);
    let dead = "http://127.0.0.1:9/".to_owned();
    for up in [server.sse(&format!("/redirect?status=302&to={to}")), hang.url.clone(), dead] {
        let down = server.script("sse", SILENT);
        let uplink = Uplink::new(up.as_str()).with_timeout(millis(400));
        let record = open(Client::builder(down.url.as_str()).reconnect(QUICK).uplink(uplink)).await;
        assert_eq!(all(texts(&record, [1])).await, [Sent::Unknown], "{up}");
        record.until("the failure", |seen| !seen.retries.is_empty()).await;
        assert_eq!(record.seen().retries[0].failure, Failure::Network, "{up}");
    }
}

#[wasm_bindgen_test]
async fn a_function_is_asked_before_each_post() {
    let server = Server::start().await;
    let (down, up) =
        (server.script("sse", SILENT), server.script("sse", r#"[[["status",401]],[["status",204]]]"#));
    let contexts = Rc::<RefCell<Vec<_>>>::default();
    let (notes, url) = (Rc::clone(&contexts), up.url.clone());
    let uplink = Uplink::new_with(move |context| {
        notes.borrow_mut().push((context.reason, context.attempt, context.last_event_id));
        let request = everwire::endpoint::Request::get(url.clone())
            .with_header("authorization", format!("Bearer {}", notes.borrow().len()));
        async move { Ok(request) }
    });
    let builder = Client::builder(down.url.as_str()).reconnect(QUICK).resume(Resume::new().with_from("7"));
    let record = open(builder.uplink(uplink)).await;
    for n in 1..=2 {
        assert_eq!(all(texts(&record, [n])).await, [Sent::Sent]);
    }
    let reasons: Vec<_> = contexts.borrow().iter().map(|(reason, _, _)| *reason).collect();
    assert_eq!(reasons, [Reason::Initial, Reason::Unauthorized, Reason::Reconnect]);
    assert!(contexts.borrow().iter().all(|(_, _, id)| id == "7"));
    let tokens: Vec<_> = up.log().await.iter().map(|post| post.headers["authorization"].clone()).collect();
    assert_eq!(tokens, ["Bearer 1", "Bearer 2", "Bearer 3"]);
}

#[wasm_bindgen_test]
async fn topics_over_a_stream_and_its_uplink() {
    let server = Server::start().await;
    let key = unique();
    let room: String = format!("room-{key}").chars().filter(|c| *c != '-').collect();
    let url = server.sse(&format!("/rooms?name=me&key={key}"));
    let topics = Subscriptions::new().with_id("eventId");
    let record = open(stream(&url, &url).subscriptions(topics)).await;
    let mut topic = record.handle.subscribe(&room).unwrap();
    let mut heard = Vec::new();
    for text in ["one", "two"] {
        assert_eq!(within("the join", topic.ready()).await, Ok(()));
        let say = json!({"type": "chat", "topic": room, "from": "me", "text": text});
        drop(record.handle.send_json(&say).unwrap());
        heard.push(loop {
            match within("a message", topic.next()).await {
                Some(everwire::Event::Message(message)) if message.kind() == "chat" => {
                    break message.json::<Value>().unwrap()["text"].clone();
                }
                Some(_) => {}
                None => panic!("the topic is left"),
            }
        });
        let opens = record.seen().opens;
        server.fault("/fault/drop").await;
        record.until("the next stream", |seen| seen.opens > opens).await;
    }
    assert_eq!(heard, ["one", "two"]);
    let requests: Vec<Value> = server.get(&format!("/requests?key={key}")).await;
    let bodies = requests.iter().filter(|request| request["method"] == "POST");
    let firsts: Vec<Value> = bodies
        .map(|post| serde_json::from_str::<Value>(post["body"].as_str().unwrap()).unwrap()[0].clone())
        .filter(|first| first["type"] == "join")
        .collect();
    assert!(firsts.len() >= 2, "{firsts:?}");
    assert_eq!((firsts[0].get("lastEventId"), firsts[1]["lastEventId"].is_string()), (None, true));
}

#[wasm_bindgen_test]
async fn a_planned_change_of_the_stream_loses_nothing() {
    let server = Server::start().await;
    let ledger = Ledger::new(&server, "");
    let reconnect: Reconnect = QUICK.with_max_age(millis(1_000));
    let builder = Client::builder(ledger.url.as_str()).reconnect(reconnect);
    let record = open(builder.uplink(Uplink::new(ledger.url.as_str())).acks(acked)).await;
    let mut sent = 0;
    while record.handle.stats().opens < 3 {
        sent += 1;
        assert_eq!(within("an ack", numbered(&record, sent)).await, Sent::Acked);
    }
    let [applied, _, disordered] = ledger.report(&server).await;
    assert_eq!((applied, disordered), (sent, 0));
}

#[wasm_bindgen_test]
async fn close_calls_off_what_is_out() {
    let server = Server::start().await;
    let seen = js_sys::Array::new();
    let restore = watch_fetch(&seen);
    let (record, up) = answering(&server, r#"[[["hang"]]]"#).await;
    let mut sends = texts(&record, [1]);
    until_posted(&up, 1).await;
    sends.extend(texts(&record, [2]));
    record.handle.close();
    restore.call0(&JsValue::NULL).unwrap();
    assert_eq!(all(sends).await, [Sent::Unknown, Sent::Dropped(Dropped::Closed)]);
    let post: Posted = seen.get(0).unchecked_into();
    assert_eq!((post.keepalive(), post.signal().aborted()), (false, true));
}

#[wasm_bindgen_test]
async fn a_page_that_goes_sends_what_waits_and_what_has_no_ack() {
    let server = Server::start().await;
    let down = server.script("sse", SILENT);
    let up = server.script("sse", r#"[[["hang"]],[["status",204]]]"#);
    let record = open(stream(&down.url, &up.url).acks(acked)).await;
    let acks = |id: &str| SendOptions::new().with_ack(id);
    let _one = record.handle.send_with(r#"{"id":"a"}"#, &acks("a")).unwrap();
    let _two = record.handle.send(r#"{"id":"b"}"#);
    until_posted(&up, 1).await;
    let _three = record.handle.send_with(r#"{"id":"c"}"#, &acks("c")).unwrap();
    let seen = js_sys::Array::new();
    let restore = watch_fetch(&seen);
    page_hides(false);
    // It was made before the listener returned: no task of the page's comes after.
    let post: Posted = seen.get(0).unchecked_into();
    record.handle.close();
    restore.call0(&JsValue::NULL).unwrap();
    assert_eq!((seen.length(), post.keepalive(), post.signal().aborted()), (1, true, false));
    until_posted(&up, 2).await;
    assert_eq!(posted(&up).await[1], json!([{"id": "a"}, {"id": "c"}]));
}

#[wasm_bindgen_test]
async fn a_page_that_comes_back_sends_again_what_got_no_ack() {
    let server = Server::start().await;
    let down = server.script("sse", SILENT);
    let up = server.script("sse", r#"[[["hang"]],[["status",204]]]"#);
    let record = open(stream(&down.url, &up.url).acks(acked)).await;
    let acks = |id: &str| SendOptions::new().with_ack(id);
    let _one = record.handle.send_with(r#"{"id":"a"}"#, &acks("a")).unwrap();
    until_posted(&up, 1).await;
    let _two = record.handle.send_with(r#"{"id":"b"}"#, &acks("b")).unwrap();
    page_hides(true);
    assert_eq!(record.handle.state(), State::Suspended);
    until_posted(&up, 2).await;
    page_shows();
    until_posted(&up, 3).await;
    assert_eq!(record.seen().opens, 2);
    let both = json!([{"id": "a"}, {"id": "b"}]);
    assert_eq!(posted(&up).await[1..], [both.clone(), both]);
}

#[wasm_bindgen_test]
async fn an_answer_of_many_messages_leaves_the_page_its_turns() {
    let server = Server::start().await;
    let down = server.script("sse", SILENT);
    let many = 4_000;
    let restore = answer_posts(&format!("[{}0]", r#""ack","#.repeat(many)));
    let asked = Rc::<RefCell<usize>>::default();
    let (count, turn) = (Rc::clone(&asked), Rc::<RefCell<usize>>::default());
    let (to, slot) = (Rc::clone(&turn), Rc::<RefCell<Option<everwire::Handle>>>::default());
    let closes = Rc::clone(&slot);
    let builder = stream(&down.url, "/none").acks(move |_| {
        // As slow as an app may be.
        let until = js_sys::Date::now() + 0.05;
        while js_sys::Date::now() < until {}
        let before = count.replace_with(|count| *count + 1);
        if before == 0 {
            let (to, count, closes) = (Rc::clone(&to), Rc::clone(&count), Rc::clone(&closes));
            wasm_bindgen_futures::spawn_local(async move {
                gloo_timers::future::TimeoutFuture::new(0).await;
                to.replace(*count.borrow());
                if let Some(handle) = closes.take() {
                    handle.close();
                }
            });
        }
        None
    });
    let record = open(builder).await;
    slot.replace(Some(record.handle.clone()));
    let _sending = record.handle.send_with(r#"{"id":"a"}"#, &SendOptions::new().with_ack("a")).unwrap();
    record.until("the end", |seen| seen.closed.is_some()).await;
    gloo_timers::future::TimeoutFuture::new(0).await;
    restore.call0(&JsValue::NULL).unwrap();
    let (turn, asked) = (*turn.borrow(), *asked.borrow());
    assert!(turn > 0 && turn < many && asked == turn, "its turn came after {turn}, the end after {asked}");
}
