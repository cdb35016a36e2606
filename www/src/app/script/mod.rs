//! `/script`: a test says, attempt by attempt, what the server does, and reads back what it was sent.

pub(super) mod sse;
mod steps;
pub(super) mod ws;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::requests::Asked;
use super::stats::Kind;
use super::{Shared, clock};
use steps::Step;

/// Between looks at what a page has said.
const LOOK: Duration = Duration::from_millis(2);

/// What was asked, by key. In memory: a restart begins with attempt 0.
#[derive(Clone, Default)]
pub(super) struct Scripts(Arc<Mutex<HashMap<String, Vec<Attempt>>>>);

#[derive(Clone, Serialize)]
struct Attempt {
    attempt: usize,
    /// Milliseconds since 1970.
    at: u64,
    method: String,
    query: Map<String, Value>,
    headers: Map<String, Value>,
    protocols: Vec<String>,
    received: Vec<Value>,
    #[serde(skip)]
    waits: Waits,
}

/// For the page's word that it has heard what was sent.
#[derive(Clone, Copy, PartialEq)]
enum Waits {
    No,
    Untold,
    /// The page knows, and has not answered.
    Told,
}

#[derive(Deserialize)]
struct ScriptQuery {
    s: Option<String>,
    key: String,
}

/// The part of one attempt: its steps, and where it is logged.
struct Part {
    steps: Vec<Step>,
    scripts: Scripts,
    key: String,
    attempt: usize,
}

impl Part {
    fn received(&self, frame: Value) {
        if let Some(attempt) =
            self.scripts.lock().get_mut(&self.key).and_then(|log| log.get_mut(self.attempt))
        {
            attempt.received.push(frame);
        }
    }
}

impl Part {
    /// Resolves at the page's word. A page that has gone says none, but then its connection is gone, too.
    fn heard(&self) -> impl Future<Output = ()> + use<> {
        let (scripts, key, at) = (self.scripts.clone(), self.key.clone(), self.attempt);
        let waits = move |set: Option<Waits>| {
            let mut log = scripts.lock();
            let Some(attempt) = log.get_mut(&key).and_then(|log| log.get_mut(at)) else { return Waits::No };
            attempt.waits = set.unwrap_or(attempt.waits);
            attempt.waits
        };
        async move {
            waits(Some(Waits::Untold));
            while waits(None) != Waits::No {
                sleep(LOOK).await;
            }
        }
    }
}

impl Scripts {
    /// The keys that begin so, and have an attempt that waits and was not told yet.
    fn waiting(&self, prefix: &str) -> Vec<String> {
        let mut log = self.lock();
        let keys = log.iter_mut().filter(|(key, _)| key.starts_with(prefix));
        keys.filter_map(|(key, log)| {
            let untold: Vec<_> = log.iter_mut().filter(|attempt| attempt.waits == Waits::Untold).collect();
            (!untold.is_empty()).then(|| {
                untold.into_iter().for_each(|attempt| attempt.waits = Waits::Told);
                key.clone()
            })
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Attempt>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs an attempt and finds its steps. The last ones repeat.
    fn begin(&self, request: &Asked, kind: Kind) -> Result<Part, String> {
        let Asked { method, uri, headers, body } = request;
        let Query(ScriptQuery { s, key }) = Query::try_from_uri(uri).map_err(|e| e.to_string())?;
        let s = s.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        let mut script = steps::parse(&s, kind)?;
        let mut log = self.lock();
        let log = log.entry(key.clone()).or_default();
        let attempt = log.len();
        log.push(Attempt {
            attempt,
            at: clock::now(),
            method: method.to_string(),
            query: query_of(uri),
            headers: headers_of(headers),
            protocols: protocols_of(headers),
            received: Vec::new(),
            waits: Waits::No,
        });
        let index = attempt.min(script.len().saturating_sub(1));
        let steps = if script.is_empty() { Vec::new() } else { script.swap_remove(index) };
        Ok(Part { steps, scripts: self.clone(), key, attempt })
    }
}

#[derive(Deserialize)]
pub(super) struct LogQuery {
    key: String,
}

/// `/script/log`: the attempts of a key until now.
pub(super) async fn log(State(app): Shared, Query(query): Query<LogQuery>) -> Response {
    Json(app.scripts.lock().get(&query.key).cloned().unwrap_or_default()).into_response()
}

#[derive(Deserialize)]
pub(super) struct HeldQuery {
    prefix: String,
}

/// `/script/held`: answered once an attempt waits for the page's word, with the keys.
pub(super) async fn held(State(app): Shared, Query(query): Query<HeldQuery>) -> Response {
    loop {
        let keys = app.scripts.waiting(&query.prefix);
        if !keys.is_empty() {
            return Json(keys).into_response();
        }
        sleep(LOOK).await;
    }
}

/// `/script/heard`: the page has what was sent by the attempts of this key that it was told of.
pub(super) async fn heard(State(app): Shared, Query(query): Query<LogQuery>) {
    for attempt in app.scripts.lock().get_mut(&query.key).into_iter().flatten() {
        if attempt.waits == Waits::Told {
            attempt.waits = Waits::No;
        }
    }
}

/// All but the script itself. A name that comes twice has a list, as a test will want to see that.
fn query_of(uri: &Uri) -> Map<String, Value> {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else { return Map::new() };
    let mut query = Map::new();
    for (name, value) in pairs.into_iter().filter(|(name, _)| name != "s") {
        let value = Value::from(value);
        match query.get_mut(&name) {
            None => drop(query.insert(name, value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    query
}

fn headers_of(headers: &HeaderMap) -> Map<String, Value> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect()
}

fn protocols_of(headers: &HeaderMap) -> Vec<String> {
    let offered = headers.get_all("sec-websocket-protocol").into_iter();
    let lists = offered.filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(|name| name.trim().to_owned()).collect()
}
