//! The virtual clock: what is due in each millisecond, for clients and for what is on its way to them.

use crate::{
    fleets::{Cores, Does, Event, Fleet, Kind, Plains, share},
    servers::{AGAIN, Answer, Scenario, Taken},
};

/// The clients start in the first minute: two intervals of the heartbeat, so that these are spread evenly.
const STARTS: u64 = 60_000;
/// The fault comes when all have held for longer than `stableAfter`.
const FAULT: u64 = 66_000;
/// How far ahead the clock reaches; what is due later is put in again.
const RING: u64 = 1 << 17;
/// The longest way to the server and back, and the shortest.
const TRIP: (u64, u64) = (30, 170);

/// What a run gave.
pub struct Run {
    /// What came to the server in each tenth of a second from the fault on.
    pub arrivals: Vec<u32>,
    /// How many had a connection at the end.
    pub open: u32,
    /// How many inputs the clients were given.
    pub inputs: u64,
    /// What the clients had of the memory at the end.
    pub bytes: u64,
}

impl Run {
    /// In the tenths from `from` to `to`, in ms.
    #[must_use]
    pub fn tenths(&self, from: u64, to: u64) -> &[u32] {
        let end = self.arrivals.len().min(to as usize / 100);
        self.arrivals.get(from as usize / 100..end).unwrap_or_default()
    }

    /// The most in a tenth of them.
    #[must_use]
    pub fn worst(&self, from: u64, to: u64) -> u32 {
        self.tenths(from, to).iter().copied().max().unwrap_or_default()
    }

    /// All of them.
    #[must_use]
    pub fn sum(&self, from: u64, to: u64) -> u64 {
        self.tenths(from, to).iter().map(|&tenth| u64::from(tenth)).sum()
    }
}

/// What is due for a client.
#[derive(Clone, Copy)]
enum Due {
    Start,
    Timer,
    /// What it sent comes to the server, so often sent.
    Arrives(u8),
    Opened,
    Fails(crate::core::failure::Failure),
    Pong,
}

struct Entry {
    client: u32,
    /// Which of its connections and attempts it belongs to.
    link: u32,
    due: Due,
}

/// What the world knows of a client.
#[derive(Clone, Copy)]
struct Line {
    /// When its timer is due.
    due: u64,
    /// Its connection or attempt, counted.
    link: u32,
    open: bool,
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same seed, the same run.
struct Chance(u64);

impl Chance {
    fn draw(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }
}

struct World<F> {
    fleet: F,
    scenario: Scenario,
    lines: Vec<Line>,
    ring: Vec<Vec<Entry>>,
    now: u64,
    chance: Chance,
    taken: Taken,
    run: Run,
}

/// So many clients of this kind, from before the fault until all is well again. `live`: how much memory is in use.
#[must_use]
pub fn run(scenario: Scenario, kind: Kind, clients: u32, seed: u64, live: fn() -> u64) -> Run {
    let beats = scenario.beats();
    match kind {
        Kind::Everwire => {
            World::new(Cores::new(clients, scenario.streams(), beats), scenario, clients, seed).run(live)
        }
        _ => World::new(Plains::new(clients, kind, beats), scenario, clients, seed).run(live),
    }
}

impl<F: Fleet> World<F> {
    fn new(fleet: F, scenario: Scenario, clients: u32, seed: u64) -> Self {
        let mut world = Self {
            fleet,
            scenario,
            lines: vec![Line { due: u64::MAX, link: 0, open: false }; clients as usize],
            ring: (0..RING).map(|_| Vec::new()).collect(),
            now: 0,
            chance: Chance(seed),
            taken: Taken::new(clients),
            run: Run { arrivals: vec![0; scenario.end() as usize / 100], open: 0, inputs: 0, bytes: 0 },
        };
        for client in 0..clients {
            let at = 1 + share(STARTS, world.chance.draw());
            world.put(at, client, 0, Due::Start);
        }
        world
    }

    fn run(mut self, live: fn() -> u64) -> Run {
        let mut cuts = self.scenario.cuts(self.lines.len() as u32).into_iter().peekable();
        while self.now < FAULT + self.scenario.end() {
            self.now += 1;
            while let Some(cut) = cuts.next_if(|cut| FAULT + cut.at <= self.now) {
                for client in cut.first..cut.end {
                    if self.line(client).open {
                        self.tell(client, Event::Lost(cut.failure));
                    }
                }
            }
            let place = (self.now % RING) as usize;
            // What is put in for this same millisecond comes at its end.
            while let Some(entries) = self.ring.get_mut(place).filter(|entries| !entries.is_empty()) {
                for entry in std::mem::take(entries) {
                    self.happen(&entry);
                }
            }
        }
        self.run.open = self.lines.iter().filter(|line| line.open).count() as u32;
        let Self { fleet, mut run, .. } = self;
        let before = live();
        drop(fleet);
        run.bytes = before - live();
        run
    }

    fn line(&self, client: u32) -> Line {
        const NONE: Line = Line { due: u64::MAX, link: 0, open: false };
        self.lines.get(client as usize).copied().unwrap_or(NONE)
    }

    fn since(&self) -> Option<u64> {
        self.now.checked_sub(FAULT)
    }

    fn put(&mut self, at: u64, client: u32, link: u32, due: Due) {
        let at = at.clamp(self.now, self.now + RING - 1);
        if let Some(entries) = self.ring.get_mut((at % RING) as usize) {
            entries.push(Entry { client, link, due });
        }
    }

    fn trip(&mut self) -> u64 {
        TRIP.0 + share(TRIP.1 - TRIP.0, self.chance.draw())
    }

    fn happen(&mut self, entry: &Entry) {
        let &Entry { client, link, due } = entry;
        let line = self.line(client);
        if let Due::Timer = due {
            if line.due <= self.now {
                self.tell(client, Event::Timer);
            } else if link == 1 {
                // Too far ahead until now.
                self.put_timer(client, line.due);
            }
            return;
        }
        // Of what it has let go of.
        if line.link != link {
            return;
        }
        match due {
            Due::Start => self.tell(client, Event::Start),
            Due::Arrives(times) => self.arrive(client, link, times),
            Due::Opened => {
                if let Some(line) = self.lines.get_mut(client as usize) {
                    line.open = true;
                }
                self.tell(client, Event::Opened);
            }
            Due::Fails(failure) => self.tell(client, Event::Lost(failure)),
            Due::Pong => self.tell(client, Event::Pong),
            Due::Timer => {}
        }
    }

    fn put_timer(&mut self, client: u32, due: u64) {
        if due < u64::MAX {
            let far = due > self.now + RING - 1;
            self.put(due, client, u32::from(far), Due::Timer);
        }
    }

    fn arrive(&mut self, client: u32, link: u32, times: u8) {
        let trip = self.trip();
        let since = self.since();
        let answer = self.scenario.answer(since, trip, &mut self.taken);
        if answer == Answer::Lost {
            let sent = |times: u8| AGAIN.get(usize::from(times)).copied();
            if let (Some(last), Some(next)) = (sent(times), sent(times + 1)) {
                self.put(self.now + next - last, client, link, Due::Arrives(times + 1));
            }
            return;
        }
        let tenth = since.and_then(|since| self.run.arrivals.get_mut(since as usize / 100));
        if let Some(tenth) = tenth {
            *tenth += 1;
        }
        match answer {
            Answer::Opens(after) => self.put(self.now + after, client, link, Due::Opened),
            Answer::Fails(after, failure) => self.put(self.now + after, client, link, Due::Fails(failure)),
            Answer::Lost => {}
        }
    }

    fn tell(&mut self, client: u32, event: Event) {
        let draw = self.chance.draw();
        self.run.inputs += 1;
        let before = self.line(client).due;
        if let (Event::Lost(_), Some(line)) = (event, self.lines.get_mut(client as usize)) {
            line.open = false;
        }
        let Does { due, attempts, pings, drops } = self.fleet.on(client as usize, event, self.now, draw);
        let Some(line) = self.lines.get_mut(client as usize) else { return };
        line.due = due;
        if drops || attempts {
            line.link += 1;
            line.open = false;
        }
        let link = line.link;
        // One that is in the ring for that time already is enough.
        if due != before || matches!(event, Event::Timer) {
            self.put_timer(client, due);
        }
        if attempts {
            self.arrive(client, link, 0);
        }
        if pings && self.scenario.reaches(self.since()) {
            let trip = self.trip();
            self.put(self.now + trip, client, link, Due::Pong);
        }
    }
}
