//! What is sent beside an event stream, as POSTs.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Builder, Client, Sent, State, Transport,
    endpoint::{Request, Way, Ways},
    error::{ConnectError, OptionError},
    options::{Fallback, Outbox, SendOptions, Uplink},
    requests::{RequestError, Requests},
    send::{Dropped, Sending},
    test_util::{HttpRequest, Page, Response},
    topics::Subscriptions,
};
use serde_json::{Value, json};

use crate::support::{EVEN, Live, SSE, WS, fetch, millis, web_socket};

pub(crate) const UP: &str = "https://example.com/up";

pub(crate) fn uplinked() -> Builder {
    fetch().uplink(Uplink::new(UP))
}

pub(crate) fn with_acks() -> Builder {
    uplinked().acks(|message| message.text().map(str::to_owned))
}

pub(crate) fn done() -> Response {
    Response::new(204)
}

impl Live {
    pub(crate) fn post(&self) -> HttpRequest {
        self.page.next_request().expect("nothing is posted")
    }

    pub(crate) fn send(&self, text: &str) -> Sending {
        self.handle().send(text)
    }

    pub(crate) fn sends(&self, texts: &[&str]) -> Vec<Sending> {
        texts.iter().map(|text| self.send(text)).collect()
    }

    pub(crate) fn fate(&self, sending: Sending) -> Sent {
        self.page.block_on(sending).unwrap()
    }

    pub(crate) fn fates(&self, sendings: Vec<Sending>) -> Vec<Sent> {
        sendings.into_iter().map(|sending| self.fate(sending)).collect()
    }
}

pub(crate) fn body(post: &HttpRequest) -> Value {
    post.json().unwrap()
}

#[test]
fn all_that_waits_goes_in_one_post_and_the_rest_in_the_next() {
    for transport in [Transport::Fetch, Transport::EventSource] {
        let live = Live::new(uplinked().transport(transport));
        let early = live.sends(&[r#"{"n":1}"#, "plain", "[2]", "[broken", r#" {"n":3}"#, "\"q\""]);
        let stream = live.attempt();
        let name = stream.query("connection").unwrap();
        stream.accept();
        let post = live.post();
        assert_eq!((post.method(), post.query("connection")), ("POST", Some(name)));
        assert_eq!(post.header("content-type").as_deref(), Some("application/json"));
        let expected = json!([{"n": 1}, "plain", [2], "[broken", " {\"n\":3}", "\"q\""]);
        assert_eq!(body(&post), expected);
        let late = live.sends(&["4", "5"]);
        assert!(live.page.next_request().is_none(), "one at a time");
        assert_eq!(live.handle().queued().0, 2);
        let volatile = live.handle().send_with("x", &SendOptions::new().with_volatile()).unwrap();
        assert_eq!(live.fate(volatile), Sent::Dropped(Dropped::Volatile));
        post.respond(done());
        assert_eq!(live.fates(early), [Sent::Sent; 6]);
        let post = live.post();
        assert_eq!(body(&post), json!(["4", "5"]));
        post.respond(Response::new(200));
        assert_eq!(live.fates(late), [Sent::Sent; 2]);
        assert_eq!(live.handle().queued().0, 0);
    }
}

#[test]
fn bytes_go_by_themselves() {
    let live = Live::new(uplinked());
    live.accept();
    let sends = vec![live.send("1"), live.handle().send_bytes(&[1, 2, 3]), live.send("2")];
    live.post().respond(done());
    let post = live.post();
    assert_eq!(post.header("content-type").as_deref(), Some("application/octet-stream"));
    assert_eq!(post.body(), [1, 2, 3]);
    post.respond(done());
    let post = live.post();
    assert_eq!(body(&post), json!(["2"]));
    post.respond(done());
    assert_eq!(live.fates(sends), [Sent::Sent; 3]);
}

#[test]
fn a_post_is_bounded_by_messages_and_by_bytes() {
    let uplink = Uplink::new(UP).with_max_messages(3).with_max_bytes(40);
    let live = Live::new(fetch().uplink(uplink));
    live.accept();
    let long = "x".repeat(50);
    let sends = live.sends(&["1", "2", "3", "4", &long, "6", "7"]);
    let mut sizes = Vec::new();
    for _ in 0..4 {
        let post = live.post();
        sizes.push(body(&post).as_array().unwrap().len());
        post.respond(done());
    }
    assert_eq!(sizes, [3, 1, 1, 2]);
    assert_eq!(live.fates(sends), [Sent::Sent; 7]);
}

#[test]
fn headers_are_of_the_uplinks_request_and_the_name_may_be_another_one_or_none() {
    let request =
        Request::get(UP).with_header("authorization", "Bearer t").with_header("Content-Type", "text/plain");
    let live = Live::new(fetch().uplink(Uplink::new(request).with_name("stream")));
    let stream = live.attempt();
    let name = stream.query("stream").unwrap();
    stream.accept();
    drop(live.send("1"));
    let post = live.post();
    assert_eq!(post.url(), format!("{UP}?stream={name}"));
    assert_eq!(post.header("authorization").as_deref(), Some("Bearer t"));
    assert_eq!(post.header("content-type").as_deref(), Some("text/plain"));

    let live = Live::new(fetch().uplink(Uplink::new(UP).without_name()));
    let stream = live.attempt();
    assert_eq!(stream.url(), SSE);
    stream.accept();
    drop(live.send("1"));
    assert_eq!(live.post().url(), UP);
}

#[test]
fn acks_and_replies_come_on_the_stream_or_in_the_answer() {
    let ack = |message: &everwire::Message| message.text()?.strip_prefix("ack ").map(str::to_owned);
    let mut live = Live::new(uplinked().acks(ack));
    let server = live.accept();
    let with = |id| live.handle().send_with(id, &SendOptions::new().with_ack(id)).unwrap();
    let [one, two] = ["1", "2"].map(with);
    let reply = live.handle().request(&json!({"id": "a"}));
    let other = live.handle().request(&json!({"id": "b"}));
    let answer = Response::new(200).with_header("content-type", "application/json; charset=utf-8");
    let messages = r#" ["ack 1", {"id" : "a", "n": 7}, {"id":"nobody's"}] "#;
    live.post().respond(answer.with_body(messages));
    assert_eq!(live.fate(one), Sent::Acked);
    let reply = live.page.block_on(reply).unwrap().unwrap();
    assert_eq!(reply.text(), Some(r#"{"id" : "a", "n": 7}"#));
    server.send_event("ack 2");
    server.send_event(r#"{"id":"b"}"#);
    assert_eq!(live.fate(two), Sent::Acked);
    assert!(live.page.block_on(other).unwrap().is_ok());
    assert_eq!(live.texts(), [""; 0], "an answer holds nothing else");
    assert_eq!(live.handle().stats().received, 2);
}

#[test]
fn an_answer_that_is_no_json_or_of_another_kind_is_no_message() {
    let seen = Rc::<RefCell<Vec<String>>>::default();
    for (kind, answer, messages) in [
        ("text/html", "<p>", &[][..]),
        ("application/jsonp", r#"{"type":"ack"}"#, &[]),
        ("application/json", "{", &[]),
        ("application/json", "5", &["5"]),
        ("Application/JSON", r#"{"type":"ack"}"#, &[r#"{"type":"ack"}"#]),
    ] {
        let to = Rc::clone(&seen);
        let live = Live::new(uplinked().acks(move |message| {
            to.borrow_mut().push(message.text().unwrap().to_owned());
            None
        }));
        live.accept();
        let sending = live.send("1");
        live.post().respond(Response::new(200).with_header("content-type", kind).with_body(answer));
        assert_eq!(live.fate(sending), Sent::Sent);
        assert_eq!(seen.take(), messages, "{kind} {answer}");
    }
}

#[test]
fn each_endpoint_may_have_an_uplink_of_its_own() {
    let endpoint = |host: &str| {
        Request::get(format!("https://{host}.example/live")).with_uplink(format!("https://{host}.example/up"))
    };
    let builder = Client::builder(endpoint("a")).failover([endpoint("b")]).reconnect(EVEN);
    let live = Live::new(builder.uplink(Uplink::per_endpoint().without_name()));
    let stream = live.accept();
    let first = live.send("1");
    let post = live.post();
    assert_eq!(post.url(), "https://a.example/up");
    post.respond(done());
    assert_eq!(live.fate(first), Sent::Sent);
    stream.break_off();
    let stream = live.retry();
    assert_eq!(stream.url(), "https://b.example/live");
    stream.accept();
    let second = live.send("2");
    let post = live.post();
    assert_eq!(post.url(), "https://b.example/up");
    post.respond(done());
    assert_eq!(live.fate(second), Sent::Sent);

    let ways = Ways::new().with_websocket(WS).with_sse(SSE);
    let fallback = Fallback::new().with_order([Way::Fetch]);
    let builder = Client::builder(Request::from(ways).with_uplink(UP)).fallback(fallback);
    let live = Live::new(builder.uplink(Uplink::per_endpoint().without_name()));
    live.accept();
    let sending = live.send("1");
    let post = live.post();
    assert_eq!(post.url(), UP);
    post.respond(done());
    assert_eq!(live.fate(sending), Sent::Sent);

    let builder = Client::builder_with(|context| async move {
        Ok(Request::get(SSE).with_uplink(format!("{UP}?n={}", context.attempt)))
    });
    let live = Live::new(builder.uplink(Uplink::per_endpoint()));
    live.accept();
    drop(live.send("1"));
    assert_eq!(live.post().query("n").as_deref(), Some("0"));
    let live = Live::new(Client::builder_with(|_| async { Ok(SSE) }).uplink(Uplink::per_endpoint()));
    live.accept();
    assert_eq!(live.fate(live.send("1")), Sent::Dropped(Dropped::NoUplink));
}

#[test]
fn topics_are_joined_by_the_first_message_of_each_stream() {
    let topics = Subscriptions::new().with_id("eventId");
    let live = Live::new(uplinked().subscriptions(topics));
    let room = live.handle().subscribe("a").unwrap();
    drop(live.send("waits"));
    let server = live.accept();
    let post = live.post();
    assert_eq!(body(&post), json!([{"type": "join", "topic": "a"}, "waits"]));
    post.respond(done());
    server.send_event(r#"{"type":"joined","topic":"a"}"#);
    assert_eq!(live.page.block_on(room.ready()), Ok(Ok(())));
    server.send_event(r#"{"topic":"a","eventId":"7"}"#);
    server.break_off();
    live.retry().accept();
    assert_eq!(body(&live.post()), json!([{"type": "join", "topic": "a", "lastEventId": "7"}]));
}

#[test]
fn a_request_whose_post_was_not_answered_is_asked_again_or_unknown() {
    let live = Live::new(uplinked().requests(Requests::new().with_retry()));
    live.accept();
    let reply = live.handle().request(&json!({"id": "q"}));
    live.post().respond(Response::new(502));
    live.retry().accept();
    let answer = Response::new(200).with_header("content-type", "application/json");
    live.post().respond(answer.with_body(r#"{"id":"q","ok":true}"#));
    assert!(live.page.block_on(reply).unwrap().is_ok());

    let live = Live::new(uplinked());
    live.accept();
    let reply = live.handle().request(&json!({"id": "q"}));
    live.post().respond(Response::new(502));
    assert_eq!(live.page.block_on(reply).unwrap(), Err(RequestError::Unknown));
}

#[test]
fn what_a_new_connection_takes_the_place_of_is_called_off() {
    let live = Live::new(with_acks());
    live.accept();
    let plain = live.send("1");
    drop(live.handle().send_with("2", &SendOptions::new().with_ack("2")).unwrap());
    let post = live.post();
    drop(live.handle().send_with("3", &SendOptions::new().with_ack("3")).unwrap());
    live.handle().reconnect();
    assert_eq!(live.fate(plain), Sent::Unknown);
    live.retry().accept();
    assert_eq!(body(&live.post()), json!(["2", "3"]));
    // What comes of the first one is late, whatever it says.
    post.respond(Response::new(403));
    assert_eq!(live.handle().state(), State::Open);
}

#[test]
fn close_calls_off_what_is_out_and_drops_what_waits() {
    let live = Live::new(uplinked());
    live.accept();
    let out = live.send("1");
    let post = live.post();
    let waits = live.send("2");
    live.handle().close();
    assert_eq!(live.fates(vec![out, waits]), [Sent::Unknown, Sent::Dropped(Dropped::Closed)]);
    assert!(!post.is_waiting());
}

#[test]
fn a_page_that_goes_sends_what_waits_and_what_has_no_ack() {
    let live = Live::new(with_acks().outbox(Outbox::new()));
    live.accept();
    drop(live.handle().send_with("a", &SendOptions::new().with_ack("a")).unwrap());
    drop(live.send("b"));
    let first = live.post();
    assert!(!first.keepalive());
    drop(live.send("c"));
    live.page.leave();
    let last = live.post();
    assert_eq!((body(&last), last.keepalive()), (json!(["a", "c"]), true));
    // A client that is closed then lets it arrive.
    live.handle().close();
    assert_eq!((first.is_waiting(), last.is_waiting()), (false, true));
}

#[test]
fn no_more_goes_with_the_page_than_a_browser_lets() {
    let uplink = Uplink::new(UP).with_max_bytes(10_000);
    let live = Live::new(fetch().uplink(uplink));
    live.accept();
    let hangs = live.send("1");
    let out = live.post();
    let text = "x".repeat(25_000);
    let _sends = live.sends(&[&text, &text, &text]);
    live.page.leave();
    let mut bytes = 0;
    while let Some(post) = live.page.next_request() {
        assert!(post.keepalive());
        bytes += post.body().len();
    }
    assert!((50_000..60_000).contains(&bytes), "{bytes}");
    drop((hangs, out));
}

#[test]
fn without_an_uplink_a_stream_takes_nothing() {
    let live = Live::new(fetch());
    let stream = live.attempt();
    assert_eq!(stream.url(), SSE);
    stream.accept();
    assert_eq!(live.fate(live.send("1")), Sent::Dropped(Dropped::NoUplink));
    assert!(live.page.next_request().is_none());
}

#[test]
fn a_websocket_needs_no_uplink() {
    let live = Live::new(web_socket().uplink(Uplink::new(UP)));
    let attempt = live.attempt();
    assert_eq!(attempt.url(), WS);
    let server = attempt.accept();
    assert_eq!(live.fate(live.send("1")), Sent::Sent);
    assert_eq!(server.received(), Some("1".into()));
    assert!(live.page.next_request().is_none());
}

#[test]
fn an_uplink_that_cannot_be_is_an_error() {
    let _page = Page::new();
    let address = "must be an http: or https: address without a password";
    let alone = "must be an address with headers alone";
    let each = "must stand in each endpoint: Request::with_uplink";
    let endpoint = |uplink: &str| Client::builder(Request::get(SSE).with_uplink(uplink));
    for (builder, option, problem) in [
        (fetch().uplink(Uplink::new("http://[")), "uplink", address),
        (fetch().uplink(Uplink::new("wss://example.com/up")), "uplink", address),
        (fetch().uplink(Uplink::new("https://a:b@example.com/up")), "uplink", address),
        (fetch().uplink(Uplink::new(Request::post(UP, "x"))), "uplink", alone),
        (endpoint("ftp://a").uplink(Uplink::per_endpoint()), "uplink", address),
        (endpoint("/a").failover([SSE]).uplink(Uplink::per_endpoint()), "uplink", each),
        (endpoint("/a"), "uplink", "needs Builder::uplink"),
        (
            Client::builder(Request::post(SSE, "x")).uplink(Uplink::new(UP)),
            "uplink",
            "is for a stream that may be asked for again: not for POST or PATCH",
        ),
        (
            fetch().uplink(Uplink::new(UP).with_name("")),
            "uplink.name",
            "must not be empty: Uplink::without_name",
        ),
        (fetch().uplink(Uplink::new(UP).with_max_messages(0)), "uplink.maxMessages", "must be 1 to 1000000"),
        (fetch().uplink(Uplink::new(UP).with_max_bytes(0)), "uplink.maxBytes", "must be 1 to 2147483647"),
        (
            fetch().uplink(Uplink::new(UP).with_timeout(millis(0))),
            "uplink.timeout",
            "must be 1 to 2147483647 ms",
        ),
    ] {
        let error = ConnectError::InvalidOption(OptionError { option, problem });
        assert_eq!(builder.connect().err(), Some(error));
    }
}

#[test]
fn a_stream_that_was_not_asked_for_leaves_nothing_to_a_web_socket() {
    // The browser refuses the port of the first one.
    let builder =
        Client::builder("https://example.com:25/live").failover([WS]).uplink(Uplink::new(UP)).reconnect(EVEN);
    let live = Live::new(builder);
    let attempt = live.retry();
    assert_eq!(attempt.transport(), Transport::WebSocket);
    let server = attempt.accept();
    let fates = live.fates(live.sends(&["a", "b"]));
    assert_eq!(fates, [Sent::Sent, Sent::Sent]);
    assert_eq!(server.received().unwrap(), "a".into());
    assert!(live.page.next_request().is_none());
}

#[test]
fn what_is_no_address_of_its_own_is_an_error() {
    let page = Page::new();
    for request in [Request::get(""), Ways::new().with_sse("/up").into()] {
        let error = fetch().uplink(Uplink::new(request.clone())).connect().unwrap_err();
        assert!(error.to_string().contains("uplink"), "{error}");
        let error = web_socket().probe(request).connect().unwrap_err();
        assert!(error.to_string().contains("probe"), "{error}");
    }
    drop(page);
}

#[test]
fn a_functions_uplink_without_the_option_is_told() {
    let builder = Client::builder_with(|_| async { Ok(Request::get(SSE).with_uplink(UP)) });
    let live = Live::new(builder);
    let _server = live.accept();
    assert_eq!(live.fate(live.send("a")), Sent::Dropped(Dropped::NoUplink));
    let told = live.page.warnings();
    assert!(told.iter().any(|told| told.contains("Builder::uplink")), "{told:?}");
}
