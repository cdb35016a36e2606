//! What ends with the value: a listener, a timer.

use std::{any::Any, cell::Cell, rc::Rc};

use gloo_timers::callback::Timeout;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, EventTarget, MessageChannel};

use super::monotonic;

/// A listener. Its drop takes it off.
#[must_use = "a listener that is dropped hears nothing"]
pub(super) struct Listener {
    target: EventTarget,
    name: String,
    /// Before those that do not capture.
    captures: bool,
    closure: Option<Closure<dyn Fn(Event)>>,
}

impl Listener {
    pub(super) fn new(target: &EventTarget, name: &str, heard: impl Fn(Event) + 'static) -> Self {
        Self::of(target, name, false, heard)
    }

    pub(super) fn capturing(target: &EventTarget, name: &str, heard: impl Fn(Event) + 'static) -> Self {
        Self::of(target, name, true, heard)
    }

    fn of(target: &EventTarget, name: &str, captures: bool, heard: impl Fn(Event) + 'static) -> Self {
        let (target, name) = (target.clone(), name.to_owned());
        let listener = Self { target, name, captures, closure: Some(Closure::new(heard)) };
        listener.add();
        listener
    }

    /// document.open() takes all listeners off the window and the document. To add one that is there does nothing.
    pub(super) fn add(&self) {
        if let Some(closure) = &self.closure {
            // It throws for what is no event target: then there is nothing to hear.
            let _ = self.target.add_event_listener_with_callback_and_bool(
                &self.name,
                closure.as_ref().unchecked_ref(),
                self.captures,
            );
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(closure) = self.closure.take() {
            let _ = self.target.remove_event_listener_with_callback_and_bool(
                &self.name,
                closure.as_ref().unchecked_ref(),
                self.captures,
            );
            bury(closure);
        }
    }
}

/// Drops it in a microtask: it may be what is running.
pub(super) fn bury(closure: impl Sized + 'static) {
    let closure: Box<dyn Any> = Box::new(closure);
    super::spawn(async move { drop(closure) });
}

/// A timer. Its drop clears it.
#[must_use = "a timer that is dropped does not fire"]
pub(crate) struct Timer(Option<Timeout>);

impl Timer {
    /// `ms`: at most 2^31-1; browsers take more for none.
    pub(crate) fn new(ms: u32, done: impl FnOnce() + 'static) -> Self {
        Self::of(ms, Box::new(done))
    }

    // Of one type for all, for the size.
    fn of(ms: u32, done: Box<dyn FnOnce()>) -> Self {
        Self(Some(Timeout::new(ms.min(i32::MAX as u32), done)))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(timeout) = self.0.take() {
            timeout.cancel();
        }
    }
}

/// The page's turn: a task of its own. Not a timer, which browsers throttle.
pub(crate) async fn turn() {
    let Ok(channel) = MessageChannel::new() else { return };
    let port = channel.port1();
    let came = Promise::new(&mut |resolve, _| port.set_onmessage(Some(&resolve)));
    if channel.port2().post_message(&JsValue::NULL).is_ok() {
        let _ = JsFuture::from(came).await;
    }
    port.close();
}

/// When events came, on the monotonic clock: as they say, if that is what they say. jsdom's bear the time of day.
#[derive(Clone, Default)]
pub(super) struct Stamps(Rc<Cell<bool>>);

impl Stamps {
    pub(super) fn opened(&self, event: &Event) {
        self.0.set((monotonic() - event.time_stamp()).abs() < 1_000.0);
    }

    pub(super) fn at(&self, event: &Event) -> f64 {
        if self.0.get() { event.time_stamp() } else { monotonic() }
    }
}
