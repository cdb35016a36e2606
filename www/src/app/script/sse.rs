//! `/script/sse`, with any method. The script is in the query, or else the body.

use std::time::Duration;

use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::super::Shared;
use super::super::requests::Asked;
use super::super::sse::{self, Out};
use super::super::stats::Kind;
use super::Part;
use super::steps::{self, Step};
use crate::listener::Connection;

/// Instead of 200 and an event stream's type: a header for each line, so none for an empty text. The body still comes step by step.
#[derive(Deserialize)]
pub(in crate::app) struct Dress {
    status: Option<u16>,
    r#type: Option<String>,
}

pub(in crate::app) async fn handle(
    State(app): Shared,
    ConnectInfo(connection): ConnectInfo<Connection>,
    Query(query): Query<Dress>,
    request: Asked,
) -> Response {
    let mut part = match app.scripts.begin(&request, Kind::Sse) {
        Ok(part) => part,
        Err(sentence) => return (StatusCode::BAD_REQUEST, sentence).into_response(),
    };
    if !request.body.is_empty() {
        part.received(String::from_utf8_lossy(&request.body).into());
    }
    steps::wait(&mut part.steps).await;
    if part.steps.first() == Some(&Step::Cut) {
        connection.cut();
        return StatusCode::NO_CONTENT.into_response();
    }
    if let Some(answer) = steps::status(&part.steps) {
        return answer;
    }
    let open = app.stats.open(Kind::Sse);
    steps::hang(&part.steps).await;
    let id = request.cursor();
    let stream = sse::respond(open, async move |out| play(out, part, connection, id).await);
    dress(stream, &query).unwrap_or_else(|| {
        (StatusCode::BAD_REQUEST, "status is 200 to 999, and type must be a valid header").into_response()
    })
}

/// None for what cannot be answered.
fn dress(mut stream: Response, query: &Dress) -> Option<Response> {
    if let Some(status) = query.status {
        let status = StatusCode::from_u16(status).ok()?;
        *stream.status_mut() = Some(status).filter(|status| !status.is_informational())?;
    }
    if let Some(types) = &query.r#type {
        stream.headers_mut().remove(header::CONTENT_TYPE);
        for content_type in types.split('\n').filter(|line| !line.is_empty()) {
            let content_type = HeaderValue::from_bytes(content_type.as_bytes()).ok()?;
            stream.headers_mut().append(header::CONTENT_TYPE, content_type);
        }
    }
    Some(stream)
}

async fn play(out: Out, mut part: Part, connection: Connection, last_event_id: Option<String>) {
    for step in std::mem::take(&mut part.steps) {
        match step {
            Step::Send(text) => out.send(text).await,
            Step::Bytes(bytes) => out.send(bytes).await,
            Step::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Step::Heard => part.heard().await,
            Step::Reset => {
                connection.end_with_reset();
                return out.fail().await;
            }
            Step::Abort => return out.fail().await,
            Step::LastEventId => {
                let id = last_event_id.as_deref().unwrap_or("none");
                out.send(sse::event(None, None, id)).await;
            }
            Step::End => return,
            // Not let through by `steps::parse`.
            _ => {}
        }
    }
    std::future::pending().await
}
