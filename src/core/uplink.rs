//! Sending beside an event stream: messages are gathered into POST requests, of which one is out at a time. Its answer settles
//! its messages.
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
//! Each request has a serial number. One whose connection is over is only kept for its timeout: its answer is late, and ignored.

use super::{
    Connection,
    failure::{Failure, Word},
    io::{Action, Timestamp},
    outbox::Sent,
    state::Phase,
};
use crate::core::Later as _;

/// In bytes. All requests that outlive a page share 64 KiB (Fetch, 4.6), also with those of other code. everwire uses them only when
/// the page is left: Chromium (156) goes on with an aborted one for up to 30 s.
const LEAVING: u64 = 60_000;

/// How many messages and bytes a request may carry, and how many ms it may take.
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
    /// The messages of the next request.
    batch: Vec<u32>,
    bytes: u64,
    /// The batch is one message of bytes, which goes alone.
    raw: bool,
    /// A message did not fit into the batch, and later ones must not overtake it.
    closed: bool,
    out: Vec<Request>,
    /// So many messages still go one by one, because the server refused one of a batch and did not say which.
    alone: u64,
    /// The page is being left, and so many bytes may still go with requests that outlive it.
    leaving: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    serial: u32,
    ids: Vec<u32>,
    /// When it is overdue; the end of the clock: it was aborted.
    due: u64,
    /// Its connection is still there.
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

    /// Whether the batch takes another message.
    pub(crate) fn free(&self) -> bool {
        let most = if self.alone > 0 { 1 } else { self.limits.messages };
        let small = (self.batch.len() as u64) < most && !self.busy();
        !self.closed && (small || self.leaving.is_some())
    }

    fn busy(&self) -> bool {
        self.out.iter().any(|request| request.live)
    }

    /// Adds a message to the batch, if it fits. Gives whether it did.
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

    /// Sends the batch as a request. Gives how many messages it carries, and whether it must outlive the page.
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

    /// The request is over. Gives its messages, if they are not settled already.
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

    /// Whether the answer to this request still matters.
    pub(crate) fn awaits(&self, serial: u32) -> bool {
        self.out.iter().any(|request| request.serial == serial && request.live)
    }

    /// Whether the page is being left.
    pub(crate) fn leaves(&self) -> bool {
        self.leaving.is_some()
    }

    /// The connection is over, and with it the batch; answers to requests no longer matter.
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

    /// Takes the next overdue request. The port aborts it, and tells that as it tells any failure.
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
    /// After [`Action::Transmit`]: the message can go with the next request, and takes so many bytes in it.
    pub(crate) fn carried(&mut self, now: u64, id: u32, bytes: u64, raw: bool) {
        if self.uplink.gather(id, bytes, raw) {
            self.went_up(now);
        } else {
            self.queue.requeue(id, &mut self.actions);
        }
    }

    /// Sends the batch as request `serial`. Gives how many messages it carries, and whether it must outlive the page.
    pub(crate) fn post(&mut self, now: u64, serial: u32) -> (u32, bool) {
        self.uplink.flush(now, serial)
    }

    /// Whether the answer to this request still matters.
    pub(crate) fn awaits_answer(&self, serial: u32) -> bool {
        self.uplink.awaits(serial)
    }

    /// A request is over. If it failed, its stream counts as lost as well: a connection that cannot send is none.
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
            // The browser ends requests with the page; that is no failure.
            Word::Failed if self.life.left => {}
            Word::Failed if matches!(self.phase, Phase::Open { .. } | Phase::Opening { .. }) => {
                self.lost(at, answer)
            }
            Word::Failed => {}
        }
    }

    /// The next request may go out: at once, or after a delay where the server said "not now".
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

    /// The page is left: sends what waits with requests that outlive it, as far as the browser allows. `alive`: bytes of such requests
    /// that are already out. Ordinary requests end with the page, so their messages are sent again if the server drops what comes
    /// twice. `persisted`: the page may come back and send the rest itself.
    pub(super) fn page_leaves(&mut self, persisted: bool, alive: u64) {
        let goes = match self.phase {
            Phase::Open { .. } => true,
            // The browser closed the stream before it told that the page is left.
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

    /// The page was not left after all: another attempt is made.
    pub(super) fn stay(&mut self) {
        if self.uplink.leaves() {
            self.queue.connection_lost(&mut self.actions);
        }
        self.uplink.connection_lost();
    }

    /// Aborts the requests that are overdue.
    pub(super) fn stop_overdue(&mut self, now: u64) {
        while let Some(serial) = self.uplink.overdue(now) {
            self.act(Action::Stop(serial));
        }
    }
}
