//! From what the caller gave to what the browser is given: which transport, and whether it can work.

use super::{Transport, sys::Port};
use crate::core::io::Route;

/// An address that can be connected to. The cursor and the last touches come when it is opened.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) text: String,
    pub(crate) transport: Transport,
    loopback: bool,
}

impl Address {
    /// Relative addresses are relative to the page. `ws:` and `wss:` take WebSocket; for http(s) the
    /// transport must be named, as fetch-streamed SSE is not there yet.
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
            (1, Some(Transport::EventSource)) => {
                return Err(
                    "has the scheme ws: or wss:, which an EventSource cannot use; give http: or https:",
                );
            }
            (2, Some(transport)) => transport,
            (2, None) => {
                return Err(
                    "is an http: or https: URL; say which transport: \"eventsource\" or \"websocket\"",
                );
            }
            _ => return Err("must have the scheme ws:, wss:, http: or https:"),
        };
        Ok(Self { text, transport, loopback: site & 4 != 0 })
    }

    pub(crate) fn route(&self) -> Route {
        Route { uplink: self.transport == Transport::WebSocket, loopback: self.loopback }
    }
}
