//! The Rust app's side of a client in the browser.

use std::{
    rc::{Rc, Weak},
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use js_sys::Array;
use wasm_bindgen::prelude::*;

pub(crate) use super::inbox::Sending;
use super::{
    Builder, Closed, ConnectError, ContentType, Context, DecodeError, EncodeError, Event, Gap, NotResumable,
    Place, Redirect, Request, Retry, SendOptions, Stats,
    builder::{Acks, Endpoint},
    driver::{self, Host},
    inbox::Inbox,
    request::strays,
};
use crate::{
    Failure, Sent, State, Transport,
    codes::{lost, route},
    core::{
        config::Config,
        io::{Decision, Input, News, Page, Reason, Why},
        outbox::{Awaits, Parcel},
        seam::Outcome,
    },
    error::OptionError,
    transport::{
        address::{Address, problem},
        sys::{self, Port, REQUEST},
    },
};

type Driver = driver::Driver<AppHost>;

/// Of an endpoint function's address that [`strays`].
const ASTRAY: &str = "an endpoint function must give an address without . and .. in its path, and with its own host: use path_segment for an id";

/// Of one whose protocols would be those of another origin.
const OFFERED: &str = "Builder::protocols are for the first endpoint's origin: give the others theirs by Request::with_protocols";

/// Finds an id in a message.
type Reads = Closure<dyn Fn(JsMessage) -> Option<String>>;
/// The port leaves out zeros at the end.
type Number = Option<u32>;
/// What the port calls.
type Enter = dyn Fn(u32, Number, Number, Number, Number) -> u32;

pub(crate) fn connect(mut builder: Builder, config: Config) -> Result<Wire, ConnectError> {
    let port = Port::new();
    for request in builder.fixed() {
        let route = route_of(&port, &request.address, &builder);
        let Some(address) = Address::new(route, false) else {
            return Err(ConnectError::InvalidUrl(problem(route)));
        };
        if address.transport == Transport::WebSocket && builder.resume.via == Some("header") {
            let problem = "\"header\" is for EventSource and fetch only";
            return Err(ConnectError::InvalidOption(OptionError { option: "resume.via", problem }));
        }
        if builder.resume.via == Some("url") {
            let problem = "\"url\" needs an endpoint function, which puts the cursor where it belongs";
            return Err(ConnectError::InvalidOption(OptionError { option: "resume.via", problem }));
        }
        if address.transport != Transport::WebSocket && builder.frame.is_some() {
            let problem = "is for a WebSocket: SSE cannot send";
            return Err(ConnectError::InvalidOption(OptionError { option: "resume.frame", problem }));
        }
        if address.transport == Transport::WebSocket && !confined(&builder, request) {
            return Err(ConnectError::InvalidOption(OptionError {
                option: "protocols",
                problem: "are for one origin: give endpoints of others Request::with_protocols",
            }));
        }
        if !supported(address.transport) {
            return Err(ConnectError::Unsupported);
        }
    }
    set_up(&port, &builder, config.heartbeat.is_some());
    let frame = builder.frame.take().map(|frame| {
        Closure::<dyn Fn(JsPlace) -> Option<String>>::new(move |place: JsPlace| {
            frame(Place { id: place.id(), seq: place.seq().map(|seq| seq as u64) })
        })
    });
    if let Some(frame) = &frame {
        port.set_frame(frame.as_ref());
        port.set_via("frame");
    }
    let acks = builder.acks.take().map(reads);
    if let Some(acks) = &acks {
        port.set_acks(acks.as_ref());
    }
    let refused = builder.refused.take().map(reads);
    if let Some(refused) = &refused {
        port.set_refuses(refused.as_ref());
    }
    let can = Can { ack: acks.is_some(), ping: config.heartbeat.is_some() };
    let inbox = Rc::new(Inbox::default());
    let (watch_page, max_event_bytes) = (builder.page_lifecycle, builder.max_event_bytes);
    let paused = builder.paused;
    let from = builder.resume.from.clone();
    let driver = Rc::new_cyclic(|driver| {
        let host =
            AppHost { builder: Rc::new(builder), inbox: Rc::clone(&inbox), driver: Weak::clone(driver) };
        Driver::new(config, port, host, watch_page, max_event_bytes, false)
    });

    let weak = Rc::downgrade(&driver);
    let called = weak.clone();
    let call = Closure::<Enter>::new(move |kind, attempt, code, high, low| {
        let [attempt, code, high, low] = [attempt, code, high, low].map(Option::unwrap_or_default);
        called.upgrade().map_or(0, |driver| driver.called(kind, attempt, code, high, low))
    });
    let (to, source) = (Rc::clone(&inbox), driver.port().clone());
    let sink = Closure::<dyn Fn(JsMessage)>::new(move |message: JsMessage| {
        let fetched = message.transport() == Transport::Fetch.name();
        to.push(Event::Message(super::Message(Message(message))), source.size() as usize);
        if let Some(room) = to.room().filter(|_| fetched) {
            source.set_hold(&room);
        }
    });
    driver.port().set_call(call.as_ref());
    driver.port().set_sink(sink.as_ref());
    if !from.is_empty() {
        driver.port().start(&from);
    }
    if paused {
        driver.input(Input::Page(Page::Paused));
    }
    wasm_bindgen_futures::spawn_local(async move {
        if let Some(driver) = weak.upgrade() {
            driver.start();
        }
    });
    Ok(Wire {
        handle: Handle { driver, inbox, can },
        _call: call,
        _sink: sink,
        _frame: frame,
        _acks: [acks, refused],
    })
}

fn reads(read: Acks) -> Reads {
    Closure::new(move |message: JsMessage| read(&super::Message(Message(message))))
}

fn set_up(port: &Port, builder: &Builder, heartbeat: bool) {
    port.set_keeps_raw(true);
    port.set_with_credentials(builder.with_credentials);
    port.set_memory(&wasm_bindgen::memory());
    REQUEST.with(|request| port.set_request(request));
    port.set_flush(builder.flush);
    match builder.content_type {
        ContentType::Required => {}
        ContentType::Optional => port.set_content_type("optional"),
        ContentType::Any => port.set_content_type("any"),
    }
    if let Some(bytes) = builder.high_water_mark {
        port.set_high_water(bytes);
    }
    if let Some(via) = builder.resume.via {
        port.set_via(via);
    }
    if let Some(name) = &builder.resume.name {
        port.set_cursor_names(vec![name.clone()]);
    }
    for name in &builder.events {
        port.name(name);
    }
    if let Some(path) = &builder.resume.id {
        port.set_id(&sys::reader(path));
    }
    if let Some(path) = &builder.resume.seq {
        port.set_seq(&sys::reader(path));
    }
    if let Some(kind) = &builder.resume.gap {
        port.set_gap(kind);
        port.name(kind);
    }
    if let Some(kind) = &builder.notice {
        port.set_notice(kind);
        port.name(kind);
    }
    if heartbeat {
        port.heartbeat(&JsValue::UNDEFINED, &JsValue::UNDEFINED);
    }
}

fn route_of(port: &Port, address: &str, builder: &Builder) -> u32 {
    port.route(address, builder.transport.map_or(0, Transport::number))
}

/// Whether the builder's protocols may go there: to the first origin that asked, as one may be a token.
fn confined(builder: &Builder, request: &Request) -> bool {
    if builder.protocols.is_empty() || request.protocols.is_some() {
        return true;
    }
    let origin = sys::resolve(&request.address).ok().map(|url| url.origin().replacen("ws", "http", 1));
    let mut home = builder.offered.borrow_mut();
    if home.is_none() {
        *home = origin.clone();
    }
    *home == origin
}

fn supported(transport: Transport) -> bool {
    let name = match transport {
        Transport::WebSocket => "WebSocket",
        Transport::EventSource => "EventSource",
        Transport::Fetch => "fetch",
    };
    js_sys::Reflect::has(&js_sys::global(), &JsValue::from_str(name)).unwrap_or(false)
}

/// Owns the connection; dropped, it takes the closures along that the port calls.
pub(crate) struct Wire {
    handle: Handle,
    _call: Closure<Enter>,
    _sink: Closure<dyn Fn(JsMessage)>,
    _frame: Option<Closure<dyn Fn(JsPlace) -> Option<String>>>,
    _acks: [Option<Reads>; 2],
}

impl Wire {
    pub(crate) fn poll_next(&self, cx: &mut TaskContext<'_>) -> Poll<Option<Event>> {
        self.handle.inbox.poll(cx)
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

#[derive(Clone)]
pub(crate) struct Handle {
    driver: Rc<Driver>,
    inbox: Rc<Inbox>,
    can: Can,
}

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.driver, &other.driver)
    }
}

impl Eq for Handle {}

/// What the builder has made possible for a send.
#[derive(Clone, Copy)]
struct Can {
    ack: bool,
    ping: bool,
}

impl Handle {
    pub(crate) fn state(&self) -> State {
        self.driver.state()
    }

    pub(crate) fn last_event_id(&self) -> String {
        self.driver.port().cursor()
    }

    pub(crate) fn last_failure(&self) -> Option<Failure> {
        self.driver.last_failure()
    }

    pub(crate) fn retry_in(&self) -> Option<u64> {
        self.driver.retry_in()
    }

    pub(crate) fn attempt(&self) -> u64 {
        self.driver.retries()
    }

    pub(crate) fn queued(&self) -> (usize, u64) {
        self.driver.queued()
    }

    pub(crate) fn stats(&self) -> Stats {
        let port = self.driver.port();
        let (queued, queued_bytes) = self.queued();
        Stats {
            received: port.received() as u64,
            suppressed: port.suppressed() as u64,
            queued,
            queued_bytes,
            ..self.inbox.stats()
        }
    }

    pub(crate) fn round_trip(&self) -> Option<f64> {
        self.driver.port().round_trip()
    }

    pub(crate) fn send_text(&self, text: &str) -> Sending {
        self.send(JsValue::from_str(text), text.len())
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> Sending {
        self.send(js_sys::Uint8Array::from(bytes).into(), bytes.len())
    }

    pub(crate) fn send_json<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<Sending, EncodeError> {
        // Maps as objects and the like: what JSON.stringify makes JSON of.
        let value =
            value.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).map_err(|_| EncodeError)?;
        let text = js_sys::JSON::stringify(&value).ok().and_then(|text| text.as_string());
        let text = text.ok_or(EncodeError)?;
        Ok(self.send_text(&text))
    }

    pub(crate) fn send_text_with(&self, text: &str, options: &SendOptions) -> Result<Sending, OptionError> {
        self.check(options)?;
        Ok(self.post(JsValue::from_str(text), text.len(), options))
    }

    pub(crate) fn send_bytes_with(
        &self,
        bytes: &[u8],
        options: &SendOptions,
    ) -> Result<Sending, OptionError> {
        self.check(options)?;
        Ok(self.post(js_sys::Uint8Array::from(bytes).into(), bytes.len(), options))
    }

    fn check(&self, options: &SendOptions) -> Result<(), OptionError> {
        let error = |option, problem| Err(OptionError { option, problem });
        match &options.ack {
            Some(_) if !self.can.ack => error("send.ack", "needs Builder::acks"),
            Some(_) if options.confirm => error("send.ack", "excludes send.confirm"),
            Some(id) if self.driver.port().awaiting().has(&id.into()) => {
                error("send.ack", "is the id of a message that still awaits an ack")
            }
            _ if options.confirm && !self.can.ping => error("send.confirm", "needs the heartbeat"),
            _ => Ok(()),
        }
    }

    fn send(&self, payload: JsValue, bytes: usize) -> Sending {
        self.post(payload, bytes, &SendOptions::new())
    }

    fn post(&self, payload: JsValue, bytes: usize, options: &SendOptions) -> Sending {
        let (id, sending) = self.inbox.sending();
        let port = self.driver.port();
        let key = options.ack.as_ref().map_or(JsValue::UNDEFINED, JsValue::from);
        if options.ack.is_some() {
            port.awaiting().set(&key, &id.into());
        }
        port.payloads().set(&id.into(), &Array::of2(&payload, &key));
        self.driver.input(Input::Send(Parcel {
            expires: options.ttl.unwrap_or(u64::MAX),
            priority: options.priority,
            volatile: options.volatile,
            awaits: match options {
                SendOptions { ack: Some(_), .. } => Awaits::Ack,
                SendOptions { confirm: true, .. } => Awaits::Pong,
                _ => Awaits::Nothing,
            },
            ..Parcel::new(id, bytes as u64)
        }));
        sending
    }

    pub(crate) fn pause(&self) {
        self.driver.input(Input::Page(Page::Paused));
    }

    pub(crate) fn resume(&self) {
        self.driver.input(Input::Page(Page::Unpaused));
    }

    pub(crate) fn reconnect(&self) {
        self.driver.input(Input::Reconnect);
    }

    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.driver.port().set_goodbye(reason);
        self.driver.input(Input::Close { why: Why::App, code });
    }
}

struct AppHost {
    builder: Rc<Builder>,
    inbox: Rc<Inbox>,
    driver: Weak<Driver>,
}

fn resolved(driver: &Driver, attempt: u32, builder: &Builder, request: Option<&Request>) {
    let Some(request) = request else { return driver.input(driver.prepared(attempt, None)) };
    let port = driver.port();
    port.set_resumes(request.resumes);
    port.prepare(&request.address, &extra(builder, request));
    let taken = route_of(port, &request.address, builder);
    if taken == route::CREDENTIALS {
        // As a connection that the browser blocks.
        return driver.lost(attempt, lost::BLOCKED);
    }
    let mut address = Address::new(taken, request.once());
    if address.as_ref().is_some_and(|to| to.transport == Transport::WebSocket) && !confined(builder, request)
    {
        port.warn(OFFERED);
        address = None;
    }
    driver.input(driver.prepared(attempt, address));
}

/// As `Port.open` reads it.
fn extra(builder: &Builder, request: &Request) -> JsValue {
    let extra = js_sys::Object::new();
    let set = |name: &str, value: JsValue| {
        // Of a new object: it cannot fail.
        let _ = js_sys::Reflect::set(&extra, &JsValue::from_str(name), &value);
    };
    let protocols = request.protocols.as_ref().unwrap_or(&builder.protocols);
    set("protocols", protocols.iter().map(|name| JsValue::from_str(name)).collect::<Array>().into());
    let pair = |(name, value): &(String, String)| Array::of2(&name.into(), &value.into());
    set("headers", request.headers.iter().map(pair).collect::<Array>().into());
    if let Some(method) = &request.method {
        set("method", JsValue::from_str(method));
    }
    if let Some(body) = &request.body {
        set("body", js_sys::Uint8Array::from(body.as_slice()).into());
    }
    if let Some(redirect) = request.redirect {
        set("redirect", JsValue::from_str(if redirect == Redirect::Follow { "follow" } else { "error" }));
    }
    if builder.with_credentials {
        set("credentials", JsValue::from_str("include"));
    }
    extra.into()
}

impl Host for AppHost {
    fn resolve(&self, driver: &Driver, attempt: u32, retry: u64, reason: Reason, endpoint: u32) {
        self.inbox.count(|stats| stats.attempts += 1);
        let other = endpoint.checked_sub(1).and_then(|place| self.builder.others.get(place as usize));
        if let Some(request) = other {
            return resolved(driver, attempt, &self.builder, Some(request));
        }
        match &self.builder.endpoint {
            Endpoint::Fixed(request) => resolved(driver, attempt, &self.builder, Some(request)),
            Endpoint::Function(ask) => {
                if self.builder.resume.via == Some("url") {
                    driver.asking();
                }
                let last_event_id = driver.port().cursor();
                let asked = ask(Context { reason, attempt: retry, last_event_id });
                let driver = Weak::clone(&self.driver);
                let builder = Rc::clone(&self.builder);
                wasm_bindgen_futures::spawn_local(async move {
                    let request = asked.await;
                    let Some(driver) = driver.upgrade() else { return };
                    match request {
                        Err(error) if error.is::<NotResumable>() => driver.lost(attempt, lost::NOT_RESUMABLE),
                        request => {
                            let request = request.ok();
                            // An id of the server's may stand in it.
                            let stays = request.as_ref().filter(|request| !strays(&request.address));
                            if request.is_some() && stays.is_none() {
                                driver.port().warn(ASTRAY);
                            }
                            resolved(&driver, attempt, &builder, stays);
                        }
                    }
                });
            }
        }
    }

    fn ask(&self, failure: Failure) -> Decision {
        match self.builder.rule.as_ref().map(|rule| rule(failure)) {
            None | Some(super::Decision::Table) => Decision::Table,
            Some(super::Decision::GiveUp) => Decision::GiveUp,
            Some(super::Decision::Again) => Decision::Again,
            Some(super::Decision::Unauthorized) => Decision::Unauthorized,
            Some(super::Decision::After(delay)) => {
                Decision::After(delay.as_millis().try_into().unwrap_or(u64::MAX))
            }
        }
    }

    fn settle(&self, id: u32, sent: Sent) {
        self.inbox.settle(id, sent);
    }

    fn tell(&self, driver: &Driver, news: News) {
        let event = match news {
            // The Rust API has no topics.
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            News::Topic(_) => return,
            News::State(state) => Event::State(state),
            News::Open => Event::Open,
            News::Retry { retry, delay, failure } => {
                let delay = Duration::from_millis(delay);
                Event::Retry(Retry { attempt: retry, delay, failure })
            }
            News::Outcome(outcome, missing) => {
                self.inbox.count(|stats| stats.outcome = Some(outcome));
                if outcome == Outcome::Recovered {
                    return;
                }
                let port = driver.port();
                Event::Gap(Gap { outcome, after: port.cursor(), before: port.pending(), missing })
            }
            News::Closed { why, code, failure } => {
                let peer_close_reason = if code == 0 { String::new() } else { driver.port().close_reason() };
                Event::Closed(Closed { reason: why, code, peer_close_reason, failure })
            }
        };
        // Its ids are the server's: what is long is weighed.
        let size = if let Event::Gap(gap) = &event { gap.after.len() + gap.before.len() } else { 0 };
        self.inbox.push(event, if size > 8_000 { size } else { 0 });
    }
}

#[wasm_bindgen]
extern "C" {
    /// See `Port.place`.
    type JsPlace;

    #[wasm_bindgen(method, getter)]
    fn id(this: &JsPlace) -> String;
    #[wasm_bindgen(method, getter)]
    fn seq(this: &JsPlace) -> Option<f64>;

    /// What the port hands over; see `Port.sink`.
    pub(crate) type JsMessage;

    #[wasm_bindgen(method, getter)]
    fn raw(this: &JsMessage) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn data(this: &JsMessage) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = "type")]
    fn kind(this: &JsMessage) -> String;
    #[wasm_bindgen(method, getter, js_name = lastEventId)]
    fn last_event_id(this: &JsMessage) -> String;
    #[wasm_bindgen(method, getter)]
    fn transport(this: &JsMessage) -> String;
    #[wasm_bindgen(method, getter)]
    fn origin(this: &JsMessage) -> String;
}

pub(crate) struct Message(JsMessage);

impl Message {
    pub(crate) fn kind(&self) -> String {
        self.0.kind()
    }

    pub(crate) fn text(&self) -> Option<String> {
        self.0.raw().as_string()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self.text() {
            Some(text) => text.into_bytes(),
            None => js_sys::Uint8Array::new(&self.0.raw()).to_vec(),
        }
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, DecodeError> {
        serde_wasm_bindgen::from_value(self.0.data()).map_err(|error| DecodeError::new(&error.to_string()))
    }

    pub(crate) fn last_event_id(&self) -> String {
        self.0.last_event_id()
    }

    pub(crate) fn transport(&self) -> Transport {
        match self.0.transport().as_str() {
            "eventsource" => Transport::EventSource,
            "fetch" => Transport::Fetch,
            _ => Transport::WebSocket,
        }
    }

    pub(crate) fn origin(&self) -> String {
        self.0.origin()
    }
}
