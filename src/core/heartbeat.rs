//! Decides whether an open connection is alive. Anything that comes in proves life. After silence the connection is probed, and
//! only a probe without an answer in time means that it is half-open.
//!
//! A page sees a message only when it is complete: while a large one arrives, nothing else does, and a pong waits behind it. After
//! a reconnect the same message would come, and the same timeout would cut it. So when one connection after the other falls silent
//! soon after it opened, each gets twice the timeout of the one before.

use super::config::Heartbeat;
use crate::core::Later as _;

/// In ms. A timer that is later than this shows a busy or throttled page, and says nothing of the connection.
const LATE: u64 = 50;
/// In ms, the last part of the timeout, by a timer of its own: a pong that arrived while the thread was blocked may be dispatched
/// after a timer that is hardly late.
const LAST_CALL: u64 = 50;
/// In ms. A timeout of this length is not doubled any more; it is the longest time that a server may ask to wait.
const LONG: u64 = 300_000;

/// It lives over all connections of a client; each begins with [`Liveness::open`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Liveness {
    interval: u64,
    /// The timeout that was set, and the one that applies now.
    set: u64,
    timeout: u64,
    /// The client can ping (WebSocket). On an event stream a probe only waits.
    pings: bool,
    opened: u64,
    heard: u64,
    suspect: Suspect,
    probe: Option<Probe>,
}

/// Sends that nothing has followed yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Suspect {
    /// When they lead to a probe; the end of the clock: there are none.
    due: u64,
    last: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Probe {
    since: u64,
    due: u64,
    /// The probe was already extended once.
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

    /// Whether something came late enough to count. A message right after the opening is a greeting, which proves little.
    fn proven(&self) -> bool {
        self.heard - self.opened > self.set
    }

    /// Something came in at `at`.
    pub(crate) fn heard(&mut self, at: u64) {
        self.heard = self.heard.max(at);
        if self.proven() {
            self.timeout = self.set;
        }
        // Only what comes after a ping answers it; an event stream only has to send something within its interval.
        let answer = self.heard.later(if self.pings { 1 } else { self.interval });
        if self.probe.as_ref().is_some_and(|probe| answer > probe.since) {
            self.probe = None;
        }
        // What was sent later, or in the same millisecond, is still unanswered.
        if self.heard > self.suspect.last {
            self.suspect = NONE;
        } else {
            self.suspect.due = self.suspect.due.max(self.heard.later(self.timeout));
        }
    }

    /// The app sent a message. The time counts from the first send that nothing followed.
    pub(crate) fn sent(&mut self, now: u64) {
        if self.pings {
            if self.suspect.due == u64::MAX {
                self.suspect.due = now.later(self.timeout);
            }
            self.suspect.last = now;
        }
    }

    /// The page woke, came online or became visible. Silence up to now proves nothing, so the connection is probed. An event stream
    /// cannot be pinged: only one that is overdue gets its last `timeout`.
    pub(crate) fn doubt(&mut self, now: u64) -> HeartbeatAction {
        if !self.pings && now < self.heard.later(self.interval) {
            return HeartbeatAction::Fine;
        }
        // A running probe keeps its deadline, as a page that flaps must not delay the decision for ever. A probe that ran out while
        // the page slept starts anew.
        if self.probe.as_ref().is_none_or(|probe| probe.due <= now) {
            self.start(now);
        }
        self.ask()
    }

    /// The ping of the running probe had to wait and is sent only now, so the probe starts now.
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

    /// The timer fired: decides if the deadline has passed.
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
            // `since` stays, as the first ping's answer may wait behind this late timer.
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
