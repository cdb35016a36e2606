//! One message from the server.

use std::fmt;

use super::imp;
use crate::Transport;

/// One message from the server.
pub struct Message(pub(crate) imp::Message);

/// The message is not what the type asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl DecodeError {
    /// serde quotes what it found, and a payload does not belong in logs: what it expected is kept.
    pub(crate) fn new(error: &str) -> Self {
        Self(if let Some((_, expected)) = error.rsplit_once(", expected ") {
            format!("expected {expected}")
        } else if let Some(name) = error.strip_prefix("Error: missing field ") {
            format!("missing field {name}")
        } else {
            "a value does not fit".to_owned()
        })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message is not of the expected type: {}", self.0)
    }
}

impl std::error::Error for DecodeError {}

impl Message {
    /// The SSE event name, else the JSON's string `type`, else `message`.
    #[must_use]
    pub fn kind(&self) -> String {
        self.0.kind()
    }

    /// The text that came; `None` for a binary message.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        self.0.text()
    }

    /// The bytes that came; of a text message, its UTF-8.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.bytes()
    }

    /// The JSON, typed. A text that is no JSON is a string.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], when it does not fit `T`.
    #[cfg(feature = "rust")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.0.json()
    }

    /// The cursor after this message: its own id, or the last one before it; empty when there was none.
    #[must_use]
    pub fn last_event_id(&self) -> String {
        self.0.last_event_id()
    }

    /// How it came.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.0.transport()
    }

    /// Of the server, as in the browser's `MessageEvent`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin()
    }
}

impl fmt::Debug for Message {
    /// Without the payload: it does not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
