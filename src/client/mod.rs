//! The client for Rust.

mod acks;
mod auth;
mod builder;
mod cancel;
mod decode;
mod error;
mod event;
#[cfg(feature = "duplex")]
mod fallback;
mod handshake;
mod head;
#[path = "web.rs"]
mod imp;
mod inbox;
mod kept;
#[cfg(feature = "duplex")]
mod long_poll;
mod message;
#[cfg(not(feature = "duplex"))]
mod one_way;
mod payload;
#[cfg(feature = "duplex")]
mod persist;
mod place;
mod presets;
#[cfg(feature = "duplex")]
mod probe;
#[cfg(feature = "duplex")]
mod rate;
mod reads;
mod reconnect;
mod request;
#[cfg(feature = "duplex")]
mod requests;
mod resume;
mod send_options;
mod sending;
mod sequence;
mod shuffle;
mod slot;
mod stats;
mod storage;
#[cfg(feature = "duplex")]
mod topics;
#[cfg(feature = "duplex")]
mod uplink;
#[cfg(feature = "duplex")]
mod ways;
mod wire;
mod words;

#[cfg(all(test, target_arch = "wasm32", target_os = "unknown"))]
pub(crate) use self::imp::settings;
#[cfg(not(feature = "duplex"))]
pub(crate) use self::one_way::{Choice, Way};
pub(crate) use self::{
    acks::Acks,
    builder::{Endpoint, OnComment, Ping},
    decode::{Decode, Decoded, Decoding},
    head::Says,
    imp::Driver,
    inbox::Inbox,
    place::Stored,
    presets::Unpack,
    reads::{Is, Kind, Reads},
    request::strays,
    resume::Ruled,
    slot::Slot,
    storage::{Area, Kept, outbox_of, places_of, plain},
};
pub use self::{
    auth::{Authorize, Greet, KeptFresh, Token, TokenContext, TokenReason, Tokens},
    builder::{Builder, ConnectError, ContentType, Context, Decision, EndpointError, NotResumable},
    cancel::CancelError,
    error::Error,
    event::{Closed, Details, Event, Gap, Retry},
    handshake::{Handshake, HandshakeOver},
    head::{Head, Opened},
    message::{DecodeError, Message},
    payload::Payload,
    reconnect::Reconnect,
    request::{Credentials, Redirect, Request, path_segment},
    resume::{Place, Resume},
    send_options::SendOptions,
    sending::Sending,
    sequence::Sequence,
    stats::Stats,
    storage::{Backend, Storage, StorageError, forget},
    wire::{Client, EncodeError, Handle, SendError},
};
#[cfg(feature = "duplex")]
pub(crate) use self::{
    fallback::Choice,
    requests::RequestId,
    topics::{InTopic, Join, JoinFrame, Word},
};
#[cfg(feature = "duplex")]
pub use self::{
    fallback::Fallback,
    long_poll::LongPoll,
    persist::Persist,
    rate::Rate,
    requests::{RequestError, RequestOptions, Requesting, Requests},
    topics::{SubscribeOptions, Subscription, SubscriptionError, Subscriptions, TopicPlace, TopicState},
    uplink::Uplink,
    ways::{Way, Ways},
};
