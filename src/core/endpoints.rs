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

/// What is known of the first endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    Unknown,
    /// It was left for its failures: at the next one it is left at once.
    Unfit,
    /// It has held. When it does not open it is rather the server that is down.
    Proven,
}

/// So many times as patient with one that has held.
const ENDURANCE: u64 = 4;

impl Connection {
    /// After the loss of a connection, or a failed attempt.
    // Not inlined, for the size.
    #[inline(never)]
    pub(super) fn choose(&mut self, failure: Failure, stable: bool, opened: bool) {
        let Patience { unopened, early } = &mut self.strikes;
        let (strikes, mut limit) = if opened {
            (early, self.config.patience.early)
        } else {
            (unopened, self.config.patience.unopened)
        };
        *strikes = if stable { 0 } else { *strikes + 1 };
        let strikes = *strikes;
        if self.endpoint == 0 {
            if stable {
                self.standing = Standing::Proven;
            }
            match self.standing {
                Standing::Unknown => {}
                Standing::Unfit => limit = limit.min(1),
                Standing::Proven if opened => {}
                Standing::Proven => limit *= ENDURANCE,
            }
        }
        if stable && matches!(failure, Failure::End | Failure::Closed { code: 1000 }) {
            // A good connection just came to its end: back to the first one.
            self.endpoint = 0;
        } else if strikes >= limit || matches!(failure, Failure::Blocked | Failure::Buffered) {
            self.standing = Standing::Unfit;
            self.endpoint += 1;
            if self.endpoint == self.config.endpoints {
                self.endpoint = 0;
            }
        } else {
            return;
        }
        self.strikes = Patience::default();
    }

    /// What the browser does not let out to this one, it may to the next.
    pub(super) fn elsewhere(&self, failure: Failure) -> bool {
        matches!(failure, Failure::Blocked) && self.endpoint + 1 < self.config.endpoints
    }
}
