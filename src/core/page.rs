//! How the page's life affects a connection: hidden, frozen, offline, and back.

use super::{
    Connection,
    failure::Failure,
    heartbeat::HeartbeatAction,
    io::{Page, Timestamp, Why},
    state::{Phase, State},
};
use crate::core::Later as _;

/// In ms. While the page is visible, the core looks at the wall clock this often: a sleep of the machine shows as a jump.
const WAKE_CHECK: u64 = 2_000;
/// In ms. The wall clock ran ahead by more than this: the machine slept.
const JUMP: u64 = 5_000;
/// In ms. A connection that fails within this time after the page's return was cut while the page was frozen.
const RETURN: u64 = 5_000;

/// What the core knows of the page, and of the machine's sleep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Life {
    pub(super) offline: bool,
    hidden: bool,
    frozen: Frozen,
    /// The page is frozen, and the connection was dropped.
    away: bool,
    /// The app paused the client.
    paused: bool,
    started: bool,
    /// The page is left for good.
    pub(super) left: bool,
    /// The monotonic and the wall time of the last tick; the end of the clock before the first one.
    clock: (u64, u64),
    /// When the wall clock was last looked at.
    looked: u64,
}

/// Whether the page was frozen, or went into the back/forward cache, with its connection kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Frozen {
    Never,
    Now,
    /// The page came back at this time.
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

    /// Makes the timer of a visible page fire often enough to notice a sleep.
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

    /// Another attempt begins, so a freeze no longer explains a failure.
    pub(super) fn thaw(&mut self) {
        self.frozen = Frozen::Never;
    }

    /// Whether a connection that fails now was cut while the page was frozen: the page just returned, or the connection has been
    /// `silent` since before that.
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
            // In a page that is left, no timer and no event runs any more.
            Page::Gone => self.close(Why::Unloaded, 0, None),
            // A connection that nothing can resume is not dropped: the browser may keep it.
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
                // As with `reconnect()`, the app allows a request to be repeated.
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

    /// Drops the connection, or stops waiting for one, and keeps all other state.
    // Not inlined, for the size, as is `start`.
    #[inline(never)]
    fn suspend(&mut self, now: u64) {
        // While the app's rule is asked, the client is suspended after its answer.
        if !matches!(self.phase, Phase::Asking { .. } | Phase::Suspended) {
            self.abandon(now);
            self.phase = Phase::Suspended;
            self.show(State::Suspended);
        }
    }

    /// The app's rule has answered, and may have paused the client meanwhile.
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

    /// Connects as after a loss, but at once, if nothing suspends the client any more.
    #[inline(never)]
    fn go_on(&mut self, now: u64) {
        if !matches!(self.phase, Phase::Suspended) || self.life.paused || self.life.away {
            return;
        }
        if !self.life.started {
            // The app first has to add its handlers.
            self.phase = Phase::Idle;
            return self.show(State::Connecting);
        }
        self.wait_until(now, now.max(self.not_before), self.not_before);
        self.retry_early(now);
    }

    /// Silence up to now proves nothing: an open connection is probed, a waiting client tries at once.
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

    /// Tries at once, but not before the time that the server told, nor too soon after the last attempt.
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

    /// Offline, the next attempt waits for the longest delay. It does not wait for ever, as `navigator.onLine` can be wrong.
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
