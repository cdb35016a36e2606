//! The part of the outbox that outlives its page (`outbox.persist`): who owns a message, in which order messages are sent, and when
//! they are removed.
//!
//! - A page stores its messages under its own name, and holds a lock of that name for as long as it lives. It takes over what another
//!   page left once it has that page's lock, so no page gets a message while its owner lives, and only one page does afterwards.
//! - At the start, the page looks through what is stored before anything is sent. What the app sends meanwhile is stored and waits.
//!   Then the page waits for the locks of the pages that still live, and of those that come later.
//! - Messages taken over at the start have lower numbers than the page's own; the next page sends in the order of the numbers.
//! - A time to live goes on by the wall clock, whoever owns the message. An expired message is not sent.
//! - A message is removed when its outcome is known, and all of them when the client is closed. When only its window goes they stay,
//!   for the next page.
//!
//! The storage, the locks and the JSON are the port's. It stores a message that is taken over under its new name before it removes the
//! old one, in one task; and the outbox refuses a message whose id is still in flight.

use super::{Connection, config::MAX_DELAY, io::Action};
use crate::core::Later as _;

/// A page's own numbers begin here.
const OWN: u64 = 1_000_000_000;
/// The last integer that JavaScript is exact up to: such a time means that the message never expires.
const NEVER: u64 = 1 << 53;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Persist {
    phase: Phase,
    /// The pages, by number; the first one is this page.
    tabs: Vec<Tab>,
    /// The next number of a message that is taken over at the start, and of any other.
    taken: u64,
    own: u64,
    /// The stored messages without an outcome.
    kept: Vec<Kept>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// The page looks through the storage and asks for locks.
    Looking,
    Ready,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Tab {
    /// Its lock was asked for, to be had only if it is free.
    Asked,
    /// That page still lives.
    Alive,
    /// This page waits for its lock.
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
    /// Ask for a page's lock; once it is held call [`Persist::locked`], and in the end [`Persist::unlocked`] in any case. `waits`: wait
    /// until the lock is free.
    Lock { tab: u32, waits: bool },
    /// Store the message under this number, instead of where it was. `expires`: the end of the clock means never.
    Store { id: u32, number: u64, expires: u64 },
    /// Remove the stored message. `expired`: it is not sent either.
    Forget { id: u32, expired: bool },
    /// Give the message to the outbox, with this time to live; the end of the clock: none.
    Hand { id: u32, ttl: u64 },
}

type Steps = Vec<Action>;

impl Persist {
    pub(crate) fn new() -> Self {
        Self { phase: Phase::Looking, tabs: vec![Tab::Taking], taken: 0, own: OWN, kept: Vec::new() }
    }

    /// Stored messages of this page were found. The numbers of pages ascend.
    pub(crate) fn found(&mut self, tab: u32, steps: &mut Steps) {
        if tab as usize != self.tabs.len() || self.phase == Phase::Ended {
            return;
        }
        let waits = self.phase == Phase::Ready;
        self.tabs.push(if waits { Tab::Awaited } else { Tab::Asked });
        step(Step::Lock { tab, waits }, steps);
    }

    /// This page has that page's lock. Gives whether it takes over what is stored there.
    pub(crate) fn locked(&mut self, tab: u32) -> bool {
        match self.tabs.get_mut(tab as usize) {
            Some(tab @ (Tab::Asked | Tab::Awaited)) if self.phase != Phase::Ended => {
                *tab = Tab::Taking;
                true
            }
            _ => false,
        }
    }

    /// The request for this lock is over, and all that was stored there was taken over. For this page itself: all pages with stored
    /// messages have been found.
    pub(crate) fn unlocked(&mut self, wall: u64, tab: u32, steps: &mut Steps) {
        if let Some(tab) = self.tabs.get_mut(tab as usize) {
            *tab = if *tab == Tab::Asked { Tab::Alive } else { Tab::Over };
        }
        self.look(wall, steps);
    }

    /// Begins to send once everything has been looked through.
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

    /// The app sends a message with this time to live.
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

    /// A message that another page left, and when it expires. Gives whether it belongs to this page now.
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

    /// The outcome of this message is known.
    pub(crate) fn done(&mut self, id: u32, steps: &mut Steps) {
        if let Some(at) = self.kept.iter().position(|kept| kept.id == id) {
            self.kept.remove(at);
            step(Step::Forget { id, expired: false }, steps);
        }
    }

    /// The client is closed; `unloaded`: because its window is gone.
    pub(crate) fn end(&mut self, unloaded: bool, steps: &mut Steps) {
        self.phase = Phase::Ended;
        for kept in std::mem::take(&mut self.kept) {
            if !unloaded {
                step(Step::Forget { id: kept.id, expired: false }, steps);
            }
        }
    }
}

/// A message that has waited is sent with what is left of its time to live.
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
