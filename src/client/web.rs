//! The Rust app's side of a client.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use super::{
    Builder, Closed, ConnectError, Context, Details, EncodeError, Event, Gap, Message, NotResumable, Opened,
    Payload, Request, Resume, Retry, SendOptions, Slot, Stats, Way, builder::Endpoint, inbox::Inbox, kept,
    request::strays,
};
#[cfg(feature = "duplex")]
use super::{RequestError, RequestOptions, Requests, SubscribeOptions, SubscriptionError};
pub(crate) use crate::web::shaking::Shaking;
#[cfg(feature = "duplex")]
pub(crate) use crate::web::topics::Subscription;
use crate::{
    Failure, Sent, State, Transport,
    codes::{lost, route},
    core::{
        carrier::Via,
        config::Config,
        io::{ClientEvent, Decision, Fate, Input, Page, Reason, Why},
        outbox::{Awaits, Dropped, Outgoing},
        resume::Outcome,
    },
    driver::{self, Host},
    error::OptionError,
    transport::address::{Address, problem},
    web::{
        Core, Port, STREAMS,
        aim::{over_http, route as route_to},
        cancel::Cancelled,
        inbound::Rules,
        installed::Keeps,
        link::Data,
        page::{self, Target},
        place::Fixed,
        port::HasRoom,
        settings::Settings,
        tokens::Keeper,
    },
};
#[cfg(feature = "duplex")]
use crate::{core::persist::Step, web::requests::Answer};

pub(crate) type Driver = driver::Driver<AppHost>;

/// Of an endpoint function's address that [`strays`].
const ASTRAY: &str = "an endpoint function must give an address without . and .. in its path, and with its own host: use path_segment for an id";

/// Of one that gave nothing for the way that is tried.
const PATHLESS: &str =
    "an endpoint function must give an address for each way: see Ways and Fallback::with_order";

/// Of one that gave an address for what this build leaves out.
const NO_SOCKETS: &str = "an endpoint function must give the address of an event stream: WebSockets need the feature \"websocket\" of the crate everwire";
const NO_STREAMS: &str = "an endpoint function must give a ws: or wss: address: event streams need the feature \"sse\" of the crate everwire";

const NCHAN_PINGS: &str =
    "a heartbeat excludes Builder::nchan over a WebSocket: leave it out, or say no_ping";
const NCHAN_PROTOCOLS: &str =
    "nchan's subprotocol must be the only one offered: leave out those of the request";
const SILENT: &str = "Builder::handshake and resume_frame are for a WebSocket: an endpoint function must give a ws: or wss: address with them";
#[cfg(feature = "duplex")]
const UPLINK: &str = "Request::with_uplink needs Builder::uplink";

/// Of one whose protocols would be those of another origin.
const OFFERED: &str = "Builder::protocols are for the first endpoint's origin: give the others theirs by Request::with_protocols";

pub(crate) fn connect(mut builder: Builder, config: Config) -> Result<Wire, ConnectError> {
    if !page::exists() {
        return Err(ConnectError::Unsupported);
    }
    builder.order = builder.shuffle.map(|shuffle| shuffle(config.endpoints)).unwrap_or_default();
    for way in &builder.choice.ways {
        if let Some(problem) = way.transport().lacks() {
            return Err(ConnectError::InvalidOption(OptionError { option: "transport", problem }));
        }
    }
    for request in builder.fixed() {
        let ways = &builder.choice.ways;
        if ways.is_empty() {
            check(&builder, request, builder.transport)?;
        }
        for way in ways {
            check(&builder, request, Some(way.transport()))?;
        }
    }
    let settings = settings(&mut builder, config.passive);
    let can = Can { ack: settings.acks.is_some(), ping: config.heartbeat.is_some() && !config.passive };
    let inbox = Rc::new(Inbox::default());
    let (watch_page, max_event_bytes) = (builder.page_lifecycle, builder.max_event_bytes);
    let (paused, comments) = (builder.paused, settings.on_comment.is_some());
    let (from, stored, manual) =
        (builder.resume.from.clone(), builder.resume.stored.clone(), builder.resume.manual);
    let addresses: Vec<String> = builder.fixed().map(|request| request.address.clone()).collect();
    let function = matches!(builder.endpoint, Endpoint::Function(_));
    #[cfg(feature = "duplex")]
    let persist = builder.persist.take();
    let driver = Rc::new_cyclic(|driver: &Weak<Driver>| {
        let core: Weak<Core> = Weak::<Driver>::clone(driver);
        let port = Port::new(settings, core);
        let host = AppHost {
            builder: Rc::new(builder),
            inbox: Rc::clone(&inbox),
            driver: Weak::clone(driver),
            state: Cell::new(State::Connecting),
            before: Cell::new(State::Connecting),
        };
        Driver::new(config, port, host, watch_page, max_event_bytes, comments)
    });
    let (to, weigher) = (Rc::clone(&inbox), Rc::clone(&inbox));
    driver.port().deliver_to(
        Box::new(move |message| {
            let size = message.weight();
            to.push(Event::Message(message), size);
        }),
        STREAMS.then(|| Box::new(move || weigher.room()) as HasRoom),
    );
    if let Some(outcome) = stored
        .map(|stored| kept::place(&driver, &inbox, &stored, manual, &Fixed { addresses, function }, &from))
    {
        outcome.map_err(ConnectError::InvalidOption)?;
    } else if !from.is_empty() {
        // Which brought them along.
        if let Some(rules) = driver.port().rules() {
            (rules.start)(driver.port(), &from);
        }
    }
    #[cfg(feature = "duplex")]
    if let Some((persist, begin)) = persist {
        kept::outbox(&driver, &inbox, persist, begin).map_err(ConnectError::InvalidOption)?;
    }
    if paused {
        driver.input(Input::Page(Page::Paused));
    }
    let weak = Rc::downgrade(&driver);
    page::spawn(async move {
        let Some(driver) = weak.upgrade() else { return };
        if driver.port().places.get().is_some_and(|places| places.is_over()) {
            driver.input(Input::Close { why: Why::Ended, code: 0 });
        } else {
            driver.start();
        }
    });
    Ok(Wire { handle: Handle { driver, inbox, can }, flushing: RefCell::default() })
}

/// Whether a fixed endpoint can work.
fn check(builder: &Builder, request: &Request, transport: Option<Transport>) -> Result<(), ConnectError> {
    let Some((request, transport)) = request.pick(transport) else {
        return Err(ConnectError::InvalidUrl("must be one for the transport: see Ways"));
    };
    let route = route_to(&request.address, transport);
    let Some(address) = Address::new(route, false) else {
        return Err(ConnectError::InvalidUrl(problem(route)));
    };
    let wrong = |option, problem| Err(ConnectError::InvalidOption(OptionError { option, problem }));
    if let Some(problem) = address.transport.lacks() {
        return wrong("transport", problem);
    }
    let socket = address.transport == Transport::WebSocket;
    if builder.resume.via == Some(Via::Url) {
        return wrong(
            "resume.via",
            "\"url\" needs an endpoint function, which puts the cursor where it belongs",
        );
    }
    // Of several ways each has what is for it.
    if builder.choice.ways.is_empty() {
        if socket && builder.resume.via == Some(Via::Header) {
            return wrong("resume.via", "\"header\" is for EventSource and fetch only");
        }
        if !socket && builder.frame.is_some() {
            return wrong("resume.frame", "is for a WebSocket: SSE cannot send");
        }
        if !socket && builder.handshake.is_some() {
            return wrong("handshake", "is for a WebSocket: SSE cannot send");
        }
    }
    if socket && builder.unpack.is_some() && builder.pings() {
        return wrong(
            "heartbeat",
            "excludes Builder::nchan over a WebSocket: nchan closes or broadcasts when a subscriber sends a ping. Leave it out, or say no_ping",
        );
    }
    if socket && builder.unpack.is_some() && request.protocols.is_some() {
        return wrong("protocols", "exclude Builder::nchan, whose own must be the only one offered");
    }
    if socket && !(request.headers.is_empty() && request.body.is_none() && request.method.is_none()) {
        return wrong("http", "is for fetch: a WebSocket takes the address alone");
    }
    if socket && !builder.confine(request) {
        return wrong("protocols", "are for one origin: give endpoints of others Request::with_protocols");
    }
    if page::supports(address.transport) { Ok(()) } else { Err(ConnectError::Unsupported) }
}

/// Each event of a stream may have an id.
fn rules(resume: &Resume) -> Option<Rules> {
    if STREAMS { Some(Rules::new()) } else { resume.ruled.0 }
}

pub(crate) fn settings(builder: &mut Builder, silent: bool) -> Settings {
    let resume = &builder.resume;
    let mut names = builder.events.clone();
    names.extend(resume.gap.as_ref().map(|kind| kind.name.clone()));
    names.extend(builder.notice.as_ref().map(|kind| kind.name.clone()));
    #[cfg(feature = "duplex")]
    names.extend(builder.subscriptions.names());
    let names = names.into_iter().fold(Vec::new(), |mut names: Vec<String>, name| {
        if name != "message" && !names.contains(&name) {
            names.push(name);
        }
        names
    });
    let frame = builder.frame.take();
    Settings {
        rules: rules(resume),
        id: resume.id.clone(),
        seq: resume.seq.clone(),
        decode: builder.decode.take(),
        gap: resume.gap.clone(),
        notice: builder.notice.clone(),
        acked: builder.acked,
        acks: builder.acks.take(),
        refused: builder.refused.take(),
        #[cfg(feature = "duplex")]
        slow: builder.slow.take(),
        handshake: builder.handshake.take(),
        uplink: builder.uplink.take(),
        probe: builder.probe.take(),
        ping: builder.ping.take(),
        is_pong: builder.is_pong.take(),
        silent,
        #[cfg(feature = "duplex")]
        requests: builder.requests.clone(),
        #[cfg(feature = "duplex")]
        subscriptions: builder.subscriptions.clone(),
        via: if frame.is_some() { Some(Via::Frame) } else { resume.via },
        frame,
        cursor_names: if resume.names.is_empty() {
            vec!["lastEventId".to_owned()]
        } else {
            resume.names.clone()
        },
        outcome: builder.outcome.take(),
        unpack: builder.unpack,
        names,
        heartbeat: builder.beat,
        content_type: builder.content_type,
        flush: builder.flush,
        on_comment: builder.on_comment.take(),
        cancel: builder.cancel.take(),
        failure_body: builder.failure_body,
        open_timeout: u32::try_from(builder.config.open_timeout).unwrap_or(u32::MAX),
        credentials: builder.with_credentials,
        high_water: builder.high_water_mark.unwrap_or(1 << 24),
    }
}

/// Whether the builder's protocols may go there: to the first origin that asked, as one may be a token.
pub(crate) fn confined(builder: &Builder, request: &Request) -> bool {
    // A preset's are no secret.
    if builder.protocols.is_empty() || request.protocols.is_some() || builder.unpack.is_some() {
        return true;
    }
    let origin = Target::resolve(&request.address).map(|target| over_http(&target.origin()));
    let mut home = builder.offered.borrow_mut();
    if home.is_none() {
        home.clone_from(&origin);
    }
    *home == origin
}

/// Owns the connection.
pub(crate) struct Wire {
    handle: Handle,
    /// What was sent since the last flush, by whom a Sink is wanted.
    flushing: RefCell<Vec<Sending>>,
}

impl Wire {
    pub(crate) fn poll_next(&self, cx: &mut TaskContext<'_>) -> Poll<Option<Event>> {
        let event = self.handle.inbox.poll(cx);
        if let Poll::Ready(Some(Event::Message(message))) = &event
            && let Some(places) = self.handle.driver.port().places.get()
            && let Some(stand) = message.stand()
        {
            places.pulled(stand);
        }
        event
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// A closed client takes no more, and says so when it is flushed.
    pub(crate) fn poll_room(&self, cx: &TaskContext<'_>) -> Poll<Result<(), Dropped>> {
        if self.handle.state() == State::Closed {
            return Poll::Ready(Err(Dropped::Closed));
        }
        // What need not wait is not bounded.
        if self.handle.driver.has_room() || self.handle.driver.takes_at_once() {
            return Poll::Ready(Ok(()));
        }
        self.handle.inbox.wait_for_settled(cx);
        Poll::Pending
    }

    pub(crate) fn start_send(&self, payload: Payload) {
        let sending = self.handle.post(payload.0, &SendOptions::new());
        let mut flushing = self.flushing.borrow_mut();
        flushing.retain(|sending| {
            !matches!(sending.settled.get(), Some(Sent::Sent | Sent::Acked | Sent::Unknown))
        });
        flushing.push(sending);
    }

    pub(crate) fn poll_flush(&self, cx: &TaskContext<'_>) -> Poll<Result<(), Dropped>> {
        let mut flushing = self.flushing.borrow_mut();
        while let Some(sending) = flushing.first() {
            match sending.settled.get() {
                None => {
                    self.handle.inbox.wait_for_settled(cx);
                    return Poll::Pending;
                }
                Some(Sent::Dropped(why)) => {
                    flushing.remove(0);
                    return Poll::Ready(Err(why));
                }
                Some(_) => drop(flushing.remove(0)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

pub(crate) struct Sending {
    pub(super) settled: Slot<Sent>,
    pub(super) number: u32,
    /// The number is of what is kept.
    pub(super) kept: bool,
    pub(super) driver: Weak<Driver>,
}

impl Sending {
    pub(crate) fn poll(&self, cx: &mut TaskContext<'_>) -> Poll<Sent> {
        self.settled.poll(cx)
    }

    pub(crate) fn abort(&self) {
        if !self.settled.is_set()
            && let Some(driver) = self.driver.upgrade()
        {
            match driver.port().keeps.get().filter(|_| self.kept) {
                Some(keeps) => keeps.abort(self.number),
                None => driver.input(Input::Abort(self.number)),
            }
        }
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

    pub(crate) fn keep_fresh(&self, keeper: &Rc<Keeper>, on_refresh: impl Fn(&str) + 'static) -> Option<u64> {
        if self.state() == State::Closed {
            return None;
        }
        let driver = Rc::downgrade(&self.driver);
        let following = keeper.follow(Rc::new(move |token| {
            // One that is not open comes with the new token by itself.
            if driver.upgrade().is_some_and(|driver| driver.state() == State::Open) {
                on_refresh(token);
            }
        }));
        let number = following.number;
        self.driver.port().keep_until_closed(Box::new(following));
        Some(number)
    }

    pub(crate) fn last_event_id(&self) -> String {
        self.driver.port().cursor().as_ref().to_owned()
    }

    /// False: it cannot be.
    pub(crate) fn commit(&self, message: &Message) -> bool {
        let places = self.driver.port().places.get();
        places.zip(message.stand()).is_some_and(|(places, stand)| places.commit(stand))
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
            received: port.received(),
            suppressed: port.suppressed_count(),
            queued,
            queued_bytes,
            ..self.inbox.stats()
        }
    }

    pub(crate) fn transport(&self) -> Option<Transport> {
        self.driver.port().way()
    }

    pub(crate) fn url(&self) -> String {
        self.driver.port().url().as_ref().to_owned()
    }

    pub(crate) fn protocol(&self) -> String {
        self.driver.port().protocol()
    }

    pub(crate) fn buffered(&self) -> u32 {
        self.driver.port().buffered()
    }

    pub(crate) fn round_trip(&self) -> Option<f64> {
        self.driver.port().round_trip()
    }

    pub(crate) fn send_text(&self, text: &str) -> Sending {
        self.post(Data::Text(text.into()), &SendOptions::new())
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> Sending {
        self.post(Data::Bytes(bytes.into()), &SendOptions::new())
    }

    pub(crate) fn send_json<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<Sending, EncodeError> {
        let text = serde_json::to_string(value).map_err(|_| EncodeError)?;
        Ok(self.send_text(&text))
    }

    pub(crate) fn send_text_with(&self, text: &str, options: &SendOptions) -> Result<Sending, OptionError> {
        self.check(options)?;
        if let Some(keeps) = self.keeps()
            && let Some(ack) = &options.ack
            && !options.volatile
            && self.state() != State::Closed
        {
            let (number, settled) = keeps.send(text, ack, options);
            return Ok(Sending { settled, number, kept: true, driver: Rc::downgrade(&self.driver) });
        }
        Ok(self.post(Data::Text(text.into()), options))
    }

    pub(crate) fn send_bytes_with(
        &self,
        bytes: &[u8],
        options: &SendOptions,
    ) -> Result<Sending, OptionError> {
        self.check(options)?;
        if options.ack.is_some() && !options.volatile && self.keeps().is_some() {
            let problem = "is for texts where there is Builder::persist: send bytes without one";
            return Err(OptionError { option: "send.ack", problem });
        }
        Ok(self.post(Data::Bytes(bytes.into()), options))
    }

    fn keeps(&self) -> Option<&Rc<dyn Keeps>> {
        self.driver.port().keeps.get()
    }

    fn check(&self, options: &SendOptions) -> Result<(), OptionError> {
        let error = |option, problem| Err(OptionError { option, problem });
        match &options.ack {
            Some(_) if !self.can.ack => error("send.ack", "needs Builder::acks"),
            Some(_) if options.confirm => error("send.ack", "excludes send.confirm"),
            Some(id)
                if self.driver.port().awaiting(id).is_some()
                    || self.keeps().is_some_and(|keeps| keeps.has(id)) =>
            {
                error("send.ack", "is the id of a message that still awaits an ack")
            }
            _ if options.confirm && !self.can.ping => error("send.confirm", "needs the heartbeat"),
            _ => Ok(()),
        }
    }

    fn post(&self, data: Data, options: &SendOptions) -> Sending {
        let (id, settled) = self.inbox.sending();
        let bytes = data.bytes().len() as u64;
        self.driver.port().keep(id, data, options.ack.clone());
        self.driver.input(Input::Send(Outgoing {
            expires: options.ttl.unwrap_or(u64::MAX),
            priority: options.priority,
            volatile: options.volatile,
            awaits: match options {
                SendOptions { ack: Some(_), .. } => Awaits::Ack,
                SendOptions { confirm: true, .. } => Awaits::Pong,
                _ => Awaits::Nothing,
            },
            ..Outgoing::new(id, bytes)
        }));
        Sending { settled, number: id, kept: false, driver: Rc::downgrade(&self.driver) }
    }

    pub(crate) fn poll_drained(&self, cx: &TaskContext<'_>) -> Poll<()> {
        if self.driver.port().is_drained() {
            return Poll::Ready(());
        }
        self.inbox.wait_for_settled(cx);
        Poll::Pending
    }

    #[cfg(feature = "duplex")]
    pub(crate) fn request(&self, text: Option<String>, options: &RequestOptions) -> Requesting {
        let failed = |error| {
            let slot = Slot::default();
            slot.set(Err(error));
            Requesting { slot, number: None, driver: Weak::new() }
        };
        if let Err(error) = options.check() {
            return failed(RequestError::Option(error));
        }
        let port = self.driver.port();
        if self.driver.state() == State::Closed {
            return failed(RequestError::Closed);
        }
        // What cannot be JSON is no object either.
        let (text, id, own) = match port.asked_for.identify(text.unwrap_or_default()) {
            Ok(named) => named,
            Err(error) => return failed(error),
        };
        let number = self.inbox.number();
        let key = port.request_key(&id);
        let Requests { timeout, again, .. } = port.asked_for.options;
        let slot = port.asked_for.begin(number, id);
        let bytes = text.len() as u64;
        port.keep(number, Data::Text(text.into()), None);
        // Of the send that comes next.
        self.driver.calls(|| Some(crate::calls::Call::Asks { key, own, again }));
        self.driver.input(Input::Send(Outgoing {
            expires: options.timeout.unwrap_or(timeout),
            priority: options.priority,
            ..Outgoing::new(number, bytes)
        }));
        self.driver.calls(|| Some(crate::calls::Call::Asks { key: None, own: false, again: false }));
        Requesting { slot, number: Some(number), driver: Rc::downgrade(&self.driver) }
    }

    #[cfg(feature = "duplex")]
    pub(crate) fn subscribe(
        &self,
        topic: &str,
        options: SubscribeOptions,
    ) -> Result<Subscription, SubscriptionError> {
        self.driver.port().subscribe(topic, options)
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

    pub(crate) fn cancel(&self, listen: bool) -> Cancelled {
        let cancelled = self.driver.port().cancel(listen);
        if !listen {
            self.driver.port().given_up.set(true);
            self.close(0, "");
        }
        cancelled
    }

    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.driver.port().set_goodbye(reason);
        self.driver.input(Input::Close { why: Why::App, code });
    }
}

/// Its drop gives the request up.
#[cfg(feature = "duplex")]
pub(crate) struct Requesting {
    slot: Slot<Answer>,
    number: Option<u32>,
    driver: Weak<Driver>,
}

#[cfg(feature = "duplex")]
impl Requesting {
    pub(crate) fn poll(&self, cx: &mut TaskContext<'_>) -> Poll<Answer> {
        self.slot.poll(cx)
    }
}

#[cfg(feature = "duplex")]
impl Drop for Requesting {
    fn drop(&mut self) {
        if let (Some(number), Some(driver)) = (self.number, self.driver.upgrade())
            && !self.slot.is_set()
        {
            driver.input(Input::Abort(number));
        }
    }
}

pub(crate) struct AppHost {
    builder: Rc<Builder>,
    inbox: Rc<Inbox>,
    driver: Weak<Driver>,
    /// What the client is doing, and what it did before that.
    state: Cell<State>,
    before: Cell<State>,
}

/// A request, what it was chosen for, and as which of several ways.
#[derive(Clone)]
struct Picked {
    request: Request,
    transport: Option<Transport>,
    way: Option<Way>,
}

/// `way`: of several ways, this one.
fn picked(driver: &Driver, builder: &Builder, request: &Request, way: Option<Way>) -> Option<Picked> {
    let picked = request.pick(way.map_or(builder.transport, |way| Some(way.transport())));
    let Some((request, transport)) = picked else {
        driver.port().warn(PATHLESS);
        return None;
    };
    Some(Picked { request: request.clone(), transport, way })
}

/// What the app's functions make of it.
async fn requested(
    builder: &Builder,
    driver: &Weak<Driver>,
    (fixed, asked): (Option<Request>, Option<super::builder::Asked>),
    way: Option<Way>,
    context: Context,
) -> Result<Option<Picked>, super::EndpointError> {
    let (request, given) = match asked {
        Some(asked) => (Some(asked.await?), true),
        None => (fixed, false),
    };
    let Some(request) = request else { return Ok(None) };
    let picks = driver.upgrade().and_then(|driver| {
        // An id of the server's may stand in it.
        let picked = picked(&driver, builder, &request, way)?;
        if given && strays(&picked.request.address) {
            driver.port().warn(ASTRAY);
            return None;
        }
        Some(picked)
    });
    let (Some(picked), Some(map)) = (picks.clone(), &builder.map) else { return Ok(picks) };
    let address = picked.request.address.clone();
    let request = map(picked.request, context).await?;
    if request.address != address && strays(&request.address) {
        if let Some(driver) = driver.upgrade() {
            driver.port().warn(ASTRAY);
        }
        return Ok(None);
    }
    Ok(Some(Picked { request, ..picked }))
}

/// An attempt: its serial, how many went before it, and why it is made.
pub(crate) struct Try {
    attempt: u32,
    retry: u64,
    reason: Reason,
}

/// What asks the app's functions. A value, so that an app without any has none of the code.
pub(crate) type Ask = fn(&AppHost, &Driver, Option<&Request>, Option<Way>, Try);

pub(crate) fn ask(
    host: &AppHost,
    driver: &Driver,
    fixed: Option<&Request>,
    way: Option<Way>,
    Try { attempt, retry, reason }: Try,
) {
    let ask = match (&host.builder.endpoint, fixed) {
        (Endpoint::Function(ask), None) => Some(ask),
        _ => None,
    };
    if ask.is_some() && host.builder.resume.via == Some(Via::Url) {
        driver.asking();
    }
    let port = driver.port();
    let last_event_id = port.cursor().as_ref().to_owned();
    let times = port.forsake();
    let context = Context { reason, attempt: retry, last_event_id, head: port.streamed() };
    let asked = ask.map(|ask| ask(context.clone()));
    let fixed = fixed.cloned();
    let driver = Weak::clone(&host.driver);
    let builder = Rc::clone(&host.builder);
    port.wait_for(times, async move {
        let request = requested(&builder, &driver, (fixed, asked), way, context).await;
        let Some(driver) = driver.upgrade() else { return };
        match request {
            Err(error) if error.is::<NotResumable>() => driver.lost(attempt, lost::NOT_RESUMABLE),
            request => resolved(&driver, attempt, &builder, request.ok().flatten()),
        }
    });
}

fn resolved(driver: &Driver, attempt: u32, builder: &Builder, picked: Option<Picked>) {
    let fails = || driver.input(driver.prepared(attempt, None));
    let Some(Picked { request, transport, way: _way }) = picked else { return fails() };
    let port = driver.port();
    let protocols = request.protocols.as_ref().unwrap_or(&builder.protocols);
    #[cfg(feature = "duplex")]
    let polls = builder.choice.polls.as_ref().filter(|_| _way == Some(Way::Poll));
    #[cfg(feature = "duplex")]
    if let Some(problem) = polls.and_then(|polls| (polls.unfit)(&request)) {
        port.warn(problem);
        return fails();
    }
    #[cfg(feature = "duplex")]
    let polls = polls.is_some();
    #[cfg(not(feature = "duplex"))]
    let polls = false;
    port.prepare(request.clone(), protocols.clone(), polls);
    let mut taken = route_to(&request.address, transport);
    if (taken & route::TRANSPORT) > Transport::WebSocket.number() && port.posts(&request) {
        taken |= route::POSTS;
    }
    if taken == route::CREDENTIALS {
        // As a connection that the browser blocks.
        return driver.lost(attempt, lost::BLOCKED);
    }
    if polls && taken & route::TRANSPORT != 0 {
        taken |= route::POLLS;
    }
    let mut address = Address::new(taken, request.once());
    if address.as_ref().is_some_and(|to| to.transport == Transport::WebSocket) && !builder.confine(&request) {
        port.warn(OFFERED);
        address = None;
    }
    if let Some(to) = &address
        && let Some(problem) = unfit(port, builder, &request, to.transport)
    {
        port.warn(problem);
        address = None;
    }
    driver.input(driver.prepared(attempt, address));
}

/// What an option asks for that this connection cannot do, without which the server is not told what it has to know. Of fixed endpoints `connect`
/// has seen to it.
fn unfit(port: &Port, builder: &Builder, request: &Request, transport: Transport) -> Option<&'static str> {
    let socket = transport == Transport::WebSocket;
    if transport.lacks().is_some() {
        return Some(if socket { NO_SOCKETS } else { NO_STREAMS });
    }
    if socket && builder.unpack.is_some() && builder.pings() {
        return Some(NCHAN_PINGS);
    }
    if socket && builder.unpack.is_some() && request.protocols.is_some() {
        return Some(NCHAN_PROTOCOLS);
    }
    #[cfg(feature = "duplex")]
    if !socket && request.uplink.is_some() && !port.has_uplink() {
        port.warn(UPLINK);
    }
    // Of several ways each has what is for it.
    (!socket && builder.choice.ways.is_empty() && port.greets()).then_some(SILENT)
}

impl Host for AppHost {
    type Port = Port;

    fn resolve(&self, driver: &Driver, attempt: u32, retry: u64, reason: Reason, endpoint: u32) {
        self.inbox.count(|stats| stats.attempts += 1);
        driver.port().reason.set(reason);
        let endpoint = endpoint as usize;
        let way = self.builder.choice.ways.get(endpoint).copied();
        let place = self.builder.order.get(endpoint).map_or(endpoint, |place| *place as usize);
        let other = place.checked_sub(1).filter(|_| way.is_none());
        let other = other.and_then(|place| self.builder.others.get(place));
        let fixed = match (other, &self.builder.endpoint) {
            (Some(request), _) | (None, Endpoint::Fixed(request)) => Some(request),
            (None, Endpoint::Function(_)) => None,
        };
        match (self.builder.ask, fixed) {
            (Some(ask), fixed) if self.builder.map.is_some() || fixed.is_none() => {
                ask(self, driver, fixed, way, Try { attempt, retry, reason });
            }
            (_, fixed) => {
                let picked = fixed.and_then(|fixed| picked(driver, &self.builder, fixed, way));
                resolved(driver, attempt, &self.builder, picked);
            }
        }
    }

    #[cfg(feature = "duplex")]
    fn poll(&self, attempt: u32, wait: Option<u64>) {
        // None: the last one is overdue, and lost.
        if let (Some(polls), Some(wait), Some(driver)) =
            (&self.builder.choice.polls, wait, self.driver.upgrade())
        {
            (polls.ask)(driver.port(), attempt, wait, &polls.long_poll.name);
        }
    }

    #[cfg(feature = "duplex")]
    fn begin(&self, endpoint: u32) {
        if let Some(begin) = &self.builder.choice.begin {
            begin(endpoint);
        }
    }

    fn ask(&self, failure: Failure) -> Decision {
        let rule = self.builder.rule.as_ref().zip(self.driver.upgrade());
        match rule.map(|(rule, driver)| rule(failure, &driver.port().details())) {
            None | Some(super::Decision::Table) => Decision::Table,
            Some(super::Decision::GiveUp) => Decision::GiveUp,
            Some(super::Decision::Again) => Decision::Again,
            Some(super::Decision::Unauthorized) => Decision::Unauthorized,
            Some(super::Decision::After(delay)) => {
                Decision::After(delay.as_millis().try_into().unwrap_or(u64::MAX))
            }
        }
    }

    #[cfg(feature = "duplex")]
    fn head(&self, attempt: u32) {
        if let Some(driver) = self.driver.upgrade() {
            driver.port().head(attempt);
        }
    }

    #[cfg(feature = "duplex")]
    fn probe(&self, attempt: u32) {
        if let Some(driver) = self.driver.upgrade() {
            driver.port().probe(attempt);
        }
    }

    fn settle(&self, id: u32, sent: Sent) {
        let driver = self.driver.upgrade();
        let port = driver.as_ref().map(|driver| driver.port());
        if let Some(port) = port {
            port.settled(id);
        }
        if !port.is_some_and(|port| port.request_settled(id, sent)) {
            self.inbox.settle(id, sent);
            if let Some(keeps) = port.and_then(|port| port.keeps.get()) {
                keeps.settled(id);
            }
        }
        self.inbox.wake_settled();
    }

    fn place(&self) {
        let driver = self.driver.upgrade();
        if let Some(places) = driver.as_ref().and_then(|driver| driver.port().places.get()) {
            places.due();
        }
    }

    #[cfg(feature = "duplex")]
    fn persist(&self, step: Step) {
        let driver = self.driver.upgrade();
        if let Some(keeps) = driver.as_ref().and_then(|driver| driver.port().keeps.get()) {
            keeps.step(step);
        }
    }

    fn emit(&self, driver: &Driver, event: ClientEvent) {
        let event = match event {
            #[cfg(feature = "duplex")]
            ClientEvent::Topic(told) => return driver.port().topic_told(told),
            ClientEvent::State(state) => {
                self.inbox.wake_settled();
                self.before.set(self.state.replace(state));
                Event::State(state)
            }
            ClientEvent::Open => {
                let transport = driver.port().transport();
                let head = driver.port().streamed().filter(|_| transport == Transport::Fetch);
                Event::Open(Opened { transport, head })
            }
            ClientEvent::Retry { retry, delay, failure } => {
                let delay = Duration::from_millis(delay);
                Event::Retry(Retry { attempt: retry, delay, failure, details: driver.port().details() })
            }
            ClientEvent::Outcome(outcome, missing) => {
                self.inbox.count(|stats| stats.outcome = Some(outcome));
                if outcome == Outcome::Recovered {
                    return;
                }
                let port = driver.port();
                let (after, before) = (port.cursor().as_ref().to_owned(), port.pending().as_ref().to_owned());
                Event::Gap(Gap { outcome, after, before, missing })
            }
            ClientEvent::Closed { why, code, failure } => {
                let port = driver.port();
                port.end_topics();
                if let Some(places) = port.places.get() {
                    let given_up = port.given_up.get();
                    places.end(if given_up { Fate::Gone } else { driver.fate(why) });
                }
                if let Some(keeps) = port.keeps.get() {
                    keeps.end();
                }
                let details = failure.map_or_else(Details::default, |_| port.details());
                let peer_close_reason = if code == 0 { String::new() } else { port.details().close_reason };
                let was_clean = match why {
                    Why::App | Why::Aborted | Why::Unloaded => self.before.get() == State::Open,
                    Why::Ended => true,
                    _ => matches!(failure, Some(Failure::Closed { .. })),
                };
                Event::Closed(Closed { reason: why, code, peer_close_reason, failure, was_clean, details })
            }
        };
        // Its ids are the server's: what is long is weighed.
        let size = if let Event::Gap(gap) = &event { gap.after.len() + gap.before.len() } else { 0 };
        self.inbox.push(event, if size > 8_000 { size } else { 0 });
    }
}
