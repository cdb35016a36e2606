//! A WebSocket that is counted while it is open.

use axum::extract::FromRequestParts;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use futures_util::SinkExt;
use serde_json::Value;

use super::message::Say;
use super::stats::Open;

/// The client is gone.
pub(super) struct Gone;

pub(super) struct Ws {
    /// Above the socket, to be dropped first: who sees the connection end finds it uncounted.
    open: Option<Open>,
    socket: WebSocket,
}

/// None where a plain request can do as well.
pub(super) struct Upgrade(pub(super) Option<WebSocketUpgrade>);

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebSocketUpgradeRejection> {
        if !parts.headers.contains_key(header::UPGRADE) {
            return Ok(Self(None));
        }
        WebSocketUpgrade::from_request_parts(parts, state).await.map(|upgrade| Self(Some(upgrade)))
    }
}

/// Upgrades. The connection is counted until its end.
pub(super) fn upgrade<S, F>(open: Open, upgrade: WebSocketUpgrade, serve: S) -> Response
where
    S: FnOnce(Ws) -> F + Send + 'static,
    F: Future<Output = Result<(), Gone>> + Send + 'static,
{
    upgrade.on_upgrade(async move |socket| {
        let _ = serve(Ws { open: Some(open), socket }).await;
    })
}

impl Ws {
    /// The next text or binary frame.
    pub(super) async fn receive(&mut self) -> Result<Message, Gone> {
        loop {
            match self.socket.recv().await {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => return Ok(message),
                Some(Ok(Message::Close(_))) => self.open = None,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    self.open = None;
                    return Err(Gone);
                }
            }
        }
    }

    pub(super) async fn send(&mut self, message: Message) -> Result<(), Gone> {
        self.socket.send(message).await.map_err(|_| Gone)
    }

    /// Many messages, flushed once.
    pub(super) async fn send_all(&mut self, texts: impl Iterator<Item = String>) -> Result<(), Gone> {
        for text in texts {
            self.socket.feed(Message::text(text)).await.map_err(|_| Gone)?;
        }
        self.socket.flush().await.map_err(|_| Gone)
    }

    /// Sends a close frame and stays until the client has answered it or gone.
    pub(super) async fn close(&mut self, frame: Option<CloseFrame>) -> Result<(), Gone> {
        self.send(Message::Close(frame)).await?;
        loop {
            self.receive().await?;
        }
    }
}

/// The answer to a client's `{"type":"ping"}`, with the same timestamp.
pub(super) fn pong(message: &Value) -> Option<String> {
    if message.get("type")? != "ping" {
        return None;
    }
    let timestamp = message.get("timestamp").unwrap_or(&Value::Null);
    Some(Say::Pong { timestamp }.json())
}

/// A text frame that is JSON.
pub(super) fn json_of(message: &Message) -> Option<Value> {
    serde_json::from_str(message.to_text().ok()?).ok()
}
