//! Several endpoints: which one an attempt goes to.

use super::{
    super::{
        config::{Config, FLOOR},
        failure::{Class, Failure},
        io::{Action, ClientEvent, Decision, Input, Page, Reason, Route, Why},
        resume::Id,
        state::State,
    },
    sim::{SOCKET, STREAM, Sim, closed},
};

const STABLE: u64 = 5_000;

fn http(status: u16) -> Failure {
    Failure::Http { status, retry_after: None }
}

fn of(endpoints: u32) -> Config {
    Config { endpoints, ..Config::default() }
}

/// Passes the wait, and gives the endpoint of the attempt after it.
fn next(sim: &mut Sim) -> Option<u32> {
    if sim.core.retry_at().is_some() {
        let wait = sim.wait();
        sim.pass(wait);
    }
    let endpoint =
        |action: Action| if let Action::Resolve { endpoint, .. } = action { Some(endpoint) } else { None };
    sim.take().into_iter().find_map(endpoint)
}

#[test]
fn each_failure_goes_to_the_next_one_and_round() {
    let mut sim = Sim::new(of(3));
    sim.input(Input::Start);
    let mut seen = Vec::new();
    for _ in 0..7 {
        sim.take();
        sim.resolved();
        sim.lost(Failure::Network);
        seen.extend(next(&mut sim));
    }
    assert_eq!(seen, [1, 2, 0, 1, 2, 0, 1]);
}

#[test]
fn one_endpoint_stays_the_only_one() {
    let mut sim = Sim::open_on(STREAM, of(1));
    sim.lost(Failure::Network);
    assert_eq!(next(&mut sim), Some(0));
}

#[test]
fn a_good_connection_that_breaks_goes_to_the_next_one() {
    for failure in [Failure::Network, Failure::HalfOpen, closed(1001), closed(1012)] {
        let mut sim = Sim::open_on(STREAM, of(2));
        sim.pass(STABLE);
        sim.take();
        sim.lost(failure);
        assert_eq!(next(&mut sim), Some(1), "{failure:?}");
    }
}

#[test]
fn a_good_connection_that_ends_normally_goes_to_the_first_one() {
    for failure in [Failure::End, closed(1000)] {
        let mut sim = Sim::open_on(STREAM, of(2));
        sim.lost(Failure::Network);
        assert_eq!(next(&mut sim), Some(1));
        sim.resolved();
        sim.opened();
        sim.pass(STABLE);
        sim.take();
        sim.lost(failure);
        assert_eq!(next(&mut sim), Some(0), "{failure:?}");
    }
}

#[test]
fn one_that_ends_at_once_is_no_good_connection() {
    let mut sim = Sim::open_on(STREAM, of(2));
    sim.take();
    sim.lost(Failure::End);
    assert_eq!(next(&mut sim), Some(1));
}

#[test]
fn new_credentials_are_tried_where_the_old_ones_were_refused() {
    let mut sim = Sim::open_on(STREAM, Config { has_provider: true, ..of(2) });
    sim.take();
    sim.lost(closed(4401));
    assert_eq!(next(&mut sim), Some(0));
}

#[test]
fn the_apps_reconnect_and_a_page_that_comes_back_go_to_the_first_one() {
    for page in [false, true] {
        let mut sim = Sim::open_on(STREAM, of(2));
        sim.lost(Failure::Network);
        assert_eq!(next(&mut sim), Some(1));
        sim.resolved();
        sim.opened();
        sim.pass(1_000);
        sim.take();
        if page {
            sim.page(Page::Frozen);
            sim.page(Page::Resumed);
        } else {
            sim.input(Input::Reconnect);
        }
        assert_eq!(next(&mut sim), Some(0));
    }
}

/// What is said of one endpoint, before the first open.
fn refusals() -> impl Iterator<Item = Failure> {
    [400, 401, 402, 403, 404, 405, 406, 409, 410, 418, 421, 451]
        .map(http)
        .into_iter()
        .chain([1002, 1008, 1010, 4001, 4400, 4401, 4403, 4404].map(closed))
        .chain([Failure::ContentType, Failure::Redirect, Failure::Blocked])
}

#[test]
fn what_one_endpoint_refuses_is_asked_of_the_next_one_after_the_usual_wait() {
    for failure in refusals() {
        let mut sim = Sim::new(of(2));
        sim.draw = Some(u32::MAX);
        sim.input(Input::Start);
        sim.resolved();
        sim.lost(failure);
        let at_once = matches!(failure, Failure::Blocked);
        assert_eq!(sim.wait(), if at_once { FLOOR } else { 1_000 }, "{failure:?}");
        sim.take();
        assert_eq!(next(&mut sim), Some(1), "{failure:?}");
        sim.resolved();
        sim.opened();
        assert_eq!(sim.core.state(), State::Open, "{failure:?}");
    }
}

#[test]
fn when_all_have_refused_it_is_the_end_and_the_last_one_says_why() {
    for failure in refusals() {
        let mut sim = Sim::new(of(3));
        sim.input(Input::Start);
        for endpoint in [1, 2] {
            sim.resolved();
            sim.lost(http(403));
            sim.take();
            assert_eq!(next(&mut sim), Some(endpoint));
        }
        sim.resolved();
        sim.lost(failure);
        let end = ClientEvent::Closed { why: Why::Fatal, code: failure.close_code(), failure: Some(failure) };
        assert_eq!(sim.take().last(), Some(&Action::Emit(end)));
    }
}

#[test]
fn what_is_about_the_request_is_the_end_at_the_first_one() {
    let of_the_request = [411, 412, 413, 414, 415, 416, 417, 422, 424, 426, 428, 431].map(http);
    let others = [closed(1003), closed(1007), Failure::TooBig, Failure::NotResumable, Failure::Frozen];
    for failure in of_the_request.into_iter().chain(others) {
        let mut sim = Sim::new(of(2));
        sim.input(Input::Start);
        sim.resolved();
        sim.lost(failure);
        assert_eq!(sim.end(), Some(Why::Fatal), "{failure:?}");
    }
    // Nor is the end of the stream a refusal.
    let mut sim = Sim::new(of(2));
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(http(204));
    assert_eq!(sim.end(), Some(Why::Ended));
}

#[test]
fn a_request_that_must_not_be_repeated_is_not_repeated_elsewhere() {
    for (failure, end) in [
        (closed(1008), Some(Why::Fatal)),
        (http(500), Some(Why::Fatal)),
        // The server acted on nothing.
        (http(403), None),
        (http(410), None),
        (http(401), None),
        (Failure::Blocked, None),
    ] {
        let mut sim = Sim::new(of(2));
        sim.route = Route { once: true, ..STREAM };
        sim.input(Input::Start);
        sim.resolved();
        sim.lost(failure);
        assert_eq!(sim.end(), end, "{failure:?}");
    }
}

#[test]
fn without_reconnect_a_refusal_is_one() {
    let mut sim = Sim::new(Config { reconnects: false, ..of(2) });
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(http(403));
    assert_eq!(sim.end(), Some(Why::Fatal));
}

#[test]
fn the_callers_rule_stands_above_it() {
    for (decision, end) in
        [(Decision::GiveUp, Some(Why::Fatal)), (Decision::Again, None), (Decision::Table, None)]
    {
        let mut sim = Sim::new(Config { asks: true, ..of(2) });
        sim.input(Input::Start);
        sim.resolved();
        sim.lost(http(403));
        sim.input(Input::Answer(decision));
        assert_eq!(sim.end(), end, "{decision:?}");
    }
    // What it has tried again has refused all the same.
    let mut sim = Sim::new(Config { asks: true, ..of(2) });
    sim.input(Input::Start);
    for (decision, end) in [(Decision::Again, None), (Decision::Table, Some(Why::Fatal))] {
        sim.resolved();
        sim.lost(http(403));
        sim.input(Input::Answer(decision));
        assert_eq!(sim.end(), end, "{decision:?}");
        let _ = next(&mut sim);
    }
}

#[test]
fn new_credentials_are_asked_for_once_and_then_they_are_tried_elsewhere() {
    let mut sim = Sim::new(Config { has_provider: true, ..of(2) });
    sim.input(Input::Start);
    let mut asked = Vec::new();
    let attempt = |action| {
        if let Action::Resolve { endpoint, reason, .. } = action { Some((endpoint, reason)) } else { None }
    };
    for _ in 0..3 {
        asked.extend(sim.take().into_iter().filter_map(attempt));
        sim.resolved();
        sim.lost(http(401));
        if sim.core.retry_at().is_some() {
            let wait = sim.wait();
            sim.pass(wait);
        }
    }
    assert_eq!(asked, [(0, Reason::Initial), (0, Reason::Unauthorized), (1, Reason::Reconnect)]);
    assert_eq!(sim.core.state(), State::Closed);
}

/// The cursor may be what an endpoint refuses: it is asked once without it, and that is no second refusal.
#[test]
fn asking_without_the_cursor_counts_once() {
    let mut sim = Sim::open_on(STREAM, of(2));
    sim.core.learn(Id::Own(1));
    sim.lost(Failure::Network);
    assert_eq!(next(&mut sim), Some(1));
    let mut seen = Vec::new();
    for _ in 0..3 {
        sim.goes_up(10);
        sim.resolved();
        sim.lost(http(403));
        sim.take();
        seen.extend(next(&mut sim));
    }
    assert_eq!(seen, [1, 0, 0], "without it, elsewhere, without it there");
    sim.goes_up(10);
    sim.resolved();
    sim.lost(http(403));
    assert_eq!(sim.end(), Some(Why::Fatal));
}

#[test]
fn a_planned_change_and_the_apps_word_begin_the_count_anew() {
    // The second one delivers, and the first one, which has refused, takes over and refuses again.
    let mut sim = Sim::new(Config { failback: 1_000, ..of(2) });
    sim.input(Input::Start);
    sim.take();
    sim.resolved();
    sim.lost(closed(4404));
    assert_eq!(next(&mut sim), Some(1));
    sim.resolved();
    sim.opened();
    sim.pass_until(2_000, |sim| sim.core.succeeds(sim.asked));
    sim.input(Input::Resolved { attempt: sim.asked, route: SOCKET });
    sim.input(Input::Opened { attempt: sim.asked });
    sim.take();
    sim.lost(closed(4404));
    assert_eq!(next(&mut sim), Some(1));
    // The second one has not refused since.
    sim.input(Input::Reconnect);
    assert_eq!(next(&mut sim), Some(0));
    sim.resolved();
    sim.lost(closed(4404));
    assert_eq!(next(&mut sim), Some(1));
    // Nor has a page that was frozen then.
    sim.page(Page::Frozen);
    sim.page(Page::Resumed);
    assert_eq!(next(&mut sim), Some(0));
    sim.resolved();
    sim.lost(closed(4404));
    assert_eq!(next(&mut sim), Some(1));
}

/// What an attempt comes to.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Refused,
    /// The WebSocket is accepted, then closed.
    Turned,
    Network,
    Held,
}

/// Every order of these, seven attempts long: the end comes when all three have refused in a row, and not before; and
/// whenever it goes on it goes on elsewhere.
#[test]
fn the_end_comes_when_all_have_refused_in_a_row_and_not_before() {
    const FATES: [Fate; 4] = [Fate::Refused, Fate::Turned, Fate::Network, Fate::Held];
    for order in 0..4_usize.pow(7) {
        let mut sim = Sim::new(of(3));
        sim.input(Input::Start);
        let mut refused = 0;
        let mut at = 0;
        for step in 0..7 {
            let fate = FATES[order / 4_usize.pow(step) % 4];
            sim.resolved();
            if matches!(fate, Fate::Turned | Fate::Held) {
                sim.opened();
            }
            if matches!(fate, Fate::Held) {
                sim.pass(STABLE);
            }
            sim.take();
            sim.lost(match fate {
                Fate::Refused => http(403),
                Fate::Turned => closed(4404),
                Fate::Network | Fate::Held => Failure::Network,
            });
            refused = if matches!(fate, Fate::Refused | Fate::Turned) { refused + 1 } else { 0 };
            let over = sim.core.state() == State::Closed;
            assert_eq!(over, refused == 3, "{order} {step}");
            if over {
                break;
            }
            at = (at + 1) % 3;
            assert_eq!(next(&mut sim), Some(at), "{order} {step}");
        }
    }
}

/// The column of the table says nothing of what is tried again anyway.
#[test]
fn only_what_is_fatal_for_one_is_asked_about() {
    for failure in refusals() {
        assert!(failure.of_the_endpoint(), "{failure:?}");
        assert_ne!(failure.class(false), Class::Retriable, "{failure:?}");
    }
}
