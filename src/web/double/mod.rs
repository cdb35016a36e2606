//! Off the web there is no page. This one stands in its place: its clock is virtual, a test leads its life and plays the servers
//! (`test_util`). Where no test has made one, there is nothing to connect with.
//!
//! As in the browser, no borrow is held across a call to who is told: it may come back in.

#![cfg_attr(not(any(test, feature = "test-util")), allow(dead_code, reason = "tests make it live"))]

mod beside;
mod life;
mod links;
mod profile;
mod target;
mod tasks;
mod world;

#[cfg(any(test, feature = "test-util"))]
pub(crate) use self::beside::Exchange;
#[cfg(any(test, feature = "test-util"))]
pub(crate) use self::links::{Asked, Response, find};
#[cfg(any(test, feature = "test-util"))]
pub(crate) use self::world::{World, sleep};
pub(crate) use self::{
    beside::{ask, post},
    life::{Leave, Leaving, Page, Watch, is_visible, now},
    links::{Headers, Link, Socket},
    profile::{Lock, Store, Stored, has_locks},
    target::{Target, origin, origin_of},
    world::{Timer, current, turn},
};
use std::rc::Rc;

use crate::{transport::Transport, web::per_page::PerPage};

/// Whether there is a page that could connect.
pub(crate) fn exists() -> bool {
    current().is_some()
}

/// In ms.
pub(crate) fn monotonic() -> f64 {
    current().map_or(0.0, |world| world.monotonic())
}

/// In ms since 1970.
pub(crate) fn wall() -> f64 {
    current().map_or(0.0, |world| world.wall())
}

/// From 0 to below 1.
pub(crate) fn random() -> f64 {
    // As many bits as a double holds.
    current().map_or(0.0, |world| (world.draw() >> 11) as f64 / (1u64 << 53) as f64)
}

pub(crate) fn secret() -> u64 {
    current().map_or(0, |world| world.draw())
}

pub(crate) fn warn(text: &str) {
    if let Some(world) = current() {
        world.warn(text);
    }
}

/// What its clients share.
pub(crate) fn per_page() -> Rc<PerPage> {
    current().map_or_else(Rc::default, |world| Rc::clone(&world.per_page))
}

/// Which page this is, of all.
pub(crate) fn began() -> String {
    current().map_or_else(String::new, |world| (world.wall() - world.monotonic()).to_string())
}

pub(crate) fn supports(_: Transport) -> bool {
    exists()
}

pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    if let Some(world) = current() {
        world.spawn(task);
    }
}
