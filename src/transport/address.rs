//! From what the caller gave to what the browser is given: which transport, and whether it can work.

use super::Transport;
use crate::core::io::Route;

/// What is known of an address that can be connected to. The text itself stays in JavaScript.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub(crate) transport: Transport,
    loopback: bool,
    posts: bool,
    once: bool,
}

impl Address {
    /// `route` is what `Port.route` says of the text; `once`: see [`Route::once`].
    pub(crate) fn new(route: u32, once: bool) -> Option<Self> {
        let transport = match route & 3 {
            1 => Transport::WebSocket,
            2 => Transport::EventSource,
            3 => Transport::Fetch,
            _ => return None,
        };
        Some(Self { transport, loopback: route & 4 != 0, posts: route & 8 != 0, once })
    }

    pub(crate) fn route(self) -> Route {
        let Self { transport, loopback, posts, once } = self;
        Route { uplink: transport == Transport::WebSocket || posts, posts, loopback, once }
    }
}

/// A name and password, which no browser takes: it is not asked for again.
#[cfg(feature = "rust")]
pub(crate) const CREDENTIALS: u32 = 24;

/// Why there is no address, as `Port.route` says it.
#[cfg(feature = "rust")]
pub(crate) fn problem(route: u32) -> &'static str {
    match route >> 3 {
        0 => "is not a URL that this page can resolve",
        1 => "is for a WebSocket: use http: or https:",
        2 => "must have the scheme ws:, wss:, http: or https:",
        _ => "must have no user name or password",
    }
}
