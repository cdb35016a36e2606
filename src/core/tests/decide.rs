//! What follows from a loss: re-authentication, the caller's rule, the limits, the growth of the backoff.

use super::{
    super::{
        config::{Backoff, Config, FLOOR, Jitter, MAX_DELAY},
        failure::{Failure, RetryAfter},
        io::{Action, ClientEvent, Decision, Input, Page, Reason, Route, Why},
        state::State,
    },
    sim::{SOCKET, STREAM, Sim, beating, closed},
};

fn steady(config: Config) -> Config {
    Config { backoff: Backoff { jitter: Jitter::None, ..Backoff::new() }, ..config }
}

/// Loses three attempts in a row, which leaves the backoff at its third step.
fn thrice_failed(config: Config) -> Sim {
    let mut sim = Sim::new(steady(config));
    sim.input(Input::Start);
    for _ in 0..3 {
        sim.resolved();
        sim.lost(Failure::Network);
        assert_eq!(sim.core.state(), State::Waiting);
        let wait = sim.wait();
        sim.pass(wait);
    }
    assert_eq!(sim.core.retries(), 3);
    sim.take();
    sim
}

#[test]
fn the_delays_grow_with_each_failure() {
    let mut sim = Sim::new(steady(Config::default()));
    sim.input(Input::Start);
    let mut waits = Vec::new();
    for _ in 0..7 {
        sim.resolved();
        sim.lost(Failure::Network);
        waits.push(sim.wait());
        let wait = sim.wait();
        sim.pass(wait);
    }
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
}

#[test]
fn an_open_alone_does_not_reset_the_backoff() {
    let mut sim = thrice_failed(Config::default());
    sim.establish();
    sim.pass(4_999);
    sim.lost(closed(1000));
    assert_eq!((sim.core.retries(), sim.wait()), (4, 8_000));
}

#[test]
fn stable_uptime_resets_the_backoff() {
    let mut sim = thrice_failed(Config::default());
    sim.establish();
    sim.pass(5_000);
    sim.lost(closed(1000));
    assert_eq!((sim.core.retries(), sim.wait()), (1, 1_000));
}

#[test]
fn silence_is_no_proof_of_stability() {
    let mut sim = thrice_failed(beating());
    sim.establish();
    sim.pass_until(40_000, |sim| sim.core.state() == State::Waiting);
    assert_eq!(sim.core.retries(), 4);
}

#[test]
fn proof_of_stability_counts_however_the_connection_ends() {
    let mut replaced = thrice_failed(Config::default());
    replaced.establish();
    replaced.pass(3_600_000);
    replaced.input(Input::Reconnect);
    assert_eq!(replaced.core.retries(), 0, "replaced by the app");

    let mut frozen = thrice_failed(Config::default());
    frozen.establish();
    frozen.pass(3_600_000);
    frozen.page(Page::Frozen);
    frozen.page(Page::Resumed);
    assert_eq!(frozen.core.retries(), 0, "frozen with the page");

    let mut interrupted = thrice_failed(Config { browser_reconnects: true, ..Config::default() });
    interrupted.route = STREAM;
    interrupted.establish();
    interrupted.pass(3_600_000);
    interrupted.input(Input::Interrupted { attempt: interrupted.core.attempt() });
    interrupted.lost(Failure::Network);
    assert_eq!(interrupted.core.retries(), 1, "interrupted, then lost");
}

#[test]
fn a_401_that_says_when_is_not_asked_sooner() {
    let mut sim = Sim::new(Config { has_provider: true, ..Config::default() });
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(Failure::Http { status: 401, retry_after: Some(RetryAfter(7_000)) });
    assert!((7_000..=8_750).contains(&sim.wait()), "{}", sim.wait());
    let wait = sim.wait();
    sim.take();
    sim.pass(wait);
    assert_eq!(sim.attempts(), [(1, Reason::Unauthorized)]);
}

#[test]
fn a_401_asks_for_new_credentials_once_and_then_is_fatal() {
    let mut sim = Sim::new(Config { has_provider: true, ..Config::default() });
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(Failure::Http { status: 401, retry_after: None });
    assert_eq!(sim.wait(), FLOOR);
    sim.take();
    sim.pass(FLOOR);
    assert_eq!(sim.attempts(), [(1, Reason::Unauthorized)]);
    sim.resolved();
    sim.lost(Failure::Http { status: 401, retry_after: None });
    assert_eq!(sim.end(), Some(Why::Fatal));
}

#[test]
fn new_credentials_may_be_asked_for_again_after_a_stable_connection() {
    let mut sim = Sim::open_on(SOCKET, Config { has_provider: true, ..Config::default() });
    for _ in 0..3 {
        sim.pass(60_000);
        sim.lost(closed(4401));
        assert_eq!(sim.core.state(), State::Waiting);
        sim.pass(FLOOR);
        assert_eq!(sim.attempts(), [(1, Reason::Unauthorized)]);
        sim.establish();
    }
}

#[test]
fn a_server_that_refuses_each_fresh_connection_is_not_asked_for_ever() {
    let mut sim = Sim::open_on(SOCKET, Config { has_provider: true, ..Config::default() });
    sim.lost(closed(4401));
    sim.establish();
    sim.lost(closed(4401));
    assert_eq!(sim.end(), Some(Why::Fatal));
}

#[test]
fn a_provider_that_fails_once_while_asked_again_is_still_asked_for_credentials() {
    let mut sim = Sim::open_on(SOCKET, Config { has_provider: true, ..Config::default() });
    sim.lost(closed(4401));
    sim.pass(FLOOR);
    sim.input(Input::Lost { attempt: sim.core.attempt(), failure: Failure::Provider });
    assert_eq!(sim.core.state(), State::Waiting);
    sim.take();
    let wait = sim.wait();
    sim.pass(wait);
    assert_eq!(sim.attempts(), [(2, Reason::Unauthorized)]);
}

#[test]
fn new_credentials_that_were_given_are_not_asked_for_again_when_the_attempt_fails_of_something_else() {
    let mut sim = Sim::open_on(SOCKET, Config { has_provider: true, ..Config::default() });
    sim.lost(closed(4401));
    sim.pass(FLOOR);
    sim.resolved();
    sim.lost(Failure::Network);
    sim.take();
    let wait = sim.wait();
    sim.pass(wait);
    assert_eq!(sim.attempts(), [(2, Reason::Reconnect)]);
}

#[test]
fn a_provider_that_failed_at_the_start_is_asked_for_a_reconnect() {
    let mut sim = Sim::new(Config { has_provider: true, ..Config::default() });
    sim.input(Input::Start);
    sim.input(Input::Lost { attempt: sim.core.attempt(), failure: Failure::Provider });
    sim.take();
    let wait = sim.wait();
    sim.pass(wait);
    assert_eq!(sim.attempts(), [(1, Reason::Reconnect)]);
}

fn asked(failure: Failure, decision: Decision) -> Sim {
    let mut sim = Sim::open_on(SOCKET, Config { asks: true, ..Config::default() });
    sim.lost(failure);
    assert!(sim.take().contains(&Action::Ask(failure)));
    sim.input(Input::Answer(decision));
    sim
}

#[test]
fn the_callers_rule_overrides_the_table_both_ways() {
    for (failure, decision, end) in [
        (Failure::Http { status: 403, retry_after: None }, Decision::Again, None),
        (Failure::Http { status: 204, retry_after: None }, Decision::Again, None),
        (closed(4401), Decision::Again, None),
        (Failure::Network, Decision::GiveUp, Some(Why::Fatal)),
        (Failure::Http { status: 204, retry_after: None }, Decision::GiveUp, Some(Why::Ended)),
        (Failure::Http { status: 403, retry_after: None }, Decision::Table, Some(Why::Fatal)),
        (Failure::Network, Decision::Table, None),
    ] {
        let mut sim = asked(failure, decision);
        assert_eq!(sim.end(), end, "{failure:?} {decision:?}");
        assert_eq!(sim.core.state() == State::Waiting, end.is_none());
    }
}

#[test]
fn an_unauthorized_that_only_the_callers_rule_retries_is_a_loss_like_others() {
    let mut sim = Sim::open_on(SOCKET, steady(Config { asks: true, endpoints: 2, ..Config::default() }));
    for (retry, delay, endpoint) in [(1, 1_000, 1), (2, 2_000, 0)] {
        sim.lost(closed(4401));
        sim.input(Input::Answer(Decision::Again));
        assert_eq!(sim.wait(), delay);
        sim.take();
        sim.pass(delay);
        let attempt = sim.core.attempt();
        let resolve = Action::Resolve { attempt, retry, reason: Reason::Reconnect, endpoint };
        assert!(sim.take().contains(&resolve), "not as {resolve:?}");
        sim.establish();
    }
}

/// What follows: the waits, and with them why and where each attempt is made; then the end.
fn followed(config: &Config, opened: bool, failure: Failure, decision: Decision) -> Vec<String> {
    let config = Config { asks: true, ..config.clone() };
    let mut sim = if opened { Sim::open_on(SOCKET, config) } else { Sim::new(config) };
    if !opened {
        sim.input(Input::Start);
        sim.resolved();
    }
    let mut all = Vec::new();
    for _ in 0..4 {
        sim.lost(failure);
        sim.input(Input::Answer(decision));
        if let Some(end) = sim.end() {
            all.push(format!("{end:?} {:?}", sim.core.fate(end)));
            break;
        }
        let wait = sim.wait();
        sim.take();
        sim.pass(wait);
        for action in sim.take() {
            if let Action::Resolve { retry, reason, endpoint, .. } = action {
                all.push(format!("after {wait} {retry} {reason:?} at {endpoint}"));
            }
        }
        if opened {
            sim.establish();
        } else {
            sim.resolved();
        }
    }
    all
}

#[test]
fn what_the_callers_rule_calls_unauthorized_is_a_401() {
    let refused = Failure::Http { status: 401, retry_after: None };
    for opened in [false, true] {
        for (has_provider, endpoints) in [(true, 1), (false, 1), (true, 2), (false, 2)] {
            let config = steady(Config { has_provider, endpoints, ..Config::default() });
            let expected = followed(&config, opened, refused, Decision::Table);
            assert_eq!(
                expected.iter().any(|step| step.contains("Unauthorized")),
                has_provider,
                "{expected:?}"
            );
            for failure in [
                closed(1000),
                closed(1008),
                closed(3000),
                closed(4404),
                Failure::Http { status: 403, retry_after: None },
                Failure::Http { status: 404, retry_after: None },
                Failure::Http { status: 422, retry_after: None },
                Failure::Http { status: 503, retry_after: None },
                Failure::ContentType,
                Failure::Network,
                Failure::End,
            ] {
                let found = followed(&config, opened, failure, Decision::Unauthorized);
                assert_eq!(found, expected, "{failure:?}, {has_provider}, {endpoints} endpoints");
            }
        }
    }
}

#[test]
fn a_request_that_must_not_be_repeated_is_asked_for_with_another_token() {
    let config = Config { asks: true, has_provider: true, ..Config::default() };
    let mut sim = Sim::new(config);
    sim.input(Input::Start);
    sim.route = Route { once: true, ..STREAM };
    sim.resolved();
    // A page that asks to log in, with status 200.
    sim.lost(Failure::ContentType);
    sim.input(Input::Answer(Decision::Unauthorized));
    assert_eq!(sim.wait(), FLOOR);
}

#[test]
fn the_callers_own_delay_is_the_delay() {
    let busy = Failure::Http { status: 503, retry_after: Some(RetryAfter(60_000)) };
    let refused = Failure::Http { status: 403, retry_after: None };
    for (failure, ms, delay) in [
        (Failure::Network, 7_000, 7_000),
        // Whatever the table and the server say.
        (refused, 7_000, 7_000),
        (busy, 7_000, 7_000),
        (closed(4401), 7_000, 7_000),
        // But for the floor and the longest.
        (Failure::Network, 0, FLOOR),
        (Failure::Network, u64::MAX, MAX_DELAY),
    ] {
        let mut sim = asked(failure, Decision::After(ms));
        assert_eq!(sim.wait(), delay, "{failure:?} {ms}");
        let retry = ClientEvent::Retry { retry: 1, delay, failure };
        let told = sim.take();
        assert!(told.contains(&Action::Emit(retry)), "{failure:?}: {told:?}");
    }
}

#[test]
fn it_counts_as_a_retry_and_the_network_that_comes_back_cuts_it_short() {
    let backoff = Backoff { max_attempts: 2, ..Backoff::new() };
    let mut sim = Sim::open_on(SOCKET, Config { asks: true, backoff, ..Config::default() });
    sim.lost(Failure::Network);
    sim.input(Input::Answer(Decision::After(50_000)));
    sim.page(Page::Offline);
    sim.page(Page::Online);
    assert!(sim.wait() < 50_000);
    let wait = sim.wait();
    sim.pass(wait);
    sim.resolved();
    sim.lost(Failure::Network);
    sim.input(Input::Answer(Decision::After(50_000)));
    assert_eq!(sim.end(), Some(Why::Exhausted));
}

#[test]
fn close_inside_the_rule_closes() {
    let mut sim = Sim::open_on(SOCKET, Config { asks: true, ..Config::default() });
    sim.lost(Failure::Network);
    sim.close();
    assert_eq!(sim.end(), Some(Why::App));
    sim.input(Input::Answer(Decision::Again));
    assert_eq!(sim.core.state(), State::Closed);
    assert_eq!(sim.take(), []);
}

#[test]
fn reconnect_and_page_events_inside_the_rule_wait_for_its_answer() {
    let mut sim = Sim::open_on(SOCKET, Config { asks: true, ..Config::default() });
    sim.lost(Failure::Network);
    sim.take();
    sim.input(Input::Reconnect);
    sim.page(Page::Online);
    sim.page(Page::Visible);
    assert_eq!(sim.take(), []);
    sim.input(Input::Answer(Decision::Table));
    assert_eq!(sim.core.state(), State::Waiting);
}

#[test]
fn without_reconnect_the_first_loss_is_the_last() {
    let mut sim = Sim::open_on(SOCKET, Config { reconnects: false, ..Config::default() });
    sim.pass(3_600_000);
    sim.lost(closed(1001));
    assert_eq!(sim.end(), Some(Why::Exhausted));
}

#[test]
fn max_attempts_counts_failures_in_a_row() {
    let backoff = Backoff { max_attempts: 3, ..Backoff::new() };
    let mut sim = Sim::new(Config { backoff, ..Config::default() });
    sim.input(Input::Start);
    for _ in 0..2 {
        sim.resolved();
        sim.lost(Failure::Network);
        assert_eq!(sim.core.state(), State::Waiting);
        let wait = sim.wait();
        sim.pass(wait);
    }
    sim.resolved();
    sim.opened();
    sim.pass(5_000);
    // Stable: this loss is not a failed attempt, and the count starts anew.
    for _ in 0..3 {
        sim.lost(closed(1001));
        assert_eq!(sim.core.state(), State::Waiting);
        let wait = sim.wait();
        sim.pass(wait);
    }
    sim.lost(Failure::Network);
    assert_eq!(sim.end(), Some(Why::Exhausted));
}

#[test]
fn the_app_is_told_the_failure_and_the_delay() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.lost(closed(1006));
    let delay = sim.wait();
    let news = Action::Emit(ClientEvent::Retry { retry: 1, delay, failure: closed(1006) });
    assert_eq!(sim.take().last(), Some(&news));
}

#[test]
fn the_app_is_told_the_failure_that_ended_it_but_an_end_is_none() {
    let no_content = Failure::Http { status: 204, retry_after: None };
    for (failure, reconnects, why, code) in [
        (closed(1008), true, Why::Fatal, 1008),
        (Failure::Blocked, true, Why::Fatal, 0),
        (Failure::Network, false, Why::Exhausted, 0),
        (no_content, true, Why::Ended, 0),
        (Failure::End, false, Why::Ended, 0),
    ] {
        let mut sim = Sim::open_on(SOCKET, Config { reconnects, ..Config::default() });
        sim.lost(failure);
        let news = ClientEvent::Closed { why, code, failure: (why != Why::Ended).then_some(failure) };
        assert_eq!(sim.take().last(), Some(&Action::Emit(news)));
    }
}
