//! A price each second over WebSocket, with replay.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, StatusCode, header::ORIGIN},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::watch, time};

/// The origins whose pages may read this.
const PAGES: [&str; 1] = ["http://localhost:8080"];
const GAP: &str = r#"{"type":"gap"}"#;

/// The last 1,000 messages, for clients that come back.
#[derive(Default)]
struct Log {
    first: usize,
    messages: VecDeque<String>,
}

impl Log {
    fn end(&self) -> usize {
        self.first + self.messages.len()
    }

    fn push(&mut self, message: String) {
        self.messages.push_back(message);
        if self.messages.len() > 1_000 {
            self.messages.pop_front();
            self.first += 1;
        }
    }
}

struct Feed {
    /// Ids must not come again after a restart.
    epoch: String,
    log: watch::Sender<Log>,
}

async fn live(
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
    Query(query): Query<HashMap<String, String>>,
    State(feed): State<Arc<Feed>>,
) -> Response {
    // Any site's page can open a WebSocket, and the user's cookies go along: only `Origin` tells whose page it is.
    if headers.get(ORIGIN).is_some_and(|origin| !PAGES.iter().any(|page| origin == page)) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let last = query.get("lastEventId").cloned();
    upgrade
        .max_message_size(65_536)
        .on_upgrade(async move |socket| follow(socket, &feed, last.as_deref()).await.unwrap_or_default())
}

/// Sends what follows the last id, then everything new, until the client leaves.
async fn follow(mut socket: WebSocket, feed: &Feed, last: Option<&str>) -> Option<()> {
    let mut log = feed.log.subscribe();
    let (first, end) = (log.borrow().first, log.borrow().end());
    let number = |id: &str| id.strip_prefix(&feed.epoch)?.parse().ok().filter(|at| *at < end);
    let mut at = match last.map(number) {
        None => end,
        Some(Some(at)) => at, // begin with the message of that very id
        Some(None) => {
            say(&mut socket, GAP.into()).await?; // the id is unknown: say so
            first
        }
    };
    loop {
        let (first, next) = {
            let log = log.borrow_and_update();
            (log.first, at.checked_sub(log.first).and_then(|at| log.messages.get(at).cloned()))
        };
        if at < first {
            say(&mut socket, GAP.into()).await?; // too old, or the client reads too slowly
            at = first;
        } else if let Some(text) = next {
            say(&mut socket, text).await?;
            at += 1;
        } else {
            tokio::select! {
                _ = log.changed() => {}
                said = socket.recv() => match said?.ok()? {
                    // The client's heartbeat: back to whom it is from, and to nobody else.
                    Message::Text(text) if text.starts_with(r#"{"type":"ping""#) => say(&mut socket, text.to_string()).await?,
                    _ => {}
                },
            }
        }
    }
}

/// A client that does not read for 30 s is let go of.
async fn say(socket: &mut WebSocket, text: String) -> Option<()> {
    time::timeout(Duration::from_secs(30), socket.send(Message::text(text))).await.ok()?.ok()
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let epoch = format!("{}-", SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis()));
    let feed = Arc::new(Feed { epoch, log: watch::Sender::default() });
    let app = Router::new().route("/live", get(live)).with_state(feed.clone());
    tokio::spawn(async move {
        loop {
            time::sleep(Duration::from_secs(1)).await;
            feed.log.send_modify(|log| {
                let (id, price) = (log.end(), 100.0 + (log.end() as f64 / 10.0).sin());
                let epoch = &feed.epoch;
                log.push(format!(
                    r#"{{"type":"price","symbol":"ACME","price":{price:.2},"eventId":"{epoch}{id}"}}"#
                ));
            });
        }
    });
    // "0.0.0.0" would let in the whole network.
    let listener = TcpListener::bind("127.0.0.1:8081").await?;
    println!("ws://localhost:8081/live");
    axum::serve(listener, app).await
}
