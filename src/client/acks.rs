//! Which messages say that the server has what was sent.

use super::{Builder, Message};
use crate::web::{Port, json};

pub(crate) type Acks = Box<dyn Fn(&Message) -> Vec<String>>;

/// Of this type: the id that stands in it.
fn of_type(kind: String) -> Acks {
    Box::new(move |message| {
        let id = || json::id_of(&json::at(message.text()?, "id")?);
        if message.kind() == kind { id().into_iter().collect() } else { Vec::new() }
    })
}

impl Builder {
    /// Which id an incoming message acks, or which ids, of messages sent [with one](crate::options::SendOptions::with_ack): an `Option`, a
    /// `Vec`, or the like; with none in it, it is no ack. Acks do not reach the app.
    ///
    /// ```
    /// let builder = everwire::Client::builder("wss://example.com/orders")
    ///     .acks(|message| message.text()?.strip_prefix("ack ").map(str::to_owned));
    /// # let _ = builder;
    /// ```
    pub fn acks<I: IntoIterator<Item = String>>(mut self, acks: impl Fn(&Message) -> I + 'static) -> Self {
        self.acked = Some(Port::acked);
        self.acks = Some(Box::new(move |message| acks(message).into_iter().collect()));
        self
    }

    /// Which id an incoming message refuses, or which ids, of those sent [with one](crate::options::SendOptions::with_ack): the server will
    /// not have these messages, which are [`Refused`](crate::send::Dropped::Refused) then. Refusals do not reach the app. `connect` fails
    /// without [`acks`](Self::acks).
    ///
    /// ```
    /// let builder = everwire::Client::builder("wss://example.com/orders")
    ///     .acks(|message| message.text()?.strip_prefix("ack ").map(str::to_owned))
    ///     .refused(|message| message.text()?.strip_prefix("no ").map(str::to_owned));
    /// # let _ = builder;
    /// ```
    pub fn refused<I: IntoIterator<Item = String>>(
        mut self,
        refused: impl Fn(&Message) -> I + 'static,
    ) -> Self {
        self.acked = Some(Port::acked);
        self.refused = Some(Box::new(move |message| refused(message).into_iter().collect()));
        self
    }

    /// Messages of this type ack the id that stands in their JSON under `id`, such as `{"type":"ack","id":"order-7"}`. In the place of
    /// [`acks`](Self::acks).
    ///
    /// ```
    /// let builder = everwire::Client::builder("wss://example.com/orders").ack_type("ack").refused_type("nack");
    /// # let _ = builder;
    /// ```
    pub fn ack_type(mut self, kind: impl Into<String>) -> Self {
        self.acked = Some(Port::acked);
        self.acks = Some(of_type(kind.into()));
        self
    }

    /// Messages of this type refuse the id that stands in them under `id`. In the place of [`refused`](Self::refused).
    pub fn refused_type(mut self, kind: impl Into<String>) -> Self {
        self.acked = Some(Port::acked);
        self.refused = Some(of_type(kind.into()));
        self
    }
}
