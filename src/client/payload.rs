//! A text or bytes.

use std::fmt;

use crate::web::link::Data;

/// A text or bytes: what is sent through the client's `Sink`, and what [`Builder::decode`](crate::Builder::decode) gives.
///
/// ```
/// use everwire::message::Payload;
/// let (text, bytes): (Payload, Payload) = ("hello".into(), vec![1, 2].into());
/// assert_ne!(text, bytes);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(pub(crate) Data);

impl Payload {
    /// The text; `None` for bytes.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.text()
    }

    /// The bytes; of a text its UTF-8.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self(Data::Text(text.into()))
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self(Data::Text(text.into()))
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self(Data::Bytes(bytes.into()))
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Data::Bytes(bytes.into()))
    }
}

impl fmt::Debug for Payload {
    /// Without what is in it: it does not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Data::Text(text) => write!(f, "Payload(a text of {} bytes)", text.len()),
            Data::Bytes(bytes) => write!(f, "Payload({} bytes)", bytes.len()),
        }
    }
}
