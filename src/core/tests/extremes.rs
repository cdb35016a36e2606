//! Numbers at the edge: the tests run with overflow checks, and nothing may panic.

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
        backoff: Backoff::new()
            .with_initial(MAX_DELAY)
            .with_max(MAX_DELAY)
            .with_factor_thousandths(100_000)
            .with_max_attempts(u64::MAX)
            .with_stable_after(MAX_DELAY)
            .with_max_server_delay(MAX_DELAY),
        heartbeat: Some(Heartbeat::new().with_interval(MAX_DELAY).with_timeout(MAX_DELAY)),
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
    for (config, option) in [
        (reconnect(Backoff::new().with_initial(over)), "reconnect.initialDelay"),
        (reconnect(Backoff::new().with_max(99)), "reconnect.maxDelay"),
        (reconnect(Backoff::new().with_max(over)), "reconnect.maxDelay"),
        (reconnect(Backoff::new().with_factor_thousandths(999)), "reconnect.factor"),
        (reconnect(Backoff::new().with_stable_after(over)), "reconnect.stableAfter"),
        (reconnect(Backoff::new().with_max_server_delay(over)), "reconnect.maxServerDelay"),
        (heartbeat(Heartbeat::new().with_interval(99)), "heartbeat.interval"),
        (heartbeat(Heartbeat::new().with_interval(4_000).with_timeout(4_001)), "heartbeat.timeout"),
        (heartbeat(Heartbeat::new().with_timeout(49)), "heartbeat.timeout"),
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
            backoff: Backoff::new().with_initial(initial).with_max(max),
            heartbeat: Some(Heartbeat::new().with_interval(interval).with_timeout(timeout.min(interval))),
            ..longest()
        };
        let mut sim = Sim::new(config);
        (sim.now, sim.ahead) = (u64::MAX - before, ahead);
        sim.input(Input::Start);
        everything(&mut sim);
        sim.close();
    }
}
