//! How many long-lived connections are open now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Ws,
    Sse,
}

#[derive(Default)]
pub(super) struct Stats {
    ws: AtomicU64,
    sse: AtomicU64,
    opened: AtomicU64,
}

impl Stats {
    pub(super) fn open(self: &Arc<Self>, kind: Kind) -> Open {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.of(kind).fetch_add(1, Ordering::Relaxed);
        Open { stats: Arc::clone(self), kind }
    }

    pub(super) fn now(&self) -> Value {
        let [ws, sse, opened] = [&self.ws, &self.sse, &self.opened].map(|n| n.load(Ordering::Relaxed));
        json!({ "connections": ws + sse, "ws": ws, "sse": sse, "opened": opened })
    }

    fn of(&self, kind: Kind) -> &AtomicU64 {
        match kind {
            Kind::Ws => &self.ws,
            Kind::Sse => &self.sse,
        }
    }
}

/// One open connection, counted until this is dropped.
pub(super) struct Open {
    stats: Arc<Stats>,
    kind: Kind,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.stats.of(self.kind).fetch_sub(1, Ordering::Relaxed);
    }
}
