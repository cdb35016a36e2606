//! Tokens: when one is asked for, how long it is kept, when it is renewed, and who gets what comes of the question.
//!
//! There is one question at a time, for all who need an answer. What is not here is the token itself: it is outside, with
//! those who wait. Time is that of the clock on the wall, by which tokens expire; the end of it is never.

use super::Later as _;

/// In ms since 1970, all before 1973 are: seconds, such as a JWT's `exp`.
const SECONDS: u64 = 100_000_000_000;
/// Between two renewals.
const PAUSE: u64 = 1_000;
/// A renewal without an answer is given up after this time: nobody else would. Who connects has a time of its own.
const RENEWAL_TIMEOUT: u64 = 30_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tokens {
    /// A token is stale so many ms before its end.
    ahead: u64,
    kept: Option<Kept>,
    question: Option<Question>,
    serial: u32,
    /// Somebody wants a fresh one at any time.
    followed: bool,
    /// When the next [`Tokens::tick`] is due.
    due: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kept {
    expires: u64,
    /// From then on another one is asked for.
    stale: u64,
    /// It was asked for after another had been refused.
    forced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Question {
    serial: u32,
    /// It was asked after the last one had been refused.
    forced: bool,
    waiting: u32,
    /// It is for those who follow, too.
    renews: bool,
}

/// The token that somebody had when the server refused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Had {
    /// Nobody knows which.
    Unknown,
    /// The one that was given last.
    Last,
    /// Another one: somebody else has got a new one since. By a renewal it says nothing: the server may have revoked both.
    Older,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing = 0,
    /// The last token is good.
    Use = 1,
    /// For what comes of the question.
    Wait = 2,
    /// The app, with this number. What was asked before is called off; who waits, waits for this now.
    Ask = 3,
    /// Who waits gets this token, which is the last one now. Who follows is told.
    Given = 4,
    /// Who waits gets the last token after all.
    Old = 5,
    /// Who waits gets the error.
    Failed = 6,
    /// The question is called off, for who still waits, too.
    Off = 7,
}

impl Tokens {
    pub(crate) const fn new(ahead: u64) -> Self {
        Self { ahead, kept: None, question: None, serial: 0, followed: false, due: u64::MAX }
    }

    /// Of the tokens from here on.
    #[cfg(feature = "rust")]
    pub(crate) const fn set_ahead(&mut self, ahead: u64) {
        self.ahead = ahead;
    }

    pub(crate) const fn due(&self) -> u64 {
        self.due
    }

    /// Of the question that was asked last.
    pub(crate) const fn serial(&self) -> u32 {
        self.serial
    }

    /// Somebody needs a token. `had`: the one that the server refused.
    pub(crate) fn need(&mut self, now: u64, had: Option<Had>) -> Step {
        let refused = match had {
            Some(Had::Unknown) => true,
            Some(Had::Last) => self.kept.is_some(),
            Some(Had::Older) => !self.kept.is_some_and(|kept| kept.forced),
            None => false,
        };
        if refused && had != Some(Had::Older) {
            // There is nothing to renew any more.
            self.kept = None;
            self.arm(now);
        }
        if !refused && self.kept.is_some_and(|kept| now < kept.stale) {
            return Step::Use;
        }
        // What was asked before the refusal may be the same token.
        let step = match &self.question {
            Some(question) if question.forced || !refused => Step::Wait,
            _ => self.ask(refused),
        };
        if let Some(question) = &mut self.question {
            question.waiting = question.waiting.saturating_add(1);
        }
        step
    }

    /// One of those who wait does so no more.
    pub(crate) fn leave(&mut self) -> Step {
        if let Some(question) = &mut self.question {
            question.waiting = question.waiting.saturating_sub(1);
        }
        self.call_off()
    }

    /// What the app gave to this question, which ends at `expires`.
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

    /// The app's function failed.
    pub(crate) fn failed(&mut self, now: u64, serial: u32) -> Step {
        if self.answers(serial).is_none() {
            return Step::Nothing;
        }
        if self.put_off(now) { Step::Old } else { Step::Failed }
    }

    /// At logout: what there is, and what is asked for, is another user's.
    pub(crate) fn forget(&mut self) -> Step {
        self.kept = None;
        self.due = u64::MAX;
        if self.question.take().is_some() { Step::Off } else { Step::Nothing }
    }

    /// From now on there is somebody, or nobody, who wants a fresh one at any time.
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

    /// The deadline may have passed.
    pub(crate) fn tick(&mut self, now: u64) -> Step {
        if now < self.due {
            return Step::Nothing;
        }
        match &mut self.question {
            // Who connects may be more patient.
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

    /// The question that is out, if it is this one. It is over then.
    fn answers(&mut self, serial: u32) -> Option<Question> {
        self.question.take_if(|question| question.serial == serial)
    }

    /// When nobody waits any more.
    fn call_off(&mut self) -> Step {
        match self.question {
            Some(Question { waiting: 0, renews: false, .. }) => {
                self.question = None;
                Step::Off
            }
            _ => Step::Nothing,
        }
    }

    /// There is no new one. The old one is good until its end, and asked for again when half of the rest is over: whether
    /// there is one.
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

    /// For who follows. What has expired on arrival is so by a wrong clock: asked for when it is needed, and not all the time.
    fn arm(&mut self, now: u64) {
        self.due = match self.kept {
            Some(Kept { expires, stale, .. }) if self.followed && now < expires && expires < u64::MAX => {
                stale.max(now.later(PAUSE))
            }
            _ => u64::MAX,
        };
    }
}
