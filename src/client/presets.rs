//! What two well-known servers expect.

use super::{Builder, Ruled};
use crate::{core::resume::Outcome, error::OptionError, web::link::Data};

/// Done to the builder when it connects, so that what the app says afterwards counts.
pub(crate) type Preset = fn(&mut Builder) -> Result<(), OptionError>;
/// A frame's id, and its body.
pub(crate) type Unpack = fn(&Data) -> Option<(String, Data)>;

const PROTOCOL: &str = "ws+meta.nchan";

impl Builder {
    /// For a server with nchan (1.3.6 was tried): the name of its query parameter, and over WebSocket its subprotocol `ws+meta.nchan`,
    /// which is the only one offered, with the ids that it puts before each message. A heartbeat that pings over a WebSocket cannot work:
    /// nchan takes what a subscriber sends for a message, or closes with 1008. See [`no_ping`](Self::no_ping).
    ///
    /// ```
    /// let builder = everwire::Client::builder("wss://example.com/sub/news").nchan();
    /// # drop(builder);
    /// ```
    pub fn nchan(mut self) -> Self {
        self.preset = Some(nchan);
        self
    }

    /// For a Mercure hub: the names of its query parameter, old and new, and what the hub says in `Last-Event-ID` or
    /// `Mercure-Last-Event-ID` of its answer: whether it goes on from the cursor, or there is a gap. Across origins the hub must expose
    /// that header (`Access-Control-Expose-Headers`). Only over fetch, the default: an EventSource shows no headers.
    ///
    /// ```
    /// let topic = "https://example.com/.well-known/mercure?topic=https%3A%2F%2Fexample.com%2Fbooks%2F1";
    /// let builder = everwire::Client::builder(topic).mercure();
    /// # drop(builder);
    /// ```
    pub fn mercure(mut self) -> Self {
        self.preset = Some(mercure);
        self
    }
}

fn nchan(builder: &mut Builder) -> Result<(), OptionError> {
    let error = |option, problem| Err(OptionError { option, problem });
    if !builder.protocols.is_empty() {
        return error(
            "protocols",
            "must be left out: nchan speaks \"ws+meta.nchan\", and it must be the only one offered",
        );
    }
    if builder.resume.id.is_some() {
        return error("resume.id", "must be left out: nchan has ids of its own, and knows no others");
    }
    builder.protocols = vec![PROTOCOL.to_owned()];
    name(builder, &["last_event_id"]);
    builder.unpack = Some(unpack);
    builder.resume.ruled = Ruled::new();
    Ok(())
}

fn mercure(builder: &mut Builder) -> Result<(), OptionError> {
    name(builder, &["lastEventID", "last_event_id"]);
    builder.outcome.get_or_insert_with(|| {
        Box::new(|head, id| {
            let from = head.header("last-event-id").or_else(|| head.header("mercure-last-event-id"))?;
            Some(if from == id { Outcome::Recovered } else { Outcome::Gap })
        })
    });
    Ok(())
}

fn name(builder: &mut Builder, names: &[&str]) {
    if builder.resume.names.is_empty() {
        builder.resume.names = names.iter().map(|name| (*name).to_owned()).collect();
    }
}

/// `id: …`, other lines, a blank line, the body. What is no such message is left as it is.
fn unpack(data: &Data) -> Option<(String, Data)> {
    let bytes = data.bytes();
    let behind = bytes.strip_prefix(b"id: ")?;
    let end = behind.windows(2).position(|two| two == b"\n\n")?;
    let (head, body) = (behind.get(..end)?, behind.get(end + 2..)?);
    let line = head.split(|byte| *byte == b'\n').next()?;
    let id = String::from_utf8_lossy(line).into_owned();
    let body = match data {
        Data::Text(text) => Data::Text(text.get(text.len() - body.len()..)?.into()),
        Data::Bytes(_) => Data::Bytes(body.into()),
    };
    Some((id, body))
}
