//! What the page's life does to a connection: hidden, frozen, offline, and back.

use super::{
    Connection,
    failure::Failure,
    heartbeat::HeartbeatAction,
    io::{Page, Timestamp, Why},
    state::{Phase, State},
};
use crate::core::Later as _;

/// While the page is visible, a clock is looked at this often: a sleep shows as a jump of the wall time.
const WAKE_CHECK: u64 = 2_000;
/// Wall time running ahead by more than this is a sleep.
const JUMP: u64 = 5_000;
/// What fails within this time of the page's return was cut while it was frozen.
const RETURN: u64 = 5_000;

/// What is known of the page, and of the machine's sleep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Life {
    pub(super) offline: bool,
    hidden: bool,
    frozen: Frozen,
    /// It is frozen, and no connection was kept.
    away: bool,
    /// The app paused the client.
    paused: bool,
    started: bool,
    /// The page is going for good.
    pub(super) left: bool,
    /// Of the last tick: monotonic and wall time; before it the end of that.
    clock: (u64, u64),
    /// When the clock was looked at, or need not have been.
    looked: u64,
}

/// Whether the page froze, or went into the back/forward cache, and its connection was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Frozen {
    Never,
    Now,
    /// It came back then.
    Until(u64),
}

impl Life {
    pub(super) fn new() -> Self {
        Self {
            offline: false,
            hidden: false,
            frozen: Frozen::Never,
            away: false,
            paused: false,
            started: false,
            left: false,
            clock: (0, u64::MAX),
            looked: 0,
        }
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(super) fn times(&mut self) -> Vec<&mut u64> {
        let Self { frozen, clock, looked, .. } = self;
        let back = if let Frozen::Until(back) = frozen { Some(back) } else { None };
        [&mut clock.0, &mut clock.1, looked].into_iter().chain(back).collect()
    }

    /// A visible page also looks at the clock.
    pub(super) fn waking(&self, due: u64) -> u64 {
        if self.hidden { due } else { due.min(self.looked.later(WAKE_CHECK)) }
    }

    pub(super) fn look(&mut self, now: u64) {
        self.looked = now;
    }

    /// Whether the machine slept since the last time.
    pub(super) fn slept(&mut self, now: u64, wall: u64) -> bool {
        let (mono, before) = core::mem::replace(&mut self.clock, (now, wall));
        self.looked = now;
        wall.saturating_sub(before) > now.saturating_sub(mono).later(JUMP)
    }

    /// Another attempt begins.
    pub(super) fn thaw(&mut self) {
        self.frozen = Frozen::Never;
    }

    /// Whether what fails now was cut while the page was frozen: on its return, or it is `silent` since before.
    pub(super) fn was_cut_while_frozen(&self, now: u64, silent: Option<u64>) -> bool {
        match (self.frozen, silent) {
            (Frozen::Never, _) => false,
            (Frozen::Now, _) => true,
            (Frozen::Until(back), None) => now <= back.later(RETURN),
            (Frozen::Until(back), Some(heard)) => back >= heard,
        }
    }
}

impl Connection {
    pub(super) fn page(&mut self, at: Timestamp, page: Page) {
        match page {
            Page::Hidden => self.life.hidden = true,
            Page::Offline => {
                self.life.offline = true;
                self.defer_while_offline(at.now);
            }
            Page::Online | Page::Visible => {
                match page {
                    Page::Online => self.life.offline = false,
                    _ => self.life.hidden = false,
                }
                self.doubt(at);
            }
            Page::Left => self.life.left = true,
            // Nothing runs there any more: no timer, no event.
            Page::Gone => self.close(Why::Unloaded, 0, None),
            // What nothing can resume is not let go of: a browser may keep it.
            Page::Frozen
                if self.once()
                    && (self.one_shot_used || !self.ids.begun())
                    && matches!(self.phase, Phase::Opening { .. } | Phase::Open { .. }) =>
            {
                self.life.frozen = Frozen::Now;
                if matches!(self.phase, Phase::Opening { .. }) {
                    self.phase = Phase::Opening { due: u64::MAX };
                }
            }
            Page::Frozen => {
                self.life.away = true;
                if !matches!(self.phase, Phase::Idle) {
                    self.suspend(at.now);
                }
            }
            Page::Paused => {
                self.life.paused = true;
                self.suspend(at.now);
            }
            Page::Unpaused => {
                // The app's own word, as `reconnect()` is: what is out may be asked for again.
                if core::mem::take(&mut self.life.paused) {
                    self.repeat();
                }
                self.go_on(at.now);
            }
            Page::Resumed if self.life.frozen == Frozen::Now => {
                self.life.frozen = Frozen::Until(at.now);
                if matches!(self.phase, Phase::Opening { .. }) {
                    self.phase = Phase::Opening { due: at.now.later(self.config.open_timeout) };
                }
                self.doubt(at);
            }
            Page::Resumed => {
                self.life.away = false;
                if matches!(self.phase, Phase::Suspended)
                    && !self.life.paused
                    && (self.one_shot_used || self.has_opened && !self.config.reconnects)
                {
                    self.last_failure = Some(Failure::Network);
                    self.close(Why::Exhausted, 0, self.last_failure);
                }
                if matches!(self.phase, Phase::Suspended) {
                    self.endpoints.go(0);
                }
                self.go_on(at.now);
            }
        }
    }

    /// Lets go of the connection, or of the wait for one, and keeps all else.
    // Not inlined, for the size, as the next but one.
    #[inline(never)]
    fn suspend(&mut self, now: u64) {
        // What waits for the rule's answer is suspended when that has come.
        if !matches!(self.phase, Phase::Asking { .. } | Phase::Suspended) {
            self.abandon(now);
            self.phase = Phase::Suspended;
            self.show(State::Suspended);
        }
    }

    /// The app's rule has answered. It may have paused the client.
    pub(super) fn suspend_again(&mut self, now: u64) {
        if self.life.paused || self.life.away {
            self.suspend(now);
        }
    }

    pub(super) fn start(&mut self, now: u64) {
        self.life.started = true;
        if matches!(self.phase, Phase::Idle) {
            self.begin(now);
        }
    }

    /// As after a loss, but at once, if nothing suspends it any more.
    #[inline(never)]
    fn go_on(&mut self, now: u64) {
        if !matches!(self.phase, Phase::Suspended) || self.life.paused || self.life.away {
            return;
        }
        if !self.life.started {
            // Not before the app has its handlers on.
            self.phase = Phase::Idle;
            return self.show(State::Connecting);
        }
        self.wait_until(now, now.max(self.not_before), self.not_before);
        self.retry_early(now);
    }

    /// Silence proves nothing now: an open connection is asked, a waiting one tries at once.
    fn doubt(&mut self, at: Timestamp) {
        self.life.look(at.now);
        if matches!(self.phase, Phase::Open { .. }) {
            let action =
                self.liveness.as_mut().map_or(HeartbeatAction::Fine, |liveness| liveness.doubt(at.now));
            self.heartbeat_says(at, action);
        } else {
            self.retry_early(at.now);
        }
    }

    /// Tries at once, but not within the floor of the last attempt nor before a told time.
    pub(super) fn retry_early(&mut self, now: u64) {
        if let Phase::Waiting { not_before, .. } = self.phase {
            let until = not_before.max(self.floor);
            if until <= now {
                self.begin(now);
            } else {
                self.phase = Phase::Waiting { until, not_before };
            }
        }
    }

    /// Offline: the next try is the cap away, never infinitely far, as `onLine` can be wrong.
    pub(super) fn defer_while_offline(&mut self, now: u64) {
        let loopback = self.route.is_some_and(|route| route.loopback);
        if let Phase::Waiting { until, not_before } = self.phase
            && self.life.offline
            && !loopback
        {
            let until = until.max(now.later(self.config.backoff.max));
            self.phase = Phase::Waiting { until, not_before };
        }
    }
}
