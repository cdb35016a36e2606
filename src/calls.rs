//! All that crosses between JavaScript and Rust as a number, once. `scripts/calls.mjs` writes the numbers into the JavaScript
//! that names them, and `make lint` refuses what differs.
//!
//! JavaScript calls with a kind and four numbers, most of which a kind does not use: [`Call`] says what they are. What Rust
//! asks of JavaScript is [`Ask`]. The codes that go along stand in `codes.rs`.

#[cfg(feature = "duplex")]
use crate::{
    codes::{asks, posted},
    core::failure::Failure,
};
use crate::{
    codes::{carry, fate, life, place_is, route, send, transport, via, why},
    core::{
        carrier::{Asking, By, Via},
        failure::RetryAfter,
        io::{Page, Why},
        losses::Loss,
        outbox::Awaits,
        place,
        resume::Id,
    },
};

/// What JavaScript calls. [`Call::read`] has the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// The timer is over. `behind`: the socket has not handed over yet all that it was given.
    Tick {
        behind: bool,
    },
    /// Of a long poll, also for each further request.
    Opened {
        attempt: u32,
    },
    /// `code`: see [`lost`](crate::codes::lost). `brought`: the connection delivered something, and ended in good order.
    Lost {
        attempt: u32,
        code: u32,
        brought: bool,
    },
    /// The connection is lost, and the browser is going to open it again by itself (EventSource).
    Interrupted {
        attempt: u32,
    },
    /// An answer that is no event stream.
    Refused {
        attempt: u32,
        status: u16,
        retry_after: Option<RetryAfter>,
    },
    Page(Page),

    /// What to do with a message; the answer: see [`ruling`].
    Check {
        id: Id,
        number: Option<u64>,
    },
    /// Ids that were delivered without a check, one by one; `more` were, of which nothing is known.
    Learn {
        id: Id,
        more: u64,
    },
    /// The place that an earlier page left.
    StartFrom {
        id: Id,
        number: Option<u64>,
    },
    /// What the numbers from here on count in; or, instead, the `first` number of the message that is checked next.
    Epoch {
        epoch: u64,
        first: Option<u64>,
    },
    /// The server said that something is missing, that nothing is, or that it is going to close. `here`: it is this page that had
    /// no room for it.
    GapTold {
        here: bool,
    },
    RecoveryTold,
    Retire,
    /// The cursor is being read, for a connection that is to go on from it.
    Asking,
    /// How many bytes the cursor has in a header, and in the address; the answer: see [`Carrier`](crate::core::carrier::Carrier).
    GoesUp {
        asking: Asking,
        header: u32,
        query: u32,
    },
    /// There is another request for what comes after the first message.
    Resumable,
    /// The server was asked to stop: the stream's end is the end. Not so any more where it was not told.
    Stopping {
        on: bool,
    },

    /// The chunk is to be written there: the answer is an address.
    Stage,
    /// So many bytes or units of text are on the stage. The answer: the address of the table. `early`: how to count, if that
    /// is known: bytes, or units.
    Fed {
        length: usize,
        early: Option<bool>,
    },
    /// The rest of them.
    Parse {
        units: bool,
    },

    /// Of a send.
    Acked {
        id: u32,
    },
    /// The server will not have it.
    Nacked {
        id: u32,
    },
    Abort {
        id: u32,
    },
    Ponged,
    /// The ping could not be sent.
    Unpinged,

    Start,
    /// What [`Ask::Resolve`] asked for is prepared; `route`: see `Port.route`. `once`: the request must not be repeated by itself.
    Resolved {
        attempt: u32,
        route: u32,
        once: bool,
    },
    /// [`Ask::Settle`] will name this id, maybe before this returns. Ids ascend. `ttl`: in ms.
    Send {
        id: u32,
        bytes: u64,
        ttl: u64,
        priority: bool,
        volatile: bool,
        awaits: Awaits,
    },
    /// The first attempt, after what was lost in this place before. The answer: whether it has to wait for that.
    Follow(Loss),
    /// Drops what there is and tries at once.
    Reconnect,
    /// For good.
    Close {
        why: Why,
        code: u16,
    },
    /// The answer: how long until the next attempt, in ms.
    RetryIn,
    /// A client of this number is to be made; `flags`: those of the options.
    New {
        flags: u32,
    },
    Free,
    /// The app is done with something that is not stored; or another page was asked for the lock of what is.
    PlaceDue {
        claim: bool,
    },
    /// The answer: see [`place::Write`]. Of no client: one that has ended may still write.
    Write(place::Facts),

    /// Somebody listens to a topic of this number, from this place on.
    #[cfg(feature = "duplex")]
    Subscribe {
        topic: u32,
        from: Id,
    },
    /// Somebody else, too.
    #[cfg(feature = "duplex")]
    SubscribeAgain {
        topic: u32,
    },
    /// Its join is this send, of so many bytes; `more`: with the one before it.
    #[cfg(feature = "duplex")]
    Joining {
        topic: u32,
        id: u32,
        bytes: u64,
        more: bool,
    },
    /// There is no join that could be sent.
    #[cfg(feature = "duplex")]
    Unjoinable {
        topic: u32,
    },
    /// The answer: the number of the next topic whose join is to be made, counted from 1; 0: that is all.
    #[cfg(feature = "duplex")]
    NextJoin,
    /// The server's word on a join. The answer: whether it is for who listens now.
    #[cfg(feature = "duplex")]
    TopicAnswered {
        topic: u32,
        refused: bool,
    },
    /// A message of it came: the next check is about it. The answer as above.
    #[cfg(feature = "duplex")]
    TopicHeard {
        topic: u32,
    },
    #[cfg(feature = "duplex")]
    TopicCheck {
        id: Id,
        number: Option<u64>,
    },
    /// The server said that something of it is missing.
    #[cfg(feature = "duplex")]
    TopicGap {
        topic: u32,
    },
    /// The server has put the client out of it. The answer: whether that is about who listens now.
    #[cfg(feature = "duplex")]
    TopicRemoved {
        topic: u32,
    },
    /// Nobody listens any more. The answer: whether a leave is owed.
    #[cfg(feature = "duplex")]
    Leave {
        topic: u32,
    },
    /// A leave is this send.
    #[cfg(feature = "duplex")]
    Leaving {
        id: u32,
        bytes: u64,
    },
    /// The next send is a request, or is none after all. `own`: nobody else has had its id. `again`: it is asked again after a loss.
    #[cfg(feature = "duplex")]
    Asks {
        key: Option<u64>,
        own: bool,
        again: bool,
    },
    /// The server says that too much goes up.
    #[cfg(feature = "duplex")]
    Slower,
    /// The request of this attempt is out, whose answer is a stream, and which a HEAD can stand for.
    #[cfg(feature = "duplex")]
    Streaming {
        attempt: u32,
    },
    /// The HEAD that [`Ask::Head`] wants was answered as a stream is.
    #[cfg(feature = "duplex")]
    WouldStream {
        attempt: u32,
    },
    /// What [`Ask::Probe`] has found: as in [`Call::Refused`], or status 0.
    #[cfg(feature = "duplex")]
    Probed {
        attempt: u32,
        answer: Option<(u16, Option<RetryAfter>)>,
    },
    /// A message has the id of a request; the answer: see [`requests::Reply`].
    #[cfg(feature = "duplex")]
    Replied {
        key: u64,
    },
    /// The answer: whether a message would go at once.
    #[cfg(feature = "duplex")]
    Sendable,
    /// What was gathered goes out as the request of this serial. The answer: how many messages, twice; 1 more: it is to outlive the page.
    #[cfg(feature = "duplex")]
    Post {
        request: u32,
    },
    /// It is over; its status may be one of success. See [`posted`](crate::codes::posted) for one without an answer. The answer: whether that is of interest.
    #[cfg(feature = "duplex")]
    Posted {
        request: u32,
        answer: Failure,
    },
    /// The page goes, and requests of so many bytes outlive it already. `persisted`: it may come back.
    #[cfg(feature = "duplex")]
    PageLeaves {
        persisted: bool,
        alive: u64,
    },
    /// Something that this page left is in the storage of the outbox. Their numbers ascend from 1.
    #[cfg(feature = "duplex")]
    Found {
        tab: u32,
    },
    /// [`Ask::Lock`] got the lock. The answer: whether to tell of all that this page left, by [`Call::Restored`], and in order.
    #[cfg(feature = "duplex")]
    Locked {
        tab: u32,
    },
    /// That request is over; 0: all that was there at the start has been found.
    #[cfg(feature = "duplex")]
    Unlocked {
        tab: u32,
    },
    /// A send of this number is to outlive the page. `ttl`: in ms.
    #[cfg(feature = "duplex")]
    Keep {
        id: u32,
        ttl: u64,
    },
    /// Another page left one, which gets this number. `expires`: on the wall's clock. The answer: whether it is this page's now.
    #[cfg(feature = "duplex")]
    Restored {
        id: u32,
        expires: u64,
    },
    /// Its fate is known.
    #[cfg(feature = "duplex")]
    Done {
        id: u32,
    },
}

impl Call {
    /// What the core makes of these depends on what has been delivered.
    pub(crate) fn rules(kind: u32) -> bool {
        matches!(kind, 1 | 3 | 5 | 10..=13)
    }

    /// The numbers are of JavaScript's own scripts: what is unknown is nothing that a server could have said.
    // Inlined, for the size: it becomes one with the match on what it gives.
    #[inline(always)]
    pub(crate) fn read(kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> Option<Self> {
        let (id, number) = (fingerprint(high, low), sequence(attempt, code));
        Some(match kind {
            0 => Self::Tick { behind: code > 0 },
            1 => Self::Opened { attempt },
            2 => Self::Lost { attempt, code, brought: high > 0 },
            3 => Self::Interrupted { attempt },
            4 => Self::Refused { attempt, status: status(code), retry_after: retry_after(code) },
            5 => Self::Page(page(code)?),
            6 => Self::Check { id, number },
            7 => Self::Learn { id, more: number.unwrap_or_default() },
            8 => Self::StartFrom { id, number },
            9 => Self::Epoch { epoch: whole(high, low), first: number },
            10 => Self::GapTold { here: code > 0 },
            11 => Self::RecoveryTold,
            12 => Self::Retire,
            13 => Self::Asking,
            14 => Self::GoesUp { asking: asking(attempt, low), header: code, query: high },
            15 => Self::Resumable,
            16 => Self::Stage,
            17 => Self::Fed {
                length: code as usize,
                // 1 bytes, 2 units.
                early: attempt.checked_sub(1).map(|units| units > 0),
            },
            18 => Self::Parse { units: code != 0 },
            19 => Self::Acked { id: code },
            20 => Self::Nacked { id: code },
            21 => Self::Abort { id: code },
            22 => Self::Ponged,
            23 => Self::Unpinged,
            24 => Self::Start,
            25 => Self::Resolved { attempt, route: code, once: high != 0 },
            26 => Self::Send {
                priority: attempt & send::PRIORITY != 0,
                volatile: attempt & send::VOLATILE != 0,
                awaits: if attempt & send::ACK != 0 {
                    Awaits::Ack
                } else if attempt & send::PONG != 0 {
                    Awaits::Pong
                } else {
                    Awaits::Nothing
                },
                id: code,
                bytes: high.into(),
                ttl: ttl(low),
            },
            27 => Self::Follow(Loss {
                retries: attempt.into(),
                until: whole(high, low),
                not_before: whole(high, low).saturating_sub(code.into()),
            }),
            28 => Self::Reconnect,
            29 => Self::Close { why: why(attempt)?, code: code as u16 },
            30 => Self::RetryIn,
            31 => Self::New { flags: attempt },
            32 => Self::Free,
            33 => Self::PlaceDue { claim: code != 0 },
            34 => Self::Write(facts(attempt, code)),
            35 => Self::Stopping { on: code != 0 },
            #[cfg(feature = "duplex")]
            36 => Self::Subscribe { topic: attempt, from: id },
            #[cfg(feature = "duplex")]
            37 => Self::SubscribeAgain { topic: attempt },
            #[cfg(feature = "duplex")]
            38 => Self::Joining { topic: attempt, id: code, bytes: high.into(), more: low != 0 },
            #[cfg(feature = "duplex")]
            39 => Self::Unjoinable { topic: attempt },
            #[cfg(feature = "duplex")]
            40 => Self::NextJoin,
            #[cfg(feature = "duplex")]
            41 => Self::TopicAnswered { topic: attempt, refused: code != 0 },
            #[cfg(feature = "duplex")]
            42 => Self::TopicHeard { topic: attempt },
            #[cfg(feature = "duplex")]
            43 => Self::TopicCheck { id, number },
            #[cfg(feature = "duplex")]
            44 => Self::TopicGap { topic: attempt },
            #[cfg(feature = "duplex")]
            45 => Self::Leave { topic: attempt },
            #[cfg(feature = "duplex")]
            46 => Self::Leaving { id: code, bytes: high.into() },
            #[cfg(feature = "duplex")]
            47 => Self::Asks {
                key: Some(whole(high, low)).filter(|key| *key > 0),
                own: code & asks::OWN > 0,
                again: code & asks::AGAIN > 0,
            },
            #[cfg(feature = "duplex")]
            48 => Self::Slower,
            #[cfg(feature = "duplex")]
            49 => Self::Replied { key: whole(high, low) },
            #[cfg(feature = "duplex")]
            50 => Self::Sendable,
            #[cfg(feature = "duplex")]
            51 => Self::Post { request: attempt },
            #[cfg(feature = "duplex")]
            52 => Self::Posted { request: attempt, answer: answer(code) },
            #[cfg(feature = "duplex")]
            53 => Self::PageLeaves { persisted: attempt != 0, alive: code.into() },
            #[cfg(feature = "duplex")]
            54 => Self::Streaming { attempt },
            #[cfg(feature = "duplex")]
            55 => Self::WouldStream { attempt },
            #[cfg(feature = "duplex")]
            56 => Self::Probed {
                attempt,
                answer: Some((status(code), retry_after(code))).filter(|(status, _)| *status > 0),
            },
            #[cfg(feature = "duplex")]
            57 => Self::Found { tab: attempt },
            #[cfg(feature = "duplex")]
            58 => Self::Locked { tab: attempt },
            #[cfg(feature = "duplex")]
            59 => Self::Unlocked { tab: attempt },
            #[cfg(feature = "duplex")]
            60 => Self::Keep { id: attempt, ttl: ttl(low) },
            #[cfg(feature = "duplex")]
            61 => Self::Restored { id: attempt, expires: whole(high, low) },
            #[cfg(feature = "duplex")]
            62 => Self::Done { id: attempt },
            #[cfg(feature = "duplex")]
            63 => Self::TopicRemoved { topic: attempt },
            _ => return None,
        })
    }
}

/// What Rust asks of the page's JavaScript, or tells it: `client.js`, then the port. Up to three numbers go along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The option at place `a` of the list; negative: not given.
    Option = 0,
    /// Find the address: attempt `a`, retry `b`, reason and endpoint in `c`.
    Resolve = 1,
    /// The caller's rule: 0 no, 1 yes, 2 as the table says.
    Retries = 2,
    /// Makes the error object, which is the last failure: its place, class and number.
    Fail = 3,
    /// Send `a` is settled, with code `b`.
    Settle = 4,
    State = 5,
    Opened = 6,
    /// Retry `a` comes in `b` ms.
    Retry = 7,
    /// The outcome, and the numbers that are missing, from and to, or negative ones.
    Outcome = 8,
    /// Why, the code, and what becomes of the stored place: 0 kept, 2 over, 4 gone; 1 more if the last failure is its error.
    Closed = 9,
    // The port's: what each does stands in `src/driver/port.rs`.
    Open = 10,
    Transmit = 11,
    Ping = 12,
    Switch = 13,
    Drop = 14,
    Dispose = 15,
    Drain = 16,
    Arm = 17,
    Disarm = 18,
    Watch = 19,
    Heard = 20,
    Checked = 21,
    /// The stored place is to be written; or where another page has been asked for it, that one keeps it.
    Place = 22,
    /// Make the join of topic `a`.
    #[cfg(feature = "duplex")]
    Join = 23,
    /// What becomes of topic `a`: see [`topic`].
    #[cfg(feature = "duplex")]
    Topic = 24,
    /// Of topic `a`, and the numbers that are missing, or negative ones. `a` is twice its number; 1 more: it is told to be so.
    #[cfg(feature = "duplex")]
    TopicGap = 25,
    /// For the next client in this place: retry `a` is due at `b`, or `c` ms before that if the page wakes.
    Loss = 26,
    /// Request `a` beside the stream is overdue.
    #[cfg(feature = "duplex")]
    Stop = 27,
    /// Ask by HEAD for the stream of attempt `a`; 0: not any more.
    #[cfg(feature = "duplex")]
    Head = 28,
    /// Ask the server why attempt `a` failed.
    #[cfg(feature = "duplex")]
    Probe = 29,
    /// The next page begins with endpoint `a`.
    #[cfg(feature = "duplex")]
    Begin = 30,
    /// Ask for the lock of page `a`: if it is free, or where `b` is 1, when it is.
    #[cfg(feature = "duplex")]
    Lock = 31,
    /// Write kept send `a` down under the number `b`; it expires at `c` on the wall's clock, or does not: negative.
    #[cfg(feature = "duplex")]
    Store = 32,
    /// Remove it. `b` is 1: it has expired.
    #[cfg(feature = "duplex")]
    Forget = 33,
    /// Send it. `b`: its time to live in ms, or negative.
    #[cfg(feature = "duplex")]
    Hand = 34,
    /// Make the next request of attempt `a`, a long poll: the server may wait `b` ms; negative: the last one is overdue.
    #[cfg(feature = "duplex")]
    Poll = 35,
}

/// The options that are numbers, or a choice by its place, in the order of JavaScript's list (`numbers` in options.js).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// `reconnect.initialDelay`
    InitialDelay = 0,
    /// `reconnect.maxDelay`
    MaxDelay = 1,
    /// `reconnect.factor`, in thousandths
    Factor = 2,
    /// `reconnect.maxAttempts`
    MaxAttempts = 3,
    /// `reconnect.stableAfter`
    StableAfter = 4,
    /// `reconnect.maxServerDelay`
    MaxServerDelay = 5,
    /// `reconnect.jitter`: full, equal, none
    Jitter = 6,
    /// `heartbeat.interval`
    HeartbeatInterval = 7,
    /// `heartbeat.timeout`
    HeartbeatTimeout = 8,
    /// `outbox.maxMessages`
    OutboxMaxMessages = 9,
    /// `outbox.maxBytes`
    OutboxMaxBytes = 10,
    /// `outbox.overflow`: reject, drop-oldest, drop-newest
    OutboxOverflow = 11,
    /// `outbox.inFlight`
    OutboxInFlight = 12,
    /// `outbox.maxAttempts`
    OutboxMaxAttempts = 13,
    /// `outbox.ack.timeout`
    AckTimeout = 14,
    /// `openTimeout`
    OpenTimeout = 15,
    /// How many endpoints there are.
    Endpoints = 16,
    /// `reconnect.maxAge`
    MaxAge = 17,
    /// `reconnect.failback`
    Failback = 18,
    /// `maxEventBytes`
    MaxEventBytes = 19,
    // Of `everwire/duplex`.
    /// `subscriptions.confirm`
    #[cfg(feature = "duplex")]
    JoinConfirm = 32,
    /// `subscriptions.timeout`
    #[cfg(feature = "duplex")]
    JoinTimeout = 33,
    /// `rate.messages`
    #[cfg(feature = "duplex")]
    RateMessages = 34,
    /// `rate.per`
    #[cfg(feature = "duplex")]
    RatePer = 35,
    /// `uplink.maxMessages`
    #[cfg(feature = "duplex")]
    UplinkMessages = 36,
    /// `uplink.maxBytes`
    #[cfg(feature = "duplex")]
    UplinkBytes = 37,
    /// `uplink.timeout`
    #[cfg(feature = "duplex")]
    UplinkTimeout = 38,
    /// 1: one of the ways is a long poll.
    #[cfg(feature = "duplex")]
    Polls = 39,
    /// 1: there is a `probe`.
    #[cfg(feature = "duplex")]
    Probes = 40,
    /// 1: `fallback.remember`
    #[cfg(feature = "duplex")]
    Remembers = 41,
    /// `longPoll.wait`
    #[cfg(feature = "duplex")]
    PollWait = 42,
    /// `fallback.failures`
    #[cfg(feature = "duplex")]
    Failures = 43,
    /// `fallback.early`
    #[cfg(feature = "duplex")]
    Early = 44,
    /// The place of the way that an earlier page left.
    #[cfg(feature = "duplex")]
    Left = 45,
}

fn page(code: u32) -> Option<Page> {
    Some(match code {
        life::ONLINE => Page::Online,
        life::OFFLINE => Page::Offline,
        life::HIDDEN => Page::Hidden,
        life::VISIBLE => Page::Visible,
        life::FROZEN => Page::Frozen,
        life::RESUMED => Page::Resumed,
        life::LEFT => Page::Left,
        life::GONE => Page::Gone,
        life::PAUSED => Page::Paused,
        life::UNPAUSED => Page::Unpaused,
        // Nothing follows from it.
        life::SHOWN => return None,
        _ => return None,
    })
}

fn asking(request: u32, via: u32) -> Asking {
    let set = |bit| request & bit != 0;
    Asking {
        via: match via {
            via::QUERY => Some(Via::Query),
            via::HEADER => Some(Via::Header),
            via::FRAME => Some(Via::Frame),
            via::URL => Some(Via::Url),
            _ => None,
        },
        by: match request & route::TRANSPORT {
            transport::WEBSOCKET => By::WebSocket,
            transport::EVENTSOURCE => By::EventSource,
            _ => By::Fetch,
        },
        plain: set(carry::PLAIN),
        fits: set(carry::FITS),
        placed: set(carry::PLACED),
    }
}

/// The app, its signal, or the message that it waited for; [`Ask::Closed`] counts as this.
fn why(code: u32) -> Option<Why> {
    Some(match code {
        why::APP => Why::App,
        why::ABORTED => Why::Aborted,
        why::ENDED => Why::Ended,
        _ => return None,
    })
}

/// Negative ones have no end.
fn ttl(ms: u32) -> u64 {
    if ms == u32::MAX { u64::MAX } else { ms.into() }
}

/// A status, and what `Retry-After` says.
fn status(code: u32) -> u16 {
    (code & 1023) as u16
}

/// In seconds, counted from 1.
fn retry_after(code: u32) -> Option<RetryAfter> {
    (code >> 10).checked_sub(1).map(|seconds| RetryAfter(seconds * 1_000))
}

#[cfg(feature = "duplex")]
fn answer(code: u32) -> Failure {
    match code {
        posted::NETWORK => Failure::Network,
        posted::PROVIDER => Failure::Provider,
        _ => Failure::Http { status: status(code), retry_after: retry_after(code) },
    }
}

/// What becomes of a stored place, and what there is of it.
fn facts(fate: u32, is: u32) -> place::Facts {
    let has = |flag| is & flag > 0;
    place::Facts {
        fresh: has(place_is::FRESH),
        through: has(place_is::THROUGH),
        over: fate == fate::OVER,
        gone: fate == fate::GONE,
        ends: has(place_is::ENDS),
        ended: has(place_is::ENDED),
        rival: has(place_is::RIVAL),
        empty: has(place_is::EMPTY),
        foreign: has(place_is::FOREIGN),
    }
}

fn whole(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The fingerprint of an id in two halves, as the port makes it: 0 and 0 is none, 0 and 1 the empty one.
fn fingerprint(high: u32, low: u32) -> Id {
    match (high, low) {
        (0, 0) => Id::None,
        (0, _) => Id::Reset,
        _ => Id::Own(whole(high, low)),
    }
}

/// Two halves of a number, the upper one counted from 1; 0: there is none.
fn sequence(high: u32, low: u32) -> Option<u64> {
    Some(whole(high.checked_sub(1)?, low))
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::mem::discriminant;

    use super::Call;

    #[test]
    fn each_kind_is_a_call_of_its_own_and_what_is_above_them_is_none() {
        let read = |kind| Call::read(kind, 0, 0, 1, 1);
        let calls: Vec<Call> = (0..).map_while(read).collect();
        // Those of `everwire/duplex` are behind the others.
        assert_eq!(calls.len(), if cfg!(feature = "duplex") { 64 } else { 36 });
        for (kind, call) in calls.iter().enumerate() {
            assert!(calls.iter().skip(kind + 1).all(|other| discriminant(other) != discriminant(call)));
        }
        assert!((calls.len() as u32..1_000).chain([u32::MAX]).all(|kind| read(kind).is_none()));
    }

    #[test]
    fn what_was_delivered_is_told_before_these() {
        let rules = |call: &Call| {
            matches!(
                call,
                Call::Opened { .. }
                    | Call::Interrupted { .. }
                    | Call::Page(_)
                    | Call::GapTold { .. }
                    | Call::RecoveryTold
                    | Call::Retire
                    | Call::Asking
            )
        };
        for kind in 0..100 {
            let call = Call::read(kind, 0, 0, 1, 1);
            assert_eq!(Call::rules(kind), call.as_ref().is_some_and(rules), "{call:?}");
        }
    }

    #[test]
    fn a_code_that_there_is_not_is_no_call() {
        let codes = |read: &dyn Fn(u32) -> Option<Call>| {
            (0..100).chain([u32::MAX]).filter(|code| read(*code).is_some()).collect::<Vec<u32>>()
        };
        // `SHOWN` is nothing to the core.
        assert_eq!(codes(&|code| Call::read(5, 0, code, 0, 0)), [0, 1, 2, 3, 4, 5, 6, 8, 9, 10]);
        assert_eq!(codes(&|why| Call::read(29, why, 0, 0, 0)), [0, 1, 3]);
    }

    #[test]
    fn a_time_to_live_without_an_end_has_none() {
        let ttl = |low| match Call::read(26, 0, 7, 3, low) {
            Some(Call::Send { id: 7, bytes: 3, ttl, .. }) => Some(ttl),
            _ => None,
        };
        assert_eq!(
            (ttl(0), ttl(u32::MAX - 1), ttl(u32::MAX)),
            (Some(0), Some(u64::from(u32::MAX) - 1), Some(u64::MAX))
        );
    }
}
