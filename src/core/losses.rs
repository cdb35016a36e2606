//! Hands the backoff of a client to the next one, where the app makes a client for each connection.
//!
//! A client that reconnects by itself counts its own losses. Libraries on the drop-in WebSocket make a new object after each loss,
//! and that object knows nothing of the one before. So each lost client leaves the delay of its own next attempt behind.

use super::{Connection, config::FLOOR, failure::Failure, io::Action, state::Phase};
use crate::core::Later as _;

/// The close code that says that nothing is wrong (RFC 6455, 7.4.1).
const NORMAL: u16 = 1000;

/// What a lost client leaves behind; all 0: no client was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Loss {
    /// Losses in a row, including this one.
    pub(crate) retries: u64,
    /// When the next attempt is due.
    pub(crate) until: u64,
    /// The next attempt does not come before this, whatever the page does.
    pub(crate) not_before: u64,
}

impl Connection {
    /// Starts a client after earlier losses. Gives whether it has to wait.
    #[allow(dead_code, reason = "of the npm package")]
    pub(crate) fn follow(&mut self, now: u64, loss: Loss) -> bool {
        self.followed = true;
        // A client that would wait longer than the longest delay cannot be part of a storm.
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

    /// This client was lost by that failure: the next client makes the attempt that would come after `delay`, of which the server
    /// asked for `server_delay`. `stable`: the connection had held; otherwise a normal close counts as no loss.
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

    /// Earlier losses no longer count.
    pub(super) fn forgive(&mut self) {
        if self.followed {
            self.act(Action::Record(Loss::default()));
        }
    }
}
