//! everwire

mod core;
mod transport;
mod client;
#[cfg(all(feature = "npm", target_arch = "wasm32", target_os = "unknown"))]
mod bindings;

pub use crate::core::{
    config::{Backoff, Heartbeat, Jitter, OptionError, Outbox, Overflow},
    failure::{Class, Failure},
    io::{Reason, Why},
    outbox::{Dropped, Sent},
    seam::Outcome,
    state::State,
};
pub use crate::transport::Transport;
