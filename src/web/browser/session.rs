//! What the session's next page finds.

use js_sys::{Reflect, global};
use wasm_bindgen::JsCast;
use web_sys::Storage;

/// None where there is no page, or where it was refused its storage: then to ask for it throws.
fn storage() -> Option<Storage> {
    let storage = Reflect::get(&global(), &"sessionStorage".into()).ok()?;
    storage.is_object().then(|| storage.unchecked_into())
}

pub(crate) fn session(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// `None` removes it. It may be full: then the next page begins anew.
pub(crate) fn set_session(key: &str, value: Option<&str>) {
    if let Some(storage) = storage() {
        let _ = match value {
            Some(value) => storage.set_item(key, value),
            None => storage.remove_item(key),
        };
    }
}
