//! What comes in: its id, its number and what it is, before the app has it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use super::{
    aim,
    decode::Frame,
    fingerprint::{epoch, fingerprint},
    link::Data,
    page::Target,
    port::Port,
};
use crate::{
    calls::Call,
    client::{Kind, Message},
    codes::ruling,
    core::resume::Id,
    transport::Transport,
};

/// If no more than this was held back before ids are seen to begin anew, it was new as well (`src/core/resume.rs`); and no more bytes.
pub(super) const WITHHELD: usize = 16;
pub(super) const WITHHELD_BYTES: usize = 1 << 24;
const NUMBERS: &str = "resume.seq must give a whole number from 0, or [epoch, number]";

/// Where the stream stands.
#[derive(Default)]
pub(crate) struct Inbound {
    pub(super) cursor: RefCell<Rc<str>>,
    pub(super) number: Cell<Option<u64>>,
    /// The message that stands there, where it moved the cursor or has the number.
    pub(super) stands: RefCell<Option<Data>>,
    pub(super) epoch: RefCell<String>,
    /// The id under check; empty if it has none.
    pub(super) pending: RefCell<Rc<str>>,
    pub(super) checked: Cell<bool>,
    /// On the monotonic clock, in ms.
    pub(super) heard: Cell<f64>,
    pub(super) received: Cell<u64>,
    /// Messages that had come when this connection took over.
    pub(super) began: Cell<i64>,
    pub(super) delivered: Cell<u64>,
    pub(super) suppressed: Cell<u64>,
    /// Of an EventSource: only a change is an id of the event's own.
    last_event_id: RefCell<String>,
    withheld: RefCell<Withheld>,
    /// Something of this connection has come.
    resumable: Cell<bool>,
}

/// A message's number, and the first one where it has several.
#[derive(Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(super) first: Option<u64>,
    pub(super) last: Option<u64>,
}

/// What was held back since the last message that was not.
#[derive(Default)]
struct Withheld {
    messages: Vec<(Option<Rc<str>>, Numbers, Message)>,
    bytes: usize,
    /// There was more, so nothing is kept.
    more: bool,
}

type Own = Option<Rc<str>>;
type Read = fn(&Port, &mut Message, Own) -> (Own, Numbers);
type Rule = fn(&Port, Own, Numbers, Option<&Message>) -> bool;

/// What reads ids and numbers, rules by them, and has a cursor go up. A client has it whose messages may have some: on a WebSocket they have none of
/// their own, so an app without [`Resume`](crate::options::Resume) has none of the code.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    read: Read,
    rule: Rule,
    pub(crate) start: fn(&Port, &str),
    pub(super) query: fn(&str) -> u32,
    pub(super) put: fn(&Port, &Target, &str),
}

impl Rules {
    pub(crate) const fn new() -> Self {
        Self {
            read: Port::read,
            rule: Port::rule_by_id,
            start: Port::start,
            query: aim::length,
            put: Port::put_cursor,
        }
    }
}

impl Inbound {
    /// A new connection takes over.
    pub(super) fn begin(&self) {
        self.last_event_id.take();
        self.withheld.take();
        self.resumable.set(false);
        self.began.set(self.received.get().cast_signed());
    }
}

impl Port {
    pub(super) fn message(&self, data: Data, kind: Option<String>, last_event_id: Option<String>, at: f64) {
        self.inbound.heard.set(at);
        if self.settings.heartbeat.is_some_and(|beat| (beat.hears)(self, &data, at)) {
            return;
        }
        let own = last_event_id.filter(|id| *id != *self.inbound.last_event_id.borrow());
        if let Some(id) = &own {
            self.inbound.last_event_id.replace(id.clone());
        }
        let unpacked = self.settings.unpack.filter(|_| self.transport() == Transport::WebSocket);
        if let Some((id, body)) = unpacked.and_then(|unpack| unpack(&data)) {
            return self.take(body, kind, Some(id.into()));
        }
        self.take(data, kind, own.map(Rc::from));
    }

    /// Of a fetched stream; without data only its id matters.
    pub(super) fn event(&self, kind: Option<String>, data: Option<String>, id: Option<String>) {
        let id = id.map(Rc::from);
        match data {
            Some(data) => self.take(Data::Text(data.into()), kind, id),
            None if id.is_some() && self.rule(id, Numbers::default(), None) => self.begun(),
            None => {}
        }
    }

    fn take(&self, data: Data, kind: Option<String>, own: Option<Rc<str>>) {
        match &self.settings.decode {
            Some(decode) => Rc::clone(decode).take(self, Frame { data, kind, own }),
            None => self.put(data, kind, own),
        }
    }

    /// One message.
    pub(super) fn put(&self, data: Data, kind: Option<String>, mut own: Option<Rc<str>>) {
        self.inbound.received.set(self.inbound.received.get() + 1);
        let mut message = self.parse(data, kind);
        if self.acknowledges(&message) {
            return;
        }
        let mut numbers = Numbers::default();
        if let Some(rules) = self.settings.rules {
            (own, numbers) = (rules.read)(self, &mut message, own);
        }
        if self.closed() {
            return;
        }
        let is = |kind: &Option<Kind>| kind.as_ref().is_some_and(|kind| kind.is(&message));
        if is(&self.settings.gap) {
            self.call(Call::GapTold { here: false });
        } else if self.rule(own, numbers, Some(&message)) {
            if is(&self.settings.notice) {
                self.call(Call::Retire);
            } else {
                self.deliver(message);
            }
        }
    }

    /// A message in the answer to a POST: an ack or a reply, as it has no place in the stream.
    pub(super) fn answer(&self, data: Data) {
        let message = self.parse(data, None);
        self.acknowledges(&message);
    }

    pub(super) fn parse(&self, data: Data, kind: Option<String>) -> Message {
        // By the standard `message` is the type of an event without a name, or with an empty one.
        let kind = kind.filter(|kind| !matches!(&**kind, "" | "message")).map(Rc::from);
        Message::new(data, kind, self.cursor(), self.transport(), self.origin())
    }

    /// Whether it says of something that was sent that the server has it, or will not have it.
    fn acknowledges(&self, message: &Message) -> bool {
        self.slows(message);
        if self.settings.acked.is_some_and(|acked| acked(self, message)) {
            return true;
        }
        // What acks, or refuses, is no reply.
        self.replies(message) || self.of_topic(message)
    }

    /// Whether it is an ack, or refuses what was sent.
    pub(crate) fn acked(&self, message: &Message) -> bool {
        let said = |read: &Option<crate::client::Acks>, call: fn(u32) -> Call| {
            let ids = read.as_ref().map(|read| read(message)).unwrap_or_default();
            for id in &ids {
                if let Some(number) = self.awaiting(id) {
                    self.call(call(number));
                }
            }
            !ids.is_empty()
        };
        said(&self.settings.acks, |id| Call::Acked { id })
            || said(&self.settings.refused, |id| Call::Nacked { id })
    }

    /// What the numbers from here on count in.
    pub(super) fn count(&self, name: String) {
        if *self.inbound.epoch.borrow() == name {
            return;
        }
        let epoch = epoch(&name, self.key());
        self.inbound.epoch.replace(name);
        self.inbound.number.set(None);
        self.call(Call::Epoch { epoch, first: None });
    }

    /// The id and the numbers that a message has.
    fn read(&self, message: &mut Message, mut own: Option<Rc<str>>) -> (Option<Rc<str>>, Numbers) {
        if let Some(id) = &self.settings.id {
            // An empty one is none: only an event stream's own takes the cursor back.
            let found = id.read(message).filter(|id| !id.is_empty());
            own = found.map(Rc::from).or(own);
        }
        let Some(seq) = &self.settings.seq else { return (own, Numbers::default()) };
        if let Some(own) = &own {
            message.set_last_event_id(Rc::clone(own));
        }
        let found = seq.read(message).unwrap_or_default();
        if found.odd {
            self.warn(NUMBERS);
        }
        if let Some(epoch) = found.epoch {
            self.count(epoch);
        }
        (own, Numbers { first: found.first, last: found.number })
    }

    /// Moves the cursor, if the id does. Whether what has it is to be delivered.
    fn rule(&self, own: Option<Rc<str>>, numbers: Numbers, message: Option<&Message>) -> bool {
        if let Some(rules) = self.settings.rules {
            return (rules.rule)(self, own, numbers, message);
        }
        if !self.inbound.checked.get() {
            return true;
        }
        let ruling = self.call(Call::Check { id: Id::None, number: None });
        // By who was told of the gap.
        !self.closed() && ruling & ruling::DELIVER != 0
    }

    fn rule_by_id(&self, own: Option<Rc<str>>, numbers: Numbers, message: Option<&Message>) -> bool {
        if self.inbound.checked.get() {
            return self.check(own, numbers, message);
        }
        if let Some(own) = own {
            let id = self.fingerprint(Some(&own), None, message);
            self.inbound.cursor.replace(own);
            self.inbound.stands.replace(message.map(|message| message.data().clone()));
            self.call(Call::Learn { id, more: 0 });
        }
        true
    }

    /// After a reconnect, and where messages are numbered, the core decides.
    fn check(&self, own: Option<Rc<str>>, numbers: Numbers, message: Option<&Message>) -> bool {
        let Numbers { first, last: number } = numbers;
        let inbound = &self.inbound;
        inbound.pending.replace(own.clone().unwrap_or_default());
        // The first number may be of the message that the cursor names.
        let named = own.as_ref().is_some_and(|own| !own.is_empty());
        let counted = number.filter(|_| !named || inbound.number.get().is_some());
        if first.is_some() {
            self.call(Call::Epoch { epoch: 0, first });
        }
        // When it comes again it may be put together in another way.
        let id = self.fingerprint(own.as_deref(), counted, message.filter(|_| first.is_none()));
        let ruling = self.call(Call::Check { id, number });
        // By who was told of the gap.
        if self.closed() {
            return false;
        }
        let mut withheld = inbound.withheld.take();
        if ruling == 0 {
            if let Some(message) = message
                && !withheld.more
            {
                withheld.bytes += message.bytes().len();
                withheld.messages.push((own.clone(), numbers, message.clone()));
                if withheld.messages.len() > WITHHELD || withheld.bytes > WITHHELD_BYTES {
                    withheld = Withheld { more: true, ..Withheld::default() };
                }
            }
            inbound.withheld.replace(withheld);
            self.suppressed();
            return false;
        }
        if ruling & ruling::RESTARTED != 0 {
            for (own, numbers, message) in withheld.messages {
                self.unsuppressed();
                if self.check(own, numbers, Some(&message)) {
                    self.deliver(message);
                }
            }
            return self.check(own, numbers, message);
        }
        if ruling & ruling::MOVES != 0
            && let Some(own) = own
        {
            inbound.cursor.replace(own);
            inbound.stands.replace(message.map(|message| message.data().clone()));
        }
        if ruling & ruling::DELIVER == 0 {
            self.suppressed();
            return false;
        }
        if number.is_some() {
            inbound.number.set(number);
            inbound.stands.replace(message.map(|message| message.data().clone()));
        }
        true
    }

    /// With the message it is known again, not only its id. An epoch proves as much.
    pub(super) fn fingerprint(
        &self,
        own: Option<&str>,
        number: Option<u64>,
        message: Option<&Message>,
    ) -> Id {
        self.fingerprint_of(own, number, message.map(Message::data))
    }

    pub(super) fn fingerprint_of(&self, own: Option<&str>, number: Option<u64>, raw: Option<&Data>) -> Id {
        let socket = self.transport() == Transport::WebSocket;
        match number {
            Some(number) => {
                let id = format!("{}#{number}", self.inbound.epoch.borrow());
                fingerprint(Some(&id), true, raw, socket, self.key())
            }
            None => fingerprint(own, false, raw, socket, self.key()),
        }
    }

    /// From here on the app's other request can take over.
    fn begun(&self) {
        // An endpoint function tells by the cursor alone that it is to resume.
        if self.resumes() && !self.inbound.resumable.get() && !self.inbound.cursor.borrow().is_empty() {
            self.inbound.resumable.set(true);
            self.call(Call::Resumable);
        }
    }

    pub(super) fn suppressed(&self) {
        self.inbound.suppressed.set(self.inbound.suppressed.get() + 1);
    }

    /// It is ruled on again.
    pub(super) fn unsuppressed(&self) {
        self.inbound.suppressed.set(self.inbound.suppressed.get().saturating_sub(1));
    }

    fn deliver(&self, mut message: Message) {
        message.set_last_event_id(self.cursor());
        self.begun();
        self.inbound.delivered.set(self.inbound.delivered.get() + 1);
        if let Some(places) = self.places.get() {
            let stand = places.stand(self);
            message.set_stand(stand);
        }
        self.sink(message);
    }
}
