//! `/script/sse`, with any method. The script is in the query, or else the body.

use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::super::Shared;
use super::super::listener::Connection;
use super::super::requests::Asked;
use super::super::sse::{self, Out};
use super::super::stats::Kind;
use super::steps::{self, Step};

pub(in crate::app) async fn handle(
    State(app): Shared,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Asked,
) -> Response {
    let part = match app.scripts.begin(&request, Kind::Sse) {
        Ok(part) => part,
        Err(sentence) => return (StatusCode::BAD_REQUEST, sentence).into_response(),
    };
    if !request.body.is_empty() {
        part.received(String::from_utf8_lossy(&request.body).into());
    }
    if let Some(answer) = steps::status(&part.steps) {
        return answer;
    }
    let open = app.stats.open(Kind::Sse);
    steps::hang(&part.steps).await;
    let id = request.last_event_id();
    sse::respond(open, async move |out| play(out, part.steps, connection, id).await)
}

async fn play(out: Out, steps: Vec<Step>, connection: Connection, last_event_id: Option<String>) {
    for step in steps {
        match step {
            Step::Send(text) => out.send(text).await,
            Step::Bytes(bytes) => out.send(bytes).await,
            Step::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
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
