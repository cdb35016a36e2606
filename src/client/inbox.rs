//! What waits for the Rust app: events, and what became of its sends.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    task::{Context as TaskContext, Poll, Waker},
};

use wasm_bindgen::prelude::*;

use super::Event;
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
}

impl Inbox {
    /// Bounded, for an app that does not keep up: what is lost is told in its place.
    pub(super) fn push(&self, event: Event, size: usize) {
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
        settled.sent.set(Some(sent));
        let waker = settled.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
