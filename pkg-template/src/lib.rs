//! The wasm of the npm package. The crate `everwire` has nothing of this, and this has nothing of its Rust API: it takes the files of
//! the core, the parser and the driver as they are. See "Why is the npm build a crate of its own?" in ARCHITECTURE.md.

// On the host an empty library.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![allow(unexpected_cfgs, reason = "the features of `everwire`, none of which is on but `duplex`")]

#[cfg(not(feature = "tokens"))]
#[path = "../../src/calls.rs"]
mod calls;
#[cfg(not(feature = "tokens"))]
#[path = "../../src/codes.rs"]
mod codes;
#[path = "../../src/core/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::enum_variant_names,
    reason = "public in `everwire`, or used there alone"
)]
mod core;
#[cfg(not(feature = "tokens"))]
#[path = "../../src/driver/mod.rs"]
mod driver;
#[cfg(not(feature = "tokens"))]
mod exports;
#[cfg(not(feature = "tokens"))]
mod facade;
#[cfg(not(feature = "tokens"))]
mod options;
#[cfg(not(feature = "tokens"))]
mod port;
#[cfg(not(feature = "tokens"))]
#[path = "../../src/sse/mod.rs"]
mod sse;
#[cfg(feature = "tokens")]
mod tokens;
#[cfg(not(feature = "tokens"))]
#[path = "../../src/transport/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "public in `everwire`")]
mod transport;
