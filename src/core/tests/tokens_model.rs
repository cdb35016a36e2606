//! Two clients over one set of tokens, in every order within small bounds (stateright): tokens that expire while asked for,
//! refusals while a renewal is on its way, answers of questions that were called off, a logout in between.

use stateright::{Model, Property};

use super::{
    super::tokens::{Had, Step as Told, Tokens},
    models,
};

const START: u64 = 1_700_000_000_000;
const LIFE: u64 = 100_000;
const AHEAD: u64 = 30_000;

#[derive(Clone, Copy, Debug)]
struct Bounds {
    answers: u8,
    refusals: u8,
    times: u8,
    gives_up: u8,
}

/// What is outside: those who wait, the app's function, the server. A token is the number of the question that it answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    tokens: Tokens,
    now: u64,
    /// The question that is out, and those that were called off, which may be answered all the same.
    asked: Option<u32>,
    off: Vec<u32>,
    waits: [bool; 2],
    /// What each had last.
    has: [Option<u32>; 2],
    /// The one given last, and its end.
    last: Option<(u32, u64)>,
    /// None of these, nor what was asked for before, is to reach anybody any more.
    revoked_up_to: u32,
    refused: Vec<u32>,
    /// Asked for after a refusal, and who is to get one of these.
    anew: Vec<u32>,
    wants_anew: [bool; 2],
    followed: bool,
    renewed: Option<u64>,
    answers: u8,
    refusals: u8,
    times: u8,
    gave_up: u8,
    logouts: u8,
    renewals: u8,
    amiss: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Need(usize),
    /// The server refuses what this one has.
    Refuse(usize),
    Leave(usize),
    /// The app answers a question, maybe one that was called off, with a token of so much life.
    Give(u32, u64),
    Fail(u32),
    Forget,
    Follow(bool),
    /// The timer fires when it is due.
    Due,
    Pass(u64),
}

impl World {
    fn new() -> Self {
        Self {
            tokens: Tokens::new(AHEAD),
            now: START,
            asked: None,
            off: Vec::new(),
            waits: [false; 2],
            has: [None; 2],
            last: None,
            revoked_up_to: 0,
            refused: Vec::new(),
            anew: Vec::new(),
            wants_anew: [false; 2],
            followed: false,
            renewed: None,
            answers: 0,
            refusals: 0,
            times: 0,
            gave_up: 0,
            logouts: 0,
            renewals: 0,
            amiss: None,
        }
    }

    fn law(&mut self, holds: bool, law: &'static str) {
        if !holds && self.amiss.is_none() {
            self.amiss = Some(law);
        }
    }

    fn hand(&mut self, place: usize, token: u32, good: bool) {
        self.law(good, "what has expired is handed out");
        self.law(token > self.revoked_up_to, "what was refused or forgotten is handed out");
        let anew = !self.wants_anew[place] || self.anew.contains(&token);
        self.law(anew, "who was refused is handed what was asked for before any refusal");
        self.has[place] = Some(token);
        self.waits[place] = false;
        self.wants_anew[place] = false;
    }

    fn hand_all(&mut self, token: u32, good: bool) {
        for place in 0..2 {
            if self.waits[place] {
                self.hand(place, token, good);
            }
        }
    }

    fn need(&mut self, place: usize, refused: Option<Had>) {
        self.waits[place] = true;
        self.wants_anew[place] = refused.is_some();
        let told = self.tokens.need(self.now, refused);
        if told == Told::Ask && refused.is_some() {
            self.anew.push(self.tokens.serial());
        }
        if told == Told::Use {
            match self.last {
                Some((token, expires)) => self.hand(place, token, self.now < expires),
                None => self.law(false, "there is none to use"),
            }
        } else {
            self.law(matches!(told, Told::Ask | Told::Wait), "who needs one is told when");
            self.told(told);
        }
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Nothing | Told::Use | Told::Wait => {}
            Told::Ask => {
                self.off.extend(self.asked.take());
                self.asked = Some(self.tokens.serial());
            }
            Told::Given => self.law(false, "given by nobody"),
            Told::Old => {
                self.asked = None;
                self.wants_anew = [false; 2];
                match self.last {
                    Some((token, expires)) => self.hand_all(token, self.now < expires),
                    None => self.law(false, "there is no old one"),
                }
            }
            Told::Failed => {
                self.asked = None;
                self.waits = [false; 2];
            }
            Told::Off => {
                let asked = self.asked.take();
                self.law(asked.is_some(), "nothing to call off");
                self.off.extend(asked);
                self.waits = [false; 2];
            }
        }
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new()]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        for place in 0..2 {
            if world.waits[place] {
                if world.gave_up < self.gives_up {
                    steps.push(Step::Leave(place));
                }
            } else if world.answers < self.answers {
                steps.push(Step::Need(place));
                if world.has[place].is_some() && world.refusals < self.refusals {
                    steps.push(Step::Refuse(place));
                }
            }
        }
        if world.answers < self.answers {
            for serial in world.off.iter().chain(&world.asked).copied() {
                steps.push(Step::Give(serial, LIFE));
                steps.push(Step::Fail(serial));
            }
            steps.extend(world.asked.map(|serial| Step::Give(serial, 0)));
        }
        if world.logouts == 0 {
            steps.push(Step::Forget);
        }
        steps.push(Step::Follow(!world.followed));
        if world.times < self.times {
            if world.tokens.due() < u64::MAX {
                steps.push(Step::Due);
            }
            steps.push(Step::Pass(LIFE));
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Need(place) => world.need(place, None),
            Step::Refuse(place) => {
                world.refusals += 1;
                let (token, last) = (world.has[place]?, world.last.map(|(token, _)| token));
                // What was asked for before the server's word may be the same.
                if last == Some(token) && !world.refused.contains(&token) {
                    world.revoked_up_to = world.tokens.serial();
                    world.refused.push(token);
                }
                world.need(place, Some(if last == Some(token) { Had::Last } else { Had::Older }));
            }
            Step::Leave(place) => {
                world.gave_up += 1;
                world.waits[place] = false;
                let told = world.tokens.leave();
                world.told(told);
            }
            Step::Give(serial, life) => {
                world.answers += 1;
                let expires = world.now + life;
                let told = world.tokens.given(world.now, serial, expires);
                let current = world.asked == Some(serial);
                world.law(
                    (told == Told::Given) == current,
                    "the answer to what was asked, and to nothing else",
                );
                if told == Told::Given {
                    world.asked = None;
                    world.last = Some((serial, expires));
                    world.hand_all(serial, true);
                } else {
                    world.off.retain(|other| *other != serial);
                    world.told(told);
                }
            }
            Step::Fail(serial) => {
                world.answers += 1;
                let told = world.tokens.failed(world.now, serial);
                world.law(
                    (told != Told::Nothing) == (world.asked == Some(serial)),
                    "a failure of what was asked",
                );
                world.off.retain(|other| *other != serial);
                world.told(told);
            }
            Step::Forget => {
                world.logouts += 1;
                world.revoked_up_to = world.tokens.serial();
                world.last = None;
                world.has = [None; 2];
                let told = world.tokens.forget();
                world.told(told);
            }
            Step::Follow(followed) => {
                // To and fro says nothing new.
                world.times += u8::from(!followed);
                if world.times > self.times {
                    return None;
                }
                world.followed = followed;
                world.renewed = None;
                let told = world.tokens.follow(world.now, followed);
                world.told(told);
            }
            Step::Due => {
                world.times += 1;
                world.now = world.now.max(world.tokens.due());
                let told = world.tokens.tick(world.now);
                if told == Told::Ask {
                    world.renewals += 1;
                    let soon = world.renewed.is_some_and(|at| world.now < at + 1_000);
                    world.law(!soon && world.followed, "renewed all the time, or for nobody");
                    world.renewed = Some(world.now);
                }
                world.told(told);
                world.law(world.tokens.due() > world.now, "the timer would spin");
            }
            Step::Pass(ms) => {
                world.times += 1;
                world.now += ms;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("each gets what it may have", |_, world| world.amiss.is_none()),
            Property::<Self>::always("nobody waits for nothing", |_, world| {
                world.asked.is_some() || world.waits == [false; 2]
            }),
            Property::<Self>::always("no question is out for nobody, or for ever", |_, world| {
                world.asked.is_none() || world.waits != [false; 2] || world.tokens.due() < u64::MAX
            }),
            Property::<Self>::sometimes("both have a new one after a refusal", |_, world| {
                let [Some((last, _)), Some(refused)] =
                    [world.last, world.refused.first().map(|token| (*token, 0))]
                else {
                    return false;
                };
                last > refused.0 && world.has == [Some(last); 2]
            }),
            Property::<Self>::sometimes("it is renewed twice", |_, world| world.renewals == 2),
            Property::<Self>::sometimes("what was called off is answered after a logout", |_, world| {
                world.logouts == 1 && world.answers > 0 && world.off.is_empty() && world.tokens.serial() > 1
            }),
        ]
    }
}

#[test]
fn a_token_reaches_who_may_have_it_and_nobody_waits_for_nothing() {
    let bounds = Bounds { answers: 3, refusals: 1, times: 2, gives_up: 1 };
    models::check(bounds, 4_000_000);
}
