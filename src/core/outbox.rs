//! The messages that the app sends, until their outcome is known. The core holds their numbers and lengths; the port holds the data.
//!
//! ```text
//!   send ---> waiting ---> (socket) ---> sent                 nothing is awaited
//!                ^   |         |
//!                |   v         v
//!                |  dropped  in flight ---> acked, sent       the ack, or the pong, came
//!                |             |    +----> dropped            the server says that it will not have it
//!                |             |
//!                +-------------+-----> unknown            the connection was lost, or no ack came in time: what
//!                                                          awaits an ack waits again, all else is unknown
//! ```
//!
//! Messages go out in order, those with priority first. A message in flight keeps its place in the order, so that it is sent
//! again in that place when the connection is lost.

use super::config::{Outbox, Overflow};
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use super::requests::{Late, Question, Reply};
use crate::core::Later as _;

/// Sends from this number on are joins and leaves.
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex", feature = "rust"))]
pub(crate) const OWN: u32 = 1 << 30;

/// In ms, after an ack is overdue: an ack that arrived while the thread was blocked is dispatched after the timer.
const LAST_CALL: u64 = 50;

/// One message of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outgoing {
    pub(crate) id: u32,
    pub(crate) bytes: u64,
    /// When the message expires; the end of the clock: never. In [`Input::Send`](super::io::Input::Send) it is a time to live.
    pub(crate) expires: u64,
    /// It goes before all messages without priority, as control frames do.
    pub(crate) priority: bool,
    /// It is sent at once or dropped.
    pub(crate) volatile: bool,
    pub(crate) awaits: Awaits,
    /// How often it was handed to a socket.
    pub(crate) tries: u32,
    /// It was sent, and an ack, a pong or a reply is awaited.
    pub(crate) in_flight: bool,
    /// When the ack or the pong is overdue; the end of the clock while the message is not in flight.
    pub(crate) due: u64,
    /// It was overdue, and [`LAST_CALL`] runs.
    pub(crate) called: bool,
    /// How many pings went out before it on its connection.
    pub(crate) pings: u32,
}

/// What has to come back before a send is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Awaits {
    Nothing,
    /// The answer to a ping that went out after it.
    Pong,
    /// The server's ack. Without one the message is sent again.
    Ack,
    /// The reply, however long the message lives.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Reply(Question),
}

impl Outgoing {
    pub(crate) const fn new(id: u32, bytes: u64) -> Self {
        let (expires, awaits) = (u64::MAX, Awaits::Nothing);
        Self {
            id,
            bytes,
            expires,
            priority: false,
            volatile: false,
            awaits,
            tries: 0,
            in_flight: false,
            due: u64::MAX,
            called: false,
            pings: 0,
        }
    }

    fn clock(&mut self, due: u64) {
        (self.due, self.called) = (due, false);
    }

    /// The connection was lost or the time is over: gives the outcome, or `None` if the message is sent again.
    fn lost(&mut self, attempts: u64) -> Option<Sent> {
        self.clock(u64::MAX);
        let again = self.awaits == Awaits::Ack && u64::from(self.tries) < attempts;
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        let again = again || self.question().is_some_and(|question| question.again);
        (core::mem::take(&mut self.in_flight) && !again).then_some(Sent::Unknown)
    }

    /// Only messages that await an ack or a pong count in the window.
    fn may_go(&self, room: bool) -> bool {
        room || self.priority || !self.timed()
    }

    fn timed(&self) -> bool {
        matches!(self.awaits, Awaits::Pong | Awaits::Ack)
    }

    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    fn question(&self) -> Option<Question> {
        if let Awaits::Reply(question) = self.awaits { Some(question) } else { None }
    }

    /// The outcome when the message is dropped for this reason. Once it was sent, nobody knows whether the server has it.
    fn outcome_if_dropped(&self, why: Dropped) -> Sent {
        if self.tries > 0 { Sent::Unknown } else { Sent::Dropped(why) }
    }
}

/// What became of a send.
///
/// ```
/// use everwire::Sent;
/// fn tell(sent: Sent) -> String {
///     match sent {
///         Sent::Sent | Sent::Acked => "sent".to_owned(),
///         Sent::Dropped(why) => format!("not sent: {why}"),
///         _ => "may have been sent".to_owned(),
///     }
/// }
/// # drop(tell(Sent::Sent));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sent {
    /// Handed to an open socket, no more; where a pong was to confirm it, the server has it.
    Sent,
    /// The server said that it has it.
    Acked,
    /// It was on the wire when the connection was lost, or was given up, or got no ack in time, and will not be sent again.
    Unknown,
    /// It was not sent, and will not be; or the server refused it.
    Dropped(Dropped),
}

/// Why a send was dropped: see [`Sent::Dropped`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dropped {
    /// The outbox was full.
    Overflow,
    /// The message alone is larger than the outbox, or than what the server takes (close code 1009).
    TooBig,
    /// The client is closed.
    Closed,
    /// SSE carries nothing upwards.
    NoUplink,
    /// The browser refused the payload: a view of shared memory, or a detached buffer. Or the server said that it will not
    /// have it ([`Builder::refused`](crate::Builder::refused)).
    Refused,
    /// Its time to live was over.
    Expired,
    /// The caller's signal was aborted.
    Aborted,
    /// It was volatile, and could not be sent at once.
    Volatile,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Queue {
    limits: Outbox,
    /// A Vec, as it is short and emptied at once: the code of a VecDeque would cost every visitor more than the moves do.
    messages: Vec<Outgoing>,
    in_flight: usize,
    /// The bytes of the messages that wait.
    bytes: u64,
    /// No message expires or is overdue before this time.
    soonest: u64,
    /// Pings that went out on this connection.
    pings: u32,
    pongs: u32,
    /// How many of those in flight are requests, which do not count in the window.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    asked: usize,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    late: Late,
}

/// Receives the outcome of each message.
pub(crate) trait Settle {
    fn settle(&mut self, id: u32, sent: Sent);
}

impl Queue {
    pub(crate) fn new(limits: Outbox) -> Self {
        Self {
            limits,
            messages: Vec::new(),
            in_flight: 0,
            bytes: 0,
            soonest: u64::MAX,
            pings: 0,
            pongs: 0,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            asked: 0,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            late: Late::default(),
        }
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.messages.len() - self.in_flight
    }

    /// Whether there is room for another message of so many bytes.
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        let Outbox { max_messages, max_bytes, .. } = self.limits;
        (self.len() as u64) < max_messages && self.bytes.saturating_add(bytes) <= max_bytes
    }

    #[cfg(any(feature = "rust", test))]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn times(&mut self) -> Vec<&mut u64> {
        let messages =
            self.messages.iter_mut().flat_map(|outgoing| [&mut outgoing.due, &mut outgoing.expires]);
        std::iter::once(&mut self.soonest).chain(messages).collect()
    }

    /// When the next message may expire or be overdue.
    pub(crate) fn soonest(&self) -> u64 {
        self.soonest
    }

    /// Whether this message would be sent at once on an open connection; then the limits on waiting do not apply.
    pub(crate) fn idle(&self, outgoing: &Outgoing) -> bool {
        self.len() == 0 && outgoing.may_go(self.room())
    }

    fn room(&self) -> bool {
        let in_flight = self.in_flight;
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        let in_flight = in_flight - self.asked;
        (in_flight as u64) < self.limits.max_in_flight
    }

    /// Queues the message within the limits. If it does not fit, others are dropped, or the message itself.
    pub(crate) fn push(&mut self, outgoing: Outgoing, done: &mut impl Settle) {
        let Outbox { max_bytes, overflow, .. } = self.limits;
        if outgoing.bytes > max_bytes {
            return done.settle(outgoing.id, Sent::Dropped(Dropped::TooBig));
        }
        while !self.has_room(outgoing.bytes) {
            let mut waiting = self.messages.iter().filter(|other| !other.in_flight);
            let victim = match overflow {
                Overflow::Reject => None,
                // Messages with priority are dropped last.
                Overflow::DropOldest => waiting.clone().find(|other| !other.priority).or(waiting.next()),
                Overflow::DropNewest => waiting.next_back(),
            };
            let Some(victim) = victim.copied() else {
                return done.settle(outgoing.id, Sent::Dropped(Dropped::Overflow));
            };
            self.end(victim.id, victim.outcome_if_dropped(Dropped::Overflow), done);
        }
        self.put(outgoing);
    }

    /// Inserts the message before all others, but behind those with priority whose number is at least `own`.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn put_first(&mut self, own: u32, outgoing: Outgoing) {
        let after = self.messages.iter().position(|other| !other.priority || other.id < own);
        self.messages.insert(after.unwrap_or(self.messages.len()), outgoing);
        self.recount();
    }

    /// Inserts the message without a look at the limits: at the end, or behind the last one with priority.
    // Not inlined, for the size, as are those below.
    #[inline(never)]
    pub(crate) fn put(&mut self, outgoing: Outgoing) {
        let first = self.messages.iter().position(|other| outgoing.priority && !other.priority);
        self.messages.insert(first.unwrap_or(self.messages.len()), outgoing);
        self.recount();
    }

    /// Whether a message may be sent now.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn ready(&self) -> bool {
        let first = self.messages.iter().find(|outgoing| !outgoing.in_flight);
        first.is_some_and(|outgoing| outgoing.may_go(self.room()))
    }

    /// Takes the next message for the socket.
    pub(crate) fn next(&mut self) -> Option<u32> {
        let (room, pings) = (self.room(), self.pings);
        let first = self.messages.iter_mut().find(|outgoing| !outgoing.in_flight);
        let outgoing = first.filter(|outgoing| outgoing.may_go(room))?;
        outgoing.in_flight = true;
        outgoing.tries += 1;
        outgoing.pings = pings;
        let id = outgoing.id;
        self.recount();
        Some(id)
    }

    /// The socket did not take this message: it waits again, or is dropped if it is volatile.
    pub(crate) fn requeue(&mut self, id: u32, done: &mut impl Settle) {
        let fate = |outgoing: &mut Outgoing| {
            let found = outgoing.id == id;
            outgoing.in_flight &= !found;
            if found {
                outgoing.clock(u64::MAX);
            }
            outgoing.tries = outgoing.tries.saturating_sub(u32::from(found));
            (found && outgoing.volatile).then_some(Sent::Dropped(Dropped::Volatile))
        };
        self.settle(&fate, done);
    }

    /// The socket took this message. It is settled if nothing is awaited.
    pub(crate) fn sent(&mut self, now: u64, id: u32, done: &mut impl Settle) {
        self.out(now, id, false, done);
    }

    /// Settles the message if nothing more is awaited; otherwise the time for its ack begins. `read`: the server has it.
    #[inline(never)]
    fn out(&mut self, now: u64, id: u32, read: bool, done: &mut impl Settle) {
        let due = now.later(self.limits.ack_timeout);
        let fate = |outgoing: &mut Outgoing| {
            let found = outgoing.id == id;
            outgoing.in_flight |= found && read;
            if found && outgoing.in_flight && outgoing.timed() {
                outgoing.clock(due);
            }
            let done = outgoing.awaits == Awaits::Nothing || read && outgoing.awaits == Awaits::Pong;
            (found && done).then_some(Sent::Sent)
        };
        self.settle(&fate, done);
    }

    /// Settles this message, whatever it awaits.
    pub(crate) fn end(&mut self, id: u32, sent: Sent, done: &mut impl Settle) {
        self.settle(&|outgoing| (outgoing.id == id).then_some(sent), done);
    }

    /// The server acknowledged or refused this message, which may already be on its way a second time, or wait for that.
    pub(crate) fn answered(&mut self, id: u32, sent: Sent, done: &mut impl Settle) {
        let fate = |outgoing: &mut Outgoing| {
            let found = outgoing.id == id && outgoing.tries > 0;
            // An ack does not settle a request.
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            let found = found && !(sent == Sent::Acked && outgoing.question().is_some());
            found.then_some(sent)
        };
        self.settle(&fate, done);
    }

    /// A message came with the key of a request. A request that was never sent has no reply.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn replied(&mut self, key: u64, done: &mut impl Settle) -> Reply {
        let asked = |outgoing: &Outgoing| {
            outgoing.tries > 0 && outgoing.question().is_some_and(|question| question.key == key)
        };
        if let Some(id) = self.messages.iter().find(|outgoing| asked(outgoing)).map(|outgoing| outgoing.id) {
            self.end(id, Sent::Sent, done);
            return Reply::Awaited;
        }
        if self.late.takes(key) { Reply::Late } else { Reply::None }
    }

    /// How many messages in flight count in the window.
    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn in_window(&self) -> usize {
        self.in_flight - self.asked
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn late(&self) -> usize {
        self.late.len()
    }

    /// The POST that carried this message was answered, so the server has it. An ack still has to come by itself.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn posted(&mut self, now: u64, id: u32, done: &mut impl Settle) {
        self.out(now, id, true, done);
    }

    /// Sends those of these messages again that await an ack: the server drops what comes twice.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn resend(&mut self, ids: &[u32]) {
        for outgoing in &mut self.messages {
            outgoing.in_flight &= outgoing.awaits != Awaits::Ack || !ids.contains(&outgoing.id);
        }
        self.recount();
    }

    /// Whether this message waits and was never handed to a socket or a request.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn untried(&self, id: u32) -> bool {
        self.messages.iter().any(|outgoing| outgoing.id == id && outgoing.tries == 0)
    }

    /// Drops all messages from this number on: joins and leaves mean nothing to another connection.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn call_off(&mut self, first: u32, done: &mut impl Settle) {
        self.settle(&|outgoing| (outgoing.id >= first).then_some(Sent::Dropped(Dropped::Aborted)), done);
    }

    /// The app aborted this message.
    pub(crate) fn abort(&mut self, id: u32, done: &mut impl Settle) {
        self.settle(
            &|outgoing| (outgoing.id == id).then(|| outgoing.outcome_if_dropped(Dropped::Aborted)),
            done,
        );
    }

    pub(crate) fn pinged(&mut self) {
        self.pings += 1;
    }

    /// The last ping was not sent, so no pong will answer it.
    pub(crate) fn unpinged(&mut self) {
        self.pings = self.pings.saturating_sub(1);
    }

    /// Whether a message in flight awaits the pong of a ping that was not sent yet.
    pub(crate) fn wants_ping(&self) -> bool {
        self.pings == self.pongs
            && self.messages.iter().any(|outgoing| outgoing.in_flight && outgoing.awaits == Awaits::Pong)
    }

    /// A pong came: the server has all messages that were sent before its ping.
    pub(crate) fn ponged(&mut self, done: &mut impl Settle) {
        if self.pongs == self.pings {
            return;
        }
        self.pongs += 1;
        let pongs = self.pongs;
        let before = |outgoing: &mut Outgoing| {
            outgoing.in_flight && outgoing.awaits == Awaits::Pong && outgoing.pings < pongs
        };
        self.settle(&|outgoing| before(outgoing).then_some(Sent::Sent), done);
    }

    /// The connection is over: messages in flight are sent again if they await an ack, and are unknown otherwise.
    pub(crate) fn connection_lost(&mut self, done: &mut impl Settle) {
        (self.pings, self.pongs) = (0, 0);
        let attempts = self.limits.max_attempts;
        self.settle(&|outgoing| outgoing.lost(attempts), done);
    }

    /// The server refused a message for its size. It does not say which, so the largest one in flight counts as refused.
    pub(crate) fn too_big(&mut self, done: &mut impl Settle) {
        let in_flight = self.messages.iter().filter(|outgoing| outgoing.in_flight);
        if let Some(largest) = in_flight.max_by_key(|outgoing| outgoing.bytes) {
            self.end(largest.id, Sent::Dropped(Dropped::TooBig), done);
        }
    }

    /// Drops messages that expired; sends overdue ones again on this connection, or gives them up. `behind`: the socket still
    /// buffers some of what was sent, so the server cannot have answered yet, and repeats would only lengthen the queue.
    pub(crate) fn expire(&mut self, now: u64, behind: bool, done: &mut impl Settle) {
        if now < self.soonest {
            return;
        }
        let Outbox { max_attempts, ack_timeout, .. } = self.limits;
        let fate = |outgoing: &mut Outgoing| {
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            if outgoing.expires <= now && outgoing.question().is_some() {
                return Some(Sent::Dropped(Dropped::Expired));
            }
            if outgoing.expires <= now {
                return Some(outgoing.outcome_if_dropped(Dropped::Expired));
            }
            if outgoing.due > now {
                return None;
            }
            if outgoing.called && !behind {
                return outgoing.lost(max_attempts);
            }
            outgoing.due = now.later(if behind { ack_timeout } else { LAST_CALL });
            outgoing.called = !behind;
            None
        };
        self.settle(&fate, done);
    }

    /// Settles all messages.
    pub(crate) fn give_up(&mut self, why: Dropped, done: &mut impl Settle) {
        self.settle(&|outgoing| Some(outgoing.outcome_if_dropped(why)), done);
    }

    /// Settles each message for which `fate` gives an outcome. It is a `dyn Fn`, so that the wasm has this code once.
    #[inline(never)]
    fn settle(&mut self, fate: &dyn Fn(&mut Outgoing) -> Option<Sent>, done: &mut impl Settle) {
        self.messages.retain_mut(|outgoing| match fate(outgoing) {
            Some(sent) => {
                done.settle(outgoing.id, sent);
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                if let Some(question) = outgoing.question() {
                    self.late.add(question, outgoing.tries - u32::from(sent == Sent::Sent));
                }
                false
            }
            None => true,
        });
        self.recount();
    }

    #[inline(never)]
    fn recount(&mut self) {
        (self.in_flight, self.bytes, self.soonest) = (0, 0, u64::MAX);
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        {
            self.asked = self
                .messages
                .iter()
                .filter(|outgoing| outgoing.in_flight && outgoing.question().is_some())
                .count();
        }
        for outgoing in &self.messages {
            self.soonest = self.soonest.min(outgoing.expires).min(outgoing.due);
            if outgoing.in_flight {
                self.in_flight += 1;
            } else {
                self.bytes = self.bytes.saturating_add(outgoing.bytes);
            }
        }
    }
}
