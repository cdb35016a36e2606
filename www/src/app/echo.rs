//! `/echo`: every frame back as it is.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;

use super::stats::Kind;
use super::{Shared, ws};

pub(super) async fn handle(State(app): Shared, upgrade: WebSocketUpgrade) -> Response {
    ws::upgrade(app.stats.open(Kind::Ws), upgrade, async |mut ws| {
        loop {
            let message = ws.receive().await?;
            ws.send(message).await?;
        }
    })
}
