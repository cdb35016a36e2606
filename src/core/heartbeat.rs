//! Whether an open connection is alive. Any inbound traffic is life; silence raises doubt; doubt is a
//! probe; only a probe that nothing answered in time is death.

use super::config::Heartbeat;
use crate::core::Later as _;

/// A timer later than this proves a busy or throttled page, not a dead connection.
const LATE: u64 = 50;
/// The end of the timeout, kept for what waits behind the timer: an answer that came in while the thread
/// was blocked may be dispatched after a timer that is hardly late.
const LAST_CALL: u64 = 50;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    interval: u64,
    timeout: u64,
    /// WebSocket can ask; on SSE the probe is only a wait.
    pings: bool,
    heard: u64,
    suspect: Suspect,
    probe: Option<Probe>,
}

/// Sends that nothing followed yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Suspect {
    /// Probed at this time; at the end of the clock: there are none.
    due: u64,
    last: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Probe {
    since: u64,
    due: u64,
    /// The one second chance was given.
    graced: bool,
    last_call: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    Ping,
    Dead,
}

const NONE: Suspect = Suspect { due: u64::MAX, last: 0 };

impl Watch {
    pub(crate) fn new(heartbeat: &Heartbeat, pings: bool, now: u64) -> Self {
        let (interval, timeout) = (heartbeat.interval, heartbeat.silence());
        Self { interval, timeout, pings, heard: now, suspect: NONE, probe: None }
    }

    /// Something came in at `at`.
    pub(crate) fn heard(&mut self, at: u64) {
        self.heard = self.heard.max(at);
        // A ping asks for an answer after it; a stream only has to speak within its interval.
        let answer = self.heard.later(if self.pings { 1 } else { self.interval });
        if self.probe.as_ref().is_some_and(|probe| answer > probe.since) {
            self.probe = None;
        }
        // What was sent after that, or in that same millisecond, is still unanswered.
        if self.heard > self.suspect.last {
            self.suspect = NONE;
        } else {
            self.suspect.due = self.suspect.due.max(self.heard.later(self.timeout));
        }
    }

    /// The app sent something. The first unanswered send counts.
    pub(crate) fn sent(&mut self, now: u64) {
        if self.pings {
            if self.suspect.due == u64::MAX {
                self.suspect.due = now.later(self.timeout);
            }
            self.suspect.last = now;
        }
    }

    /// The page woke, came online or became visible: silence since then proves nothing, so ask.
    /// On SSE there is nobody to ask: only an overdue stream gets its last `timeout`.
    pub(crate) fn doubt(&mut self, now: u64) -> Verdict {
        if !self.pings && now < self.heard.later(self.interval) {
            return Verdict::Fine;
        }
        // A probe under way keeps its time: a page that flaps must not put off the verdict for ever. One
        // that ran out while the page slept starts anew.
        if self.probe.as_ref().is_none_or(|probe| probe.due <= now) {
            self.start(now);
        }
        self.ask()
    }

    fn start(&mut self, now: u64) {
        let due = now.later(self.timeout - self.last_call());
        self.probe = Some(Probe { since: now, due, graced: false, last_call: false });
    }

    fn last_call(&self) -> u64 {
        LAST_CALL.min(self.timeout / 2)
    }

    pub(crate) fn deadline(&self) -> u64 {
        match &self.probe {
            Some(probe) => probe.due,
            None => self.heard.later(self.interval).min(self.suspect.due),
        }
    }

    /// The deadline may have passed.
    pub(crate) fn tick(&mut self, now: u64) -> Verdict {
        if now < self.deadline() {
            return Verdict::Fine;
        }
        let last_call = self.last_call();
        match &mut self.probe {
            None => {
                self.start(now);
                self.ask()
            }
            // `since` stays: the first ping's answer may be waiting behind this late timer.
            Some(probe) if !probe.graced && now > probe.due.later(LATE) => {
                probe.graced = true;
                probe.due = now.later(self.timeout - last_call);
                self.ask()
            }
            Some(probe) if !probe.last_call => {
                probe.last_call = true;
                probe.due = now.later(last_call);
                Verdict::Fine
            }
            Some(_) => Verdict::Dead,
        }
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn times(&mut self) -> Vec<&mut u64> {
        let Self { heard, suspect, probe, .. } = self;
        let suspect = [&mut suspect.due, &mut suspect.last];
        let probe = probe.iter_mut().flat_map(|Probe { since, due, .. }| [since, due]);
        std::iter::once(heard).chain(suspect).chain(probe).collect()
    }

    fn ask(&self) -> Verdict {
        if self.pings { Verdict::Ping } else { Verdict::Fine }
    }
}
