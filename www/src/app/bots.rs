//! Bots that talk in a room while some connection wants them to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

/// Longer than the demo's heartbeat interval, so that its pings are seen.
pub(super) const PAUSE: Duration = Duration::from_millis(2_400);
pub(super) const CAST: [&str; 3] = ["ann", "bo", "cy"];

/// What they say in a room, over and over: who, and what.
pub(super) const fn lines(topic: &str) -> [(&'static str, &'static str); 7] {
    match topic.as_bytes() {
        b"cables" => [
            ("cy", "the one off Porthcurno is down again"),
            ("bo", "an anchor?"),
            ("cy", "an anchor. It always is an anchor"),
            ("ann", "traffic goes round by the other one, nobody noticed"),
            ("bo", "somebody always notices"),
            ("cy", "spliced! numbers match on both ends"),
            ("ann", "then nothing was lost"),
        ],
        b"tea" => [
            ("bo", "who is for tea?"),
            ("ann", "me"),
            ("cy", "me too, on the next train"),
            ("bo", "that makes three"),
            ("ann", "the kettle is a server: it says nothing, and then it boils over"),
            ("cy", "a long poll, then"),
            ("bo", "it ends in a cup"),
        ],
        _ => [
            ("ann", "is anybody there?"),
            ("bo", "here, and you?"),
            ("cy", "my train is in a tunnel again"),
            ("ann", "did you get my last one?"),
            ("bo", "every one of them, in order"),
            ("cy", "back! what did I miss?"),
            ("ann", "nothing, it seems"),
        ],
    }
}

/// Those that talk now, by room.
#[derive(Default)]
pub(super) struct Bots(Mutex<HashMap<String, Talking>>);

struct Talking {
    wanted_by: usize,
    task: AbortHandle,
}

impl Bots {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Talking>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// They `talk` from the first wish on.
    pub(super) fn wanted(
        self: &Arc<Self>,
        room: &str,
        talk: impl Future<Output = ()> + Send + 'static,
    ) -> Bot {
        self.lock()
            .entry(room.to_owned())
            .or_insert_with(|| Talking { wanted_by: 0, task: tokio::spawn(talk).abort_handle() })
            .wanted_by += 1;
        Bot { bots: Arc::clone(self), room: room.to_owned() }
    }
}

/// A connection's wish for bots.
pub(super) struct Bot {
    bots: Arc<Bots>,
    room: String,
}

impl Drop for Bot {
    fn drop(&mut self) {
        let mut bots = self.bots.lock();
        if let Some(talking) = bots.get_mut(&self.room) {
            talking.wanted_by -= 1;
            if talking.wanted_by == 0 {
                talking.task.abort();
                bots.remove(&self.room);
            }
        }
    }
}
