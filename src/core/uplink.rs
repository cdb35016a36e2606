//! What is sent beside an event stream: messages are gathered into requests, one of which is out at a time, and its answer
//! says what becomes of each.
//!
//! ```text
//!   outbox ---> gathered ---> out ---> taken          2xx
//!     ^  ^                     |  +--> refused        it is about this one message: 400, 413, 415, 422
//!     |  +--- one by one ------+                      about one of several: nobody knows which
//!     +------ after a time ----+                      not now: 425, 429, 503 with Retry-After
//!     +------ next stream -----+                      the server certainly did not act ([`Failure::untouched`])
//!                              +--> lost              nobody knows: as what a socket took
//! ```
//!
//! A request is known by its serial. One whose connection is over is remembered for its time alone: what comes of it is late.

use super::{
    Connection,
    failure::{Failure, Word},
    io::{Action, Timestamp},
    outbox::Sent,
    state::Phase,
};
use crate::core::Later as _;

/// Requests that outlive their page share 64 KiB (Fetch, 4.6), also with those of others. Only in leaving: Chromium (156)
/// goes on with one that was aborted, for up to 30 s.
const LEAVING: u64 = 60_000;

/// What a request may carry, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Limits {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) timeout: u64,
}

impl Limits {
    pub(crate) const fn new() -> Self {
        Self { messages: 1_000, bytes: 60_000, timeout: 10_000 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Uplink {
    limits: Limits,
    /// What the next request carries.
    batch: Vec<u32>,
    bytes: u64,
    /// It is bytes, which go alone.
    raw: bool,
    /// Something did not fit in, and nothing overtakes it.
    closed: bool,
    out: Vec<Request>,
    /// So many go alone: there is one among them that the server did not like.
    alone: u64,
    /// The page goes, and so many bytes may still go with it.
    leaving: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    serial: u32,
    ids: Vec<u32>,
    /// The end of the clock: it was stopped.
    due: u64,
    /// Its connection is.
    live: bool,
}

impl Uplink {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            batch: Vec::new(),
            bytes: 0,
            raw: false,
            closed: false,
            out: Vec::new(),
            alone: 0,
            leaving: None,
        }
    }

    /// Whether something more may be gathered.
    pub(crate) fn free(&self) -> bool {
        let most = if self.alone > 0 { 1 } else { self.limits.messages };
        let small = (self.batch.len() as u64) < most && !self.busy();
        !self.closed && (small || self.leaving.is_some())
    }

    fn busy(&self) -> bool {
        self.out.iter().any(|request| request.live)
    }

    /// Whether it goes with the next request.
    fn gather(&mut self, id: u32, bytes: u64, raw: bool) -> bool {
        let total = self.bytes.saturating_add(bytes);
        let (most, alone) = match self.leaving {
            Some(room) => (room, room),
            None => (self.limits.bytes, u64::MAX),
        };
        let fits = if self.batch.is_empty() { total <= alone } else { !raw && !self.raw && total <= most };
        self.closed = !fits;
        if fits {
            (self.bytes, self.raw) = (total, raw);
            self.batch.push(id);
        }
        fits
    }

    /// The request goes out. How many it carries, and whether it is to outlive the page.
    fn flush(&mut self, now: u64, serial: u32) -> (u32, bool) {
        let ids = std::mem::take(&mut self.batch);
        let many = ids.len();
        self.alone = self.alone.saturating_sub(many as u64);
        if let Some(room) = &mut self.leaving {
            *room = room.saturating_sub(self.bytes);
        }
        (self.bytes, self.raw) = (0, false);
        if many > 0 {
            self.closed = false;
            self.out.push(Request { serial, ids, due: now.later(self.limits.timeout), live: true });
        }
        (many as u32, self.leaving.is_some())
    }

    /// It is over. What it carried, if that is not settled already.
    fn take(&mut self, serial: u32) -> Option<Vec<u32>> {
        let at = self.out.iter().position(|request| request.serial == serial)?;
        let request = self.out.remove(at);
        if !request.live {
            return None;
        }
        // The page is still there.
        self.leaving = None;
        self.closed &= !self.batch.is_empty();
        Some(request.ids)
    }

    /// Whether its answer is of interest.
    pub(crate) fn awaits(&self, serial: u32) -> bool {
        self.out.iter().any(|request| request.serial == serial && request.live)
    }

    /// The page goes.
    pub(crate) fn leaves(&self) -> bool {
        self.leaving.is_some()
    }

    /// What is out and what was gathered is of a connection that is over.
    pub(crate) fn connection_lost(&mut self) {
        self.batch.clear();
        (self.bytes, self.raw, self.closed, self.alone, self.leaving) = (0, false, false, 0, None);
        for request in &mut self.out {
            request.live = false;
        }
    }

    /// The client is closed.
    pub(crate) fn end(&mut self) {
        self.connection_lost();
        self.out.clear();
    }

    /// When the next request is overdue.
    pub(crate) fn soonest(&self) -> u64 {
        self.out.iter().map(|request| request.due).min().unwrap_or(u64::MAX)
    }

    /// The next one that is. Whoever stops it says so, as of any that failed.
    fn overdue(&mut self, now: u64) -> Option<u32> {
        let request = self.out.iter_mut().find(|request| request.due <= now && request.due < u64::MAX)?;
        request.due = u64::MAX;
        Some(request.serial)
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn gathered(&self) -> usize {
        self.batch.len()
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn times(&mut self) -> Vec<&mut u64> {
        self.out.iter_mut().map(|request| &mut request.due).collect()
    }
}

impl Connection {
    /// What became of a [`Action::Transmit`]: it can go with the next request, and takes so many bytes there.
    pub(crate) fn carried(&mut self, now: u64, id: u32, bytes: u64, raw: bool) {
        if self.uplink.gather(id, bytes, raw) {
            self.went_up(now);
        } else {
            self.queue.requeue(id, &mut self.actions);
        }
    }

    /// What was gathered goes out as the request `serial`: how many messages it carries, and whether it is to outlive the page.
    pub(crate) fn post(&mut self, now: u64, serial: u32) -> (u32, bool) {
        self.uplink.flush(now, serial)
    }

    /// Whether something is to follow from the answer to this request.
    pub(crate) fn awaits_answer(&self, serial: u32) -> bool {
        self.uplink.awaits(serial)
    }

    /// A request is over, and maybe its stream with it: a connection that cannot send is none.
    pub(super) fn posted(&mut self, at: Timestamp, serial: u32, answer: Failure) {
        let Some(ids) = self.uplink.take(serial) else { return };
        let word = answer.word();
        match (word, ids.as_slice()) {
            (Word::Taken, _) => {
                for id in ids {
                    self.queue.posted(at.now, id, &mut self.actions);
                    self.topics.settled(at.now, id, Sent::Sent, &mut self.actions);
                }
            }
            (Word::Unfit, &[id]) => self.refused(id, answer.too_large()),
            _ => {
                if matches!(word, Word::Unfit) {
                    self.uplink.alone = ids.len() as u64;
                }
                if answer.untouched() {
                    for id in ids {
                        self.queue.requeue(id, &mut self.actions);
                    }
                }
            }
        }
        match word {
            Word::Taken | Word::Unfit => self.room(at, None),
            Word::NotNow => {
                if answer.too_much() {
                    self.slower();
                }
                self.room(at, Some(answer.retry_after_ms()));
            }
            // What the browser takes down with the page is no failure.
            Word::Failed if self.life.left => {}
            Word::Failed if matches!(self.phase, Phase::Open { .. } | Phase::Opening { .. }) => {
                self.lost(at, answer)
            }
            Word::Failed => {}
        }
    }

    /// The next request may go out; or, where the server said "not now", after what it asks to wait.
    fn room(&mut self, at: Timestamp, told: Option<u64>) {
        self.stalls = if told.is_some() { self.stalls + 1 } else { 0 };
        let backoff = &self.config.backoff;
        self.full_until = match told {
            Some(told) => {
                let wait = backoff.delay(self.stalls, told, 2, at.draw);
                at.now.later(wait)
            }
            None => 0,
        };
    }

    /// The page goes, and what waits with it, as far as the browser lets it: so many bytes of this page are under way so
    /// already. What is out ends with the page; where the server discards what comes twice it goes again. `persisted`: the
    /// page may come back, and send the rest itself.
    pub(super) fn page_leaves(&mut self, persisted: bool, alive: u64) {
        let goes = match self.phase {
            Phase::Open { .. } => true,
            // The stream went first.
            Phase::Waiting { .. } => !persisted,
            _ => false,
        };
        if !goes || !self.posts() {
            return;
        }
        if self.uplink.leaving.is_none() {
            self.uplink.leaving = Some(LEAVING.saturating_sub(alive));
            for request in self.uplink.out.iter().filter(|request| request.live) {
                self.queue.resend(&request.ids);
            }
        }
        (self.full_until, self.stalls) = (0, 0);
    }

    /// The page has not gone after all: another attempt is made.
    pub(super) fn stay(&mut self) {
        if self.uplink.leaves() {
            self.queue.connection_lost(&mut self.actions);
        }
        self.uplink.connection_lost();
    }

    /// Requests that are overdue are stopped.
    pub(super) fn stop_overdue(&mut self, now: u64) {
        while let Some(serial) = self.uplink.overdue(now) {
            self.act(Action::Stop(serial));
        }
    }
}
