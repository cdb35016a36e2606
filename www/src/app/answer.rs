//! `/answer` and `/redirect`: any status that a server can give.

use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::requests::Asked;
use super::stats::Kind;
use super::{App, Shared, clock, sse};

const HELLO: &str = "id: 1\ndata: hello\n\n";

#[derive(Deserialize)]
pub(super) struct AnswerQuery {
    #[serde(default = "ok")]
    status: u16,
    /// The Retry-After header, as it is.
    retry_after: Option<String>,
    /// The Retry-After header as a date, so many seconds from now.
    date_after: Option<i64>,
    /// Empty: no content type at all.
    #[serde(default = "plain")]
    r#type: String,
    #[serde(default)]
    body: String,
    /// So many requests of the key are answered so. The next ones get the stream.
    times: Option<u64>,
    #[serde(default)]
    key: String,
    /// The stream's text.
    then: Option<String>,
}

fn ok() -> u16 {
    200
}

fn plain() -> String {
    "text/plain".to_owned()
}

/// An event stream that stays open.
pub(super) fn stream(app: &App, content_type: Option<HeaderValue>, text: Option<String>) -> Response {
    let text = text.unwrap_or_else(|| HELLO.to_owned());
    let mut response = sse::respond(app.stats.open(Kind::Sse), async |out| {
        out.send(text).await;
        std::future::pending().await
    });
    if let Some(content_type) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}

pub(super) async fn handle(State(app): Shared, Query(query): Query<AnswerQuery>, _: Asked) -> Response {
    let attempt = app.requests.attempt(&query.key, "/answer");
    if query.times.is_some_and(|times| attempt > times) {
        return stream(&app, None, query.then);
    }
    answer(&app, query).unwrap_or_else(|| {
        (StatusCode::BAD_REQUEST, "status is 200 to 999, and the headers must be valid ones").into_response()
    })
}

/// None for what cannot be answered.
fn answer(app: &App, query: AnswerQuery) -> Option<Response> {
    let status = StatusCode::from_u16(query.status).ok().filter(|status| !status.is_informational())?;
    let content_type = HeaderValue::from_bytes(query.r#type.as_bytes()).ok()?;
    let is_stream = query.r#type.to_ascii_lowercase().starts_with("text/event-stream");
    if status == StatusCode::OK && is_stream {
        let text = Some(query.body).filter(|body| !body.is_empty()).or(query.then);
        return Some(stream(app, Some(content_type), text));
    }
    let mut response = (status, query.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if !content_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    let date = query.date_after.map(|seconds| {
        // Up to a whole second: not before the time that was asked for.
        clock::http_date(clock::now().div_ceil(1000).saturating_add_signed(seconds))
    });
    if let Some(wait) = query.retry_after.or(date) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_bytes(wait.as_bytes()).ok()?);
    }
    Some(response)
}

#[derive(Deserialize)]
pub(crate) struct RedirectQuery {
    #[serde(default = "found")]
    status: u16,
    to: String,
}

fn found() -> u16 {
    302
}

pub(super) async fn redirect(query: Query<RedirectQuery>, _: Asked) -> Response {
    redirection(query).await
}

/// Also of the page's own origin.
pub(crate) async fn redirection(Query(query): Query<RedirectQuery>) -> Response {
    let status = StatusCode::from_u16(query.status).ok().filter(StatusCode::is_redirection);
    match (status, HeaderValue::from_bytes(query.to.as_bytes())) {
        (Some(status), Ok(to)) => (status, [(header::LOCATION, to)]).into_response(),
        _ => (StatusCode::BAD_REQUEST, "status is 300 to 399, and to must be a valid header").into_response(),
    }
}
