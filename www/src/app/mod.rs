//! The app: what clients connect to through the wire.

pub(crate) mod answer;
mod auth;
mod bots;
mod bulk;
mod chat;
mod clock;
mod count;
mod cursor;
mod echo;
mod http;
mod jobs;
mod ledger;
mod llm;
mod log;
mod message;
mod requests;
mod rooms;
mod script;
mod sse;
mod stats;
mod tail;
mod task;
mod ticker;
mod uplink;
mod ws;

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;

use crate::app_process::remove_logs;
use crate::args::AppOptions;
use crate::bounds::{Bounds, MOST_REPLAYS};
use crate::guard::{self, Guard};
use crate::listener::{self, Connection, Listener};
use crate::{net, say};

use log::Logs;
use stats::Stats;

/// What all endpoints share.
pub(crate) struct App {
    logs: Arc<Logs>,
    stats: Arc<Stats>,
    bots: Arc<bots::Bots>,
    generators: Arc<ticker::Generators>,
    scripts: script::Scripts,
    requests: requests::Requests,
    jobs: jobs::Jobs,
    ledgers: ledger::Ledgers,
    streams: Arc<uplink::Streams>,
    rooms: Arc<rooms::Hub>,
    gate: auth::Gate,
}

type Shared = State<Arc<App>>;

/// Serves until stdin is closed, which says that the parent is gone.
pub(crate) async fn run(options: AppOptions) -> Result<(), String> {
    let tests = options.guard.is_none();
    let bounds = Bounds::of(tests);
    let logs = Logs::open(&options.dir, options.epoch, options.log_size, bounds)
        .map_err(|error| format!("the log in {} cannot be used: {error}", options.dir.display()))?;
    let logs = Arc::new(logs);
    let app = Arc::new(App {
        logs: Arc::clone(&logs),
        stats: Arc::default(),
        bots: Arc::default(),
        generators: ticker::Generators::new(bounds.tickers),
        scripts: script::Scripts::default(),
        // In the demo there is nobody to read them back.
        requests: requests::Requests::new(tests),
        jobs: jobs::Jobs::open(&options.dir),
        ledgers: ledger::Ledgers::new(options.dir.clone()),
        streams: uplink::Streams::new(bounds.streams),
        rooms: Arc::new(rooms::Hub::new(Arc::clone(&logs))),
        gate: auth::Gate::default(),
    });
    let streams = Arc::clone(&app.streams);
    tokio::spawn(async move { streams.sweep_for_ever().await });
    let listener = Listener::new(net::listen(options.address).await?, bounds);
    let service = router(app, options.guard).into_make_service_with_connect_info::<Connection>();
    let server = tokio::spawn(async move { axum::serve(listener, service).await });
    say("ready");
    tokio::select! {
        () = net::stdin_closed() => {
            remove_logs(&options.dir);
            Ok(())
        }
        ended = server => Err(format!("the app's server ended: {ended:?}")),
    }
}

fn router(app: Arc<App>, guard: Option<Guard>) -> Router {
    let bounds = Bounds::of(guard.is_none());
    let mut router = for_the_page();
    if guard.is_none() {
        router = router.merge(for_tests());
        router = router.layer(middleware::from_fn_with_state(Arc::clone(&app), auth::check));
    }
    router = router.layer(middleware::from_fn(http::allow_origin));
    if guard.is_none() {
        // Behind the layer, as it has a mind of its own there.
        router = router.route("/cors", any(http::cors));
    }
    router
        .layer(middleware::from_fn_with_state(guard.map(Arc::new), guard::check))
        .layer(middleware::from_fn_with_state(bounds, listener::in_time))
        .with_state(app)
}

/// What the demo needs.
fn for_the_page() -> Router<Arc<App>> {
    Router::new()
        .route("/rooms", get(rooms::handle).post(rooms::post))
        .route("/ticker", get(ticker::handle))
        .route("/llm", post(llm::start))
        .route("/llm/{job}", get(jobs::resume).delete(jobs::cancel))
        .route("/llm/{job}/cancel", post(jobs::cancel))
        .route("/llm/{job}/stats", get(jobs::stats))
        .route("/llm/{job}/text", get(jobs::text))
        .route("/task", post(task::start))
        .route("/task/{job}", get(jobs::resume).delete(jobs::cancel))
        .route("/task/{job}/cancel", post(jobs::cancel))
        .route("/task/{job}/stats", get(jobs::stats))
        .route("/logs", get(tail::handle))
        .route("/stats", get(async |State(app): Shared| Json(app.stats.now())))
        .route("/health", get(async || "ok\n"))
        .route("/replay", post(replay))
}

/// These answer what the address says, or as much as it says.
fn for_tests() -> Router<Arc<App>> {
    Router::new()
        .route("/chat", any(chat::handle))
        .route("/count", any(count::handle))
        .route("/echo", get(echo::handle).post(echo::post))
        .route("/ledger", get(ledger::handle).post(ledger::post))
        .route("/ledger/report", get(ledger::report))
        .route("/script/ws", any(script::ws::handle))
        .route("/script/sse", any(script::sse::handle))
        .route("/script/log", get(script::log))
        .route("/script/held", get(script::held))
        .route("/script/heard", post(script::heard))
        .route("/answer", any(answer::handle))
        .route("/redirect", any(answer::redirect))
        .route("/requests", any(requests::handle))
        .route("/token", get(auth::token))
        .route("/token/revoke", post(auth::revoke))
        .route("/upgrades/refuse", post(auth::refuse))
        .route("/big", get(bulk::big))
        .route("/flood", get(bulk::flood))
}

#[derive(Deserialize)]
struct Replay {
    n: u64,
}

/// From the control API: the next `n` resumes get everything again.
async fn replay(State(app): Shared, Query(query): Query<Replay>) -> &'static str {
    app.logs.replay_next(query.n.min(MOST_REPLAYS));
    "ok\n"
}
