//! A listening socket with few connections, whose requests must come soon. They can be cut off with RST from inside a
//! handler.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::{self, IncomingStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, timeout};

use crate::bounds::Bounds;

/// What a request's body may have.
const BODY: usize = 1024 * 1024;

pub(crate) struct Listener {
    tcp: TcpListener,
    bounds: Bounds,
    places: Arc<Semaphore>,
}

impl Listener {
    pub(crate) fn new(tcp: TcpListener, bounds: Bounds) -> Self {
        Self { tcp, bounds, places: Arc::new(Semaphore::new(bounds.connections)) }
    }
}

impl serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            let (tcp, peer) = serve::Listener::accept(&mut self.tcp).await;
            // Without a place it is closed at once.
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { continue };
            let _ = tcp.set_nodelay(true);
            let patience = self.bounds.request.map(|time| Box::pin(sleep(time)));
            return (Stream { tcp, connection: Connection::default(), patience, _place: place }, peer);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// The connection of a request, as its handler knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    reset: Arc<AtomicBool>,
    cut: Arc<AtomicBool>,
    /// The head of its first request is here.
    asked: Arc<AtomicBool>,
}

impl Connection {
    /// From now on, its end is an RST.
    pub(crate) fn end_with_reset(&self) {
        self.reset.store(true, Ordering::Release);
    }

    /// From now on nothing is written any more: what the handler answers is its end instead, an RST.
    pub(crate) fn cut(&self) {
        self.end_with_reset();
        self.cut.store(true, Ordering::Release);
    }

    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::Acquire) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl Connected<IncomingStream<'_, Listener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().connection.clone()
    }
}

pub(crate) struct Stream {
    tcp: TcpStream,
    connection: Connection,
    /// Until a request is here.
    patience: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// Ends the connection of who does not ask in time. The RST also reaches who is behind the proxy.
    fn wait_for_request(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.connection.asked.load(Ordering::Acquire) {
            self.patience = None;
        }
        if self.patience.as_mut().is_some_and(|patience| patience.as_mut().poll(cx).is_ready()) {
            self.connection.cut();
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

/// One request for each connection, and its body in time: whoever sends slowly holds a place for so long only.
pub(crate) async fn in_time(
    State(bounds): State<Bounds>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    connection.asked.store(true, Ordering::Release);
    let Some(time) = bounds.request else { return next.run(request).await };
    let (parts, body) = request.into_parts();
    let body: Bytes = match timeout(time, to_bytes(body, BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n").into_response(),
        Err(_) => {
            connection.cut();
            return StatusCode::REQUEST_TIMEOUT.into_response();
        }
    };
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::Acquire) {
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.wait_for_request(cx)?;
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.connection.check()?;
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection.check()?;
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.reset.load(Ordering::Acquire) {
            // A FIN before the RST would make a clean end of it.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
