//! What follows from a loss: the failure table, the caller's rule, the backoff.

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

/// The server could not take a message for its size (RFC 6455, 7.4.1).
const TOO_BIG: u16 = 1009;
/// What the caller's rule may take any failure for.
const UNAUTHORIZED: Failure = Failure::Http { status: 401, retry_after: None };

impl Connection {
    pub(super) fn lost(&mut self, at: Timestamp, failure: Failure) {
        // One that fell silent only proved itself up to what was last heard.
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
        // What broke off may miss something, until another connection shows.
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

    /// What the core knows better than who told it.
    fn named(&mut self, now: u64, failure: Failure) -> Failure {
        let begun = self.has_opened || self.ids.begun();
        let up = self.cursor_probe.went_up();
        if up > LONGEST_ID || up > 0 && matches!(failure, Failure::Http { status: 414 | 431, .. }) {
            self.ids.abandon();
            return Failure::LongId { length: up };
        }
        match failure {
            Failure::End if self.config.until && !self.stopping => Failure::Truncated,
            // Half an answer, and no more to be had: there is no use in asking again.
            Failure::Http { status: 204, .. } if self.config.until && begun && !self.stopping => {
                self.one_shot_used = true;
                Failure::Truncated
            }
            // It ended in good order before, and that was all.
            Failure::NotResumable if matches!(self.last_failure, Some(Failure::Truncated)) => {
                self.one_shot_used = true;
                Failure::Truncated
            }
            // What was cut while the page was frozen fails on its return, or is silent from then on.
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

    /// What a client that closes so leaves of the place that it stored.
    #[allow(dead_code, reason = "of the npm package")]
    pub(crate) fn fate(&self, why: Why) -> Fate {
        match (why, self.last_failure) {
            // By its last message; or the answer to a question, which is not asked again.
            (Why::Ended, last) if last.is_none() || self.config.resumes || self.once() => Fate::Over,
            // Who asks was refused, if the caller's rule says so, and not what was asked for.
            (Why::Fatal, Some(failure)) if failure.misplaced() && self.reason != Reason::Unauthorized => {
                Fate::Gone
            }
            _ => Fate::Kept,
        }
    }

    /// Proof that the connection was good: it held for long enough.
    // Not inlined, for the size, as those below.
    #[inline(never)]
    pub(super) fn stable(&self, until: u64) -> bool {
        let Phase::Open { since } = self.phase else { return false };
        until.saturating_sub(since) >= self.config.backoff.stable_after
    }

    /// After proof, however the connection ends, the backoff starts anew.
    #[inline(never)]
    pub(super) fn reset_backoff(&mut self, stable: bool) {
        if stable {
            self.retries.forget();
            self.endpoints.reset_failures();
            self.forgive();
        }
    }

    /// By the caller's rule, or the table's.
    pub(super) fn answered(&mut self, at: Timestamp, decision: Decision) {
        let Phase::Asking { failure, stable, opened } = self.phase else { return };
        // What delivered and ended in good order is routine, however short it was: the server sets the pace.
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
        // What cannot differ is not repeated. Another request is asked for only once something has begun.
        let differs =
            self.config.has_provider || self.config.resumes && (self.has_opened || self.ids.begun());
        let reauth = class == Class::Reauth && differs && !self.retries.reauthed;
        let mut repeatable = !self.one_shot_used || counts.untouched();
        // It was answered, so there may be something to go on with, if only by what the head of the answer said.
        let onward = !repeatable && self.config.resumes && opened && !matches!(counts, Failure::End);
        repeatable |= onward;
        self.onward = (self.onward || onward) && decision == Decision::Table;
        // What this endpoint refuses, the next one may grant.
        let refused =
            matches!(class, Class::Fatal | Class::Reauth) && Endpoints::refuses(&self.config, counts);
        let elsewhere =
            refused && !reauth && repeatable && self.config.reconnects && self.endpoints.others(&self.config);
        let table = class == Class::Retriable && repeatable || reauth || elsewhere;
        // Of one that was asked to stop nothing more is to come.
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
        // Who expects the standard's EventSource expects its `retry` to be nearly exact.
        let eighths = 1 + u64::from(self.config.deduplicates);
        let (mut usual, mut told) = self.retries.wait(backoff, failure, stable, eighths, at.draw);
        let own = if let Decision::After(ms) = decision {
            // The app's own word, whatever the server told.
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
            // That nobody asks for more is no failure.
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
            // Nothing was let out, or it is asked another way: at once, which is the floor.
            FLOOR.max(told)
        } else {
            // That the token was refused stands until the functions have answered it.
            if !matches!(failure, Failure::Provider) || matches!(self.reason, Reason::Initial) {
                self.reason = Reason::Reconnect;
            }
            usual
        };
        self.wait_until(at.now, at.now.later(delay), at.now.later(told));
        // Offline may have stretched it.
        let delay = self.retry_at().map_or(delay, |until| until.saturating_sub(at.now));
        self.emit(ClientEvent::Retry { retry: self.retries.count(), delay, failure });
        self.suspend_again(at.now);
    }
}
