//! A test that fails drops nothing, as a panic unwinds nothing here: its clients are closed by the next test.

use std::cell::RefCell;

use everwire::{Builder, Client, Handle};

thread_local! {
    static LIVE: RefCell<Vec<Handle>> = const { RefCell::new(Vec::new()) };
}

pub(crate) trait Live {
    fn live(self) -> Client;
}

impl Live for Builder {
    /// Connects, where nothing can be wrong with the options.
    fn live(self) -> Client {
        let wire = self.connect().unwrap();
        LIVE.with_borrow_mut(|live| live.push(wire.handle()));
        wire
    }
}

pub(crate) fn close_left_over() {
    for handle in LIVE.take() {
        handle.close();
    }
}
