//! A live connection for web pages: WebSocket and server-sent events behind one client, which
//! reconnects by itself, notices a dead connection, and picks up where it left off.
//!
//! ```no_run
//! # #[derive(serde::Deserialize)] struct Tick { price: f64 }
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut wire = everwire::Client::builder("wss://example.com/live")
//!     .heartbeat(everwire::options::Heartbeat::new())
//!     .connect()?;
//! while let Some(event) = wire.next().await {
//!     if let everwire::Event::Message(message) = event {
//!         let tick: Tick = message.json()?;
//!         println!("{}", tick.price);
//!     }
//! } // dropping the client closes it
//! # Ok(()) }
//! ```
//!
//! On a host that is not wasm the crate compiles, and [`Builder::connect`] returns
//! [`ConnectError::Unsupported`](error::ConnectError::Unsupported), so that an app that renders on the server can use it.
//!
//! The features `websocket`, `sse` and `duplex` are on by default. An app that sets `default-features = false` and names what it uses
//! is smaller: the transports, and requests, topics and what else `duplex` brings. `test-util` adds `test_util`, by which an app's own
//! tests drive a client natively, with all features on. `rust` is what these have in common.

#![cfg_attr(
    any(not(feature = "rust"), all(test, not(target_arch = "wasm32"))),
    allow(dead_code, reason = "of the Rust API, and of builds that the core's own tests go with")
)]
#![cfg_attr(
    all(feature = "rust", not(all(feature = "websocket", feature = "sse", feature = "duplex"))),
    allow(
        dead_code,
        unused_imports,
        unused_variables,
        unreachable_code,
        reason = "of the features that are off; with all of them nothing is unused"
    )
)]

#[cfg(any(test, feature = "rust"))]
#[allow(dead_code, reason = "the numbers are the npm package's")]
mod calls;
#[cfg(feature = "rust")]
mod client;
#[cfg(any(test, feature = "rust"))]
#[allow(dead_code, reason = "the numbers are the npm package's")]
mod codes;
mod core;
#[cfg(feature = "rust")]
mod driver;
#[cfg(all(
    test,
    target_arch = "wasm32",
    target_os = "unknown",
    feature = "websocket",
    feature = "sse",
    feature = "duplex"
))]
#[path = "../tests/ports/mod.rs"]
mod ports;
#[cfg(any(
    feature = "sse",
    test,
    all(feature = "rust", not(all(target_arch = "wasm32", target_os = "unknown")))
))]
mod sse;
#[cfg(all(feature = "rust", not(any(feature = "sse", test)), target_arch = "wasm32", target_os = "unknown"))]
#[path = "sse/none.rs"]
mod sse;
#[cfg(all(
    any(feature = "test-util", all(test, feature = "rust")),
    not(all(target_arch = "wasm32", target_os = "unknown"))
))]
pub mod test_util;
#[cfg(feature = "rust")]
mod transport;
#[cfg(feature = "rust")]
mod web;

#[cfg(feature = "rust")]
pub use crate::client::{Builder, Client, Event, Handle, Message, Stats};
pub use crate::core::{failure::Failure, outbox::Sent, state::State};
#[cfg(feature = "rust")]
pub use crate::transport::Transport;

/// Tokens: asked for once for all clients that need one, kept until shortly before they expire, put where the server reads them.
#[cfg(feature = "rust")]
pub mod auth {
    pub use crate::client::{Authorize, Greet, KeptFresh, Token, TokenContext, TokenReason, Tokens};
}

/// Where a client connects: what is asked of the server, and what a function is told that gives it.
pub mod endpoint {
    #[cfg(feature = "rust")]
    pub use crate::client::{
        Context, Credentials, EndpointError, Handshake, HandshakeOver, NotResumable, Redirect, Request,
        path_segment,
    };
    #[cfg(all(feature = "rust", feature = "duplex"))]
    pub use crate::client::{Way, Ways};
    pub use crate::core::io::Reason;
}

/// What cannot work: an address, an option, a value.
pub mod error {
    #[cfg(feature = "rust")]
    pub use crate::client::{
        CancelError, ConnectError, DecodeError, EncodeError, Error, SendError, StorageError,
    };
    pub use crate::core::config::OptionError;
}

/// What an [`Event`] tells.
pub mod event {
    #[cfg(feature = "rust")]
    pub use crate::client::{Closed, Details, Gap, Head, Opened, Retry};
    pub use crate::core::{io::CloseReason, resume::Outcome};
}

/// What belongs to a [`Failure`].
pub mod failure {
    pub use crate::core::failure::{Class, RetryAfter};
}

/// What a [`Message`] is made of.
#[cfg(feature = "rust")]
pub mod message {
    pub use crate::client::Payload;
}

/// What a [`Builder`] and a send are told.
pub mod options {
    #[cfg(feature = "rust")]
    pub use crate::client::{ContentType, Decision, Place, Reconnect, Resume, SendOptions, Sequence};
    #[cfg(all(feature = "rust", feature = "duplex"))]
    pub use crate::client::{Fallback, LongPoll, Persist, Rate, Uplink};
    pub use crate::core::config::{Heartbeat, Jitter, Outbox, Overflow};
}

/// Questions to the server, and its replies: [`Handle::request`].
#[cfg(all(feature = "rust", feature = "duplex"))]
pub mod requests {
    pub use crate::client::{RequestError, RequestOptions, Requesting, Requests};
}

/// A send under way, and why one was dropped.
pub mod send {
    #[cfg(feature = "rust")]
    pub use crate::client::Sending;
    pub use crate::core::outbox::Dropped;
}

/// What outlives a page: see [`Resume::with_storage`](options::Resume::with_storage) and [`Persist`](options::Persist).
#[cfg(feature = "rust")]
pub mod storage {
    pub use crate::client::{Backend, Storage, forget};
}

/// Topics on one connection, each a stream of its own: [`Handle::subscribe`].
#[cfg(all(feature = "rust", feature = "duplex"))]
pub mod topics {
    pub use crate::client::{
        SubscribeOptions, Subscription, SubscriptionError, Subscriptions, TopicPlace, TopicState,
    };
}

/// The README's Rust is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// For `fuzz/` alone.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_sse(input: &[u8]) {
    sse::fuzz(input);
}
