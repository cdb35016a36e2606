//! `/ledger`: a server that does each thing once. A client sends `{"id":…,"n":…}`; what is new is applied and written
//! down, what came before is discarded, and either is acked. An id is known for as long as the horizon goes back.
//!
//! Written to a file before the ack, so that a restart forgets nothing that it has acked.

use std::collections::{HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::message::Say;
use super::stats::Kind;
use super::ws::{Gone, Ws, json_of, pong};
use super::{App, Shared, ws};

/// So many of a client's last ids are known.
const HORIZON: usize = 10_000;
/// The client whose ledger was opened first gives way; its file stays.
const LEDGERS: usize = 50;

#[derive(Deserialize)]
pub(super) struct LedgerQuery {
    client: String,
    /// 0: applied, but not acked.
    #[serde(default)]
    ack: String,
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

/// It becomes a file's name.
fn is_name(client: &str) -> bool {
    (1..=64).contains(&client.len())
        && client.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn no_name() -> Response {
    (StatusCode::BAD_REQUEST, "client must be 1 to 64 letters, digits and hyphens").into_response()
}

pub(super) async fn handle(
    State(app): Shared,
    Query(query): Query<LedgerQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_name(&query.client) {
        return no_name();
    }
    let open = app.stats.open(Kind::Ws);
    ws::upgrade(open, upgrade, async move |ws| serve(ws, &app, &query).await)
}

async fn serve(mut ws: Ws, app: &Arc<App>, query: &LedgerQuery) -> Result<(), Gone> {
    loop {
        let message = ws.receive().await?;
        let Some(value) = json_of(&message) else { continue };
        if let Some(pong) = pong(&value) {
            ws.send(pong).await?;
        } else if let Ok(order) = serde_json::from_value::<Order>(value) {
            app.ledgers.with(&query.client, |ledger| ledger.apply(&order)).map_err(|_| Gone)?;
            if query.ack != "0" {
                ws.send(Message::text(Say::Ack { id: &order.id }.json())).await?;
            }
        }
    }
}

pub(super) async fn report(State(app): Shared, Query(query): Query<LedgerQuery>) -> Response {
    if !is_name(&query.client) {
        return no_name();
    }
    match app.ledgers.with(&query.client, |ledger| Ok(ledger.tally.clone())) {
        Ok(tally) => Json(tally).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
