//! What a method of the builder installs. Traits, so that an app which does not call it has nothing of the code.

use std::rc::Rc;

use super::{link::Data, page::Target, port::Port};
#[cfg(feature = "duplex")]
use crate::core::persist::Step;
use crate::{
    Sent,
    client::{Builder, Request, SendOptions, Slot},
    error::OptionError,
};

/// The heartbeat: how a ping is sent, and whether what came is one, or answers one.
#[derive(Clone, Copy)]
pub(crate) struct Beat {
    pub(super) ping: fn(&Port),
    pub(super) hears: fn(&Port, &Data, f64) -> bool,
}

impl Beat {
    pub(crate) const fn new() -> Self {
        Self { ping: Port::beat, hears: Port::is_heartbeat }
    }
}

/// What stands between a socket's open and the client's.
pub(crate) trait Shakes {
    /// Whether this connection has to wait for it.
    fn shake(self: Rc<Self>, port: &Port, attempt: u32) -> bool;
    /// Whether what came waits for it.
    fn holds(&self, port: &Port, attempt: u32, data: &Data, at: f64) -> bool;
    /// Some connections may be over.
    fn end(&self, port: &Port);
}

/// The outbox that outlives its page.
pub(crate) trait Keeps {
    /// From here on the core asks for its steps.
    fn start(&self);
    /// The app sends it, with an ack.
    fn send(&self, text: &str, ack: &str, options: &SendOptions) -> (u32, Slot<Sent>);
    /// The app takes it back.
    fn abort(&self, id: u32);
    /// A message with this ack has not been handed over yet.
    fn has(&self, ack: &str) -> bool;
    #[cfg(feature = "duplex")]
    fn step(&self, step: Step);
    /// A send of this number has its fate.
    fn settled(&self, id: u32);
    /// The client has ended.
    fn end(&self);
}

/// The way up beside an event stream.
pub(crate) trait Upward {
    /// What cannot work.
    fn check(&self, builder: &Builder) -> Result<(), OptionError>;
    /// Whether what is sent beside this stream can go up.
    fn goes(&self, stream: &Request) -> bool;
    /// The query parameter that says which stream it is.
    fn name(&self) -> Option<&str>;
    /// A stream is going to be asked for there.
    fn aim(&self, stream: &Request, target: &Target);
    /// What was going to be asked for was not.
    fn forget_next(&self);
    /// It was asked for.
    fn began(&self, port: &Port, attempt: u32);
    /// The port is going to listen to the page's life.
    fn watch(self: Rc<Self>, port: &Port);
    /// What became of it, as a port's `send` says it. None: it does not go by POST.
    fn send(self: Rc<Self>, port: &Port, data: &Data) -> Option<u32>;
    /// This request is overdue.
    fn stop(&self, port: &Port, serial: u32);
    /// The client is closed.
    fn end(&self);
}

/// What asks why a WebSocket did not open.
pub(crate) trait Probes {
    /// What cannot work.
    fn check(&self) -> Result<(), OptionError>;
    /// Ask why this attempt failed.
    fn probe(&self, port: &Port, attempt: u32);
}
