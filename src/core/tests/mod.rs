//! The core's tests: each named by the behaviour it holds to, all on a virtual clock.
// A test may panic: that is how it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod anew;
mod backoff;
mod buffered;
mod carrier;
mod cursor_probe;
mod decide;
mod detection;
mod ends;
mod extremes;
mod failover;
mod fallback;
mod false_kill;
mod fates;
mod forgetting;
mod life;
mod long_id;
mod losses;
mod model;
mod models;
mod muted;
mod outbox;
mod outbox_model;
mod pace;
mod page;
mod persist;
mod persist_model;
mod place;
mod place_model;
mod polls;
mod polls_model;
mod posts;
mod probe;
mod random;
mod requests;
mod requests_model;
mod resume;
mod resume_models;
mod rollover;
mod sequence;
mod sim;
mod stream;
mod table;
mod tokens;
mod tokens_model;
mod topics;
mod topics_model;
mod uplink_model;

use proptest::test_runner::Config as Cases;

/// How many cases a property is tried with. No files are left behind: a failing case is made a test.
fn cases(cases: u32) -> Cases {
    Cases { cases, failure_persistence: None, ..Cases::default() }
}

/// A file that the packaged crate does not have. There it is None, and there is nothing to compare with; cargo leaves the
/// manifest that it was made from as a mark of it.
fn file_of_the_repository(path: &str) -> Option<String> {
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let root = std::path::Path::new(&root);
    if root.join("Cargo.toml.orig").exists() {
        return None;
    }
    Some(std::fs::read_to_string(root.join(path)).expect(path))
}
