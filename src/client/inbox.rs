//! What waits for the Rust app: events, and what became of its sends.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    task::{Context as TaskContext, Poll, Waker},
};

use wasm_bindgen::prelude::*;

use super::{Event, Stats};
use crate::Sent;

/// The stream holds so many events for an app that does not keep up.
const LIMIT: usize = 1_024;
/// And so many bytes, or units of text, of one message more.
const UNITS: usize = 1 << 24;
/// Of the events, so many are for other events than messages while a fetched stream waits.
const RESERVE: usize = 64;

/// What became of a send, once it is known.
#[derive(Default)]
struct Settled {
    sent: Cell<Option<Sent>>,
    waker: RefCell<Option<Waker>>,
}

pub(crate) struct Sending(Rc<Settled>);

impl Sending {
    pub(crate) fn poll(&self, cx: &mut TaskContext<'_>) -> Poll<Sent> {
        match self.0.sent.get() {
            Some(sent) => Poll::Ready(sent),
            None => {
                self.0.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

/// What waits for the app.
#[derive(Default)]
pub(super) struct Inbox {
    /// Each with the size of its message; 0 of the others.
    events: RefCell<VecDeque<(Event, usize)>>,
    units: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    ended: Cell<bool>,
    /// Resolves the promise that a fetched stream waits for.
    make_room: RefCell<Option<js_sys::Function>>,
    sends: RefCell<VecDeque<(u32, Rc<Settled>)>>,
    next_send: Cell<u32>,
    stats: Cell<Stats>,
}

impl Inbox {
    pub(super) fn count(&self, add: impl FnOnce(&mut Stats)) {
        let mut stats = self.stats.get();
        add(&mut stats);
        self.stats.set(stats);
    }

    /// What this side has counted.
    pub(super) fn stats(&self) -> Stats {
        let is_message = |(event, _): &&(Event, usize)| matches!(event, Event::Message(_));
        let waiting = self.events.borrow().iter().filter(is_message).count() as u64;
        Stats { waiting, ..self.stats.get() }
    }

    /// Bounded, for an app that does not keep up: what is lost is told in its place.
    pub(super) fn push(&self, event: Event, size: usize) {
        match &event {
            Event::Open => self.count(|stats| stats.opens += 1),
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

    /// While nearly full, a promise of room.
    pub(super) fn room(&self) -> Option<js_sys::Promise> {
        (self.events.borrow().len() >= LIMIT - RESERVE || self.units.get() >= UNITS)
            .then(|| js_sys::Promise::new(&mut |resolve, _| drop(self.make_room.replace(Some(resolve)))))
    }

    pub(super) fn poll(&self, cx: &mut TaskContext<'_>) -> Poll<Option<Event>> {
        let event = self.events.borrow_mut().pop_front().map(|(event, size)| {
            self.units.set(self.units.get() - size);
            event
        });
        if self.events.borrow().len() < LIMIT / 2
            && self.units.get() <= UNITS / 2
            && let Some(resolve) = self.make_room.take()
        {
            // A promise's own function: it does not throw.
            let _ = resolve.call0(&JsValue::UNDEFINED);
        }
        match event {
            Some(event) => {
                if let Event::Message(_) = event {
                    self.count(|stats| stats.delivered += 1);
                }
                self.ended.set(matches!(event, Event::Closed(_)));
                Poll::Ready(Some(event))
            }
            None if self.ended.get() => Poll::Ready(None),
            None => {
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    pub(super) fn sending(&self) -> (u32, Sending) {
        let id = self.next_send.get();
        self.next_send.set(id.wrapping_add(1));
        let settled = Rc::new(Settled::default());
        self.sends.borrow_mut().push_back((id, Rc::clone(&settled)));
        (id, Sending(settled))
    }

    pub(super) fn settle(&self, id: u32, sent: Sent) {
        let settled = {
            let mut sends = self.sends.borrow_mut();
            let place = sends.iter().position(|(other, _)| *other == id);
            place.and_then(|place| sends.remove(place))
        };
        let Some((_, settled)) = settled else { return };
        self.count(|stats| match sent {
            Sent::Sent => stats.sent += 1,
            Sent::Acked => stats.acked += 1,
            Sent::Unknown => stats.unknown += 1,
            Sent::Dropped(_) => stats.dropped += 1,
        });
        settled.sent.set(Some(sent));
        let waker = settled.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
