//! Whether an open connection is alive. Any inbound traffic is life; silence raises doubt; doubt is a
//! probe; only a probe that nothing answered in time is death.
//!
//! A page cannot see half a message: while a large one comes, nothing does, and the answer to a ping waits behind it. On a
//! new connection it would come again, and be cut again. So when connection after connection falls silent soon after it
//! opened, each is given twice the time of the one before.

use super::config::Heartbeat;
use crate::core::Later as _;

/// A timer later than this proves a busy or throttled page, not a dead connection.
const LATE: u64 = 50;
/// The end of the timeout, kept for what waits behind the timer: an answer that came in while the thread
/// was blocked may be dispatched after a timer that is hardly late.
const LAST_CALL: u64 = 50;
/// A timeout of so much is not doubled: as long as a server may ask to wait.
const LONG: u64 = 300_000;

/// Over all connections of a client; each begins with [`Liveness::open`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Liveness {
    interval: u64,
    /// As it was set, and as it was learned.
    set: u64,
    timeout: u64,
    /// WebSocket can ask; on SSE the probe is only a wait.
    pings: bool,
    opened: u64,
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
pub(crate) enum HeartbeatAction {
    Fine,
    Ping,
    Dead,
}

const NONE: Suspect = Suspect { due: u64::MAX, last: 0 };

impl Liveness {
    pub(crate) fn new(heartbeat: &Heartbeat) -> Self {
        let (interval, set) = (heartbeat.interval, heartbeat.silence());
        Self { interval, set, timeout: set, pings: false, opened: 0, heard: 0, suspect: NONE, probe: None }
    }

    pub(crate) fn open(&mut self, pings: bool, now: u64) {
        (self.opened, self.heard) = (now, now);
        (self.pings, self.suspect, self.probe) = (pings, NONE, None);
    }

    /// What came sooner is a greeting: it says nothing of what comes next.
    fn proven(&self) -> bool {
        self.heard - self.opened > self.set
    }

    /// Something came in at `at`.
    pub(crate) fn heard(&mut self, at: u64) {
        self.heard = self.heard.max(at);
        if self.proven() {
            self.timeout = self.set;
        }
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
    pub(crate) fn doubt(&mut self, now: u64) -> HeartbeatAction {
        if !self.pings && now < self.heard.later(self.interval) {
            return HeartbeatAction::Fine;
        }
        // A probe under way keeps its time: a page that flaps must not put off the decision for ever. One
        // that ran out while the page slept starts anew.
        if self.probe.as_ref().is_none_or(|probe| probe.due <= now) {
            self.start(now);
        }
        self.ask()
    }

    /// The ping of the probe under way, which had to wait, goes out only now.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn asked(&mut self, now: u64) -> bool {
        let asks = self.probe.is_some();
        if asks {
            self.start(now);
        }
        asks
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
    pub(crate) fn tick(&mut self, now: u64) -> HeartbeatAction {
        if now < self.deadline() {
            return HeartbeatAction::Fine;
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
                HeartbeatAction::Fine
            }
            Some(_) => {
                if self.timeout < LONG && !self.proven() {
                    self.timeout *= 2;
                }
                HeartbeatAction::Dead
            }
        }
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn times(&mut self) -> Vec<&mut u64> {
        let Self { opened, heard, suspect, probe, .. } = self;
        let suspect = [&mut suspect.due, &mut suspect.last];
        let probe = probe.iter_mut().flat_map(|Probe { since, due, .. }| [since, due]);
        [opened, heard].into_iter().chain(suspect).chain(probe).collect()
    }

    fn ask(&self) -> HeartbeatAction {
        if self.pings { HeartbeatAction::Ping } else { HeartbeatAction::Fine }
    }
}
