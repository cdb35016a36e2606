//! The limit on sending (`rate`): at most so many messages in any window of so many ms. When the server says that it is too much
//! (close code 1008 or 1013, status 429, or a message of its own), the limit shrinks; each window without such a word lets it grow.
//!
//! A smaller limit means fewer messages in a window; where that would be less than one, the window grows instead.

use super::Connection;
use crate::core::Later as _;

/// The limit that the app sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Limit {
    /// Messages in a window, from 1.
    pub(crate) messages: u64,
    /// The length of the window in ms, from 1.
    pub(crate) per: u64,
}

/// The limit counts in these shares: the server's word halves it, and each window without one gives a tenth back.
const WHOLE: u64 = 320;
const LEAST: u64 = WHOLE / 32;
const GROWTH: u64 = WHOLE / 10;
/// In ms. Messages draw closer together on the way, so a window is longer by this, or by an eighth where that is less. Otherwise
/// the end of one burst and the beginning of the next would fall into one window of the server's.
const MARGIN: u64 = 50;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pace {
    limit: Limit,
    /// When each of the last messages was sent, as many as the limit allows; a ring buffer.
    times: Vec<u64>,
    /// The index of the next one in that buffer.
    place: usize,
    share: u64,
    /// The limit grows from this time on. Until then, another word of the server's is about messages from before it shrank.
    since: u64,
    now: u64,
    /// A ping waits for its turn, before all messages.
    owed: bool,
}

impl Pace {
    pub(crate) fn new(limit: Limit) -> Self {
        Self { limit, times: Vec::new(), place: 0, share: WHOLE, since: 0, now: 0, owed: false }
    }

    /// Lets the limit grow with the time that passed.
    pub(crate) fn at(&mut self, now: u64) {
        self.now = self.now.max(now);
        let windows = self.now.saturating_sub(self.since) / self.limit.per;
        self.since += windows * self.limit.per;
        self.share = WHOLE.min(windows.saturating_mul(GROWTH).saturating_add(self.share));
    }

    /// Whether a message may be sent now.
    pub(crate) fn free(&self) -> bool {
        !self.owed && self.room() <= self.now
    }

    /// Whether a ping may be sent now. If not, it waits, and all messages wait behind it.
    pub(crate) fn ping(&mut self) -> bool {
        self.owed = self.room() > self.now;
        if !self.owed {
            self.sent();
        }
        !self.owed
    }

    pub(crate) fn owes(&self) -> bool {
        self.owed
    }

    /// The ping that waited was sent, or is no longer needed.
    pub(crate) fn forgive(&mut self) {
        self.owed = false;
    }

    /// A message or a ping was sent.
    pub(crate) fn sent(&mut self) {
        if let Some(oldest) = self.times.get_mut(self.place) {
            *oldest = self.now;
        } else {
            self.times.push(self.now);
        }
        self.place = (self.place + 1) % self.limit.messages as usize;
    }

    /// The server said that it is too much. Within one window it counts once, as it is about the same messages.
    pub(crate) fn slower(&mut self) {
        if self.now >= self.since {
            self.share = LEAST.max(self.share / 2);
            self.since = self.now.later(self.limit.per);
        }
    }

    /// When the next message may be sent, or when to look again because the limit will have grown.
    pub(crate) fn soonest(&self) -> u64 {
        let room = self.room();
        if self.share < WHOLE { room.min(self.since.later(self.limit.per)) } else { room }
    }

    /// When the next message may be sent if the limit stays as it is.
    fn room(&self) -> u64 {
        let Limit { messages, per } = self.limit;
        let quota = messages * self.share;
        let count = (quota / WHOLE).max(1);
        let window = if quota < WHOLE { (per * WHOLE).div_ceil(quota) } else { per };
        let window = window + MARGIN.min(per / 8);
        // The message that has to leave the window first; with fewer messages there is room.
        let place = (self.place as u64 + messages - count) % messages;
        let many = self.times.len() as u64 >= count;
        self.times.get(place as usize).filter(|_| many).map_or(0, |time| time.later(window))
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn times(&mut self) -> Vec<&mut u64> {
        let Self { times, since, now, .. } = self;
        times.iter_mut().chain([since, now]).collect()
    }
}

impl Connection {
    pub(super) fn slower(&mut self) {
        if let Some(pace) = &mut self.pace {
            pace.slower();
        }
    }

    /// Whether a ping waits for its turn. Until it was sent, silence proves nothing.
    pub(super) fn owes_ping(&self) -> bool {
        self.pace.as_ref().is_some_and(Pace::owes)
    }

    /// Sends the waiting ping if its turn has come and it is still needed. Gives whether one still waits.
    pub(super) fn ping_in_turn(&mut self, now: u64) -> bool {
        if self.owes_ping()
            && let Some(pace) = &mut self.pace
            && pace.room() <= now
        {
            pace.forgive();
            let doubted = self.liveness.as_mut().is_some_and(|liveness| liveness.asked(now));
            if doubted || self.queue.wants_ping() {
                self.ping();
            }
        }
        self.owes_ping()
    }

    /// When the limit lets the next message or ping go; the end of the clock: nothing waits for it.
    pub(super) fn paced_until(&self) -> u64 {
        match &self.pace {
            Some(pace) if !pace.free() && (pace.owes() || self.queue.ready()) => pace.soonest(),
            _ => u64::MAX,
        }
    }
}
