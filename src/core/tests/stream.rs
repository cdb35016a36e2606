//! What fetched event streams bring: a request that must not be repeated, an end, and the server's word.

use super::{
    super::{
        config::{Backoff, Config, FLOOR, Jitter},
        failure::Failure,
        io::{Input, Page, Route, Why},
        state::State,
    },
    sim::{STREAM, Sim},
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
fn a_post_is_repeated_only_when_the_server_did_not_act_on_it() {
    for (failure, repeated) in [
        (http(425), true),
        (http(429), true),
        (Failure::Http { status: 503, retry_after: Some(0) }, true),
        (http(503), false),
        (http(500), false),
        (Failure::Http { status: 500, retry_after: Some(1_000) }, false),
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
    sim.input(Input::ProviderFailed { attempt: sim.core.attempt() });
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
    sim.input(Input::Answer(Some(true)));
    assert_eq!(sim.core.state(), State::Waiting);
}

#[test]
fn a_post_is_not_repeated_by_a_page_that_comes_back() {
    let mut sim = posted();
    sim.opened();
    sim.page(Page::Frozen);
    sim.page(Page::Resumed);
    assert_eq!(sim.end(), Some(Why::Exhausted));
}

#[test]
fn a_stream_that_ends_after_a_healthy_time_comes_back_at_once() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    for _ in 0..20 {
        sim.pass(60_000);
        sim.lost(Failure::End);
        assert!((FLOOR..=FLOOR + FLOOR / 4).contains(&sim.wait()), "{}", sim.wait());
        let wait = sim.wait();
        sim.pass(wait);
        sim.establish();
    }
}

#[test]
fn a_stream_that_ends_as_soon_as_it_opens_is_no_storm() {
    let backoff = Backoff::new().with_jitter(Jitter::None);
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
    for (told, least, most) in [(2_000, 2_000, 2_500), (u32::MAX, 300_000, 375_000)] {
        let mut sim = Sim::open_on(STREAM, Config::default());
        sim.lost(Failure::Http { status: 503, retry_after: Some(told) });
        assert!((least..=most).contains(&sim.wait()), "{}", sim.wait());
    }
}

#[test]
fn the_retry_field_replaces_the_initial_delay_until_the_next_one() {
    let backoff = Backoff::new().with_jitter(Jitter::None);
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
    let mut sim = Sim::open_on(STREAM, Config { seams: false, ..Config::default() });
    sim.core.learn(super::super::seam::Id::Own(1));
    sim.lost(Failure::Network);
    let wait = sim.wait();
    sim.pass(wait);
    sim.establish();
    assert!(!sim.core.checking());
}
