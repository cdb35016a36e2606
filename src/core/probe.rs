//! Why a WebSocket did not open: no browser says. A request to an address that answers as the upgrade would have says it.

use super::{
    Connection,
    failure::Failure,
    io::{Action, Input},
    state::Phase,
};

/// A WebSocket's own address says so to a plain request (RFC 9110, 15.5.22).
const UPGRADE_REQUIRED: u16 = 426;

impl Connection {
    /// What this input is. That of an attempt which failed without a word is kept until the server has been asked.
    pub(super) fn classify(&mut self, input: Input) -> Option<Input> {
        match input {
            Input::Lost { attempt, failure: Failure::Network } if self.to_probe(attempt) => {
                if self.probed != attempt {
                    self.probed = attempt;
                    self.act(Action::Probe { attempt });
                }
                None
            }
            Input::Probed { attempt, answer } => {
                let failure = match answer {
                    Some((status, retry_after)) if status >= 400 && status != UPGRADE_REQUIRED => {
                        Failure::Http { status, retry_after }
                    }
                    // It answers, but does not refuse; or it says nothing.
                    _ => Failure::Network,
                };
                Some(Input::Lost { attempt, failure })
            }
            input => Some(input),
        }
    }

    /// Whether it is a WebSocket that has not opened.
    fn to_probe(&self, attempt: u32) -> bool {
        let route = if self.succeeds(attempt) {
            self.rollover.next_route()
        } else if self.current(attempt) && matches!(self.phase, Phase::Opening { .. }) {
            self.route
        } else {
            None
        };
        self.config.probes && !self.life.left && route.is_some_and(|route| route.uplink && !route.posts)
    }
}
