//! What is said between a WebSocket's open and the client's.

use std::fmt;

use super::{Message, Place, imp};
use crate::core::{failure::see, io::Reason};

/// A WebSocket that is open, and not yet the client's: see [`Builder::handshake`](crate::Builder::handshake).
pub struct Handshake(pub(crate) imp::Shaking);

impl Handshake {
    /// Sends a text.
    ///
    /// # Errors
    ///
    /// [`HandshakeOver`], when the connection was lost or given up.
    pub fn send(&self, text: &str) -> Result<(), HandshakeOver> {
        self.0.send_text(text).then_some(()).ok_or(HandshakeOver)
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_bytes(&self, bytes: &[u8]) -> Result<(), HandshakeOver> {
        self.0.send_bytes(bytes).then_some(()).ok_or(HandshakeOver)
    }

    /// The next message. What the handshake does not receive is the app's, after [`Event::Open`](crate::Event).
    ///
    /// # Errors
    ///
    /// [`HandshakeOver`], when the connection is lost or given up.
    pub async fn receive(&self) -> Result<Message, HandshakeOver> {
        self.0.receive().await
    }

    /// Why the attempt is made.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason()
    }

    /// The subprotocol that the server chose; empty when it chose none.
    #[must_use]
    pub fn protocol(&self) -> String {
        self.0.protocol()
    }

    /// Where the connection leads, with parameters. It may hold a token: do not log it.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// The cursor; empty when there is none.
    #[must_use]
    pub fn last_event_id(&self) -> String {
        self.place().id
    }

    /// The last id, the last sequence number and its epoch.
    #[must_use]
    pub fn place(&self) -> Place {
        self.0.place()
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("reason", &self.reason()).finish_non_exhaustive()
    }
}

/// The connection of a handshake is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeOver;

impl fmt::Display for HandshakeOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was lost or given up before the handshake ended")?;
        see(f, "provider")
    }
}

impl std::error::Error for HandshakeOver {}
