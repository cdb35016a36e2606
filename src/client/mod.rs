//! The client for Rust.

mod acks;
mod auth;
mod builder;
mod cancel;
mod decode;
mod error;
mod event;
mod fallback;
mod handshake;
mod head;
#[path = "web.rs"]
mod imp;
mod inbox;
mod kept;
mod long_poll;
mod message;
mod payload;
mod persist;
mod place;
mod presets;
mod probe;
mod rate;
mod reads;
mod reconnect;
mod request;
mod requests;
mod resume;
mod send_options;
mod sending;
mod sequence;
mod shuffle;
mod slot;
mod stats;
mod storage;
mod topics;
mod uplink;
mod ways;
mod wire;
mod words;

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
