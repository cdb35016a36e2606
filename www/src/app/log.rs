//! The logs of rooms and tickers: bounded in memory, appended to a file, read from a cursor on.
//!
//! A reader has no queue of its own. It knows how far it is and reads on from there, so nothing is
//! lost or doubled between replay and live, and one that falls behind the log is told of the gap.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::message::Say;
use crate::bounds::Bounds;

/// How many entries a reader takes at once.
const BATCH: usize = 200;
/// When so many bytes were appended to the file, it is written anew with what is still known.
const COMPACT: usize = 32 * 1024 * 1024;

pub(super) struct Logs {
    epoch: String,
    /// Entries that a log keeps in memory.
    size: usize,
    bounds: Bounds,
    path: PathBuf,
    replays_path: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: File,
    appended: usize,
    logs: HashMap<String, Log>,
    /// So many resumes get everything again.
    replays: u64,
}

#[derive(Default)]
struct Log {
    last: u64,
    entries: VecDeque<Arc<str>>,
    bytes: usize,
    grown: watch::Sender<()>,
}

/// One entry in the file.
#[derive(Serialize, Deserialize)]
struct Line {
    log: String,
    seq: u64,
    body: String,
}

impl Log {
    /// The number of the oldest entry kept, or of the next one when there is none.
    fn first(&self) -> u64 {
        self.last + 1 - self.entries.len() as u64
    }

    fn push(&mut self, seq: u64, body: Arc<str>, size: usize, bytes: usize) {
        self.last = seq;
        self.bytes += body.len();
        self.entries.push_back(body);
        while self.entries.len() > size || self.bytes > bytes {
            let Some(first) = self.entries.pop_front() else { break };
            self.bytes -= first.len();
        }
    }
}

impl Logs {
    /// Goes on from what the file in `dir` has.
    pub(super) fn open(dir: &Path, epoch: String, size: usize, bounds: Bounds) -> io::Result<Self> {
        let path = dir.join("log");
        let replays_path = dir.join("replays");
        let mut logs = HashMap::<String, Log>::new();
        let bytes = if path.exists() { fs::read(&path)? } else { Vec::new() };
        // A kill can tear the last line. It was never sent, as writing comes first.
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        for line in bytes.get(..whole).unwrap_or_default().split(|&byte| byte == b'\n') {
            if let Ok(line) = serde_json::from_slice::<Line>(line) {
                logs.entry(line.log).or_default().push(line.seq, line.body.into(), size, bounds.log_bytes);
            }
        }
        let file = File::options().append(true).create(true).open(&path)?;
        file.set_len(whole as u64)?;
        let replays = fs::read_to_string(&replays_path).ok().and_then(|n| n.parse().ok()).unwrap_or(0);
        let state = Mutex::new(State { file, appended: whole, logs, replays });
        Ok(Self { epoch, size, bounds, path, replays_path, state })
    }

    /// Appends what `make` makes of the new number and id.
    pub(super) fn append(&self, key: &str, make: impl FnOnce(u64, &str) -> String) {
        let mut state = self.state();
        let State { file, appended, logs, .. } = &mut *state;
        let log = logs.entry(key.to_owned()).or_default();
        let seq = log.last + 1;
        let line = Line { log: key.to_owned(), seq, body: make(seq, &self.id(seq)) };
        // In the file before anybody is told: no id is sent that a restart does not know.
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            *appended += bytes.len();
            file.write_all(&bytes)
        });
        if let Err(error) = written {
            eprintln!("everwire-demo: the log cannot be written: {error}");
        }
        log.push(seq, line.body.into(), self.size, self.bounds.log_bytes);
        log.grown.send_replace(());
        if state.appended > COMPACT
            && let Err(error) = self.compact(&mut state)
        {
            eprintln!("everwire-demo: the log cannot be written anew: {error}");
        }
    }

    /// Writes the file anew: it does not grow for ever.
    fn compact(&self, state: &mut State) -> io::Result<()> {
        state.appended = 0;
        // Renamed, as a kill can tear what is being written.
        let new = self.path.with_extension("new");
        let mut out = BufWriter::new(File::create(&new)?);
        for (key, log) in &state.logs {
            for (seq, body) in (log.first()..).zip(&log.entries) {
                let line = Line { log: key.clone(), seq, body: body.to_string() };
                serde_json::to_writer(&mut out, &line)?;
                out.write_all(b"\n")?;
            }
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&new, &self.path)?;
        state.file = File::options().append(true).open(&self.path)?;
        Ok(())
    }

    /// Whether there is such a log, or room for it.
    pub(super) fn admits(&self, key: &str) -> bool {
        let logs = &self.state().logs;
        logs.len() < self.bounds.logs || logs.contains_key(key)
    }

    /// The next `n` resumes get everything again, also when a restart comes between.
    pub(super) fn replay_next(&self, n: u64) {
        self.set_replays(&mut self.state(), n);
    }

    fn set_replays(&self, state: &mut State, n: u64) {
        state.replays = n;
        if let Err(error) = fs::write(&self.replays_path, n.to_string()) {
            eprintln!("everwire-demo: the replays cannot be written: {error}");
        }
    }

    /// Reads on after the cursor, or only what comes from now on.
    pub(super) fn read(self: &Arc<Self>, key: &str, cursor: Option<&str>) -> Reader {
        self.read_from(key, cursor, Begin::After)
    }

    /// The same, but with the entry at the cursor, if it is still there: the client's proof that nothing
    /// is missing.
    pub(super) fn read_overlapping(self: &Arc<Self>, key: &str, cursor: Option<&str>) -> Reader {
        self.read_from(key, cursor, Begin::AtIfThere)
    }

    /// The same, but without that entry it is a gap.
    pub(super) fn read_from_cursor(self: &Arc<Self>, key: &str, cursor: &str) -> Reader {
        self.read_from(key, Some(cursor), Begin::AtOrGap)
    }

    fn read_from(self: &Arc<Self>, key: &str, cursor: Option<&str>, begin: Begin) -> Reader {
        let mut state = self.state();
        let replay = cursor.is_some() && state.replays > 0;
        if replay {
            let left = state.replays - 1;
            self.set_replays(&mut state, left);
        }
        let log = state.logs.entry(key.to_owned()).or_default();
        let oldest = log.first() - 1;
        let (at, gap) = match cursor.map(|id| (id, self.seq(id))) {
            None => (log.last, None),
            Some((_, Some(seq)))
                if (oldest + u64::from(begin == Begin::AtOrGap)..=log.last).contains(&seq) =>
            {
                let overlap = u64::from(begin != Begin::After);
                (if replay { oldest } else { seq.saturating_sub(overlap).max(oldest) }, None)
            }
            Some((id, _)) => (oldest, Some(id.to_owned())),
        };
        Reader { logs: Arc::clone(self), key: key.to_owned(), at, gap, grown: log.grown.subscribe() }
    }

    /// Reads all that the log has, then on: what a newcomer is shown.
    pub(super) fn read_all(self: &Arc<Self>, key: &str) -> Reader {
        self.read_last(key, usize::MAX)
    }

    /// The same, but at most so many of before.
    pub(super) fn read_last(self: &Arc<Self>, key: &str, most: usize) -> Reader {
        let mut state = self.state();
        let log = state.logs.entry(key.to_owned()).or_default();
        let at = log.last - log.entries.len().min(most) as u64;
        Reader { logs: Arc::clone(self), key: key.to_owned(), at, gap: None, grown: log.grown.subscribe() }
    }

    /// The last entries of a log, the newest last.
    pub(super) fn bodies(&self, key: &str, most: usize) -> Vec<Arc<str>> {
        let state = self.state();
        let entries = state.logs.get(key).into_iter().flat_map(|log| &log.entries);
        let mut last: Vec<_> = entries.rev().take(most).map(Arc::clone).collect();
        last.reverse();
        last
    }

    pub(super) fn last_id(&self, key: &str) -> Option<String> {
        let last = self.state().logs.get(key)?.last;
        (last > 0).then(|| self.id(last))
    }

    fn id(&self, seq: u64) -> String {
        format!("{}-{seq}", self.epoch)
    }

    fn seq(&self, id: &str) -> Option<u64> {
        id.strip_prefix(&self.epoch)?.strip_prefix('-')?.parse().ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a reader with a cursor begins.
#[derive(Clone, Copy, PartialEq)]
enum Begin {
    After,
    AtIfThere,
    AtOrGap,
}

pub(super) enum Item {
    Entry { id: String, body: Arc<str> },
    Gap(String),
}

/// One client's place in a log.
pub(super) struct Reader {
    logs: Arc<Logs>,
    key: String,
    /// The number of the last entry taken.
    at: u64,
    /// The cursor that the log does not reach back to, until the client is told.
    gap: Option<String>,
    grown: watch::Receiver<()>,
}

impl Reader {
    /// Waits for what comes next. Dropping it before it is ready takes nothing.
    pub(super) async fn next(&mut self) -> Vec<Item> {
        loop {
            self.grown.mark_unchanged();
            let items = self.take();
            if !items.is_empty() {
                return items;
            }
            if self.grown.changed().await.is_err() {
                // Logs are never removed, so their senders stay.
                std::future::pending::<()>().await;
            }
        }
    }

    fn take(&mut self) -> Vec<Item> {
        let logs = Arc::clone(&self.logs);
        let state = logs.state();
        let Some(log) = state.logs.get(&self.key) else { return Vec::new() };
        let first = log.first();
        if self.at + 1 < first {
            self.gap.get_or_insert_with(|| logs.id(self.at));
            self.at = first - 1;
        }
        let mut items = Vec::new();
        if let Some(after) = self.gap.take() {
            items.push(Item::Gap(Say::Gap { after: &after, before: &logs.id(self.at + 1) }.json()));
        }
        let skip = usize::try_from(self.at + 1 - first).unwrap_or(usize::MAX);
        for body in log.entries.iter().skip(skip).take(BATCH) {
            self.at += 1;
            items.push(Item::Entry { id: logs.id(self.at), body: Arc::clone(body) });
        }
        items
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;
    use serde_json::Value;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("everwire-log-{}-{name}", std::process::id()));
            fs::create_dir_all(&dir).ok();
            Self(dir)
        }

        fn open(&self, size: usize) -> Arc<Logs> {
            Arc::new(
                Logs::open(&self.0, "e1".to_owned(), size, Bounds::of(true))
                    .ok()
                    .into_iter()
                    .next()
                    .unwrap_or_else(|| std::process::abort()),
            )
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    fn fill(logs: &Logs, n: usize) {
        for _ in 0..n {
            logs.append("a", |seq, _| seq.to_string());
        }
    }

    /// What a client with this cursor is sent at once: bodies, and gaps as `after>before`.
    fn sent(logs: &Arc<Logs>, cursor: Option<&str>) -> Vec<String> {
        let show = |item| match item {
            Item::Entry { body, .. } => String::from(&*body),
            Item::Gap(gap) => {
                let gap: Value = serde_json::from_str(&gap).unwrap();
                format!("{}>{}", gap["after"].as_str().unwrap(), gap["before"].as_str().unwrap())
            }
        };
        logs.read("a", cursor).take().into_iter().map(show).collect()
    }

    #[test]
    fn a_cursor_gets_what_is_after_it_or_a_gap_and_everything() {
        let dir = Dir::new("cursor");
        let logs = dir.open(3);
        assert_eq!(sent(&logs, Some("e1-1")), ["e1-1>e1-1"]);
        fill(&logs, 5);
        assert!(sent(&logs, None).is_empty());
        assert!(sent(&logs, Some("e1-5")).is_empty());
        assert_eq!(sent(&logs, Some("e1-4")), ["5"]);
        assert_eq!(sent(&logs, Some("e1-2")), ["3", "4", "5"]);
        for unknown in ["e1-1", "e1-6", "e2-4", "e1-", "x"] {
            assert_eq!(sent(&logs, Some(unknown)), [&format!("{unknown}>e1-3"), "3", "4", "5"]);
        }
    }

    #[test]
    fn an_overlap_begins_with_the_entry_at_the_cursor() {
        let dir = Dir::new("overlap");
        let logs = dir.open(3);
        fill(&logs, 5);
        let sent = |id| logs.read_overlapping("a", Some(id)).take().len();
        // 3, 4 and 5 are left; after 2 nothing is missing, but 2 itself is gone.
        assert_eq!([sent("e1-5"), sent("e1-4"), sent("e1-3"), sent("e1-2")], [1, 2, 3, 3]);
        assert_eq!(logs.read_all("a").take().len(), 3);
        let sent = |id| match logs.read_from_cursor("a", id).take().as_slice() {
            [Item::Gap(_), items @ ..] => (true, items.len()),
            items => (false, items.len()),
        };
        assert_eq!([sent("e1-5"), sent("e1-3"), sent("e1-2")], [(false, 1), (false, 3), (true, 3)]);
        assert_eq!([0, 2, 9].map(|most| logs.read_last("a", most).take().len()), [0, 2, 3]);
        assert_eq!(logs.bodies("a", 2), ["4".into(), "5".into()]);
        assert_eq!([logs.last_id("a"), logs.last_id("b")], [Some("e1-5".to_owned()), None]);
    }

    #[test]
    fn a_reader_that_falls_behind_is_told() {
        let dir = Dir::new("behind");
        let logs = dir.open(3);
        let mut reader = logs.read("a", None);
        fill(&logs, 1);
        assert_eq!(reader.take().len(), 1);
        fill(&logs, 4);
        assert!(matches!(reader.take().as_slice(), [Item::Gap(_), _, _, _]));
        assert!(reader.take().is_empty());
    }

    #[test]
    fn a_restart_goes_on_and_ignores_a_torn_line() {
        let dir = Dir::new("torn");
        fill(&dir.open(10), 3);
        let mut file = File::options().append(true).open(dir.0.join("log")).unwrap();
        file.write_all(b"{\"log\":\"a\",\"seq\":4,\"bo").unwrap();
        let logs = dir.open(10);
        fill(&logs, 1);
        assert_eq!(sent(&logs, Some("e1-2")), ["3", "4"]);
        assert_eq!(sent(&dir.open(10), Some("e1-2")), ["3", "4"]);
    }

    #[test]
    fn replays_are_for_resumes_and_survive_a_restart() {
        let dir = Dir::new("replays");
        let logs = dir.open(10);
        fill(&logs, 3);
        logs.replay_next(2);
        assert!(sent(&logs, None).is_empty());
        assert_eq!(sent(&logs, Some("e1-3")), ["1", "2", "3"]);
        let logs = dir.open(10);
        assert_eq!(sent(&logs, Some("e1-3")), ["1", "2", "3"]);
        assert!(sent(&logs, Some("e1-3")).is_empty());
    }

    #[test]
    fn a_log_and_its_file_hold_so_many_bytes() {
        let dir = Dir::new("bytes");
        let bounds = Bounds { log_bytes: 100, logs: 2, ..Bounds::of(false) };
        let open = || Arc::new(Logs::open(&dir.0, "e1".to_owned(), 1_000, bounds).unwrap());
        let logs = open();
        let body = |seq: u64| format!("{seq:>40}");
        for _ in 0..5 {
            logs.append("a", |seq, _| body(seq));
        }
        logs.append("b", |seq, _| body(seq));
        assert_eq!(sent(&logs, Some("e1-3")), [body(4), body(5)]);
        assert!(logs.admits("a") && !logs.admits("c"));
        let length = || fs::metadata(dir.0.join("log")).unwrap().len();
        let before = length();
        logs.compact(&mut logs.state()).unwrap();
        assert!(length() * 2 == before, "{before} {}", length());
        logs.append("a", |seq, _| body(seq));
        drop(logs);
        assert_eq!(sent(&open(), Some("e1-4")), [body(5), body(6)]);
    }
}
