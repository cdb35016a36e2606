//! Topics on one connection: each is joined, joined again on each new connection, and has its own cursor.
//!
//! ```text
//!             subscribe                 the join was sent            the server's word
//!   (nobody) ----------> to be asked -------------------> asked ---------------------> joined
//!       ^                  ^   ^                            |                            |
//!       |                  |   +---- no word in time -------+                            |
//!       |                  +-- another connection; put out, after a delay that grows ---+
//!       +------ left, or refused: until the next connection what comes late is dropped --+
//! ```
//!
//! **An answer belongs to the join that it answers, not to a topic's name.** A server answers the joins of a topic in order. If a
//! topic was left and joined again, the first answer belongs to the old join, and so do the messages before it. Lost answers
//! are not awaited for ever: when the newest join gets no answer in time, none is expected for the older ones.
//!
//! The port gives each topic's name a number, by which the core knows it; ids are fingerprints. Joins and leaves go through the outbox,
//! so its limits hold for them.

use super::{
    Connection,
    config::Backoff,
    io::{Action, ClientEvent, Timestamp},
    outbox::{Dropped, Outgoing, Sent},
    resume::{CheckResult, Id, Ids, Missing, Outcome},
    state::Phase,
};
use crate::core::Later as _;

pub(crate) use super::outbox::OWN;
/// So many topics that were left are remembered until the next connection.
const LEFT: usize = 10_000;

/// How topics are joined.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Joins {
    /// The server answers joins. Without that, a topic is joined once its join was sent.
    pub(crate) confirm: bool,
    /// In ms: how long the app's function that makes a join may take, and then the server's answer.
    pub(crate) timeout: u64,
    /// How often a topic's join is sent on one connection.
    pub(crate) max_attempts: u64,
}

impl Joins {
    /// The defaults; `max_attempts` is that of messages with acks.
    pub(crate) const fn new(max_attempts: u64) -> Self {
        Self { confirm: true, timeout: 10_000, max_attempts }
    }
}

/// What the app is told of a topic, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TopicEvent {
    /// Make its join, then call [`Topics::joining`] or [`Topics::unjoinable`]; then do the same for those that [`Topics::next`] gives.
    Join(u32),
    /// It is joined: its join was sent and needs no answer.
    Joined(u32),
    /// Its connection was lost; it is joined again on the next one.
    Lost(u32),
    /// The server did not answer its join in time. The join may be sent again.
    Late(u32),
    /// Its join could not be sent.
    Unsent(u32, Dropped),
    /// Messages are missing; the first and the last missing sequence number, where they are known.
    Gap(u32, Outcome, Missing),
    /// Nothing of this topic can come any more, so its number can be forgotten.
    Forget(u32),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Topic {
    number: u32,
    /// Its cursor and what it remembers.
    ids: Ids,
    /// Somebody listens.
    live: bool,
    joined: bool,
    /// Messages may have been missed: it was joined on an earlier connection, or messages were taken for an older join's.
    known: bool,
    /// Its join was sent on this connection, so leaving it needs a message.
    asked: bool,
    /// Its join waits in the outbox.
    waits: bool,
    /// It is joined as the connection opens, so its join goes before all messages that wait.
    first: bool,
    /// Joins on this connection without an answer: those that were left since, and those of the current subscription.
    older: u64,
    newer: u64,
    /// Messages that come belong to an older join.
    stale: bool,
    /// A message came since its join was sent, so the server has the join.
    heard: bool,
    attempts: u64,
    /// When its join counts as lost; the end of the clock: no join is out.
    due: u64,
    /// How often in a row the server removed the client from it.
    removals: u64,
    rejoin: u64,
    /// If it stays joined until then, the count of removals starts anew.
    proven_at: u64,
}

impl Topic {
    /// The connection is over: the next one knows nothing of its joins.
    fn connection_lost(&mut self) {
        self.joined = false;
        self.known |= std::mem::take(&mut self.asked);
        self.waits = false;
        self.first = false;
        (self.older, self.newer) = (0, 0);
        self.stale = false;
        self.heard = false;
        self.attempts = 0;
        self.due = u64::MAX;
        self.rejoin = u64::MAX;
    }

    fn leave(&mut self) {
        self.live = false;
        self.joined = false;
        self.waits = false;
        self.older += std::mem::take(&mut self.newer);
        self.stale |= self.asked;
        self.asked = false;
        self.due = u64::MAX;
        self.rejoin = u64::MAX;
        self.removals = 0;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topics {
    joins: Joins,
    /// Sorted by number.
    topics: Vec<Topic>,
    /// Topics whose joins are made after the current one. Nothing else is sent before them.
    asking: Vec<u32>,
    busy: bool,
    /// The joins in the outbox: the message's number, the topic's, and whether it goes before all that waits.
    messages: Vec<(u32, u32, bool)>,
    /// The topic of the next [`Topics::place`].
    selected: u32,
    open: bool,
    /// No join counts as lost before this.
    soonest: u64,
}

type Actions = Vec<Action>;

fn tell(actions: &mut Actions, told: TopicEvent) {
    actions.push(Action::Emit(ClientEvent::Topic(told)));
}

impl Topics {
    pub(crate) fn new(joins: Joins) -> Self {
        Self {
            joins,
            topics: Vec::new(),
            asking: Vec::new(),
            busy: false,
            messages: Vec::new(),
            selected: 0,
            open: false,
            soonest: u64::MAX,
        }
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(super) fn times(&mut self) -> Vec<&mut u64> {
        let mut times = vec![&mut self.soonest];
        for Topic { due, rejoin, proven_at, .. } in &mut self.topics {
            times.extend([due, rejoin, proven_at]);
        }
        times
    }

    /// When the next join may count as lost.
    pub(crate) fn soonest(&self) -> u64 {
        self.soonest
    }

    fn find(&mut self, number: u32) -> Option<&mut Topic> {
        let at = self.topics.binary_search_by_key(&number, |topic| topic.number).ok()?;
        self.topics.get_mut(at)
    }

    /// The app subscribes to this topic. `from`: the cursor that it continues from.
    pub(crate) fn subscribe(&mut self, now: u64, number: u32, from: Id, actions: &mut Actions) {
        let mut ids = Ids::new(false);
        if from != Id::None {
            ids.start_from(from, None);
        }
        let at = self.topics.binary_search_by_key(&number, |topic| topic.number).unwrap_or_else(|at| {
            self.topics.insert(at, Topic { number, due: u64::MAX, rejoin: u64::MAX, ..Topic::default() });
            at
        });
        if let Some(topic) = self.topics.get_mut(at).filter(|topic| !topic.live) {
            topic.live = true;
            topic.known = false;
            topic.heard = false;
            topic.first = false;
            topic.attempts = 0;
            topic.ids = ids;
        }
        self.ask(now, number, actions);
    }

    /// Another subscriber joins in: if the topic is not joined, its attempts are counted anew.
    pub(crate) fn again(&mut self, now: u64, number: u32, actions: &mut Actions) {
        let Some(topic) = self.find(number).filter(|topic| !topic.joined) else { return };
        let under_way = topic.due.min(topic.rejoin) < u64::MAX;
        topic.attempts = under_way.into();
        if !under_way {
            self.ask(now, number, actions);
        }
    }

    fn ask(&mut self, now: u64, number: u32, actions: &mut Actions) {
        let (open, due) = (self.open, now.later(self.joins.timeout));
        if let Some(topic) = self.find(number).filter(|topic| open && topic.live && !topic.waits) {
            topic.attempts += 1;
            topic.due = due;
            self.soonest = self.soonest.min(due);
            self.make(number, actions);
        }
    }

    /// Joins are made one at a time, as the app's function that makes one may subscribe to other topics or leave them.
    fn make(&mut self, number: u32, actions: &mut Actions) {
        if self.busy {
            self.asking.push(number);
        } else {
            self.busy = true;
            tell(actions, TopicEvent::Join(number));
        }
    }

    /// Takes the next topic whose join is to be made.
    pub(crate) fn next(&mut self) -> Option<u32> {
        if self.asking.is_empty() {
            self.busy = false;
            return None;
        }
        Some(self.asking.remove(0))
    }

    /// Whether joins are being made.
    pub(crate) fn busy(&self) -> bool {
        self.busy
    }

    /// The join was made, and is sent as the message `outgoing`, which may carry several joins. Gives `None` where none of them is needed
    /// any more, otherwise whether it goes before all that waits.
    pub(crate) fn joining(&mut self, number: u32, outgoing: u32) -> Option<bool> {
        self.join(number, outgoing);
        let firsts = self.messages.iter().filter(|(other, ..)| *other == outgoing).map(|(.., first)| *first);
        firsts.reduce(|one, other| one || other)
    }

    fn join(&mut self, number: u32, outgoing: u32) {
        let open = self.open;
        let topic = self.find(number).filter(|topic| open && topic.live && !topic.waits);
        let Some(topic) = topic else { return };
        let first = std::mem::take(&mut topic.first);
        topic.waits = true;
        topic.due = u64::MAX;
        if topic.known || topic.ids.begun() {
            topic.ids.asking();
            topic.ids.reconnected();
        }
        self.messages.push((outgoing, number, first));
    }

    /// The message that carries this topic's join, and whether it carries the joins of other topics as well.
    fn outgoing(&self, number: u32) -> Option<(u32, bool)> {
        let (outgoing, ..) = *self.messages.iter().find(|(_, other, _)| *other == number)?;
        let shared = self.messages.iter().any(|(id, other, _)| *id == outgoing && *other != number);
        Some((outgoing, shared))
    }

    /// Its join was sent, or cannot be taken out of its message.
    fn out(&mut self, number: u32) {
        self.messages.retain(|(_, other, _)| *other != number);
        if let Some(topic) = self.find(number) {
            topic.waits = false;
            topic.asked = true;
            topic.newer += 1;
        }
    }

    /// The app's function made no join for this topic.
    pub(crate) fn unjoinable(&mut self, number: u32) {
        if let Some(topic) = self.find(number) {
            topic.due = u64::MAX;
        }
    }

    /// The outcome of a message that carried joins. That of a leave does not matter.
    pub(crate) fn settled(&mut self, now: u64, outgoing: u32, sent: Sent, actions: &mut Actions) {
        let Joins { confirm, timeout, .. } = self.joins;
        let due = if confirm { now.later(timeout) } else { u64::MAX };
        while let Some(at) = self.messages.iter().position(|(other, ..)| *other == outgoing) {
            let (_, number, _) = self.messages.remove(at);
            let Some(topic) = self.find(number).filter(|topic| topic.waits) else { continue };
            topic.waits = false;
            match sent {
                Sent::Dropped(why) => tell(actions, TopicEvent::Unsent(topic.number, why)),
                Sent::Sent | Sent::Acked | Sent::Unknown => {
                    topic.asked = true;
                    topic.heard = false;
                    if confirm {
                        topic.newer += 1;
                        topic.due = due;
                        self.soonest = self.soonest.min(due);
                    } else {
                        topic.joined = true;
                        topic.rejoin = u64::MAX;
                        topic.stale = false;
                        tell(actions, TopicEvent::Joined(topic.number));
                    }
                }
            }
        }
    }

    /// The server answered a join. `in_flight`: a join that is on its way. Gives whether the answer belongs to the current subscription.
    pub(crate) fn answered(
        &mut self,
        number: u32,
        refused: bool,
        in_flight: bool,
        actions: &mut Actions,
    ) -> bool {
        let confirm = self.joins.confirm;
        if let Some(topic) = self.find(number).filter(|topic| confirm && topic.older > 0) {
            topic.older -= 1;
            return false;
        }
        if in_flight {
            self.out(number);
        }
        // Without a join of its own, a subscription is answered only where no older join was sent: on a stream whose server knows the
        // topics by itself.
        let answers = |topic: &&mut Topic| topic.live && (topic.asked || !topic.stale);
        let Some(topic) = self.find(number).filter(answers) else { return false };
        topic.newer = topic.newer.saturating_sub(1);
        topic.due = u64::MAX;
        topic.rejoin = u64::MAX;
        topic.joined = !refused;
        if refused {
            topic.leave();
        }
        // A server that refused a join has nothing to leave.
        topic.stale = false;
        if refused {
            self.messages.retain(|(_, other, _)| *other != number);
            self.bound(actions);
        }
        true
    }

    /// The topic, if what came belongs to the current subscription.
    fn listener(&mut self, number: u32) -> Option<&mut Topic> {
        let topic = self.find(number).filter(|topic| topic.live)?;
        topic.known |= topic.stale && topic.asked;
        (!topic.stale).then_some(topic)
    }

    /// A message of this topic came. Gives whether it belongs to the current subscription; [`Self::place`] is called for it next.
    pub(crate) fn heard(&mut self, number: u32) -> bool {
        self.selected = number;
        let topic = self.listener(number);
        topic.map(|topic| topic.heard = true).is_some()
    }

    /// Decides on a message before it is delivered.
    pub(crate) fn place(
        &mut self,
        id: Id,
        first: Option<u64>,
        number: Option<u64>,
        actions: &mut Actions,
    ) -> CheckResult {
        let selected = self.selected;
        let Some(topic) = self.listener(selected) else { return CheckResult::held(false, None) };
        let result = topic.ids.place_range(id, first, number);
        if let Some(outcome) = result.outcome
            && outcome != Outcome::Recovered
        {
            tell(actions, TopicEvent::Gap(selected, outcome, result.missing));
        }
        result
    }

    /// Messages that came were lost in the client, and may have belonged to any topic.
    pub(crate) fn missed(&mut self) {
        for topic in &mut self.topics {
            topic.ids.missed();
        }
    }

    /// The server removed the client from this topic. Gives whether that is about the current subscription. If so, the topic is joined
    /// again after a delay by the backoff, as the server may have done it because of its load.
    fn removed(&mut self, at: Timestamp, number: u32, backoff: &Backoff, actions: &mut Actions) -> bool {
        let Some(topic) = self.listener(number).filter(|topic| topic.joined) else { return false };
        if at.now >= topic.proven_at {
            topic.removals = 0;
        }
        topic.removals += 1;
        topic.joined = false;
        // A join that is on its way still counts.
        topic.asked = topic.newer > 0;
        topic.known = true;
        // Messages may be missing, also where the server joins the client again by itself.
        topic.ids.reconnected();
        topic.heard = false;
        topic.rejoin = at.now.later(backoff.delay(topic.removals, 0, 0, at.draw));
        topic.proven_at = topic.rejoin.later(backoff.stable_after);
        let rejoin = topic.rejoin;
        self.soonest = self.soonest.min(rejoin);
        tell(actions, TopicEvent::Lost(number));
        true
    }

    /// The server said that messages of this topic are missing.
    pub(crate) fn gap_told(&mut self, number: u32) {
        if let Some(topic) = self.listener(number) {
            topic.ids.gap_told();
        }
    }

    /// The last subscriber left. Gives whether the server must be told.
    pub(crate) fn leave(&mut self, number: u32, actions: &mut Actions) -> bool {
        self.messages.retain(|(_, other, _)| *other != number);
        self.asking.retain(|other| *other != number);
        let Some(topic) = self.find(number) else { return false };
        let asked = topic.asked;
        topic.leave();
        if topic.older > 0 || topic.stale {
            self.bound(actions);
        } else {
            self.forget(number, actions);
        }
        asked
    }

    /// Forgets the oldest topic that was left, if too many of them are remembered.
    fn bound(&mut self, actions: &mut Actions) {
        if self.topics.len() > LEFT {
            let mut left = self.topics.iter().filter(|topic| !topic.live).map(|topic| topic.number);
            if let Some(oldest) = left.next()
                && left.count() >= LEFT
            {
                self.forget(oldest, actions);
            }
        }
    }

    fn forget(&mut self, number: u32, actions: &mut Actions) {
        self.topics.retain(|topic| topic.number != number);
        tell(actions, TopicEvent::Forget(number));
    }

    /// A connection opened: all topics are joined, in order.
    pub(crate) fn opened(&mut self, now: u64, actions: &mut Actions) {
        self.open = true;
        self.topics.retain(|topic| {
            if !topic.live {
                tell(actions, TopicEvent::Forget(topic.number));
            }
            topic.live
        });
        let numbers: Vec<u32> = self.topics.iter().map(|topic| topic.number).collect();
        for number in numbers {
            if let Some(topic) = self.find(number) {
                topic.first = true;
            }
            self.ask(now, number, actions);
        }
    }

    /// What was asked for over a connection that is over.
    pub(crate) fn connection_lost(&mut self, actions: &mut Actions) {
        self.open = false;
        self.messages.clear();
        self.asking.clear();
        for topic in &mut self.topics {
            if topic.live && (topic.joined || topic.attempts > 0) {
                tell(actions, TopicEvent::Lost(topic.number));
            }
            topic.connection_lost();
        }
        self.soonest = u64::MAX;
    }

    /// Joins that nobody answered are asked for again.
    pub(crate) fn tick(&mut self, now: u64, actions: &mut Actions) {
        if now < self.soonest {
            return;
        }
        let max = self.joins.max_attempts;
        let mut again = Vec::new();
        for topic in self.topics.iter_mut().filter(|topic| topic.rejoin <= now) {
            topic.rejoin = u64::MAX;
            if topic.due == u64::MAX {
                topic.attempts = 0;
                again.push(topic.number);
            }
        }
        for topic in self.topics.iter_mut().filter(|topic| topic.due <= now) {
            topic.due = u64::MAX;
            if topic.asked {
                // The older joins, or their answers, are lost as well.
                (topic.older, topic.newer) = (0, 0);
                if std::mem::take(&mut topic.stale) && topic.known {
                    topic.ids.reconnected();
                }
            }
            tell(actions, TopicEvent::Late(topic.number));
            if !topic.heard && topic.attempts < max {
                again.push(topic.number);
            }
        }
        self.soonest = self.topics.iter().map(|topic| topic.due.min(topic.rejoin)).min().unwrap_or(u64::MAX);
        for number in again {
            self.ask(now, number, actions);
        }
    }

    /// The client is closed.
    pub(crate) fn end(&mut self) {
        self.topics.clear();
        self.messages.clear();
        self.asking.clear();
        self.open = false;
        self.soonest = u64::MAX;
    }
}

/// Calls about topics.
impl Connection {
    pub(crate) fn subscribe(&mut self, now: u64, number: u32, from: Id) {
        self.topics.subscribe(now, number, from, &mut self.actions);
    }

    pub(crate) fn subscribe_again(&mut self, now: u64, number: u32) {
        self.topics.again(now, number, &mut self.actions);
    }

    /// The join of this topic was made, and goes in the message `outgoing` of so many bytes. `more`: joins of other topics follow in the
    /// same message.
    pub(crate) fn joining(&mut self, number: u32, outgoing: u32, bytes: u64, more: bool) {
        let joining = self.topics.joining(number, outgoing);
        if more {
            return;
        }
        let join = Outgoing { priority: joining == Some(true), ..Outgoing::new(outgoing, bytes) };
        match joining {
            Some(_) if !self.uplink() => self.settle(outgoing, Sent::Dropped(Dropped::NoUplink)),
            Some(true) => self.queue.put_first(OWN, join),
            Some(false) => self.queue.put(join),
            None => self.settle(outgoing, Sent::Dropped(Dropped::Aborted)),
        }
    }

    pub(crate) fn next_join(&mut self) -> Option<u32> {
        self.topics.next()
    }

    pub(crate) fn unjoinable(&mut self, number: u32) {
        self.topics.unjoinable(number);
    }

    /// The app leaves this topic. Gives whether the server must be told, by [`Self::leaving`].
    pub(crate) fn leave(&mut self, number: u32) -> bool {
        if let Some((outgoing, shared)) = self.topics.outgoing(number) {
            if shared || !self.queue.untried(outgoing) {
                self.topics.out(number);
            } else {
                self.queue.end(outgoing, Sent::Dropped(Dropped::Aborted), &mut self.actions);
            }
        }
        self.topics.leave(number, &mut self.actions)
    }

    /// The connection is over: forgets its joins, and drops joins and leaves that wait.
    pub(super) fn topics_connection_lost(&mut self) {
        self.topics.connection_lost(&mut self.actions);
        self.queue.call_off(OWN, &mut self.actions);
    }

    pub(crate) fn leaving(&mut self, outgoing: u32, bytes: u64) {
        if matches!(self.phase, Phase::Open { .. }) && self.uplink() {
            self.queue.put(Outgoing::new(outgoing, bytes));
        } else {
            self.settle(outgoing, Sent::Dropped(Dropped::Closed));
        }
    }

    pub(crate) fn topic_answered(&mut self, number: u32, refused: bool) -> bool {
        // The answer to a join may come before the answer to the POST that carries it.
        let in_flight =
            self.topics.outgoing(number).is_some_and(|(outgoing, _)| !self.queue.untried(outgoing));
        self.topics.answered(number, refused, in_flight, &mut self.actions)
    }

    pub(crate) fn topic_removed(&mut self, at: Timestamp, number: u32) -> bool {
        self.topics.removed(at, number, &self.config.backoff, &mut self.actions)
    }

    pub(crate) fn topic_heard(&mut self, number: u32) -> bool {
        self.topics.heard(number)
    }

    pub(crate) fn topic_gap_told(&mut self, number: u32) {
        self.topics.gap_told(number);
    }

    /// As [`Self::check`], for a message of the topic of the last [`Self::topic_heard`].
    pub(crate) fn check_topic(&mut self, id: Id, number: Option<u64>) -> (bool, bool, bool) {
        let result = self.topics.place(id, self.first.take(), number, &mut self.actions);
        (result.deliver, result.moves, result.restarted)
    }
}
