//! How a fleet of clients comes back to servers that fail: everwire's core, as it is, on a virtual clock.
//!
//! `make herd` runs a million of them; `tests/bound.rs` runs fewer, in `make test-native`.
// With `--all-targets` cargo builds it for tests as well, whatever the manifest says; the core's would come along.
#![cfg(not(test))]
#![allow(unexpected_cfgs, reason = "the features of `everwire`; see below")]

// A private module of the crate `everwire`, which stays one: its files are taken as they are. Of the features that its `cfg`s name
// none is on: that is the core of `everwire`, without what `everwire/duplex` and other entries add.
#[path = "../../../src/core/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    missing_docs,
    clippy::enum_variant_names,
    reason = "the herd uses a part of the core"
)]
mod core;

/// The drawing.
pub mod draw;
mod fleets;
mod servers;
mod world;

pub use fleets::Kind;
pub use servers::Scenario;
pub use world::{Run, run};

/// Of the worst 100 ms between 60 and 120 s after a restart, how many times the even spread's it may be.
pub const BOUND: f64 = 1.2;
/// The same seed gives the same run.
pub const SEED: u64 = 2026;
/// Of a client that has done nothing yet.
pub const CORE_SIZE: usize = size_of::<core::Connection>();
