//! The port without the feature `duplex`: nothing is a reply or of a topic, and no request follows another by itself.

use super::{
    link::Outgoing,
    port::{Port, Prepared},
};
use crate::{Sent, client::Message};

#[allow(clippy::unused_self, clippy::needless_pass_by_value, reason = "of the port with the feature")]
impl Port {
    pub(super) fn replies(&self, _: &Message) -> bool {
        false
    }

    pub(super) fn of_topic(&self, _: &Message) -> bool {
        false
    }

    pub(super) fn slows(&self, _: &Message) {}

    pub(crate) fn request_settled(&self, _: u32, _: Sent) -> bool {
        false
    }

    pub(crate) fn end_topics(&self) {}

    pub(super) fn polls_of(&self, _: Prepared) -> Option<Prepared> {
        None
    }

    pub(super) fn is_polled(&self, _: u32) -> bool {
        false
    }

    pub(super) fn news(&self) -> i64 {
        0
    }

    pub(super) fn head_of(&self, _: &Outgoing) -> Option<Outgoing> {
        None
    }

    pub(super) fn streams(&self, _: u32, _: Outgoing) {}
}
