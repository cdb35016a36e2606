//! Finds out whether a stream that does not open is held back by a proxy that waits for its end: the server answers a HEAD request
//! at the same address, and the stream still does not come.

use super::{
    Connection,
    failure::Failure,
    io::{Action, Timestamp},
    state::Phase,
};
use crate::core::Later as _;

/// In ms. A stream may take this long to open, or a third of the open timeout, before the HEAD request is made.
const SLOW: u64 = 3_000;

/// The doubt about the current attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Doubt(Option<(u32, Stage)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// The stream has until then to open.
    Slow { due: u64 },
    /// The HEAD request was made at this time.
    Asked { at: u64 },
    /// The server answered: the stream has until then, and no longer.
    Held { due: u64 },
}

impl Doubt {
    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(super) fn times(&mut self) -> Vec<&mut u64> {
        match &mut self.0 {
            Some((_, Stage::Slow { due: at } | Stage::Asked { at } | Stage::Held { due: at })) => vec![at],
            None => Vec::new(),
        }
    }
}

impl Connection {
    /// The request of this attempt was made; its answer is a stream, and a HEAD request may stand for it.
    pub(crate) fn streaming(&mut self, now: u64, attempt: u32) {
        if self.current(attempt) && matches!(self.phase, Phase::Opening { .. }) {
            self.doubt = Doubt(Some((attempt, Stage::Slow { due: now.later(self.slow()) })));
        }
    }

    /// The HEAD request got the answer of a stream.
    pub(crate) fn would_stream(&mut self, now: u64, attempt: u32) {
        if let Some((of, Stage::Asked { at })) = self.doubt.0
            && of == attempt
        {
            let took = now.saturating_sub(at);
            // Where there is another transport, the stream gets the time that the answer took once more, as it has had its time
            // before. Otherwise it gets nearly the whole open timeout, as it may only be slow to begin.
            let rest = if self.config.polls {
                took
            } else {
                (self.config.open_timeout / 10 * 9).saturating_sub(self.slow()).saturating_sub(took)
            };
            self.doubt = Doubt(Some((attempt, Stage::Held { due: now.later(rest) })));
        }
    }

    /// The stream opened.
    pub(super) fn trust(&mut self) {
        if let Some((_, Stage::Asked { .. })) = self.doubt.0 {
            self.act(Action::Head { attempt: 0 });
        }
        self.doubt = Doubt(None);
    }

    fn slow(&self) -> u64 {
        SLOW.min(self.config.open_timeout / 3)
    }

    /// When [`Self::doubts`] has something to do.
    pub(super) fn doubted_until(&self) -> u64 {
        match self.doubt.0 {
            Some((attempt, Stage::Slow { due } | Stage::Held { due })) if attempt == self.attempt => due,
            _ => u64::MAX,
        }
    }

    /// The timer fired. Gives whether the attempt is given up.
    pub(super) fn doubts(&mut self, at: Timestamp) -> bool {
        if at.now < self.doubted_until() || !matches!(self.phase, Phase::Opening { .. }) {
            return false;
        }
        match self.doubt.0 {
            Some((attempt, Stage::Slow { .. })) => {
                self.doubt = Doubt(Some((attempt, Stage::Asked { at: at.now })));
                self.act(Action::Head { attempt });
                false
            }
            Some((_, Stage::Held { .. })) => {
                self.doubt = Doubt(None);
                self.lost(at, Failure::Buffered);
                true
            }
            Some((_, Stage::Asked { .. })) | None => false,
        }
    }
}
