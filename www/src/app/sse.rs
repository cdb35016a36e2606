//! An event stream that is written by a task and counted while it is open.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::stats::Open;

/// Where the task writes. Waits when the client does not keep up.
pub(super) struct Out(mpsc::Sender<io::Result<Bytes>>);

impl Out {
    pub(super) async fn send(&self, chunk: impl Into<Bytes>) {
        // An error says that the client is gone, and this task is being aborted.
        let _ = self.0.send(Ok(chunk.into())).await;
    }

    /// Ends the connection in the middle of the stream.
    pub(super) async fn fail(&self) {
        let _ = self.0.send(Err(io::Error::other("the script says so"))).await;
    }
}

/// Dropped when the client is gone: uncounts the connection and stops the task.
struct Reader {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    task: AbortHandle,
    _open: Open,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers with the stream that `write` writes. It ends when `write` returns.
pub(super) fn respond<F>(open: Open, write: impl FnOnce(Out) -> F) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let (out, chunks) = mpsc::channel(1);
    let task = tokio::spawn(write(Out(out))).abort_handle();
    let reader = Reader { chunks, task, _open: open };
    let body = stream::unfold(reader, async |mut reader| {
        let chunk = reader.chunks.recv().await?;
        if chunk.is_err() {
            // Pending for a moment, so that what was sent before is flushed.
            tokio::task::yield_now().await;
        }
        Some((chunk, reader))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

/// One event, with a data line for each line of the data. Names and ids of this server have no line breaks.
pub(super) fn event(name: Option<&str>, id: Option<&str>, data: &str) -> String {
    let field = |key: &str, value: Option<&str>| value.map(|v| format!("{key}: {v}\n")).unwrap_or_default();
    let data = data.replace('\n', "\ndata: ");
    format!("{}{}data: {data}\n\n", field("event", name), field("id", id))
}
