//! What a client's builder has for its port.

use std::rc::Rc;

use super::{
    cancel::Cancels,
    decode::Decodes,
    inbound::Rules,
    installed::{Beat, Probes, Shakes, Upward},
    json,
    port::Port,
};
#[cfg(feature = "duplex")]
use crate::client::{Requests, Subscriptions};
use crate::{
    client::{Acks, ContentType, Is, Kind, Message, OnComment, Ping, Place, Reads, Says, Unpack},
    core::carrier::Via,
};

/// What the builder has for the port.
pub(crate) struct Settings {
    pub(crate) rules: Option<Rules>,
    /// Where messages have their id, and their sequence number.
    pub(crate) id: Option<Reads<Option<String>>>,
    pub(crate) seq: Option<Reads<Option<json::Sequence>>>,
    /// What makes messages of what comes.
    pub(crate) decode: Option<Rc<dyn Decodes>>,
    /// The types by which the server says that something is missing, and that it is going to close.
    pub(crate) gap: Option<Kind>,
    pub(crate) notice: Option<Kind>,
    /// Of a client that has one of the next two: whether a message is one.
    pub(crate) acked: Option<fn(&Port, &Message) -> bool>,
    pub(crate) acks: Option<Acks>,
    pub(crate) refused: Option<Acks>,
    /// Which message says that too much goes up.
    #[cfg(feature = "duplex")]
    pub(crate) slow: Option<Is>,
    #[cfg(feature = "duplex")]
    pub(crate) requests: Requests,
    #[cfg(feature = "duplex")]
    pub(crate) subscriptions: Subscriptions,
    pub(crate) handshake: Option<Rc<dyn Shakes>>,
    pub(crate) uplink: Option<Rc<dyn Upward>>,
    pub(crate) probe: Option<Rc<dyn Probes>>,
    /// Of a WebSocket: the first frame.
    pub(crate) frame: Option<Box<dyn Fn(Place) -> Option<String>>>,
    pub(crate) via: Option<Via>,
    pub(crate) cursor_names: Vec<String>,
    pub(crate) outcome: Option<Says>,
    /// A WebSocket's frames have their ids in front.
    pub(crate) unpack: Option<Unpack>,
    /// Of an EventSource.
    pub(crate) names: Vec<String>,
    pub(crate) heartbeat: Option<Beat>,
    /// What a ping looks like, and what answers one, where it is not everwire's own.
    pub(crate) ping: Option<Ping>,
    pub(crate) is_pong: Option<Is>,
    /// There are no pings.
    pub(crate) silent: bool,
    pub(crate) content_type: ContentType,
    pub(crate) flush: bool,
    pub(crate) cancel: Option<Rc<dyn Cancels>>,
    /// How many characters of a refusal's body are kept.
    pub(crate) failure_body: usize,
    /// How long an attempt may take to open, in ms.
    pub(crate) open_timeout: u32,
    /// Of a fetched stream: gets each comment line.
    pub(crate) on_comment: Option<OnComment>,
    pub(crate) credentials: bool,
    /// A socket with so many bytes in its buffer takes no more.
    pub(crate) high_water: u32,
}
