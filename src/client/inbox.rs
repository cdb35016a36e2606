//! What waits for the Rust app: events, and what became of its sends.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Context as TaskContext, Poll, Waker},
};

use super::{Event, Slot, Stats};
use crate::{
    Sent,
    core::outbox::OWN,
    send::Dropped,
    web::{port::Room, table::Table},
};

/// The stream holds so many events for an app that does not keep up.
const LIMIT: usize = 1_024;
/// And so many bytes, or units of text, of one message more.
const UNITS: usize = 1 << 24;
/// Of the events, so many are for other events than messages while a fetched stream waits.
const RESERVE: usize = 64;

/// What became of a send, once it is known.
type Settled = Slot<Sent>;

/// What waits for the app.
#[derive(Default)]
pub(crate) struct Inbox {
    /// Each with the size of its message; 0 of the others.
    events: RefCell<VecDeque<(Event, usize)>>,
    units: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    ended: Cell<bool>,
    /// Of a fetched stream that waits for room.
    waits: RefCell<Option<Waker>>,
    sends: RefCell<Table<u32, Settled>>,
    /// Of those who wait until sends have settled.
    settles: RefCell<Vec<Waker>>,
    next_send: Cell<u32>,
    stats: Cell<Stats>,
}

impl Inbox {
    pub(crate) fn count(&self, add: impl FnOnce(&mut Stats)) {
        let mut stats = self.stats.get();
        add(&mut stats);
        self.stats.set(stats);
    }

    /// What this side has counted.
    pub(crate) fn stats(&self) -> Stats {
        let is_message = |(event, _): &&(Event, usize)| matches!(event, Event::Message(_));
        let waiting = self.events.borrow().iter().filter(is_message).count() as u64;
        Stats { waiting, ..self.stats.get() }
    }

    /// Bounded, for an app that does not keep up: what is lost is told in its place.
    pub(crate) fn push(&self, event: Event, size: usize) {
        match &event {
            Event::Open(_) => self.count(|stats| stats.opens += 1),
            Event::Gap(_) => self.count(|stats| stats.gaps += 1),
            _ => {}
        }
        {
            let mut events = self.events.borrow_mut();
            let room = events.len() < LIMIT && (size == 0 || self.units.get() < UNITS);
            if room || matches!(event, Event::Closed(_)) {
                events.push_back((event, size));
                self.units.set(self.units.get() + size);
            } else if let Some((Event::Overflow { missed }, _)) = events.back_mut() {
                *missed += 1;
            } else {
                events.push_back((Event::Overflow { missed: 1 }, 0));
            }
        }
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// While nearly full, what waits for room.
    pub(crate) fn room(self: &Rc<Self>) -> Option<Room> {
        let full = self.events.borrow().len() >= LIMIT - RESERVE || self.units.get() >= UNITS;
        let inbox = Rc::clone(self);
        full.then(|| {
            Box::pin(poll_fn(move |cx| {
                if inbox.has_room() {
                    return Poll::Ready(());
                }
                let before = inbox.waits.replace(Some(cx.waker().clone()));
                drop(before);
                Poll::Pending
            })) as Room
        })
    }

    fn has_room(&self) -> bool {
        self.events.borrow().len() < LIMIT / 2 && self.units.get() <= UNITS / 2
    }

    pub(crate) fn poll(&self, cx: &mut TaskContext<'_>) -> Poll<Option<Event>> {
        let event = self.events.borrow_mut().pop_front().map(|(event, size)| {
            self.units.set(self.units.get() - size);
            event
        });
        if self.has_room() {
            let waits = self.waits.take();
            if let Some(waits) = waits {
                waits.wake();
            }
        }
        match event {
            Some(event) => {
                if let Event::Message(_) = event {
                    self.count(|stats| stats.delivered += 1);
                }
                if matches!(event, Event::Closed(_)) {
                    self.ended.set(true);
                }
                Poll::Ready(Some(event))
            }
            None if self.ended.get() => Poll::Ready(None),
            None => {
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// The stream is over, once what waits was pulled.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The number of the next send.
    pub(crate) fn number(&self) -> u32 {
        let id = self.next_send.get();
        // Above them are those of topics.
        self.next_send.set((id + 1) % OWN);
        id
    }

    pub(crate) fn sending(&self) -> (u32, Settled) {
        let sending = Settled::default();
        (self.settles(sending.clone()), sending)
    }

    /// The number of a send that this is settled with.
    pub(crate) fn settles(&self, sending: Settled) -> u32 {
        let id = self.number();
        self.sends.borrow_mut().insert(id, sending);
        id
    }

    /// Of one that never was sent.
    pub(crate) fn discard(&self, sending: &Settled, why: Dropped) {
        self.count(|stats| stats.dropped += 1);
        sending.set(Sent::Dropped(why));
    }

    pub(crate) fn has_messages(&self) -> bool {
        self.events.borrow().iter().any(|(event, _)| matches!(event, Event::Message(_)))
    }

    pub(crate) fn settle(&self, id: u32, sent: Sent) {
        let settled = self.sends.borrow_mut().remove(&id);
        if let Some(sending) = settled {
            self.count(|stats| match sent {
                Sent::Sent => stats.sent += 1,
                Sent::Acked => stats.acked += 1,
                Sent::Unknown => stats.unknown += 1,
                Sent::Dropped(_) => stats.dropped += 1,
            });
            sending.set(sent);
        }
    }

    /// Once a send has settled.
    pub(crate) fn wait_for_settled(&self, cx: &TaskContext<'_>) {
        let mut wakers = self.settles.borrow_mut();
        if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            wakers.push(cx.waker().clone());
        }
    }

    pub(crate) fn wake_settled(&self) {
        let wakers = self.settles.take();
        wakers.into_iter().for_each(Waker::wake);
    }
}
