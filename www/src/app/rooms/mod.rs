//! `/rooms`: chat rooms as topics of one connection, which joins and leaves them. Over WebSocket; or over an event stream,
//! and what a client says is POSTed.

mod hub;
mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::requests::Asked;
use super::stats::Kind;
use super::uplink::{self, Refusal, StreamQuery};
use super::ws::{Gone, Upgrade, Ws, json_of};
use super::{App, Shared, sse, ws};

pub(super) use hub::Hub;
use hub::Input;
use session::Session;

const MESSAGE_LIMIT: usize = 64 * 1024;
const NAME: usize = 40;
/// What others want to tell a client waits here. What does not fit is not told: it is nothing that must arrive.
const INPUTS: usize = 256;
/// So long a POST waits for a stream that does not keep up.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
pub(super) struct RoomsQuery {
    /// Whom the others see.
    #[serde(default = "somebody")]
    name: String,
    /// 1: bots talk in the rooms that it joins.
    #[serde(default)]
    bot: String,
}

fn somebody() -> String {
    "somebody".to_owned()
}

/// The first so many characters.
fn short(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

impl RoomsQuery {
    fn session(&self, app: &Arc<App>) -> (Session, mpsc::Receiver<Input>) {
        let (inbox, inputs) = mpsc::channel(INPUTS);
        (Session::new(Arc::clone(app), short(&self.name, NAME), self.bot == "1", inbox), inputs)
    }
}

pub(super) async fn handle(
    State(app): Shared,
    Query(query): Query<RoomsQuery>,
    Query(stream): Query<StreamQuery>,
    Upgrade(upgrade): Upgrade,
    _: Asked,
) -> Result<Response, Refusal> {
    match upgrade {
        Some(upgrade) => Ok(over_websocket(&app, &query, upgrade)),
        None => over_stream(&app, &query, &stream),
    }
}

fn over_websocket(app: &Arc<App>, query: &RoomsQuery, upgrade: WebSocketUpgrade) -> Response {
    let (session, inputs) = query.session(app);
    let upgrade = upgrade.max_message_size(MESSAGE_LIMIT);
    ws::upgrade(app.stats.open(Kind::Ws), upgrade, async move |ws| serve(ws, session, inputs).await)
}

async fn serve(mut ws: Ws, mut session: Session, mut inputs: mpsc::Receiver<Input>) -> Result<(), Gone> {
    loop {
        let texts = tokio::select! {
            texts = session.next() => texts,
            Some(input) = inputs.recv() => session.take_in_turn([input]),
            received = ws.receive() => {
                let Some(message) = json_of(&received?) else { continue };
                let mut all: Vec<Input> = std::iter::from_fn(|| inputs.try_recv().ok()).take(INPUTS).collect();
                all.extend(session.hub().take(session.id(), message));
                session.take_in_turn(all)
            }
        };
        ws.send_all(texts.into_iter()).await?;
    }
}

/// The session goes on from poll to poll, as its mailbox does.
fn over_stream(app: &Arc<App>, query: &RoomsQuery, stream: &StreamQuery) -> Result<Response, Refusal> {
    let opened = uplink::open(app, stream)?;
    if let Some(writer) = opened.writer {
        let (session, inputs) = query.session(app);
        // Before the answer: a client may POST as soon as it has it.
        let seat = stream.connection().map(|name| app.rooms.seat(name, &session));
        tokio::spawn(async move {
            let _seat = seat;
            write(writer, session, inputs).await;
        });
    }
    Ok(uplink::respond(app, stream, opened.mailbox))
}

async fn write(mailbox: mpsc::Sender<String>, mut session: Session, mut inputs: mpsc::Receiver<Input>) {
    loop {
        let texts = tokio::select! {
            texts = session.next() => texts,
            Some(input) = inputs.recv() => session.take_in_turn([input]),
            () = mailbox.closed() => return,
        };
        let events: String = texts.iter().map(|text| sse::event(None, None, text)).collect();
        if !events.is_empty() && mailbox.send(events).await.is_err() {
            return;
        }
    }
}

pub(super) async fn post(
    State(app): Shared,
    Query(stream): Query<StreamQuery>,
    asked: Asked,
) -> Result<StatusCode, Refusal> {
    let (session, inbox) = app.rooms.seated(uplink::connection(&stream)?).ok_or(uplink::GONE)?;
    let messages = uplink::messages(&asked.body)?;
    let inputs: Vec<Input> =
        messages.into_iter().flat_map(|message| app.rooms.take(session, message)).collect();
    let tell = async {
        for input in inputs {
            // A stream that has ended meanwhile has nothing to join or to be told.
            let _ = inbox.send(input).await;
        }
    };
    let _ = timeout(PATIENCE, tell).await;
    Ok(StatusCode::NO_CONTENT)
}
