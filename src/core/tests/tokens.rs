//! When a token is asked for, kept and renewed, by the clock on the wall.

use proptest::prelude::*;

use super::{
    super::tokens::{Had, Step, Tokens},
    cases,
};

const NOW: u64 = 1_700_000_000_000;
const HOUR: u64 = 3_600_000;
const NEVER: u64 = u64::MAX;

/// One that has a token with so much life, asked for at [`NOW`].
fn with(ahead: u64, life: u64) -> Tokens {
    let mut tokens = Tokens::new(ahead);
    assert_eq!(tokens.need(NOW, None), Step::Ask);
    let serial = tokens.serial();
    assert_eq!(tokens.given(NOW, serial, NOW.saturating_add(life)), Step::Given);
    tokens
}

fn needs(tokens: &Tokens, now: u64) -> Step {
    tokens.clone().need(now, None)
}

#[test]
fn one_question_for_all_who_need_one() {
    let mut tokens = Tokens::new(60_000);
    let steps = [0; 3].map(|_| tokens.need(NOW, None));
    assert_eq!(steps, [Step::Ask, Step::Wait, Step::Wait]);
    let serial = tokens.serial();
    assert_eq!(tokens.given(NOW, serial, NEVER), Step::Given);
    assert_eq!(tokens.given(NOW, serial, NEVER), Step::Nothing, "an answer is taken once");
    assert_eq!(
        tokens.need(NOW + 100 * HOUR, None),
        Step::Use,
        "without an end it is good until it is refused"
    );
}

#[test]
fn it_is_replaced_ahead_of_its_end_but_not_before_half_of_its_life() {
    for (ahead, life, fresh) in
        [(60_000, HOUR, HOUR - 60_000), (HOUR, 10_000, 5_000), (0, HOUR, HOUR), (60_000, 0, 0)]
    {
        let tokens = with(ahead, life);
        let before = if fresh > 0 { needs(&tokens, NOW + fresh - 1) } else { Step::Use };
        assert_eq!((before, needs(&tokens, NOW + fresh)), (Step::Use, Step::Ask), "{ahead} {life}");
    }
}

#[test]
fn before_1973_they_are_seconds() {
    let mut tokens = Tokens::new(0);
    for (expires, end) in [(NOW / 1_000 + 10, NOW + 10_000), (99_999_999_999, 99_999_999_999_000)] {
        tokens.forget();
        tokens.need(NOW, None);
        let serial = tokens.serial();
        tokens.given(NOW, serial, expires);
        assert_eq!((needs(&tokens, end - 1), needs(&tokens, end)), (Step::Use, Step::Ask), "{expires}");
    }
    let mut tokens = Tokens::new(0);
    tokens.need(100_000_000_000, None);
    let serial = tokens.serial();
    tokens.given(100_000_000_000, serial, 100_000_000_001);
    assert_eq!(needs(&tokens, 100_000_000_001), Step::Ask, "ms from then on");
}

#[test]
fn a_refusal_is_of_the_token_that_was_refused() {
    for had in [Had::Last, Had::Unknown, Had::Older] {
        assert_eq!(with(0, HOUR).need(NOW, Some(had)), Step::Ask, "{had:?}");
    }
    // What was asked for after a refusal is for all who had the refused one.
    let mut tokens = with(0, HOUR);
    assert_eq!(tokens.need(NOW, Some(Had::Last)), Step::Ask);
    let serial = tokens.serial();
    assert_eq!(tokens.given(NOW, serial, NOW + HOUR), Step::Given);
    assert_eq!(tokens.need(NOW, Some(Had::Older)), Step::Use);
    // The second of two with the same one waits for what the first has asked for.
    let mut tokens = with(0, HOUR);
    assert_eq!(
        [tokens.need(NOW, Some(Had::Last)), tokens.need(NOW, Some(Had::Last))],
        [Step::Ask, Step::Wait]
    );
}

/// A stream had the first one, the second came by renewal, and then the server revoked both.
#[test]
fn what_came_by_renewal_is_no_answer_to_a_refusal() {
    let mut tokens = with(60_000, HOUR);
    tokens.follow(NOW, true);
    let due = tokens.due();
    assert_eq!(tokens.tick(due), Step::Ask);
    let serial = tokens.serial();
    assert_eq!(tokens.given(due, serial, due + HOUR), Step::Given);
    assert_eq!(tokens.need(due, Some(Had::Older)), Step::Ask);
    let serial = tokens.serial();
    assert_eq!(needs(&tokens, due), Step::Use, "nobody has refused it");
    assert_eq!(tokens.failed(due, serial), Step::Old, "which is better than none");
}

#[test]
fn a_refusal_while_a_renewal_is_on_its_way_asks_anew() {
    let mut tokens = with(60_000, HOUR);
    tokens.follow(NOW, true);
    let due = tokens.due();
    assert_eq!((due, tokens.tick(due)), (NOW + HOUR - 60_000, Step::Ask));
    let renewal = tokens.serial();
    assert_eq!(tokens.need(due, None), Step::Wait);
    assert_eq!(tokens.need(due, Some(Had::Last)), Step::Ask, "what was asked before may be the same token");
    assert_eq!(tokens.given(due, renewal, NEVER), Step::Nothing, "and reaches nobody");
    let serial = tokens.serial();
    assert_eq!(tokens.failed(due, serial), Step::Failed, "nor does the one that was refused");
    assert_eq!(tokens.due(), NEVER, "there is nothing to renew");
}

#[test]
fn who_waits_no_more_calls_the_question_off_unless_another_does() {
    let mut tokens = Tokens::new(0);
    tokens.need(NOW, None);
    tokens.need(NOW, None);
    assert_eq!([tokens.leave(), tokens.leave(), tokens.leave()], [Step::Nothing, Step::Off, Step::Nothing]);
    let before = tokens.serial();
    assert_eq!(tokens.need(NOW, None), Step::Ask);
    assert_eq!(tokens.given(NOW, before, NEVER), Step::Nothing, "late, of the one that was called off");
}

#[test]
fn an_old_one_that_is_good_does_where_there_is_no_new_one() {
    let mut tokens = with(HOUR, 60_000);
    let now = NOW + 31_000;
    assert_eq!(tokens.need(now, None), Step::Ask);
    let serial = tokens.serial();
    assert_eq!(tokens.failed(now, serial), Step::Old);
    // Asked for again when half of the rest is over.
    assert_eq!((needs(&tokens, now + 14_499), needs(&tokens, now + 14_500)), (Step::Use, Step::Ask));
    let end = NOW + 60_000;
    tokens.need(end, None);
    let serial = tokens.serial();
    assert_eq!(tokens.failed(end, serial), Step::Failed, "at its end");
}

#[test]
fn forgotten_is_what_there_was_and_what_was_asked_for() {
    let mut tokens = with(0, HOUR);
    assert_eq!(tokens.forget(), Step::Nothing);
    assert_eq!(tokens.need(NOW, None), Step::Ask);
    let serial = tokens.serial();
    assert_eq!(tokens.forget(), Step::Off);
    assert_eq!([tokens.given(NOW, serial, NEVER), tokens.failed(NOW, serial)], [Step::Nothing; 2]);
    assert_eq!(tokens.need(NOW, None), Step::Ask, "of the next user");
}

#[test]
fn who_follows_has_it_renewed_before_its_end() {
    let mut tokens = with(60_000, HOUR);
    assert_eq!(tokens.due(), NEVER, "nobody follows");
    tokens.follow(NOW, true);
    for round in 0..3 {
        let due = tokens.due();
        assert_eq!(due, NOW + (round + 1) * (HOUR - 60_000));
        assert_eq!((tokens.tick(due - 1), tokens.tick(due)), (Step::Nothing, Step::Ask));
        let serial = tokens.serial();
        assert_eq!(tokens.given(due, serial, due + HOUR), Step::Given);
    }
    tokens.follow(NOW, false);
    assert_eq!(tokens.due(), NEVER);
}

#[test]
fn nothing_is_renewed_that_has_no_end_or_had_ended_on_arrival() {
    for life in [NEVER, 0] {
        let mut tokens = with(60_000, life);
        tokens.follow(NOW, true);
        assert_eq!(tokens.due(), NEVER, "{life}");
    }
}

#[test]
fn a_renewal_joins_what_is_asked_for() {
    let mut tokens = with(60_000, HOUR);
    tokens.follow(NOW, true);
    let due = tokens.due();
    assert_eq!((tokens.need(due, None), tokens.tick(due)), (Step::Ask, Step::Nothing));
    // It goes on when the connection does not wait for it any more.
    assert_eq!(tokens.leave(), Step::Nothing);
    assert_eq!(tokens.follow(due, false), Step::Off);
}

#[test]
fn a_renewal_that_fails_is_tried_again_at_half_of_the_rest() {
    let mut tokens = with(60_000, HOUR);
    tokens.follow(NOW, true);
    let mut due = tokens.due();
    for left in [30_000, 15_000, 7_500] {
        assert_eq!(tokens.tick(due), Step::Ask);
        let serial = tokens.serial();
        assert_eq!(tokens.failed(due, serial), Step::Old);
        assert_eq!(tokens.due() - due, left);
        due = tokens.due();
    }
}

#[test]
fn a_renewal_without_an_answer_is_given_up_and_others_are_not_kept_waiting() {
    let mut tokens = with(60_000, HOUR);
    tokens.follow(NOW, true);
    let due = tokens.due();
    tokens.tick(due);
    assert_eq!(tokens.due(), due + 30_000);
    let late = tokens.serial();
    assert_eq!(tokens.tick(due + 30_000), Step::Off);
    assert_eq!(tokens.due(), due + 45_000, "half of the rest");
    assert_eq!(tokens.given(due + 31_000, late, NEVER), Step::Nothing);
    // Who connects waits as long as it wants to.
    assert_eq!(tokens.tick(due + 45_000), Step::Ask);
    assert_eq!(tokens.need(due + 45_000, None), Step::Wait);
    assert_eq!(tokens.tick(due + 75_000), Step::Nothing);
    assert_eq!(tokens.leave(), Step::Off);
}

proptest! {
    #![proptest_config(cases(500))]

    /// Whatever the clock does and the app says: no panic, no spin, no renewal within a second of the last one.
    #[test]
    fn it_never_spins(
        ahead in any::<u32>(),
        steps in proptest::collection::vec((0..9_u8, any::<u64>(), 0..100_000_u64), 1..60),
        start in prop_oneof![Just(0), Just(NOW), Just(u64::MAX), any::<u64>()],
    ) {
        let mut tokens = Tokens::new(ahead.into());
        let (mut now, mut renewed, mut gave) = (start, None, 0);
        for (kind, number, passed) in steps {
            now = now.saturating_add(passed);
            let serial = tokens.serial();
            match kind {
                0 => _ = tokens.need(now, None),
                1 => _ = tokens.need(now, Some(Had::Last)),
                2 => _ = tokens.leave(),
                3 => _ = tokens.given(now, serial, number),
                4 => _ = tokens.given(now, serial, now.saturating_add(number % 100_000)),
                5 => _ = tokens.failed(now, serial),
                6 => _ = tokens.forget(),
                7 => {
                    tokens.follow(now, number & 1 > 0);
                    renewed = None;
                }
                _ => {
                    if tokens.due() < u64::MAX {
                        now = now.max(tokens.due());
                        let step = tokens.tick(now);
                        prop_assert!(tokens.due() > now || now == u64::MAX);
                        if step == Step::Ask {
                            prop_assert!(renewed.is_none_or(|at| now >= at), "{now} after {renewed:?}");
                            renewed = Some(now.saturating_add(1_000));
                            gave = tokens.serial();
                        }
                    }
                }
            }
            prop_assert!(tokens.serial() >= gave);
        }
    }
}
