//! The wire: a TCP proxy in front of the app that makes faults below HTTP.

mod connection;
mod pump;
mod unavailable;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::bounds::Bounds;
use crate::guard::Guard;
use crate::net::{self, Reserved};

/// The faults that are on. All off is normal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mode {
    pub(crate) stalled: bool,
    pub(crate) hole_up: bool,
    pub(crate) hole_down: bool,
    pub(crate) unavailable: bool,
    pub(crate) delay: Duration,
}

#[derive(Serialize)]
pub(crate) struct ProxyStats {
    open: usize,
    accepted: u64,
}

/// Dropped by a connection when it has done what it was told (or has ended before).
type Done = mpsc::Sender<()>;

pub(crate) struct Proxy {
    port: Reserved,
    app: SocketAddr,
    bounds: Bounds,
    guard: Option<Guard>,
    mode: watch::Sender<Mode>,
    connections: Mutex<Connections>,
    /// The task that owns the listening socket; none while connects are refused.
    acceptor: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Connections {
    accepted: u64,
    open: HashMap<u64, Orders>,
}

/// The way to one connection.
#[derive(Clone)]
struct Orders {
    reset: mpsc::UnboundedSender<Done>,
    half_close: mpsc::UnboundedSender<Done>,
}

impl Proxy {
    pub(crate) async fn start(
        port: Reserved,
        app: SocketAddr,
        guard: Option<Guard>,
    ) -> Result<Arc<Self>, String> {
        let proxy = Arc::new(Self {
            port,
            app,
            bounds: Bounds::of(guard.is_none()),
            guard,
            mode: watch::Sender::new(Mode::default()),
            connections: Mutex::default(),
            acceptor: tokio::sync::Mutex::new(None),
        });
        proxy.listen().await?;
        Ok(proxy)
    }

    /// Changes the faults, for open connections and new ones.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Mode)) {
        self.mode.send_modify(change);
    }

    pub(crate) async fn listen(self: &Arc<Self>) -> Result<(), String> {
        let mut acceptor = self.acceptor.lock().await;
        if acceptor.is_none() {
            let listener = net::listen(self.port.address()).await?;
            *acceptor = Some(tokio::spawn(Arc::clone(self).accept(listener)));
        }
        Ok(())
    }

    /// After it returns, connects are refused.
    pub(crate) async fn stop_listening(&self) {
        if let Some(acceptor) = self.acceptor.lock().await.take() {
            acceptor.abort();
            // The socket is closed when the task is gone.
            let _ = acceptor.await;
        }
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((client, _)) => self.open(client),
                // Out of file descriptors, most likely: wait for some to be closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn open(self: &Arc<Self>, client: TcpStream) {
        let (reset, reset_orders) = mpsc::unbounded_channel();
        let (half_close, half_close_orders) = mpsc::unbounded_channel();
        let mut connections = self.connections();
        if connections.open.len() >= self.bounds.connections {
            return;
        }
        connections.accepted += 1;
        let id = connections.accepted;
        connections.open.insert(id, Orders { reset, half_close });
        // Under the lock: a fault that is set and then resets what is open misses no connection.
        let mode = *self.mode.borrow();
        drop(connections);
        let entry = Entry { proxy: Arc::clone(self), id };
        tokio::spawn(connection::run(client, entry, mode, reset_orders, half_close_orders));
    }

    /// Resets every connection. After it returns they are gone.
    pub(crate) async fn reset(&self) {
        self.tell_all(|orders| &orders.reset).await;
    }

    /// Shuts down the write side towards every client.
    pub(crate) async fn half_close(&self) {
        self.tell_all(|orders| &orders.half_close).await;
    }

    async fn tell_all(&self, order: impl Fn(&Orders) -> &mpsc::UnboundedSender<Done>) {
        let (done, mut all_done) = mpsc::channel(1);
        for orders in self.connections().open.values() {
            // Fails for a connection that is ending, which needs no order.
            let _ = order(orders).send(done.clone());
        }
        drop(done);
        // Nothing is ever sent: this is the end of the last `Done`.
        let _ = all_done.recv().await;
    }

    pub(crate) fn stats(&self) -> ProxyStats {
        let connections = self.connections();
        ProxyStats { open: connections.open.len(), accepted: connections.accepted }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in the list of the open ones.
struct Entry {
    proxy: Arc<Proxy>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.proxy.connections().open.remove(&self.id);
    }
}
