//! Those of tests/web, as far as they are of no client.

#![allow(dead_code, unreachable_pub, reason = "a part of them")]

#[path = "../../web/support/server.rs"]
pub(crate) mod server;
#[path = "../../web/support/wait.rs"]
pub(crate) mod wait;

pub(crate) mod live {
    pub(crate) fn close_left_over() {}
}
