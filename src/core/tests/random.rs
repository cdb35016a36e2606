//! Random sequences of inputs. The laws are the driver's (see `sim`): one connection at most, nothing
//! after close, a timer when something is awaited, delays within their bounds, each send settled once.

use proptest::prelude::*;

use super::{
    super::{
        config::{Backoff, Config, FailureLimits, Heartbeat, Jitter, Outbox},
        failure::{Failure, RetryAfter},
        io::{Decision, Input, Page, Route, Why},
        outbox::{Awaits, Outgoing},
        pace::Limit,
        resume::Id,
        state::{Phase, State},
    },
    cases,
    sim::{POLLS, POSTS, SOCKET, Sim, closed},
};

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    /// The thread was blocked: the timer is late.
    Late(u64),
    Start,
    /// What the way to an open connection needs next.
    Forward(Route),
    ProviderFailed,
    Lost(Failure),
    Interrupted,
    /// What the way to a successor needs next; what befalls it; what makes one due.
    Succeed(Route),
    FailToSucceed(Failure),
    Retire,
    Slower,
    /// An input of an attempt so many before this one.
    Past(u32, Failure),
    Message(Id),
    GapTold(bool),
    /// A request of a long poll ends in good order, and brought something; the next one is answered.
    PollEnds(bool),
    PollAnswered,
    Page(Page),
    ClockJump(u64),
    Answer(Decision),
    Send(Outgoing),
    /// Of some send: its ack comes, or the app gives it up.
    Acked(u32),
    Abort(u32),
    Ponged,
    Jam,
    /// The socket's buffer fills, or drains.
    Full(bool),
    /// A request goes out, and is answered: the server has it, or it is not the time.
    Request,
    Posted(u32, Failure),
    Leave(bool, u64),
    Reconnect,
    Close,
}

fn outgoing() -> impl Strategy<Value = Outgoing> {
    let awaits = prop_oneof![Just(Awaits::Nothing), Just(Awaits::Ack), Just(Awaits::Pong)];
    let expires = prop_oneof![3 => Just(u64::MAX), 1 => 0..20_000_u64];
    let rare = || prop::bool::weighted(0.2);
    (0..2_000_u64, awaits, expires, rare(), rare()).prop_map(
        |(bytes, awaits, expires, priority, volatile)| Outgoing {
            awaits,
            expires,
            priority,
            volatile,
            ..Outgoing::new(0, bytes)
        },
    )
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![
        4 => Just(Failure::Network),
        2 => prop_oneof![1000..1016_u16, Just(4001), Just(4400), Just(4401)].prop_map(closed),
        2 => prop_oneof![Just(204), Just(401), Just(403), Just(404), Just(429), Just(503)]
            .prop_map(|status| Failure::Http { status, retry_after: None }),
        1 => Just(Failure::Blocked),
    ]
}

fn page() -> impl Strategy<Value = Page> {
    prop_oneof![
        1 => Just(Page::Online),
        1 => Just(Page::Offline),
        1 => Just(Page::Hidden),
        1 => Just(Page::Visible),
        1 => Just(Page::Frozen),
        2 => Just(Page::Resumed),
        1 => Just(Page::Paused),
        2 => Just(Page::Unpaused),
    ]
}

/// Of a request beside a stream.
fn answer() -> impl Strategy<Value = Failure> {
    let status = prop_oneof![
        3 => Just(204_u16),
        1 => prop::sample::select(vec![400, 401, 404, 408, 409, 413, 425, 429, 500, 503]),
    ];
    let http = (status, prop::option::of(0..10_000_u32))
        .prop_map(|(status, retry_after)| Failure::Http { status, retry_after: retry_after.map(RetryAfter) });
    prop_oneof![5 => http, 1 => Just(Failure::Network), 1 => Just(Failure::Provider)]
}

fn step() -> impl Strategy<Value = Step> {
    let time = prop_oneof![Just(0), 0..200_u64, 0..10_000_u64, 0..200_000_u64];
    let id = prop_oneof![1 => Just(Id::None), 1 => Just(Id::Reset), 4 => (0..50_u64).prop_map(Id::Own)];
    let route = prop_oneof![
        2 => (any::<bool>(), any::<bool>()).prop_map(|(uplink, loopback)| Route { uplink, loopback, ..SOCKET }),
        1 => Just(POSTS),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(uplink, posts)| Route { uplink: uplink || posts, posts, ..POLLS }),
    ];
    prop_oneof![
        6 => time.clone().prop_map(Step::Pass),
        2 => time.clone().prop_map(Step::Late),
        1 => Just(Step::Start),
        12 => route.clone().prop_map(Step::Forward),
        4 => route.prop_map(Step::Succeed),
        1 => failure().prop_map(Step::FailToSucceed),
        1 => Just(Step::Retire),
        1 => Just(Step::Slower),
        1 => Just(Step::ProviderFailed),
        4 => failure().prop_map(Step::Lost),
        2 => Just(Step::Interrupted),
        2 => (1..5_u32, failure()).prop_map(|(back, failure)| Step::Past(back, failure)),
        6 => id.prop_map(Step::Message),
        1 => any::<bool>().prop_map(Step::GapTold),
        3 => any::<bool>().prop_map(Step::PollEnds),
        2 => Just(Step::PollAnswered),
        4 => page().prop_map(Step::Page),
        1 => time.prop_map(Step::ClockJump),
        3 => prop_oneof![
            Just(Decision::Table),
            Just(Decision::GiveUp),
            Just(Decision::Again),
            Just(Decision::Unauthorized),
            (0..100_000_u64).prop_map(Decision::After),
        ]
        .prop_map(Step::Answer),
        5 => outgoing().prop_map(Step::Send),
        3 => (0..20_u32).prop_map(Step::Acked),
        1 => (0..20_u32).prop_map(Step::Abort),
        2 => Just(Step::Ponged),
        1 => Just(Step::Jam),
        1 => any::<bool>().prop_map(Step::Full),
        2 => Just(Step::Request),
        3 => (0..3_u32, answer()).prop_map(|(back, answer)| Step::Posted(back, answer)),
        1 => (any::<bool>(), 0..70_000_u64).prop_map(|(persisted, alive)| Step::Leave(persisted, alive)),
        1 => Just(Step::Reconnect),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let jitter = prop_oneof![Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::None)];
    let backoff = (0..5_000_u64, 100..60_000_u64, 1_000..4_000_u64, jitter, 0..12_u64).prop_map(
        |(initial, max, factor, jitter, attempts)| Backoff {
            initial,
            max,
            factor,
            jitter,
            max_attempts: attempts,
            ..Backoff::new()
        },
    );
    let heartbeat = prop::option::of((100..40_000_u64, 50..10_000_u64)).prop_map(|heartbeat| {
        heartbeat.map(|(interval, timeout)| Heartbeat { interval, timeout: Some(timeout.min(interval)) })
    });
    let failover_after = (0..4_u64, 0..4_u64).prop_map(|(unopened, early)| FailureLimits { unopened, early });
    let numbers =
        (1..4_u32, failover_after, never_or(1_000..100_000), never_or(1_000..100_000), any::<bool>());
    let limit = prop::option::of((1..4_u64, 10..5_000_u64))
        .prop_map(|limit| limit.map(|(messages, per)| Limit { messages, per }));
    let flags = (prop::bool::weighted(0.9), any::<bool>(), prop::bool::weighted(0.3), any::<bool>());
    (backoff, heartbeat, flags, numbers, limit).prop_map(
        |(
            backoff,
            heartbeat,
            (reconnects, has_provider, asks, browser_reconnects),
            (endpoints, failover_after, max_age, failback, numbered),
            limit,
        )| Config {
            endpoints,
            failover_after,
            max_age,
            failback,
            numbered,
            limit,
            backoff,
            heartbeat,
            outbox: Outbox {
                max_in_flight: 3,
                max_attempts: 2,
                ..Outbox::new().with_max_messages(5).with_max_bytes(3_000)
            },
            reconnects,
            has_provider,
            asks,
            browser_reconnects,
            ..Config::default()
        },
    )
}

fn never_or(ms: std::ops::Range<u64>) -> impl Strategy<Value = u64> {
    prop::option::of(ms).prop_map(|ms| ms.unwrap_or(u64::MAX))
}

fn apply(sim: &mut Sim, step: Step) {
    let attempt = sim.core.attempt();
    match step {
        Step::Pass(ms) => sim.pass(ms),
        Step::Late(ms) => {
            sim.now += ms;
            sim.tick();
        }
        Step::Start => sim.input(Input::Start),
        Step::Forward(route) => match sim.core.phase {
            Phase::Idle => sim.input(Input::Start),
            Phase::Resolving { .. } => sim.input(Input::Resolved { attempt, route }),
            Phase::Opening { .. } => sim.opened(),
            Phase::Asking { .. } => sim.input(Input::Answer(Decision::Table)),
            Phase::Waiting { .. } => {
                let wait = sim.core.retry_at().map_or(0, |until| until.saturating_sub(sim.now));
                sim.pass(wait);
            }
            Phase::Suspended => {
                sim.page(Page::Unpaused);
                sim.page(Page::Resumed);
            }
            Phase::Open { .. } | Phase::Closed => {}
        },
        Step::Succeed(_) | Step::FailToSucceed(_) if !sim.core.succeeds(sim.asked) => {}
        Step::Succeed(_) if sim.successor.is_some() => sim.input(Input::Opened { attempt: sim.asked }),
        Step::Succeed(route) => sim.input(Input::Resolved { attempt: sim.asked, route }),
        Step::FailToSucceed(failure) => sim.input(Input::Lost { attempt: sim.asked, failure }),
        Step::Retire => sim.input(Input::Retire),
        Step::Slower => sim.input(Input::Slower),
        Step::ProviderFailed if sim.link.is_none() => {
            sim.input(Input::Lost { attempt, failure: Failure::Provider })
        }
        Step::Lost(failure) if sim.link.is_some() => sim.lost(failure),
        Step::Interrupted if sim.link.is_some() => sim.input(Input::Interrupted { attempt }),
        Step::ProviderFailed | Step::Lost(_) | Step::Interrupted => {}
        Step::Past(back, failure) => {
            let attempt = attempt.wrapping_sub(back);
            let before = (sim.core.clone(), sim.take());
            sim.input(Input::Opened { attempt });
            sim.input(Input::Interrupted { attempt });
            sim.input(Input::Lost { attempt, failure: Failure::Provider });
            sim.input(Input::Lost { attempt, failure });
            assert_eq!((before.0, vec![]), (sim.core.clone(), sim.take()), "the past came back");
        }
        Step::Message(id) if sim.core.state() == State::Open => {
            sim.message();
            if sim.core.checking() {
                sim.core.check(id, None);
                sim.settle();
            } else {
                sim.core.learn(id);
            }
        }
        Step::GapTold(here) if sim.core.state() == State::Open => sim.core.gap_told(here),
        Step::Message(_) | Step::GapTold(_) => {}
        Step::PollEnds(brought) if sim.core.state() == State::Open => {
            if brought {
                sim.core.brought(attempt);
            }
            sim.lost(Failure::End);
        }
        Step::PollAnswered if sim.core.state() == State::Open => sim.opened(),
        Step::PollEnds(_) | Step::PollAnswered => {}
        Step::Page(page) => sim.page(page),
        Step::ClockJump(ms) => {
            sim.ahead += ms;
            sim.tick();
        }
        Step::Answer(decision) => sim.input(Input::Answer(decision)),
        Step::Send(outgoing) => {
            sim.post(outgoing);
        }
        // Of the last ones: what was sent long ago is settled.
        Step::Acked(back) => sim.input(Input::Acked(sim.sent.saturating_sub(back))),
        Step::Abort(back) => sim.input(Input::Abort(sim.sent.saturating_sub(back))),
        Step::Ponged => sim.input(Input::Ponged),
        Step::Full(full) => sim.full = full,
        Step::Request => {
            sim.request();
        }
        // Also twice, of one that was answered long ago, or of none.
        Step::Posted(back, answer) => {
            sim.input(Input::Posted { request: sim.posted.saturating_sub(back), answer });
        }
        Step::Leave(persisted, alive) => sim.input(Input::Leave { persisted, alive }),
        Step::Jam => sim.writable = false,
        Step::Reconnect => sim.input(Input::Reconnect),
        Step::Close => sim.input(Input::Close { why: Why::Aborted, code: 0 }),
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn the_laws_hold_over_any_sequence(
        config in config(),
        steps in prop::collection::vec(step(), 0..120),
        after in prop::collection::vec(step(), 0..20),
    ) {
        prop_assert_eq!(config.check(), Ok(()));
        let mut sim = Sim::new(config);
        for step in steps {
            apply(&mut sim, step);
        }
        apply(&mut sim, Step::Close);
        prop_assert_eq!(sim.core.state(), State::Closed);
        prop_assert_eq!(sim.fates.len(), usize::try_from(sim.sent).unwrap());
        for step in after {
            apply(&mut sim, step);
        }
        prop_assert_eq!(sim.fates.len(), usize::try_from(sim.sent).unwrap());
    }

    #[test]
    fn an_open_client_comes_back_from_anything_that_is_not_its_end(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let heartbeat = Some(Heartbeat::new());
        let mut sim = Sim::new(Config { heartbeat, max_age: 50_000, endpoints: 2, failback: 20_000, ..Config::default() });
        for step in steps {
            apply(&mut sim, step);
        }
        let route = SOCKET;
        for _ in 0..6 {
            apply(&mut sim, Step::Forward(route));
        }
        prop_assert!(matches!(sim.core.state(), State::Open | State::Closed), "{:?}", sim.core.phase);
    }
}
