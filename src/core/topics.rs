//! Topics on one connection: each is joined, joined again on each new connection, and has a place of its own in its stream.
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
//! **An answer belongs to the join that it answers, not to a name.** A server answers the joins of a topic in their order. So
//! with a join that was left and one that is new, the first answer is the old one's, and until it has come, so are the
//! messages. What got lost is not waited for: when the newest join has no word in time, none is expected for those
//! before it.
//!
//! The core knows a topic by a number, which the caller gives to each name, and ids by their fingerprints. Joins and leaves
//! go by the outbox, so that whatever bounds it bounds them.

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
/// So many topics that were left are known until the next connection.
const LEFT: usize = 10_000;

/// How topics are joined.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Joins {
    /// The server answers a join. Else one that was sent is joined.
    pub(crate) confirm: bool,
    /// How long a join may take, in ms: the caller's function, and then the server's word.
    pub(crate) timeout: u64,
    /// How often a topic is asked for on one connection.
    pub(crate) max_attempts: u64,
}

impl Joins {
    /// Asked for as often as a message that needs an ack.
    pub(crate) const fn new(max_attempts: u64) -> Self {
        Self { confirm: true, timeout: 10_000, max_attempts }
    }
}

/// What the caller is told of a topic, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TopicEvent {
    /// Make its join, then [`Topics::joining`] or [`Topics::unjoinable`]; then those that [`Topics::next`] gives.
    Join(u32),
    /// It is joined: what was asked has been sent, and needs no answer.
    Joined(u32),
    /// It is to be joined on another connection.
    Lost(u32),
    /// The server said nothing in time. It may be asked again.
    Late(u32),
    /// Its join could not be sent.
    Unsent(u32, Dropped),
    /// The numbers that are missing, first and last, where that is known.
    Gap(u32, Outcome, Missing),
    /// Nothing of it can come any more.
    Forget(u32),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Topic {
    number: u32,
    /// Where it is in its stream.
    ids: Ids,
    /// Somebody listens.
    live: bool,
    joined: bool,
    /// Something of it may have gone by: a connection before knew of it, or it was taken for an older join's.
    known: bool,
    /// On this connection: a leave is owed for it.
    asked: bool,
    /// Its join waits in the outbox.
    waits: bool,
    /// It is asked for as the connection opens: before all that waits.
    first: bool,
    /// Joins of this connection without an answer: of those who left, and then of who listens now.
    older: u64,
    newer: u64,
    /// What comes is of an older join.
    stale: bool,
    /// Something came since it was asked for: the server has it.
    heard: bool,
    attempts: u64,
    /// When its join counts as lost; the end of the clock: there is none.
    due: u64,
    /// The server put it out so often in a row, and it is asked for again then; the end of the clock: it is not out.
    removals: u64,
    rejoin: u64,
    /// If it holds until then, the next time is the first.
    proven_at: u64,
}

impl Topic {
    /// Nothing that was sent means anything to the next connection.
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
    /// By their numbers.
    topics: Vec<Topic>,
    /// Whose joins are to be made after the one that is being made; nothing else is sent before.
    asking: Vec<u32>,
    busy: bool,
    /// Which join, by its number in the outbox, is for which topic, and whether it goes before all that waits.
    messages: Vec<(u32, u32, bool)>,
    /// The one that the next [`Topics::place`] is about.
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

    /// When a join may count as lost.
    pub(crate) fn soonest(&self) -> u64 {
        self.soonest
    }

    fn find(&mut self, number: u32) -> Option<&mut Topic> {
        let at = self.topics.binary_search_by_key(&number, |topic| topic.number).ok()?;
        self.topics.get_mut(at)
    }

    /// Somebody listens from here on; `from`: the place in its stream, if there is one.
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

    /// Somebody else listens as well: if it is not joined, it is asked for as often as if it were new.
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

    /// One at a time: a join is made by a function of the app's, which may leave others, or have more of them.
    fn make(&mut self, number: u32, actions: &mut Actions) {
        if self.busy {
            self.asking.push(number);
        } else {
            self.busy = true;
            tell(actions, TopicEvent::Join(number));
        }
    }

    /// The next one whose join is to be made.
    pub(crate) fn next(&mut self) -> Option<u32> {
        if self.asking.is_empty() {
            self.busy = false;
            return None;
        }
        Some(self.asking.remove(0))
    }

    /// Joins are being made.
    pub(crate) fn busy(&self) -> bool {
        self.busy
    }

    /// The join is made, and is to be sent as `outgoing`; several topics may go in one. Nothing where none of them is of use any
    /// more, else whether it goes before all that waits.
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

    /// The one that its join waits in, and whether it carries the joins of others, too.
    fn outgoing(&self, number: u32) -> Option<(u32, bool)> {
        let (outgoing, ..) = *self.messages.iter().find(|(_, other, _)| *other == number)?;
        let shared = self.messages.iter().any(|(id, other, _)| *id == outgoing && *other != number);
        Some((outgoing, shared))
    }

    /// Its join is on its way, or cannot be taken back.
    fn out(&mut self, number: u32) {
        self.messages.retain(|(_, other, _)| *other != number);
        if let Some(topic) = self.find(number) {
            topic.waits = false;
            topic.asked = true;
            topic.newer += 1;
        }
    }

    /// There is no join that could be sent.
    pub(crate) fn unjoinable(&mut self, number: u32) {
        if let Some(topic) = self.find(number) {
            topic.due = u64::MAX;
        }
    }

    /// What becomes of a message of ours. Leaves are of no further interest.
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

    /// The server's word on a join; `in_flight`: one that is on its way. Whether it is about who listens now.
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
        // Who did not ask is only answered where nobody asked before: over a stream whose server knows the topics by itself.
        let answers = |topic: &&mut Topic| topic.live && (topic.asked || !topic.stale);
        let Some(topic) = self.find(number).filter(answers) else { return false };
        topic.newer = topic.newer.saturating_sub(1);
        topic.due = u64::MAX;
        topic.rejoin = u64::MAX;
        topic.joined = !refused;
        if refused {
            topic.leave();
        }
        // Where it is refused, its server has nothing to leave.
        topic.stale = false;
        if refused {
            self.messages.retain(|(_, other, _)| *other != number);
            self.bound(actions);
        }
        true
    }

    /// Who listens now, if what came is for them.
    fn listener(&mut self, number: u32) -> Option<&mut Topic> {
        let topic = self.find(number).filter(|topic| topic.live)?;
        topic.known |= topic.stale && topic.asked;
        (!topic.stale).then_some(topic)
    }

    /// Something of this topic came. Whether it is for who listens now; the next [`Self::place`] is about it.
    pub(crate) fn heard(&mut self, number: u32) -> bool {
        self.selected = number;
        let topic = self.listener(number);
        topic.map(|topic| topic.heard = true).is_some()
    }

    /// Rules on a message before it is delivered.
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

    /// Some messages that came are lost: any topic's.
    pub(crate) fn missed(&mut self) {
        for topic in &mut self.topics {
            topic.ids.missed();
        }
    }

    /// The server said that it has put the client out of this topic. Whether it is about who listens now: then it is asked for again,
    /// after the delay of the backoff, as a server that does so for its load would have no rest.
    fn removed(&mut self, at: Timestamp, number: u32, backoff: &Backoff, actions: &mut Actions) -> bool {
        let Some(topic) = self.listener(number).filter(|topic| topic.joined) else { return false };
        if at.now >= topic.proven_at {
            topic.removals = 0;
        }
        topic.removals += 1;
        topic.joined = false;
        // Of one that is on its way.
        topic.asked = topic.newer > 0;
        topic.known = true;
        // Also where the server lets it in by itself.
        topic.ids.reconnected();
        topic.heard = false;
        topic.rejoin = at.now.later(backoff.delay(topic.removals, 0, 0, at.draw));
        topic.proven_at = topic.rejoin.later(backoff.stable_after);
        let rejoin = topic.rejoin;
        self.soonest = self.soonest.min(rejoin);
        tell(actions, TopicEvent::Lost(number));
        true
    }

    /// The server said that something of it is missing.
    pub(crate) fn gap_told(&mut self, number: u32) {
        if let Some(topic) = self.listener(number) {
            topic.ids.gap_told();
        }
    }

    /// Nobody listens any more. Whether the server is to be told.
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

    /// Not all that were left are remembered.
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

    /// Another connection: all are asked for, in their order.
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
                // All that were sent before it are lost as well, or their answers are.
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

/// What the caller says of a topic.
impl Connection {
    pub(crate) fn subscribe(&mut self, now: u64, number: u32, from: Id) {
        self.topics.subscribe(now, number, from, &mut self.actions);
    }

    pub(crate) fn subscribe_again(&mut self, now: u64, number: u32) {
        self.topics.again(now, number, &mut self.actions);
    }

    /// The join of this topic is made: `outgoing`, of so many bytes; `more`: those of others follow, which go in the same.
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

    /// Whether the server is to be told, by [`Self::leaving`].
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

    /// What was asked for over a connection that is over, and what waits for it.
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
        // The answer may be faster than that of the request which carries the join.
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

    /// As [`Self::check`], of a message of the topic that was heard last.
    pub(crate) fn check_topic(&mut self, id: Id, number: Option<u64>) -> (bool, bool, bool) {
        let result = self.topics.place(id, self.first.take(), number, &mut self.actions);
        (result.deliver, result.moves, result.restarted)
    }
}
