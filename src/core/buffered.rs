//! Whether a stream that does not open is held back on its way, by a proxy that waits for its end: the server answers a HEAD
//! at the same address, and the stream still does not come.

use super::{
    Connection,
    failure::Failure,
    io::{Action, Timestamp},
    state::Phase,
};
use crate::core::Later as _;

/// So long a stream may take to open before it is asked for, or a third of the open timeout.
const SLOW: u64 = 3_000;

/// Of the attempt under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Doubt(Option<(u32, Stage)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// It has this time to open.
    Slow { due: u64 },
    /// The server was asked then.
    Asked { at: u64 },
    /// The server speaks: this is the stream's last time.
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
    /// The request of this attempt is out: one whose answer is a stream, and which a HEAD can stand for.
    pub(crate) fn streaming(&mut self, now: u64, attempt: u32) {
        if self.current(attempt) && matches!(self.phase, Phase::Opening { .. }) {
            self.doubt = Doubt(Some((attempt, Stage::Slow { due: now.later(self.slow()) })));
        }
    }

    /// The HEAD was answered as the stream would be.
    pub(crate) fn would_stream(&mut self, now: u64, attempt: u32) {
        if let Some((of, Stage::Asked { at })) = self.doubt.0
            && of == attempt
        {
            let took = now.saturating_sub(at);
            // Where there is another way, it gets as much time as the answer took once more: it has had its time before. Else
            // it has nearly all that there is, as it may only be slow to begin.
            let rest = if self.config.polls {
                took
            } else {
                (self.config.open_timeout / 10 * 9).saturating_sub(self.slow()).saturating_sub(took)
            };
            self.doubt = Doubt(Some((attempt, Stage::Held { due: now.later(rest) })));
        }
    }

    /// It is open.
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

    /// The timer fired. Whether the attempt is given up for it.
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
