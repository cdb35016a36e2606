//! The options as the facade gives them: a list of numbers ([`Number`]; NaN or negative: not given), and
//! flags. `pkg-template/options.js` writes what this reads.

use crate::core::config::{
    Backoff, Config, FailureLimits, Heartbeat, Jitter, MAX_EVENT_BYTES, Outbox, Overflow,
};
#[cfg(feature = "duplex")]
use crate::core::{
    endpoints::{default_failback, first},
    pace::Limit,
    polls,
    topics::Joins,
    uplink::Limits,
};
use crate::{
    calls::{Ask, Number},
    codes::option,
    port::Port,
};

const NOT_GIVEN: u64 = u64::MAX;

pub(super) struct Given {
    pub(super) config: Config,
    pub(super) watch_page: bool,
    pub(super) max_event_bytes: usize,
    pub(super) comments: bool,
}

pub(super) fn read(port: Port, flags: u32) -> Given {
    let number = |option, default| number(port, option, default);
    let backoff = Backoff::new();
    let backoff = Backoff {
        initial: number(Number::InitialDelay, backoff.initial),
        max: number(Number::MaxDelay, backoff.max),
        factor: number(Number::Factor, backoff.factor),
        max_attempts: number(Number::MaxAttempts, backoff.max_attempts),
        stable_after: number(Number::StableAfter, backoff.stable_after),
        max_server_delay: number(Number::MaxServerDelay, backoff.max_server_delay),
        jitter: match number(Number::Jitter, 0) {
            0 => Jitter::Full,
            1 => Jitter::Equal,
            _ => Jitter::None,
        },
    };
    let heartbeat = Heartbeat {
        interval: number(Number::HeartbeatInterval, Heartbeat::new().interval),
        timeout: Some(number(Number::HeartbeatTimeout, NOT_GIVEN)).filter(|timeout| *timeout != NOT_GIVEN),
    };
    let outbox = Outbox::new();
    let outbox = Outbox {
        max_messages: number(Number::OutboxMaxMessages, outbox.max_messages),
        max_bytes: number(Number::OutboxMaxBytes, outbox.max_bytes),
        overflow: match number(Number::OutboxOverflow, 0) {
            0 => Overflow::Reject,
            1 => Overflow::DropOldest,
            _ => Overflow::DropNewest,
        },
        max_in_flight: number(Number::OutboxInFlight, outbox.max_in_flight),
        max_attempts: number(Number::OutboxMaxAttempts, outbox.max_attempts),
        ack_timeout: number(Number::AckTimeout, outbox.ack_timeout),
    };
    let set = |flag: u32| flags & flag != 0;
    let endpoints = number(Number::Endpoints, 1) as u32;
    let failover_after = if set(option::WAYS) { FailureLimits::TRANSPORTS } else { FailureLimits::default() };
    #[cfg(not(feature = "duplex"))]
    let failback = NOT_GIVEN;
    let heartbeat = set(option::HEARTBEAT).then_some(heartbeat);
    #[cfg(feature = "duplex")]
    let (default_wait, polls) = (polls::default_wait(heartbeat.as_ref()), number(Number::Polls, 0) > 0);
    #[cfg(feature = "duplex")]
    let failover_after = FailureLimits {
        unopened: number(Number::Failures, failover_after.unopened),
        early: number(Number::Early, failover_after.early),
    };
    #[cfg(feature = "duplex")]
    let failback = default_failback(polls, set(option::RECONNECTS));
    #[cfg(feature = "duplex")]
    let (joins, limit, uplink) = {
        let joins = Joins::new(outbox.max_attempts);
        let joins = Joins {
            confirm: number(Number::JoinConfirm, 1) != 0,
            timeout: number(Number::JoinTimeout, joins.timeout),
            ..joins
        };
        let (messages, per) = (number(Number::RateMessages, 0), number(Number::RatePer, 0));
        // Both, or none.
        let limit = (messages > 0 && per > 0).then_some(Limit { messages, per });
        let uplink = Limits::new();
        let uplink = Limits {
            messages: number(Number::UplinkMessages, uplink.messages),
            bytes: number(Number::UplinkBytes, uplink.bytes),
            timeout: number(Number::UplinkTimeout, uplink.timeout),
        };
        (joins, limit, uplink)
    };
    let config = Config {
        backoff,
        outbox,
        heartbeat,
        open_timeout: number(Number::OpenTimeout, Config::default().open_timeout),
        endpoints,
        failover_after,
        max_age: number(Number::MaxAge, NOT_GIVEN),
        failback: number(Number::Failback, failback),
        #[cfg(feature = "duplex")]
        first: first(number(Number::Left, 0), endpoints),
        #[cfg(not(feature = "duplex"))]
        first: 0,
        reconnects: set(option::RECONNECTS),
        has_provider: set(option::PROVIDER),
        resumes: set(option::RESUMES),
        until: set(option::UNTIL),
        asks: set(option::ASKS),
        deduplicates: !set(option::PLAIN),
        numbered: set(option::NUMBERED),
        passive: set(option::PASSIVE),
        browser_reconnects: set(option::SELF_RECONNECT),
        #[cfg(feature = "duplex")]
        joins,
        #[cfg(feature = "duplex")]
        limit,
        #[cfg(feature = "duplex")]
        uplink,
        #[cfg(feature = "duplex")]
        polls,
        #[cfg(feature = "duplex")]
        poll_wait: number(Number::PollWait, default_wait),
        #[cfg(feature = "duplex")]
        probes: number(Number::Probes, 0) > 0,
        #[cfg(feature = "duplex")]
        remembers: number(Number::Remembers, 0) > 0,
    };
    Given {
        config,
        watch_page: set(option::WATCH_PAGE),
        max_event_bytes: number(Number::MaxEventBytes, MAX_EVENT_BYTES) as usize,
        comments: set(option::COMMENTS),
    }
}

// Not inlined: it has many callers.
#[inline(never)]
fn number(port: Port, option: Number, default: u64) -> u64 {
    let number = port.tell(Ask::Option, option as u32);
    if number >= 0.0 { number as u64 } else { default }
}
