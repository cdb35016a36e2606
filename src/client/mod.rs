//! The client for Rust, and the driver that the JavaScript bindings share with it.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) mod driver;

#[cfg(feature = "rust")]
mod builder;
#[cfg(feature = "rust")]
mod event;
#[cfg(all(feature = "rust", not(all(target_arch = "wasm32", target_os = "unknown"))))]
#[path = "host.rs"]
mod imp;
#[cfg(all(feature = "rust", target_arch = "wasm32", target_os = "unknown"))]
#[path = "web.rs"]
mod imp;
#[cfg(all(feature = "rust", target_arch = "wasm32", target_os = "unknown"))]
mod inbox;
#[cfg(feature = "rust")]
mod message;
#[cfg(feature = "rust")]
mod reconnect;
#[cfg(feature = "rust")]
mod request;
#[cfg(feature = "rust")]
mod send_options;
#[cfg(feature = "rust")]
mod stats;
#[cfg(feature = "rust")]
mod wire;
#[cfg(feature = "rust")]
mod words;

#[cfg(feature = "rust")]
pub use self::{
    builder::{
        Builder, ConnectError, ContentType, Context, Decision, EndpointError, NotResumable, Place, Resume,
    },
    event::{Closed, Event, Gap, Retry},
    message::{DecodeError, Message},
    reconnect::Reconnect,
    request::{Redirect, Request, path_segment},
    send_options::SendOptions,
    stats::Stats,
    wire::{Client, EncodeError, Handle, Sending},
};
