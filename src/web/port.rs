//! What the Rust API's port holds, and what the client asks of it; what the driver asks stands in `driven`.

use std::{
    any::Any,
    cell::{Cell, OnceCell, RefCell},
    rc::{Rc, Weak},
};

use super::{
    Core,
    cancel::Cancelled,
    inbound::{Inbound, Rules},
    installed::Keeps,
    link::{Data, Flow, Outgoing},
    page::{self, Link, Timer, Watch},
    place::Places,
    settings::Settings,
    table::Table,
    task::Task,
};
#[cfg(feature = "duplex")]
use super::{buffered, requests::Asked, topics::Topics};
use crate::{
    calls::Call,
    client::{Context, Details, Head, Message, Place},
    codes::lost,
    core::{io::Reason, resume::Id},
    transport::Transport,
};

/// What waits to be sent, or to be settled.
pub(super) struct Payload {
    pub(super) data: Data,
    ack: Option<String>,
}

/// One connection.
pub(super) struct Open {
    pub(super) attempt: u32,
    /// None: a long poll that has not been asked yet.
    pub(super) link: Option<Link>,
    pub(super) transport: Transport,
    /// Where it leads, with parameters.
    pub(super) url: Rc<str>,
    pub(super) origin: Rc<str>,
    /// What runs beside it, and ends with it.
    pub(super) task: Option<Task>,
    /// What each of its long polls asks for.
    pub(super) polls: Option<Rc<Prepared>>,
}

/// What is known of a connection that is being asked for.
#[derive(Clone, Default)]
pub(super) struct Prepared {
    pub(super) request: Option<crate::client::Request>,
    pub(super) protocols: Vec<String>,
    /// Each request ends, and is followed by the next.
    pub(super) polls: bool,
}

pub(crate) struct Port {
    pub(super) settings: Settings,
    pub(super) core: Weak<Core>,
    pub(super) inbound: Inbound,
    #[cfg(feature = "duplex")]
    pub(crate) asked_for: Asked,
    #[cfg(feature = "duplex")]
    pub(super) topics: Topics,
    #[cfg(feature = "duplex")]
    pub(super) heads: buffered::Asked,
    /// Of this page's fingerprints: nobody else knows it.
    key: Cell<Option<u64>>,
    pub(super) prepared: RefCell<Prepared>,
    /// Why the attempt under way is made.
    pub(crate) reason: Cell<Reason>,
    pub(super) current: RefCell<Option<Open>>,
    /// A connection that is opening, to take the place of that one.
    pub(super) successor: RefCell<Option<Open>>,
    /// What the driver drops has this to say to the server.
    pub(super) goodbye: RefCell<String>,
    /// What a connection that fails without a word is called: the browser's rules may be why.
    pub(super) network: Cell<u32>,
    /// The origin from which a stream was redirected to another one.
    pub(super) away: RefCell<Option<String>>,
    /// The app's function that says where to.
    pub(super) asking: RefCell<Option<Task>>,
    pub(super) times: Cell<u64>,
    /// The cursor that the connection was asked for.
    pub(super) asked: RefCell<Rc<str>>,
    /// Of what failed last.
    pub(super) details: RefCell<Details>,
    /// What telling the server to stop has led to.
    pub(super) cancelled: RefCell<Option<Cancelled>>,
    /// The app does not go on from here, nor does its next page.
    pub(crate) given_up: Cell<bool>,
    /// Of the last connection, also when it is over.
    pub(super) url: RefCell<Rc<str>>,
    /// Of the answer that was last streamed.
    pub(super) head: RefCell<Option<Head>>,
    pub(super) resumes: Cell<bool>,
    pub(super) closed: Cell<bool>,
    /// The app is behind, or the page has its turn: nothing is read, and nothing is expected either.
    pub(super) held: Cell<bool>,
    /// Since when the page has not had its turn, if a stream is watched for that.
    pub(super) turn: Cell<Option<f64>>,
    pub(super) buffered: Cell<u32>,
    pub(super) ping: RefCell<Option<String>>,
    pub(super) pinged: Cell<Option<f64>>,
    pub(super) round_trip: Cell<Option<f64>>,
    /// Of others, who let go of what these hold when the client is over.
    pub(super) kept: RefCell<Vec<Box<dyn Any>>>,
    pub(super) payloads: RefCell<Table<u32, Payload>>,
    awaiting: RefCell<Table<String, u32>>,
    pub(super) timer: RefCell<Option<Timer>>,
    pub(super) watch: RefCell<Option<Watch>>,
    pub(super) watches: Cell<bool>,
    /// Losses that are told soon.
    pub(super) losses: RefCell<Table<u32, Timer>>,
    pub(super) warned: RefCell<Vec<&'static str>>,
    /// What is stored of the stream, and of the outbox.
    pub(crate) places: OnceCell<Rc<dyn Places>>,
    pub(crate) keeps: OnceCell<Rc<dyn Keeps>>,
    pub(super) sink: OnceCell<Box<dyn Fn(Message)>>,
    /// What the app has room for: nothing to wait for, or a future of room.
    pub(super) room: OnceCell<HasRoom>,
}

pub(crate) type HasRoom = Box<dyn Fn() -> Option<Room>>;

pub(crate) type Room = std::pin::Pin<Box<dyn Future<Output = ()>>>;

impl Port {
    pub(crate) fn new(settings: Settings, core: Weak<Core>) -> Self {
        Self {
            #[cfg(feature = "duplex")]
            asked_for: Asked::new(settings.requests.clone()),
            #[cfg(feature = "duplex")]
            topics: Topics::new(settings.subscriptions.clone()),
            #[cfg(feature = "duplex")]
            heads: buffered::Asked::default(),
            settings,
            core,
            inbound: Inbound::default(),
            key: Cell::new(None),
            prepared: RefCell::default(),
            reason: Cell::new(Reason::Initial),
            current: RefCell::default(),
            successor: RefCell::default(),
            goodbye: RefCell::default(),
            network: Cell::new(lost::NETWORK),
            away: RefCell::default(),
            asking: RefCell::default(),
            times: Cell::new(0),
            asked: RefCell::default(),
            details: RefCell::default(),
            cancelled: RefCell::default(),
            given_up: Cell::new(false),
            url: RefCell::default(),
            head: RefCell::default(),
            resumes: Cell::new(false),
            closed: Cell::new(false),
            held: Cell::new(false),
            turn: Cell::new(None),
            buffered: Cell::new(0),
            ping: RefCell::default(),
            pinged: Cell::new(None),
            round_trip: Cell::new(None),
            kept: RefCell::default(),
            payloads: RefCell::default(),
            awaiting: RefCell::default(),
            timer: RefCell::default(),
            watch: RefCell::default(),
            watches: Cell::new(false),
            losses: RefCell::default(),
            warned: RefCell::default(),
            places: OnceCell::new(),
            keeps: OnceCell::new(),
            sink: OnceCell::new(),
            room: OnceCell::new(),
        }
    }

    /// Where messages go, and what says whether there is room for more.
    pub(crate) fn deliver_to(&self, sink: Box<dyn Fn(Message)>, room: Option<HasRoom>) {
        // Once, by who made the client.
        let _ = self.sink.set(sink);
        if let Some(room) = room {
            let _ = self.room.set(room);
        }
    }

    pub(super) fn sink(&self, message: Message) {
        if let Some(sink) = self.sink.get() {
            sink(message);
        }
    }

    #[inline(always)]
    pub(super) fn call(&self, call: Call) -> u32 {
        // Not by a closure, which would be one function for all calls.
        match self.core.upgrade() {
            Some(core) => core.call(call),
            None => 0,
        }
    }

    /// None: the browser refuses.
    pub(super) fn dial(&self, attempt: u32, transport: Transport, outgoing: Outgoing) -> Option<Link> {
        let core = Weak::clone(&self.core);
        let tell = Rc::new(move |told| match core.upgrade() {
            Some(core) => core.port().told(attempt, told),
            None => Flow::Go,
        });
        let core = Weak::clone(&self.core);
        let blocked = Rc::new(move || {
            if let Some(core) = core.upgrade() {
                core.port().network.set(lost::BLOCKED);
            }
        });
        Link::dial(transport, outgoing, tell, blocked).ok()
    }

    /// It ends with the connection of this attempt.
    pub(super) fn accompany(&self, attempt: u32, task: Task) {
        let mut task = Some(task);
        for open in [&self.successor, &self.current] {
            if let Some(open) = open.borrow_mut().as_mut().filter(|open| open.attempt == attempt) {
                std::mem::swap(&mut open.task, &mut task);
                break;
            }
        }
        drop(task);
    }

    /// Or sooner.
    pub(super) fn unaccompany(&self) {
        let task = self.current.borrow_mut().as_mut().and_then(|open| open.task.take());
        drop(task);
    }

    /// The server is asked why this attempt failed.
    pub(crate) fn probe(&self, attempt: u32) {
        if let Some(probe) = &self.settings.probe {
            probe.probe(self, attempt);
        }
    }

    pub(crate) fn settled(&self, id: u32) {
        let payload = self.payloads.borrow_mut().remove(&id);
        if let Some(ack) = payload.and_then(|payload| payload.ack) {
            self.awaiting.borrow_mut().remove(&ack);
        }
    }

    pub(crate) fn prepare(&self, request: crate::client::Request, protocols: Vec<String>, polls: bool) {
        self.resumes.set(request.resumes);
        self.prepared.replace(Prepared { request: Some(request), protocols, polls });
    }

    /// What is sent beside this stream can go up.
    pub(crate) fn posts(&self, stream: &crate::client::Request) -> bool {
        self.settings.uplink.as_ref().is_some_and(|uplink| uplink.goes(stream))
    }

    /// For a function of the app's.
    pub(super) fn context(&self, reason: Reason) -> Context {
        let attempt = self.core.upgrade().map_or(0, |core| core.retries());
        Context { reason, attempt, last_event_id: self.cursor().as_ref().to_owned(), head: self.streamed() }
    }

    pub(crate) fn keep_until_closed(&self, what: Box<dyn Any>) {
        self.kept.borrow_mut().push(what);
    }

    /// The app is asked where to. Gives which time this is; what came of the one before is of no interest any more.
    pub(crate) fn forsake(&self) -> u64 {
        let times = self.times.get() + 1;
        self.times.set(times);
        let asking = self.asking.take();
        drop(asking);
        times
    }

    /// Waits for its word, unless by now another one is asked for, or none.
    pub(crate) fn wait_for(&self, times: u64, asking: impl Future<Output = ()> + 'static) {
        if times == self.times.get() {
            self.asking.replace(Some(Task::spawn(asking)));
        }
    }

    pub(crate) fn keep(&self, id: u32, data: Data, ack: Option<String>) {
        if let Some(ack) = &ack {
            self.awaiting.borrow_mut().insert(ack.clone(), id);
        }
        self.payloads.borrow_mut().insert(id, Payload { data, ack });
    }

    /// Whether no send is without its outcome.
    pub(crate) fn is_drained(&self) -> bool {
        self.payloads.borrow().is_empty()
    }

    pub(crate) fn awaiting(&self, ack: &str) -> Option<u32> {
        self.awaiting.borrow().get(ack).copied()
    }

    pub(crate) fn rules(&self) -> Option<Rules> {
        self.settings.rules
    }

    /// Of fingerprints.
    pub(super) fn key(&self) -> u64 {
        let key = self.key.get().unwrap_or_else(page::secret);
        self.key.set(Some(key));
        key
    }

    /// The cursor that an earlier client left.
    pub(crate) fn start(&self, cursor: &str) {
        self.inbound.cursor.replace(cursor.into());
        let id = self.fingerprint(Some(cursor), None, None);
        self.call(Call::StartFrom { id, number: None });
    }

    /// The place that an earlier page stored. `print`: what the core compares, and the secret that it was made with.
    pub(super) fn start_at(
        &self,
        cursor: &str,
        number: Option<u64>,
        epoch: String,
        print: Option<(u64, u64)>,
    ) {
        if let Some((_, key)) = print {
            self.key.set(Some(key));
        }
        self.inbound.cursor.replace(cursor.into());
        self.count(epoch);
        self.inbound.number.set(number);
        let id =
            print.map_or_else(|| self.fingerprint(Some(cursor), number, None), |(print, _)| Id::Own(print));
        self.call(Call::StartFrom { id, number });
    }

    /// Where it is in the stream: the id, the number, and what that counts in.
    pub(super) fn stands(&self) -> (Rc<str>, Option<u64>, String) {
        (self.cursor(), self.inbound.number.get(), self.inbound.epoch.borrow().clone())
    }

    pub(crate) fn set_goodbye(&self, reason: &str) {
        self.goodbye.replace(reason.to_owned());
    }

    pub(crate) fn cursor(&self) -> Rc<str> {
        self.inbound.cursor.borrow().clone()
    }

    /// The id of the message that is about to be delivered.
    pub(crate) fn pending(&self) -> Rc<str> {
        self.inbound.pending.borrow().clone()
    }

    pub(crate) fn details(&self) -> Details {
        self.details.borrow().clone()
    }

    pub(crate) fn received(&self) -> u64 {
        self.inbound.received.get()
    }

    pub(crate) fn suppressed_count(&self) -> u64 {
        self.inbound.suppressed.get()
    }

    pub(crate) fn url(&self) -> Rc<str> {
        self.url.borrow().clone()
    }

    /// Of one of the connections there are.
    pub(super) fn url_of(&self, attempt: u32) -> Rc<str> {
        let of = |open: &RefCell<Option<Open>>| {
            open.borrow().as_ref().filter(|open| open.attempt == attempt).map(|open| Rc::clone(&open.url))
        };
        of(&self.current).or_else(|| of(&self.successor)).unwrap_or_default()
    }

    /// Of the connection there is.
    pub(crate) fn way(&self) -> Option<Transport> {
        self.current.borrow().as_ref().map(|open| open.transport)
    }

    /// Of the answer that was last streamed; None where no stream has begun.
    pub(crate) fn streamed(&self) -> Option<Head> {
        self.head.borrow().clone()
    }

    pub(crate) fn protocol(&self) -> String {
        self.link().map_or_else(String::new, |link| link.protocol())
    }

    pub(crate) fn buffered(&self) -> u32 {
        self.link().map_or(0, |link| link.buffered())
    }

    pub(crate) fn round_trip(&self) -> Option<f64> {
        self.round_trip.get()
    }

    /// What a server said is no error of the app's. Each rule is told once, in the console.
    pub(crate) fn warn(&self, rule: &'static str) {
        let fresh = {
            let mut warned = self.warned.borrow_mut();
            let fresh = !warned.contains(&rule);
            if fresh {
                warned.push(rule);
            }
            fresh
        };
        if fresh {
            page::warn(&["everwire: ", rule, "; anything else is ignored"].concat());
        }
    }

    /// Whether a WebSocket's first words are the app's.
    pub(crate) fn greets(&self) -> bool {
        self.settings.handshake.is_some() || self.settings.frame.is_some()
    }

    pub(crate) fn has_uplink(&self) -> bool {
        self.settings.uplink.is_some()
    }

    pub(super) fn closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) fn resumes(&self) -> bool {
        self.resumes.get()
    }

    /// Of the connection there is; 0 where there is none.
    pub(super) fn attempt(&self) -> u32 {
        self.current.borrow().as_ref().map_or(0, |open| open.attempt)
    }

    pub(crate) fn transport(&self) -> Transport {
        self.current.borrow().as_ref().map_or(Transport::Fetch, |open| open.transport)
    }

    pub(super) fn origin(&self) -> Rc<str> {
        self.current.borrow().as_ref().map_or_else(Rc::default, |open| Rc::clone(&open.origin))
    }

    /// Where an app's frame is to go on.
    pub(super) fn place(&self) -> Place {
        Place {
            id: self.cursor().as_ref().to_owned(),
            seq: self.inbound.number.get(),
            epoch: self.inbound.epoch.borrow().clone(),
        }
    }
}
