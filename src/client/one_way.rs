//! Without the feature `duplex` there is one way to a server.

use super::Request;
use crate::Transport;

#[derive(Clone, Copy)]
pub(crate) enum Way {}

impl Way {
    pub(crate) const fn transport(self) -> Transport {
        match self {}
    }
}

pub(crate) struct Choice {
    pub(crate) ways: [Way; 0],
}

impl Choice {
    pub(crate) const fn new() -> Self {
        Self { ways: [] }
    }
}

impl Request {
    /// As with several ways.
    #[allow(clippy::unnecessary_wraps, reason = "of several ways none may be of the transport")]
    pub(crate) const fn pick(&self, transport: Option<Transport>) -> Option<(&Self, Option<Transport>)> {
        Some((self, transport))
    }
}
