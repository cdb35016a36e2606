//! `/chat`: rooms over WebSocket, with a log to resume from.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::cursor::Cursor;
use super::log::{Item, Logs, Reader};
use super::message::Say;
use super::stats::Kind;
use super::ws::{Gone, Ws, json_of, pong};
use super::{Shared, bots, ws};

const MESSAGE_LIMIT: usize = 64 * 1024;

#[derive(Deserialize)]
pub(super) struct ChatQuery {
    #[serde(default = "lobby")]
    room: String,
    #[serde(default)]
    bot: String,
    /// 1: without a cursor, all that the log has comes first.
    #[serde(default)]
    history: String,
    /// 1: a resume begins with the message at the cursor, which proves that nothing is missing.
    #[serde(default)]
    overlap: String,
}

fn lobby() -> String {
    "lobby".to_owned()
}

pub(super) async fn handle(
    State(app): Shared,
    Query(query): Query<ChatQuery>,
    Cursor(cursor): Cursor,
    upgrade: WebSocketUpgrade,
) -> Response {
    let room = format!("chat/{}", query.room);
    let bot = (query.bot == "1").then(|| app.bots.wanted(&room, talk(Arc::clone(&app.logs), room.clone())));
    // Before the answer: what is said after the client's `open` is not missed.
    let reader = match cursor {
        None if query.history == "1" => app.logs.read_all(&room),
        cursor if query.overlap == "1" => app.logs.read_overlapping(&room, cursor.as_deref()),
        cursor => app.logs.read(&room, cursor.as_deref()),
    };
    let logs = Arc::clone(&app.logs);
    ws::upgrade(app.stats.open(Kind::Ws), upgrade.max_message_size(MESSAGE_LIMIT), async move |ws| {
        let _bot = bot;
        serve(ws, reader, &logs, &room).await
    })
}

async fn serve(mut ws: Ws, mut reader: Reader, logs: &Logs, room: &str) -> Result<(), Gone> {
    loop {
        tokio::select! {
            items = reader.next() => {
                let texts = items.into_iter().map(|item| match item {
                    Item::Entry { body, .. } => body.to_string(),
                    Item::Gap(gap) => gap,
                });
                ws.send_all(texts).await?;
            }
            received = ws.receive() => {
                let Some(message) = json_of(&received?) else { continue };
                if let Some(pong) = pong(&message) {
                    ws.send(Message::text(pong)).await?;
                } else if message.get("type").is_some_and(|kind| kind == "chat") {
                    let text_of = |name| message.get(name).and_then(Value::as_str);
                    say(logs, room, text_of("from").unwrap_or("?"), text_of("text").unwrap_or_default());
                }
            }
        }
    }
}

fn say(logs: &Logs, room: &str, from: &str, text: &str) {
    logs.append(room, |seq, event_id| {
        Say::Chat { topic: None, event_id, seq, from, text, send_id: None }.json()
    });
}

async fn talk(logs: Arc<Logs>, room: String) {
    for (from, text) in bots::lines("").into_iter().cycle() {
        tokio::time::sleep(bots::PAUSE).await;
        say(&logs, &room, from, text);
    }
}
