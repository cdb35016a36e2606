//! The parser's tests: each rule by its name, and any chunking against a plain reference.
// A test may panic: that is how it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod chunking;
mod fields;
mod limit;
mod lines;
pub(crate) mod reader;
pub(crate) mod reference;
