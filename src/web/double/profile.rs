//! What pages of one browser share: storage and locks.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::{Rc, Weak},
};

use super::world::{World, current};
use crate::{
    client::{Area, Backend},
    error::StorageError,
    web::lock::{Granted, Want},
};

pub(super) type Items = RefCell<BTreeMap<String, String>>;
type Listener = Rc<dyn Fn(&str)>;

/// The browser's, for one user.
#[derive(Default)]
pub(super) struct Profile {
    local: Items,
    /// Those that hear of what others write there.
    pub(super) listeners: RefCell<BTreeMap<u64, (Weak<World>, Listener)>>,
    pub(super) locks: Locks,
}

pub(crate) struct Store {
    world: Weak<World>,
    area: Area,
}

impl Store {
    pub(crate) fn of(area: Area) -> Result<Self, StorageError> {
        let world = current().ok_or(StorageError::Unavailable)?;
        Self::in_page(&world, area)
    }

    pub(crate) fn in_page(world: &Rc<World>, area: Area) -> Result<Self, StorageError> {
        if world.blocked.get() {
            return Err(StorageError::Unavailable);
        }
        Ok(Self { world: Rc::downgrade(world), area })
    }

    /// None: the page has gone, and nothing runs there any more.
    fn with<T: Default>(&self, ask: impl FnOnce(&Rc<World>, &Items) -> T) -> Result<T, StorageError> {
        let Some(world) = self.world.upgrade().filter(|world| !world.gone.get()) else {
            return Ok(T::default());
        };
        let items = if self.area == Area::Local { &world.profile.local } else { &*world.session };
        Ok(ask(&world, items))
    }

    /// Other pages hear of it, each in a task of its own.
    fn tell(&self, world: &Rc<World>, name: &str) {
        if self.area == Area::Session {
            return;
        }
        for (other, listener) in world.profile.listeners.borrow().values() {
            if let Some(other) = other.upgrade().filter(|other| !Rc::ptr_eq(other, world)) {
                let (listener, name) = (Rc::clone(listener), name.to_owned());
                other.spawn(async move { listener(&name) });
            }
        }
    }
}

impl Backend for Store {
    fn get_item(&self, name: &str) -> Result<Option<String>, StorageError> {
        self.with(|_, items| items.borrow().get(name).cloned())
    }

    fn set_item(&self, name: &str, value: &str) -> Result<(), StorageError> {
        if self.world.upgrade().is_some_and(|world| world.full.get()) {
            return Err(StorageError::Failed("QuotaExceededError".to_owned()));
        }
        self.with(|world, items| {
            items.borrow_mut().insert(name.to_owned(), value.to_owned());
            self.tell(world, name);
        })
    }

    fn remove_item(&self, name: &str) -> Result<(), StorageError> {
        self.with(|world, items| {
            let removed = items.borrow_mut().remove(name);
            if removed.is_some() {
                self.tell(world, name);
            }
        })
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        self.with(|_, items| items.borrow().keys().cloned().collect())
    }
}

/// Hears of what other pages write into the local storage, by its name, until it is dropped.
pub(crate) struct Stored {
    world: Weak<World>,
    number: u64,
}

impl Stored {
    pub(crate) fn new(tell: impl Fn(&str) + 'static) -> Self {
        let Some(world) = current() else { return Self { world: Weak::new(), number: 0 } };
        let number = world.profile.locks.number();
        world.profile.listeners.borrow_mut().insert(number, (Rc::downgrade(&world), Rc::new(tell)));
        Self { world: Rc::downgrade(&world), number }
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            let listener = world.profile.listeners.borrow_mut().remove(&self.number);
            drop(listener);
        }
    }
}

/// Web Locks.
#[derive(Default)]
pub(super) struct Locks {
    made: Cell<u64>,
    held: RefCell<Vec<(u64, Request)>>,
    waiting: RefCell<VecDeque<(u64, Request, Run)>>,
}

type Run = Box<dyn FnOnce(Granted)>;

struct Request {
    name: String,
    shared: bool,
    if_free: bool,
    world: Weak<World>,
}

impl Locks {
    fn number(&self) -> u64 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    /// Those that can be granted by now are, in their order.
    fn go_on(&self) {
        let mut at = 0;
        loop {
            let granted = {
                let (mut waiting, mut held) = (self.waiting.borrow_mut(), self.held.borrow_mut());
                let Some((_, request, _)) = waiting.get(at) else { return };
                let excludes =
                    |other: &Request| other.name == request.name && !(other.shared && request.shared);
                let free = !held.iter().any(|(_, other)| excludes(other))
                    && !waiting.iter().take(at).any(|(_, other, _)| other.name == request.name);
                if !free && !request.if_free {
                    at += 1;
                    continue;
                }
                let Some((number, request, run)) = waiting.remove(at) else { return };
                let world = request.world.clone();
                if free {
                    held.push((number, request));
                }
                (number, world, run, free)
            };
            let (number, world, run, free) = granted;
            let Some(world) = world.upgrade() else { continue };
            let profile = Rc::downgrade(&world.profile);
            world.spawn(async move {
                let Some(profile) = profile.upgrade() else { return };
                let is_held = profile.locks.held.borrow().iter().any(|(held, _)| *held == number);
                // It may have been let go of before.
                if is_held || !free {
                    run(if free { Granted::Held } else { Granted::No });
                }
            });
        }
    }

    fn end(&self, is: impl Fn(u64, &Request) -> bool) {
        self.held.borrow_mut().retain(|(number, request)| !is(*number, request));
        let (ended, left) =
            self.waiting.take().into_iter().partition(|(number, request, _)| is(*number, request));
        self.waiting.replace(left);
        drop::<VecDeque<_>>(ended);
        self.go_on();
    }

    /// A page has gone, and all of its locks.
    pub(super) fn left(&self, world: &Rc<World>) {
        self.end(|_, request| request.world.ptr_eq(&Rc::downgrade(world)));
    }
}

pub(crate) fn has_locks() -> bool {
    current().is_some()
}

/// A lock that was asked for. Its drop gives the request up, or lets go of the lock.
#[must_use = "a lock that is dropped is let go"]
pub(crate) struct Lock {
    profile: Weak<Profile>,
    number: u64,
}

impl Lock {
    /// `run` is called once, and not from in here; not at all when this is dropped before.
    pub(crate) fn ask(name: &str, want: Want, run: impl FnOnce(Granted) + 'static) -> Self {
        let Some(world) = current() else { return Self { profile: Weak::new(), number: 0 } };
        let locks = &world.profile.locks;
        let number = locks.number();
        let request = Request {
            name: name.to_owned(),
            shared: want == Want::Shared,
            if_free: want == Want::IfFree,
            world: Rc::downgrade(&world),
        };
        locks.waiting.borrow_mut().push_back((number, request, Box::new(run)));
        locks.go_on();
        Self { profile: Rc::downgrade(&world.profile), number }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(profile) = self.profile.upgrade() {
            profile.locks.end(|number, _| number == self.number);
        }
    }
}
