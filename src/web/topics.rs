//! Topics: whose joins are made, who hears what comes of them. The rules are the core's (`src/core/topics.rs`).

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    task::{Context, Poll},
};

use super::{
    fingerprint::fingerprint,
    inbound::{Numbers, WITHHELD, WITHHELD_BYTES},
    json,
    link::Data,
    port::Port,
    table::Table,
    task::Task,
};
use crate::{
    calls::Call,
    client::{
        Event, Gap, InTopic, Inbox, Join, JoinFrame, Message, Slot, SubscribeOptions, SubscriptionError,
        Subscriptions, TopicPlace, TopicState, Word,
    },
    codes::ruling,
    core::{
        resume::{Missing, Outcome},
        topics::{OWN, TopicEvent},
    },
    transport::Transport,
};

/// So many topics at once.
const LIMIT: usize = 10_000;
const NUMBERS: &str = "subscriptions.seq must give a whole number from 0";

type Ready = Slot<Result<(), SubscriptionError>>;

pub(crate) struct Topics {
    options: Subscriptions,
    /// By name, and by number: those that somebody listens to, and those that were left, until the core forgets them.
    named: RefCell<Table<String, Rc<Topic>>>,
    numbered: RefCell<Table<u32, Rc<Topic>>>,
    count: Cell<u32>,
    /// How many somebody listens to.
    held: Cell<usize>,
    /// What all of them hold back together, in bytes.
    bytes: Cell<usize>,
    /// What a join or a leave is sent by: numbers of their own, above those of the app's.
    sends: Cell<u32>,
    /// Counts up with each join that is asked for, and each first listener.
    serial: Cell<u64>,
}

struct Topic {
    name: String,
    number: u32,
    members: RefCell<Vec<Rc<Member>>>,
    join: RefCell<Join>,
    leave: RefCell<Option<Join>>,
    cursor: RefCell<Rc<str>>,
    pending: RefCell<Rc<str>>,
    joined: Cell<bool>,
    /// It has had a sequence number.
    numbers: Cell<bool>,
    withheld: RefCell<Withheld>,
    /// 0, or the join that is being made.
    asking: Cell<u64>,
    making: RefCell<Option<Task>>,
    /// Those who listen now.
    generation: Cell<u64>,
}

type Held = (Message, Rc<str>, Numbers);

/// What was held back, as the port keeps it.
#[derive(Default)]
struct Withheld {
    messages: Vec<Held>,
    bytes: usize,
    more: bool,
}

struct Member {
    inbox: Rc<Inbox>,
    ready: RefCell<Ready>,
    left: Cell<bool>,
}

impl Member {
    /// What `ready` waits for from here on.
    fn renew(&self) {
        if self.ready.borrow().is_set() {
            let before = self.ready.replace(Ready::default());
            drop(before);
        }
    }

    fn settle(&self, joined: Result<(), SubscriptionError>) {
        self.renew();
        let ready = self.ready.borrow().clone();
        ready.set(joined);
    }

    /// Nothing comes any more.
    fn end(&self, why: SubscriptionError) {
        self.left.set(true);
        self.inbox.end();
        self.settle(Err(why));
    }
}

impl Topic {
    fn is_live(&self) -> bool {
        !self.members.borrow().is_empty()
    }

    fn members(&self) -> Vec<Rc<Member>> {
        self.members.borrow().clone()
    }

    fn settle(&self, joined: &Result<(), SubscriptionError>) {
        self.joined.set(joined.is_ok());
        for member in self.members() {
            member.settle(joined.clone());
        }
    }

    /// Gives what its join is made by, to be dropped last: it is the app's, and may come back in.
    fn ask_no_more(&self) -> Option<Task> {
        self.asking.set(0);
        self.making.take()
    }

    fn place(&self) -> TopicPlace {
        TopicPlace { topic: self.name.clone(), last_event_id: self.cursor.borrow().as_ref().to_owned() }
    }

    fn tell(&self, event: &Event, size: usize) {
        // One that is told may have ended the next.
        for member in self.members().iter().filter(|member| !member.left.get()) {
            member.inbox.push(event.clone(), size);
        }
    }
}

/// One that listens. Its drop leaves.
pub(crate) struct Subscription {
    member: Rc<Member>,
    topic: Rc<Topic>,
    core: Weak<super::Core>,
}

impl Subscription {
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.member.inbox.poll(cx)
    }

    pub(crate) fn ready(&self) -> impl Future<Output = Result<(), SubscriptionError>> + use<> {
        let ready = self.member.ready.borrow().clone();
        std::future::poll_fn(move |cx| ready.poll(cx))
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.member.inbox.stats().waiting
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic.name
    }

    pub(crate) fn state(&self) -> TopicState {
        if self.member.left.get() {
            TopicState::Left
        } else if self.topic.joined.get() {
            TopicState::Joined
        } else {
            TopicState::Joining
        }
    }

    pub(crate) fn last_event_id(&self) -> String {
        self.topic.cursor.borrow().as_ref().to_owned()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.member.left.get() {
            return;
        }
        self.member.end(SubscriptionError::Left);
        let last = {
            let mut members = self.topic.members.borrow_mut();
            members.retain(|member| !Rc::ptr_eq(member, &self.member));
            members.is_empty()
        };
        if let Some(core) = self.core.upgrade().filter(|_| last) {
            core.port().leave(&self.topic);
        }
    }
}

impl Topics {
    pub(crate) fn new(options: Subscriptions) -> Self {
        Self {
            options,
            named: RefCell::default(),
            numbered: RefCell::default(),
            count: Cell::new(0),
            held: Cell::new(0),
            bytes: Cell::new(0),
            sends: Cell::new(OWN),
            serial: Cell::new(0),
        }
    }

    fn next(&self) -> u64 {
        let serial = self.serial.get() + 1;
        self.serial.set(serial);
        serial
    }

    /// Its join is made from here on; what made one before is dropped.
    fn ask(&self, topic: &Topic) -> u64 {
        let asked = self.next();
        let before = topic.ask_no_more();
        topic.asking.set(asked);
        drop(before);
        asked
    }

    fn numbered(&self, number: u32) -> Option<Rc<Topic>> {
        self.numbered.borrow().get(&number).cloned()
    }

    fn release(&self, topic: &Topic) {
        let withheld = topic.withheld.take();
        self.bytes.set(self.bytes.get().saturating_sub(withheld.bytes));
    }

    /// Nobody listens any more. What it gives is to be dropped last.
    fn over(&self, topic: &Topic) -> Option<Task> {
        self.release(topic);
        if topic.generation.replace(0) > 0 {
            self.held.set(self.held.get().saturating_sub(1));
        }
        topic.joined.set(false);
        topic.ask_no_more()
    }

    fn end(&self, topic: &Topic, why: &SubscriptionError) {
        let making = self.over(topic);
        let members = topic.members.take();
        for member in members {
            member.end(why.clone());
        }
        drop(making);
    }
}

impl Port {
    pub(crate) fn subscribe(
        &self,
        name: &str,
        options: SubscribeOptions,
    ) -> Result<Subscription, SubscriptionError> {
        let topics = &self.topics;
        if name.is_empty() {
            return Err(SubscriptionError::NoName);
        }
        if self.closed() {
            return Err(SubscriptionError::Closed);
        }
        let known = topics.named.borrow().get(name).cloned();
        let held = known.as_ref().is_some_and(|topic| topic.is_live());
        if !held && topics.held.get() >= LIMIT {
            return Err(SubscriptionError::TooMany);
        }
        let topic = known.unwrap_or_else(|| {
            let number = topics.count.get();
            topics.count.set(number + 1);
            let topic = Rc::new(Topic {
                name: name.to_owned(),
                number,
                members: RefCell::default(),
                join: RefCell::new(Join::Standard),
                leave: RefCell::default(),
                cursor: RefCell::default(),
                pending: RefCell::default(),
                joined: Cell::new(false),
                numbers: Cell::new(false),
                withheld: RefCell::default(),
                asking: Cell::new(0),
                making: RefCell::default(),
                generation: Cell::new(0),
            });
            topics.named.borrow_mut().insert(name.to_owned(), Rc::clone(&topic));
            topics.numbered.borrow_mut().insert(number, Rc::clone(&topic));
            topic
        });
        let SubscribeOptions { join, leave, from } = options;
        let member =
            Rc::new(Member { inbox: Rc::default(), ready: RefCell::default(), left: Cell::new(false) });
        topic.members.borrow_mut().push(Rc::clone(&member));
        if held {
            if topic.joined.get() {
                member.settle(Ok(()));
            }
            self.call(Call::SubscribeAgain { topic: topic.number });
        } else {
            topic.join.replace(join);
            topic.leave.replace(leave);
            topic.cursor.replace(from.as_str().into());
            topic.numbers.set(false);
            topic.joined.set(false);
            topic.generation.set(topics.next());
            topics.held.set(topics.held.get() + 1);
            let from = Some(from.as_str()).filter(|from| !from.is_empty());
            let from = fingerprint(from, false, None, false, self.key());
            self.call(Call::Subscribe { topic: topic.number, from });
        }
        Ok(Subscription { member, topic, core: Weak::clone(&self.core) })
    }

    fn leave(&self, topic: &Rc<Topic>) {
        let place = topic.place();
        let _making = self.topics.over(topic);
        let owed = self.call(Call::Leave { topic: topic.number }) != 0;
        let leave = topic.leave.borrow().clone();
        let Some(leave) = leave.filter(|_| owed) else { return };
        let text = match leave {
            Join::Standard => json_text("leave", &place, false),
            Join::Now(leave) => leave(place),
            Join::Later(_) => return,
        };
        let (id, bytes) = self.own(Data::Text(text.into()));
        self.call(Call::Leaving { id, bytes });
    }

    /// What goes up by itself: its number, and how many bytes it has.
    fn own(&self, data: Data) -> (u32, u64) {
        let id = self.topics.sends.get();
        self.topics.sends.set(id.wrapping_add(1).max(OWN));
        let bytes = data.bytes().len() as u64;
        self.keep(id, data, None);
        (id, bytes)
    }

    /// Whether it is of a topic that somebody listens to, or did a moment ago.
    pub(super) fn of_topic(&self, message: &Message) -> bool {
        let topics = &self.topics;
        if topics.named.borrow().is_empty() {
            return false;
        }
        let options = &topics.options;
        let of = || match &options.topic {
            Word::Kind(path) => {
                message.text().and_then(|text| json::at(text, path)).map_or_else(Vec::new, names)
            }
            Word::Reads(reads) => reads(message),
        };
        let word = |word: &Word| match word {
            Word::Kind(kind) if message.kind() == kind => of(),
            Word::Kind(_) => Vec::new(),
            Word::Reads(reads) => reads(message),
        };
        if let Some(found) = self.topics_named(word(&options.refused)) {
            self.each_topic(
                &found,
                |topic| Call::TopicAnswered { topic, refused: true },
                |topic| {
                    topics.end(topic, &SubscriptionError::Refused(message.clone()));
                },
            );
        } else if let Some(found) = self.topics_named(word(&options.joined)) {
            let call = |topic| Call::TopicAnswered { topic, refused: false };
            self.each_topic(&found, call, |topic| topic.settle(&Ok(())));
        } else if let Some(found) = self.topics_named(word(&options.gap)) {
            self.each_topic(
                &found,
                |topic| Call::TopicHeard { topic },
                |topic| {
                    self.call(Call::TopicGap { topic: topic.number });
                },
            );
        } else if let Some(found) = self.topics_named(options.removed.as_ref().map(word).unwrap_or_default())
        {
            self.each_topic(
                &found,
                |topic| Call::TopicRemoved { topic },
                |topic| {
                    // Who listens is told by the message itself.
                    let mut message = message.clone();
                    message.set_last_event_id(topic.cursor.borrow().clone());
                    let size = message.bytes().len();
                    topic.tell(&Event::Message(message), size);
                },
            );
        } else if let Some(found) = self.topics_named(of()) {
            self.each_topic(
                &found,
                |topic| Call::TopicHeard { topic },
                |topic| {
                    let (id, numbers) = self.in_topic(message, &topic.name);
                    self.topic_message(topic, message.clone(), id, numbers);
                },
            );
        } else {
            return false;
        }
        true
    }

    /// Those that are known, each once; none where none is.
    fn topics_named(&self, names: Vec<String>) -> Option<Vec<Rc<Topic>>> {
        let named = self.topics.named.borrow();
        let mut found: Vec<Rc<Topic>> = Vec::new();
        for topic in names.iter().filter_map(|name| named.get(name)) {
            if !found.iter().any(|one| one.number == topic.number) {
                found.push(Rc::clone(topic));
            }
        }
        (!found.is_empty()).then_some(found)
    }

    /// Of a topic that was left, or joined anew since, it counts as held back.
    fn each_topic(&self, found: &[Rc<Topic>], call: impl Fn(u32) -> Call, tell: impl Fn(&Rc<Topic>)) {
        for topic in found {
            if self.call(call(topic.number)) == 0 {
                self.suppressed();
            } else {
                tell(topic);
            }
        }
    }

    fn in_topic(&self, message: &Message, topic: &str) -> (Rc<str>, Numbers) {
        let at = |path: &String| message.text().and_then(|text| json::at(text, path));
        let id = match &self.topics.options.id {
            Some(InTopic::At(path)) => at(path).as_ref().and_then(json::id_of),
            Some(InTopic::By(id)) => id(message, topic),
            None => None,
        };
        let found = match &self.topics.options.seq {
            Some(InTopic::At(path)) => at(path).as_ref().map(json::sequence_of),
            Some(InTopic::By(seq)) => seq(message, topic).map(json::sequence_from),
            None => None,
        };
        let json::Sequence { number, first, odd, .. } = found.unwrap_or_default();
        if odd {
            self.warn(NUMBERS);
        }
        (id.unwrap_or_default().into(), Numbers { first, last: number })
    }

    fn topic_message(&self, topic: &Rc<Topic>, mut message: Message, id: Rc<str>, numbers: Numbers) {
        let Numbers { first, last: number } = numbers;
        let generation = topic.generation.get();
        // The first number may be of the message that the join named.
        let named = !id.is_empty() && !topic.numbers.get();
        let socket = self.transport() == Transport::WebSocket;
        // A range may be put together in another way when it comes again.
        let raw = Some(message.data()).filter(|_| first.is_none());
        let print = match number.filter(|_| !named) {
            Some(number) => fingerprint(Some(&format!("#{number}")), true, raw, socket, self.key()),
            None => fingerprint(Some(&*id).filter(|id| !id.is_empty()), false, raw, socket, self.key()),
        };
        topic.pending.replace(Rc::clone(&id));
        self.call(Call::TopicHeard { topic: topic.number });
        if first.is_some() {
            self.call(Call::Epoch { epoch: 0, first });
        }
        let ruling = self.call(Call::TopicCheck { id: print, number });
        let live = || topic.generation.get() == generation && topic.is_live();
        if !live() {
            return;
        }
        let before =
            if ruling == 0 { None } else { Some(topic.withheld.borrow_mut().take_all(&self.topics.bytes)) };
        if ruling & ruling::RESTARTED != 0 {
            for (message, id, numbers) in before.unwrap_or_default() {
                self.unsuppressed();
                if live() {
                    self.topic_message(topic, message, id, numbers);
                }
            }
            if live() {
                self.topic_message(topic, message, id, numbers);
            }
            return;
        }
        if ruling & ruling::DELIVER != 0 && number.is_some() {
            topic.numbers.set(true);
        }
        let moves = ruling & ruling::MOVES != 0 && !id.is_empty();
        if moves {
            topic.cursor.replace(Rc::clone(&id));
        }
        if ruling & ruling::DELIVER == 0 {
            if ruling == 0 {
                topic.withheld.borrow_mut().push((message, id, numbers), &self.topics.bytes);
            }
            return self.suppressed();
        }
        message.set_last_event_id(if id.is_empty() { topic.cursor.borrow().clone() } else { id });
        let size = message.bytes().len();
        topic.tell(&Event::Message(message), size);
    }

    /// What the core says of a topic.
    pub(crate) fn topic_told(&self, told: TopicEvent) {
        let topics = &self.topics;
        match told {
            TopicEvent::Join(number) => self.join(number),
            TopicEvent::Joined(number) => {
                if let Some(topic) = topics.numbered(number) {
                    topic.settle(&Ok(()));
                }
            }
            TopicEvent::Lost(number) => {
                if let Some(topic) = topics.numbered(number) {
                    topic.joined.set(false);
                    let making = topic.ask_no_more();
                    topic.members().iter().for_each(|member| member.renew());
                    drop(making);
                }
            }
            TopicEvent::Late(number) => {
                if let Some(topic) = topics.numbered(number) {
                    topic.settle(&Err(SubscriptionError::Timeout));
                }
            }
            TopicEvent::Unsent(number, why) => {
                if let Some(topic) = topics.numbered(number) {
                    topic.settle(&Err(SubscriptionError::Dropped(why)));
                }
            }
            TopicEvent::Gap(number, outcome, missing) => {
                if let Some(topic) = topics.numbered(number) {
                    topic_gap(&topic, outcome, missing);
                }
            }
            TopicEvent::Forget(number) => {
                let Some(topic) = topics.numbered(number).filter(|topic| !topic.is_live()) else { return };
                topics.numbered.borrow_mut().remove(&number);
                topics.named.borrow_mut().remove(&topic.name);
            }
        }
    }

    /// The client is closed.
    pub(crate) fn end_topics(&self) {
        let all: Vec<_> = self.topics.named.borrow().values().cloned().collect();
        for topic in all {
            self.topics.end(&topic, &SubscriptionError::Closed);
        }
    }

    /// The core asks for the join of this one, and then of others.
    fn join(&self, first: u32) {
        let topics = &self.topics;
        let (mut together, mut next) = (Vec::new(), Some(first));
        while let Some(number) = next {
            // It may be over by another one's join.
            if let Some(topic) = topics.numbered(number).filter(|topic| topic.is_live()) {
                let asked = topics.ask(&topic);
                let join = topic.join.borrow().clone();
                match join {
                    Join::Standard if topics.options.join_all.is_some() => together.push((topic, asked)),
                    Join::Standard => {
                        let text = json_text("join", &topic.place(), true);
                        self.joining(&[(topic, asked)], Data::Text(text.into()));
                    }
                    Join::Now(join) => {
                        let text = join(topic.place());
                        self.joining(&[(topic, asked)], Data::Text(text.into()));
                    }
                    Join::Later(join) => self.join_later(&topic, asked, &join),
                }
            }
            next = self.call(Call::NextJoin).checked_sub(1);
        }
        // Some may have been left since.
        together.retain(|(topic, asked)| topic.asking.get() == *asked);
        if let Some(join_all) = topics.options.join_all.as_ref().filter(|_| !together.is_empty()) {
            let places: Vec<_> = together.iter().map(|(topic, _)| topic.place()).collect();
            let text = join_all(&places);
            self.joining(&together, Data::Text(text.into()));
        }
    }

    fn join_later(&self, topic: &Rc<Topic>, asked: u64, join: &Rc<dyn Fn(TopicPlace) -> JoinFrame>) {
        let made = join(topic.place());
        if topic.asking.get() != asked {
            return;
        }
        let core = Weak::clone(&self.core);
        // Not itself: it holds what makes it.
        let of = Rc::downgrade(topic);
        let making = Task::spawn(async move {
            let made = made.await;
            // It may answer for another connection, or for nobody.
            let Some((core, topic)) = core.upgrade().zip(of.upgrade()) else { return };
            if topic.asking.get() != asked {
                return;
            }
            match made {
                Ok(data) => core.port().joining(&[(topic, asked)], data),
                Err(_) => {
                    core.call(Call::Unjoinable { topic: topic.number });
                    topic.settle(&Err(SubscriptionError::Join));
                }
            }
        });
        let before = topic.making.replace(Some(making));
        drop(before);
    }

    /// Of those that still ask for it: what makes a join may leave topics, and lose the connection.
    fn joining(&self, topics: &[(Rc<Topic>, u64)], data: Data) {
        let asking: Vec<_> = topics.iter().filter(|(topic, asked)| topic.asking.get() == *asked).collect();
        if asking.is_empty() {
            return;
        }
        let (id, bytes) = self.own(data);
        let last = asking.len() - 1;
        for (at, (topic, _)) in asking.iter().enumerate() {
            self.call(Call::Joining { topic: topic.number, id, bytes, more: at < last });
        }
    }
}

impl Withheld {
    fn push(&mut self, one: Held, all: &Cell<usize>) {
        if self.more {
            return;
        }
        let size = one.0.bytes().len();
        self.bytes += size;
        all.set(all.get() + size);
        self.messages.push(one);
        if self.messages.len() > WITHHELD || all.get() > WITHHELD_BYTES {
            self.take_all(all);
            self.more = true;
        }
    }

    fn take_all(&mut self, all: &Cell<usize>) -> Vec<Held> {
        let Self { messages, bytes, .. } = std::mem::take(self);
        all.set(all.get().saturating_sub(bytes));
        messages
    }
}

fn topic_gap(topic: &Topic, outcome: Outcome, missing: Missing) {
    let (after, before) =
        (topic.cursor.borrow().as_ref().to_owned(), topic.pending.borrow().as_ref().to_owned());
    let gap = Gap { outcome, after, before, missing };
    topic.tell(&Event::Gap(gap), 0);
}

fn json_text(kind: &str, place: &TopicPlace, from: bool) -> String {
    let topic = json::quoted(&place.topic);
    let id = json::quoted(&place.last_event_id);
    let from = if from && !place.last_event_id.is_empty() {
        format!(r#","lastEventId":{id}"#)
    } else {
        String::new()
    };
    format!(r#"{{"type":"{kind}","topic":{topic}{from}}}"#)
}

/// The topics that stand there: one, or several in an array.
fn names(found: json::Found) -> Vec<String> {
    match found {
        json::Found::Many(found) => found.iter().filter_map(json::id_of).collect(),
        found => json::id_of(&found).into_iter().collect(),
    }
}
