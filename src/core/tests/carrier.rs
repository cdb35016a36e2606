//! What carries the cursor up.

use super::{
    super::{
        carrier::{
            Asking, By,
            Carrier::{self, App, Header, Nothing, Query, TooLong},
            Via,
        },
        config::{Config, LONGEST_ID},
        failure::Failure,
        resume::Id,
    },
    sim::{STREAM, Sim},
};

const OPEN: Asking = Asking { via: None, by: By::Fetch, plain: true, fits: true, placed: false };
const VIAS: [Option<Via>; 5] = [None, Some(Via::Query), Some(Via::Header), Some(Via::Frame), Some(Via::Url)];

/// After a loss, with a cursor.
fn lost() -> Sim {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.core.learn(Id::Own(7));
    sim.lost(Failure::Network);
    sim
}

fn goes(asking: Asking) -> Carrier {
    lost().core.goes_up(asking, 8, 9)
}

#[test]
fn each_choice_over_each_transport() {
    // In the order of `VIAS`.
    let table = [
        (By::WebSocket, [Query, Query, Query, App, App]),
        // Its header is the browser's own, when it comes back by itself.
        (By::EventSource, [Query, Query, Header, Query, App]),
        (By::Fetch, [Header, Query, Header, Header, App]),
    ];
    for (by, carriers) in table {
        assert_eq!(VIAS.map(|via| goes(Asking { via, by, ..OPEN })), carriers, "{by:?}");
    }
}

#[test]
fn a_header_that_costs_a_preflight_is_the_apps_choice_alone() {
    let carriers = VIAS.map(|via| goes(Asking { via, plain: false, ..OPEN }));
    assert_eq!(carriers, [Query, Query, Header, Query, App]);
}

#[test]
fn what_no_header_can_hold_goes_into_the_address() {
    let carriers = VIAS.map(|via| goes(Asking { via, fits: false, ..OPEN }));
    assert_eq!(carriers, [Query, Query, Query, Query, App]);
}

#[test]
fn an_address_that_has_it_gets_it_no_second_time() {
    let placed = Asking { plain: false, placed: true, ..OPEN };
    assert_eq!(VIAS.map(|via| goes(Asking { via, ..placed })), [App, Query, Header, App, App]);
    // A header does no harm beside it.
    assert_eq!(goes(Asking { plain: true, ..placed }), Header);
    assert_eq!(goes(Asking { by: By::WebSocket, ..placed }), App);
    assert_eq!(goes(Asking { by: By::EventSource, ..placed }), App);
}

#[test]
fn its_length_is_that_of_where_it_goes() {
    let longest = LONGEST_ID;
    let query = Asking { via: Some(Via::Query), ..OPEN };
    let app = Asking { via: Some(Via::Url), ..OPEN };
    for (asking, header, address, carrier) in [
        (OPEN, longest, longest + 1, Header),
        (OPEN, longest + 1, 9, TooLong),
        (query, longest + 1, longest, Query),
        (query, 9, longest + 1, TooLong),
        // That is the app's to see to.
        (app, longest + 1, longest + 1, App),
    ] {
        assert_eq!(lost().core.goes_up(asking, header, address), carrier);
    }
}

#[test]
fn without_a_cursor_nothing_is_added() {
    assert_eq!(lost().core.goes_up(OPEN, 0, 0), App);
}

#[test]
fn one_that_the_core_does_not_know_stays_here() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.lost(Failure::Network);
    assert_eq!(sim.core.goes_up(OPEN, 8, 9), Nothing);
    assert_eq!(sim.core.goes_up(Asking { via: Some(Via::Url), ..OPEN }, 8, 9), App);
}
