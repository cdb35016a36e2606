//! An executor for one thread, which runs what is ready and no more.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Wake, Waker},
};

type Task = Pin<Box<dyn Future<Output = ()>>>;
/// The tasks that were woken, in order.
type Ready = Arc<Mutex<VecDeque<u64>>>;

#[derive(Default)]
pub(super) struct Tasks {
    waiting: RefCell<BTreeMap<u64, Task>>,
    ready: Ready,
    made: Cell<u64>,
}

/// A waker may go to another thread, where it does no harm.
struct Wakes {
    task: u64,
    ready: Ready,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        locked(&self.ready).push_back(self.task);
    }
}

fn locked(ready: &Ready) -> MutexGuard<'_, VecDeque<u64>> {
    ready.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tasks {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let id = self.made.get();
        self.made.set(id + 1);
        self.waiting.borrow_mut().insert(id, Box::pin(task));
        locked(&self.ready).push_back(id);
    }

    /// Lets the first of those that are ready go on. False: there is none.
    pub(super) fn step(&self) -> bool {
        let Some(id) = locked(&self.ready).pop_front() else { return false };
        let task = self.waiting.borrow_mut().remove(&id);
        // One that was woken twice may have ended.
        let Some(mut task) = task else { return true };
        let waker = Waker::from(Arc::new(Wakes { task: id, ready: Arc::clone(&self.ready) }));
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.waiting.borrow_mut().insert(id, task);
        }
        true
    }

    pub(super) fn clear(&self) {
        let tasks = self.waiting.take();
        drop(tasks);
    }
}
