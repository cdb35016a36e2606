//! From what the caller gave to what the browser is given: which transport, and whether it can work.

use super::{Transport, sys::Port};
use crate::core::io::Route;

/// An address that can be connected to. The cursor and the last touches come when it is opened.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) text: String,
    pub(crate) transport: Transport,
    pub(crate) loopback: bool,
    /// See [`Route::once`].
    pub(crate) once: bool,
}

impl Address {
    /// Relative addresses are relative to the page. `ws:` and `wss:` take WebSocket, http(s) takes fetch.
    pub(crate) fn parse(
        text: String,
        port: &Port,
        transport: Option<Transport>,
    ) -> Result<Self, &'static str> {
        // The numbers of `Port.site`.
        let site = port.site(&text);
        let transport = match (site & 3, transport) {
            (0, _) => return Err("is not a URL that this page can resolve"),
            (1, None | Some(Transport::WebSocket)) => Transport::WebSocket,
            (1, Some(_)) => {
                return Err("has the scheme ws: or wss:, which only a WebSocket can use; give http: or https:");
            }
            (2, transport) => transport.unwrap_or(Transport::Fetch),
            _ => return Err("must have the scheme ws:, wss:, http: or https:"),
        };
        Ok(Self { text, transport, loopback: site & 4 != 0, once: false })
    }

    pub(crate) fn route(&self) -> Route {
        Route {
            uplink: self.transport == Transport::WebSocket,
            loopback: self.loopback,
            once: self.once,
        }
    }
}
