//! One connection through the proxy, from accept to the end of both sockets.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::pump::{Direction, Pump};
use super::{Done, Entry, Mode, unavailable};

/// The sockets of a connection. The app's is there once it is connected.
struct Ends {
    client: TcpStream,
    app: Option<TcpStream>,
}

impl Ends {
    /// Closes with RST on both sides, as a cut line does.
    fn reset(self) {
        for stream in [Some(self.client), self.app].into_iter().flatten() {
            // Fails only for a socket that is no longer connected.
            let _ = stream.set_zero_linger();
        }
    }
}

pub(super) async fn run(
    client: TcpStream,
    entry: Entry,
    mode: Mode,
    mut resets: UnboundedReceiver<Done>,
    half_closes: UnboundedReceiver<Done>,
) {
    let _ = client.set_nodelay(true);
    let mut ends = Ends { client, app: None };
    let done = tokio::select! {
        biased;
        done = resets.recv() => {
            ends.reset();
            done
        }
        result = carry(&mut ends, &entry, mode, half_closes) => {
            // What broke on one side breaks on the other: an RST of the app's reaches the client as one.
            if result.is_err() { ends.reset() } else { drop(ends) }
            None
        }
    };
    // In this order: who is told that the reset is done must not find the connection in the list.
    drop(entry);
    drop(done);
}

async fn carry(
    ends: &mut Ends,
    entry: &Entry,
    mode: Mode,
    mut half_closes: UnboundedReceiver<Done>,
) -> io::Result<()> {
    let patience = entry.proxy.bounds.half_open;
    if mode.unavailable {
        // It half-closes by itself; the order must not wait for a client that stays.
        drop(half_closes);
        return within(patience, unavailable::answer(&mut ends.client, entry.proxy.guard.as_ref())).await;
    }
    if mode.stalled {
        let stalled = async {
            tokio::select! {
                result = swallow(&mut ends.client) => return result,
                Some(_done) = half_closes.recv() => ends.client.shutdown().await?,
            }
            swallow(&mut ends.client).await
        };
        return within(patience, stalled).await;
    }
    let app = TcpStream::connect(entry.proxy.app).await?;
    app.set_nodelay(true)?;
    let (from_client, to_client) = ends.client.split();
    let (from_app, to_app) = ends.app.insert(app).split();
    let mode = &entry.proxy.mode;
    // Nobody half-closes towards the app.
    let (_, none) = mpsc::unbounded_channel();
    let up = Pump::new(Direction::Up, from_client, to_app, mode.subscribe(), none);
    let down = Pump::new(Direction::Down, from_app, to_client, mode.subscribe(), half_closes);
    // The app has no more to say once it has ended: a client that stays all the same is cut off.
    let (over, ended) = oneshot::channel();
    let down = async {
        let result = down.run().await;
        let _ = over.send(());
        result
    };
    let up = async {
        let up = up.run();
        tokio::pin!(up);
        tokio::select! {
            result = &mut up => return result,
            _ = ended => {}
        }
        within(patience, up).await
    };
    tokio::try_join!(up, down)?;
    Ok(())
}

/// An error when it takes longer.
async fn within(patience: Option<Duration>, what: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    match patience {
        Some(patience) => timeout(patience, what).await?,
        None => what.await,
    }
}

/// Reads until the peer has had enough, and never answers.
pub(super) async fn swallow(stream: &mut TcpStream) -> io::Result<()> {
    let mut ignored = vec![0; 4096];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
