//! From what the caller gave to what the browser is given: which transport, and whether it can work.

use super::Transport;
use crate::core::io::Route;

/// What is known of an address that can be connected to. The text itself stays in JavaScript.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub(crate) transport: Transport,
    loopback: bool,
    once: bool,
}

impl Address {
    /// `site` is what `Port.site` says of the text. `ws:` and `wss:` take WebSocket, http(s) takes fetch.
    /// `once`: see [`Route::once`].
    pub(crate) fn new(site: u32, transport: Option<Transport>, once: bool) -> Result<Self, &'static str> {
        let transport = match (site & 3, transport) {
            (0, _) => return Err("is not a URL that this page can resolve"),
            (1, None | Some(Transport::WebSocket)) => Transport::WebSocket,
            (1, Some(_)) => {
                return Err(
                    "has the scheme ws: or wss:, which only a WebSocket can use; give http: or https:",
                );
            }
            (2, transport) => transport.unwrap_or(Transport::Fetch),
            _ => return Err("must have the scheme ws:, wss:, http: or https:"),
        };
        Ok(Self { transport, loopback: site & 4 != 0, once })
    }

    pub(crate) fn route(self) -> Route {
        let Self { transport, loopback, once } = self;
        Route { uplink: transport == Transport::WebSocket, loopback, once }
    }
}
