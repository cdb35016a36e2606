//! The page's life, which a test leads.

use std::rc::{Rc, Weak};

use super::world::{World, current};
use crate::{core::io, web::per_page::Parting};

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
pub(super) type Leaver = Rc<dyn Fn(bool)>;

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

/// Hears that the page goes, before anything is let go of for it, until this is dropped.
pub(crate) struct Leave {
    world: Weak<World>,
    number: u64,
}

impl Leave {
    /// `tell`: whether the page may come back.
    pub(crate) fn new(tell: impl Fn(bool) + 'static) -> Self {
        let Some(world) = current() else { return Self { world: Weak::new(), number: 0 } };
        let number = world.number();
        world.leavers.borrow_mut().insert(number, Rc::new(tell));
        Self { world: Rc::downgrade(&world), number }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            let leaver = world.leavers.borrow_mut().remove(&self.number);
            drop(leaver);
        }
    }
}

pub(super) type Parter = Rc<dyn Fn(Parting)>;

/// Hears of what may be the last that runs on the page, until it is dropped.
pub(crate) struct Leaving {
    world: Weak<World>,
    number: u64,
}

impl Leaving {
    pub(crate) fn new(tell: impl Fn(Parting) + 'static) -> Self {
        let Some(world) = current() else { return Self { world: Weak::new(), number: 0 } };
        let number = world.number();
        world.parters.borrow_mut().insert(number, Rc::new(tell));
        Self { world: Rc::downgrade(&world), number }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            let parter = world.parters.borrow_mut().remove(&self.number);
            drop(parter);
        }
    }
}

impl World {
    /// It goes for good.
    pub(crate) fn goes(self: &Rc<Self>) {
        self.run();
        let leavers: Vec<Leaver> = self.leavers.borrow().values().cloned().collect();
        for leaver in leavers {
            leaver(false);
        }
        self.live(io::Page::Left);
    }

    pub(super) fn part(&self, parting: Parting) {
        let parters: Vec<Parter> = self.parters.borrow().values().cloned().collect();
        for parter in parters {
            parter(parting);
        }
    }

    /// It becomes this.
    pub(crate) fn live(self: &Rc<Self>, page: io::Page) {
        self.activate();
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
        match page {
            io::Page::Hidden | io::Page::Visible => self.part(Parting::Seen),
            // As into the back/forward cache.
            io::Page::Frozen | io::Page::Left => self.part(Parting::Left),
            io::Page::Resumed => self.part(Parting::Back),
            _ => {}
        }
        if page == io::Page::Frozen {
            self.frozen.set(true);
        }
        self.run();
    }
}
