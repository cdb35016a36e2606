//! For tests: `/token` gives tokens that expire and can be revoked. A request with `auth=1` needs one, as `token` in its query
//! or as a bearer. And WebSockets can be refused for a while, as by a proxy that knows none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, Shared, clock};

/// In memory: a restart forgets what was revoked.
#[derive(Default)]
pub(super) struct Gate {
    /// Tokens that were given until then are no good; ms since 1970, as the next one.
    revoked: AtomicU64,
    /// WebSockets are refused until then.
    refuses: AtomicU64,
}

#[derive(Deserialize)]
pub(super) struct Time {
    #[serde(default)]
    ms: u64,
}

pub(super) async fn token(Query(Time { ms }): Query<Time>) -> Json<Value> {
    let now = clock::now();
    Json(json!({ "token": format!("{now}-{}", now.saturating_add(ms)), "expiresIn": ms }))
}

pub(super) async fn revoke(State(app): Shared) -> &'static str {
    app.gate.revoked.store(clock::now(), Ordering::Relaxed);
    "ok\n"
}

pub(super) async fn refuse(State(app): Shared, Query(Time { ms }): Query<Time>) -> &'static str {
    app.gate.refuses.store(clock::now().saturating_add(ms), Ordering::Relaxed);
    "ok\n"
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    auth: String,
    token: Option<String>,
}

impl Gate {
    fn admits(&self, asked: &Asked, headers: &HeaderMap) -> bool {
        let bearer =
            headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let times = asked.token.as_deref().or(bearer).and_then(|token| token.split_once('-'));
        let Some((Ok(given), Ok(expires))) =
            times.map(|(given, expires)| (given.parse::<u64>(), expires.parse::<u64>()))
        else {
            return false;
        };
        given > self.revoked.load(Ordering::Relaxed) && expires > clock::now()
    }
}

pub(super) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let upgrades = request.headers().contains_key(header::UPGRADE);
    if upgrades && clock::now() < app.gate.refuses.load(Ordering::Relaxed) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match Query::<Asked>::try_from_uri(request.uri()) {
        Ok(Query(asked)) if asked.auth == "1" && !app.gate.admits(&asked, request.headers()) => {
            StatusCode::UNAUTHORIZED.into_response()
        }
        _ => next.run(request).await,
    }
}
