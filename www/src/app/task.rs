//! `/task`: something that takes long and says how far it is.

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::jobs::{Jobs, Work};
use super::requests::Asked;
use super::{Shared, sse};

/// Event n says n percent.
pub(super) const LAST: u64 = 100;

pub(super) fn event(id: &str, n: u64) -> String {
    sse::event(Some("progress"), Some(id), &json!({ "progress": n }).to_string())
}

#[derive(Deserialize)]
pub(super) struct TaskQuery {
    /// Milliseconds from one percent to the next.
    #[serde(default = "hundred")]
    delay: u64,
    #[serde(default)]
    cut: u64,
}

fn hundred() -> u64 {
    100
}

pub(super) async fn start(State(app): Shared, Query(query): Query<TaskQuery>, _: Asked) -> Response {
    Jobs::start(&app, Work::Task, query.delay, query.cut)
}
