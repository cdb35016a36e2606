//! The page's life: hidden and visible, online and offline, frozen, in the back/forward cache, gone.

use std::{cell::RefCell, rc::Rc};

use js_sys::global;
use wasm_bindgen::prelude::*;
use web_sys::{EventTarget, MutationObserver, MutationObserverInit};

use super::{
    get,
    scope::{Listener, bury},
};
use crate::{core::io, web::per_page::Parting};

/// What the page is now.
pub(crate) struct Page {
    pub(crate) hidden: bool,
    pub(crate) offline: bool,
}

pub(crate) fn now() -> Page {
    let offline = get(&get(&global(), "navigator"), "onLine").as_bool() == Some(false);
    Page { hidden: visibility().as_deref() == Some("hidden"), offline }
}

/// There is a document, and somebody may look at it.
pub(crate) fn is_visible() -> bool {
    visibility().as_deref() == Some("visible")
}

fn visibility() -> Option<String> {
    get(&get(&global(), "document"), "visibilityState").as_string()
}

fn looked_at() -> io::Page {
    if visibility().as_deref() == Some("hidden") { io::Page::Hidden } else { io::Page::Visible }
}

type Listeners = Rc<RefCell<Vec<Listener>>>;

/// Listeners that a document.open() does not take off for good.
struct Ears {
    _listeners: Listeners,
    reopened: Option<(MutationObserver, Closure<dyn Fn()>)>,
}

impl Ears {
    fn new(listeners: Listeners) -> Self {
        let document = get(&global(), "document");
        let reopened = document.dyn_ref::<web_sys::Node>().and_then(|document| {
            let again = Rc::downgrade(&listeners);
            let closure = Closure::<dyn Fn()>::new(move || {
                if let Some(listeners) = again.upgrade() {
                    for listener in listeners.borrow().iter() {
                        listener.add();
                    }
                }
            });
            let observer = MutationObserver::new(closure.as_ref().unchecked_ref()).ok()?;
            let children = MutationObserverInit::new();
            children.set_child_list(true);
            observer.observe_with_options(document, &children).ok()?;
            Some((observer, closure))
        });
        Self { _listeners: listeners, reopened }
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        if let Some((observer, closure)) = self.reopened.take() {
            observer.disconnect();
            bury(closure);
        }
    }
}

/// Listens to it until it is dropped.
pub(crate) struct Watch {
    _ears: Ears,
}

/// Hears of what may be the last that runs on the page, until it is dropped.
pub(crate) struct Leaving {
    _ears: Ears,
}

impl Leaving {
    pub(crate) fn new(tell: impl Fn(Parting) + 'static) -> Self {
        let tell = Rc::new(tell);
        let window: EventTarget = global().unchecked_into();
        let mut listeners = Vec::new();
        let mut on = |target: &EventTarget, name: &str, is: fn(bool) -> Option<Parting>| {
            let tell = Rc::clone(&tell);
            listeners.push(Listener::new(target, name, move |event| {
                if let Some(is) = is(get(&event, "persisted").is_truthy()) {
                    tell(is);
                }
            }));
        };
        on(&window, "pagehide", |_| Some(Parting::Left));
        on(&window, "pageshow", |kept| kept.then_some(Parting::Back));
        let document = get(&window, "document");
        if document.is_object() {
            on(document.unchecked_ref(), "visibilitychange", |_| Some(Parting::Seen));
        }
        Self { _ears: Ears::new(Rc::new(RefCell::new(listeners))) }
    }
}

impl Watch {
    /// `all`: not only the end of a page that others can hold.
    pub(crate) fn new(all: bool, tell: impl Fn(io::Page) + 'static) -> Self {
        let tell = Rc::new(tell);
        let listeners = Listeners::default();
        let window: EventTarget = global().unchecked_into();
        let document = get(&window, "document");
        let on = |target: &EventTarget, name: &str, is: fn(bool) -> Option<io::Page>| {
            let tell = Rc::clone(&tell);
            let listener = Listener::new(target, name, move |event| {
                if let Some(is) = is(get(&event, "persisted").is_truthy()) {
                    tell(is);
                }
            });
            listeners.borrow_mut().push(listener);
        };
        // Others see into a frame or a popup, and hold what is in it when it has gone.
        let held = get(&window, "opener").is_truthy() || get(&window, "parent") != get(&window, "window");
        if held && document.is_object() {
            let (tell, page) = (Rc::clone(&tell), document.clone().unchecked_into::<EventTarget>());
            let more = Rc::downgrade(&listeners);
            let listener = Listener::new(&window, "pagehide", move |event| {
                if get(&event, "persisted").is_truthy() {
                    return;
                }
                // Last of all: an app's own listeners may have something to send.
                if looked_at() == io::Page::Hidden {
                    return tell(io::Page::Gone);
                }
                let tell = Rc::clone(&tell);
                let listener = Listener::new(&page, "visibilitychange", move |_| tell(io::Page::Gone));
                if let Some(listeners) = more.upgrade() {
                    listeners.borrow_mut().push(listener);
                }
            });
            listeners.borrow_mut().push(listener);
        }
        if all {
            on(&window, "online", |_| Some(io::Page::Online));
            on(&window, "offline", |_| Some(io::Page::Offline));
        }
        if all && document.is_object() {
            let page: &EventTarget = document.unchecked_ref();
            on(&window, "pagehide", |kept| Some(if kept { io::Page::Frozen } else { io::Page::Left }));
            on(&window, "pageshow", |kept| kept.then_some(io::Page::Resumed));
            on(page, "freeze", |_| Some(io::Page::Frozen));
            on(page, "resume", |_| Some(io::Page::Resumed));
            on(page, "visibilitychange", |_| Some(looked_at()));
        }
        Self { _ears: Ears::new(listeners) }
    }
}

/// Hears that the page goes, before anything is let go of for it, until this is dropped.
pub(crate) struct Leave(#[allow(dead_code, reason = "it listens as long as it lives")] Listener);

impl Leave {
    /// `tell`: whether the page may come back.
    pub(crate) fn new(tell: impl Fn(bool) + 'static) -> Self {
        let window: EventTarget = global().unchecked_into();
        Self(Listener::capturing(&window, "pagehide", move |event| {
            tell(get(&event, "persisted").is_truthy())
        }))
    }
}
