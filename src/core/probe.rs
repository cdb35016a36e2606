//! Finds out why a WebSocket did not open, which no browser tells: a fetch of an address that answers as the upgrade would shows it.

use super::{
    Connection,
    failure::Failure,
    io::{Action, Input},
    state::Phase,
};

/// The status that a WebSocket's own address gives to a plain request (RFC 9110, 15.5.22).
const UPGRADE_REQUIRED: u16 = 426;

impl Connection {
    /// Passes an input on. The loss of an attempt that failed without a reason is kept until the probe is answered.
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
                    // The server answers and does not refuse, or gives no answer.
                    _ => Failure::Network,
                };
                Some(Input::Lost { attempt, failure })
            }
            input => Some(input),
        }
    }

    /// Whether this attempt is a WebSocket that has not opened.
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
