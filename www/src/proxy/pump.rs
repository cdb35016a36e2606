//! One direction of a connection: bytes through, later or not yet when a fault says so.

use std::collections::VecDeque;
use std::io;

use axum::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Done, Mode};

const CHUNK: usize = 16 * 1024;
/// What is held back at most. Beyond it the sender meets backpressure, as on a real line.
const HELD: usize = 256 * 1024;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Up,
    Down,
}

impl Mode {
    fn holds(&self, direction: Direction) -> bool {
        self.stalled || if direction == Direction::Up { self.hole_up } else { self.hole_down }
    }
}

pub(super) struct Pump<'a> {
    direction: Direction,
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    mode: watch::Receiver<Mode>,
    half_closes: UnboundedReceiver<Done>,
    held: VecDeque<(Instant, Bytes)>,
}

impl<'a> Pump<'a> {
    pub(super) fn new(
        direction: Direction,
        from: ReadHalf<'a>,
        to: WriteHalf<'a>,
        mode: watch::Receiver<Mode>,
        half_closes: UnboundedReceiver<Done>,
    ) -> Self {
        Self { direction, from, to, mode, half_closes, held: VecDeque::new() }
    }

    /// Runs until the sender has closed and all is passed on. An error is one of either socket.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let mut ended = false;
        let mut half_closed = false;
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            let mode = *self.mode.borrow_and_update();
            let open = !mode.holds(self.direction);
            if ended && self.held.is_empty() && open {
                // A FIN is passed on like a byte: not while the line is silent.
                return if half_closed { Ok(()) } else { self.to.shutdown().await };
            }
            let room = self.held.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() < HELD;
            let next = self.held.front().map(|(arrived, bytes)| (*arrived + mode.delay, bytes.clone()));
            let due = open && next.is_some();
            tokio::select! {
                // A change comes first, so that no byte passes after it.
                biased;
                changed = self.mode.changed() => if changed.is_err() { return Ok(()) },
                Some(done) = self.half_closes.recv() => {
                    self.held.clear();
                    self.to.shutdown().await?;
                    half_closed = true;
                    drop(done);
                }
                written = write_at(&mut self.to, next), if due => self.written(written?),
                read = self.from.read_buf(&mut chunk), if !ended && room => {
                    if read? == 0 {
                        ended = true;
                    } else if half_closed {
                        chunk.clear();
                    } else {
                        let bytes = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK)).into();
                        self.held.push_back((Instant::now(), bytes));
                    }
                }
            }
        }
    }

    fn written(&mut self, written: usize) {
        if let Some((_, bytes)) = self.held.front_mut() {
            let _ = bytes.split_to(written.min(bytes.len()));
            if bytes.is_empty() {
                self.held.pop_front();
            }
        }
    }
}

/// Dropping it before it is ready writes nothing.
async fn write_at(to: &mut WriteHalf<'_>, next: Option<(Instant, Bytes)>) -> io::Result<usize> {
    let Some((due, bytes)) = next else { return Ok(0) };
    if due > Instant::now() {
        sleep_until(due).await;
    }
    to.write(&bytes).await
}
