//! Which endpoint the next attempt goes to: another server, or another way to the same one.
//!
//! They are in the order of their worth. Without patience each failure leads to the next one, round and round, as
//! when servers fail. With it an endpoint is left when it proves unfit: it does not open, or opens and dies early, several
//! times in a row. That is what a proxy does to a WebSocket that it does not know.

use super::{Connection, cursor_probe::CursorUse, failure::Failure};

/// How often an endpoint may fail in a row before the next one is tried; 0: it need not even be unfit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Patience {
    /// Without having opened.
    pub(crate) unopened: u64,
    /// Having opened, but not for long.
    pub(crate) early: u64,
}

/// So many times as patient with one that has held: when it does not open, it is rather the server that is down.
const ENDURANCE: u64 = 4;

impl Connection {
    /// After the loss of a connection, or a failed attempt.
    // Not inlined, for the size.
    #[inline(never)]
    pub(super) fn choose(&mut self, failure: Failure, stable: bool, opened: bool) {
        if stable {
            self.strikes = Patience::default();
            self.held = true;
            self.unfit &= self.endpoint > 0;
        }
        // What says nothing of the way is no strike: a function that failed, a server that is busy, no network.
        let busy = matches!(failure, Failure::Provider | Failure::Http { status: 429 | 503, .. });
        let strike = u64::from(!stable && !self.brought && !busy && !self.offline);
        let Patience { unopened, early } = self.config.patience;
        let (strikes, mut limit) = if opened {
            self.strikes.early += strike;
            (self.strikes.early, early)
        } else {
            self.strikes.unopened += strike;
            (self.strikes.unopened, if self.held { unopened * ENDURANCE } else { unopened })
        };
        if self.unfit && self.endpoint == 0 {
            limit = limit.min(1);
        }
        let spent = strikes >= limit;
        let before = self.endpoint;
        if stable && matches!(failure, Failure::End | Failure::Closed { code: 1000 }) {
            // A good connection just came to its end: back to the first one.
            self.endpoint = 0;
        } else if spent || matches!(failure, Failure::Blocked | Failure::Buffered) {
            self.unfit = true;
            self.endpoint += 1;
            if self.endpoint == self.config.endpoints {
                self.endpoint = 0;
            }
        } else {
            return;
        }
        self.strikes = Patience::default();
        self.held = false;
        if self.endpoint != before {
            self.cursor_use = CursorUse::On(0);
        }
    }

    /// What the browser does not let out to this one, it may to the next.
    pub(super) fn elsewhere(&self, failure: Failure) -> bool {
        matches!(failure, Failure::Blocked) && self.endpoint + 1 < self.config.endpoints
    }
}
