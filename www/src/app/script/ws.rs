//! `/script/ws`.

use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::sleep;

use super::super::Shared;
use super::super::requests::Asked;
use super::super::stats::Kind;
use super::super::ws::{self, Gone, Ws};
use super::Part;
use super::steps::{self, Step};
use crate::listener::Connection;

pub(in crate::app) async fn handle(
    State(app): Shared,
    ConnectInfo(connection): ConnectInfo<Connection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Asked,
) -> Response {
    let mut part = match app.scripts.begin(&request, Kind::Ws) {
        Ok(part) => part,
        Err(sentence) => return (StatusCode::BAD_REQUEST, sentence).into_response(),
    };
    steps::wait(&mut part.steps).await;
    if let Some(answer) = steps::status(&part.steps) {
        return answer;
    }
    let open = app.stats.open(Kind::Ws);
    steps::hang(&part.steps).await;
    let mut upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    if let Some(first) =
        super::protocols_of(&request.headers).first().and_then(|name| HeaderValue::from_str(name).ok())
    {
        upgrade.set_selected_protocol(first);
    }
    ws::upgrade(open, upgrade, async move |mut ws| {
        let steps = std::mem::take(&mut part.steps);
        let mut stage = Stage { part, manner: Manner::Mute };
        for step in steps {
            stage.play(step, &mut ws, &connection).await?;
        }
        stage.listen(&mut ws).await
    })
}

/// What is done with the client's frames.
enum Manner {
    Mute,
    Echo,
    /// Every text frame is answered by a close with this code.
    Close(u16),
}

struct Stage {
    part: Part,
    manner: Manner,
}

impl Stage {
    async fn play(&mut self, step: Step, ws: &mut Ws, connection: &Connection) -> Result<(), Gone> {
        match step {
            Step::Send(text) => ws.send(Message::text(text)).await?,
            Step::Bytes(bytes) => ws.send(Message::binary(bytes)).await?,
            Step::Wait(ms) => tokio::select! {
                () = sleep(Duration::from_millis(ms)) => {}
                gone = self.listen(ws) => gone?,
            },
            Step::Heard => {
                let heard = self.part.heard();
                tokio::select! {
                    () = heard => {}
                    gone = self.listen(ws) => gone?,
                }
            }
            Step::Close(frame) => self.close(ws, frame).await?,
            Step::Reset => {
                connection.end_with_reset();
                return Err(Gone);
            }
            Step::PingClose(code) => self.manner = Manner::Close(code),
            Step::Echo => self.manner = Manner::Echo,
            Step::Mute => self.manner = Manner::Mute,
            // Not let through by `steps::parse`, or answered before the upgrade.
            Step::End | Step::Abort | Step::LastEventId | Step::Status(..) | Step::Hang | Step::Cut => {}
        }
        Ok(())
    }

    /// Takes the client's frames until it is gone.
    async fn listen(&mut self, ws: &mut Ws) -> Result<(), Gone> {
        loop {
            let message = ws.receive().await?;
            let text = match &message {
                Message::Text(text) => Some(text.as_str()),
                _ => None,
            };
            self.part.received(match text {
                Some(text) => text.into(),
                None => json!({ "bytes": message.clone().into_data().as_ref() }),
            });
            match self.manner {
                Manner::Mute => {}
                Manner::Echo => ws.send(message).await?,
                Manner::Close(code) if text.is_some() => {
                    self.close(ws, Some(CloseFrame { code, reason: "".into() })).await?;
                }
                Manner::Close(_) => {}
            }
        }
    }

    /// Close frame, then the end, with or without the client's answer.
    async fn close(&mut self, ws: &mut Ws, frame: Option<CloseFrame>) -> Result<(), Gone> {
        let _ = tokio::time::timeout(Duration::from_secs(2), ws.close(frame)).await;
        Err(Gone)
    }
}
