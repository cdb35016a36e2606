//! The Rust API in real browsers, against the real server: `scripts/test-web.sh` starts both.
//! On a host that is not wasm this is an empty program.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test, and that is all it does"
)]

mod cancel;
mod decode;
mod endpoint;
mod fallback;
mod faults;
mod fetch;
mod fields;
mod handshake;
mod lifetime;
mod messages;
mod options;
mod policy;
mod polls;
mod presets;
mod probe;
mod refusals;
mod requests;
mod seam;
mod secrets;
mod sending;
mod storage;
mod support;
mod tokens;
mod topics;
mod uplink;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
