//! One message from the server.

use std::{cell::OnceCell, fmt, rc::Rc};

use serde::de::{
    DeserializeOwned, IgnoredAny,
    value::{BytesDeserializer, Error as ValueError, StrDeserializer},
};

use crate::{
    Transport,
    web::{json, link::Data, place::Stand},
};

/// One message from the server. A clone shares what came.
#[derive(Clone)]
pub struct Message {
    data: Data,
    /// The event's name; else what the JSON says, once somebody asks.
    kind: OnceCell<Rc<str>>,
    last_event_id: Rc<str>,
    transport: Transport,
    origin: Rc<str>,
    stand: Standing,
}

/// Where it stands in the stream of a client that stores its place.
#[derive(Clone, Default)]
struct Standing(Option<Rc<Stand>>);

/// By what came: where it stands is nothing of that.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
            && self.kind() == other.kind()
            && self.last_event_id == other.last_event_id
            && self.transport == other.transport
            && self.origin == other.origin
    }
}

impl Eq for Message {}

/// The message is not what the type asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl DecodeError {
    /// serde quotes what it found, and a payload does not belong in logs: what it expected is kept.
    pub(crate) fn new(error: &str) -> Self {
        let error = error.rsplit_once(" at line ").map_or(error, |(error, _)| error);
        Self(if let Some((_, expected)) = error.rsplit_once(", expected ") {
            format!("expected {expected}")
        } else if let Some(name) = error.strip_prefix("missing field ") {
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
    pub(crate) fn new(
        data: Data,
        kind: Option<Rc<str>>,
        last_event_id: Rc<str>,
        transport: Transport,
        origin: Rc<str>,
    ) -> Self {
        let kind = kind.map_or_else(OnceCell::new, OnceCell::from);
        Self { data, kind, last_event_id, transport, origin, stand: Standing::default() }
    }

    /// What it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.data.bytes().len() + self.last_event_id.len() + self.kind.get().map_or(0, |kind| kind.len())
    }

    pub(crate) fn data(&self) -> &Data {
        &self.data
    }

    pub(crate) fn set_last_event_id(&mut self, id: Rc<str>) {
        self.last_event_id = id;
    }

    pub(crate) fn stand(&self) -> Option<&Rc<Stand>> {
        self.stand.0.as_ref()
    }

    pub(crate) fn set_stand(&mut self, stand: Rc<Stand>) {
        self.stand = Standing(Some(stand));
    }

    /// The SSE event name, else the JSON's string `type`, else `message`.
    #[must_use]
    pub fn kind(&self) -> &str {
        // Not read before: an app that asks for no type pays for none.
        self.kind
            .get_or_init(|| self.text().and_then(json::kind).map_or_else(|| Rc::from("message"), Rc::from))
    }

    /// The text that came; `None` for a binary message.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.data.text()
    }

    /// The bytes that came; of a text message, its UTF-8.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.data.bytes()
    }

    /// The JSON, typed. A text that is no JSON object or array is a string, and so is one that is nested more than 127 deep; a binary
    /// message is bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], when it does not fit `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let Some(text) = self.text() else {
            let bytes = BytesDeserializer::<ValueError>::new(self.bytes());
            return T::deserialize(bytes).map_err(|error| DecodeError::new(&error.to_string()));
        };
        if text.starts_with(['{', '[']) {
            match serde_json::from_str(text) {
                Ok(value) => return Ok(value),
                Err(error) if error.is_data() && serde_json::from_str::<IgnoredAny>(text).is_ok() => {
                    return Err(DecodeError::new(&error.to_string()));
                }
                Err(_) => {}
            }
        }
        let text = StrDeserializer::<ValueError>::new(text);
        T::deserialize(text).map_err(|error| DecodeError::new(&error.to_string()))
    }

    /// The cursor after this message: its own id, or the last one before it; empty when there was none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// How it came.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Of the server, as in the browser's `MessageEvent`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl fmt::Debug for Message {
    /// Without the payload: it does not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
