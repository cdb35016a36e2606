//! The options as the facade gives them: a list of numbers in the order below (NaN or negative: not given), and
//! flags. `pkg-template/options.js` writes what this reads.

use super::{NUMBER, imports::Port};
use crate::core::config::{Backoff, Config, Heartbeat, Jitter, MAX_EVENT_BYTES, Outbox, Overflow, Patience};
#[cfg(feature = "duplex")]
use crate::core::{pace::Limit, topics::Joins};

const NOT_GIVEN: u64 = u64::MAX;

/// From this place on stand the options of `everwire/duplex` (`DUPLEX` in pkg-template/options.js).
#[cfg(feature = "duplex")]
const DUPLEX: u32 = 32;

const RECONNECTS: u32 = 1;
const HEARTBEAT: u32 = 2;
const PROVIDER: u32 = 4;
const ASKS: u32 = 8;
const SELF_RECONNECT: u32 = 16;
const WATCH_PAGE: u32 = 32;
const COMMENTS: u32 = 64;
const PLAIN: u32 = 128;
const NUMBERED: u32 = 256;
const PASSIVE: u32 = 512;
const RESUMES: u32 = 1024;
const UNTIL: u32 = 2048;

pub(super) struct Given {
    pub(super) config: Config,
    pub(super) watch_page: bool,
    pub(super) max_event_bytes: usize,
    pub(super) comments: bool,
}

pub(super) fn read(port: Port, flags: u32) -> Given {
    let mut place = 0;
    let mut next = |default| {
        place += 1;
        number(port, place - 1, default)
    };
    let backoff = Backoff::new();
    let backoff = Backoff {
        initial: next(backoff.initial),
        max: next(backoff.max),
        factor: next(backoff.factor),
        max_attempts: next(backoff.max_attempts),
        stable_after: next(backoff.stable_after),
        max_server_delay: next(backoff.max_server_delay),
        jitter: match next(0) {
            0 => Jitter::Full,
            1 => Jitter::Equal,
            _ => Jitter::None,
        },
    };
    let heartbeat = Heartbeat {
        interval: next(Heartbeat::new().interval),
        timeout: Some(next(NOT_GIVEN)).filter(|timeout| *timeout != NOT_GIVEN),
    };
    let outbox = Outbox::new();
    let outbox = Outbox {
        max_messages: next(outbox.max_messages),
        max_bytes: next(outbox.max_bytes),
        overflow: match next(0) {
            0 => Overflow::Reject,
            1 => Overflow::DropOldest,
            _ => Overflow::DropNewest,
        },
        max_in_flight: next(outbox.max_in_flight),
        max_attempts: next(outbox.max_attempts),
        ack_timeout: next(outbox.ack_timeout),
    };
    let set = |flag: u32| flags & flag != 0;
    #[cfg(feature = "duplex")]
    let (joins, limit) = {
        let mut place = DUPLEX;
        let mut next = |default| {
            place += 1;
            number(port, place - 1, default)
        };
        let joins = Joins::new(outbox.max_attempts);
        let joins = Joins { confirm: next(1) != 0, timeout: next(joins.timeout), ..joins };
        let (messages, per) = (next(0), next(0));
        // Both, or none.
        (joins, (messages > 0 && per > 0).then_some(Limit { messages, per }))
    };
    let config = Config {
        backoff,
        outbox,
        heartbeat: set(HEARTBEAT).then_some(heartbeat),
        open_timeout: next(Config::default().open_timeout),
        endpoints: next(1) as u32,
        max_age: next(NOT_GIVEN),
        failback: next(NOT_GIVEN),
        patience: Patience { unopened: next(0), early: next(0) },
        first: next(0) as u32,
        reconnects: set(RECONNECTS),
        has_provider: set(PROVIDER),
        resumes: set(RESUMES),
        until: set(UNTIL),
        asks: set(ASKS),
        seams: !set(PLAIN),
        numbered: set(NUMBERED),
        passive: set(PASSIVE),
        browser_reconnects: set(SELF_RECONNECT),
        #[cfg(feature = "duplex")]
        joins,
        #[cfg(feature = "duplex")]
        limit,
    };
    Given {
        config,
        watch_page: set(WATCH_PAGE),
        max_event_bytes: next(MAX_EVENT_BYTES) as usize,
        comments: set(COMMENTS),
    }
}

// Not inlined: it has many callers.
#[inline(never)]
fn number(port: Port, place: u32, default: u64) -> u64 {
    let number = port.tell(NUMBER, place);
    if number >= 0.0 { number as u64 } else { default }
}
