//! How a client talks to its server, and what is known of an address for that.

use crate::codes::transport;

/// How a client talks to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// Both ways (RFC 6455).
    WebSocket,
    /// The browser's own SSE, from the server only (HTML, server-sent events).
    EventSource,
    /// SSE as everwire reads it itself from a fetch: any method, headers and body, and the status seen.
    Fetch,
}

impl Transport {
    /// As the calls count them.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::WebSocket => transport::WEBSOCKET,
            Self::EventSource => transport::EVENTSOURCE,
            Self::Fetch => transport::FETCH,
        }
    }

    /// The Cargo feature that it needs and this build lacks. Off the web there are all, for tests.
    #[cfg(feature = "rust")]
    pub(crate) const fn lacks(self) -> Option<&'static str> {
        match self {
            Self::WebSocket if !crate::web::SOCKETS => {
                Some("needs the feature \"websocket\" of the crate everwire")
            }
            Self::EventSource | Self::Fetch if !crate::web::STREAMS => {
                Some("needs the feature \"sse\" of the crate everwire")
            }
            _ => None,
        }
    }

    #[cfg(feature = "rust")]
    pub(crate) const fn of(number: u32) -> Option<Self> {
        match number {
            transport::WEBSOCKET => Some(Self::WebSocket),
            transport::EVENTSOURCE => Some(Self::EventSource),
            transport::FETCH => Some(Self::Fetch),
            _ => None,
        }
    }

    /// As in the JavaScript API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::EventSource => "eventsource",
            Self::Fetch => "fetch",
        }
    }
}

pub(crate) mod address;
