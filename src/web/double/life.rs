//! The page's life, which a test leads.

use std::rc::{Rc, Weak};

use super::world::{World, current};
use crate::core::io;

/// What the page is now.
pub(crate) struct Page {
    pub(crate) hidden: bool,
    pub(crate) offline: bool,
}

pub(crate) fn now() -> Page {
    let (hidden, offline) =
        current().map_or((false, false), |world| (world.hidden.get(), world.offline.get()));
    Page { hidden, offline }
}

pub(crate) fn is_visible() -> bool {
    current().is_some_and(|world| !world.hidden.get())
}

pub(super) type Watcher = Rc<dyn Fn(io::Page)>;

/// Listens to it until it is dropped.
pub(crate) struct Watch {
    world: Weak<World>,
    number: u64,
}

impl Watch {
    /// `all`: else nothing, as nobody holds this page when it has gone.
    pub(crate) fn new(all: bool, tell: impl Fn(io::Page) + 'static) -> Self {
        match current().filter(|_| all) {
            Some(world) => {
                let number = world.number();
                world.watchers.borrow_mut().insert(number, Rc::new(tell));
                Self { world: Rc::downgrade(&world), number }
            }
            None => Self { world: Weak::new(), number: 0 },
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            let watcher = world.watchers.borrow_mut().remove(&self.number);
            drop(watcher);
        }
    }
}

impl World {
    /// It becomes this.
    pub(crate) fn live(&self, page: io::Page) {
        match page {
            io::Page::Hidden => self.hidden.set(true),
            io::Page::Visible => self.hidden.set(false),
            io::Page::Offline => self.offline.set(true),
            io::Page::Online => self.offline.set(false),
            // What runs last before it freezes hears of it.
            io::Page::Frozen => self.run(),
            io::Page::Resumed => self.frozen.set(false),
            _ => {}
        }
        let watchers: Vec<Watcher> = self.watchers.borrow().values().cloned().collect();
        for watcher in watchers {
            watcher(page);
        }
        if page == io::Page::Frozen {
            self.frozen.set(true);
        }
        self.run();
    }
}
