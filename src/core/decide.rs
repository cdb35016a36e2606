//! Decides what follows from a loss: the failure table, the app's rule, the backoff.

use super::{
    Connection,
    config::{FLOOR, LONGEST_ID, MAX_DELAY},
    endpoints::Endpoints,
    failure::{Class, Failure},
    io::{Action, ClientEvent, Decision, Fate, Reason, Timestamp, Why},
    state::Phase,
};
use crate::core::Later as _;

#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use super::failure::POLICY;

/// The close code by which a server refuses a message for its size (RFC 6455, 7.4.1).
const TOO_BIG: u16 = 1009;
/// The failure that the app's rule may treat any other as.
const UNAUTHORIZED: Failure = Failure::Http { status: 401, retry_after: None };

impl Connection {
    pub(super) fn lost(&mut self, at: Timestamp, failure: Failure) {
        // A half-open connection counts as good only up to the last thing that came in.
        let stable = self.stable(if matches!(failure, Failure::HalfOpen) { self.heard } else { at.now });
        let failure = self.named(at.now, failure);
        if failure.close_code() == TOO_BIG {
            self.queue.too_big(&mut self.actions);
        }
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        if failure.too_much() {
            self.slower();
        }
        let opened = matches!(self.phase, Phase::Open { .. });
        // A connection that broke off may have lost messages; only the next one shows.
        self.torn |= opened && !failure.orderly();
        self.let_go();
        self.last_failure = Some(failure);
        self.phase = Phase::Asking { failure, stable, opened };
        if self.config.asks {
            self.act(Action::Ask(failure));
        } else {
            self.answered(at, Decision::Table);
        }
    }

    /// Gives a failure its right name where the core knows more than the port that told it.
    fn named(&mut self, now: u64, failure: Failure) -> Failure {
        let begun = self.has_opened || self.ids.begun();
        let up = self.cursor_probe.went_up();
        if up > LONGEST_ID || up > 0 && matches!(failure, Failure::Http { status: 414 | 431, .. }) {
            self.ids.abandon();
            return Failure::LongId { length: up };
        }
        match failure {
            Failure::End if self.config.until && !self.stopping => Failure::Truncated,
            // Half of an answer came and the rest cannot be had, so asking again is of no use.
            Failure::Http { status: 204, .. } if self.config.until && begun && !self.stopping => {
                self.one_shot_used = true;
                Failure::Truncated
            }
            // The stream had ended in good order before, and the server has no more.
            Failure::NotResumable if matches!(self.last_failure, Some(Failure::Truncated)) => {
                self.one_shot_used = true;
                Failure::Truncated
            }
            // A connection that was cut while the page was frozen fails on its return, or stays silent from then on.
            Failure::Network if self.one_shot_used && self.life.was_cut_while_frozen(now, None) => {
                Failure::Frozen
            }
            Failure::HalfOpen
                if self.one_shot_used && self.life.was_cut_while_frozen(now, Some(self.heard)) =>
            {
                Failure::Frozen
            }
            failure => failure,
        }
    }

    /// What becomes of the stored place when a client closes for this reason.
    #[allow(dead_code, reason = "of the npm package")]
    pub(crate) fn fate(&self, why: Why) -> Fate {
        match (why, self.last_failure) {
            // The last message came, or a POST was answered, which is not repeated.
            (Why::Ended, last) if last.is_none() || self.config.resumes || self.once() => Fate::Over,
            // If the app's rule ended it, the user was refused, not the place.
            (Why::Fatal, Some(failure)) if failure.misplaced() && self.reason != Reason::Unauthorized => {
                Fate::Gone
            }
            _ => Fate::Kept,
        }
    }

    /// Whether the connection held for long enough to count as good.
    // Not inlined, for the size, as those below.
    #[inline(never)]
    pub(super) fn stable(&self, until: u64) -> bool {
        let Phase::Open { since } = self.phase else { return false };
        until.saturating_sub(since) >= self.config.backoff.stable_after
    }

    /// After a good connection the backoff starts anew, however the connection ends.
    #[inline(never)]
    pub(super) fn reset_backoff(&mut self, stable: bool) {
        if stable {
            self.retries.forget();
            self.endpoints.reset_failures();
            self.forgive();
        }
    }

    /// Acts on what the app's rule or the failure table decided.
    pub(super) fn answered(&mut self, at: Timestamp, decision: Decision) {
        let Phase::Asking { failure, stable, opened } = self.phase else { return };
        // A stream that delivered something and ended in good order is routine, however short it was: the server sets the pace.
        let proven = stable || self.brought;
        self.reset_backoff(proven);
        if !proven {
            self.retries.failed();
        }
        let counts = if decision == Decision::Unauthorized { UNAUTHORIZED } else { failure };
        let class = counts.class(self.has_opened);
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        let class =
            if self.pace.is_some() && counts.close_code() == POLICY { Class::Retriable } else { class };
        // A request that would get the same answer is not repeated. The app is asked for another one only after something was delivered.
        let differs =
            self.config.has_provider || self.config.resumes && (self.has_opened || self.ids.begun());
        let reauth = class == Class::Reauth && differs && !self.retries.reauthed;
        let mut repeatable = !self.one_shot_used || counts.untouched();
        // The request was answered, so the app may be able to continue, if only by the head of that answer.
        let onward = !repeatable && self.config.resumes && opened && !matches!(counts, Failure::End);
        repeatable |= onward;
        self.onward = (self.onward || onward) && decision == Decision::Table;
        // The next endpoint may grant what this one refuses.
        let refused =
            matches!(class, Class::Fatal | Class::Reauth) && Endpoints::refuses(&self.config, counts);
        let elsewhere =
            refused && !reauth && repeatable && self.config.reconnects && self.endpoints.others(&self.config);
        let table = class == Class::Retriable && repeatable || reauth || elsewhere;
        // The server was asked to stop, so nothing more will come.
        let over = self.stopping && matches!(counts, Failure::End | Failure::Closed { code: 1000 });
        let again = match decision {
            Decision::Table | Decision::Unauthorized => table && !over,
            Decision::GiveUp => false,
            Decision::Again | Decision::After(_) => true,
        };
        let mut probe = None;
        if repeatable && decision != Decision::GiveUp {
            probe = self.cursor_probe.lost(counts, opened, stable, !again);
        }
        let again = again || probe.is_some();
        let (failure, at_once) = probe.unwrap_or((failure, elsewhere && matches!(counts, Failure::Blocked)));
        self.last_failure = Some(failure);
        let backoff = &self.config.backoff;
        // Users of the standard's EventSource expect its `retry` to be nearly exact.
        let eighths = 1 + u64::from(self.config.deduplicates);
        let (mut usual, mut told) = self.retries.wait(backoff, failure, stable, eighths, at.draw);
        let own = if let Decision::After(ms) = decision {
            // The app's delay counts more than the server's.
            usual = ms.clamp(FLOOR, MAX_DELAY);
            told = 0;
            true
        } else {
            false
        };
        self.leave_behind(at.now, failure, stable, (usual, told));
        let exhausted = self.retries.exhausted(self.config.backoff.max_attempts);
        let why = if again && self.config.reconnects {
            (exhausted && probe.is_none()).then_some(Why::Exhausted)
        } else if over && !again || matches!(counts, Failure::End) || class == Class::Ended && !again {
            // With reconnecting off, a normal end is no failure.
            Some(Why::Ended)
        } else {
            Some(if again { Why::Exhausted } else { Why::Fatal })
        };
        if let Some(why) = why {
            self.reason = if class == Class::Reauth { Reason::Unauthorized } else { Reason::Reconnect };
            let code = failure.close_code();
            return self.close(why, code, Some(failure).filter(|_| why != Why::Ended));
        }
        self.retries.more();
        self.one_shot_used = false;
        if !reauth && probe.is_none() {
            let excused = self.brought || self.life.offline;
            if self.endpoints.choose(&self.config, counts, stable, opened, refused, excused) {
                self.cursor_probe.reset();
            }
        }
        let delay = if reauth {
            self.retries.reauthed = true;
            self.reason = Reason::Unauthorized;
            if own { usual } else { FLOOR.max(told) }
        } else if at_once && !own {
            // Either nothing was sent, or the next attempt asks another way, so it comes at the least distance.
            FLOOR.max(told)
        } else {
            // The reason stays `Unauthorized` until the app's functions have answered it.
            if !matches!(failure, Failure::Provider) || matches!(self.reason, Reason::Initial) {
                self.reason = Reason::Reconnect;
            }
            usual
        };
        self.wait_until(at.now, at.now.later(delay), at.now.later(told));
        // The wait may be longer because the page is offline.
        let delay = self.retry_at().map_or(delay, |until| until.saturating_sub(at.now));
        self.emit(ClientEvent::Retry { retry: self.retries.count(), delay, failure });
        self.suspend_again(at.now);
    }
}
