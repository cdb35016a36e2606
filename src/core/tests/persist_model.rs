//! Pages over one persisted outbox, which send, die, are closed and take over from one another, in every order within small
//! bounds (stateright): nothing is lost, no two living pages have the same message, nothing is sent after it expired, and
//! who lives keeps what it has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stateright::{Model, Property};

use super::{
    super::{
        io::Action,
        persist::{Persist, Step as Told},
    },
    models,
};

/// When messages with a time to live expire.
const EXPIRES: u64 = 100;
const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
struct Bounds {
    pages: usize,
    /// Of each page.
    sends: u32,
    /// The second message of each has an end.
    expire: bool,
    deaths: u8,
    closes: u8,
}

/// What is stored, by the page and the number, and until when it is of use.
type Storage = BTreeMap<(usize, u64), (u32, u64)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Page {
    persist: Persist,
    /// The pages by the numbers that it has for them.
    tabs: Vec<usize>,
    /// The requests for locks that have not been answered.
    asks: BTreeSet<(u32, bool)>,
    /// What is being taken over, with that page's lock.
    takes: Option<(u32, VecDeque<(usize, u64)>)>,
    /// What it has: the message, where it is stored, whether it went to the outbox.
    has: BTreeMap<u32, (u32, Option<u64>, bool)>,
    /// What the server got of it, in order.
    handed: Vec<u32>,
    sends: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Life {
    ToCome,
    Alive,
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    pages: Vec<Page>,
    lives: Vec<Life>,
    storage: Storage,
    wall: u64,
    /// Messages whose fate somebody was told.
    over: BTreeSet<u32>,
    sent: BTreeSet<u32>,
    deaths: u8,
    closes: u8,
    amiss: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Start(usize),
    Send(usize),
    /// A page hears that another one stored something.
    Hear(usize, usize),
    /// The lock manager answers.
    Answer(usize, (u32, bool)),
    /// The next one of what is taken over, or the end of it.
    Take(usize),
    /// The outbox is done with the first that it got and that is out.
    Ack(usize),
    Die(usize),
    Close(usize),
    Expire,
}

impl World {
    fn law(&mut self, holds: bool, name: &'static str) {
        if !holds {
            self.amiss.get_or_insert(name);
        }
    }

    fn lives(&self, page: usize) -> bool {
        self.lives[page] == Life::Alive
    }

    /// Its own page, or one that takes over.
    fn held(&self, page: usize) -> bool {
        let takes =
            |other: &Page| other.takes.as_ref().is_some_and(|(tab, _)| other.tabs[*tab as usize] == page);
        self.lives(page) || self.pages.iter().any(takes)
    }

    fn names(&self, page: usize) -> VecDeque<(usize, u64)> {
        self.storage.keys().filter(|(tab, _)| *tab == page).copied().collect()
    }

    /// Who has this message in hand, of those that live.
    fn holders(&self, message: u32) -> usize {
        let has = |page: &usize| self.pages[*page].has.values().any(|(other, ..)| *other == message);
        (0..self.pages.len()).filter(|page| self.lives(*page)).filter(has).count()
    }

    fn find(&mut self, page: usize, other: usize) {
        if page == other || self.pages[page].tabs.contains(&other) {
            return;
        }
        self.pages[page].tabs.push(other);
        let tab = self.pages[page].tabs.len() as u32 - 1;
        self.call(page, |persist, _, steps| persist.found(tab, steps));
    }

    fn call<T>(&mut self, page: usize, input: impl FnOnce(&mut Persist, u64, &mut Vec<Action>) -> T) -> T {
        let mut steps = Vec::new();
        let answer = input(&mut self.pages[page].persist, self.wall, &mut steps);
        for step in steps {
            match step {
                Action::Persist(told) => self.told(page, told),
                _ => self.law(false, "another action"),
            }
        }
        answer
    }

    fn told(&mut self, page: usize, told: Told) {
        match told {
            Told::Lock { tab, waits } => {
                let fresh = self.pages[page].asks.insert((tab, waits));
                self.law(fresh, "a lock is asked for twice");
            }
            Told::Store { id, number, expires } => {
                let Some(has) = self.pages[page].has.get_mut(&id) else {
                    return self.law(false, "what there is not is stored");
                };
                has.1 = Some(number);
                let message = has.0;
                let fresh = self.storage.insert((page, number), (message, expires)).is_none();
                self.law(fresh, "two in one place");
            }
            Told::Forget { id, expired } => {
                let Some((message, place, handed)) = self.pages[page].has.remove(&id) else {
                    return self.law(false, "forgotten twice");
                };
                if let Some(number) = place {
                    self.storage.remove(&(page, number));
                }
                self.law(!(expired && handed), "it was sent, and expired");
                self.over.insert(message);
            }
            Told::Hand { id, ttl } => {
                let Some((message, _, handed)) = self.pages[page].has.get_mut(&id) else {
                    return self.law(false, "what there is not is sent");
                };
                let again = std::mem::replace(handed, true);
                let own = *message as usize / 10 == page;
                let message = *message;
                self.pages[page].handed.push(message);
                self.law(!again, "sent twice by one page");
                let looks = self.pages[page].asks.iter().any(|(_, waits)| !waits);
                self.law(!(own && looks), "sent before what was there at the start was looked through");
                let end = self.end(message);
                self.law(self.wall < end, "sent after it expired");
                self.law(
                    ttl == if end == NEVER { NEVER } else { end - self.wall },
                    "what is left of its time",
                );
                self.law(self.holders(message) == 1, "two living pages have it");
                self.law(!self.over.contains(&message), "its fate had been told");
            }
        }
    }

    /// Messages count by ten for each page; those with an odd number expire.
    fn end(&self, message: u32) -> u64 {
        if message % 2 == 1 { EXPIRES } else { NEVER }
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let page = Page {
            persist: Persist::new(),
            tabs: Vec::new(),
            asks: BTreeSet::new(),
            takes: None,
            has: BTreeMap::new(),
            handed: Vec::new(),
            sends: 0,
            last: 0,
        };
        let pages = (0..self.pages).map(|at| Page { tabs: vec![at], ..page.clone() }).collect();
        vec![World {
            pages,
            lives: vec![Life::ToCome; self.pages],
            storage: BTreeMap::new(),
            wall: 0,
            over: BTreeSet::new(),
            sent: BTreeSet::new(),
            deaths: 0,
            closes: 0,
            amiss: None,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let next = world.lives.iter().position(|life| *life == Life::ToCome);
        steps.extend(next.map(Step::Start));
        for page in (0..self.pages).filter(|page| world.lives(*page)) {
            let Page { asks, takes, has, sends, tabs, .. } = &world.pages[page];
            if *sends < self.sends {
                steps.push(Step::Send(page));
            }
            let stored =
                |other: &usize| *other != page && !tabs.contains(other) && !world.names(*other).is_empty();
            steps.extend((0..self.pages).filter(stored).map(|other| Step::Hear(page, other)));
            // One that waits is answered when the lock is free.
            let answers = |ask: &&(u32, bool)| !(ask.1 && world.held(tabs[ask.0 as usize]));
            // A page runs one thing at a time: what is taken over is so in one go, but other pages go on meanwhile.
            if takes.is_some() {
                steps.push(Step::Take(page));
            } else {
                steps.extend(asks.iter().filter(answers).map(|ask| Step::Answer(page, *ask)));
            }
            if has.values().any(|(_, _, handed)| *handed) {
                steps.push(Step::Ack(page));
            }
            if world.deaths < self.deaths {
                steps.push(Step::Die(page));
            }
            if world.closes < self.closes {
                steps.push(Step::Close(page));
            }
        }
        if self.expire && world.wall < EXPIRES {
            steps.push(Step::Expire);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Start(page) => {
                world.lives[page] = Life::Alive;
                let found: BTreeSet<usize> = world.storage.keys().map(|(tab, _)| *tab).collect();
                for other in found {
                    world.find(page, other);
                }
                world.call(page, |persist, wall, steps| persist.unlocked(wall, 0, steps));
            }
            Step::Send(page) => {
                let Page { sends, last, has, .. } = &mut world.pages[page];
                let message = page as u32 * 10 + *sends;
                let id = *last;
                *sends += 1;
                *last += 1;
                has.insert(id, (message, None, false));
                world.sent.insert(message);
                let end = world.end(message);
                let ttl =
                    if end == NEVER { NEVER } else { end.checked_sub(world.wall).filter(|ttl| *ttl > 0)? };
                world.call(page, |persist, wall, steps| persist.keep(wall, id, ttl, steps));
            }
            Step::Hear(page, other) => world.find(page, other),
            Step::Answer(page, (tab, waits)) => {
                world.pages[page].asks.remove(&(tab, waits));
                let other = world.pages[page].tabs[tab as usize];
                if world.held(other) {
                    world.call(page, |persist, wall, steps| persist.unlocked(wall, tab, steps));
                } else {
                    let takes = world.call(page, |persist, _, _| persist.locked(tab));
                    world.law(takes, "who has the lock takes over");
                    let names = world.names(other);
                    world.pages[page].takes = Some((tab, names));
                }
            }
            Step::Take(page) => {
                let (tab, names) = world.pages[page].takes.as_mut()?;
                let tab = *tab;
                let Some(name) = names.pop_front() else {
                    world.pages[page].takes = None;
                    world.call(page, |persist, wall, steps| persist.unlocked(wall, tab, steps));
                    return Some(world);
                };
                // The lock is its own, so nobody else removed it.
                let (message, expires) = world.storage.remove(&name)?;
                let Page { last, has, .. } = &mut world.pages[page];
                let id = *last;
                *last += 1;
                has.insert(id, (message, None, false));
                let taken =
                    world.call(page, |persist, wall, steps| persist.restored(wall, id, expires, steps));
                world.law(taken, "who lives takes it");
            }
            Step::Ack(page) => {
                let has = &world.pages[page].has;
                let id = *has.iter().find(|(_, (_, _, handed))| *handed)?.0;
                world.call(page, |persist, _, steps| persist.done(id, steps));
            }
            Step::Die(page) => {
                world.deaths += 1;
                world.lives[page] = Life::Gone;
                // Its state is of no interest any more.
                let Page { asks, takes, has, .. } = &mut world.pages[page];
                (*asks, *takes, *has) = (BTreeSet::new(), None, BTreeMap::new());
            }
            Step::Close(page) => {
                world.closes += 1;
                world.call(page, |persist, _, steps| persist.end(false, steps));
                let left = world.pages[page].has.is_empty() && world.names(page).is_empty();
                world.law(left, "a client that is closed leaves nothing");
                world.lives[page] = Life::Gone;
                let Page { asks, takes, .. } = &mut world.pages[page];
                (*asks, *takes) = (BTreeSet::new(), None);
            }
            Step::Expire => world.wall = EXPIRES,
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("each has what is its own", |_, world| world.amiss.is_none()),
            Property::<Self>::always("nothing is lost", |_, world| {
                let stored: BTreeSet<u32> = world.storage.values().map(|(message, _)| *message).collect();
                world.sent.iter().all(|message| stored.contains(message) != world.over.contains(message))
            }),
            Property::<Self>::always("in the order in which they were sent", |_, world| {
                world.pages.iter().all(|page| {
                    let from = |other: usize| {
                        page.handed.iter().filter(move |message| **message as usize / 10 == other)
                    };
                    (0..world.pages.len()).all(|other| from(other).is_sorted())
                })
            }),
            // With nothing more to be answered, the living have all that the dead left, and the outbox has it.
            Property::<Self>::always("nothing waits for ever", |bounds, world| {
                let mut steps = Vec::new();
                bounds.actions(world, &mut steps);
                let moves = |step: &Step| matches!(step, Step::Answer(..) | Step::Take(_) | Step::Hear(..));
                if steps.iter().any(moves) || !world.lives.contains(&Life::Alive) {
                    return true;
                }
                let out = |page: &Page| page.has.values().all(|(_, _, handed)| *handed);
                world.storage.keys().all(|(tab, _)| world.lives(*tab))
                    && world.pages.iter().enumerate().all(|(at, page)| !world.lives(at) || out(page))
            }),
            Property::<Self>::sometimes("what a page took over is taken over from it", |_, world| {
                world.pages.last().is_some_and(|page| page.handed.contains(&0))
                    && world.pages.iter().filter(|page| page.handed.contains(&0)).count() == world.pages.len()
            }),
            Property::<Self>::sometimes("something expires on its way", |bounds, world| {
                !bounds.expire
                    || world
                        .over
                        .iter()
                        .any(|message| world.pages.iter().all(|page| !page.handed.contains(message)))
            }),
        ]
    }
}

#[test]
fn what_a_page_leaves_is_sent_by_one_other_and_by_none_while_it_lives() {
    for bounds in [
        Bounds { pages: 2, sends: 2, expire: true, deaths: 1, closes: 1 },
        Bounds { pages: 3, sends: 1, expire: false, deaths: 2, closes: 1 },
    ] {
        models::check(bounds, 4_000_000);
    }
}
