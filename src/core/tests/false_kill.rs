//! No healthy connection is killed. A page is simulated: its one thread, which blocks; its timer, which
//! is throttled; a network with latency spikes below the timeout; a server that answers.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::{
    super::{
        io::{Action, Page},
        state::State,
    },
    cases,
    sim::{SOCKET, STREAM, Sim, beating},
};

const HOUR: u64 = 3_600_000;
const MINUTE: u64 = 60_000;
/// What a stream's server promised with `heartbeat: true`.
const STREAM_EVERY: u64 = 30_000;

#[derive(Clone, Debug)]
struct World {
    socket: bool,
    /// Free time, then blocked time, over and over.
    blocks: Vec<(u64, u64)>,
    /// Of one answer after the other.
    latencies: Vec<u64>,
    /// Time, then what the page tells.
    pages: Vec<(u64, Page)>,
    /// Between the app's own sends, which the server does not answer.
    sends: Vec<u64>,
    /// What waits after a block: the timer first, or the messages.
    timer_first: bool,
    /// A message carries the time it came in, or the time it was dispatched.
    stamped_on_arrival: bool,
}

/// The times at which something happens, over and over in the same steps.
struct Beat {
    next: u64,
    steps: Vec<u64>,
    at: usize,
}

impl Beat {
    fn new(now: u64, steps: Vec<u64>) -> Self {
        let next = steps.first().map_or(u64::MAX, |step| now + step);
        Self { next, steps, at: 0 }
    }

    /// Whether it is time; then the next one is due after its step.
    fn due(&mut self, now: u64) -> bool {
        let due = now >= self.next;
        if due {
            self.at = (self.at + 1) % self.steps.len();
            self.next = now + self.steps[self.at].max(1);
        }
        due
    }
}

struct Life {
    world: World,
    sim: Sim,
    hidden: bool,
    /// What is on its way: when it arrives.
    network: VecDeque<u64>,
    answers: usize,
    blocked_until: u64,
}

impl Life {
    fn new(world: World) -> Self {
        let sim = Sim::open_on(if world.socket { SOCKET } else { STREAM }, beating());
        Self { world, sim, hidden: false, network: VecDeque::new(), answers: 0, blocked_until: 0 }
    }

    /// The network keeps the order.
    fn answer(&mut self, sent: u64) {
        let latency = self.world.latencies[self.answers % self.world.latencies.len()];
        self.answers += 1;
        let arrival = (sent + latency).max(self.network.back().copied().unwrap_or(0));
        self.network.push_back(arrival);
    }

    fn answer_pings(&mut self) {
        for _ in 0..self.sim.pings() {
            self.answer(self.sim.now);
        }
    }

    fn messages(&mut self) {
        while let Some(arrival) = self.network.front().copied().filter(|at| *at <= self.sim.now) {
            self.network.pop_front();
            self.sim.heard = Some(if self.world.stamped_on_arrival { arrival } else { self.sim.now });
        }
    }

    /// When the browser lets the timer fire. A timer takes a millisecond at least.
    fn timer(&self) -> u64 {
        let due = self.sim.core.deadline().unwrap_or(u64::MAX);
        if self.hidden { due.div_ceil(MINUTE) * MINUTE } else { due }
    }

    fn fire(&mut self) {
        if self.timer() <= self.sim.now {
            self.sim.tick();
            self.answer_pings();
        }
    }

    fn run(mut self) -> usize {
        let start = self.sim.now;
        let mut free = Beat::new(start, self.world.blocks.iter().map(|(free, _)| *free).collect());
        let mut pages = Beat::new(start, self.world.pages.iter().map(|(at, _)| *at).collect());
        let mut sends = Beat::new(start, self.world.sends.clone());
        let events = if self.world.socket { Vec::new() } else { vec![STREAM_EVERY] };
        let mut events = Beat::new(start, events);
        while self.sim.now < start + HOUR {
            // The server has a clock of its own.
            let arrival = self.network.front().copied().unwrap_or(u64::MAX);
            let own = [self.timer(), arrival, free.next, pages.next, sends.next];
            let wake = own.into_iter().min().unwrap_or(u64::MAX).max(self.blocked_until);
            while events.next <= wake && events.next < start + HOUR {
                let sent = events.next;
                self.answer(sent);
                events.due(sent);
            }
            let wake = wake.min(self.network.front().copied().unwrap_or(u64::MAX).max(self.blocked_until));
            self.sim.now = wake.max(self.sim.now).min(start + HOUR);
            if self.world.timer_first {
                self.fire();
                self.messages();
            } else {
                self.messages();
                self.fire();
            }
            let page = pages.at;
            if pages.due(self.sim.now) {
                let (_, page) = self.world.pages[page];
                match page {
                    Page::Hidden => self.hidden = true,
                    Page::Visible => self.hidden = false,
                    _ => {}
                }
                self.sim.page(page);
                self.answer_pings();
            }
            if sends.due(self.sim.now) {
                self.sim.send(1);
            }
            let block = free.at;
            if free.due(self.sim.now) {
                let (_, blocked) = self.world.blocks[block];
                self.blocked_until = self.sim.now + blocked;
                free.next += blocked;
            }
            assert_eq!(self.sim.core.state(), State::Open, "killed at {}", self.sim.now - start);
            assert!(!self.sim.take().iter().any(|action| matches!(action, Action::Drop { .. })));
        }
        self.answers
    }
}

#[test]
fn an_hour_of_blocks_throttling_and_spikes_kills_nothing() {
    for (socket, timer_first, stamped_on_arrival, hidden) in [
        (true, true, true, false),
        (true, true, false, false),
        (true, false, true, true),
        (true, true, true, true),
        (false, true, true, false),
        (false, true, false, true),
        (false, false, true, true),
    ] {
        let page = if hidden { Page::Hidden } else { Page::Visible };
        let world = World {
            socket,
            blocks: vec![(7_000, 10_000), (100, 10_000), (31_000, 10_000), (4_950, 10_000)],
            latencies: vec![4_900, 20, 4_900, 4_900],
            pages: vec![(1, page), (600_000, page)],
            sends: vec![45_000, 1_000],
            timer_first,
            stamped_on_arrival,
        };
        let answers = Life::new(world).run();
        assert!(answers >= 40, "the server was asked only {answers} times");
    }
}

fn world() -> impl Strategy<Value = World> {
    let block = prop_oneof![0..10_001_u64, 4_800..5_200_u64, Just(10_000)];
    let latency = prop_oneof![4 => 1..300_u64, 1 => Just(4_900), 1 => 4_000..4_901_u64];
    let page = prop_oneof![Just(Page::Hidden), Just(Page::Visible), Just(Page::Online), Just(Page::Offline)];
    let free = prop_oneof![1..60_000_u64, 1..100_u64];
    (
        any::<bool>(),
        prop::collection::vec((free, block), 1..12),
        prop::collection::vec(latency, 1..20),
        prop::collection::vec((1..300_000_u64, page), 1..12),
        prop::collection::vec(1_000..100_000_u64, 0..5),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(socket, blocks, latencies, pages, sends, timer_first, stamped_on_arrival)| World {
            socket,
            blocks,
            latencies,
            pages,
            sends,
            timer_first,
            stamped_on_arrival,
        })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn no_healthy_connection_is_killed_in_an_hour(world in world()) {
        Life::new(world).run();
    }
}
