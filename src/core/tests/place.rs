//! The stored place: when it is written.

use super::{
    super::{
        config::Config,
        io::{Action, Input, Page, Why},
        place::{Facts, Write, write},
    },
    sim::{STREAM, Sim},
};

/// How long until the place is due, each time within so many ms.
fn written(sim: &mut Sim, ms: u64) -> Vec<u64> {
    let (start, mut at) = (sim.now, Vec::new());
    while sim.core.deadline().is_some_and(|due| due <= start + ms) {
        let due = sim.core.deadline().unwrap();
        sim.pass(due.saturating_sub(sim.now));
        at.extend(sim.take().iter().filter(|action| **action == Action::Place).map(|_| sim.now - start));
    }
    at
}

#[test]
fn what_the_app_is_done_with_is_written_250_ms_after_the_first_of_it() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    assert!(written(&mut sim, 10_000).is_empty(), "nothing to be written");
    for _ in 0..3 {
        sim.core.place_due(sim.now, false);
        sim.pass(100);
        sim.core.place_due(sim.now, false);
        assert_eq!(written(&mut sim, 10_000), [150]);
    }
}

#[test]
fn another_page_has_5_s_to_let_go_of_its_lock() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.core.place_due(sim.now, false);
    sim.core.place_due(sim.now, true);
    assert_eq!(written(&mut sim, 10_000), [5_000]);
}

#[test]
fn a_page_that_had_no_turn_waits_once_more_for_the_lock_of_another() {
    for (late, waits) in [(2_000, false), (2_001, true), (60_000, true)] {
        let mut sim = Sim::open_on(STREAM, Config::default());
        sim.core.place_due(sim.now, true);
        sim.now += 5_000 + late;
        sim.tick();
        let given_up = sim.take().contains(&Action::Place);
        assert_eq!(given_up, !waits, "{late} ms late");
        assert_eq!(written(&mut sim, 10_000), if waits { vec![5_000] } else { vec![] });
    }
    // What is to be written is written, however late.
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.core.place_due(sim.now, false);
    sim.now += 60_000;
    sim.tick();
    assert!(sim.take().contains(&Action::Place));
}

#[test]
fn what_waits_is_the_clients_own_when_it_ends_and_what_it_claims_then_is_given_up_in_time() {
    for end in [Input::Close { why: Why::App, code: 0 }, Input::Page(Page::Gone)] {
        let mut sim = Sim::open_on(STREAM, Config::default());
        sim.core.place_due(sim.now, false);
        sim.input(end);
        sim.take();
        assert_eq!(sim.core.deadline(), None, "no timer outlives the client");
        sim.core.place_due(sim.now, true);
        assert_eq!(written(&mut sim, 10_000), [5_000]);
        assert_eq!(sim.core.deadline(), None);
    }
}

#[test]
fn what_a_client_leaves_at_its_end_shows_whether_the_app_removes_it_later() {
    let none = Facts::default();
    assert_eq!(write(Facts { ends: true, empty: true, ..none }), Write::Clear, "the app is not done yet");
    assert_eq!(write(Facts { ends: true, empty: true, through: true, ..none }), Write::Nothing);
    assert_eq!(write(Facts { ends: true, ..none }), Write::Nothing, "something is there");
    assert_eq!(write(Facts { empty: true, ..none }), Write::Nothing, "it lives");
    let later = Facts { ended: true, fresh: true, ..none };
    assert_eq!(write(later), Write::Place);
    assert_eq!(write(Facts { empty: true, ..later }), Write::Nothing, "removed: a logout");
}
