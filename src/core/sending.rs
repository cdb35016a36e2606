//! What the app sends: into the outbox, onto the wire, back from it.

#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use super::outbox::Awaits;
use super::{
    Connection,
    io::Action,
    outbox::{Dropped, Outgoing, Sent},
    state::Phase,
};
use crate::core::Later as _;

/// A socket whose buffer is full is looked at this often: no event tells that it has room again.
const FULL: u64 = 50;

impl Connection {
    /// `outgoing.expires` counts from now.
    pub(super) fn send(&mut self, now: u64, mut outgoing: Outgoing) {
        if !self.uplink() {
            return self.settle(outgoing.id, Sent::Dropped(Dropped::NoUplink));
        }
        outgoing.expires = now.later(outgoing.expires);
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        if let Some(question) = self.question.take() {
            outgoing.awaits = Awaits::Reply(question);
        }
        if self.sendable() && self.queue.idle(&outgoing) {
            self.queue.put(outgoing);
        } else if outgoing.volatile {
            self.settle(outgoing.id, Sent::Dropped(Dropped::Volatile));
        } else {
            self.queue.push(outgoing, &mut self.actions);
        }
    }

    /// What became of a [`Action::Transmit`]: the socket took it.
    pub(crate) fn sent(&mut self, now: u64, id: u32) {
        if let Some(liveness) = &mut self.liveness {
            liveness.sent(now);
        }
        self.queue.sent(now, id, &mut self.actions);
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        {
            self.topics.settled(now, id, Sent::Sent, &mut self.actions);
            self.went_up(now);
        }
        self.confirm();
    }

    /// For the limit on what goes up.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(super) fn went_up(&mut self, now: u64) {
        if let Some(pace) = &mut self.pace {
            pace.at(now);
            pace.sent();
        }
    }

    /// Or the browser refused it, or the server did, for its size or for what it is.
    pub(crate) fn refused(&mut self, id: u32, big: bool) {
        let why = if big { Dropped::TooBig } else { Dropped::Refused };
        self.queue.answered(id, Sent::Dropped(why), &mut self.actions);
    }

    /// Or the socket's buffer is full, or it is closing already.
    pub(crate) fn unsent(&mut self, now: u64, id: u32, full: bool) {
        self.full_until = if full { now.later(FULL) } else { u64::MAX };
        self.queue.requeue(id, &mut self.actions);
    }

    /// What waits for a pong needs a ping, if none is out after it.
    pub(super) fn confirm(&mut self) {
        if !self.posts() && self.queue.wants_ping() {
            self.ping();
        }
    }

    pub(super) fn ping(&mut self) {
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        if self.pace.as_mut().is_some_and(|pace| !pace.ping()) {
            return;
        }
        self.queue.pinged();
        self.act(Action::Ping);
    }

    /// What became of a [`Action::Ping`], if nothing did: the function that makes it threw, say.
    pub(crate) fn unpinged(&mut self) {
        self.queue.unpinged();
    }

    /// One by one: a socket that is full, or closing, keeps the rest in the outbox.
    pub(super) fn transmission(&mut self) -> Option<Action> {
        if !self.sendable() {
            return None;
        }
        self.queue.next().map(Action::Transmit)
    }

    pub(crate) fn sendable(&self) -> bool {
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        if self.topics.busy() || self.pace.as_ref().is_some_and(|pace| !pace.free()) {
            return false;
        }
        let open = matches!(self.phase, Phase::Open { .. });
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        let open = (open || self.uplink.leaves()) && (!self.posts() || self.uplink.free());
        open && self.full_until == 0
    }

    /// What is on the wire of a connection that is over.
    pub(super) fn unload(&mut self) {
        let stalled = false;
        // When a server said "not now", that holds for the next connection, too.
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        let stalled = stalled || self.stalls > 0 && self.full_until < u64::MAX;
        if !stalled {
            self.full_until = 0;
        }
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        {
            self.uplink.connection_lost();
            self.topics_connection_lost();
        }
        self.queue.connection_lost(&mut self.actions);
    }
}
