//! The delays: their bounds, their spread, their growth.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    super::config::{Backoff, FLOOR, Jitter, MAX_DELAY},
    cases,
};

fn any_backoff() -> impl Strategy<Value = Backoff> {
    let jitter = prop_oneof![Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::None)];
    (0..=MAX_DELAY, FLOOR..=MAX_DELAY, 1_000..=100_000_u64, jitter, 0..=MAX_DELAY).prop_map(
        |(initial, max, factor, jitter, server)| Backoff {
            initial,
            max,
            factor,
            jitter,
            max_server_delay: server,
            ..Backoff::new()
        },
    )
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn an_untold_delay_is_between_the_floor_and_the_cap(
        backoff in any_backoff(),
        retry in prop_oneof![0..100_u64, any::<u64>()],
        draw in any::<u32>(),
    ) {
        let delay = backoff.delay(retry, 0, 2, draw);
        prop_assert!((FLOOR..=backoff.max).contains(&delay), "{delay}");
    }

    #[test]
    fn a_told_delay_is_no_sooner_than_told_and_not_much_later(
        backoff in any_backoff(),
        told in prop_oneof![0..=MAX_DELAY, any::<u64>()],
        draw in any::<u32>(),
    ) {
        let cap = backoff.max_server_delay;
        let least = if told < cap { told } else { cap - cap / 5 };
        let delay = backoff.server_delay(told, 2, draw);
        prop_assert!((least..=cap.min(told.saturating_add(told / 4))).contains(&delay), "{delay}");
    }

    #[test]
    fn the_wait_after_a_routine_end_keeps_to_the_server_the_floor_and_the_caps(
        backoff in any_backoff(),
        told in prop_oneof![Just(0), 0..=MAX_DELAY, any::<u64>()],
        draw in any::<u32>(),
    ) {
        let delay = backoff.routine(backoff.initial, told, draw);
        prop_assert!(delay >= FLOOR, "{delay}");
        prop_assert!(delay <= backoff.max.max(backoff.max_server_delay), "{delay}");
        prop_assert!(told >= backoff.max_server_delay || delay >= told, "{delay}");
        // What may be shortened to the told time must not be sooner than that.
        prop_assert!(delay >= backoff.server_delay(told, 2, draw), "{delay}");
    }

    #[test]
    fn a_delay_keeps_to_what_was_told_and_to_the_backoff(
        backoff in any_backoff(),
        retry in 1..100_u64,
        told in prop_oneof![Just(0), 0..=MAX_DELAY, any::<u64>()],
        draw in any::<u32>(),
    ) {
        let delay = backoff.delay(retry, told, 2, draw);
        // The told time holds back whoever wants to hurry, so the delay is no shorter.
        prop_assert!(delay >= backoff.server_delay(told, 2, draw), "{delay}");
        prop_assert!(delay >= backoff.delay(retry, 0, 2, 0), "{delay}");
        let most = backoff.delay(retry, 0, 2, u32::MAX).max(backoff.server_delay(told, 2, u32::MAX));
        prop_assert!(delay <= most.max((2 * told.min(MAX_DELAY)).min(backoff.max_server_delay)), "{delay}");
    }

    #[test]
    fn the_longest_delay_never_shrinks_with_the_retries(backoff in any_backoff(), retry in 1..50_u64) {
        prop_assert!(backoff.delay(retry + 1, 0, 2, u32::MAX) >= backoff.delay(retry, 0, 2, u32::MAX));
    }
}

/// A fleet that lost its server at one instant.
fn most_frequent_share(retry: u64, told: u64) -> f64 {
    const FLEET: u32 = 100_000;
    let (backoff, mut seen, mut draw) = (Backoff::new(), BTreeMap::new(), 7_u32);
    for _ in 0..FLEET {
        draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let delay = backoff.delay(retry, told, 2, draw);
        *seen.entry(delay).or_insert(0_u32) += 1;
    }
    f64::from(*seen.values().max().unwrap()) / f64::from(FLEET)
}

#[test]
fn no_single_delay_is_taken_by_over_one_percent_of_a_fleet() {
    for retry in [1, 2, 3, 5, 8, 100, u64::MAX] {
        for told in [0, 1_000, 5_000, 300_000, u64::MAX] {
            let share = most_frequent_share(retry, told);
            assert!(share <= 0.01, "retry {retry}, told {told}: {share}");
        }
    }
}

/// All of a fleet was told the same time. Who took the greater of the told time and the backoff had a sixth of the fleet in
/// the first 0.2 s of the 25 s that there are.
#[test]
fn no_tenth_of_a_second_of_the_range_is_taken_by_more_than_its_share() {
    const FLEET: u64 = 100_000;
    for (retry, told) in [(6, 0), (6, 1_000), (6, 5_000), (5, 10_000), (6, 20_000), (9, 60_000)] {
        let backoff = Backoff::new();
        let [low, high] = [0, u32::MAX].map(|draw| backoff.delay(retry, told, 2, draw));
        let mut tenths = vec![0_u64; (high - low) as usize / 100 + 1];
        for client in 0..FLEET {
            let draw = u32::try_from((client << 32) / FLEET).unwrap();
            tenths[(backoff.delay(retry, told, 2, draw) - low) as usize / 100] += 1;
        }
        let (worst, share) = (*tenths.iter().max().unwrap(), FLEET * 100 / (high - low));
        assert!(worst <= share + share / 50 + 2, "told {told}: {worst}, and its share is {share}");
    }
}

#[test]
fn what_is_told_again_is_spread_wider_up_to_as_much_again() {
    let longest = |retry, eighths| Backoff::new().delay(retry, 10_000, eighths, u32::MAX);
    assert_eq!(
        [1, 2, 3, 4, 5, 6].map(|retry| longest(retry, 2)),
        [12_500, 15_000, 17_500, 20_000, 20_000, 30_000]
    );
    assert_eq!([1, 4, 5, 6].map(|retry| longest(retry, 1)), [11_250, 15_000, 16_000, 30_000]);
    for retry in 1..9 {
        assert_eq!(Backoff::new().delay(retry, 10_000, 2, 0), 10_000);
        let (low, high) = (Backoff { jitter: Jitter::Equal, ..Backoff::new() }, longest(retry, 2));
        assert_eq!(low.delay(retry, 10_000, 2, 0), 10_000.max(low.delay(retry, 0, 2, 0)));
        assert_eq!(low.delay(retry, 10_000, 2, u32::MAX), high);
    }
}

#[test]
fn every_delay_of_the_range_can_be_drawn() {
    let backoff = Backoff::new();
    assert_eq!(backoff.delay(1, 0, 2, 0), FLOOR);
    assert_eq!(backoff.delay(1, 0, 2, u32::MAX), 1_000);
    assert_eq!(backoff.delay(9, 0, 2, u32::MAX), 30_000);
}

#[test]
fn equal_jitter_keeps_half_and_none_keeps_all() {
    let equal = Backoff { jitter: Jitter::Equal, ..Backoff::new() };
    assert_eq!((equal.delay(3, 0, 2, 0), equal.delay(3, 0, 2, u32::MAX)), (2_000, 4_000));
    let none = Backoff { jitter: Jitter::None, factor: 1_500, ..Backoff::new() };
    let delays: Vec<_> = (1..=5).map(|retry| none.delay(retry, 0, 2, 12_345)).collect();
    assert_eq!(delays, [1_000, 1_500, 2_250, 3_375, 5_062]);
}

#[test]
fn a_factor_of_one_does_not_grow_and_zero_grows_from_the_floor() {
    let flat = Backoff { jitter: Jitter::None, factor: 1_000, ..Backoff::new() };
    assert_eq!(flat.delay(u64::MAX, 0, 2, 0), 1_000);
    let eager = Backoff { initial: 0, jitter: Jitter::None, ..Backoff::new() };
    assert_eq!([1, 2, 3, 99].map(|retry| eager.delay(retry, 0, 2, 9)), [FLOOR, 200, 400, 30_000]);
}

#[test]
fn what_a_server_may_ask_for_has_a_cap_with_its_spread() {
    for told in [300_000, 3_600_000, u64::MAX] {
        assert_eq!([0, u32::MAX].map(|draw| Backoff::new().server_delay(told, 2, draw)), [240_000, 300_000]);
    }
    assert_eq!(Backoff::new().server_delay(299_000, 2, u32::MAX), 300_000);
}

#[test]
fn without_jitter_nothing_is_spread() {
    let none = Backoff { jitter: Jitter::None, ..Backoff::new() };
    for draw in [0, 7, u32::MAX] {
        assert_eq!(
            [0, 500, 5_000, u64::MAX].map(|told| none.server_delay(told, 2, draw)),
            [0, 500, 5_000, 300_000]
        );
    }
}

/// The first percentile and the last of a fleet that a server let go of at one instant.
fn percentiles(backoff: &Backoff, told: u64) -> (u64, u64) {
    let mut draw = 7_u32;
    let mut delays: Vec<_> = (0..1_000)
        .map(|_| {
            draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            backoff.routine(backoff.initial, told, draw)
        })
        .collect();
    delays.sort_unstable();
    (delays[10], delays[990])
}

#[test]
fn after_a_routine_end_a_fleet_is_spread_over_the_initial_delay_or_a_quarter_of_what_was_told() {
    for (initial, told, spread) in [
        (1_000, 0, 1_000),
        (5_000, 0, 5_000),
        (1_000, 500, 1_000),
        (1_000, 20_000, 4_900),
        (1_000, 300_000, 58_000),
    ] {
        let (first, last) = percentiles(&Backoff { initial, ..Backoff::new() }, told);
        assert!(last - first >= spread, "initial {initial}, told {told}: {first} to {last}");
    }
}

#[test]
fn a_routine_wait_is_over_no_cap_however_low_that_is() {
    for (initial, max) in [(0, FLOOR), (FLOOR, FLOOR), (0, 1_000), (900, 1_000), (5_000, 1_000)] {
        let backoff = Backoff { initial, max, ..Backoff::new() };
        let delay = backoff.routine(initial, 0, u32::MAX);
        assert!((FLOOR..=max).contains(&delay), "{initial}, {max}: {delay}");
    }
}
