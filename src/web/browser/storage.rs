//! The page's storages.

use wasm_bindgen::prelude::*;

use super::{get, scope::Listener};
use crate::{
    client::{Area, Backend},
    error::StorageError,
};

pub(crate) struct Store(web_sys::Storage);

impl Store {
    /// A browser that forbids it throws here.
    pub(crate) fn of(area: Area) -> Result<Self, StorageError> {
        let name = match area {
            Area::Session => "sessionStorage",
            Area::Local => "localStorage",
        };
        let found = js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str(name));
        let storage = found.ok().filter(JsValue::is_object).ok_or(StorageError::Unavailable)?;
        Ok(Self(storage.unchecked_into()))
    }
}

impl Backend for Store {
    fn get_item(&self, name: &str) -> Result<Option<String>, StorageError> {
        self.0.get_item(name).map_err(failed)
    }

    fn set_item(&self, name: &str, value: &str) -> Result<(), StorageError> {
        self.0.set_item(name, value).map_err(failed)
    }

    fn remove_item(&self, name: &str) -> Result<(), StorageError> {
        self.0.remove_item(name).map_err(failed)
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        let length = self.0.length().map_err(failed)?;
        (0..length).filter_map(|at| self.0.key(at).map_err(failed).transpose()).collect()
    }
}

/// Not in its words, where they hold the name that was asked for (Chromium's do).
#[allow(clippy::needless_pass_by_value, reason = "as map_err takes it")]
fn failed(error: JsValue) -> StorageError {
    StorageError::Failed(get(&error, "name").as_string().unwrap_or_else(|| "Error".to_owned()))
}

/// Hears of what other pages write into `localStorage`, by its name, until it is dropped.
pub(crate) struct Stored {
    _listener: Listener,
}

impl Stored {
    pub(crate) fn new(tell: impl Fn(&str) + 'static) -> Self {
        let window: web_sys::EventTarget = js_sys::global().unchecked_into();
        Self {
            _listener: Listener::new(&window, "storage", move |event| {
                if let Some(name) = get(&event, "key").as_string() {
                    tell(&name);
                }
            }),
        }
    }
}
