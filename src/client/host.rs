//! Off the web there is nothing to connect with: `connect` says so, and none of these is ever made. They
//! are here so that an app that renders on the server compiles.

use std::task::{Context, Poll};

use super::{Builder, ConnectError, DecodeError, EncodeError, Event, SendOptions, Stats};
use crate::{Failure, Sent, State, Transport, core::config::Config, error::OptionError};

pub(crate) fn connect(_: Builder, _: Config) -> Result<Wire, ConnectError> {
    Err(ConnectError::Unsupported)
}

/// Inside private fields, so that the code that uses these is not found unreachable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Never {}

pub(crate) struct Wire(Never);

impl Wire {
    pub(crate) fn poll_next(&self, _: &mut Context<'_>) -> Poll<Option<Event>> {
        match self.0 {}
    }

    pub(crate) fn handle(&self) -> Handle {
        match self.0 {}
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Handle(Never);

impl Handle {
    pub(crate) fn state(&self) -> State {
        match self.0 {}
    }

    pub(crate) fn last_event_id(&self) -> String {
        match self.0 {}
    }

    pub(crate) fn last_failure(&self) -> Option<Failure> {
        match self.0 {}
    }

    pub(crate) fn retry_in(&self) -> Option<u64> {
        match self.0 {}
    }

    pub(crate) fn attempt(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn queued(&self) -> (usize, u64) {
        match self.0 {}
    }

    pub(crate) fn stats(&self) -> Stats {
        match self.0 {}
    }

    pub(crate) fn round_trip(&self) -> Option<f64> {
        match self.0 {}
    }

    pub(crate) fn send_text(&self, _: &str) -> Sending {
        match self.0 {}
    }

    pub(crate) fn send_bytes(&self, _: &[u8]) -> Sending {
        match self.0 {}
    }

    pub(crate) fn send_text_with(&self, _: &str, _: &SendOptions) -> Result<Sending, OptionError> {
        match self.0 {}
    }

    pub(crate) fn send_bytes_with(&self, _: &[u8], _: &SendOptions) -> Result<Sending, OptionError> {
        match self.0 {}
    }

    pub(crate) fn send_json<T: ?Sized>(&self, _: &T) -> Result<Sending, EncodeError> {
        match self.0 {}
    }

    pub(crate) fn pause(&self) {
        match self.0 {}
    }

    pub(crate) fn resume(&self) {
        match self.0 {}
    }

    pub(crate) fn reconnect(&self) {
        match self.0 {}
    }

    pub(crate) fn close(&self, _: u16, _: &str) {
        match self.0 {}
    }
}

pub(crate) struct Sending(Never);

impl Sending {
    pub(crate) fn poll(&self, _: &mut Context<'_>) -> Poll<Sent> {
        match self.0 {}
    }
}

pub(crate) struct Message(Never);

impl Message {
    pub(crate) fn kind(&self) -> String {
        match self.0 {}
    }

    pub(crate) fn text(&self) -> Option<String> {
        match self.0 {}
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self.0 {}
    }

    pub(crate) fn json<T>(&self) -> Result<T, DecodeError> {
        match self.0 {}
    }

    pub(crate) fn last_event_id(&self) -> String {
        match self.0 {}
    }

    pub(crate) fn transport(&self) -> Transport {
        match self.0 {}
    }

    pub(crate) fn origin(&self) -> String {
        match self.0 {}
    }
}
