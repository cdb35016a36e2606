//! The client for Rust, and the driver that the JavaScript bindings share with it.

#[cfg(any(feature = "rust", all(target_arch = "wasm32", target_os = "unknown")))]
pub(crate) mod driver;

#[cfg(feature = "rust")]
mod acks;
#[cfg(feature = "rust")]
mod auth;
#[cfg(feature = "rust")]
mod builder;
#[cfg(feature = "rust")]
mod cancel;
#[cfg(feature = "rust")]
mod decode;
#[cfg(feature = "rust")]
mod error;
#[cfg(feature = "rust")]
mod event;
#[cfg(feature = "rust")]
mod fallback;
#[cfg(feature = "rust")]
mod handshake;
#[cfg(feature = "rust")]
mod head;
#[cfg(feature = "rust")]
#[path = "web.rs"]
mod imp;
#[cfg(feature = "rust")]
mod inbox;
#[cfg(feature = "rust")]
mod kept;
#[cfg(feature = "rust")]
mod long_poll;
#[cfg(feature = "rust")]
mod message;
#[cfg(feature = "rust")]
mod payload;
#[cfg(feature = "rust")]
mod persist;
#[cfg(feature = "rust")]
mod place;
#[cfg(feature = "rust")]
mod presets;
#[cfg(feature = "rust")]
mod probe;
#[cfg(feature = "rust")]
mod rate;
#[cfg(feature = "rust")]
mod reads;
#[cfg(feature = "rust")]
mod reconnect;
#[cfg(feature = "rust")]
mod request;
#[cfg(feature = "rust")]
mod requests;
#[cfg(feature = "rust")]
mod resume;
#[cfg(feature = "rust")]
mod send_options;
#[cfg(feature = "rust")]
mod sending;
#[cfg(feature = "rust")]
mod sequence;
#[cfg(feature = "rust")]
mod shuffle;
#[cfg(feature = "rust")]
mod slot;
#[cfg(feature = "rust")]
mod stats;
#[cfg(feature = "rust")]
mod storage;
#[cfg(feature = "rust")]
mod topics;
#[cfg(feature = "rust")]
mod uplink;
#[cfg(feature = "rust")]
mod ways;
#[cfg(feature = "rust")]
mod wire;
#[cfg(feature = "rust")]
mod words;

#[cfg(feature = "rust")]
pub(crate) use self::{
    acks::Acks,
    builder::{Endpoint, OnComment, Ping},
    decode::{Decode, Decoded, Decoding},
    handshake::Shakes,
    head::Says,
    inbox::Inbox,
    place::Stored,
    presets::Unpack,
    rate::Is,
    reads::Reads,
    request::strays,
    requests::RequestId,
    slot::Slot,
    storage::{Area, Kept, outbox_of, places_of, plain},
    topics::{InTopic, Join, JoinFrame, Word},
};
#[cfg(feature = "rust")]
pub use self::{
    auth::{Authorize, Greet, KeptFresh, Token, TokenContext, TokenReason, Tokens},
    builder::{Builder, ConnectError, ContentType, Context, Decision, EndpointError, NotResumable},
    cancel::CancelError,
    error::Error,
    event::{Closed, Details, Event, Gap, Retry},
    fallback::Fallback,
    handshake::{Handshake, HandshakeOver},
    head::{Head, Opened},
    long_poll::LongPoll,
    message::{DecodeError, Message},
    payload::Payload,
    persist::Persist,
    rate::Rate,
    reconnect::Reconnect,
    request::{Credentials, Redirect, Request, path_segment},
    requests::{RequestError, RequestOptions, Requesting, Requests},
    resume::{Place, Resume},
    send_options::SendOptions,
    sending::Sending,
    sequence::Sequence,
    stats::Stats,
    storage::{Backend, Storage, StorageError, forget},
    topics::{SubscribeOptions, Subscription, SubscriptionError, Subscriptions, TopicPlace, TopicState},
    uplink::Uplink,
    ways::{Way, Ways},
    wire::{Client, EncodeError, Handle, SendError},
};
