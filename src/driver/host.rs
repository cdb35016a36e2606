//! The app's side of a client, as the driver sees it.

use super::{Driver, Port};
use crate::core::{
    failure::Failure,
    io::{ClientEvent, Decision, Reason},
    losses::Loss,
    outbox::Sent,
};

#[cfg(feature = "duplex")]
use crate::core::persist::Step;

/// The app's side.
pub(crate) trait Host: Sized {
    /// The page's side.
    type Port: Port;

    /// Find the address and let the port prepare it, then give what [`Driver::prepared`] makes of it, now or later.
    fn resolve(&self, driver: &Driver<Self>, attempt: u32, retry: u64, reason: Reason, endpoint: u32);
    fn ask(&self, failure: Failure) -> Decision;
    fn settle(&self, id: u32, sent: Sent);
    fn emit(&self, driver: &Driver<Self>, event: ClientEvent);
    /// Of a client that was told to follow another ([`Call::Follow`]).
    fn record(&self, _: Loss) {}
    /// Of a client that was told of something to be written ([`Call::PlaceDue`]).
    fn place(&self) {}
    #[cfg(feature = "duplex")]
    fn head(&self, _: u32) {}
    #[cfg(feature = "duplex")]
    fn probe(&self, _: u32) {}
    #[cfg(feature = "duplex")]
    fn begin(&self, _: u32) {}
    #[cfg(feature = "duplex")]
    fn persist(&self, _: Step) {}
    #[cfg(feature = "duplex")]
    fn poll(&self, _: u32, _: Option<u64>) {}
}
