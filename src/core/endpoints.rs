//! Which endpoint the next attempt goes to: another server, or another way to the same one.
//!
//! They are in the order of their worth. Without patience each failure leads to the next one, round and round, as
//! when servers fail. With it an endpoint is left when it proves unfit: it does not open, or opens and dies early, several
//! times in a row. That is what a proxy does to a WebSocket that it does not know.

use super::{Connection, failure::Failure};

/// How often an endpoint may fail in a row before the next one is tried; 0: it need not even be unfit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Patience {
    /// Without having opened.
    pub(crate) unopened: u64,
    /// Having opened, but not for long.
    pub(crate) early: u64,
}

impl Connection {
    /// After the loss of a connection, or a failed attempt.
    // Not inlined, for the size, as the one below.
    #[inline(never)]
    pub(super) fn choose(&mut self, failure: Failure, stable: bool, opened: bool) {
        self.unfit &= !(stable && self.endpoint == 0);
        let Patience { unopened, early } = &mut self.strikes;
        let (strikes, limit) = if opened {
            (early, self.config.patience.early)
        } else {
            (unopened, self.config.patience.unopened)
        };
        *strikes = if stable { 0 } else { *strikes + 1 };
        // The first one was unfit before, or it can be no better the next time: one failure will do.
        let hopeless =
            self.unfit && self.endpoint == 0 || matches!(failure, Failure::Blocked | Failure::Buffered);
        if stable && matches!(failure, Failure::End | Failure::Closed { code: 1000 }) {
            // A good connection just came to its end: back to the first one.
            self.endpoint = 0;
        } else if *strikes >= limit || *strikes > 0 && hopeless {
            self.unfit = true;
            self.endpoint += 1;
            if self.endpoint == self.config.endpoints {
                self.endpoint = 0;
            }
        } else {
            return;
        }
        self.strikes = Patience::default();
    }

    /// What the browser does not let out by this way, it may by the next one.
    pub(super) fn elsewhere(&self, failure: Failure) -> bool {
        matches!(failure, Failure::Blocked)
            && self.config.patience.unopened > 0
            && self.endpoint + 1 < self.config.endpoints
    }
}
