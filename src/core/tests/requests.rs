//! Requests: what a reply is, and what becomes of one without it.

use super::{
    super::{
        config::{Config, Outbox},
        failure::Failure,
        io::Input,
        outbox::{Awaits, Dropped, Outgoing, Sent},
        requests::{Question, Reply},
    },
    sim::{POSTS, SOCKET, Sim},
};

fn open(outbox: Outbox) -> Sim {
    Sim::open_on(SOCKET, Config { outbox, ..Config::default() })
}

fn ask(sim: &mut Sim, key: u64) -> u32 {
    ask_with(sim, Question { key, own: true, again: false })
}

fn ask_with(sim: &mut Sim, question: Question) -> u32 {
    sim.core.asks(Some(question));
    sim.post(Outgoing { expires: 10_000, ..Outgoing::new(0, 10) })
}

fn reply(sim: &mut Sim, key: u64) -> Reply {
    let reply = sim.core.replied(key);
    sim.settle();
    reply
}

#[test]
fn a_request_is_settled_by_its_reply_and_no_other() {
    let mut sim = open(Outbox::new());
    let [first, second] = [ask(&mut sim, 7), ask(&mut sim, 8)];
    assert_eq!(sim.transmitted(), [first, second]);
    assert_eq!(reply(&mut sim, 9), Reply::None);
    assert_eq!(reply(&mut sim, 8), Reply::Awaited);
    assert_eq!((sim.fate_of(first), sim.fate_of(second)), (None, Some(Sent::Sent)));
    assert_eq!(reply(&mut sim, 8), Reply::None, "what comes after it is a message");
}

#[test]
fn what_was_not_sent_has_no_reply() {
    let mut sim = open(Outbox::new());
    sim.full = true;
    ask(&mut sim, 7);
    assert_eq!(reply(&mut sim, 7), Reply::None);
    sim.full = false;
    sim.pass(50);
    assert_eq!(reply(&mut sim, 7), Reply::Awaited);
}

#[test]
fn its_time_is_its_own_wherever_it_is() {
    let mut sim = open(Outbox::new());
    let out = ask(&mut sim, 1);
    sim.full = true;
    let waits = ask(&mut sim, 2);
    assert_eq!(sim.pass_until(60_000, |sim| sim.fates.len() == 2), 10_000);
    let late = Some(Sent::Dropped(Dropped::Expired));
    assert_eq!((sim.fate_of(out), sim.fate_of(waits)), (late, late));
    assert_eq!((reply(&mut sim, 1), reply(&mut sim, 1)), (Reply::Late, Reply::None));
    assert_eq!(reply(&mut sim, 2), Reply::None);
}

#[test]
fn a_loss_leaves_it_in_the_dark_or_asks_again_without_an_end_but_its_time() {
    let mut sim = open(Outbox { max_attempts: 1, ..Outbox::new() });
    let once = ask(&mut sim, 1);
    let again = ask_with(&mut sim, Question { key: 2, own: true, again: true });
    sim.transmitted();
    for _ in 0..2 {
        sim.lost(Failure::Network);
        sim.establish();
    }
    assert_eq!((sim.fate_of(once), sim.fate_of(again)), (Some(Sent::Unknown), None));
    assert_eq!(sim.transmitted(), [again, again]);
    assert_eq!(reply(&mut sim, 2), Reply::Awaited);
    assert_eq!(
        [(); 3].map(|()| reply(&mut sim, 2)),
        [Reply::Late, Reply::Late, Reply::None],
        "it was sent three times"
    );
}

#[test]
fn the_window_is_for_acks_and_the_time_for_an_ack_is_none_of_its_own() {
    let mut sim = open(Outbox { max_in_flight: 1, ack_timeout: 100, ..Outbox::new() });
    let [first, second] = [ask(&mut sim, 1), ask(&mut sim, 2)];
    let acked = sim.post(Outgoing { awaits: Awaits::Ack, ..Outgoing::new(0, 1) });
    let third = ask(&mut sim, 3);
    assert_eq!(sim.transmitted(), [first, second, acked, third]);
    sim.input(Input::Acked(first));
    assert_eq!(sim.fate_of(first), None, "an ack is no reply");
    sim.pass(9_000);
    assert_eq!(sim.fate_of(second), None);
}

#[test]
fn a_request_beside_a_stream_waits_for_more_than_its_answer() {
    let mut sim = Sim::open_on(POSTS, Config::default());
    let id = ask(&mut sim, 1);
    sim.request();
    sim.answered(None);
    assert_eq!(sim.fate_of(id), None);
    assert_eq!((reply(&mut sim, 1), sim.fate_of(id)), (Reply::Awaited, Some(Sent::Sent)));
}

#[test]
fn late_replies_are_remembered_within_a_bound_and_only_of_ids_that_nobody_else_had() {
    let mut sim = open(Outbox::new());
    ask_with(&mut sim, Question { key: 1, own: false, again: false });
    for key in 2..=2_000 {
        ask(&mut sim, key);
    }
    sim.pass(10_000);
    assert_eq!(sim.core.queue().late(), 1_024);
    assert_eq!(
        [1, 976, 977, 2_000].map(|key| reply(&mut sim, key)),
        [Reply::None, Reply::None, Reply::Late, Reply::Late]
    );
}

#[test]
fn a_request_that_is_given_up_or_closed_with_is_over() {
    let mut sim = open(Outbox::new());
    let given_up = ask(&mut sim, 1);
    sim.input(Input::Abort(given_up));
    assert_eq!((sim.fate_of(given_up), reply(&mut sim, 1)), (Some(Sent::Unknown), Reply::Late));
    let closed = ask(&mut sim, 2);
    sim.close();
    assert_eq!(sim.fate_of(closed), Some(Sent::Unknown));
}
