//! The control API: faults by name. Each answer comes when the fault is in force.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::bounds::{LONGEST_FAULT, MOST_REPLAYS};
use crate::faults::{Faults, Timed};

#[derive(Deserialize)]
struct Params {
    ms: Option<u64>,
    down: Option<u64>,
    n: Option<u64>,
    direction: Option<String>,
}

impl Params {
    /// Says what is too much: no number of an address keeps the server busy or down for ever.
    fn check(&self) -> Result<(), String> {
        for (name, value, most) in
            [("ms", self.ms, LONGEST_FAULT), ("down", self.down, LONGEST_FAULT), ("n", self.n, MOST_REPLAYS)]
        {
            if value.is_some_and(|value| value > most) {
                return Err(format!("{name} is at most {most}"));
            }
        }
        Ok(())
    }
}

pub(crate) fn router(faults: Arc<Faults>) -> Router {
    Router::new()
        .route("/fault/{name}", post(fault))
        .route("/proxy/stats", get(proxy_stats))
        .route("/proxy/{name}", post(proxy))
        .route("/stats", get(app_stats))
        .with_state(faults)
}

async fn fault(
    State(faults): State<Arc<Faults>>,
    Path(name): Path<String>,
    Query(params): Query<Params>,
) -> Response {
    perform(name, async move |name: String| {
        params.check()?;
        match name.as_str() {
            "drop" => faults.drop_all().await,
            "restart" => faults.restart(params.down.unwrap_or(300)).await?,
            "stall" => faults.begin(Timed::Stall, params.ms.unwrap_or(0)).await,
            "refuse" => faults.begin(Timed::Refuse, params.ms.unwrap_or(10_000)).await,
            "503" => faults.begin(Timed::Unavailable, params.ms.unwrap_or(5_000)).await,
            "replay" => faults.replay(params.n.unwrap_or(1)).await?,
            "clear" => faults.clear().await?,
            _ => return Err(format!("there is no fault {name:?}")),
        }
        Ok(())
    })
    .await
}

async fn proxy(
    State(faults): State<Arc<Faults>>,
    Path(name): Path<String>,
    Query(params): Query<Params>,
) -> Response {
    perform(name, async move |name: String| {
        params.check()?;
        match name.as_str() {
            "reset" => faults.drop_all().await,
            "half-close" => faults.half_close().await,
            "black-hole" => faults.black_hole(params.direction.as_deref().unwrap_or("both"))?,
            "delay" => faults.delay(params.ms.unwrap_or(0)),
            "refuse" => faults.begin(Timed::Refuse, 0).await,
            _ => return Err(format!("there is no proxy fault {name:?}")),
        }
        Ok(())
    })
    .await
}

/// On a task of its own: a client that goes away must not leave a restart half done.
async fn perform<A, F>(name: String, act: A) -> Response
where
    A: FnOnce(String) -> F + Send + 'static,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let done = tokio::spawn(act(name.clone())).await.unwrap_or_else(|error| Err(error.to_string()));
    match done {
        Ok(()) => Json(json!({ "ok": true, "fault": name })).into_response(),
        Err(sentence) => {
            (StatusCode::BAD_REQUEST, Json(json!({ "ok": false, "error": sentence }))).into_response()
        }
    }
}

async fn proxy_stats(State(faults): State<Arc<Faults>>) -> Response {
    Json(faults.proxy_stats()).into_response()
}

async fn app_stats(State(faults): State<Arc<Faults>>) -> Response {
    match faults.app_stats().await {
        Ok(stats) => Json(stats).into_response(),
        Err(sentence) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": sentence }))).into_response()
        }
    }
}
