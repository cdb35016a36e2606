//! The page's clock, its timers and its tasks.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    pin::pin,
    rc::{Rc, Weak},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use super::{
    beside::Exchange,
    life::{Leaver, Parter, Watcher},
    links::Asked,
    profile::{Items, Profile},
    tasks::Tasks,
};
use crate::web::per_page::{Parting, PerPage};

/// The time of day when a page begins: 2026-01-01T00:00:00Z, in ms since 1970.
const BEGAN: f64 = 1_767_225_600_000.0;
/// A page has been loading for so long when its scripts begin.
const LOADED: Duration = Duration::from_millis(100);
/// What waits for longer than this waits for ever.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

thread_local! {
    /// The pages of this thread; the last is the one that runs, or ran last.
    static PAGES: RefCell<Vec<Weak<World>>> = const { RefCell::new(Vec::new()) };
}

/// The page of this thread, if there is one.
pub(crate) fn current() -> Option<Rc<World>> {
    PAGES.try_with(|pages| pages.borrow().last().and_then(Weak::upgrade)).ok().flatten()
}

type Job = Box<dyn FnOnce()>;

pub(crate) struct World {
    address: RefCell<String>,
    now: Cell<Duration>,
    draws: Cell<u64>,
    timers: RefCell<BTreeMap<(Duration, u64), Job>>,
    made: Cell<u64>,
    tasks: Tasks,
    /// What is run runs nothing itself.
    running: Cell<bool>,
    pub(super) watchers: RefCell<BTreeMap<u64, Watcher>>,
    /// Those that hear first that the page goes.
    pub(super) leavers: RefCell<BTreeMap<u64, Leaver>>,
    pub(super) hidden: Cell<bool>,
    pub(super) offline: Cell<bool>,
    /// Nothing runs.
    pub(super) frozen: Cell<bool>,
    /// Connections that no server has answered yet.
    pub(super) asked: RefCell<VecDeque<Asked>>,
    /// So requests beside them.
    pub(super) exchanges: RefCell<VecDeque<Exchange>>,
    warnings: RefCell<Vec<String>>,
    pub(super) profile: Rc<Profile>,
    /// The tab's own storage.
    pub(super) session: Rc<Items>,
    pub(super) per_page: Rc<PerPage>,
    pub(super) parters: RefCell<BTreeMap<u64, Parter>>,
    /// The time of day when it began.
    began: f64,
    /// There is no storage, or it has no room.
    pub(super) blocked: Cell<bool>,
    pub(super) full: Cell<bool>,
    /// It is over: nothing runs.
    pub(super) gone: Cell<bool>,
}

impl World {
    /// From here on it is this thread's page.
    pub(crate) fn enter(address: &str, seed: u64) -> Rc<Self> {
        Self::make(address.to_owned(), seed, BEGAN, Rc::default(), Rc::default())
    }

    /// Another page of the same browser: a tab of its own, or in the place of this one, which is left or killed.
    pub(crate) fn another(self: &Rc<Self>, left: Option<bool>) -> Rc<Self> {
        let (address, profile) = (self.address(), Rc::clone(&self.profile));
        let session = if left.is_some() { Rc::clone(&self.session) } else { Rc::default() };
        match left {
            Some(true) => {
                self.goes();
                self.leave();
            }
            Some(false) => {
                drop(self.parters.take());
                self.leave();
            }
            None => {}
        }
        // It takes its time to load.
        let began = self.wall() + LOADED.as_secs_f64() * 1_000.0;
        Self::make(address, self.draw(), began, profile, session)
    }

    fn make(address: String, seed: u64, began: f64, profile: Rc<Profile>, session: Rc<Items>) -> Rc<Self> {
        let world = Rc::new(Self {
            profile,
            session,
            per_page: Rc::default(),
            parters: RefCell::default(),
            began,
            blocked: Cell::new(false),
            full: Cell::new(false),
            gone: Cell::new(false),
            address: RefCell::new(address),
            now: Cell::new(LOADED),
            draws: Cell::new(seed),
            timers: RefCell::default(),
            made: Cell::new(0),
            tasks: Tasks::default(),
            running: Cell::new(false),
            watchers: RefCell::default(),
            leavers: RefCell::default(),
            hidden: Cell::new(false),
            offline: Cell::new(false),
            frozen: Cell::new(false),
            asked: RefCell::default(),
            exchanges: RefCell::default(),
            warnings: RefCell::default(),
        });
        PAGES.with(|pages| pages.borrow_mut().push(Rc::downgrade(&world)));
        world
    }

    pub(crate) fn set_address(&self, address: String) {
        self.address.replace(address);
    }

    pub(super) fn address(&self) -> String {
        self.address.borrow().clone()
    }

    pub(crate) fn set_seed(&self, seed: u64) {
        self.draws.set(seed);
    }

    /// The first connection that no server has answered and the client still waits for.
    pub(crate) fn next_asked(&self) -> Option<Asked> {
        let mut asked = self.asked.borrow_mut();
        while let Some(first) = asked.pop_front() {
            if first.is_current() {
                return Some(first);
            }
        }
        None
    }

    /// The first request beside a connection that no server has answered and the client, or a page that went, still waits for.
    pub(crate) fn next_exchange(&self) -> Option<Exchange> {
        let mut exchanges = self.exchanges.borrow_mut();
        while let Some(first) = exchanges.pop_front() {
            if first.is_waiting() {
                return Some(first);
            }
        }
        None
    }

    pub(crate) fn block_storage(&self) {
        self.blocked.set(true);
    }

    pub(crate) fn fill_storage(&self) {
        self.full.set(true);
    }

    /// From here on calls are of this page.
    pub(crate) fn activate(self: &Rc<Self>) {
        let this = Rc::downgrade(self);
        PAGES.with(|pages| {
            let mut pages = pages.borrow_mut();
            if let Some(at) = pages.iter().position(|page| page.ptr_eq(&this)) {
                let page = pages.remove(at);
                pages.push(page);
            }
        });
    }

    /// It is over, with all that waits.
    pub(crate) fn leave(self: &Rc<Self>) {
        if self.gone.get() {
            return;
        }
        self.activate();
        self.part(Parting::Left);
        self.gone.set(true);
        self.profile.locks.left(self);
        self.tasks.clear();
        drop(self.timers.take());
        drop((self.asked.take(), self.exchanges.take()));
        let this = Rc::downgrade(self);
        let _ = PAGES.try_with(|pages| pages.borrow_mut().retain(|page| !page.ptr_eq(&this)));
    }

    pub(super) fn monotonic(&self) -> f64 {
        self.now.get().as_secs_f64() * 1_000.0
    }

    pub(super) fn wall(&self) -> f64 {
        self.began + self.elapsed().as_secs_f64() * 1_000.0
    }

    /// Since the page began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now.get().saturating_sub(LOADED)
    }

    /// SplitMix64: the same from the same seed.
    pub(super) fn draw(&self) -> u64 {
        let state = self.draws.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.draws.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn warn(&self, text: &str) {
        self.warnings.borrow_mut().push(text.to_owned());
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().clone()
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.tasks.spawn(task);
    }

    /// The numbers of what is made, which ascend.
    pub(super) fn number(&self) -> u64 {
        let number = self.made.get();
        self.made.set(number + 1);
        number
    }

    /// Runs what is ready, and what that makes ready, until nothing is. The clock stands still.
    pub(crate) fn run(self: &Rc<Self>) {
        if self.running.replace(true) {
            return;
        }
        self.activate();
        while !self.frozen.get() && (self.tasks.step() || self.fire(self.now.get())) {}
        self.running.set(false);
    }

    /// Runs the first timer that is due by then, on its time. False: none is.
    fn fire(&self, by: Duration) -> bool {
        let first = {
            let mut timers = self.timers.borrow_mut();
            timers.first_entry().filter(|first| first.key().0 <= by).map(|first| first.remove_entry())
        };
        let Some(((due, _), job)) = first else { return false };
        self.now.set(due.max(self.now.get()));
        job();
        true
    }

    /// Up to then, with all that becomes due on the way.
    pub(crate) fn advance(self: &Rc<Self>, time: Duration) {
        let until = self.now.get().saturating_add(time);
        self.run();
        while self.next(until) {}
        self.now.set(until);
    }

    /// Goes on to the next timer, if it is due by then.
    fn next(self: &Rc<Self>, until: Duration) -> bool {
        if self.running.get() || self.frozen.get() {
            return false;
        }
        self.running.set(true);
        self.activate();
        let fired = self.fire(until);
        self.running.set(false);
        self.run();
        fired
    }

    /// What `look` finds, now or when the clock has gone on. None: nothing is left to run that could bring it.
    pub(crate) fn wait<T>(self: &Rc<Self>, moves: bool, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let until = self.now.get().saturating_add(LONGEST);
        loop {
            self.run();
            if let Some(found) = look() {
                return Some(found);
            }
            if !(moves && self.next(until)) {
                return None;
            }
        }
    }

    pub(crate) fn block_on<T>(self: &Rc<Self>, moves: bool, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        self.wait(moves, move || {
            while woken.0.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Some(done);
                }
                self.run();
            }
            None
        })
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A timer. Its drop clears it.
#[must_use = "a timer that is dropped does not fire"]
pub(crate) struct Timer {
    world: Weak<World>,
    key: (Duration, u64),
}

impl Timer {
    pub(crate) fn new(ms: u32, done: impl FnOnce() + 'static) -> Self {
        Self::after(Duration::from_millis(ms.into()), done)
    }

    pub(super) fn after(time: Duration, done: impl FnOnce() + 'static) -> Self {
        let Some(world) = current() else { return Self { world: Weak::new(), key: (time, 0) } };
        let key = (world.now.get().saturating_add(time), world.number());
        world.timers.borrow_mut().insert(key, Box::new(done));
        Self { world: Rc::downgrade(&world), key }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            let job = world.timers.borrow_mut().remove(&self.key);
            drop(job);
        }
    }
}

/// The page's turn: a task of its own.
pub(crate) async fn turn() {
    sleep(Duration::ZERO).await;
}

pub(crate) async fn sleep(time: Duration) {
    let over = Rc::new(Cell::new(false));
    let waker = Rc::<RefCell<Option<Waker>>>::default();
    let (is_over, wakes) = (Rc::clone(&over), Rc::clone(&waker));
    let _timer = Timer::after(time, move || {
        is_over.set(true);
        let waker = wakes.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    poll_fn(|cx| {
        if over.get() {
            return Poll::Ready(());
        }
        waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    })
    .await;
}
