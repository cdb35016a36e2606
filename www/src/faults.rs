//! What goes wrong, on demand: the one place that knows which faults are on and when they end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use crate::app_process::AppProcess;
use crate::proxy::{Mode, Proxy, ProxyStats};

/// Faults that last for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Timed {
    Stall,
    Refuse,
    Unavailable,
}

impl Timed {
    const ALL: [Self; 3] = [Self::Stall, Self::Refuse, Self::Unavailable];
}

pub(crate) struct Faults {
    proxy: Arc<Proxy>,
    app: Arc<AppProcess>,
    /// What ends the timed faults. Held while one begins or ends, so that they do not cross.
    ends: Mutex<HashMap<Timed, AbortHandle>>,
}

impl Faults {
    pub(crate) fn new(proxy: Arc<Proxy>, app: Arc<AppProcess>) -> Self {
        Self { proxy, app, ends: Mutex::new(HashMap::new()) }
    }

    pub(crate) async fn drop_all(&self) {
        self.proxy.reset().await;
    }

    pub(crate) async fn half_close(&self) {
        self.proxy.half_close().await;
    }

    pub(crate) async fn restart(&self, down_ms: u64) -> Result<(), String> {
        self.app.restart(Duration::from_millis(down_ms)).await
    }

    pub(crate) async fn replay(&self, n: u64) -> Result<(), String> {
        let path = format!("/replay?n={n}");
        self.app.request("POST", &path).await.map(drop).map_err(|error| error.to_string())
    }

    pub(crate) fn black_hole(&self, direction: &str) -> Result<(), String> {
        let (up, down) = match direction {
            "up" => (true, false),
            "down" => (false, true),
            "both" => (true, true),
            _ => return Err(format!("direction is up, down or both, not {direction:?}")),
        };
        self.proxy.change(|mode| (mode.hole_up, mode.hole_down) = (up, down));
        Ok(())
    }

    pub(crate) fn delay(&self, ms: u64) {
        self.proxy.change(|mode| mode.delay = Duration::from_millis(ms));
    }

    /// Begins a fault that ends by itself after `ms` (0: not before `clear`).
    pub(crate) async fn begin(self: &Arc<Self>, fault: Timed, ms: u64) {
        let mut ends = self.ends.lock().await;
        if let Some(end) = ends.remove(&fault) {
            end.abort();
        }
        match fault {
            Timed::Stall => self.proxy.change(|mode| mode.stalled = true),
            Timed::Refuse => {
                self.proxy.stop_listening().await;
                self.proxy.reset().await;
            }
            Timed::Unavailable => {
                self.proxy.change(|mode| mode.unavailable = true);
                self.proxy.reset().await;
            }
        }
        if ms > 0 {
            let faults = Arc::clone(self);
            let end = tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                let mut ends = faults.ends.lock().await;
                ends.remove(&fault);
                if let Err(sentence) = faults.end(fault).await {
                    eprintln!("everwire-demo: {sentence}");
                }
            });
            ends.insert(fault, end.abort_handle());
        }
    }

    async fn end(&self, fault: Timed) -> Result<(), String> {
        match fault {
            Timed::Stall => self.proxy.change(|mode| mode.stalled = false),
            Timed::Refuse => self.proxy.listen().await?,
            Timed::Unavailable => self.proxy.change(|mode| mode.unavailable = false),
        }
        Ok(())
    }

    /// Everything normal, a restart under way included.
    pub(crate) async fn clear(&self) -> Result<(), String> {
        let mut ends = self.ends.lock().await;
        for (_, end) in ends.drain() {
            end.abort();
        }
        for fault in Timed::ALL {
            self.end(fault).await?;
        }
        self.proxy.change(|mode| *mode = Mode::default());
        self.app.settled().await;
        Ok(())
    }

    pub(crate) fn proxy_stats(&self) -> ProxyStats {
        self.proxy.stats()
    }

    pub(crate) async fn app_stats(&self) -> Result<Value, String> {
        let stats = self.app.request("GET", "/stats").await.map_err(|_| "the app is down".to_owned())?;
        serde_json::from_str(&stats).map_err(|error| error.to_string())
    }
}
