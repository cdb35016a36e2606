//! Work that goes on while nobody listens: `/llm` and `/task` start it, and its events can be had from any
//! cursor on.
//!
//! Event n is due at a time that is known from the start, so a job needs no task and no memory of its own,
//! and a restart of the server does not stop it.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::interval;

use super::cursor::Cursor;
use super::requests::Asked;
use super::sse::{self, Out};
use super::stats::Kind;
use super::{App, Shared, clock, llm, task};

/// The oldest gives way.
const JOBS: usize = 200;
/// So long after its end a job can still be read, in milliseconds.
const KEPT: u64 = 60 * 60 * 1000;
const LONGEST_DELAY: u64 = 60_000;
const COMMENT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) enum Work {
    Llm { tokens: u64 },
    Task,
}

impl Work {
    /// The number of the last event. The first is 0.
    fn last(self) -> u64 {
        match self {
            Self::Llm { tokens } => tokens.saturating_add(1),
            Self::Task => task::LAST,
        }
    }
}

/// All that a restart has to know.
#[derive(Clone, Serialize, Deserialize)]
struct Plan {
    id: String,
    work: Work,
    /// Milliseconds since 1970.
    started: u64,
    /// Milliseconds between two events.
    delay: u64,
    /// Each connection is cut after so many events; 0 for never.
    cut: u64,
    /// When, in milliseconds since 1970.
    cancelled: Option<u64>,
}

impl Plan {
    fn due(&self, n: u64) -> u64 {
        self.started.saturating_add(n.saturating_mul(self.delay))
    }
}

struct Job {
    plan: Plan,
    cancelled: watch::Sender<Option<u64>>,
    resumes: AtomicU64,
    cancels: AtomicU64,
}

impl Job {
    fn new(plan: Plan) -> Arc<Self> {
        let cancelled = watch::Sender::new(plan.cancelled);
        Arc::new(Self { plan, cancelled, resumes: AtomicU64::new(0), cancels: AtomicU64::new(0) })
    }

    fn event(&self, n: u64) -> String {
        let Plan { id, work, .. } = &self.plan;
        let event_id = format!("{id}:{n}");
        match *work {
            Work::Llm { tokens } => llm::event(id, &event_id, n, tokens),
            Work::Task => task::event(&event_id, n),
        }
    }

    /// How many events behind the first are due, or were when it was cancelled.
    fn said(&self) -> u64 {
        let until = self.cancelled.borrow().unwrap_or_else(clock::now);
        until.saturating_sub(self.plan.started).checked_div(self.plan.delay).unwrap_or(u64::MAX)
    }

    /// The events behind the cursor, each at its time.
    fn respond(self: Arc<Self>, app: &App, after: Option<u64>, overlap: u64) -> Response {
        let last = self.plan.work.last();
        if self.cancelled.borrow().is_some() || after.is_some_and(|after| after >= last) {
            return StatusCode::NO_CONTENT.into_response();
        }
        let first = after.map_or(0, |after| after + 1 - overlap);
        let end = match self.plan.cut {
            0 => u64::MAX,
            // Event 0 only tells the id, and an overlap is nothing new: neither counts.
            cut => after.unwrap_or(0).saturating_add(cut),
        };
        let mut cancelled = self.cancelled.subscribe();
        sse::respond(app.stats.open(Kind::Sse), async move |out| {
            tokio::select! {
                () = self.write(&out, first..=last, end) => {}
                _ = cancelled.wait_for(Option::is_some) => {}
            }
        })
    }

    /// Cuts the connection behind event `end`.
    async fn write(&self, out: &Out, events: RangeInclusive<u64>, end: u64) {
        let mut comments = interval(COMMENT);
        comments.reset();
        for n in events {
            let due = clock::reached(self.plan.due(n));
            tokio::pin!(due);
            loop {
                tokio::select! {
                    () = &mut due => break,
                    _ = comments.tick() => out.send(": still at it\n\n").await,
                }
            }
            let event = self.event(n).into_bytes();
            if n > end {
                // With a half event, as a real cut leaves one.
                out.send(event.get(..event.len() / 2).unwrap_or_default().to_vec()).await;
                return out.fail().await;
            }
            out.send(event).await;
        }
    }
}

pub(super) struct Jobs {
    path: PathBuf,
    jobs: Mutex<VecDeque<Arc<Job>>>,
}

impl Jobs {
    /// Goes on with what the file in `dir` has.
    pub(super) fn open(dir: &FilePath) -> Self {
        let path = dir.join("jobs");
        let plans = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Vec<Plan>>(&bytes).ok());
        let jobs = plans.unwrap_or_default().into_iter().map(Job::new).collect();
        Self { path, jobs: Mutex::new(jobs) }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the work. The answer is its stream.
    pub(super) fn start(app: &App, work: Work, delay: u64, cut: u64) -> Response {
        let (started, delay) = (clock::now(), delay.min(LONGEST_DELAY));
        let mut jobs = app.jobs.lock();
        jobs.retain(|job| job.plan.due(job.plan.work.last()).saturating_add(KEPT) > started);
        while jobs.len() >= JOBS {
            jobs.pop_front();
        }
        let plan =
            |n: u64| Plan { id: format!("{started:x}-{n}"), work, started, delay, cut, cancelled: None };
        let taken = |plan: &Plan| jobs.iter().any(|job| job.plan.id == plan.id);
        let Some(plan) = (0..).map(plan).find(|plan| !taken(plan)) else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let job = Job::new(plan);
        jobs.push_back(Arc::clone(&job));
        app.jobs.save(&jobs);
        drop(jobs);
        job.respond(app, None, 0)
    }

    fn find(&self, id: &str) -> Option<Arc<Job>> {
        self.lock().iter().find(|job| job.plan.id == id).map(Arc::clone)
    }

    fn save(&self, jobs: &VecDeque<Arc<Job>>) {
        let plans: Vec<Plan> =
            jobs.iter().map(|job| Plan { cancelled: *job.cancelled.borrow(), ..job.plan.clone() }).collect();
        // Renamed, as a kill can tear what is being written.
        let new = self.path.with_extension("new");
        let saved = serde_json::to_vec(&plans)
            .map_err(io::Error::from)
            .and_then(|bytes| fs::write(&new, bytes))
            .and_then(|()| fs::rename(&new, &self.path));
        if let Err(error) = saved {
            eprintln!("everwire-demo: the jobs cannot be written: {error}");
        }
    }
}

fn unknown() -> Response {
    (StatusCode::NOT_FOUND, "there is no such job\n").into_response()
}

#[derive(Deserialize)]
pub(super) struct ResumeQuery {
    after: Option<u64>,
    /// 1: begins with the event at the cursor, which proves that nothing is missing.
    #[serde(default)]
    overlap: String,
}

/// Behind the cursor (`JOB:N`), else behind `after`, else all.
pub(super) async fn resume(
    State(app): Shared,
    Path(id): Path<String>,
    Query(query): Query<ResumeQuery>,
    Cursor(cursor): Cursor,
    _: Asked,
) -> Response {
    let Some(job) = app.jobs.find(&id) else { return unknown() };
    job.resumes.fetch_add(1, Ordering::Relaxed);
    let after = match cursor {
        None => query.after,
        Some(cursor) => {
            let n = cursor.strip_prefix(&id).and_then(|rest| rest.strip_prefix(':')).map(str::parse);
            let Some(Ok(n)) = n else {
                return (StatusCode::BAD_REQUEST, "the cursor is not one of this job\n").into_response();
            };
            Some(n)
        }
    };
    job.respond(&app, after, u64::from(query.overlap == "1"))
}

/// Its streams end, and it has no more to say.
pub(super) async fn cancel(State(app): Shared, Path(id): Path<String>, _: Asked) -> Response {
    let jobs = app.jobs.lock();
    let Some(job) = jobs.iter().find(|job| job.plan.id == id) else { return unknown() };
    job.cancels.fetch_add(1, Ordering::Relaxed);
    // The first time counts.
    job.cancelled.send_modify(|at| _ = at.get_or_insert_with(clock::now));
    app.jobs.save(&jobs);
    StatusCode::NO_CONTENT.into_response()
}

/// Since the last restart.
pub(super) async fn stats(State(app): Shared, Path(id): Path<String>) -> Response {
    let Some(job) = app.jobs.find(&id) else { return unknown() };
    let [resumes, cancels] = [&job.resumes, &job.cancels].map(|n| n.load(Ordering::Relaxed));
    Json(json!({ "starts": 1, "resumes": resumes, "cancels": cancels })).into_response()
}

/// What an `/llm` has said until now, heard or not, for a test to compare.
pub(super) async fn text(State(app): Shared, Path(id): Path<String>) -> Response {
    let Some(job) = app.jobs.find(&id) else { return unknown() };
    let Work::Llm { tokens } = job.plan.work else { return unknown() };
    llm::text(tokens.min(job.said())).into_response()
}
