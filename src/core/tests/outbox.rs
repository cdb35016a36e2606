//! Each send settles exactly once, and the queue keeps to its bounds.

use proptest::prelude::*;

use super::{
    super::{
        config::{Config, Outbox, Overflow},
        failure::Failure,
        io::{Input, Page},
        outbox::{Dropped, Sent},
        state::State,
    },
    cases,
    sim::{SOCKET, STREAM, Sim},
};

const OVERFLOW: Sent = Sent::Dropped(Dropped::Overflow);

fn queueing(outbox: Outbox) -> Sim {
    let mut sim = Sim::new(Config { outbox, ..Config::default() });
    sim.input(Input::Start);
    sim
}

/// Of 1, 2, …: those that went out, in their order, and those that gave way.
fn outcome(mut sim: Sim) -> (Vec<u32>, Vec<u32>) {
    let dropped = sim.fates.iter().filter(|(_, sent)| **sent == OVERFLOW).map(|(id, _)| *id).collect();
    sim.establish();
    (sim.transmitted(), dropped)
}

#[test]
fn what_is_sent_while_connecting_goes_out_in_order_once_open() {
    let mut sim = queueing(Outbox::new());
    for _ in 0..5 {
        sim.send(10);
    }
    assert_eq!((sim.core.queue().len(), sim.core.queue().bytes()), (5, 50));
    assert_eq!(outcome(sim), (vec![1, 2, 3, 4, 5], vec![]));
}

#[test]
fn the_count_is_bounded_by_each_policy() {
    for (overflow, sent, dropped) in [
        (Overflow::Reject, vec![1, 2, 3], vec![4, 5]),
        (Overflow::DropOldest, vec![3, 4, 5], vec![1, 2]),
        (Overflow::DropNewest, vec![1, 2, 5], vec![3, 4]),
    ] {
        let mut sim = queueing(Outbox::new().with_max_messages(3).with_overflow(overflow));
        for _ in 0..5 {
            sim.send(1);
        }
        assert_eq!(outcome(sim), (sent, dropped), "{overflow:?}");
    }
}

#[test]
fn the_bytes_are_bounded_by_each_policy() {
    for (overflow, sent, dropped) in [
        (Overflow::Reject, vec![1, 2], vec![3]),
        (Overflow::DropOldest, vec![3], vec![1, 2]),
        (Overflow::DropNewest, vec![3], vec![1, 2]),
    ] {
        let mut sim = queueing(Outbox::new().with_max_bytes(100).with_overflow(overflow));
        for bytes in [10, 90, 100] {
            sim.send(bytes);
        }
        assert!(sim.core.queue().bytes() <= 100);
        assert_eq!(outcome(sim), (sent, dropped), "{overflow:?}");
    }
}

#[test]
fn a_message_larger_than_the_outbox_makes_nothing_give_way() {
    for overflow in [Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest] {
        let mut sim = queueing(Outbox::new().with_max_bytes(100).with_overflow(overflow));
        sim.send(100);
        sim.send(101);
        assert_eq!(sim.fates.get(&2), Some(&Sent::Dropped(Dropped::TooBig)));
        assert_eq!(outcome(sim), (vec![1], vec![]));
    }
}

#[test]
fn an_outbox_of_zero_queues_nothing_but_an_open_socket_takes_all() {
    for outbox in [Outbox::new().with_max_messages(0), Outbox::new().with_max_bytes(0)] {
        let mut sim = queueing(outbox);
        sim.send(1);
        assert!(matches!(sim.fates.get(&1), Some(Sent::Dropped(_))));
        sim.establish();
        sim.send(1 << 30);
        assert_eq!(sim.fates.get(&2), Some(&Sent::Sent));
    }
}

#[test]
fn a_stream_carries_nothing_upwards() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.send(1);
    assert_eq!(sim.fates.get(&1), Some(&Sent::Dropped(Dropped::NoUplink)));
    let mut early = Sim::new(Config::default());
    early.route = STREAM;
    early.send(1);
    early.input(Input::Start);
    early.establish();
    assert_eq!(early.fates.get(&1), Some(&Sent::Dropped(Dropped::NoUplink)));
}

#[test]
fn close_settles_what_waits() {
    let mut sim = queueing(Outbox::new());
    sim.send(1);
    sim.send(1);
    sim.close();
    let closed = Sent::Dropped(Dropped::Closed);
    assert_eq!(sim.fates.values().copied().collect::<Vec<_>>(), [closed, closed]);
}

#[test]
fn what_a_closing_socket_gives_back_goes_first_and_in_order() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.writable = false;
    for _ in 0..3 {
        sim.send(1);
    }
    sim.take();
    sim.lost(Failure::Network);
    sim.send(1);
    sim.establish();
    assert_eq!(sim.transmitted(), [1, 2, 3, 4]);
}

#[test]
fn a_whole_queue_given_back_keeps_its_order() {
    let mut sim = queueing(Outbox::new().with_max_messages(3));
    for _ in 0..3 {
        sim.send(1);
    }
    sim.resolved();
    sim.writable = false;
    sim.opened();
    assert_eq!(sim.core.queue().len(), 3);
    sim.lost(Failure::Network);
    sim.take();
    sim.establish();
    assert_eq!(sim.transmitted(), [1, 2, 3]);
}

#[derive(Clone, Debug)]
enum Step {
    Send(u64),
    Jam,
    Lose,
    Establish,
    Reconnect,
    Freeze,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..60_u64).prop_map(Step::Send),
        1 => Just(Step::Jam),
        1 => Just(Step::Lose),
        2 => Just(Step::Establish),
        1 => Just(Step::Reconnect),
        1 => Just(Step::Freeze),
    ]
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn every_send_settles_exactly_once_and_in_order(
        steps in prop::collection::vec(step(), 0..80),
        most in 0..6_u64,
        overflow in prop_oneof![Just(Overflow::Reject), Just(Overflow::DropOldest), Just(Overflow::DropNewest)],
    ) {
        let outbox = Outbox::new().with_max_messages(most).with_max_bytes(100).with_overflow(overflow);
        let mut sim = Sim::new(Config { outbox, ..Config::default() });
        let mut given_back = 0;
        sim.input(Input::Start);
        for step in steps {
            let open = sim.core.state() == State::Open;
            match step {
                Step::Send(bytes) => { sim.send(bytes); }
                Step::Jam => sim.writable = false,
                Step::Lose => sim.lost(Failure::Network),
                Step::Establish if !open => {
                    sim.page(Page::Resumed);
                    sim.establish();
                    given_back = 0;
                }
                Step::Establish => {}
                Step::Reconnect => sim.input(Input::Reconnect),
                Step::Freeze => sim.page(Page::Frozen),
            }
            // A closing socket may give back what the bounds no longer cover.
            given_back = given_back.max(if sim.writable { 0 } else { sim.core.queue().len() });
            prop_assert!(sim.core.queue().len() <= given_back.max(usize::try_from(most).unwrap()));
            let settled = sim.fates.len();
            prop_assert_eq!(settled + sim.core.queue().len(), usize::try_from(sim.sent).unwrap());
        }
        sim.close();
        prop_assert_eq!(sim.fates.len(), usize::try_from(sim.sent).unwrap());
        prop_assert!(sim.order.is_sorted(), "{:?}", sim.order);
    }
}
