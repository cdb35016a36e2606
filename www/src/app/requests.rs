//! `/requests`: what came with a `key`, for a test to read back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{App, Shared, clock};

/// The oldest key gives way.
const KEYS: usize = 1000;
/// Of each key the first so many are kept.
const REQUESTS: usize = 100;
const BODY: usize = 1024 * 1024;
/// So much of a body is kept.
const BODY_KEPT: usize = 8 * 1024;
const HEADERS: [&str; 6] = ["accept", "cache-control", "authorization", "content-type", "origin", "x-test"];

/// A whole request. Recorded when it has a key.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl FromRequest<Arc<App>> for Asked {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, BODY)
            .await
            .map_err(|error| (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into_response())?;
        let asked = Self { method: parts.method, uri: parts.uri, headers: parts.headers, body };
        if let Ok(Query(KeyQuery { key })) = Query::try_from_uri(&asked.uri) {
            app.requests.record(&key, &asked);
        }
        Ok(asked)
    }
}

impl Asked {
    /// As hexadecimal digits, since a header's value need not be text.
    pub(super) fn last_event_id(&self) -> Option<String> {
        Some(hex(self.headers.get("last-event-id")?.as_bytes()))
    }

    /// The same, or else the query's `lastEventId`: what a fetch across origins has instead.
    pub(super) fn cursor(&self) -> Option<String> {
        self.last_event_id().or_else(|| {
            let Query(CursorQuery { id }) = Query::try_from_uri(&self.uri).ok()?;
            Some(hex(id?.as_bytes()))
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Deserialize)]
struct CursorQuery {
    #[serde(rename = "lastEventId")]
    id: Option<String>,
}

#[derive(Clone, Serialize)]
struct Record {
    /// Milliseconds since 1970.
    at: u64,
    method: String,
    path: String,
    query: String,
    headers: Map<String, Value>,
    body: String,
}

#[derive(Default)]
struct Seen {
    key: String,
    records: Vec<Record>,
    /// By path.
    attempts: Vec<(&'static str, u64)>,
}

/// In memory: a restart forgets.
pub(super) struct Requests {
    seen: Mutex<VecDeque<Seen>>,
    records: bool,
}

impl Requests {
    pub(super) fn new(records: bool) -> Self {
        Self { seen: Mutex::default(), records }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, key: &str, act: impl FnOnce(&mut Seen) -> T) -> T {
        let mut all = self.lock();
        if let Some(seen) = all.iter_mut().find(|seen| seen.key == key) {
            return act(seen);
        }
        let mut seen = Seen { key: key.to_owned(), ..Seen::default() };
        let result = act(&mut seen);
        all.push_back(seen);
        if all.len() > KEYS {
            all.pop_front();
        }
        result
    }

    fn record(&self, key: &str, asked: &Asked) {
        if !self.records {
            return;
        }
        let id = asked.last_event_id().map(|id| ("last-event-id".to_owned(), id.into()));
        let others = HEADERS.iter().filter_map(|&name| {
            let value = asked.headers.get(name)?;
            Some((name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into()))
        });
        let kept = asked.body.get(..BODY_KEPT).unwrap_or(&asked.body);
        let record = Record {
            at: clock::now(),
            method: asked.method.to_string(),
            path: asked.uri.path().to_owned(),
            query: asked.uri.query().unwrap_or_default().to_owned(),
            headers: id.into_iter().chain(others).collect(),
            body: String::from_utf8_lossy(kept).into_owned(),
        };
        self.with(key, |seen| {
            if seen.records.len() < REQUESTS {
                seen.records.push(record);
            }
        });
    }

    /// Counts an attempt of the key at the path: 1 for the first.
    pub(super) fn attempt(&self, key: &str, path: &'static str) -> u64 {
        self.with(key, |seen| {
            if let Some((_, n)) = seen.attempts.iter_mut().find(|(of, _)| *of == path) {
                *n += 1;
                return *n;
            }
            seen.attempts.push((path, 1));
            1
        })
    }
}

#[derive(Deserialize)]
pub(super) struct KeyQuery {
    key: String,
}

pub(super) async fn handle(State(app): Shared, Query(query): Query<KeyQuery>) -> Response {
    let all = app.requests.lock();
    let records = all.iter().find(|seen| seen.key == query.key).map(|seen| seen.records.clone());
    Json(records.unwrap_or_default()).into_response()
}
