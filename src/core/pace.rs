//! How much goes up: no more than so many messages in any window of so long. The server's word that it is too much (close
//! 1008 or 1013, status 429, or a message of its own) narrows it, and each window after that without one widens it again.
//!
//! The limit is kept whatever comes between: narrowed, there are fewer in a window, or the window is longer where that
//! would be less than one message.

use super::Connection;
use crate::core::Later as _;

/// What a server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Limit {
    /// From 1.
    pub(crate) messages: u64,
    /// In any so many ms, from 1.
    pub(crate) per: u64,
}

/// Shares of the limit: the server's word halves what there is, and each window without one gives a tenth back.
const WHOLE: u64 = 320;
const LEAST: u64 = WHOLE / 32;
const GROWTH: u64 = WHOLE / 10;
/// On the way messages draw closer together: a window is longer by this, or by an eighth where that is less. Without it the
/// end of one burst and the beginning of the next would be within the server's window whenever the second is faster.
const MARGIN: u64 = 50;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pace {
    limit: Limit,
    /// When each of the last messages went up, as many as the limit has; the oldest gives way.
    times: Vec<u64>,
    /// The place of the next one.
    place: usize,
    share: u64,
    /// It grows from here on. While that is ahead, the server's word is about what it has narrowed already.
    since: u64,
    now: u64,
    /// A ping waits for its turn. It comes before all else.
    owed: bool,
}

impl Pace {
    pub(crate) fn new(limit: Limit) -> Self {
        Self { limit, times: Vec::new(), place: 0, share: WHOLE, since: 0, now: 0, owed: false }
    }

    /// The clock has moved on.
    pub(crate) fn at(&mut self, now: u64) {
        self.now = self.now.max(now);
        let windows = self.now.saturating_sub(self.since) / self.limit.per;
        self.since += windows * self.limit.per;
        self.share = WHOLE.min(windows.saturating_mul(GROWTH).saturating_add(self.share));
    }

    /// Whether a message may go up.
    pub(crate) fn free(&self) -> bool {
        !self.owed && self.room() <= self.now
    }

    /// Whether a ping may. If not it waits, and everything else behind it.
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

    /// The ping that waited is not wanted any more, or its turn has come.
    pub(crate) fn forgive(&mut self) {
        self.owed = false;
    }

    /// One went up.
    pub(crate) fn sent(&mut self) {
        if let Some(oldest) = self.times.get_mut(self.place) {
            *oldest = self.now;
        } else {
            self.times.push(self.now);
        }
        self.place = (self.place + 1) % self.limit.messages as usize;
    }

    /// The server's word. Several within a window are one: they are about the same messages.
    pub(crate) fn slower(&mut self) {
        if self.now >= self.since {
            self.share = LEAST.max(self.share / 2);
            self.since = self.now.later(self.limit.per);
        }
    }

    /// When the next one may go up, or when to look again, as more may by then.
    pub(crate) fn soonest(&self) -> u64 {
        let room = self.room();
        if self.share < WHOLE { room.min(self.since.later(self.limit.per)) } else { room }
    }

    /// When the next one may go up as things are.
    fn room(&self) -> u64 {
        let Limit { messages, per } = self.limit;
        let quota = messages * self.share;
        let count = (quota / WHOLE).max(1);
        let window = if quota < WHOLE { (per * WHOLE).div_ceil(quota) } else { per };
        let window = window + MARGIN.min(per / 8);
        // The last but so many; before there were as many there was room.
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

    /// A ping waits for its turn. Until it has gone out, silence proves nothing.
    pub(super) fn owes_ping(&self) -> bool {
        self.pace.as_ref().is_some_and(Pace::owes)
    }

    /// The ping that waits goes out if its turn has come, and if it is still wanted. Whether one waits.
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

    /// When what waits has its turn; the end of the clock: nothing does, or not for that.
    pub(super) fn paced_until(&self) -> u64 {
        match &self.pace {
            Some(pace) if !pace.free() && (pace.owes() || self.queue.ready()) => pace.soonest(),
            _ => u64::MAX,
        }
    }
}
