//! The browser's three ways, as one.

use std::rc::Rc;

use super::{event_source::EventSource, scope::Listener, websocket::WebSocket};
use crate::{
    transport::Transport,
    web::{
        fetch::Fetch,
        link::{Outgoing, Tell},
    },
};

pub(crate) use super::websocket::Socket;

/// A connection. Its drop closes it, listeners first.
pub(crate) struct Link {
    way: Way,
    /// Of what the page's policy forbids.
    _policy: Option<Listener>,
}

enum Way {
    WebSocket(WebSocket),
    EventSource(#[allow(dead_code, reason = "it is open as long as it lives")] EventSource),
    Fetch(#[allow(dead_code, reason = "as above")] Fetch),
}

impl Link {
    /// An error: the browser refuses.
    pub(crate) fn dial(
        transport: Transport,
        outgoing: Outgoing,
        tell: Tell,
        blocked: Rc<dyn Fn()>,
    ) -> Result<Self, ()> {
        let url = outgoing.url.clone();
        let way = match transport {
            Transport::WebSocket => Way::WebSocket(WebSocket::new(&outgoing, tell)?),
            Transport::EventSource => Way::EventSource(EventSource::new(&outgoing, tell)?),
            Transport::Fetch => Way::Fetch(Fetch::new(outgoing, tell)),
        };
        let policy = super::on_violation(move |uri| {
            // Of a WebSocket some tell the scheme alone.
            if !uri.is_empty() && url.starts_with(uri) {
                blocked();
            }
        });
        Ok(Self { way, _policy: Some(policy) })
    }

    /// What can send, if it can.
    pub(crate) fn socket(&self) -> Option<Socket> {
        match &self.way {
            Way::WebSocket(socket) => Some(socket.socket()),
            Way::EventSource(_) | Way::Fetch(_) => None,
        }
    }

    /// With words for the server, where the code is not 0.
    pub(crate) fn close(self, code: u16, reason: &str) {
        if let Way::WebSocket(socket) = self.way {
            socket.close(code, reason);
        }
    }
}
