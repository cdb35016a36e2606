//! A future of the app's that is given up when nobody asks any more.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use super::page;

/// It runs beside the app's own. Its drop gives it up: what it holds is dropped there and then.
pub(crate) struct Task(Option<Rc<Inner>>);

struct Inner {
    future: RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>,
    over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Task {
    pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) -> Self {
        let inner = Rc::new(Inner {
            future: RefCell::new(Some(Box::pin(future))),
            over: Cell::new(false),
            waker: RefCell::default(),
        });
        let running = Rc::clone(&inner);
        page::spawn(poll_fn(move |cx| running.poll(cx)));
        Self(Some(inner))
    }

    /// Nothing gives it up any more.
    pub(crate) fn detach(mut self) {
        let inner = self.0.take();
        drop(inner);
    }
}

impl Inner {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Not in its place while it runs: it may be what gives itself up.
        let future = self.future.take();
        let Some(mut future) = future else { return Poll::Ready(()) };
        let done = future.as_mut().poll(cx).is_ready();
        if done || self.over.get() {
            return Poll::Ready(());
        }
        let before = (self.waker.replace(Some(cx.waker().clone())), self.future.replace(Some(future)));
        drop(before);
        Poll::Pending
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let Some(inner) = &self.0 else { return };
        inner.over.set(true);
        let (future, waker) = (inner.future.take(), inner.waker.take());
        drop(future);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
