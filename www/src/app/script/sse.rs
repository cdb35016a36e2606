//! `/script/sse`.

use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::super::Shared;
use super::super::listener::Connection;
use super::super::sse::{self, Out};
use super::super::stats::Kind;
use super::steps::{self, Step};

pub(in crate::app) async fn handle(
    State(app): Shared,
    ConnectInfo(connection): ConnectInfo<Connection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let part = match app.scripts.begin(&uri, &headers, Kind::Sse) {
        Ok(part) => part,
        Err(sentence) => return (StatusCode::BAD_REQUEST, sentence).into_response(),
    };
    if let Some(answer) = steps::status(&part.steps) {
        return answer;
    }
    let open = app.stats.open(Kind::Sse);
    steps::hang(&part.steps).await;
    sse::respond(open, async move |out| play(out, part.steps, connection).await)
}

async fn play(out: Out, steps: Vec<Step>, connection: Connection) {
    for step in steps {
        match step {
            Step::Send(text) => out.send(text).await,
            Step::Bytes(bytes) => out.send(bytes).await,
            Step::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Step::Reset => {
                connection.end_with_reset();
                return out.fail().await;
            }
            Step::End => return,
            // Not let through by `steps::parse`.
            _ => {}
        }
    }
    std::future::pending().await
}
