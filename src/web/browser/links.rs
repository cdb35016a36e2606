//! The browser's three ways, as one.

use std::rc::Rc;

use super::scope::Listener;
#[cfg(feature = "websocket")]
use super::websocket::WebSocket;
use crate::{
    transport::Transport,
    web::link::{Outgoing, Tell},
};
#[cfg(feature = "sse")]
use {super::event_source::EventSource, crate::web::fetch::Fetch};

pub(crate) use super::websocket::Socket;

/// A connection. Its drop closes it, listeners first.
pub(crate) struct Link {
    way: Way,
    /// Of what the page's policy forbids.
    _policy: Option<Listener>,
}

enum Way {
    #[cfg(feature = "websocket")]
    WebSocket(WebSocket),
    #[cfg(feature = "sse")]
    EventSource(#[allow(dead_code, reason = "it is open as long as it lives")] EventSource),
    #[cfg(feature = "sse")]
    Fetch(#[allow(dead_code, reason = "as above")] Fetch),
    /// Without either feature there is none.
    #[cfg(not(any(feature = "sse", feature = "websocket")))]
    None(std::convert::Infallible),
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
            #[cfg(feature = "websocket")]
            Transport::WebSocket => Way::WebSocket(WebSocket::new(&outgoing, tell)?),
            #[cfg(feature = "sse")]
            Transport::EventSource => Way::EventSource(EventSource::new(&outgoing, tell)?),
            #[cfg(feature = "sse")]
            Transport::Fetch => Way::Fetch(Fetch::new(outgoing, tell)),
            #[cfg(not(all(feature = "sse", feature = "websocket")))]
            _ => return Err(()),
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
            #[cfg(feature = "websocket")]
            Way::WebSocket(socket) => Some(socket.socket()),
            #[cfg(feature = "sse")]
            Way::EventSource(_) | Way::Fetch(_) => None,
            #[cfg(not(any(feature = "sse", feature = "websocket")))]
            Way::None(never) => match *never {},
        }
    }

    /// With words for the server, where the code is not 0.
    pub(crate) fn close(self, code: u16, reason: &str) {
        match self.way {
            #[cfg(feature = "websocket")]
            Way::WebSocket(socket) => socket.close(code, reason),
            #[cfg(feature = "sse")]
            Way::EventSource(_) | Way::Fetch(_) => {}
            #[cfg(not(any(feature = "sse", feature = "websocket")))]
            Way::None(never) => match never {},
        }
    }
}
