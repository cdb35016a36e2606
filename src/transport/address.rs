//! From what the caller gave to what the browser is given: scheme, transport, cursor parameter.

use web_sys::Url;

use super::Transport;
use crate::core::io::Route;

/// An address that can be connected to.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    url: Url,
    pub(crate) transport: Transport,
}

impl Address {
    /// Relative addresses are relative to the page. `ws:` and `wss:` take WebSocket; for http(s) the
    /// transport must be named, as fetch-streamed SSE is not there yet.
    pub(crate) fn parse(
        address: &str,
        base: Option<String>,
        transport: Option<Transport>,
    ) -> Result<Self, &'static str> {
        let url = match base {
            Some(base) => Url::new_with_base(address, &base),
            None => Url::new(address),
        };
        let url = url.map_err(|_| "is not a URL that this page can resolve")?;
        // A fragment never leaves the browser, and older WebSockets throw on it.
        url.set_hash("");
        let scheme = url.protocol();
        let transport = match (scheme.as_str(), transport) {
            ("ws:" | "wss:", None | Some(Transport::WebSocket)) => Transport::WebSocket,
            ("ws:" | "wss:", Some(Transport::EventSource)) => {
                return Err("has the scheme ws: or wss:, which an EventSource cannot use; give an http: or https: URL");
            }
            ("http:" | "https:", Some(transport)) => transport,
            ("http:" | "https:", None) => {
                return Err("is an http: or https: URL: say which transport, with `transport: \"eventsource\"` or `transport: \"websocket\"`");
            }
            _ => return Err("must have the scheme ws:, wss:, http: or https:"),
        };
        if transport == Transport::WebSocket {
            match scheme.as_str() {
                "http:" => url.set_protocol("ws:"),
                "https:" => url.set_protocol("wss:"),
                _ => {}
            }
        }
        Ok(Self { url, transport })
    }

    pub(crate) fn set_cursor(&self, name: &str, cursor: &str) {
        self.url.search_params().set(name, cursor);
    }

    pub(crate) fn href(&self) -> String {
        self.url.href()
    }

    pub(crate) fn route(&self) -> Route {
        let host = self.url.hostname();
        let loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        Route { uplink: self.transport == Transport::WebSocket, loopback }
    }
}
