//! The server as its users meet it: a real process on free ports, real sockets. Each test starts its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

mod support;

mod answer;
mod bulk;
mod chat;
mod count;
mod faults;
mod guard;
mod jobs;
mod ledger;
mod page;
mod process;
mod rooms;
mod script;
mod stats;
mod tail;
mod ticker;
mod uplink;
