//! The words of the JavaScript API, as texts of the Rust one.

use std::fmt;

use crate::{
    State, Transport,
    endpoint::Reason,
    event::{CloseReason, Outcome},
    failure::Class,
    send::Dropped,
};

macro_rules! words {
    ($($of:ident { $($variant:ident $word:literal)* })*) => {
        $(impl fmt::Display for $of {
            /// As in the JavaScript API.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $word,)* })
            }
        })*
    };
}

words! {
    State {
        Connecting "connecting"
        Open "open"
        Waiting "waiting"
        Suspended "suspended"
        Closed "closed"
    }
    CloseReason {
        App "app"
        Aborted "aborted"
        Unloaded "unloaded"
        Ended "ended"
        Fatal "fatal"
        Exhausted "exhausted"
        Internal "internal"
    }
    Reason {
        Initial "initial"
        Reconnect "reconnect"
        Unauthorized "unauthorized"
    }
    Outcome {
        Recovered "recovered"
        Gap "gap"
        Unknown "unknown"
    }
    Class {
        Retriable "retriable"
        Fatal "fatal"
        Reauth "reauth"
        Ended "ended"
    }
    Dropped {
        Overflow "overflow"
        TooBig "too-big"
        Closed "closed"
        NoUplink "no-uplink"
        Refused "refused"
        Expired "expired"
        Aborted "aborted"
        Volatile "volatile"
    }
}

impl std::error::Error for Dropped {}

impl fmt::Display for Transport {
    /// Its [name](Transport::name).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use crate::{State, Transport, event::CloseReason};

    #[test]
    fn a_word_is_a_text_that_can_be_padded() {
        assert_eq!(State::Waiting.to_string(), "waiting");
        assert_eq!(format!("{:>8}|{:<6}|", Transport::Fetch, CloseReason::App), "   fetch|app   |");
    }
}
