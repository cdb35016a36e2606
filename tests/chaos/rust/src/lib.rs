//! The Rust client under faults: what tests/browser/pages/chaos*.js do with the npm package, done with the crate. It is
//! counted by the same JavaScript, and driven by the same runs, so it is held to the same laws.

mod app;
mod messages;
mod page;
mod sends;
mod topics;
