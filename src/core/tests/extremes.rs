//! Numbers at the edge: the tests run with overflow checks, and nothing may panic.

use core::time::Duration;

use proptest::prelude::*;

use super::{
    super::{
        config::{Backoff, Config, Heartbeat, MAX_DELAY, Outbox, Overflow},
        failure::Failure,
        io::{Input, Page},
        state::Phase,
    },
    cases,
    sim::{SOCKET, STREAM, Sim, closed},
};

/// The longest of every setting.
fn longest() -> Config {
    Config {
        backoff: Backoff {
            initial: MAX_DELAY,
            max: MAX_DELAY,
            factor: 100_000,
            max_attempts: u64::MAX,
            stable_after: MAX_DELAY,
            max_server_delay: MAX_DELAY,
            ..Backoff::new()
        },
        heartbeat: Some(Heartbeat { interval: MAX_DELAY, timeout: Some(MAX_DELAY) }),
        outbox: Outbox::new()
            .with_max_messages(u64::MAX)
            .with_max_bytes(u64::MAX)
            .with_overflow(Overflow::DropOldest),
        open_timeout: MAX_DELAY,
        ..Config::default()
    }
}

fn everything(sim: &mut Sim) {
    for page in [Page::Hidden, Page::Online, Page::Offline, Page::Visible, Page::Frozen, Page::Resumed] {
        sim.page(page);
        sim.tick();
    }
    if matches!(sim.core.phase, Phase::Waiting { .. }) {
        sim.input(Input::Reconnect);
    }
    sim.resolved();
    sim.opened();
    sim.send(u64::MAX);
    sim.hear(u64::MAX);
    sim.hear(0);
    for _ in 0..4 {
        sim.tick();
    }
    sim.writable = false;
    sim.send(u64::MAX);
    sim.lost(closed(1013));
    sim.send(u64::MAX);
    sim.send(1);
    sim.page(Page::Offline);
    sim.page(Page::Visible);
    sim.tick();
    sim.input(Input::Reconnect);
    sim.resolved();
    sim.lost(Failure::Network);
}

#[test]
fn the_end_of_time_panics_nowhere() {
    for route in [SOCKET, STREAM] {
        for config in [longest(), Config { heartbeat: Some(Heartbeat::new()), ..Config::default() }] {
            for before in [0, 1, 40, 5_000, 40_000, 2 * MAX_DELAY] {
                let mut sim = Sim::new(config.clone());
                (sim.route, sim.now) = (route, u64::MAX - before);
                sim.input(Input::Start);
                everything(&mut sim);
                sim.now = u64::MAX;
                sim.ahead = u64::MAX;
                everything(&mut sim);
                sim.close();
            }
        }
    }
}

#[test]
fn the_beginning_of_time_works_as_well() {
    let mut sim = Sim::new(longest());
    sim.now = 0;
    sim.ahead = 0;
    sim.input(Input::Start);
    everything(&mut sim);
    sim.close();
}

#[test]
fn the_serial_of_the_attempts_may_wrap() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.lost(Failure::Network);
    sim.core.attempt = u32::MAX - 1;
    for _ in 0..4 {
        sim.establish();
        sim.lost(Failure::Network);
    }
}

#[test]
fn options_out_of_range_are_named() {
    let over = MAX_DELAY + 1;
    let reconnect = |backoff| Config { backoff, ..Config::default() };
    let heartbeat = |heartbeat| Config { heartbeat: Some(heartbeat), ..Config::default() };
    let outbox = |outbox| Config { outbox, ..Config::default() };
    for (config, option) in [
        (reconnect(Backoff { initial: over, ..Backoff::new() }), "reconnect.initialDelay"),
        (reconnect(Backoff { max: 99, ..Backoff::new() }), "reconnect.maxDelay"),
        (reconnect(Backoff { max: over, ..Backoff::new() }), "reconnect.maxDelay"),
        (reconnect(Backoff { factor: 999, ..Backoff::new() }), "reconnect.factor"),
        (reconnect(Backoff { stable_after: over, ..Backoff::new() }), "reconnect.stableAfter"),
        (reconnect(Backoff { max_server_delay: over, ..Backoff::new() }), "reconnect.maxServerDelay"),
        (heartbeat(Heartbeat { interval: 99, ..Heartbeat::new() }), "heartbeat.interval"),
        (heartbeat(Heartbeat { interval: 4_000, timeout: Some(4_001) }), "heartbeat.timeout"),
        (heartbeat(Heartbeat { timeout: Some(49), ..Heartbeat::new() }), "heartbeat.timeout"),
        // What no u64 of ms holds is too long, and what is less than 1 ms too short.
        (heartbeat(Heartbeat::new().with_interval(Duration::MAX)), "heartbeat.interval"),
        (outbox(Outbox::new().with_ack_timeout(Duration::from_micros(999))), "outbox.ack.timeout"),
        (Config { open_timeout: 0, ..Config::default() }, "openTimeout"),
    ] {
        assert_eq!(config.check().map_err(|error| error.option), Err(option));
    }
    assert_eq!(longest().check(), Ok(()));
    assert_eq!(Config::default().check(), Ok(()));
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn no_time_and_no_setting_overflows(
        before in any::<u64>(),
        initial in 0..=MAX_DELAY,
        max in 100..=MAX_DELAY,
        interval in 100..=MAX_DELAY,
        timeout in 50..=MAX_DELAY,
        ahead in any::<u64>(),
    ) {
        let config = Config {
            backoff: Backoff { initial, max, ..Backoff::new() },
            heartbeat: Some(Heartbeat { interval, timeout: Some(timeout.min(interval)) }),
            ..longest()
        };
        let mut sim = Sim::new(config);
        (sim.now, sim.ahead) = (u64::MAX - before, ahead);
        sim.input(Input::Start);
        everything(&mut sim);
        sim.close();
    }
}
