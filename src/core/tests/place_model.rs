//! Clients of one stored place, on two pages, that go on, end, are left, claim it from one another, and users that log out, in
//! every order within small bounds (stateright): nobody writes over what another one has, nor after a logout, nor ahead of what
//! the app is done with; and what is not written yet is going to be.

use stateright::{Model, Property};

use super::{
    super::place::{Facts, Write, write},
    models,
};

/// Two on the first page, one after the other, and one on another page.
const PAGES: [usize; 3] = [0, 0, 1];

#[derive(Clone, Copy, Debug)]
struct Bounds {
    messages: u8,
    logouts: u8,
}

/// What is stored: up to where, whether the stream is over there, and who signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stored {
    place: Option<(u8, bool)>,
    owner: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Life {
    ToCome,
    Alive,
    /// It has ended, but what loops over it goes on.
    Ended,
    /// With its page, or since another one has the place it was refused.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Client {
    life: Life,
    came: u8,
    done: u8,
    fresh: bool,
    /// The timer runs.
    due: bool,
    /// The lock of this page was asked for.
    claim: Option<usize>,
    /// It took the place over.
    took: bool,
    /// It leaves the place alone for good.
    leaves: bool,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    Kept,
    Over,
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    clients: [Client; 3],
    pages: [bool; 2],
    stored: Option<Stored>,
    logouts: u8,
    /// Nothing was stored since the last logout.
    out: bool,
    /// A loop went on after the end of its client.
    late: bool,
    amiss: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Start(usize),
    Come(usize),
    Done(usize),
    /// The timer, or the page is hidden.
    Write(usize),
    End(usize, Fate),
    /// The app gives it up.
    Forget(usize),
    /// The lock is free.
    Grant(usize),
    /// It is not, in time.
    GiveUp(usize),
    Logout,
    /// The page goes: it writes, and lets go of its lock.
    Leave(usize),
}

impl World {
    fn law(&mut self, holds: bool, name: &'static str) {
        if !holds {
            self.amiss.get_or_insert(name);
        }
    }

    /// Its page holds the lock while it has a client.
    fn holds(&self, page: usize) -> bool {
        let lives = |(at, client): (usize, &Client)| PAGES[at] == page && client.life == Life::Alive;
        self.pages[page] && self.clients.iter().enumerate().any(lives)
    }

    /// As `Progress.#write` in progress.js.
    fn write(&mut self, at: usize, ends: bool, gone: Option<usize>) {
        let (page, client) = (PAGES[at], self.clients[at]);
        self.clients[at].due = false;
        if client.leaves {
            return;
        }
        let ended = client.life == Life::Ended;
        let rival = self
            .clients
            .iter()
            .enumerate()
            .any(|(other, client)| other != at && PAGES[other] == page && client.life == Life::Alive);
        let owner = self.stored.and_then(|stored| stored.owner);
        let foreign = owner.is_some_and(|owner| owner != page && gone != Some(owner));
        let action = write(Facts {
            fresh: client.fresh,
            through: client.done == client.came,
            over: client.fate == Fate::Over,
            gone: client.fate == Fate::Gone,
            ends,
            ended,
            // One that lives has its place itself.
            rival: rival || !ended,
            empty: self.stored.is_none(),
            foreign,
        });
        let place = match action {
            Write::Nothing => return,
            Write::Claim => {
                self.law(!ended, "who has ended claims nothing");
                self.clients[at].claim = owner;
                return;
            }
            Write::Clear => None,
            Write::Place => Some((client.done, false)),
            Write::End => Some((client.done, true)),
        };
        self.law(owner.is_none_or(|owner| owner == page || !self.holds(owner)), "over what another page has");
        self.law(!(ended && rival), "over what the next client of this page has");
        self.law(!(ended && self.out), "after a logout");
        self.law(!(action == Write::End && client.done < client.came), "the end before what came before it");
        self.clients[at].fresh = false;
        self.stored = Some(Stored { place, owner: place.map(|_| page) });
        self.out = false;
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let client = Client {
            life: Life::ToCome,
            came: 0,
            done: 0,
            fresh: false,
            due: false,
            claim: None,
            took: false,
            leaves: false,
            fate: Fate::Kept,
        };
        vec![World {
            clients: [client; 3],
            pages: [true; 2],
            stored: None,
            logouts: 0,
            out: false,
            late: false,
            amiss: None,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        for (at, client) in world.clients.iter().enumerate() {
            let page = PAGES[at];
            if !world.pages[page] {
                continue;
            }
            match client.life {
                // The second of a page is refused while the first lives.
                Life::ToCome if !world.holds(page) => steps.push(Step::Start(at)),
                Life::Alive => {
                    if client.came < self.messages {
                        steps.push(Step::Come(at));
                    }
                    steps.extend([Fate::Kept, Fate::Over, Fate::Gone].map(|fate| Step::End(at, fate)));
                    steps.push(Step::Write(at));
                }
                Life::Ended if client.fate != Fate::Gone => steps.push(Step::Forget(at)),
                _ => {}
            }
            if matches!(client.life, Life::Alive | Life::Ended) {
                if client.done < client.came {
                    steps.push(Step::Done(at));
                }
                if let Some(owner) = client.claim {
                    steps.push(if world.holds(owner) { Step::GiveUp(at) } else { Step::Grant(at) });
                }
            }
        }
        if world.logouts < self.logouts {
            steps.push(Step::Logout);
        }
        steps.extend((0..2).filter(|page| world.pages[*page]).map(Step::Leave));
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Start(at) => {
                let place = world.stored.and_then(|stored| stored.place).map_or(0, |(place, _)| place);
                let client = &mut world.clients[at];
                (client.life, client.came, client.done) = (Life::Alive, place, place);
                world.write(at, false, None);
            }
            Step::Come(at) => world.clients[at].came += 1,
            Step::Done(at) => {
                let client = &mut world.clients[at];
                client.done += 1;
                let fresh = std::mem::replace(&mut client.fresh, true);
                if client.life == Life::Ended {
                    world.late = true;
                    world.write(at, false, None);
                } else if !fresh && client.claim.is_none() {
                    client.due = true;
                }
            }
            Step::Write(at) => world.write(at, false, None),
            Step::End(at, fate) => {
                world.clients[at].fate = fate;
                world.write(at, true, None);
                world.clients[at].life = Life::Ended;
            }
            Step::Forget(at) => {
                world.clients[at].fate = Fate::Gone;
                world.write(at, false, None);
            }
            Step::Grant(at) => {
                let gone = world.clients[at].claim.take();
                world.clients[at].took = true;
                world.write(at, false, gone);
            }
            Step::GiveUp(at) => (world.clients[at].claim, world.clients[at].leaves) = (None, true),
            Step::Logout => {
                world.logouts += 1;
                world.stored = None;
                world.out = true;
            }
            Step::Leave(page) => {
                for at in (0..3).filter(|at| PAGES[*at] == page) {
                    if world.clients[at].life == Life::Alive {
                        world.write(at, false, None);
                    }
                    world.clients[at].life = Life::Gone;
                }
                world.pages[page] = false;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("each writes what it may", |_, world| world.amiss.is_none()),
            Property::<Self>::always("what is not written yet is going to be", |_, world| {
                world.clients.iter().all(|client| {
                    client.life != Life::Alive
                        || !client.fresh
                        || client.due
                        || client.claim.is_some()
                        || client.leaves
                })
            }),
            Property::<Self>::always("nothing is ahead of what the apps are done with", |_, world| {
                let done = world.clients.iter().map(|client| client.done).max().unwrap_or(0);
                world.stored.and_then(|stored| stored.place).is_none_or(|(place, _)| place <= done)
            }),
            Property::<Self>::sometimes("a page takes over what another one left", |_, world| {
                world.clients[2].took && world.stored.is_some_and(|stored| stored.owner == Some(1))
            }),
            Property::<Self>::sometimes("a page leaves alone what another one has", |_, world| {
                world.clients[2].leaves && world.stored.is_some_and(|stored| stored.owner == Some(0))
            }),
            Property::<Self>::sometimes("a loop goes on after the end, and it is written", |_, world| {
                world.late && world.stored.is_some_and(|stored| stored.place == Some((1, true)))
            }),
        ]
    }
}

#[test]
fn a_place_is_one_clients_and_nobody_writes_over_what_is_anothers() {
    let bounds = Bounds { messages: 1, logouts: 1 };
    models::check(bounds, 4_000_000);
}
