//! `/ledger`: a server that does each thing once. A client sends `{"id":…,"n":…}`; what is new is applied and written
//! down, what came before is discarded, and either is acked. An id is known for as long as the horizon goes back.
//! POSTed, it is an array of them, and the acks come over the event stream of the same `connection`.
//!
//! Written to a file before the ack, so that a restart forgets nothing that it has acked.

use std::collections::{HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::ws::Message;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::Say;
use super::requests::Asked;
use super::stats::Kind;
use super::uplink::{self, Answers, Refusal, StreamQuery, is_name};
use super::ws::{Gone, Upgrade, Ws, json_of, pong};
use super::{App, Shared, ws};
use crate::listener::Connection;

/// So many of a client's last ids are known.
const HORIZON: usize = 10_000;
/// The client whose ledger was opened first gives way; its file stays.
const LEDGERS: usize = 50;

#[derive(Deserialize)]
pub(super) struct LedgerQuery {
    client: String,
    /// 0: applied, but not acked. `body`: the acks of a POST are its answer.
    #[serde(default)]
    ack: String,
    /// So many POSTs of the key are applied, and not answered: their connection is cut.
    #[serde(default)]
    cut: u64,
    #[serde(default)]
    key: String,
}

/// What a client sends.
#[derive(Deserialize)]
struct Order {
    id: String,
    n: u64,
}

/// What was applied.
#[derive(Clone, Default, Serialize)]
struct Tally {
    applied: u64,
    /// Which numbers, from and to, in the order that they came in.
    ranges: Vec<[u64; 2]>,
    /// Known ids that came again, since the last restart.
    repeats: u64,
    /// Applied behind a higher number.
    disordered: u64,
    last: u64,
}

struct Ledger {
    file: File,
    known: HashSet<String>,
    order: VecDeque<String>,
    tally: Tally,
}

impl Ledger {
    fn open(path: &PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut ledger =
            Self { file, known: HashSet::new(), order: VecDeque::new(), tally: Tally::default() };
        for line in BufReader::new(File::open(path)?).lines() {
            // A line that a crash cut off was not acked.
            if let Some((n, id)) =
                line?.split_once(' ').and_then(|(n, id)| Some((n.parse().ok()?, id.to_owned())))
            {
                ledger.note(id, n);
            }
        }
        Ok(ledger)
    }

    fn note(&mut self, id: String, n: u64) {
        self.tally.applied += 1;
        self.tally.disordered += u64::from(n < self.tally.last);
        self.tally.last = self.tally.last.max(n);
        match self.tally.ranges.last_mut() {
            Some([_, to]) if *to + 1 == n => *to = n,
            _ => self.tally.ranges.push([n, n]),
        }
        self.known.insert(id.clone());
        self.order.push_back(id);
        if self.order.len() > HORIZON
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn apply(&mut self, order: &Order) -> io::Result<()> {
        if self.known.contains(&order.id) {
            self.tally.repeats += 1;
            return Ok(());
        }
        self.file.write_all(format!("{} {}\n", order.n, order.id).as_bytes())?;
        self.note(order.id.clone(), order.n);
        Ok(())
    }
}

pub(super) struct Ledgers {
    dir: PathBuf,
    open: Mutex<VecDeque<(String, Ledger)>>,
}

impl Ledgers {
    pub(super) const fn new(dir: PathBuf) -> Self {
        Self { dir, open: Mutex::new(VecDeque::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, Ledger)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, client: &str, act: impl FnOnce(&mut Ledger) -> io::Result<T>) -> io::Result<T> {
        let mut all = self.lock();
        if let Some((_, ledger)) = all.iter_mut().find(|(of, _)| of == client) {
            return act(ledger);
        }
        let mut ledger = Ledger::open(&self.dir.join(format!("ledger-{client}")))?;
        let result = act(&mut ledger);
        all.push_back((client.to_owned(), ledger));
        if all.len() > LEDGERS {
            all.pop_front();
        }
        result
    }
}

const NO_NAME: Refusal = (StatusCode::BAD_REQUEST, "client must be 1 to 64 letters, digits and hyphens");

fn broken(error: &io::Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}

pub(super) async fn handle(
    State(app): Shared,
    Query(query): Query<LedgerQuery>,
    Query(stream): Query<StreamQuery>,
    Upgrade(upgrade): Upgrade,
    _: Asked,
) -> Result<Response, Refusal> {
    if !is_name(&query.client) {
        return Err(NO_NAME);
    }
    if let Some(upgrade) = upgrade {
        let open = app.stats.open(Kind::Ws);
        return Ok(ws::upgrade(open, upgrade, async move |ws| serve(ws, &app, &query).await));
    }
    let opened = uplink::open(&app, &stream)?;
    Ok(uplink::respond(&app, &stream, opened.mailbox))
}

pub(super) async fn post(
    State(app): Shared,
    Query(query): Query<LedgerQuery>,
    Query(stream): Query<StreamQuery>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    asked: Asked,
) -> Result<Response, Refusal> {
    if !is_name(&query.client) {
        return Err(NO_NAME);
    }
    // Before anything is applied.
    let answers = Answers::to(&app, &query.ack, &stream)?;
    let messages = uplink::messages(&asked.body)?;
    let mut said = Vec::new();
    for message in messages {
        match take(&app, &query, message) {
            Ok(answer) => said.extend(answer.and_then(|json| serde_json::from_str(&json).ok())),
            Err(error) => return Ok(broken(&error)),
        }
    }
    if query.cut > 0 && app.requests.attempt(&query.key, "/ledger") <= query.cut {
        connection.cut();
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(answers.give(said).await)
}

/// Applies an order. What is to be said to it, or to a ping.
fn take(app: &App, query: &LedgerQuery, message: Value) -> io::Result<Option<String>> {
    let pong = pong(&message);
    let Ok(order) = serde_json::from_value::<Order>(message) else { return Ok(pong) };
    app.ledgers.with(&query.client, |ledger| ledger.apply(&order))?;
    Ok((query.ack != "0").then(|| Say::Ack { id: &order.id }.json()))
}

async fn serve(mut ws: Ws, app: &Arc<App>, query: &LedgerQuery) -> Result<(), Gone> {
    loop {
        let Some(message) = json_of(&ws.receive().await?) else { continue };
        if let Some(answer) = take(app, query, message).map_err(|_| Gone)? {
            ws.send(Message::text(answer)).await?;
        }
    }
}

pub(super) async fn report(State(app): Shared, Query(query): Query<LedgerQuery>) -> Response {
    if !is_name(&query.client) {
        return NO_NAME.into_response();
    }
    match app.ledgers.with(&query.client, |ledger| Ok(ledger.tally.clone())) {
        Ok(tally) => Json(tally).into_response(),
        Err(error) => broken(&error),
    }
}
