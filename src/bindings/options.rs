//! The options as the facade gives them: a list of numbers in the order below (NaN or negative: not given), and
//! flags. `pkg-template/options.js` writes what this reads.

use super::imports::Port;
use crate::calls::{Ask, option};
use crate::core::config::{Backoff, Config, Heartbeat, Jitter, MAX_EVENT_BYTES, Outbox, Overflow, Patience};
#[cfg(feature = "duplex")]
use crate::core::{pace::Limit, topics::Joins};

const NOT_GIVEN: u64 = u64::MAX;

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
        let mut place = option::DUPLEX;
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
        heartbeat: set(option::HEARTBEAT).then_some(heartbeat),
        open_timeout: next(Config::default().open_timeout),
        endpoints: next(1) as u32,
        max_age: next(NOT_GIVEN),
        failback: next(NOT_GIVEN),
        patience: Patience { unopened: next(0), early: next(0) },
        first: next(0) as u32,
        reconnects: set(option::RECONNECTS),
        has_provider: set(option::PROVIDER),
        resumes: set(option::RESUMES),
        until: set(option::UNTIL),
        asks: set(option::ASKS),
        seams: !set(option::PLAIN),
        numbered: set(option::NUMBERED),
        passive: set(option::PASSIVE),
        browser_reconnects: set(option::SELF_RECONNECT),
        #[cfg(feature = "duplex")]
        joins,
        #[cfg(feature = "duplex")]
        limit,
    };
    Given {
        config,
        watch_page: set(option::WATCH_PAGE),
        max_event_bytes: next(MAX_EVENT_BYTES) as usize,
        comments: set(option::COMMENTS),
    }
}

// Not inlined: it has many callers.
#[inline(never)]
fn number(port: Port, place: u32, default: u64) -> u64 {
    let number = port.tell(Ask::Option, place);
    if number >= 0.0 { number as u64 } else { default }
}
