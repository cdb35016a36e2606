//! Web Locks, which web-sys has as unstable only.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortController;

use super::get;
use crate::web::lock::{Granted, Want};

#[wasm_bindgen]
extern "C" {
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, options: &Object, run: &Function) -> Result<Promise, JsValue>;
}

fn manager() -> Option<LockManager> {
    let locks = get(&get(&js_sys::global(), "navigator"), "locks");
    locks.is_object().then(|| locks.unchecked_into())
}

/// A page has them over https: and on localhost.
pub(crate) fn has_locks() -> bool {
    manager().is_some()
}

/// A lock that was asked for. Its drop gives the request up, or lets go of the lock.
#[must_use = "a lock that is dropped is let go"]
pub(crate) struct Lock(Rc<State>);

#[derive(Default)]
struct State {
    over: Cell<bool>,
    abort: RefCell<Option<AbortController>>,
    release: RefCell<Option<Function>>,
}

impl Lock {
    /// `run` is called once, and not from in here; not at all when this is dropped before.
    pub(crate) fn ask(name: &str, want: Want, run: impl FnOnce(Granted) + 'static) -> Self {
        let state = Rc::<State>::default();
        let options = Object::new();
        let set = |key: &str, value: &JsValue| drop(Reflect::set(&options, &key.into(), value));
        match want {
            Want::Shared => set("mode", &"shared".into()),
            Want::Alone => {}
            Want::IfFree => set("ifAvailable", &true.into()),
        }
        // A request that does not wait takes no signal.
        if want != Want::IfFree
            && let Ok(abort) = AbortController::new()
        {
            set("signal", &abort.signal());
            state.abort.replace(Some(abort));
        }
        let run = Rc::new(Cell::new(Some(run)));
        let (granted, runs) = (Rc::clone(&state), Rc::clone(&run));
        let callback = Closure::<dyn Fn(JsValue) -> JsValue>::new(move |lock: JsValue| {
            if granted.over.get() {
                return JsValue::UNDEFINED;
            }
            if lock.is_null() {
                tell(&runs, Granted::No);
                return JsValue::UNDEFINED;
            }
            let held = Promise::new(&mut |resolve, _| drop(granted.release.replace(Some(resolve))));
            tell(&runs, Granted::Held);
            held.into()
        });
        let request =
            manager().and_then(|locks| locks.request(name, &options, callback.as_ref().unchecked_ref()).ok());
        let asked = Rc::clone(&state);
        super::spawn(async move {
            // So long the browser may call it.
            let ended = match request {
                Some(promise) => JsFuture::from(promise).await.is_ok(),
                None => false,
            };
            drop(callback);
            if !ended && !asked.over.get() {
                tell(&run, Granted::Failed);
            }
        });
        Self(state)
    }
}

fn tell<F: FnOnce(Granted)>(run: &Cell<Option<F>>, granted: Granted) {
    if let Some(run) = run.take() {
        run(granted);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.over.set(true);
        let (release, abort) = (self.0.release.take(), self.0.abort.take());
        if let Some(release) = release {
            let _ = release.call0(&JsValue::UNDEFINED);
        } else if let Some(abort) = abort {
            abort.abort();
        }
    }
}
