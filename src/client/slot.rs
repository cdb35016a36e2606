//! A value that comes later, for one who waits.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll, Waker},
};

#[derive(Debug)]
struct Inner<T> {
    value: Option<T>,
    wakers: Vec<Waker>,
}

/// A clone waits for the same value.
#[derive(Debug)]
pub(crate) struct Slot<T>(Rc<RefCell<Inner<T>>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(Inner { value: None, wakers: Vec::new() })))
    }
}

impl<T: Clone> Slot<T> {
    /// The first value counts.
    pub(crate) fn set(&self, value: T) {
        let wakers = {
            let mut inner = self.0.borrow_mut();
            inner.value.get_or_insert(value);
            std::mem::take(&mut inner.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn get(&self) -> Option<T> {
        self.0.borrow().value.clone()
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.borrow().value.is_some()
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<T> {
        let mut inner = self.0.borrow_mut();
        match &inner.value {
            Some(value) => Poll::Ready(value.clone()),
            None => {
                if !inner.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    inner.wakers.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}
