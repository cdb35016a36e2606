//! `/chat`: rooms over WebSocket, with a log to resume from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use tokio::task::AbortHandle;

use super::cursor::Cursor;
use super::log::{Item, Logs, Reader};
use super::message::Say;
use super::stats::Kind;
use super::ws::{Gone, Ws, json_of, pong};
use super::{App, Shared, ws};

/// Longer than the demo's heartbeat interval, so that its pings are seen.
const BOT_PAUSE: Duration = Duration::from_millis(2_400);
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
    let bot = (query.bot == "1").then(|| Bot::wanted(&app, &room));
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
                    ws.send(pong).await?;
                } else if message.get("type").is_some_and(|kind| kind == "chat") {
                    let text_of = |name| message.get(name).and_then(Value::as_str);
                    say(logs, room, text_of("from").unwrap_or("?"), text_of("text").unwrap_or_default());
                }
            }
        }
    }
}

fn say(logs: &Logs, room: &str, from: &str, text: &str) {
    logs.append(room, |seq, event_id| Say::Chat { event_id, seq, from, text }.json());
}

/// The bots that talk now, by room.
#[derive(Default)]
pub(super) struct Bots(Mutex<HashMap<String, Talking>>);

struct Talking {
    wanted_by: usize,
    task: AbortHandle,
}

impl Bots {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Talking>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's wish for a bot. It talks while there is one.
struct Bot {
    app: Arc<App>,
    room: String,
}

impl Bot {
    fn wanted(app: &Arc<App>, room: &str) -> Self {
        app.bots
            .lock()
            .entry(room.to_owned())
            .or_insert_with(|| Talking {
                wanted_by: 0,
                task: tokio::spawn(talk(Arc::clone(&app.logs), room.to_owned())).abort_handle(),
            })
            .wanted_by += 1;
        Self { app: Arc::clone(app), room: room.to_owned() }
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let mut bots = self.app.bots.lock();
        if let Some(talking) = bots.get_mut(&self.room) {
            talking.wanted_by -= 1;
            if talking.wanted_by == 0 {
                talking.task.abort();
                bots.remove(&self.room);
            }
        }
    }
}

async fn talk(logs: Arc<Logs>, room: String) {
    let cast = [
        ("ann", "is anybody there?"),
        ("bo", "here, and you?"),
        ("cy", "my train is in a tunnel again"),
        ("ann", "did you get my last one?"),
        ("bo", "every one of them, in order"),
        ("cy", "back! what did I miss?"),
        ("ann", "nothing, it seems"),
    ];
    for (from, text) in cast.into_iter().cycle() {
        tokio::time::sleep(BOT_PAUSE).await;
        say(&logs, &room, from, text);
    }
}
