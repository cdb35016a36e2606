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
    life::{Leaver, Watcher},
    links::Asked,
    tasks::Tasks,
};

/// The time of day when a page begins: 2026-01-01T00:00:00Z, in ms since 1970.
const BEGAN: f64 = 1_767_225_600_000.0;
/// A page has been loading for so long when its scripts begin.
const LOADED: Duration = Duration::from_millis(100);
/// What waits for longer than this waits for ever.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

thread_local! {
    /// The pages of this thread, the newest last.
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
    pub(super) session: RefCell<BTreeMap<String, String>>,
}

impl World {
    /// From here on it is this thread's page.
    pub(crate) fn enter(address: &str, seed: u64) -> Rc<Self> {
        let world = Rc::new(Self {
            address: RefCell::new(address.to_owned()),
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
            session: RefCell::default(),
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

    /// It is over, with all that waits.
    pub(crate) fn leave(self: &Rc<Self>) {
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
        BEGAN + self.elapsed().as_secs_f64() * 1_000.0
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
    pub(crate) fn run(&self) {
        if self.running.replace(true) {
            return;
        }
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
    pub(crate) fn advance(&self, time: Duration) {
        let until = self.now.get().saturating_add(time);
        self.run();
        while self.next(until) {}
        self.now.set(until);
    }

    /// Goes on to the next timer, if it is due by then.
    fn next(&self, until: Duration) -> bool {
        if self.running.get() || self.frozen.get() {
            return false;
        }
        self.running.set(true);
        let fired = self.fire(until);
        self.running.set(false);
        self.run();
        fired
    }

    /// What `look` finds, now or when the clock has gone on. None: nothing is left to run that could bring it.
    pub(crate) fn wait<T>(&self, moves: bool, mut look: impl FnMut() -> Option<T>) -> Option<T> {
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

    pub(crate) fn block_on<T>(&self, moves: bool, future: impl Future<Output = T>) -> Option<T> {
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
