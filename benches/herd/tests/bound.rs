//! A smaller herd than that of `make herd`, with its bounds. The clock is virtual, and the seed is fixed.
// A test may panic: that is how it fails.
#![allow(clippy::panic)]

use everwire_herd::{BOUND, Kind, Run, SEED, Scenario, run};

const CLIENTS: u32 = 20_000;

fn herd(scenario: Scenario, kind: Kind) -> Run {
    let run = run(scenario, kind, CLIENTS, SEED, || 0);
    if kind != Kind::FixedSteps {
        assert_eq!(run.open, CLIENTS, "{scenario:?}: not all of {kind:?} are back");
    }
    run
}

/// The worst 100 ms, as a multiple of the even spread's.
fn ratio(scenario: Scenario, kind: Kind, (from, to): (u64, u64)) -> f64 {
    let worst = |kind| f64::from(herd(scenario, kind).worst(from, to));
    worst(kind) / worst(Kind::Even)
}

#[test]
fn a_minute_after_a_restart_no_tenth_of_a_second_is_far_above_the_even_spread() {
    let minute = (60_000, 120_000);
    let everwire = ratio(Scenario::Restart, Kind::Everwire, minute);
    assert!(everwire <= BOUND, "{everwire}");
    // The bound tells a fleet that is spread from one that is not.
    let fixed = ratio(Scenario::Restart, Kind::FixedSteps, minute);
    assert!(fixed > 10.0 * BOUND, "{fixed}");
}

#[test]
fn nor_after_a_certificate_has_ended() {
    let everwire = ratio(Scenario::Certificates, Kind::Everwire, (60_000, 120_000));
    assert!(everwire <= BOUND, "{everwire}");
}

#[test]
fn nor_when_a_network_is_back() {
    let (from, to, _) = Scenario::Network.stretch();
    let everwire = ratio(Scenario::Network, Kind::Everwire, (from, to));
    assert!(everwire <= BOUND, "{everwire}");
}

#[test]
fn what_a_server_tells_all_of_them_at_once_has_spread_within_a_minute() {
    let everwire = ratio(Scenario::Busy, Kind::Everwire, (60_000, 120_000));
    assert!(everwire <= BOUND, "{everwire}");
    // Until then they come in lumps, each wider than the one before. It was 4.8 when each was as wide as the first.
    let (from, to, _) = Scenario::Busy.stretch();
    let lumps = ratio(Scenario::Busy, Kind::Everwire, (from, to));
    assert!(lumps <= 3.2, "{lumps}");
    // None comes before the time that it was told.
    let run = herd(Scenario::Busy, Kind::Everwire);
    assert_eq!(run.sum(1_500, 10_000), 0);
}

#[test]
fn each_wave_of_a_deploy_is_spread_over_the_initial_delay() {
    let run = herd(Scenario::Waves, Kind::Everwire);
    let (from, to, _) = Scenario::Waves.stretch();
    // Once each, and at the most in ten of the tenths of a second.
    assert_eq!(run.sum(0, to + 10_000), u64::from(CLIENTS));
    let worst = run.worst(from, to);
    assert!(worst <= CLIENTS / 10 / 10 * 6 / 5, "{worst}");
}
