//! The failure table, row by row.

use super::{
    super::{
        config::Config,
        failure::{
            Class::{self, Ended, Fatal, Reauth, Retriable},
            Failure,
        },
        io::{Input, Why},
        state::State,
    },
    sim::{Sim, closed},
};

/// As in JavaScript: `tests/texts/codes.mjs` looks after the page's sections.
#[test]
fn a_sentence_ends_with_the_address_of_its_code() {
    let address = env!("CARGO_PKG_REPOSITORY");
    for (failure, words, code) in [
        (Failure::Network, "", "network"),
        (closed(4403), " with code 4403", "closed"),
        (http(503), " with status 503", "http"),
        (Failure::LongId { length: 5000 }, ": 5000 bytes", "long-id"),
    ] {
        let (sentence, end) = (failure.sentence(), format!("docs/guide/errors.md#{code}"));
        let expected = if address.is_empty() {
            format!("{sentence}{words}; see {end}")
        } else {
            format!("{sentence}{words}; see {address}/blob/HEAD/{end}")
        };
        assert_eq!(failure.to_string(), expected);
    }
}

fn http(status: u16) -> Failure {
    Failure::Http { status, retry_after: None }
}

/// The same before the first open and after it.
fn always(failure: &Failure, class: Class) {
    assert_eq!(failure.class(false), class, "{failure:?} before the first open");
    assert_eq!(failure.class(true), class, "{failure:?} after it");
}

#[test]
fn no_content_is_the_end() {
    always(&http(204), Ended);
}

#[test]
fn unauthorized_asks_again() {
    always(&http(401), Reauth);
    always(&closed(4001), Reauth);
    always(&closed(4401), Reauth);
}

#[test]
fn what_a_retry_cannot_mend_is_fatal() {
    for status in [400, 403, 405, 406, 410, 413, 414, 415, 422] {
        always(&http(status), Fatal);
    }
    for code in [1002, 1003, 1007, 1008, 1010, 4400, 4403, 4404] {
        always(&closed(code), Fatal);
    }
    for failure in [Failure::Blocked, Failure::NotResumable, Failure::Frozen] {
        always(&failure, Fatal);
    }
}

#[test]
fn not_found_is_a_wrong_address_at_first_and_a_deploy_later() {
    for failure in [http(404), http(402), http(409), http(201), Failure::ContentType, Failure::Redirect] {
        assert_eq!(failure.class(false), Fatal, "{failure:?}");
        assert_eq!(failure.class(true), Retriable, "{failure:?}");
    }
}

#[test]
fn an_event_that_is_too_big_would_be_too_big_again() {
    always(&Failure::TooBig, Fatal);
}

#[test]
fn what_passes_is_retried() {
    for status in [408, 425, 429].into_iter().chain(500..600) {
        always(&http(status), Retriable);
    }
    for failure in [
        Failure::Network,
        Failure::OpenTimeout,
        Failure::Provider,
        Failure::HalfOpen,
        Failure::End,
        Failure::Buffered,
        Failure::Truncated,
    ] {
        always(&failure, Retriable);
    }
}

#[test]
fn every_other_close_is_retried() {
    let named = [1002, 1003, 1007, 1008, 1010, 4001, 4400, 4401, 4403, 4404];
    for code in (0..=u16::MAX).filter(|code| !named.contains(code)) {
        always(&closed(code), Retriable);
    }
}

#[test]
fn the_core_does_as_the_table_says() {
    for (failure, end) in [
        (http(204), Some(Why::Ended)),
        (http(403), Some(Why::Fatal)),
        (http(404), Some(Why::Fatal)),
        (http(600), Some(Why::Fatal)), // no status (RFC 9110, 15)
        (closed(1008), Some(Why::Fatal)),
        (closed(4401), Some(Why::Fatal)), // nobody to ask again
        (http(503), None),
        (closed(1000), None),
        (closed(1009), None),
        (Failure::Network, None),
    ] {
        let mut sim = Sim::new(Config::default());
        sim.input(Input::Start);
        sim.resolved();
        sim.lost(failure);
        let state = if end.is_some() { State::Closed } else { State::Waiting };
        assert_eq!(sim.core.state(), state, "{failure:?}");
        assert_eq!(sim.end(), end, "{failure:?}");
    }
}

#[test]
fn a_restarting_server_is_given_the_time_it_asks_for() {
    for code in [1012, 1013] {
        let mut sim = Sim::open_on(super::sim::SOCKET, Config::default());
        sim.lost(closed(code));
        assert!((5_000..=6_250).contains(&sim.wait()), "{}", sim.wait());
    }
}

/// The npm package has its own copy of the texts.
#[test]
fn the_facade_says_the_same() {
    let Some(text) = super::file_of_the_repository("pkg-template/failures.js") else { return };
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("  [")).collect();
    let all = [
        Failure::Network,
        closed(1006),
        Failure::OpenTimeout,
        Failure::HalfOpen,
        Failure::Provider,
        Failure::Blocked,
        http(500),
        Failure::ContentType,
        Failure::End,
        Failure::TooBig,
        Failure::Buffered,
        Failure::Truncated,
        Failure::NotResumable,
        Failure::Frozen,
        Failure::LongId { length: 1 },
        Failure::Cursor,
        Failure::Redirect,
    ];
    assert_eq!(rows.len(), all.len());
    for failure in all {
        let row = rows.get(failure.place() as usize).copied();
        let expected = format!("  [\"{}\", \"{}\"],", failure.code(), failure.sentence());
        assert_eq!(row, Some(expected.as_str()), "{failure:?}");
    }
}
