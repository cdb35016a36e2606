//! Waiting for what must happen. Nothing here waits for time to pass.

use std::{future::Future, pin::pin};

use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;

const LIMIT: u32 = 18_000;
/// How often a condition is looked at.
const LOOK: u32 = 5;

/// The future's answer, or a panic that says what did not happen.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timed(future).await.unwrap_or_else(|| panic!("waited {LIMIT} ms for {what}"))
}

/// `None` when it took too long.
pub(crate) async fn timed<T>(future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), TimeoutFuture::new(LIMIT)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}

pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    within(what, holds(async || condition())).await;
}

/// For conditions that have to ask somebody.
pub(crate) async fn holds(condition: impl AsyncFn() -> bool) {
    while !condition().await {
        TimeoutFuture::new(LOOK).await;
    }
}
