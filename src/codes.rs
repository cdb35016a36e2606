//! The codes that go along with the calls between JavaScript and Rust ([`crate::calls`]). In JavaScript `lost::END` is
//! `LOST_END`: `scripts/calls.mjs` writes the numbers there.

/// Why a connection was lost: one of these, or the code that the WebSocket was closed with.
pub(crate) mod lost {
    /// The stream ended in good order.
    pub(crate) const END: u32 = 0;
    pub(crate) const CONTENT_TYPE: u32 = 1;
    pub(crate) const TOO_BIG: u32 = 2;
    /// A function of the caller's failed.
    pub(crate) const PROVIDER: u32 = 3;
    pub(crate) const BUFFERED: u32 = 4;
    pub(crate) const NOT_RESUMABLE: u32 = 5;
    /// The browser refuses.
    pub(crate) const BLOCKED: u32 = 6;
    pub(crate) const REDIRECT: u32 = 7;
    /// It does not say why. 1006 never comes over the wire: there was no close frame (RFC 6455, 7.4.1).
    pub(crate) const NETWORK: u32 = 1006;
}

/// The page's life.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod life {
    pub(crate) const ONLINE: u32 = 0;
    pub(crate) const OFFLINE: u32 = 1;
    pub(crate) const HIDDEN: u32 = 2;
    pub(crate) const VISIBLE: u32 = 3;
    pub(crate) const FROZEN: u32 = 4;
    pub(crate) const RESUMED: u32 = 5;
    pub(crate) const LEFT: u32 = 6;
    pub(crate) const SHOWN: u32 = 7;
    pub(crate) const GONE: u32 = 8;
    /// The app's `pause()` and `resume()`.
    pub(crate) const PAUSED: u32 = 9;
    pub(crate) const UNPAUSED: u32 = 10;
}

/// What the page is when a client begins.
pub(crate) mod begins {
    pub(crate) const HIDDEN: u32 = 1;
    pub(crate) const OFFLINE: u32 = 2;
}

/// The answer to a check.
pub(crate) mod ruling {
    pub(crate) const DELIVER: u32 = 1;
    /// The id is the cursor now.
    pub(crate) const MOVES: u32 = 2;
    /// The ids have begun anew.
    pub(crate) const RESTARTED: u32 = 4;
}

/// What a port's `send` gives.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod taken {
    pub(crate) const NOT_OPEN: u32 = 0;
    pub(crate) const SENT: u32 = 1;
    /// The browser refused it.
    pub(crate) const UNSENDABLE: u32 = 2;
    /// The socket's buffer is full.
    pub(crate) const FULL: u32 = 3;
    /// From here on: a request is to carry it, whose answer says what became of it; its length there, twice, and 1 more for bytes.
    pub(crate) const CARRIED: u32 = 4;
}

/// Why a request beside a stream has no answer. Else it has a status, and what `Retry-After` says.
#[cfg(feature = "duplex")]
pub(crate) mod posted {
    pub(crate) const NETWORK: u32 = 0;
    /// It was not sent: a function of the caller's failed.
    pub(crate) const PROVIDER: u32 = 1;
}

/// Why a client is closed. The app, its signal, and the message that it waited for close it from outside.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod why {
    use crate::core::io::Why;

    pub(crate) const APP: u32 = 0;
    pub(crate) const ABORTED: u32 = 1;
    const UNLOADED: u32 = 2;
    pub(crate) const ENDED: u32 = 3;
    const FATAL: u32 = 4;
    const EXHAUSTED: u32 = 5;
    /// The instance has trapped, which JavaScript says itself.
    const INTERNAL: u32 = 6;
    const _: () = assert!(
        Why::App as u32 == APP
            && Why::Aborted as u32 == ABORTED
            && Why::Unloaded as u32 == UNLOADED
            && Why::Ended as u32 == ENDED
            && Why::Fatal as u32 == FATAL
            && Why::Exhausted as u32 == EXHAUSTED
    );
}

/// What the client is doing.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod state {
    use crate::core::state::State;

    const OPEN: u32 = 1;
    const WAITING: u32 = 2;
    const CLOSED: u32 = 4;
    const _: () = assert!(
        State::Open as u32 == OPEN && State::Waiting as u32 == WAITING && State::Closed as u32 == CLOSED
    );
}

/// What became of a send; from `DROPPED` on it was dropped, and why.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod sent {
    use crate::core::outbox::Dropped;

    pub(crate) const SENT: u32 = 0;
    pub(crate) const ACKED: u32 = 1;
    pub(crate) const UNKNOWN: u32 = 2;
    pub(crate) const DROPPED: u32 = 3;
    const DROPPED_CLOSED: u32 = 5;
    const DROPPED_ABORTED: u32 = 9;
    const _: () = assert!(
        DROPPED + Dropped::Closed as u32 == DROPPED_CLOSED
            && DROPPED + Dropped::Aborted as u32 == DROPPED_ABORTED
    );
}

/// What `shouldReconnect` decides, below a number of ms.
#[allow(dead_code, reason = "one is of JavaScript alone")]
pub(crate) mod decision {
    pub(crate) const TABLE: u32 = 0;
    pub(crate) const GIVE_UP: u32 = 1;
    pub(crate) const AGAIN: u32 = 2;
    pub(crate) const UNAUTHORIZED: u32 = 3;
    /// And a number of ms.
    pub(crate) const AFTER: u32 = 4;
}

/// The transports; 0 is what suits the address.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod transport {
    pub(crate) const WEBSOCKET: u32 = 1;
    pub(crate) const EVENTSOURCE: u32 = 2;
    pub(crate) const FETCH: u32 = 3;
}

/// Which transport an address takes, and more of it; or that none can, and why.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod route {
    /// Its lowest bits are the transport.
    pub(crate) const TRANSPORT: u32 = 3;
    /// This very machine, whose network cannot be missing.
    pub(crate) const LOOPBACK: u32 = 4;
    /// What is sent goes up as POSTs.
    pub(crate) const POSTS: u32 = 8;
    /// Each request ends, and is followed by the next.
    pub(crate) const POLLS: u32 = 16;
    /// There is no transport: nothing that parses; ws(s) for another transport; another scheme; a user name or password.
    pub(crate) const UNPARSABLE: u32 = 0;
    pub(crate) const NOT_A_STREAM: u32 = 8;
    pub(crate) const SCHEME: u32 = 16;
    pub(crate) const CREDENTIALS: u32 = 24;
}

/// `resume.via`; 0: it is left open.
pub(crate) mod via {
    pub(crate) const QUERY: u32 = 1;
    pub(crate) const HEADER: u32 = 2;
    pub(crate) const FRAME: u32 = 3;
    pub(crate) const URL: u32 = 4;
}

/// Of a request that is to carry the cursor: above its transport.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod carry {
    use crate::core::carrier::Carrier;

    pub(crate) const PLAIN: u32 = 4;
    pub(crate) const FITS: u32 = 8;
    pub(crate) const PLACED: u32 = 16;
    /// And the answers.
    pub(crate) const NOTHING: u32 = 1;
    pub(crate) const HEADER: u32 = 2;
    pub(crate) const QUERY: u32 = 3;
    pub(crate) const TOO_LONG: u32 = 4;
    const _: () = assert!(
        Carrier::Nothing as u32 == NOTHING
            && Carrier::Header as u32 == HEADER
            && Carrier::Query as u32 == QUERY
            && Carrier::TooLong as u32 == TOO_LONG
    );
}

/// What JavaScript keeps aside of ids, as it is what the core remembers of them.
#[allow(dead_code, reason = "these are of JavaScript alone")]
pub(crate) mod ids {
    use crate::core::resume;

    const FIRST: u32 = 64;
    const RECENT: u32 = 1024;
    const _: () = assert!(FIRST as usize == resume::FIRST && RECENT as usize == resume::RECENT);
}

/// What becomes of a stored place.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod fate {
    use crate::core::io::Fate;

    pub(crate) const OVER: u32 = 2;
    pub(crate) const GONE: u32 = 4;
    const _: () = assert!(Fate::Over as u32 == OVER && Fate::Gone as u32 == GONE);
}

/// What is stored of a place, and what becomes of it.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod place_is {
    pub(crate) const FRESH: u32 = 1;
    pub(crate) const THROUGH: u32 = 2;
    pub(crate) const ENDS: u32 = 4;
    pub(crate) const ENDED: u32 = 8;
    pub(crate) const RIVAL: u32 = 16;
    pub(crate) const EMPTY: u32 = 32;
    pub(crate) const FOREIGN: u32 = 64;
}

/// What is written.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod write {
    use crate::core::place::Write;

    const PLACE: u32 = 2;
    const CLAIM: u32 = 4;
    const _: () = assert!(Write::Place as u32 == PLACE && Write::Claim as u32 == CLAIM);
}

/// What a message is that has the id of a request.
#[cfg(feature = "duplex")]
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod replied {
    use crate::core::requests::Reply;

    const LATE: u32 = 1;
    const AWAITED: u32 = 2;
    const _: () = assert!(Reply::Late as u32 == LATE && Reply::Awaited as u32 == AWAITED);
}

/// Flags of a send.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod send {
    pub(crate) const PRIORITY: u32 = 1;
    pub(crate) const VOLATILE: u32 = 2;
    /// It waits for an ack, or for a pong.
    pub(crate) const ACK: u32 = 4;
    pub(crate) const PONG: u32 = 8;
}

/// Flags of the options.
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod option {
    pub(crate) const RECONNECTS: u32 = 1;
    pub(crate) const HEARTBEAT: u32 = 2;
    pub(crate) const PROVIDER: u32 = 4;
    pub(crate) const ASKS: u32 = 8;
    pub(crate) const SELF_RECONNECT: u32 = 16;
    pub(crate) const WATCH_PAGE: u32 = 32;
    pub(crate) const COMMENTS: u32 = 64;
    pub(crate) const PLAIN: u32 = 128;
    pub(crate) const NUMBERED: u32 = 256;
    pub(crate) const PASSIVE: u32 = 512;
    pub(crate) const RESUMES: u32 = 1024;
    pub(crate) const UNTIL: u32 = 2048;
    /// The endpoints are ways to one server.
    pub(crate) const WAYS: u32 = 4096;
}

/// What becomes of a topic.
#[cfg(feature = "duplex")]
#[allow(dead_code, reason = "some are of JavaScript alone")]
pub(crate) mod topic {
    /// With its connection.
    pub(crate) const LOST: u32 = 0;
    pub(crate) const JOINED: u32 = 1;
    /// There was no word in time.
    pub(crate) const LATE: u32 = 2;
    pub(crate) const OVER: u32 = 3;
    /// And why its join was dropped.
    pub(crate) const UNSENT: u32 = 5;
}

/// Flags of a request.
#[cfg(feature = "duplex")]
pub(crate) mod asks {
    pub(crate) const OWN: u32 = 1;
    pub(crate) const AGAIN: u32 = 2;
}
