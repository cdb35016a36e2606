//! An event stream with requests for what is sent: their answers settle it.

use super::{
    super::{
        config::{Config, Outbox},
        failure::Failure,
        io::Input,
        outbox::{Awaits, Dropped, Parcel, Sent},
    },
    sim::{POSTS, Sim, beating},
};

const PLAIN: Parcel = Parcel::new(0, 10);
const WITH_ACK: Parcel = Parcel { awaits: Awaits::Ack, ..PLAIN };
const CONFIRMED: Parcel = Parcel { awaits: Awaits::Pong, ..PLAIN };

fn open() -> Sim {
    Sim::open_on(POSTS, Config::default())
}

#[test]
fn a_send_is_settled_by_the_answer() {
    let mut sim = open();
    let ids = [PLAIN, CONFIRMED, WITH_ACK].map(|parcel| sim.post(parcel));
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
    assert_eq!(sim.core.deadline(), None, "nothing is looked for meanwhile");
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
    let id = sim.post(Parcel { volatile: true, ..PLAIN });
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
