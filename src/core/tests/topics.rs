//! Topics: an answer belongs to the join that it answers, and nothing waits for ever.

use super::{
    super::{
        config::Config,
        failure::Failure,
        io::{Input, Page, Timestamp},
        outbox::{Dropped, Outgoing, Sent},
        resume::{Id, Outcome},
        topics::{Joins, OWN, TopicEvent},
    },
    sim::{POSTS, STREAM, Sim},
};

const TIMEOUT: u64 = 10_000;

fn id(number: u64) -> Id {
    Id::Own((number << 2 | 1) << 32)
}

impl Sim {
    fn subscribe(&mut self, number: u32) {
        self.core.subscribe(self.now, number, Id::None);
        self.settle();
    }

    /// The joins that were asked for since this was last called are made, each as `OWN` and ten times its number, or more.
    fn make(&mut self) -> Vec<u32> {
        let mut made = Vec::new();
        for told in self.told() {
            if let TopicEvent::Join(number) = told {
                let free = (OWN + number * 10..).find(|id| !self.fates.contains_key(id)).unwrap();
                self.core.joining(number, free, 10, false);
                self.settle();
                made.push(free);
            }
        }
        made
    }

    /// Joined, and answered.
    fn join(&mut self, number: u32) {
        self.subscribe(number);
        self.make();
        assert!(self.answer(number, false));
    }

    fn answer(&mut self, number: u32, refused: bool) -> bool {
        let mine = self.core.topic_answered(number, refused);
        self.settle();
        mine
    }

    fn leave(&mut self, number: u32) -> bool {
        let owed = self.core.leave(number);
        self.settle();
        owed
    }

    fn told(&mut self) -> Vec<TopicEvent> {
        std::mem::take(&mut self.topics)
    }

    /// Whether a message of this topic is delivered.
    fn hears(&mut self, number: u32, message: u64) -> bool {
        let heard = self.core.topic_heard(number) && self.core.check_topic(id(message), Some(message)).0;
        self.settle();
        heard
    }
}

fn open() -> Sim {
    Sim::open_on(super::sim::SOCKET, Config::default())
}

fn joins(confirm: bool, max_attempts: u64) -> Config {
    Config { joins: Joins { confirm, timeout: TIMEOUT, max_attempts }, ..Config::default() }
}

#[test]
fn at_each_open_all_are_joined_in_their_order_before_what_waits() {
    let mut sim = open();
    (1..=3).for_each(|number| sim.join(number));
    sim.lost(Failure::Network);
    assert_eq!(sim.told(), [1, 2, 3].map(TopicEvent::Lost));
    let waits = sim.send(1);
    sim.transmitted();
    // The socket is not taken from before the joins are made, as the host makes them while it is told.
    sim.full = true;
    sim.establish();
    assert_eq!(sim.make().len(), 3);
    sim.full = false;
    sim.pass(100);
    let order = sim.transmitted();
    assert_eq!(order.last(), Some(&waits));
    assert_eq!(order.len(), 4);
    assert!(order[..3].is_sorted());
}

#[test]
fn a_late_refusal_of_an_older_join_does_not_end_the_newer_one() {
    let mut sim = open();
    sim.subscribe(1);
    sim.make();
    assert!(sim.leave(1), "a leave is owed");
    sim.subscribe(1);
    sim.make();
    assert!(!sim.answer(1, true));
    assert!(!sim.hears(1, 1), "of the older one, until the newer is answered");
    assert!(sim.answer(1, false));
    assert!(sim.hears(1, 2));
    sim.pass(60_000);
    assert_eq!(sim.told(), []);
}

#[test]
fn nobody_is_answered_who_has_not_asked_after_others_had() {
    let mut sim = open();
    sim.join(1);
    assert!(sim.answer(1, false));
    assert!(sim.leave(1));
    sim.subscribe(1);
    assert!(!sim.answer(1, true));
    assert!(!sim.answer(1, false));
    assert!(!sim.answer(77, false));
    assert!(!sim.core.topic_heard(77));
    assert_eq!(sim.make().len(), 1);
    assert!(sim.answer(1, false));
    assert!(sim.answer(1, false), "said twice");
    sim.pass(60_000);
    assert_eq!(sim.told(), []);
}

#[test]
fn what_was_left_reaches_nobody_until_the_next_connection() {
    let mut sim = open();
    sim.join(1);
    assert!(sim.leave(1));
    assert!(!sim.hears(1, 1));
    sim.core.topic_gap_told(1);
    assert!(!sim.answer(1, true));
    sim.lost(Failure::Network);
    sim.establish();
    assert_eq!(sim.told(), [TopicEvent::Forget(1)]);
}

#[test]
fn what_came_and_is_lost_is_a_gap_of_each_topic() {
    let mut sim = open();
    sim.join(1);
    sim.join(2);
    sim.told();
    sim.core.gap_told(true);
    assert!(sim.hears(2, 5));
    assert!(sim.hears(2, 6));
    assert_eq!(sim.told(), [TopicEvent::Gap(2, Outcome::Gap, None)]);
}

#[test]
fn a_join_without_a_word_is_asked_for_again_so_often() {
    let mut sim = Sim::open_on(super::sim::SOCKET, joins(true, 3));
    sim.subscribe(1);
    for attempt in 1..=3 {
        assert_eq!(sim.make().len(), 1, "{attempt}");
        sim.pass(TIMEOUT - 1);
        assert_eq!(sim.told(), []);
        sim.pass(1);
        assert!(sim.topics.contains(&TopicEvent::Late(1)));
    }
    assert_eq!(sim.told(), [TopicEvent::Late(1)]);
    sim.pass(10 * TIMEOUT);
    assert_eq!(sim.told(), []);
    // Somebody else listens, too.
    sim.core.subscribe_again(sim.now, 1);
    sim.settle();
    assert_eq!(sim.make().len(), 1);
    // The answer is late, and is one.
    sim.pass(TIMEOUT);
    assert!(sim.answer(1, false));
    sim.core.subscribe_again(sim.now, 1);
    sim.settle();
    assert_eq!(sim.told(), [TopicEvent::Late(1), TopicEvent::Join(1)]);
}

#[test]
fn nor_is_it_when_something_of_it_came() {
    let mut sim = open();
    sim.subscribe(1);
    sim.make();
    assert!(sim.hears(1, 1));
    sim.pass(5 * TIMEOUT);
    assert_eq!(sim.told(), [TopicEvent::Late(1)]);
}

#[test]
fn what_is_dropped_as_an_older_ones_and_may_not_be_is_told_as_a_gap() {
    let mut sim = open();
    sim.subscribe(1);
    sim.make();
    sim.leave(1);
    sim.subscribe(1);
    sim.make();
    // The first join got lost, so this is the second one's; nothing shows that.
    assert!(!sim.answer(1, false));
    assert!(!sim.hears(1, 1));
    sim.pass(TIMEOUT);
    assert_eq!(sim.make().len(), 1);
    assert!(sim.answer(1, false));
    assert!(sim.hears(1, 2));
    assert!(matches!(sim.told()[..], [TopicEvent::Gap(1, Outcome::Unknown, _)]));
}

#[test]
fn a_join_that_waits_is_taken_back_and_no_leave_is_owed() {
    let mut sim = open();
    sim.full = true;
    sim.subscribe(1);
    let outgoing = sim.make()[0];
    assert!(!sim.leave(1));
    assert_eq!(sim.fate_of(outgoing), Some(Sent::Dropped(Dropped::Aborted)));
    assert_eq!(sim.told(), [TopicEvent::Forget(1)]);
}

#[test]
fn one_that_is_in_a_request_is_not() {
    let mut sim = Sim::open_on(POSTS, Config::default());
    sim.subscribe(1);
    sim.make();
    sim.request();
    assert!(sim.leave(1), "the server may have it");
    sim.answered(None);
    assert!(!sim.answer(1, false));
}

#[test]
fn an_answer_may_come_before_that_of_the_request() {
    let mut sim = Sim::open_on(POSTS, Config::default());
    sim.subscribe(1);
    sim.make();
    sim.request();
    assert!(sim.answer(1, false));
    sim.answered(None);
    sim.pass(5 * TIMEOUT);
    assert_eq!(sim.told(), [], "it is joined");
}

#[test]
fn several_go_in_one() {
    let mut sim = open();
    (1..=3).for_each(|number| sim.subscribe(number));
    sim.full = true;
    for number in 1..=3 {
        sim.core.joining(number, OWN, 10, number < 3);
        sim.settle();
    }
    // It carries the others', too.
    assert!(sim.leave(2));
    sim.subscribe(2);
    sim.full = false;
    sim.pass(100);
    assert_eq!(sim.transmitted(), [OWN]);
    assert!(!sim.answer(2, true), "of the one who left");
    assert!(sim.answer(1, false) && sim.answer(3, false));
}

#[test]
fn a_planned_change_joins_all_on_the_new_connection() {
    let mut sim = open();
    (1..=2).for_each(|number| sim.join(number));
    sim.subscribe(3);
    sim.told();
    sim.input(Input::Retire);
    sim.pass_until(100_000, |sim| sim.core.succeeds(sim.asked));
    sim.told();
    sim.input(Input::Resolved { attempt: sim.asked, route: sim.route });
    assert!(sim.hears(1, 1), "the old one goes on");
    sim.input(Input::Opened { attempt: sim.asked });
    let lost = [1, 2, 3].map(TopicEvent::Lost);
    assert_eq!(sim.told(), [lost, [1, 2, 3].map(TopicEvent::Join)].concat());
}

#[test]
fn without_an_uplink_none_is_joined() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.subscribe(1);
    sim.make();
    assert_eq!(sim.told(), [TopicEvent::Unsent(1, Dropped::NoUplink)]);
}

#[test]
fn after_close_nothing_is_told() {
    let mut sim = open();
    sim.join(1);
    sim.subscribe(2);
    sim.told();
    sim.close();
    sim.subscribe(3);
    assert!(!sim.answer(1, false) && !sim.hears(1, 1) && !sim.leave(1));
    sim.core.joining(2, OWN + 99, 1, false);
    sim.settle();
    assert_eq!(sim.told(), []);
}

#[test]
fn while_it_is_suspended_none_is_asked_for() {
    let mut sim = open();
    sim.join(1);
    sim.page(Page::Frozen);
    sim.told();
    sim.subscribe(2);
    sim.page(Page::Resumed);
    sim.pass(1);
    assert!(sim.told().len() <= 3);
}

#[test]
fn those_that_were_left_are_bounded() {
    let mut sim = open();
    for number in 0..10_050 {
        sim.core.subscribe(sim.now, number, Id::None);
        sim.core.joining(number, OWN + number, 1, false);
        sim.settle();
        if number % 2 == 0 {
            assert!(sim.leave(number));
        } else {
            assert!(sim.answer(number, true), "refused");
        }
    }
    let forgotten = sim.told().into_iter().filter(|told| matches!(told, TopicEvent::Forget(_))).count();
    assert_eq!(forgotten, 50);
}

#[test]
fn a_gap_is_told_after_a_join_as_after_a_reconnect() {
    let mut sim = open();
    sim.join(1);
    assert!(sim.hears(1, 1) && sim.hears(1, 2));
    assert!(!sim.hears(1, 2), "it came already");
    sim.lost(Failure::Network);
    sim.establish();
    sim.make();
    sim.answer(1, false);
    assert!(!sim.hears(1, 2));
    assert!(sim.hears(1, 3));
    assert_eq!(sim.told(), [], "nothing is missing");
    assert!(sim.hears(1, 6));
    assert_eq!(sim.told(), [TopicEvent::Gap(1, Outcome::Gap, Some((4, 5)))]);
}

#[test]
fn where_no_answer_is_given_one_that_was_sent_is_joined() {
    let mut sim = Sim::open_on(super::sim::SOCKET, joins(false, 3));
    sim.subscribe(1);
    sim.make();
    assert_eq!(sim.told(), [TopicEvent::Joined(1)]);
    sim.pass(5 * TIMEOUT);
    assert_eq!(sim.told(), []);
    assert!(sim.answer(1, true), "it may refuse");
}

#[test]
fn its_time_counts_from_when_it_was_sent() {
    let mut sim = open();
    sim.subscribe(1);
    sim.pass(TIMEOUT - 1);
    sim.make();
    sim.pass(TIMEOUT - 1);
    assert_eq!(sim.told(), []);
    assert!(sim.answer(1, false));
}

#[test]
fn priority_does_not_go_before_a_join() {
    let mut sim = open();
    sim.full = true;
    let urgent = sim.post(Outgoing { priority: true, ..Outgoing::new(0, 1) });
    sim.subscribe(1);
    let join = sim.make()[0];
    sim.full = false;
    sim.pass(100);
    assert_eq!(sim.transmitted(), [urgent, join], "on an open connection it is one of all that is sent");
}

fn out(sim: &mut Sim, number: u32) -> bool {
    let mine = sim.core.topic_removed(Timestamp { now: sim.now, draw: u32::MAX }, number);
    sim.settle();
    mine
}

#[test]
fn put_out_it_joins_again_after_a_delay_that_grows_and_goes_on_from_its_place() {
    let mut sim = open();
    sim.join(1);
    assert!(sim.hears(1, 1));
    for delay in [1_000, 2_000, 4_000] {
        assert!(out(&mut sim, 1));
        assert!(!out(&mut sim, 1), "it is out");
        assert_eq!(sim.told(), [TopicEvent::Lost(1)]);
        sim.pass(delay - 1);
        assert_eq!(sim.told(), [], "{delay}");
        sim.pass(1);
        assert_eq!(sim.make().len(), 1, "{delay}");
        assert!(sim.answer(1, false));
    }
    // What may be missing is told before what comes next.
    assert!(sim.hears(1, 3));
    assert_eq!(sim.told(), [TopicEvent::Gap(1, Outcome::Gap, Some((2, 2)))]);
    // One that held begins anew.
    sim.pass(60_000);
    assert!(out(&mut sim, 1));
    sim.told();
    sim.pass(1_000);
    assert_eq!(sim.make().len(), 1);
}

#[test]
fn put_out_another_handle_does_not_hurry_it_and_no_leave_is_owed() {
    let mut sim = open();
    sim.join(1);
    out(&mut sim, 1);
    sim.told();
    sim.core.subscribe_again(sim.now, 1);
    sim.settle();
    assert_eq!(sim.told(), []);
    assert!(!sim.leave(1), "the server has nothing to leave");
    sim.told();
    sim.pass(600_000);
    assert_eq!(sim.told(), []);
}

#[test]
fn put_out_over_a_loss_it_is_joined_with_the_others() {
    let mut sim = open();
    sim.join(1);
    out(&mut sim, 1);
    sim.lost(Failure::Network);
    sim.told();
    sim.establish();
    assert_eq!(sim.make().len(), 1);
    assert!(sim.answer(1, false));
    sim.pass(600_000);
    assert_eq!(sim.told(), []);
}

#[test]
fn nobody_is_put_out_who_is_not_in() {
    let mut sim = open();
    assert!(!out(&mut sim, 1), "unknown");
    sim.join(1);
    assert!(sim.leave(1));
    assert!(!out(&mut sim, 1), "left");
    sim.subscribe(1);
    sim.make();
    assert!(!out(&mut sim, 1), "of the older join");
    assert!(sim.answer(1, false));
    assert!(out(&mut sim, 1));
}
