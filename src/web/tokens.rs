//! Tokens of the app's: one question for all who need one. When one is asked for, kept and renewed, and who gets it, is ruled by
//! `src/core/tokens.rs`.

use std::{
    cell::{Cell, RefCell},
    error::Error,
    fmt,
    pin::Pin,
    rc::{Rc, Weak},
    time::Duration,
};

use super::{
    aim::over_http,
    json,
    page::{self, Target, Timer},
    task::Task,
};
use crate::{
    client::{EndpointError, Slot, Token, TokenContext, TokenReason},
    core::{
        config::MAX_DELAY,
        tokens::{Had, Step, Tokens},
    },
};

const EMPTY: &str = "the token function must give a token that is not empty";
const FORGOTTEN: &str = "the token that was asked for is thrown away";
pub(crate) const ASTRAY: &str = "tokens: another origin would get the token; if it is to have it, name all of them in Tokens::with_origins";

pub(crate) type Asking = Pin<Box<dyn Future<Output = Result<Token, EndpointError>>>>;
pub(crate) type Got = Result<Rc<str>, Missing>;

/// Why there is no token, for all who waited.
#[derive(Clone)]
pub(crate) enum Missing {
    Failed(Rc<dyn Error>),
    Forgotten,
}

impl fmt::Debug for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The app's error may hold what the server said.
        f.write_str("Missing")
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Forgotten => f.write_str(FORGOTTEN),
        }
    }
}

impl Error for Missing {}

/// Who wants to be told of each new token.
struct Follower {
    number: u64,
    tell: Rc<dyn Fn(&str)>,
}

pub(crate) struct Keeper {
    ask: Box<dyn Fn(TokenContext) -> Asking>,
    machine: Cell<Tokens>,
    /// Those that get it: the app's, or the first one that asked.
    origins: RefCell<Vec<String>>,
    token: RefCell<Option<Rc<str>>>,
    question: RefCell<Option<Task>>,
    waiting: RefCell<Vec<(u64, Slot<Got>)>>,
    followers: RefCell<Vec<Follower>>,
    timer: RefCell<Option<Timer>>,
    /// What the timer was armed for.
    armed: Cell<u64>,
    numbers: Cell<u64>,
    warned: Cell<bool>,
}

/// Of an address, whichever way it is connected to.
pub(crate) fn origin_of(address: &str) -> Option<String> {
    Target::resolve(address).map(|target| over_http(&target.origin()))
}

/// The address with this parameter in its query.
pub(crate) fn with_parameter(address: &str, name: &str, value: &str) -> Option<String> {
    let target = Target::resolve(address)?;
    target.set_parameter(name, value);
    Some(target.href())
}

/// What a server may take for a login.
pub(crate) fn frame(token: &str) -> String {
    format!(r#"{{"type":"auth","token":{}}}"#, json::quoted(token))
}

impl Keeper {
    pub(crate) fn new(ask: Box<dyn Fn(TokenContext) -> Asking>) -> Self {
        Self {
            ask,
            machine: Cell::new(Tokens::new(60_000)),
            origins: RefCell::default(),
            token: RefCell::default(),
            question: RefCell::default(),
            waiting: RefCell::default(),
            followers: RefCell::default(),
            timer: RefCell::default(),
            armed: Cell::new(u64::MAX),
            numbers: Cell::new(0),
            warned: Cell::new(false),
        }
    }

    pub(crate) fn set_refresh_ahead(&self, ms: u64) {
        let mut machine = self.machine.get();
        machine.set_ahead(ms);
        self.machine.set(machine);
    }

    pub(crate) fn set_origins(&self, origins: Vec<String>) {
        self.origins.replace(origins);
    }

    /// Whether the origin may have the token.
    pub(crate) fn confine(&self, origin: Option<String>) -> bool {
        let Some(origin) = origin else { return true };
        let mut origins = self.origins.borrow_mut();
        if origins.is_empty() {
            origins.push(origin);
            return true;
        }
        if origins.contains(&origin) {
            return true;
        }
        drop(origins);
        if !self.warned.replace(true) {
            page::warn(&format!("everwire: {ASTRAY}"));
        }
        false
    }

    /// `last`: the token that was put there last.
    pub(crate) async fn get(self: Rc<Self>, reason: TokenReason, last: Option<Rc<str>>) -> Got {
        let refused = (reason == TokenReason::Unauthorized).then(|| match last {
            None => Had::Unknown,
            last if last == *self.token.borrow() => Had::Last,
            _ => Had::Older,
        });
        let number = self.number();
        let waits = Waits { keeper: Rc::clone(&self), number, slot: Slot::default() };
        self.waiting.borrow_mut().push((number, waits.slot.clone()));
        if self.tell(reason, |machine, now| machine.need(now, refused)) == Step::Use {
            self.waiting.borrow_mut().retain(|(waiting, _)| *waiting != number);
            let token = self.token.borrow().clone();
            return token.ok_or(Missing::Forgotten);
        }
        std::future::poll_fn(|cx| waits.slot.poll(cx)).await
    }

    /// At logout.
    pub(crate) fn forget(self: &Rc<Self>) {
        self.token.take();
        self.tell(TokenReason::Refresh, |machine, _| machine.forget());
    }

    /// As long as what is given lives, a token is replaced before its end.
    pub(crate) fn follow(self: &Rc<Self>, tell: Rc<dyn Fn(&str)>) -> Following {
        let number = self.number();
        self.followers.borrow_mut().push(Follower { number, tell });
        self.tell(TokenReason::Refresh, |machine, now| machine.follow(now, true));
        Following { keeper: Rc::clone(self), number }
    }

    pub(crate) fn unfollow(self: &Rc<Self>, number: u64) {
        let (gone, some) = {
            let mut followers = self.followers.borrow_mut();
            let place = followers.iter().position(|follower| follower.number == number);
            (place.map(|place| followers.swap_remove(place)), !followers.is_empty())
        };
        if gone.is_some() {
            self.tell(TokenReason::Refresh, |machine, now| machine.follow(now, some));
        }
    }

    fn number(&self) -> u64 {
        let number = self.numbers.get();
        self.numbers.set(number + 1);
        number
    }

    /// Tells the machine, and does what it says but for what an answer brings.
    fn tell(self: &Rc<Self>, reason: TokenReason, input: impl FnOnce(&mut Tokens, u64) -> Step) -> Step {
        self.tell_with(reason, None, input)
    }

    fn tell_with(
        self: &Rc<Self>,
        reason: TokenReason,
        mut answer: Option<Got>,
        input: impl FnOnce(&mut Tokens, u64) -> Step,
    ) -> Step {
        let now = page::wall() as u64;
        let mut machine = self.machine.get();
        let step = input(&mut machine, now);
        self.machine.set(machine);
        self.arm(machine.due(), now);
        match step {
            Step::Nothing | Step::Use | Step::Wait => return step,
            Step::Ask => {
                self.ask(machine.serial(), reason);
                return step;
            }
            Step::Given => {
                if let Some(Ok(token)) = &answer {
                    self.token.replace(Some(Rc::clone(token)));
                }
            }
            Step::Old => answer = self.token.borrow().clone().map(Ok),
            Step::Failed => {}
            Step::Off => answer = Some(Err(Missing::Forgotten)),
        }
        let question = self.question.take();
        drop(question);
        let answer = answer.unwrap_or(Err(Missing::Forgotten));
        let waiting = self.waiting.take();
        for (_, slot) in waiting {
            slot.set(answer.clone());
        }
        if step == Step::Given
            && let Ok(token) = answer
        {
            let tell: Vec<_> = self.followers.borrow().iter().map(|one| Rc::clone(&one.tell)).collect();
            for tell in tell {
                tell(&token);
            }
        }
        step
    }

    fn arm(self: &Rc<Self>, due: u64, now: u64) {
        if self.armed.replace(due) == due {
            return;
        }
        let keeper = Rc::downgrade(self);
        let timer = (due < u64::MAX).then(|| {
            Timer::new(due.saturating_sub(now).min(MAX_DELAY) as u32, move || {
                if let Some(keeper) = keeper.upgrade() {
                    keeper.armed.set(u64::MAX);
                    keeper.tell(TokenReason::Refresh, Tokens::tick);
                }
            })
        });
        let before = self.timer.replace(timer);
        drop(before);
    }

    /// The app. What was asked before is called off.
    fn ask(self: &Rc<Self>, serial: u32, reason: TokenReason) {
        let keeper = Rc::downgrade(self);
        let task = Task::spawn(async move {
            let Some(asked) = asked(&keeper, reason) else { return };
            let given = asked.await;
            let Some(keeper) = keeper.upgrade() else { return };
            let given = given.and_then(|token| if token.is_empty() { Err(EMPTY.into()) } else { Ok(token) });
            match given {
                Ok(token) => {
                    let expires = token.expires(page::wall() as u64);
                    let answer = Ok(token.text());
                    keeper
                        .tell_with(reason, Some(answer), |machine, now| machine.given(now, serial, expires));
                }
                Err(error) => {
                    let answer = Err(Missing::Failed(error.into()));
                    keeper.tell_with(reason, Some(answer), |machine, now| machine.failed(now, serial));
                }
            }
        });
        let before = self.question.replace(Some(task));
        drop(before);
    }
}

fn asked(keeper: &Weak<Keeper>, reason: TokenReason) -> Option<Asking> {
    let keeper = keeper.upgrade()?;
    Some((keeper.ask)(TokenContext { reason }))
}

/// One who waits. Its drop says that it does so no more.
struct Waits {
    keeper: Rc<Keeper>,
    number: u64,
    slot: Slot<Got>,
}

impl Drop for Waits {
    fn drop(&mut self) {
        let place = {
            let mut waiting = self.keeper.waiting.borrow_mut();
            let place = waiting.iter().position(|(number, _)| *number == self.number);
            place.map(|place| waiting.swap_remove(place))
        };
        if place.is_some() {
            self.keeper.tell(TokenReason::Refresh, |machine, _| machine.leave());
        }
    }
}

/// Somebody wants a fresh token at any time, until this is dropped.
pub(crate) struct Following {
    keeper: Rc<Keeper>,
    pub(crate) number: u64,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.keeper.unfollow(self.number);
    }
}

/// In ms since 1970, or so long from now on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expires {
    Never,
    At(Duration),
    In(Duration),
}

impl Expires {
    pub(crate) fn at(self, now: u64) -> u64 {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Never => u64::MAX,
            Self::At(time) => ms(time),
            Self::In(time) => now.saturating_add(ms(time)),
        }
    }
}
