//! How a stream ends: whole or truncated, what becomes of the stored place, and what the page does to it.

use super::{
    super::{
        config::{Config, Heartbeat},
        failure::Failure,
        io::{Action, ClientEvent, Decision, Fate, Input, Page, Route, Why},
        resume::{Id, Outcome},
        state::State,
    },
    sim::{SOCKET, STREAM, Sim, closed},
};

const POST: Route = Route { once: true, ..STREAM };

fn http(status: u16) -> Failure {
    Failure::Http { status, retry_after: None }
}

fn until() -> Config {
    Config { until: true, ..Config::default() }
}

fn resuming() -> Config {
    Config { resumes: true, ..until() }
}

/// How it ended, of what, and what the next page finds.
fn end(sim: &mut Sim) -> Option<(Why, Option<Failure>, Fate)> {
    sim.take().into_iter().find_map(|action| match action {
        Action::Emit(ClientEvent::Closed { why, failure, .. }) => Some((why, failure, sim.core.fate(why))),
        _ => None,
    })
}

/// An answer that began by POST, delivered a message with an id, and has another request to go on with.
fn answering(config: Config) -> Sim {
    let mut sim = Sim::open_on(POST, config);
    sim.core.learn(Id::Own(1));
    sim.core.resumable();
    sim.route = STREAM;
    sim
}

const TRUNCATED: Failure = Failure::Truncated;

#[test]
fn a_stream_that_ends_before_its_last_message_is_truncated() {
    let mut sim = Sim::open_on(POST, until());
    sim.lost(Failure::End);
    assert_eq!(end(&mut sim), Some((Why::Fatal, Some(TRUNCATED), Fate::Gone)));

    let mut sim = Sim::open_on(STREAM, Config { reconnects: false, ..until() });
    sim.lost(Failure::End);
    assert_eq!(end(&mut sim), Some((Why::Exhausted, Some(TRUNCATED), Fate::Kept)));

    // Where it can go on it does, as after any routine end.
    for mut sim in [Sim::open_on(STREAM, until()), answering(resuming())] {
        sim.pass(5_000);
        sim.draw = Some(u32::MAX);
        sim.lost(Failure::End);
        assert_eq!((sim.core.last_failure(), sim.wait()), (Some(TRUNCATED), 1_162));
    }
}

#[test]
fn a_resume_that_finds_nothing_is_not_the_end_of_a_whole_answer() {
    for first in [Failure::Network, Failure::End] {
        let mut sim = answering(resuming());
        sim.lost(first);
        let wait = sim.wait();
        sim.pass(wait);
        sim.resolved();
        sim.lost(http(204));
        assert_eq!(end(&mut sim), Some((Why::Fatal, Some(TRUNCATED), Fate::Gone)));
    }
    // The half of it was delivered in an earlier page.
    let mut sim = Sim::new(resuming());
    sim.core.start_from(Id::Own(1), None);
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(http(204));
    assert_eq!(end(&mut sim), Some((Why::Fatal, Some(TRUNCATED), Fate::Gone)));
    // And where nothing had begun, nothing is missing.
    let mut sim = Sim::new(until());
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(http(204));
    assert_eq!(end(&mut sim), Some((Why::Ended, None, Fate::Kept)));
}

#[test]
fn no_content_stays_the_servers_word_where_nobody_knows_the_last_message() {
    let gaps = |mut sim: Sim, first| {
        sim.lost(first);
        let wait = sim.wait();
        sim.pass(wait);
        sim.resolved();
        sim.take();
        sim.lost(http(204));
        let gap = Action::Emit(ClientEvent::Outcome(Outcome::Unknown, None));
        let actions = sim.take();
        let closed = Action::Emit(ClientEvent::Closed { why: Why::Ended, code: 0, failure: None });
        assert_eq!(actions.last(), Some(&closed));
        (actions.iter().filter(|action| **action == gap).count(), sim.core.fate(Why::Ended))
    };
    let stream = || Sim::open_on(STREAM, Config::default());
    // What broke off may miss something. The next page asks again, and hears it again.
    assert_eq!(gaps(stream(), Failure::Network), (1, Fate::Kept));
    assert_eq!(gaps(stream(), Failure::End), (0, Fate::Kept));
    assert_eq!(
        gaps(answering(Config { resumes: true, ..Config::default() }), Failure::Network),
        (1, Fate::Over)
    );
    // The standard knows no gap.
    assert_eq!(
        gaps(Sim::open_on(STREAM, Config { deduplicates: false, ..Config::default() }), Failure::Network).0,
        0
    );
    // Another connection has shown since what is missing.
    let mut mended = stream();
    mended.lost(Failure::Network);
    mended.establish();
    assert_eq!(gaps(mended, Failure::End).0, 0);
}

#[test]
fn what_cannot_go_on_is_not_asked_for_again() {
    for (first, failure) in [(Failure::Network, Failure::NotResumable), (Failure::End, TRUNCATED)] {
        let mut sim = answering(resuming());
        sim.lost(first);
        let wait = sim.wait();
        sim.pass(wait);
        sim.lost(Failure::NotResumable);
        assert_eq!(end(&mut sim), Some((Why::Fatal, Some(failure), Fate::Gone)));
    }
}

#[test]
fn a_successor_that_cannot_be_asked_for_leaves_the_answer_alone() {
    let mut sim = Sim::open_on(POST, Config { max_age: 60_000, ..resuming() });
    sim.core.resumable();
    sim.pass_until(70_000, |sim| sim.asked != sim.core.attempt());
    assert_ne!(sim.asked, sim.core.attempt());
    sim.input(Input::Lost { attempt: sim.asked, failure: Failure::NotResumable });
    assert_eq!((sim.core.state(), sim.end()), (State::Open, None));
}

#[test]
fn the_last_message_is_the_end_whatever_failed_before() {
    for (mut sim, before) in
        [(answering(resuming()), Failure::Network), (Sim::open_on(STREAM, until()), http(503))]
    {
        sim.lost(before);
        sim.establish();
        sim.input(Input::Close { why: Why::Ended, code: 0 });
        assert_eq!(end(&mut sim), Some((Why::Ended, None, Fate::Over)));
        assert_eq!(sim.core.last_failure(), None);
    }
}

#[test]
fn what_is_left_of_the_place_depends_on_who_or_what_ended_it() {
    // A whole answer without `until`; a stream that may go on tomorrow.
    let mut answer = Sim::open_on(POST, Config::default());
    answer.lost(Failure::End);
    assert_eq!(end(&mut answer), Some((Why::Ended, None, Fate::Over)));
    let mut stream = Sim::open_on(STREAM, Config { reconnects: false, ..Config::default() });
    stream.lost(Failure::End);
    assert_eq!(end(&mut stream), Some((Why::Ended, None, Fate::Kept)));
    for why in [Why::App, Why::Aborted, Why::Internal] {
        let mut sim = answering(resuming());
        sim.input(Input::Close { why, code: 0 });
        assert_eq!(sim.core.fate(why), Fate::Kept, "{why:?}");
    }
    // Who asks is refused; or what is asked for.
    for (failure, fate) in [
        (http(401), Fate::Kept),
        (http(403), Fate::Kept),
        (closed(4403), Fate::Kept),
        (closed(1008), Fate::Kept),
        (Failure::Blocked, Fate::Kept),
        (http(400), Fate::Gone),
        (http(404), Fate::Gone),
        (http(410), Fate::Gone),
        (http(414), Fate::Gone),
        (Failure::ContentType, Fate::Gone),
        (closed(4400), Fate::Gone),
        (closed(4404), Fate::Gone),
        (Failure::TooBig, Fate::Gone),
    ] {
        let mut sim = Sim::new(resuming());
        sim.core.start_from(Id::Own(1), None);
        sim.input(Input::Start);
        sim.resolved();
        sim.lost(failure);
        // A 401 may ask once more, as the function could give another token.
        if sim.core.state() == State::Waiting {
            let wait = sim.wait();
            sim.pass(wait);
            sim.resolved();
            sim.lost(failure);
        }
        assert_eq!(end(&mut sim), Some((Why::Fatal, Some(failure), fate)));
    }
    // By the caller's rule, of what may pass.
    let mut sim = Sim::open_on(STREAM, Config { asks: true, ..Config::default() });
    sim.lost(http(500));
    sim.input(Input::Answer(Decision::GiveUp));
    assert_eq!(end(&mut sim), Some((Why::Fatal, Some(http(500)), Fate::Kept)));
}

#[test]
fn a_question_that_could_not_differ_is_not_put_again() {
    let first = |config| {
        let mut sim = Sim::new(config);
        sim.route = POST;
        sim.input(Input::Start);
        sim.resolved();
        sim.lost(http(401));
        sim.end()
    };
    assert_eq!(first(resuming()), Some(Why::Fatal), "its other request is not asked for yet");
    assert_eq!(first(Config { has_provider: true, ..resuming() }), None);
    let mut sim = answering(resuming());
    sim.lost(Failure::Network);
    let wait = sim.wait();
    sim.pass(wait);
    sim.resolved();
    sim.lost(http(401));
    assert_eq!(sim.core.state(), State::Waiting, "asked once more, with the reason");
}

/// What nothing can resume: no other request; or one, but no id that it could go on from; or no answer yet.
fn unresumable(config: &Config) -> [Sim; 3] {
    let mut without_ids = Sim::open_on(POST, Config { resumes: true, ..config.clone() });
    without_ids.core.resumable();
    let mut opening = Sim::new(config.clone());
    opening.route = POST;
    opening.input(Input::Start);
    opening.resolved();
    [Sim::open_on(POST, config.clone()), without_ids, opening]
}

#[test]
fn what_nothing_can_resume_is_kept_while_the_page_is_frozen() {
    for mut sim in unresumable(&Config::default()) {
        let state = sim.core.state();
        sim.page(Page::Frozen);
        assert_eq!((sim.core.state(), sim.end()), (state, None));
        assert_eq!(sim.link, Some(sim.core.attempt()));
        sim.pass(3_600_000);
        assert_eq!((sim.core.state(), sim.core.deadline()), (state, None));
        sim.page(Page::Resumed);
        if state == State::Connecting {
            sim.pass(9_999);
            sim.opened();
        }
        assert_eq!(sim.core.state(), State::Open);
        sim.lost(Failure::End);
        assert_eq!(sim.end(), if sim.core.config.resumes { None } else { Some(Why::Ended) });
    }
}

#[test]
fn what_can_be_resumed_is_let_go_of() {
    let mut sim = answering(resuming());
    sim.page(Page::Frozen);
    assert_eq!((sim.core.state(), sim.link), (State::Suspended, None));
    sim.page(Page::Resumed);
    sim.establish();
}

#[test]
fn what_the_browser_cut_while_the_page_was_frozen_has_a_name() {
    let beating = Config { heartbeat: Some(Heartbeat::new()), ..Config::default() };
    // TopicEvent while it is frozen, at the return, or soon after it.
    for (frozen, after) in [(true, 0), (false, 0), (false, 5_000)] {
        let mut sim = Sim::open_on(POST, beating.clone());
        sim.page(Page::Frozen);
        if !frozen {
            sim.page(Page::Resumed);
        }
        sim.pass(after);
        sim.lost(Failure::Network);
        assert_eq!(end(&mut sim), Some((Why::Fatal, Some(Failure::Frozen), Fate::Kept)));
    }
    // Never told: the heartbeat finds out.
    let mut silent = Sim::open_on(POST, beating.clone());
    silent.page(Page::Frozen);
    silent.page(Page::Resumed);
    silent.pass_until(60_000, |sim| sim.core.state() == State::Closed);
    assert_eq!(end(&mut silent), Some((Why::Fatal, Some(Failure::Frozen), Fate::Kept)));
    // It went on after the return, and failed of something else.
    let mut later = Sim::open_on(POST, beating);
    later.page(Page::Frozen);
    later.page(Page::Resumed);
    later.pass(4_000);
    later.message();
    later.tick();
    later.pass(2_000);
    later.lost(Failure::Network);
    assert_eq!(end(&mut later), Some((Why::Fatal, Some(Failure::Network), Fate::Kept)));
    // Where there is another request it is asked, and says whether it can go on.
    let [_, mut asked, _] = unresumable(&Config::default());
    asked.page(Page::Frozen);
    asked.page(Page::Resumed);
    asked.lost(Failure::Network);
    assert_eq!(asked.core.state(), State::Waiting);
}

#[test]
fn nothing_is_told_of_a_page_that_is_left() {
    for failure in [Failure::Network, Failure::End, closed(1006)] {
        let mut sim = Sim::open_on(SOCKET, Config::default());
        sim.page(Page::Left);
        sim.take();
        sim.lost(failure);
        sim.input(Input::Interrupted { attempt: sim.core.attempt() });
        assert_eq!((sim.take(), sim.core.state()), (vec![], State::Open), "{failure:?}");
        sim.close();
        assert_eq!(sim.end(), Some(Why::App));
    }
    let mut asking = Sim::new(Config { has_provider: true, ..Config::default() });
    asking.input(Input::Start);
    asking.page(Page::Left);
    asking.take();
    asking.input(Input::Lost { attempt: asking.core.attempt(), failure: Failure::Provider });
    assert_eq!(asking.take(), []);
}

#[test]
fn after_a_stop_an_end_in_good_order_is_the_end_and_a_loss_is_none() {
    for failure in [Failure::End, Failure::Closed { code: 1000 }, http(204)] {
        let mut sim = answering(resuming());
        sim.core.stopping(true);
        sim.lost(failure);
        assert_eq!(end(&mut sim), Some((Why::Ended, None, Fate::Over)), "{failure:?}");
    }
    for failure in [Failure::Network, Failure::HalfOpen, Failure::Closed { code: 1011 }] {
        let mut sim = answering(resuming());
        sim.core.stopping(true);
        sim.lost(failure);
        assert_eq!(end(&mut sim), None, "{failure:?}");
        sim.pass(60_000);
        sim.opened();
        sim.lost(Failure::End);
        assert_eq!(end(&mut sim).map(|(why, ..)| why), Some(Why::Ended), "{failure:?}");
    }
    // The server was not told.
    let mut sim = answering(resuming());
    sim.core.stopping(true);
    sim.core.stopping(false);
    sim.lost(Failure::End);
    assert_eq!(end(&mut sim), None);
    // The app has its own mind.
    let mut sim = answering(Config { asks: true, ..resuming() });
    sim.core.stopping(true);
    sim.lost(Failure::End);
    sim.input(Input::Answer(Decision::Again));
    assert_eq!(end(&mut sim), None);
}
