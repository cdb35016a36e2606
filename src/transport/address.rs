//! From what the caller gave to what the browser is given: which transport, and whether it can work.

use super::Transport;
use crate::{
    codes::{route, transport},
    core::io::Route,
};

/// What is known of an address that can be connected to. The text itself stays with the port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub(crate) transport: Transport,
    loopback: bool,
    posts: bool,
    once: bool,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    polls: bool,
}

impl Address {
    /// `route` is what `Port.route` says of the text; `once`: see [`Route::once`].
    pub(crate) fn new(route: u32, once: bool) -> Option<Self> {
        let transport = match route & route::TRANSPORT {
            transport::WEBSOCKET => Transport::WebSocket,
            transport::EVENTSOURCE => Transport::EventSource,
            transport::FETCH => Transport::Fetch,
            _ => return None,
        };
        let set = |bit| route & bit != 0;
        Some(Self {
            transport,
            loopback: set(route::LOOPBACK),
            posts: set(route::POSTS),
            once,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            polls: set(route::POLLS),
        })
    }

    pub(crate) fn route(self) -> Route {
        let Self { transport, loopback, posts, once, .. } = self;
        Route {
            uplink: transport == Transport::WebSocket || posts,
            posts,
            loopback,
            once,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            polls: self.polls,
        }
    }
}

/// Why there is no address, as `Port.route` says it.
#[cfg(feature = "rust")]
pub(crate) fn problem(route: u32) -> &'static str {
    match route {
        route::UNPARSABLE => "is not a URL that this page can resolve",
        route::NOT_A_STREAM => "is for a WebSocket: use http: or https:",
        route::SCHEME => "must have the scheme ws:, wss:, http: or https:",
        // `CREDENTIALS`, which no browser takes: it is not asked for again.
        _ => "must have no user name or password",
    }
}
