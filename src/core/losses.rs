//! What a new client for a place goes on from, where the app makes one for each connection.
//!
//! A client that reconnects by itself counts its own losses. Libraries on the drop-in WebSocket make a new object after
//! each, which knows of no other. So each that is lost leaves what its own next attempt would have had to wait for.

use super::{Connection, config::FLOOR, failure::Failure, io::Action, state::Phase};
use crate::core::Later as _;

/// A close that says that nothing is wrong (RFC 6455, 7.4.1).
const NORMAL: u16 = 1000;

/// What a client leaves; all 0: nothing was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Loss {
    /// In a row, this one included.
    pub(crate) retries: u64,
    /// When the next attempt is due.
    pub(crate) until: u64,
    /// It is no sooner than this, whatever the page does.
    pub(crate) not_before: u64,
}

impl Connection {
    /// Starts after what was lost here before. Whether it has to wait for that.
    #[allow(dead_code, reason = "of the npm package")]
    pub(crate) fn follow(&mut self, now: u64, loss: Loss) -> bool {
        self.followed = true;
        // Who waits longer than the longest delay anyway is no storm.
        if now > loss.until.later(self.config.backoff.max) {
            return false;
        }
        self.retries.follow(loss.retries);
        let waits = now < loss.until && matches!(self.phase, Phase::Idle);
        if waits {
            self.wait_until(now, loss.until, loss.not_before);
        }
        waits
    }

    /// This one was lost with that failure: the next client makes the attempt that would come in `delay`, of which the
    /// server told `server_delay`. `stable`: it had held. Else a server that says that nothing is wrong is taken at its word.
    pub(super) fn leave_behind(
        &mut self,
        now: u64,
        failure: Failure,
        stable: bool,
        (delay, server_delay): (u64, u64),
    ) {
        if self.followed && (stable || failure.close_code() != NORMAL) {
            let (until, not_before) = (now.later(delay), now.later(server_delay.max(FLOOR)));
            self.act(Action::Record(Loss { retries: self.retries.count() + 1, until, not_before }));
        }
    }

    /// What was lost before does not count any more.
    pub(super) fn forgive(&mut self) {
        if self.followed {
            self.act(Action::Record(Loss::default()));
        }
    }
}
