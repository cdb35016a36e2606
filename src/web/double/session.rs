//! What the session's next page finds.

use super::world::current;

pub(crate) fn session(key: &str) -> Option<String> {
    current()?.session.borrow().get(key).cloned()
}

/// `None` removes it.
pub(crate) fn set_session(key: &str, value: Option<&str>) {
    let Some(world) = current() else { return };
    let mut session = world.session.borrow_mut();
    match value {
        Some(value) => drop(session.insert(key.to_owned(), value.to_owned())),
        None => drop(session.remove(key)),
    }
}
