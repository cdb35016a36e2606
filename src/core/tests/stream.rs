//! What fetched event streams bring: a request that must not be repeated, an end, and the server's word.

use super::{
    super::{
        config::{Backoff, Config, FLOOR, Jitter},
        failure::{Failure, RetryAfter},
        io::{Action, ClientEvent, Decision, Input, Page, Route, Why},
        state::State,
    },
    sim::{SOCKET, STREAM, Sim, closed},
};

const POST: Route = Route { once: true, ..STREAM };

fn http(status: u16) -> Failure {
    Failure::Http { status, retry_after: None }
}

/// A POST is out.
fn posted() -> Sim {
    let mut sim = Sim::new(Config::default());
    sim.route = POST;
    sim.input(Input::Start);
    sim.resolved();
    sim.take();
    sim
}

#[test]
fn the_cap_holds_for_the_servers_retry_too() {
    let backoff = Backoff { jitter: Jitter::None, max_server_delay: 400, ..Backoff::new() };
    for failure in [Failure::End, Failure::Network] {
        let mut sim = Sim::open_on(STREAM, Config { backoff: backoff.clone(), ..Config::default() });
        sim.core.retry_told(60_000);
        sim.lost(failure);
        assert_eq!(sim.wait(), 400, "{failure:?}");
    }
}

#[test]
fn a_post_is_repeated_only_when_the_server_did_not_act_on_it() {
    for (failure, repeated) in [
        (http(425), true),
        (http(429), true),
        (Failure::Http { status: 503, retry_after: Some(RetryAfter(0)) }, true),
        (http(503), false),
        (http(500), false),
        (Failure::Http { status: 500, retry_after: Some(RetryAfter(1_000)) }, false),
        (Failure::Network, false),
        (Failure::OpenTimeout, false),
    ] {
        let mut sim = posted();
        sim.lost(failure);
        assert_eq!(sim.end(), (!repeated).then_some(Why::Fatal), "{failure:?}");
    }
}

#[test]
fn an_unauthorized_post_asks_its_providers_again_once() {
    let mut sim = Sim::new(Config { has_provider: true, ..Config::default() });
    sim.route = POST;
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(http(401));
    assert_eq!(sim.core.state(), State::Waiting);
    let wait = sim.wait();
    sim.pass(wait);
    sim.resolved();
    sim.lost(http(401));
    assert_eq!(sim.end(), Some(Why::Fatal));
}

#[test]
fn a_post_whose_function_failed_was_never_made() {
    let mut sim = Sim::new(Config::default());
    sim.route = POST;
    sim.input(Input::Start);
    sim.input(Input::Lost { attempt: sim.core.attempt(), failure: Failure::Provider });
    assert_eq!(sim.core.state(), State::Waiting);
}

#[test]
fn a_post_that_broke_off_is_not_repeated() {
    for failure in [Failure::Network, Failure::HalfOpen] {
        let mut sim = posted();
        sim.opened();
        sim.lost(failure);
        assert_eq!(sim.end(), Some(Why::Fatal), "{failure:?}");
    }
}

#[test]
fn a_post_whose_answer_came_to_its_end_has_ended() {
    let mut sim = posted();
    sim.opened();
    sim.lost(Failure::End);
    assert_eq!(sim.end(), Some(Why::Ended));
}

#[test]
fn a_post_that_can_be_resumed_goes_on() {
    for failure in [Failure::Network, Failure::End] {
        let mut sim = posted();
        sim.opened();
        sim.core.resumable();
        sim.lost(failure);
        assert_eq!(sim.core.state(), State::Waiting, "{failure:?}");
    }
}

#[test]
fn the_callers_rule_may_repeat_a_post() {
    let mut sim = Sim::new(Config { asks: true, ..Config::default() });
    sim.route = POST;
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(Failure::Network);
    sim.input(Input::Answer(Decision::Again));
    assert_eq!(sim.core.state(), State::Waiting);
}

/// It delivered something, and ended in good order.
fn ended(sim: &mut Sim) {
    sim.core.brought(sim.core.attempt());
    sim.lost(Failure::End);
}

/// The least and the longest wait of the draws, after what `lose` does to a connection that was open for so long.
fn waits(route: Route, config: &Config, held: u64, lose: impl Fn(&mut Sim)) -> (u64, u64) {
    let wait = |draw| {
        let mut sim = Sim::open_on(route, config.clone());
        sim.pass(held);
        sim.draw = Some(draw);
        lose(&mut sim);
        assert_eq!((sim.core.state(), sim.core.retries()), (State::Waiting, 1));
        sim.wait()
    };
    (wait(0), wait(u32::MAX))
}

#[test]
fn what_a_server_ends_after_a_healthy_time_is_spread_over_the_initial_delay() {
    let config = Config::default();
    let all = (FLOOR, FLOOR + 1_062);
    assert_eq!(waits(STREAM, &config, 5_000, |sim| sim.lost(Failure::End)), all);
    assert_eq!(waits(STREAM, &config, 5_000, ended), all);
    for code in [1000, 1001, 4000] {
        assert_eq!(waits(SOCKET, &config, 5_000, |sim| sim.lost(closed(code))), all, "{code}");
    }
    assert_eq!(waits(SOCKET, &config, 5_000, |sim| sim.lost(closed(1012))), (5_000, 6_250));
    assert_eq!(waits(STREAM, &config, 5_000, |sim| sim.lost(Failure::Network)), (FLOOR, 1_000));
    let told = |ms| {
        waits(STREAM, &config, 5_000, |sim| {
            sim.core.retry_told(ms);
            ended(sim);
        })
    };
    // The spread is over what the caller set, not over what replaced it.
    assert_eq!(told(200), (200, 1_262));
    assert_eq!(told(20_000), (20_000, 25_000));
}

#[test]
fn without_jitter_the_wait_after_a_routine_end_is_exact() {
    let backoff = Backoff { jitter: Jitter::None, ..Backoff::new() };
    let config = Config { backoff, ..Config::default() };
    assert_eq!(waits(STREAM, &config, 5_000, ended), (1_000, 1_000));
    assert_eq!(waits(STREAM, &config, 0, ended), (1_000, 1_000));
    for (held, told) in [(0, 500), (5_000, 500), (5_000, 70_000)] {
        let waits = waits(STREAM, &config, held, |sim| {
            sim.core.retry_told(told);
            ended(sim);
        });
        assert_eq!(waits, (told, told));
    }
}

#[test]
fn short_answers_that_deliver_come_again_at_the_servers_pace_for_ever() {
    for (told, least, most) in [(500, 500, 625), (0, FLOOR, FLOOR), (60_000, 60_000, 75_000)] {
        let backoff = Backoff { max_attempts: 2, ..Backoff::new() };
        let mut sim = Sim::open_on(STREAM, Config { backoff, ..Config::default() });
        sim.core.retry_told(told);
        for _ in 0..100 {
            sim.pass(200);
            ended(&mut sim);
            assert!((least..=most).contains(&sim.wait()), "{}", sim.wait());
            sim.establish();
        }
        // Empty ones are failures, and count.
        sim.lost(Failure::End);
        sim.establish();
        sim.lost(Failure::End);
        assert_eq!(sim.end(), Some(Why::Exhausted));
    }
}

#[test]
fn a_short_answer_that_delivers_sets_back_what_earlier_failures_grew() {
    let mut sim = Sim::open_on(STREAM, Config { has_provider: true, ..Config::default() });
    for _ in 0..3 {
        for _ in 0..5 {
            sim.lost(Failure::Network);
            sim.establish();
        }
        ended(&mut sim);
        assert_eq!(sim.core.retries(), 1);
        sim.establish();
        // A token that expires between two answers is asked for each time.
        sim.lost(http(401));
        assert_eq!(sim.core.state(), State::Waiting);
        sim.establish();
        ended(&mut sim);
        sim.establish();
    }
}

#[test]
fn what_an_earlier_connection_delivered_says_nothing_of_the_next() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    ended(&mut sim);
    sim.draw = Some(u32::MAX);
    for delay in [2_000, 4_000, 8_000] {
        sim.establish();
        sim.lost(Failure::End);
        assert_eq!(sim.wait(), delay);
    }
    // Of an attempt that is over already.
    sim.core.brought(sim.core.attempt().wrapping_sub(1));
    sim.establish();
    sim.lost(Failure::End);
    assert_eq!(sim.wait(), 16_000);
}

/// A thousand clients that one server let go of in good order, each with a draw of its own.
#[test]
fn a_fleet_that_is_let_go_of_at_one_instant_does_not_come_back_as_one() {
    let (mut seed, mut delays) = (1_u32, Vec::new());
    for _ in 0..1_000 {
        let mut sim = Sim::open_on(STREAM, Config::default());
        sim.pass(60_000);
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        sim.draw = Some(seed);
        sim.lost(Failure::End);
        delays.push(sim.wait());
    }
    delays.sort_unstable();
    assert!(delays[990] - delays[10] >= 1_000, "{} to {}", delays[10], delays[990]);
    let busiest = (0..1_200)
        .map(|from| delays.iter().filter(|delay| (from..from + 100).contains(*delay)).count())
        .max();
    assert!(busiest < Some(150), "{busiest:?} in a tenth of a second");
}

#[test]
fn a_stream_that_ends_as_soon_as_it_opens_is_no_storm() {
    let backoff = Backoff { jitter: Jitter::None, ..Backoff::new() };
    let mut sim = Sim::open_on(STREAM, Config { backoff, ..Config::default() });
    for delay in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        sim.lost(Failure::End);
        assert_eq!(sim.wait(), delay);
        sim.pass(delay);
        sim.establish();
    }
}

#[test]
fn the_end_without_reconnect_is_no_failure() {
    let mut sim = Sim::open_on(STREAM, Config { reconnects: false, ..Config::default() });
    sim.lost(Failure::End);
    assert_eq!(sim.end(), Some(Why::Ended));
}

#[test]
fn retry_after_is_a_lower_bound_and_capped() {
    for (told, least, most) in [(2_000, 2_000, 2_500), (u32::MAX, 240_000, 300_000)] {
        let mut sim = Sim::open_on(STREAM, Config::default());
        sim.lost(Failure::Http { status: 503, retry_after: Some(RetryAfter(told)) });
        assert!((least..=most).contains(&sim.wait()), "{}", sim.wait());
    }
}

#[test]
fn the_retry_field_replaces_the_initial_delay_until_the_next_one() {
    let backoff = Backoff { jitter: Jitter::None, ..Backoff::new() };
    let mut sim = Sim::open_on(STREAM, Config { backoff, ..Config::default() });
    for (told, delays) in [(3_000, [3_000, 6_000]), (50, [400, 800])] {
        sim.core.retry_told(told);
        for delay in delays {
            sim.draw = Some(0);
            sim.lost(Failure::Network);
            assert_eq!(sim.wait(), delay);
            sim.pass(delay);
            sim.establish();
        }
    }
}

#[test]
fn the_retry_field_is_a_lower_bound_of_every_delay() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.core.retry_told(60_000);
    sim.pass(10_000);
    sim.lost(Failure::End);
    assert!((60_000..=75_000).contains(&sim.wait()), "{}", sim.wait());
}

#[test]
fn a_retry_field_of_zero_keeps_to_the_floor() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.core.retry_told(0);
    sim.lost(Failure::Network);
    assert_eq!(sim.wait(), FLOOR);
}

#[test]
fn without_seams_nothing_is_checked() {
    let mut sim = Sim::open_on(STREAM, Config { deduplicates: false, ..Config::default() });
    sim.core.learn(super::super::resume::Id::Own(1));
    sim.lost(Failure::Network);
    let wait = sim.wait();
    sim.pass(wait);
    sim.establish();
    assert!(!sim.core.checking());
}

/// A POST whose stream can be resumed by another request; it was answered, and nothing has come.
fn answered(asks: bool) -> Sim {
    Sim::open_on(POST, Config { resumes: true, asks, ..Config::default() })
}

#[test]
fn a_post_that_was_answered_is_gone_on_with_by_another_request_alone() {
    for failure in [Failure::Network, Failure::HalfOpen, Failure::Truncated] {
        let mut sim = answered(false);
        sim.lost(failure);
        for _ in 0..3 {
            assert_eq!(sim.core.state(), State::Waiting, "{failure:?}");
            let wait = sim.wait();
            sim.pass(wait);
            // The caller's other request, which fails as well.
            sim.route = STREAM;
            sim.resolved();
            sim.lost(Failure::Network);
        }
        // Now there is none: the POST is not made a second time.
        let wait = sim.wait();
        sim.pass(wait);
        sim.route = POST;
        sim.take();
        sim.resolved();
        let done = sim.take();
        assert!(!done.iter().any(|action| matches!(action, Action::Open { .. })), "{done:?}");
        assert!(done.iter().any(|action| matches!(
            action,
            Action::Emit(ClientEvent::Closed { why: Why::Fatal, failure: Some(Failure::NotResumable), .. })
        )));
    }
}

#[test]
fn what_ended_in_good_order_or_was_not_answered_is_not_gone_on_with() {
    let mut sim = answered(false);
    sim.lost(Failure::End);
    assert_eq!(sim.end(), Some(Why::Ended));
    let mut sim = Sim::new(Config { resumes: true, ..Config::default() });
    sim.route = POST;
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(Failure::Network);
    assert_eq!(sim.end(), Some(Why::Fatal));
}

#[test]
fn by_the_apps_own_word_a_post_that_was_answered_is_made_again() {
    let words: [fn(&mut Sim); 3] = [
        |sim| sim.input(Input::Answer(Decision::Again)),
        |sim| {
            sim.input(Input::Answer(Decision::Table));
            sim.input(Input::Reconnect);
        },
        |sim| {
            sim.input(Input::Answer(Decision::Table));
            sim.page(Page::Paused);
            sim.page(Page::Unpaused);
        },
    ];
    for word in words {
        let mut sim = answered(true);
        sim.lost(Failure::Network);
        word(&mut sim);
        if sim.core.state() == State::Waiting {
            let wait = sim.wait();
            sim.pass(wait);
        }
        sim.take();
        sim.resolved();
        assert!(sim.take().iter().any(|action| matches!(action, Action::Open { .. })));
    }
}
