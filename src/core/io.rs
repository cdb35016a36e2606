//! What goes into the core and what comes out of it.

use super::{
    failure::Failure,
    losses::Loss,
    outbox::{Outgoing, Sent, Settle},
    resume::{Missing, Outcome},
    state::State,
};
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use super::{persist, topics::TopicEvent};

/// When an input happens, and the random draw it may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp {
    /// Milliseconds on a monotonic clock.
    pub(crate) now: u64,
    pub(crate) draw: u32,
}

/// `attempt` is the serial that came with [`Action::Resolve`]; an input with another is of the past and ignored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    Start,
    /// The address is known.
    Resolved {
        attempt: u32,
        route: Route,
    },
    Opened {
        attempt: u32,
    },
    Lost {
        attempt: u32,
        failure: Failure,
    },
    /// The EventSource is reconnecting by itself.
    Interrupted {
        attempt: u32,
    },
    /// The timer fired. Wall time is used only to see jumps.
    Tick {
        wall: u64,
    },
    Page(Page),
    /// The caller's rule on the failure it was asked about.
    Answer(Decision),
    Send(Outgoing),
    /// The server says that it has it.
    Acked(u32),
    /// A ping was answered.
    Ponged,
    /// A request of the uplink's is over: its answer, whose status may also be one of success, or why there is none.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Posted {
        request: u32,
        answer: Failure,
    },
    /// The page goes; requests of so many bytes outlive it already. `persisted`: it may come back.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Leave {
        persisted: bool,
        alive: u64,
    },
    /// The app gives it up.
    Abort(u32),
    /// The server is going to close this connection.
    Retire,
    /// The server says that too much goes up.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Slower,
    /// Of [`Action::Probe`]: the status, and what its `Retry-After` asks to wait; or nothing that was an answer.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Probed {
        attempt: u32,
        answer: Option<(u16, Option<super::failure::RetryAfter>)>,
    },
    Reconnect,
    Close {
        why: Why,
        code: u16,
    },
}

/// What the address tells of the connection to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    /// It can send: WebSocket, or with requests beside the stream.
    pub(crate) uplink: bool,
    /// What it sends goes as requests, whose answers say that the server has it.
    pub(crate) posts: bool,
    /// The network cannot be missing.
    pub(crate) loopback: bool,
    /// A request that must not be repeated by itself: POST and PATCH.
    pub(crate) once: bool,
    /// Each request of the stream ends and is followed by the next.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) polls: bool,
}

/// What the caller's rule says of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Decision {
    /// The table has it.
    Table,
    GiveUp,
    Again,
    /// As the table has a 401, whatever the failure is.
    Unauthorized,
    /// Again, in so many ms.
    After(u64),
}

/// What the page tells of itself, and the app of what it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Page {
    Online,
    Offline,
    Hidden,
    Visible,
    /// Frozen, or put into the back/forward cache.
    Frozen,
    Resumed,
    /// It is going for good, and its connections with it.
    Left,
    /// The app pauses the client, and lets it go on.
    Paused,
    Unpaused,
    /// The window has gone, but who is outside of it may hold the client: a frame that is removed or navigated, a popup.
    Gone,
}

/// What becomes of the place in the stream that a page stored, when its client closes.
#[allow(dead_code, reason = "of the npm package")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// The next client goes on from there.
    Kept = 0,
    /// The stream is over: there is nothing to ask for.
    Over = 2,
    /// It leads nowhere: the next client starts anew.
    Gone = 4,
}

/// Why a client is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// `close()` was called, or the client was dropped.
    App,
    /// The caller's signal was aborted.
    Aborted,
    /// The window that the client belongs to has gone: a frame that was removed or navigated, a popup that was closed.
    Unloaded,
    /// The server has said all it had to say.
    Ended,
    /// A failure that no retry can mend.
    Fatal,
    /// The attempts are used up, or reconnecting is off.
    Exhausted,
    /// A fault in everwire itself.
    Internal,
}

pub(crate) use CloseReason as Why;

/// Why an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The first one.
    Initial,
    /// After a loss or a failed attempt.
    Reconnect,
    /// The server refused the credentials: ask for new ones.
    Unauthorized,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Find the address, then [`Input::Resolved`], or [`Input::Lost`] if there is none.
    Resolve {
        attempt: u32,
        retry: u64,
        reason: Reason,
        /// Which of the endpoints, from 0.
        endpoint: u32,
    },
    /// Open a transport to that address; beside the one there is, if there is one.
    Open {
        attempt: u32,
    },
    /// True: the transport opened last takes the place of the one before. False: it is dropped.
    Switch(bool),
    /// Drop the transport, listeners first.
    Drop {
        code: u16,
    },
    Ping,
    /// Hand it to the socket, then tell what became of it: `sent`, `carried`, `refused` or `unsent`.
    Transmit(u32),
    /// Stop this request of the uplink's, which is overdue, then [`Input::Posted`].
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Stop(u32),
    Settle {
        id: u32,
        sent: Sent,
    },
    /// Ask the caller's rule, then [`Input::Answer`].
    Ask(Failure),
    /// Ask the server by HEAD for the stream of this attempt; upon a stream's answer [`Connection::would_stream`](super::Connection::would_stream). 0: not any more.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Head {
        attempt: u32,
    },
    /// Make the next request of this connection: the server may wait so many ms; then [`Input::Opened`] and [`Input::Lost`], also
    /// for its end in good order. None: the last one was not answered in time, which is why the connection is lost.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Poll {
        attempt: u32,
        wait: Option<u64>,
    },
    /// Ask the server why this attempt failed, then [`Input::Probed`].
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Probe {
        attempt: u32,
    },
    /// The next page is to begin with this endpoint.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Begin(u32),
    /// The place is to be written; or where another page has been asked for it, that one keeps it.
    Place,
    /// Of what is kept of the outbox over a reload.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Persist(persist::Step),
    /// To the next client for this place.
    Record(Loss),
    Emit(ClientEvent),
}

impl Settle for Vec<Action> {
    fn settle(&mut self, id: u32, sent: Sent) {
        self.push(Action::Settle { id, sent });
    }
}

/// What the app is told, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientEvent {
    State(State),
    Open,
    Retry {
        retry: u64,
        delay: u64,
        failure: Failure,
    },
    /// With the sequence numbers that are missing, first and last, where that is known.
    Outcome(Outcome, Missing),
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Topic(TopicEvent),
    Closed {
        why: Why,
        code: u16,
        failure: Option<Failure>,
    },
}
