//! The addresses of one server.

use std::fmt;

use super::{Request, fallback::Choose};
use crate::Transport;

/// How a client can connect to one server: see [`Fallback::with_order`](crate::options::Fallback::with_order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Way {
    /// [`Transport::WebSocket`].
    WebSocket,
    /// An event stream by [`Transport::Fetch`].
    Fetch,
    /// An event stream by [`Transport::EventSource`].
    EventSource,
    /// An event stream in pieces, by [`Transport::Fetch`]: see [`Builder::long_poll`](crate::Builder::long_poll).
    Poll,
}

impl Way {
    /// A long poll is a fetch.
    pub(crate) const fn transport(self) -> Transport {
        match self {
            Self::WebSocket => Transport::WebSocket,
            Self::Fetch | Self::Poll => Transport::Fetch,
            Self::EventSource => Transport::EventSource,
        }
    }

    /// As in the JavaScript API, whose clients read what is stored.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            way => way.transport().name(),
        }
    }
}

/// Several ways to one server: a WebSocket, and an event stream for where that does not get through.
///
/// With both, the client goes from one to the other by itself: see [`Fallback`](crate::options::Fallback), which has the numbers.
/// What is sent over an event stream goes by the [uplink](crate::Builder::uplink), if there is one.
///
/// ```
/// use everwire::{Client, endpoint::Ways};
/// let builder = Client::builder(Ways::new().with_websocket("wss://example.com/live").with_sse("/live"));
/// # drop(builder);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Ways {
    pub(crate) websocket: Option<Request>,
    pub(crate) sse: Option<Request>,
    pub(crate) choose: Choose,
}

impl Ways {
    /// None yet. Without any, `connect` fails.
    pub fn new() -> Self {
        Self::default()
    }

    /// The address of the WebSocket, or a [`Request`] with its subprotocols.
    pub fn with_websocket(mut self, websocket: impl Into<Request>) -> Self {
        let request = websocket.into();
        self.websocket = match request.ways {
            Some(ways) => ways.websocket,
            None => Some(request),
        };
        self
    }

    /// The address of the event stream, or a [`Request`] with its headers.
    pub fn with_sse(mut self, sse: impl Into<Request>) -> Self {
        let request = sse.into();
        self.sse = match request.ways {
            Some(ways) => ways.sse,
            None => Some(request),
        };
        self
    }
}

impl fmt::Debug for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the addresses: tokens stand in them.
        let Self { websocket, sse, .. } = self;
        f.debug_struct("Ways")
            .field("websocket", &websocket.is_some())
            .field("sse", &sse.is_some())
            .finish_non_exhaustive()
    }
}

impl From<Ways> for Request {
    fn from(ways: Ways) -> Self {
        Self { ways: Some(Box::new(ways)), ..Self::get("") }
    }
}

impl Request {
    /// What is asked for by this transport, or by the one that suits. None: there is no address for it.
    pub(crate) fn pick(&self, transport: Option<Transport>) -> Option<(&Self, Option<Transport>)> {
        let Some(ways) = &self.ways else { return Some((self, transport)) };
        match (&ways.websocket, &ways.sse, transport) {
            (Some(websocket), _, None | Some(Transport::WebSocket)) => {
                Some((websocket, Some(Transport::WebSocket)))
            }
            (_, Some(sse), None | Some(Transport::EventSource | Transport::Fetch)) => Some((sse, transport)),
            _ => None,
        }
    }
}
