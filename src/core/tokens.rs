//! Tokens: when the app's function is asked for one, how long it is kept, when it is renewed, and who gets the answer.
//!
//! There is one question at a time, for all clients that need a token. The token itself, and the promises of those who wait, are the
//! port's. Times are on the wall clock, by which tokens expire; its end means never.

use super::Later as _;

/// In ms since 1970. A smaller number is in seconds, as a JWT's `exp` is: in ms it would be before 1973.
const SECONDS: u64 = 100_000_000_000;
/// In ms, the least time between two renewals.
const PAUSE: u64 = 1_000;
/// In ms. A renewal without an answer is given up after this time. A client that connects has a timeout of its own.
const RENEWAL_TIMEOUT: u64 = 30_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tokens {
    /// How many ms before its end a token is renewed.
    ahead: u64,
    kept: Option<Kept>,
    question: Option<Question>,
    serial: u32,
    /// Somebody needs a fresh token at all times, so it is renewed by itself.
    followed: bool,
    /// When the next [`Tokens::tick`] is due.
    due: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kept {
    expires: u64,
    /// From this time on another token is asked for.
    stale: u64,
    /// It was asked for after the server had refused another one.
    forced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Question {
    serial: u32,
    /// It was put after the server had refused a token.
    forced: bool,
    waiting: u32,
    /// It is a renewal for those who need a fresh token at all times.
    renews: bool,
}

/// Which token the server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Had {
    /// It is not known which.
    Unknown,
    /// The last one.
    Last,
    /// An older one: another client has got a new one since. If that came by a renewal, the server may have revoked both.
    Older,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing = 0,
    /// Use the last token.
    Use = 1,
    /// Wait for the answer to the current question.
    Wait = 2,
    /// Ask the app's function. An earlier question is cancelled, and all who waited for it wait for this one.
    Ask = 3,
    /// Give this token to all who wait; it is the last one now. Those who need a fresh one are told.
    Given = 4,
    /// Give the last token to all who wait, as there is no new one.
    Old = 5,
    /// Give the error to all who wait.
    Failed = 6,
    /// Cancel the question, also for those who still wait.
    Off = 7,
}

impl Tokens {
    pub(crate) const fn new(ahead: u64) -> Self {
        Self { ahead, kept: None, question: None, serial: 0, followed: false, due: u64::MAX }
    }

    /// Sets how early the tokens that follow are renewed.
    #[cfg(feature = "rust")]
    pub(crate) const fn set_ahead(&mut self, ahead: u64) {
        self.ahead = ahead;
    }

    pub(crate) const fn due(&self) -> u64 {
        self.due
    }

    /// The number of the last question.
    pub(crate) const fn serial(&self) -> u32 {
        self.serial
    }

    /// A client needs a token. `had`: the one that the server refused, if it did.
    pub(crate) fn need(&mut self, now: u64, had: Option<Had>) -> Step {
        let refused = match had {
            Some(Had::Unknown) => true,
            Some(Had::Last) => self.kept.is_some(),
            Some(Had::Older) => !self.kept.is_some_and(|kept| kept.forced),
            None => false,
        };
        if refused && had != Some(Had::Older) {
            // A token that was refused is not renewed.
            self.kept = None;
            self.arm(now);
        }
        if !refused && self.kept.is_some_and(|kept| now < kept.stale) {
            return Step::Use;
        }
        // The answer to a question from before the refusal may be the same token.
        let step = match &self.question {
            Some(question) if question.forced || !refused => Step::Wait,
            _ => self.ask(refused),
        };
        if let Some(question) = &mut self.question {
            question.waiting = question.waiting.saturating_add(1);
        }
        step
    }

    /// One of those who wait gives up.
    pub(crate) fn leave(&mut self) -> Step {
        if let Some(question) = &mut self.question {
            question.waiting = question.waiting.saturating_sub(1);
        }
        self.call_off()
    }

    /// The app answered this question with a token that ends at `expires`.
    pub(crate) fn given(&mut self, now: u64, serial: u32, expires: u64) -> Step {
        let Some(Question { forced, .. }) = self.answers(serial) else {
            return Step::Nothing;
        };
        let expires = if expires < SECONDS { expires * 1_000 } else { expires };
        let life = expires.saturating_sub(now);
        let stale = now.later(life.saturating_sub(self.ahead).max(life / 2));
        self.kept = Some(Kept { expires, stale, forced });
        self.arm(now);
        Step::Given
    }

    /// The app's function failed for this question.
    pub(crate) fn failed(&mut self, now: u64, serial: u32) -> Step {
        if self.answers(serial).is_none() {
            return Step::Nothing;
        }
        if self.put_off(now) { Step::Old } else { Step::Failed }
    }

    /// At a logout: drops the token and the question, which belong to another user.
    pub(crate) fn forget(&mut self) -> Step {
        self.kept = None;
        self.due = u64::MAX;
        if self.question.take().is_some() { Step::Off } else { Step::Nothing }
    }

    /// Whether somebody needs a fresh token at all times from now on.
    pub(crate) fn follow(&mut self, now: u64, followed: bool) -> Step {
        self.followed = followed;
        self.arm(now);
        match &mut self.question {
            Some(question) if !followed && question.renews => {
                question.renews = false;
                self.call_off()
            }
            _ => Step::Nothing,
        }
    }

    /// The timer fired: a renewal is due, or took too long.
    pub(crate) fn tick(&mut self, now: u64) -> Step {
        if now < self.due {
            return Step::Nothing;
        }
        match &mut self.question {
            // A client that connects may wait longer than a renewal.
            Some(question) if question.renews => {
                question.renews = false;
                self.put_off(now);
                return self.call_off();
            }
            _ => {}
        }
        let step = if self.question.is_some() { Step::Nothing } else { self.ask(false) };
        if let Some(question) = &mut self.question {
            question.renews = true;
        }
        self.due = now.later(RENEWAL_TIMEOUT);
        step
    }

    fn ask(&mut self, forced: bool) -> Step {
        self.serial = self.serial.wrapping_add(1);
        let waiting = self.question.map_or(0, |question| question.waiting);
        self.question = Some(Question { serial: self.serial, forced, waiting, renews: false });
        Step::Ask
    }

    /// Ends the current question if it has this number, and gives it.
    fn answers(&mut self, serial: u32) -> Option<Question> {
        self.question.take_if(|question| question.serial == serial)
    }

    /// Cancels the question when nobody waits for it any more.
    fn call_off(&mut self) -> Step {
        match self.question {
            Some(Question { waiting: 0, renews: false, .. }) => {
                self.question = None;
                Step::Off
            }
            _ => Step::Nothing,
        }
    }

    /// No new token came. The old one is good until its end, and is renewed again when half of its time is over. Gives whether there
    /// is one.
    fn put_off(&mut self, now: u64) -> bool {
        let good = match &mut self.kept {
            Some(kept) if now < kept.expires => {
                kept.stale = now.later((kept.expires - now) / 2);
                true
            }
            _ => false,
        };
        self.arm(now);
        good
    }

    /// Sets the time of the next renewal. A token that has expired on arrival shows a wrong clock, and is asked for only when it is
    /// needed.
    fn arm(&mut self, now: u64) {
        self.due = match self.kept {
            Some(Kept { expires, stale, .. }) if self.followed && now < expires && expires < u64::MAX => {
                stale.max(now.later(PAUSE))
            }
            _ => u64::MAX,
        };
    }
}
