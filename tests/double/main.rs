//! The Rust API natively, over `everwire::test_util`: what needs no browser, in no time.

#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test, and that is all it does"
)]

mod cancel;
mod connection;
mod decode;
mod details;
mod duplex;
mod endpoint;
mod fallback;
mod inbox;
mod life;
mod numbers;
mod page;
mod persist;
mod place;
mod polls;
mod presets;
mod probe;
mod seam;
mod sending;
mod stream;
mod support;
mod tokens;
mod uplink;
mod uplink_answers;
