//! What a port tells, in the place of the core.

use std::cell::{Cell, RefCell};

use super::Delivered;
use crate::{
    calls::Call,
    codes::{carry, ruling},
    sse::{Parser, Piece},
};

pub(super) struct Tape {
    told: RefCell<Vec<Call>>,
    delivered: RefCell<Vec<Delivered>>,
    parser: RefCell<Parser>,
    /// The last answer to "where to", and the last send, of a port whose app is not here.
    route: Cell<Option<(u32, u32)>>,
    sent: Cell<Option<u32>>,
}

impl Tape {
    pub(super) fn new() -> Self {
        Self {
            told: RefCell::default(),
            delivered: RefCell::default(),
            parser: RefCell::new(Parser::new(1 << 20, false)),
            route: Cell::new(None),
            sent: Cell::new(None),
        }
    }

    /// Without what only counts, asks, or is of the app's side.
    pub(super) fn told(&self) -> Vec<Call> {
        self.told.borrow().clone()
    }

    pub(super) fn delivered(&self) -> Vec<Delivered> {
        self.delivered.borrow().clone()
    }

    pub(super) fn deliver(&self, message: Delivered) {
        self.delivered.borrow_mut().push(message);
    }

    pub(super) fn route(&self, attempt: u32) -> Option<u32> {
        self.route.get().filter(|(of, _)| *of == attempt).map(|(_, route)| route)
    }

    pub(super) fn sent(&self) -> Option<u32> {
        self.sent.take()
    }

    /// The core has nothing against anything.
    pub(super) fn call(&self, call: Call) -> u32 {
        match call {
            Call::Check { .. } => return ruling::DELIVER | ruling::MOVES,
            Call::GoesUp { .. } => return carry::NOTHING,
            Call::Stage => {
                let mut parser = self.parser.borrow_mut();
                parser.reset();
                return parser.stage() as u32;
            }
            Call::Fed { length, early } => {
                return self.parser.borrow_mut().fed(length, early).as_ptr() as u32;
            }
            Call::Parse { units } => return self.parser.borrow_mut().parse(units).as_ptr() as u32,
            Call::Resolved { attempt, route, .. } => self.route.set(Some((attempt, route))),
            Call::Send { id, .. } => self.sent.set(Some(id)),
            Call::Opened { .. }
            | Call::Lost { .. }
            | Call::Refused { .. }
            | Call::Interrupted { .. }
            | Call::Page(_)
            | Call::PageLeaves { .. }
            | Call::Tick { .. }
            | Call::Unpinged => self.told.borrow_mut().push(call),
            _ => {}
        }
        0
    }

    pub(super) fn stream(&self) {
        self.parser.borrow_mut().reset();
    }

    pub(super) fn read(&self, chunk: &[u8]) -> Vec<Piece> {
        self.parser.borrow_mut().read(chunk)
    }
}
