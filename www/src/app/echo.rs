//! `/echo`: every message back as it is. Over WebSocket frame by frame; what is POSTed comes back over the event stream
//! of the same `connection`, or with `reply=body` in the answer.

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::requests::Asked;
use super::stats::Kind;
use super::uplink::{self, Answers, Refusal, StreamQuery};
use super::ws::Upgrade;
use super::{Shared, ws};

pub(super) async fn handle(
    State(app): Shared,
    Query(stream): Query<StreamQuery>,
    Upgrade(upgrade): Upgrade,
    _: Asked,
) -> Result<Response, Refusal> {
    let Some(upgrade) = upgrade else {
        let opened = uplink::open(&app, &stream)?;
        return Ok(uplink::respond(&app, &stream, opened.mailbox));
    };
    Ok(ws::upgrade(app.stats.open(Kind::Ws), upgrade, async |mut ws| {
        loop {
            let message = ws.receive().await?;
            ws.send(message).await?;
        }
    }))
}

#[derive(Deserialize)]
pub(super) struct EchoQuery {
    #[serde(default)]
    reply: String,
}

/// The messages of a JSON array, or how many bytes there are.
pub(super) async fn post(
    State(app): Shared,
    Query(query): Query<EchoQuery>,
    Query(stream): Query<StreamQuery>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let is_bytes = asked.headers.get(header::CONTENT_TYPE).is_some_and(|is| is == "application/octet-stream");
    let messages = if is_bytes {
        vec![json!({ "type": "bytes", "length": asked.body.len() })]
    } else {
        uplink::messages(&asked.body)?
    };
    Ok(Answers::to(&app, &query.reply, &stream)?.give(messages).await)
}
