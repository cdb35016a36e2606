//! What the page's life does to a connection: hidden, frozen, offline, and back.

use super::{
    Connection,
    failure::Failure,
    heartbeat::Verdict,
    io::{Moment, Page, Why},
    state::{Phase, State},
};
use crate::core::Later as _;

impl Connection {
    pub(super) fn page(&mut self, at: Moment, page: Page) {
        match page {
            Page::Hidden => self.hidden = true,
            Page::Offline => {
                self.offline = true;
                self.stretch(at.now);
            }
            Page::Online | Page::Visible => {
                match page {
                    Page::Online => self.offline = false,
                    _ => self.hidden = false,
                }
                self.doubt(at);
            }
            Page::Left => self.left = true,
            // Nothing runs there any more: no timer, no event.
            Page::Gone => self.close(Why::Unloaded, 0, None),
            // What nothing can resume is not let go of: a browser may keep it.
            Page::Frozen
                if self.once()
                    && (self.spent || !self.ids.begun())
                    && matches!(self.phase, Phase::Opening { .. } | Phase::Open { .. }) =>
            {
                self.frozen = u64::MAX;
                if matches!(self.phase, Phase::Opening { .. }) {
                    self.phase = Phase::Opening { due: u64::MAX };
                }
            }
            Page::Frozen => {
                if !matches!(self.phase, Phase::Suspended | Phase::Idle) {
                    self.credit(self.stable(at.now));
                    self.let_go();
                    self.phase = Phase::Suspended;
                    self.show(State::Suspended);
                }
            }
            Page::Resumed if self.frozen == u64::MAX => {
                self.frozen = at.now;
                if matches!(self.phase, Phase::Opening { .. }) {
                    self.phase = Phase::Opening { due: at.now.later(self.config.open_timeout) };
                }
                self.doubt(at);
            }
            Page::Resumed => {
                if matches!(self.phase, Phase::Suspended)
                    && (self.spent || self.has_opened && !self.config.reconnects)
                {
                    self.last_failure = Some(Failure::Network);
                    self.close(Why::Exhausted, 0, self.last_failure);
                } else if matches!(self.phase, Phase::Suspended) {
                    self.endpoints.go(0);
                    self.wait_until(at.now, at.now.max(self.barred), self.barred);
                    self.hurry(at.now);
                }
            }
        }
    }

    /// Silence proves nothing now: an open connection is asked, a waiting one tries at once.
    fn doubt(&mut self, at: Moment) {
        self.looked = at.now;
        if matches!(self.phase, Phase::Open { .. }) {
            let verdict = self.watch.as_mut().map_or(Verdict::Fine, |watch| watch.doubt(at.now));
            self.judge(at, verdict);
        } else {
            self.hurry(at.now);
        }
    }

    /// Tries at once, but not within the floor of the last attempt nor before a told time.
    pub(super) fn hurry(&mut self, now: u64) {
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
    pub(super) fn stretch(&mut self, now: u64) {
        let loopback = self.route.is_some_and(|route| route.loopback);
        if let Phase::Waiting { until, not_before } = self.phase
            && self.offline
            && !loopback
        {
            let until = until.max(now.later(self.config.backoff.max));
            self.phase = Phase::Waiting { until, not_before };
        }
    }
}
