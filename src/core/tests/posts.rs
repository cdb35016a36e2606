//! An event stream with requests for what is sent: their answers settle it.

use super::{
    super::{
        config::{Config, Outbox},
        failure::{Failure, RetryAfter, Word},
        io::{Input, Page},
        outbox::{Awaits, Dropped, Outgoing, Sent},
    },
    sim::{POSTS, Sim, beating},
};

const PLAIN: Outgoing = Outgoing::new(0, 10);
const WITH_ACK: Outgoing = Outgoing { awaits: Awaits::Ack, ..PLAIN };
const CONFIRMED: Outgoing = Outgoing { awaits: Awaits::Pong, ..PLAIN };

fn open() -> Sim {
    Sim::open_on(POSTS, Config::default())
}

#[test]
fn a_send_is_settled_by_the_answer() {
    let mut sim = open();
    let ids = [PLAIN, CONFIRMED, WITH_ACK].map(|outgoing| sim.post(outgoing));
    assert_eq!(sim.request(), ids);
    assert!(sim.fates.is_empty(), "{:?}", sim.fates);
    sim.answered(None);
    // An ack is the server's own word.
    assert_eq!(ids.map(|id| sim.fate_of(id)), [Some(Sent::Sent), Some(Sent::Sent), None]);
    sim.input(Input::Acked(ids[2]));
    assert_eq!(sim.fate_of(ids[2]), Some(Sent::Acked));
}

#[test]
fn one_at_a_time_and_the_next_when_it_is_answered() {
    let mut sim = open();
    sim.post(PLAIN);
    assert_eq!(sim.request(), [1]);
    for _ in 0..4 {
        sim.post(PLAIN);
    }
    assert_eq!(sim.transmitted(), [1]);
    assert_eq!(
        sim.core.deadline(),
        Some(sim.now + 10_000),
        "nothing is looked for meanwhile, but the answer"
    );
    sim.answered(None);
    assert_eq!(sim.request(), [2, 3, 4]);
    sim.answered(None);
    assert_eq!(sim.request(), [5]);
}

#[test]
fn not_now_waits_as_long_as_it_was_told_and_loses_nothing() {
    let mut sim = open();
    for _ in 0..2 {
        sim.post(PLAIN);
    }
    sim.request();
    sim.answered(Some(20_000));
    sim.post(PLAIN);
    sim.transmitted();
    sim.pass(19_999);
    assert!(sim.transmitted().is_empty());
    sim.pass(5_001);
    assert_eq!(sim.transmitted(), [1, 2, 3], "in their order, and spread over a quarter");
    assert!(sim.fates.is_empty());
}

#[test]
fn not_now_again_and_again_waits_longer_and_longer() {
    let mut sim = open();
    sim.draw = Some(u32::MAX);
    sim.post(PLAIN);
    let mut waits = Vec::new();
    for _ in 0..6 {
        sim.request();
        sim.answered(Some(0));
        waits.push(sim.pass_until(100_000, |sim| !sim.request.is_empty()));
    }
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
    sim.request();
    sim.answered(None);
    sim.post(PLAIN);
    sim.request();
    sim.answered(Some(0));
    assert_eq!(sim.pass_until(100_000, |sim| !sim.request.is_empty()), 1_000, "an answer sets it back");
}

#[test]
fn not_now_holds_for_the_next_stream_too() {
    let mut sim = open();
    sim.post(PLAIN);
    sim.request();
    sim.answered(Some(20_000));
    sim.transmitted();
    sim.lost(Failure::Network);
    sim.establish();
    let waited = sim.pass_until(100_000, |sim| !sim.request.is_empty());
    assert!((17_000..=25_000).contains(&waited), "{waited}");
    // But what a request has left behind that was not answered does not.
    let mut sim = open();
    sim.post(PLAIN);
    sim.request();
    sim.answered(Some(0));
    sim.pass_until(100_000, |sim| !sim.request.is_empty());
    sim.request();
    sim.post(PLAIN);
    sim.lost(Failure::Network);
    sim.establish();
    assert_eq!(sim.request.len(), 1);
}

#[test]
fn a_confirmation_needs_no_ping() {
    let mut sim = Sim::open_on(POSTS, beating());
    sim.post(CONFIRMED);
    sim.request();
    assert_eq!(sim.pings(), 0);
    sim.answered(None);
    assert_eq!((sim.pings(), sim.fate_of(1)), (0, Some(Sent::Sent)));
}

#[test]
fn the_stream_goes_on_meanwhile() {
    let mut sim = open();
    sim.post(PLAIN);
    sim.request();
    sim.answered(Some(1_000));
    assert!(sim.link.is_some());
}

#[test]
fn what_the_server_refuses_is_dropped_and_no_other() {
    let mut sim = open();
    let [small, big] = [sim.post(PLAIN), sim.post(PLAIN)];
    sim.request();
    sim.core.refused(small, false);
    sim.core.refused(big, true);
    sim.settle();
    assert_eq!(sim.fate_of(small), Some(Sent::Dropped(Dropped::Refused)));
    assert_eq!(sim.fate_of(big), Some(Sent::Dropped(Dropped::TooBig)));
}

#[test]
fn a_loss_leaves_what_was_under_way_in_the_dark_and_sends_what_waits_for_its_ack_again() {
    let mut sim = open();
    let [plain, acked] = [sim.post(PLAIN), sim.post(WITH_ACK)];
    sim.request();
    let waiting = sim.post(PLAIN);
    sim.lost(Failure::Network);
    assert_eq!([plain, acked, waiting].map(|id| sim.fate_of(id)), [Some(Sent::Unknown), None, None]);
    sim.transmitted();
    sim.establish();
    assert_eq!(sim.transmitted(), [acked, waiting]);
}

#[test]
fn what_was_given_back_was_no_attempt() {
    let mut sim = Sim::open_on(
        POSTS,
        Config { outbox: Outbox { max_attempts: 1, ..Outbox::new() }, ..Config::default() },
    );
    sim.post(WITH_ACK);
    sim.request();
    sim.answered(Some(0));
    sim.lost(Failure::Network);
    assert_eq!(sim.fate_of(1), None);
}

#[test]
fn a_volatile_one_that_must_wait_is_dropped() {
    let mut sim = open();
    sim.post(PLAIN);
    sim.request();
    let id = sim.post(Outgoing { volatile: true, ..PLAIN });
    assert_eq!(sim.fate_of(id), Some(Sent::Dropped(Dropped::Volatile)));
}

/// The server must speak within the interval, as on any event stream; a request asks for no word of it.
#[test]
fn nothing_is_pinged_and_a_send_raises_no_doubt() {
    let mut sim = Sim::open_on(POSTS, beating());
    sim.post(PLAIN);
    sim.request();
    sim.answered(None);
    sim.pass(29_000);
    assert!(sim.link.is_some());
    assert_eq!(sim.pings(), 0);
    sim.pass(12_000);
    assert!(sim.link.is_none(), "silent for longer than interval and timeout");
}

#[test]
fn what_the_answer_does_not_ack_has_its_time_from_then_on() {
    let outbox = Outbox { max_attempts: 2, ack_timeout: 2_000, ..Outbox::new() };
    let mut sim = Sim::open_on(POSTS, Config { outbox, ..Config::default() });
    let [plain, acked] = [sim.post(PLAIN), sim.post(WITH_ACK)];
    sim.request();
    sim.pass(60_000);
    assert!(sim.fates.is_empty(), "the request has a time of its own");
    sim.answered(None);
    sim.transmitted();
    sim.pass(2_050);
    assert_eq!((sim.fate_of(plain), sim.transmitted()), (Some(Sent::Sent), vec![acked]));
    sim.request();
    sim.answered(None);
    sim.pass(2_050);
    assert_eq!(sim.fate_of(acked), Some(Sent::Unknown));
}

fn http(status: u16) -> Failure {
    Failure::Http { status, retry_after: None }
}

/// A client whose requests carry up to 3 messages and 60 000 bytes, and three messages that are out.
fn three_out(outgoing: Outgoing) -> Sim {
    let mut sim = open();
    for _ in 0..3 {
        sim.post(outgoing);
    }
    assert_eq!(sim.request(), [1, 2, 3]);
    sim
}

#[test]
fn a_request_is_bounded_by_bytes_and_nothing_overtakes_what_did_not_fit() {
    let mut sim = open();
    sim.lengths.extend([(1, (1, false)), (2, (30_000, false)), (3, (30_001, false)), (4, (1, false))]);
    for _ in 0..5 {
        sim.post(PLAIN);
    }
    for carried in [vec![1, 2], vec![3, 4, 5]] {
        assert_eq!(sim.request(), carried);
        sim.answered(None);
    }
    // One that is larger than a request goes by itself.
    sim.lengths.insert(6, (60_001, false));
    sim.post(PLAIN);
    sim.post(PLAIN);
    for carried in [6, 7] {
        assert_eq!(sim.request(), [carried]);
        sim.answered(None);
    }
}

#[test]
fn bytes_go_alone() {
    let mut sim = open();
    sim.lengths.extend([(2, (1, true)), (3, (1, true))]);
    for _ in 0..4 {
        sim.post(PLAIN);
    }
    for id in 1..=4 {
        assert_eq!(sim.request(), [id]);
        sim.answered(None);
    }
}

#[test]
fn what_one_of_several_is_refused_for_is_found_one_by_one() {
    for (status, why) in
        [(400, Dropped::Refused), (413, Dropped::TooBig), (415, Dropped::Refused), (422, Dropped::Refused)]
    {
        let mut sim = three_out(PLAIN);
        for _ in 4..=6 {
            sim.post(PLAIN);
        }
        sim.reply(http(status));
        for (id, answer) in [(1, 204), (2, status), (3, 204)] {
            assert_eq!(sim.request(), [id], "{status}");
            sim.reply(http(answer));
        }
        assert_eq!(sim.request(), [4, 5, 6], "together again");
        assert_eq!(sim.fate_of(2), Some(Sent::Dropped(why)));
        assert_eq!([1, 3].map(|id| sim.fate_of(id)), [Some(Sent::Sent); 2]);
        assert!(sim.link.is_some());
    }
}

#[test]
fn where_the_server_did_not_act_nothing_is_lost_though_the_connection_is() {
    for answer in [http(401), http(404), http(409), http(418), Failure::Provider] {
        let mut sim = three_out(PLAIN);
        sim.core.config.has_provider = true;
        sim.reply(answer);
        assert!(sim.link.is_none() && sim.fates.is_empty(), "{answer:?}");
        sim.transmitted();
        sim.establish();
        assert_eq!(sim.transmitted(), [1, 2, 3], "{answer:?}");
    }
    // Nor where it is the end.
    for status in [403, 405, 410] {
        let mut sim = three_out(PLAIN);
        sim.reply(http(status));
        assert_eq!(sim.fate_of(1), Some(Sent::Dropped(Dropped::Closed)), "{status}");
    }
}

#[test]
fn where_nobody_knows_it_is_as_on_a_socket() {
    for answer in [http(408), http(500), http(503), http(300), Failure::Network] {
        let mut sim = three_out(PLAIN);
        sim.reply(answer);
        assert_eq!(sim.fate_of(1), Some(Sent::Unknown), "{answer:?}");
        let mut sim = three_out(WITH_ACK);
        sim.reply(answer);
        sim.transmitted();
        sim.establish();
        assert_eq!(sim.transmitted(), [1, 2, 3], "{answer:?}");
    }
}

#[test]
fn one_that_is_not_answered_in_time_is_stopped_once() {
    let mut sim = three_out(PLAIN);
    sim.pass(9_999);
    assert!(sim.stopped.is_empty());
    sim.pass(1);
    assert_eq!(sim.stopped, [1]);
    sim.pass(60_000);
    assert_eq!(sim.stopped, [1]);
    assert!(sim.link.is_some(), "whoever stops it says what it was");
    sim.reply(Failure::Network);
    assert!(sim.link.is_none());
}

#[test]
fn one_of_a_connection_that_is_over_is_stopped_too_and_its_answer_is_nobodys() {
    let mut sim = three_out(WITH_ACK);
    sim.lost(Failure::Network);
    sim.establish();
    sim.transmitted();
    let late = sim.posted;
    assert_eq!(sim.request(), [1, 2, 3]);
    sim.pass(10_000);
    assert_eq!(sim.stopped, [late, late + 1]);
    for answer in [http(404), http(413), http(204), Failure::Network] {
        assert!(!sim.core.awaits_answer(late));
        sim.input(Input::Posted { request: late, answer });
        assert!(sim.link.is_some() && sim.fates.is_empty(), "{answer:?}");
    }
    assert!(sim.core.awaits_answer(late + 1));
    sim.answered(None);
    // Twice.
    sim.answered(None);
    sim.reply(http(500));
    assert!(sim.link.is_some());
}

#[test]
fn nothing_comes_of_an_answer_after_the_end() {
    let mut sim = three_out(PLAIN);
    sim.close();
    assert_eq!(sim.fate_of(1), Some(Sent::Unknown));
    assert!(!sim.core.awaits_answer(1));
    sim.answered(None);
    assert_eq!(sim.core.deadline(), None);
}

fn leave(sim: &mut Sim, persisted: bool, alive: u64) -> Vec<Vec<u32>> {
    let mut requests = Vec::new();
    loop {
        sim.input(Input::Leave { persisted, alive });
        match sim.request() {
            none if none.is_empty() => return requests,
            some => requests.push(some),
        }
    }
}

#[test]
fn a_page_that_goes_sends_what_waits_and_what_has_no_ack() {
    let mut sim = open();
    let [_, acked] = [sim.post(PLAIN), sim.post(WITH_ACK)];
    sim.request();
    let waiting: Vec<u32> = (0..4).map(|_| sim.post(PLAIN)).collect();
    assert_eq!(leave(&mut sim, false, 0), [[vec![acked], waiting].concat()]);
    // It is still there: as ever.
    sim.answered(None);
    sim.post(PLAIN);
    assert_eq!(sim.request(), [7]);
}

#[test]
fn also_after_not_now_and_no_more_than_a_browser_takes() {
    let mut sim = open();
    sim.lengths.extend((1..=4).map(|id| (id, (20_000, id == 2))));
    sim.post(PLAIN);
    sim.request();
    sim.reply(Failure::Http { status: 429, retry_after: Some(RetryAfter(60_000)) });
    for _ in 2..=4 {
        sim.post(PLAIN);
    }
    assert_eq!(leave(&mut sim, false, 10_000), [[1], [2]], "20 000 each, and 10 000 of others");
    assert_eq!(sim.core.queue().len(), 2);
}

#[test]
fn also_when_the_stream_went_first_unless_the_page_may_come_back() {
    for persisted in [false, true] {
        let mut sim = open();
        sim.lost(Failure::Network);
        for _ in 0..2 {
            sim.post(PLAIN);
        }
        let requests = leave(&mut sim, persisted, 0);
        if persisted {
            assert!(requests.is_empty());
            continue;
        }
        assert_eq!(requests, [[1, 2]]);
        // It did not go after all: nobody knows, and nothing goes twice.
        sim.transmitted();
        sim.establish();
        assert!(sim.transmitted().is_empty());
        assert_eq!(sim.fate_of(1), Some(Sent::Unknown));
    }
}

#[test]
fn what_fails_with_the_page_is_no_failure() {
    let mut sim = three_out(PLAIN);
    sim.input(Input::Page(Page::Left));
    sim.reply(Failure::Network);
    assert!(sim.link.is_some());
}

/// One table: what waits again, or may be asked elsewhere, is what the server certainly did not act on.
#[test]
fn the_servers_word_agrees_with_the_failure_table() {
    for status in 100..600 {
        for retry_after in [None, Some(0), Some(1_000)].map(|ms| ms.map(RetryAfter)) {
            let answer = Failure::Http { status, retry_after };
            let refusal = (400..500).contains(&status) && status != 408;
            let untouched = refusal || status == 503 && retry_after.is_some();
            assert_eq!(answer.untouched(), untouched, "{answer:?}");
            let word = match status {
                200..=299 => Word::Taken,
                400 | 413 | 415 | 422 => Word::Unfit,
                425 | 429 => Word::NotNow,
                503 if retry_after.is_some() => Word::NotNow,
                _ => Word::Failed,
            };
            assert_eq!(answer.word(), word, "{answer:?}");
        }
    }
}
