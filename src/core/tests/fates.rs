//! What becomes of a send: acks, pongs, attempts, time to live, the caller's signal, a full socket.

use super::{
    super::{
        config::{Config, Heartbeat, Outbox, Overflow},
        failure::Failure,
        io::{Input, Page, Route},
        outbox::{Awaits, Dropped, Outgoing, Sent},
    },
    sim::{SOCKET, Sim, beating, closed},
};

const PLAIN: Outgoing = Outgoing::new(0, 10);
const WITH_ACK: Outgoing = Outgoing { awaits: Awaits::Ack, ..PLAIN };
const CONFIRMED: Outgoing = Outgoing { awaits: Awaits::Pong, ..PLAIN };
const FIRST: Outgoing = Outgoing { priority: true, ..PLAIN };
const VOLATILE: Outgoing = Outgoing { volatile: true, ..PLAIN };

const fn dropped(why: Dropped) -> Option<Sent> {
    Some(Sent::Dropped(why))
}

fn open(outbox: Outbox) -> Sim {
    Sim::open_on(SOCKET, Config { outbox, ..Config::default() })
}

fn in_flight(max: u64) -> Outbox {
    Outbox { max_in_flight: max, ..Outbox::new() }
}

fn post(sim: &mut Sim, outgoing: Outgoing, times: usize) {
    for _ in 0..times {
        sim.post(outgoing);
    }
}

#[test]
fn an_ack_settles_its_message_and_no_other() {
    let mut sim = open(Outbox::new());
    post(&mut sim, WITH_ACK, 3);
    assert!(sim.fates.is_empty());
    sim.input(Input::Acked(2));
    sim.input(Input::Acked(2));
    sim.input(Input::Acked(99));
    assert_eq!((sim.fates.len(), sim.fate_of(2)), (1, Some(Sent::Acked)));
}

#[test]
fn without_an_ack_it_goes_again_first_and_in_order() {
    let mut sim = open(Outbox::new());
    post(&mut sim, WITH_ACK, 4);
    sim.input(Input::Acked(2));
    sim.transmitted();
    sim.lost(Failure::Network);
    sim.post(WITH_ACK);
    sim.establish();
    assert_eq!(sim.transmitted(), [1, 3, 4, 5]);
}

#[test]
fn an_ack_that_comes_while_it_waits_spares_the_second_sending() {
    let mut sim = open(in_flight(1));
    post(&mut sim, WITH_ACK, 2);
    sim.lost(Failure::Network);
    sim.establish();
    sim.transmitted();
    sim.input(Input::Acked(2));
    assert_eq!(sim.fate_of(2), None, "it was never sent: nobody can have it");
    sim.input(Input::Acked(1));
    assert_eq!((sim.fate_of(1), sim.transmitted()), (Some(Sent::Acked), vec![2]));
}

#[test]
fn so_many_are_in_flight_and_a_slow_ack_holds_up_only_its_share() {
    let mut sim = open(in_flight(3));
    post(&mut sim, WITH_ACK, 6);
    assert_eq!((sim.transmitted(), sim.core.queue().in_flight()), (vec![1, 2, 3], 3));
    // 1 is slow.
    sim.input(Input::Acked(2));
    sim.input(Input::Acked(3));
    sim.input(Input::Acked(4));
    assert_eq!(sim.transmitted(), [4, 5, 6]);
}

#[test]
fn a_message_that_each_connection_dies_of_is_given_up_and_the_rest_goes_on() {
    let mut sim = open(Outbox { max_attempts: 3, ..in_flight(1) });
    post(&mut sim, WITH_ACK, 2);
    for _ in 0..2 {
        sim.lost(Failure::Network);
        sim.establish();
    }
    assert_eq!((sim.transmitted(), sim.fate_of(1)), (vec![1, 1, 1], None));
    sim.lost(Failure::Network);
    assert_eq!(sim.fate_of(1), Some(Sent::Unknown));
    sim.establish();
    assert_eq!(sim.transmitted(), [2]);
}

#[test]
fn what_a_socket_did_not_take_is_no_attempt() {
    let mut sim = open(Outbox { max_attempts: 1, ..Outbox::new() });
    sim.writable = false;
    sim.post(WITH_ACK);
    sim.lost(Failure::Network);
    assert_eq!(sim.fate_of(1), None);
    sim.establish();
    assert_eq!(sim.transmitted(), [1]);
}

#[test]
fn a_message_without_an_ack_is_not_held_up_by_those_with_one_before_it_nor_sent_twice() {
    let mut sim = open(in_flight(1));
    sim.post(WITH_ACK);
    sim.post(PLAIN);
    assert_eq!((sim.transmitted(), sim.fate_of(2)), (vec![1, 2], Some(Sent::Sent)));
    sim.lost(Failure::Network);
    sim.establish();
    assert_eq!(sim.transmitted(), [1]);
}

#[test]
fn a_pong_confirms_what_was_sent_before_its_ping() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.post(CONFIRMED);
    assert_eq!((sim.transmitted(), sim.fate_of(1)), (vec![1], None));
    // The ping is out already, so its answer says nothing of these.
    post(&mut sim, CONFIRMED, 2);
    assert_eq!(sim.pings(), 0);
    sim.input(Input::Ponged);
    assert_eq!((sim.fate_of(1), sim.fate_of(2)), (Some(Sent::Sent), None));
    assert_eq!(sim.pings(), 1, "and another one for the rest");
    sim.input(Input::Ponged);
    assert_eq!((sim.fate_of(2), sim.fate_of(3)), (Some(Sent::Sent), Some(Sent::Sent)));
    assert_eq!(sim.pings(), 0);
}

#[test]
fn the_pong_to_an_earlier_ping_confirms_nothing() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.pass(30_000);
    assert_eq!(sim.pings(), 1);
    sim.post(CONFIRMED);
    assert_eq!(sim.pings(), 0, "one is out: the next goes when it is answered");
    sim.input(Input::Ponged);
    assert_eq!((sim.pings(), sim.fate_of(1)), (1, None));
    sim.input(Input::Ponged);
    assert_eq!(sim.fate_of(1), Some(Sent::Sent));
}

#[test]
fn a_pong_that_nobody_asked_for_confirms_nothing() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.input(Input::Ponged);
    sim.post(CONFIRMED);
    assert_eq!((sim.pings(), sim.fate_of(1)), (1, None));
    sim.input(Input::Ponged);
    assert_eq!(sim.fate_of(1), Some(Sent::Sent));
}

#[test]
fn a_ping_that_was_not_sent_is_answered_by_nothing() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.post(CONFIRMED);
    assert_eq!(sim.pings(), 1);
    // The app's function threw, say.
    sim.core.unpinged();
    sim.input(Input::Ponged);
    assert_eq!((sim.fate_of(1), sim.pings()), (None, 1), "a pong of the server's own: another ping goes");
    sim.input(Input::Ponged);
    assert_eq!(sim.fate_of(1), Some(Sent::Sent));
}

#[test]
fn what_no_pong_confirmed_is_unknown_and_the_next_connection_counts_anew() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.post(CONFIRMED);
    sim.lost(Failure::HalfOpen);
    assert_eq!(sim.fate_of(1), Some(Sent::Unknown));
    sim.post(CONFIRMED);
    sim.establish();
    sim.input(Input::Ponged);
    assert_eq!((sim.transmitted(), sim.fate_of(2)), (vec![1, 2], Some(Sent::Sent)));
}

#[test]
fn a_message_expires_in_the_outbox() {
    let mut sim = Sim::new(Config::default());
    sim.post(Outgoing { expires: 500, ..PLAIN });
    sim.post(PLAIN);
    assert_eq!(sim.pass_until(10_000, |sim| !sim.fates.is_empty()), 500);
    assert_eq!(sim.fate_of(1), dropped(Dropped::Expired));
    sim.input(Input::Start);
    sim.establish();
    assert_eq!(sim.transmitted(), [2]);
}

#[test]
fn an_expired_message_is_not_sent_because_the_timer_is_late() {
    let mut sim = Sim::new(Config::default());
    sim.input(Input::Start);
    sim.post(Outgoing { expires: 500, ..PLAIN });
    sim.resolved();
    sim.now += 500;
    sim.opened();
    assert_eq!((sim.transmitted(), sim.fate_of(1)), (vec![], dropped(Dropped::Expired)));
}

#[test]
fn a_message_that_expires_on_the_wire_is_unknown() {
    let mut sim = open(Outbox::new());
    sim.post(Outgoing { expires: 500, ..WITH_ACK });
    sim.pass(500);
    assert_eq!(sim.fate_of(1), Some(Sent::Unknown));
    sim.lost(Failure::Network);
    sim.establish();
    assert_eq!(sim.transmitted(), [1], "and not sent again");
}

#[test]
fn a_send_can_be_given_up() {
    let mut sim = open(in_flight(1));
    post(&mut sim, WITH_ACK, 3);
    sim.input(Input::Abort(2));
    sim.input(Input::Abort(1));
    assert_eq!((sim.fate_of(1), sim.fate_of(2)), (Some(Sent::Unknown), dropped(Dropped::Aborted)));
    sim.input(Input::Abort(1));
    assert_eq!(sim.transmitted(), [1, 3]);
}

#[test]
fn what_has_priority_goes_first_and_past_the_window() {
    let mut sim = open(in_flight(1));
    post(&mut sim, WITH_ACK, 3);
    sim.post(Outgoing { priority: true, ..WITH_ACK });
    assert_eq!(sim.transmitted(), [1, 4]);
    sim.lost(Failure::Network);
    sim.post(FIRST);
    sim.establish();
    assert_eq!(sim.transmitted(), [4, 5]);
    sim.input(Input::Acked(4));
    assert_eq!(sim.transmitted(), [1]);
}

#[test]
fn what_has_priority_gives_way_last() {
    for (overflow, left) in
        [(Overflow::DropOldest, [2, 4]), (Overflow::DropNewest, [2, 4]), (Overflow::Reject, [2, 1])]
    {
        let mut sim = Sim::new(Config {
            outbox: Outbox::new().with_max_messages(2).with_overflow(overflow),
            ..Config::default()
        });
        for outgoing in [PLAIN, FIRST, PLAIN, PLAIN] {
            sim.post(outgoing);
        }
        sim.input(Input::Start);
        sim.establish();
        assert_eq!(sim.transmitted(), left, "{overflow:?}");
    }
}

#[test]
fn a_volatile_message_goes_now_or_not_at_all() {
    let mut sim = Sim::new(Config::default());
    sim.input(Input::Start);
    sim.post(VOLATILE);
    assert_eq!(sim.fate_of(1), dropped(Dropped::Volatile));
    sim.establish();
    sim.post(VOLATILE);
    assert_eq!(sim.fate_of(2), Some(Sent::Sent));
    sim.full = true;
    sim.post(VOLATILE);
    sim.post(PLAIN);
    sim.post(VOLATILE);
    let volatile = dropped(Dropped::Volatile);
    assert_eq!((sim.fate_of(3), sim.fate_of(4), sim.fate_of(5)), (volatile, None, volatile));
}

#[test]
fn a_full_socket_holds_the_outbox_back_within_its_limits() {
    let mut sim = open(Outbox::new().with_max_messages(2));
    sim.full = true;
    post(&mut sim, PLAIN, 3);
    // The one that came back was counted before.
    assert_eq!((sim.core.queue().len(), sim.fate_of(3)), (2, dropped(Dropped::Overflow)));
    sim.pass(1_000);
    assert!(sim.transmitted().is_empty());
    sim.full = false;
    assert!(sim.pass_until(1_000, |sim| !sim.order.is_empty()) <= 50);
    assert_eq!(sim.transmitted(), [1, 2]);
    sim.post(PLAIN);
    assert_eq!(sim.transmitted(), [4]);
}

#[test]
fn the_next_socket_is_not_taken_for_a_full_one() {
    let mut sim = open(Outbox::new());
    // Attempts are that far apart.
    sim.pass(100);
    sim.full = true;
    sim.post(PLAIN);
    sim.full = false;
    let before = sim.now;
    sim.input(Input::Reconnect);
    sim.establish();
    assert_eq!((sim.transmitted(), sim.now), (vec![1], before));
}

#[test]
fn behind_a_full_window_the_outbox_keeps_its_limits() {
    let mut sim = open(Outbox { max_messages: 1, max_bytes: 10, ..in_flight(1) });
    sim.post(WITH_ACK);
    // Nothing waits, but these would have to.
    sim.post(Outgoing { bytes: 11, ..WITH_ACK });
    sim.post(Outgoing { volatile: true, ..WITH_ACK });
    assert_eq!((sim.fate_of(2), sim.fate_of(3)), (dropped(Dropped::TooBig), dropped(Dropped::Volatile)));
    sim.post(WITH_ACK);
    // These could go, but not before what waits.
    post(&mut sim, PLAIN, 1);
    sim.post(WITH_ACK);
    let overflow = dropped(Dropped::Overflow);
    assert_eq!((sim.fate_of(4), sim.fate_of(5), sim.fate_of(6)), (None, overflow, overflow));
    assert_eq!(sim.transmitted(), [1]);
}

#[test]
fn the_server_finds_a_message_too_big_and_the_largest_in_flight_is_one() {
    let mut sim = open(Outbox::new());
    for bytes in [10, 900, 20] {
        sim.post(Outgoing { bytes, ..WITH_ACK });
    }
    sim.transmitted();
    sim.lost(closed(1009));
    assert_eq!((sim.fate_of(2), sim.fates.len()), (dropped(Dropped::TooBig), 1));
    sim.establish();
    assert_eq!(sim.transmitted(), [1, 3]);
}

#[test]
fn close_says_which_ones_may_have_been_received() {
    let mut sim = open(in_flight(1));
    post(&mut sim, WITH_ACK, 2);
    sim.close();
    assert_eq!((sim.fate_of(1), sim.fate_of(2)), (Some(Sent::Unknown), dropped(Dropped::Closed)));
    let mut sim = open(Outbox::new());
    sim.post(WITH_ACK);
    sim.page(Page::Frozen);
    sim.close();
    assert_eq!(sim.fate_of(1), Some(Sent::Unknown), "also while it waits to be sent again");
}

#[test]
fn a_successor_gets_what_was_in_flight_on_the_old_connection() {
    let mut sim = Sim::open_on(
        SOCKET,
        Config { heartbeat: Some(Heartbeat::new()), max_age: 10_000, ..Config::default() },
    );
    sim.pass_until(20_000, |sim| sim.core.succeeds(sim.asked));
    sim.input(Input::Resolved { attempt: sim.asked, route: SOCKET });
    post(&mut sim, WITH_ACK, 2);
    sim.post(CONFIRMED);
    sim.post(PLAIN);
    sim.input(Input::Acked(1));
    sim.transmitted();
    sim.input(Input::Opened { attempt: sim.asked });
    assert_eq!((sim.transmitted(), sim.fate_of(3)), (vec![2], Some(Sent::Unknown)));
    sim.input(Input::Acked(2));
    assert_eq!(sim.fate_of(2), Some(Sent::Acked));
}

#[test]
fn a_connection_that_cannot_send_leaves_what_was_sent_before_unknown() {
    let mut sim = open(in_flight(1));
    post(&mut sim, WITH_ACK, 2);
    sim.lost(Failure::Network);
    sim.route = Route { uplink: false, ..SOCKET };
    sim.establish();
    assert_eq!((sim.fate_of(1), sim.fate_of(2)), (Some(Sent::Unknown), dropped(Dropped::NoUplink)));
}

#[test]
fn a_send_that_waits_for_its_ack_is_doubted_as_any_other() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.post(WITH_ACK);
    assert_eq!(sim.pass_until(60_000, Sim::pinged), 5_000);
}

fn timed(attempts: u64) -> Outbox {
    Outbox { max_attempts: attempts, ack_timeout: 2_000, ..in_flight(2) }
}

#[test]
fn what_gets_no_ack_in_time_goes_again_on_the_same_connection_then_is_unknown_and_the_rest_goes_on() {
    let mut sim = open(timed(2));
    post(&mut sim, WITH_ACK, 3);
    assert_eq!(sim.transmitted(), [1, 2]);
    sim.pass(2_000);
    assert!(sim.transmitted().is_empty(), "it has a last call");
    sim.pass(50);
    assert_eq!(sim.transmitted(), [1, 2]);
    sim.input(Input::Acked(2));
    assert_eq!(sim.transmitted(), [3]);
    sim.pass(2_050);
    assert_eq!(
        (sim.fate_of(1), sim.fate_of(2), sim.fate_of(3)),
        (Some(Sent::Unknown), Some(Sent::Acked), None)
    );
    assert_eq!(sim.transmitted(), [3]);
    assert!(sim.link.is_some());
}

#[test]
fn an_ack_behind_a_late_timer_is_in_time() {
    let mut sim = open(timed(1));
    sim.post(WITH_ACK);
    sim.now += 60_000;
    sim.tick();
    sim.input(Input::Acked(1));
    assert_eq!(sim.fate_of(1), Some(Sent::Acked));
}

#[test]
fn the_time_for_an_ack_runs_when_the_buffer_is_empty_and_anew_with_each_sending() {
    let mut sim = open(timed(1));
    sim.post(WITH_ACK);
    for _ in 0..5 {
        let due = sim.core.deadline().expect("it has a time");
        sim.now = due;
        sim.core.behind();
        sim.tick();
    }
    assert_eq!((sim.fate_of(1), sim.now), (None, 11_000));
    sim.pass(2_050);
    assert_eq!(sim.fate_of(1), Some(Sent::Unknown));
    let mut sim = open(timed(2));
    sim.post(WITH_ACK);
    sim.pass(1_999);
    sim.lost(Failure::Network);
    sim.pass(100_000);
    assert_eq!(sim.fate_of(1), None, "it is not on the wire");
    sim.establish();
    sim.transmitted();
    sim.pass(2_049);
    assert_eq!(sim.fate_of(1), None);
    sim.pass(1);
    assert_eq!(sim.fate_of(1), Some(Sent::Unknown));
}

#[test]
fn a_pong_has_its_time_too_and_nothing_is_sent_twice_for_it() {
    let mut sim = Sim::open_on(SOCKET, Config { outbox: timed(5), ..beating() });
    sim.post(CONFIRMED);
    // Others speak, so that the connection lives.
    for _ in 0..3 {
        sim.message();
        sim.pass(1_000);
    }
    assert_eq!((sim.fate_of(1), sim.transmitted(), sim.link.is_some()), (Some(Sent::Unknown), vec![1], true));
}

#[test]
fn a_server_can_refuse_a_message_that_it_was_sent() {
    let mut sim = open(in_flight(1));
    post(&mut sim, WITH_ACK, 2);
    sim.core.refused(2, false);
    sim.settle();
    assert_eq!(sim.fate_of(2), None, "nobody can have it");
    sim.core.refused(1, false);
    sim.settle();
    assert_eq!((sim.fate_of(1), sim.transmitted()), (dropped(Dropped::Refused), vec![1, 2]));
}

#[test]
fn a_message_without_an_ack_has_no_time() {
    let mut sim = open(timed(1));
    post(&mut sim, PLAIN, 1);
    sim.full = true;
    post(&mut sim, WITH_ACK, 1);
    assert_eq!(sim.core.queue().soonest(), u64::MAX);
    sim.full = false;
    sim.pass(50);
    assert_eq!(sim.core.queue().soonest(), sim.now + 2_000);
}
