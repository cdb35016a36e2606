//! What the models share: their size, and their time, which is relative to now. What only the clock tells apart is one
//! state.

use std::{fmt::Debug, hash::Hash};

use stateright::{Checker as _, Model};

use super::{
    super::{
        Connection,
        config::Config,
        failure::Failure,
        io::{Input, Page},
        outbox::{Awaits, Outgoing},
        state::Phase,
    },
    sim::{Sim, beating},
};

/// Now, in every state. What is longer ago than that is forgotten: no rule of the core looks back so far.
pub(super) const NOW: u64 = 10_000_000;

/// How many messages a model has: fewer for `make mutants`, which runs them hundreds of times.
pub(super) fn messages<N: Ord + From<u8>>(most: N) -> N {
    if std::env::var_os("EVERWIRE_SMALL_MODELS").is_some() { most.min(N::from(3)) } else { most }
}

/// Tries every state of a model, of which there are at most so many.
#[expect(clippy::print_stdout, reason = "the count of states is a result; `make test-native` shows it")]
pub(super) fn check<M>(model: M, most: usize)
where
    M: Model + Debug + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let bounds = format!("{model:?}");
    let checker = model.checker().target_state_count(most).spawn_bfs().join();
    println!("model: {} states, {bounds}", checker.unique_state_count());
    assert!(checker.state_count() < most, "the model has grown beyond all bounds");
    checker.assert_properties();
}

impl Connection {
    /// Moves every time that it holds, so that `now` becomes [`NOW`].
    pub(super) fn rebase(&mut self, now: u64) {
        let Self {
            phase,
            floor,
            not_before,
            liveness,
            rollover,
            queue,
            heard,
            life,
            interruptions,
            full_until,
            topics,
            pace,
            uplink,
            endpoints,
            doubt,
            polls,
            ..
        } = self;
        let mut times = match phase {
            Phase::Resolving { due } | Phase::Opening { due } => vec![due],
            Phase::Open { since } => vec![since],
            Phase::Waiting { until, not_before } => vec![until, not_before],
            Phase::Idle | Phase::Asking { .. } | Phase::Suspended | Phase::Closed => vec![],
        };
        times.extend([not_before, heard]);
        times.extend([floor, full_until, &mut interruptions.0, &mut interruptions.1]);
        times.extend(liveness.iter_mut().flat_map(super::super::heartbeat::Liveness::times));
        times.extend(life.times());
        times.extend(rollover.times());
        times.extend(queue.times());
        times.extend(topics.times());
        times.extend(uplink.times());
        times.extend(endpoints.times());
        times.extend(doubt.times());
        times.extend(polls.times());
        times.extend(pace.iter_mut().flat_map(super::super::pace::Pace::times));
        // 0: it never was; the end of the clock: it never will be.
        for time in times.into_iter().filter(|time| ![0, u64::MAX].contains(time)) {
            *time = time.saturating_add(NOW).saturating_sub(now);
        }
    }
}

#[test]
fn a_core_is_the_same_at_another_time() {
    let life = |start: u64| {
        let mut sim = Sim::new(Config { max_age: 60_000, endpoints: 2, failback: 90_000, ..beating() });
        sim.now = start;
        let mut cores = Vec::new();
        let mut note = |sim: &Sim| {
            let mut core = sim.core.clone();
            core.rebase(sim.now);
            cores.push(core);
        };
        sim.input(Input::Start);
        note(&sim);
        sim.establish();
        sim.pass(31_000);
        note(&sim);
        sim.lost(Failure::Network);
        note(&sim);
        sim.establish();
        sim.post(Outgoing { awaits: Awaits::Ack, ..Outgoing::new(0, 1) });
        sim.full = true;
        sim.send(1);
        sim.message();
        sim.pass(40_000);
        note(&sim);
        sim.page(Page::Hidden);
        sim.pass_until(100_000, |sim| sim.core.succeeds(sim.asked));
        note(&sim);
        cores
    };
    assert_eq!(life(1_000), life(777_777));
}
