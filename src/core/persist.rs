//! The part of the outbox that outlives its page: whose it is, in which order it is sent, and when it is forgotten.
//!
//! - A page stores what it sends under its own name, and holds a lock of that name for as long as it lives. It takes over
//!   what another page left once it has that one's lock: nobody gets it before the other has gone, and one alone does then.
//! - What is found at the start is looked through before anything is sent. What the page sends meanwhile is stored, and waits.
//!   Of the pages that are still there the locks are asked for then; of those that come later, too.
//! - What a page took over at its start has lower numbers than its own; the next page sends in the order of the numbers.
//! - A time to live goes on by the clock on the wall, whoever has the message. What has expired is not sent.
//! - A message is forgotten when its fate is known, and all of them when the client is closed. When its window goes they stay:
//!   they are the next page's.
//!
//! Outside are the storage, the locks and JSON. A message that is taken over is stored under its new name before the old one
//! is removed, in one go; and one whose id is still out is refused by the outbox.

use super::{Connection, config::MAX_DELAY, io::Action};
use crate::core::Later as _;

/// A page's own numbers begin here.
const OWN: u64 = 1_000_000_000;
/// JavaScript counts no further: a message that expires then does not expire.
const NEVER: u64 = 1 << 53;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Persist {
    phase: Phase,
    /// The pages, by their numbers; the first is this one.
    tabs: Vec<Tab>,
    /// The next numbers, of what is taken over at the start and of all else.
    taken: u64,
    own: u64,
    /// What is stored, and has no fate yet.
    kept: Vec<Kept>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// The storage is being looked through, and the locks are asked for.
    Looking,
    Ready,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Tab {
    /// Its lock is asked for, if it is free.
    Asked,
    /// It is still there.
    Alive,
    /// Its lock is waited for.
    Awaited,
    /// This page has its lock.
    Taking,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kept {
    id: u32,
    expires: u64,
    waits: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Ask for a page's lock, then [`Persist::locked`] with it, and [`Persist::unlocked`] in any case. `waits`: until it is free.
    Lock { tab: u32, waits: bool },
    /// Write it down under this number, in the place of where it was; it expires then, or at the end of the clock never.
    Store { id: u32, number: u64, expires: u64 },
    /// What is written is of no use any more. `expired`: it is not sent either.
    Forget { id: u32, expired: bool },
    /// It goes to the outbox, with a time to live; none: the end of the clock.
    Hand { id: u32, ttl: u64 },
}

type Steps = Vec<Action>;

impl Persist {
    pub(crate) fn new() -> Self {
        Self { phase: Phase::Looking, tabs: vec![Tab::Taking], taken: 0, own: OWN, kept: Vec::new() }
    }

    /// Something of this page is stored. The numbers of pages ascend.
    pub(crate) fn found(&mut self, tab: u32, steps: &mut Steps) {
        if tab as usize != self.tabs.len() || self.phase == Phase::Ended {
            return;
        }
        let waits = self.phase == Phase::Ready;
        self.tabs.push(if waits { Tab::Awaited } else { Tab::Asked });
        step(Step::Lock { tab, waits }, steps);
    }

    /// This page has that one's lock. Whether it takes over what is stored there.
    pub(crate) fn locked(&mut self, tab: u32) -> bool {
        match self.tabs.get_mut(tab as usize) {
            Some(tab @ (Tab::Asked | Tab::Awaited)) if self.phase != Phase::Ended => {
                *tab = Tab::Taking;
                true
            }
            _ => false,
        }
    }

    /// The request for this lock is over, and with it what was taken over. Of this page: what was there at the start has been found.
    pub(crate) fn unlocked(&mut self, wall: u64, tab: u32, steps: &mut Steps) {
        if let Some(tab) = self.tabs.get_mut(tab as usize) {
            *tab = if *tab == Tab::Asked { Tab::Alive } else { Tab::Over };
        }
        self.look(wall, steps);
    }

    /// Whether all of it has been looked through.
    fn look(&mut self, wall: u64, steps: &mut Steps) {
        let looks = self.tabs.iter().any(|tab| matches!(tab, Tab::Asked | Tab::Taking));
        if looks || self.phase != Phase::Looking {
            return;
        }
        self.phase = Phase::Ready;
        self.kept.retain_mut(|kept| {
            if !std::mem::take(&mut kept.waits) {
                return true;
            }
            let hand = hand(*kept, wall);
            step(hand, steps);
            matches!(hand, Step::Hand { .. })
        });
        for (at, tab) in self.tabs.iter_mut().enumerate() {
            if *tab == Tab::Alive {
                *tab = Tab::Awaited;
                step(Step::Lock { tab: at as u32, waits: true }, steps);
            }
        }
    }

    /// The app sends it, with a time to live.
    pub(crate) fn keep(&mut self, wall: u64, id: u32, ttl: u64, steps: &mut Steps) {
        let waits = self.phase == Phase::Looking;
        if self.phase != Phase::Ended {
            let expires = if ttl == u64::MAX { ttl } else { wall.later(ttl) };
            self.kept.push(Kept { id, expires, waits });
            step(Step::Store { id, number: self.own, expires }, steps);
            self.own += 1;
        }
        if !waits {
            step(Step::Hand { id, ttl }, steps);
        }
    }

    /// What another page left, and when it expires. Whether it is this one's now.
    pub(crate) fn restored(&mut self, wall: u64, id: u32, expires: u64, steps: &mut Steps) -> bool {
        let next = match self.phase {
            Phase::Looking => &mut self.taken,
            Phase::Ready => &mut self.own,
            Phase::Ended => return false,
        };
        let number = *next;
        let kept = Kept { id, expires: if expires < NEVER { expires } else { u64::MAX }, waits: false };
        let hand = hand(kept, wall);
        if matches!(hand, Step::Hand { .. }) {
            *next += 1;
            self.kept.push(kept);
            step(Step::Store { id, number, expires: kept.expires }, steps);
        }
        step(hand, steps);
        true
    }

    /// Its fate is known.
    pub(crate) fn done(&mut self, id: u32, steps: &mut Steps) {
        if let Some(at) = self.kept.iter().position(|kept| kept.id == id) {
            self.kept.remove(at);
            step(Step::Forget { id, expired: false }, steps);
        }
    }

    /// The client is closed; `unloaded`: with its window.
    pub(crate) fn end(&mut self, unloaded: bool, steps: &mut Steps) {
        self.phase = Phase::Ended;
        for kept in std::mem::take(&mut self.kept) {
            if !unloaded {
                step(Step::Forget { id: kept.id, expired: false }, steps);
            }
        }
    }
}

/// What has waited goes on with what is left of its time.
fn hand(Kept { id, expires, .. }: Kept, wall: u64) -> Step {
    match expires.checked_sub(wall) {
        None | Some(0) => Step::Forget { id, expired: true },
        Some(_) if expires == u64::MAX => Step::Hand { id, ttl: u64::MAX },
        Some(left) => Step::Hand { id, ttl: left.min(MAX_DELAY) },
    }
}

fn step(step: Step, steps: &mut Steps) {
    steps.push(Action::Persist(step));
}

impl Connection {
    /// See [`Persist`].
    pub(crate) fn found(&mut self, tab: u32) {
        self.persist.found(tab, &mut self.actions);
    }

    pub(crate) fn locked(&mut self, tab: u32) -> bool {
        self.persist.locked(tab)
    }

    pub(crate) fn unlocked(&mut self, wall: u64, tab: u32) {
        self.persist.unlocked(wall, tab, &mut self.actions);
    }

    pub(crate) fn keep(&mut self, wall: u64, id: u32, ttl: u64) {
        self.persist.keep(wall, id, ttl, &mut self.actions);
    }

    pub(crate) fn restored(&mut self, wall: u64, id: u32, expires: u64) -> bool {
        self.persist.restored(wall, id, expires, &mut self.actions)
    }

    pub(crate) fn done(&mut self, id: u32) {
        self.persist.done(id, &mut self.actions);
    }
}
