//! The core's inputs and actions.

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

/// `attempt` is the serial number that came with [`Action::Resolve`]. Inputs with another one are late, and ignored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    Start,
    /// The address of this attempt is known.
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
    /// The timer fired. The wall clock only shows that the machine slept.
    Tick {
        wall: u64,
    },
    Page(Page),
    /// What the app's rule (`shouldReconnect`) decided, after [`Action::Ask`].
    Answer(Decision),
    Send(Outgoing),
    /// The server acknowledged this message.
    Acked(u32),
    /// A ping was answered.
    Ponged,
    /// An uplink request is over. `answer`: its status, which may also be one of success, or the reason why there is none.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Posted {
        request: u32,
        answer: Failure,
    },
    /// The page is left. `alive`: bytes of requests that already outlive it; `persisted`: the page may come back.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Leave {
        persisted: bool,
        alive: u64,
    },
    /// The app aborted this message.
    Abort(u32),
    /// The server said that it is about to close this connection.
    Retire,
    /// The server said that the client sends too fast.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Slower,
    /// The result of [`Action::Probe`]: the status and its `Retry-After`; `None` if no answer came.
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

/// What is known of a connection from its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    /// The client can send: a WebSocket, or a stream with an uplink.
    pub(crate) uplink: bool,
    /// Messages go up as requests, and an answer says that the server has them.
    pub(crate) posts: bool,
    /// The server is this machine, so being offline does not matter.
    pub(crate) loopback: bool,
    /// The request must not be repeated without the app's word: POST and PATCH.
    pub(crate) once: bool,
    /// The stream is a long poll: each request ends and the next one follows.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) polls: bool,
}

/// What the app's rule (`shouldReconnect`) says of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Decision {
    /// The failure table decides.
    Table,
    GiveUp,
    Again,
    /// Treat the failure as a 401, whatever it is.
    Unauthorized,
    /// Try again in so many ms.
    After(u64),
}

/// An event of the page's life, or a wish of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Page {
    Online,
    Offline,
    Hidden,
    Visible,
    /// The page was frozen, or put into the back/forward cache.
    Frozen,
    Resumed,
    /// The page is left for good, and its connections end with it.
    Left,
    /// The app pauses the client, and lets it go on.
    Paused,
    Unpaused,
    /// The window is gone, but code outside of it may still hold the client: a frame that was removed or navigated, a popup.
    Gone,
}

/// What becomes of the stored place when a client closes.
#[allow(dead_code, reason = "of the npm package")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// The next client continues from it.
    Kept = 0,
    /// The stream is over, so the next client asks for nothing.
    Over = 2,
    /// The server does not know it any more: the next client starts anew.
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
    /// Find the address, then tell [`Input::Resolved`]; or [`Input::Lost`] if there is none.
    Resolve {
        attempt: u32,
        retry: u64,
        reason: Reason,
        /// The index of the endpoint, from 0.
        endpoint: u32,
    },
    /// Open a connection to that address, beside the current one if there is one.
    Open {
        attempt: u32,
    },
    /// True: the successor replaces the current connection. False: the successor is dropped.
    Switch(bool),
    /// Close the connection, after its listeners were removed.
    Drop {
        code: u16,
    },
    Ping,
    /// Hand this message to the socket, then call `sent`, `carried`, `refused` or `unsent`.
    Transmit(u32),
    /// Abort this uplink request, which is overdue, then tell [`Input::Posted`].
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Stop(u32),
    Settle {
        id: u32,
        sent: Sent,
    },
    /// Ask the app's rule, then tell [`Input::Answer`].
    Ask(Failure),
    /// Send a HEAD request for the stream of this attempt; if the answer is one of an event stream, call
    /// [`Connection::would_stream`](super::Connection::would_stream). 0: abort that request.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Head {
        attempt: u32,
    },
    /// Make the next long-poll request, for which the server may wait so many ms; then tell [`Input::Opened`], and
    /// [`Input::Lost`] also for an end in good order. `None`: the last request got no answer in time, which is the cause of the loss.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Poll {
        attempt: u32,
        wait: Option<u64>,
    },
    /// Ask the server by a fetch why this attempt failed, then tell [`Input::Probed`].
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Probe {
        attempt: u32,
    },
    /// Remember that the next page begins with this endpoint.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Begin(u32),
    /// Write the stored place. While this page waits for its lock: the other page keeps it.
    Place,
    /// Something to do for the outbox that is kept over a reload.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Persist(persist::Step),
    /// Hand this loss to the client that continues this one's backoff.
    Record(Loss),
    Emit(ClientEvent),
}

impl Settle for Vec<Action> {
    fn settle(&mut self, id: u32, sent: Sent) {
        self.push(Action::Settle { id, sent });
    }
}

/// What the app is told, in the order of the actions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientEvent {
    State(State),
    Open,
    Retry {
        retry: u64,
        delay: u64,
        failure: Failure,
    },
    /// `Missing`: the first and the last missing sequence number, where they are known.
    Outcome(Outcome, Missing),
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    Topic(TopicEvent),
    Closed {
        why: Why,
        code: u16,
        failure: Option<Failure>,
    },
}
