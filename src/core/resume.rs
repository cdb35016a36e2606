//! The cursor, and de-duplication: after a reconnect, until the cursor has passed.
//!
//! The core sees fingerprints (`fingerprint` in port.js), never the ids: hashes of an id and of what came with it. Kept are the first
//! 64 and the last 1 024. A replay that begins with one of the first 64 is the whole stream: everything up to and
//! including the cursor is held back, however long. A message without an id of its own is never held back.
//!
//! Where messages have sequence numbers these decide: what is more than one above the last one names what is missing, and
//! what is not above it came already, or was told to be missing. A message may have several in a row: what is missing is told by its
//! first one, and the last one is its number for all else. So it is held back when all of it came, and delivered whole when a part did,
//! as nobody here can cut it. `sequence.rs` checks this with ranges that are cut in other ways when they come again.
//!
//! A server may begin to count anew without a word. Then an id, or a number, comes again with other content; or a number
//! comes that is below the first one, or so far below the last that its message is forgotten, and nothing shows that what
//! came is repeated. Then a gap is told, and everything is delivered. Content that differs shows that what was remembered
//! says nothing of this stream, so it is forgotten; else a message that comes again shows that it was a replay after all.
//!
//! One absurd number must not hold back all that come after it. What lies in a jump of more than [`LATE`] numbers was never
//! delivered: a number that comes back into one shows that the jump was wrong, or that what was missing is sent after all. So the
//! count goes on from before it, with a gap, and what came from beyond it is known by its id. Where that is forgotten, only
//! a jump of more than [`JUMP`] was wrong. And what is [`FAR`] below the last number is of another count, whatever else is known.
//!
//! **On an open stream at most N messages in a row that are not known, by id and content, are held back; then a gap is told,
//! and they come.** N is [`SOON`] for the last number itself and for those below the first; [`LATE`] for those that would be
//! remembered, had they come; [`RECENT`] for an epoch's from before the first; else what this client has received, as no
//! replay is longer. What an earlier page received counts as [`RECENT`]. So few as `LATE` come after all (`WITHHELD` in
//! port.js). A connection that begins with the same unknown message as the last one counts from 0: its replay broke off. In an epoch
//! a number says by itself which message it is, whatever a replay makes of it; but [`SOON`] with other content that do not count up
//! are no replay, and from then on its numbers may come again.
//! So does what follows a number that is remembered: the server repeats what it sent.
//! `muted.rs` checks this with random sequences.

pub(crate) const FIRST: usize = 64;
pub(crate) const RECENT: usize = 1_024;
/// So many may come late, as several that were made at once: they were told to be missing, and are held back.
const LATE: u64 = 16;
/// More numbers than a client misses, and is sent after all.
const JUMP: u64 = 1 << 16;
/// More than a client has ever received, so no replay is that long.
const FAR: u64 = 1 << 32;
/// So many jumps are remembered at a time.
const JUMPS: usize = 8;
/// Messages that come late, in a row. With a few that are known, no more than `WITHHELD` in port.js.
const SOON: u64 = 8;

/// In the upper half of a fingerprint: the lowest bits are of the content, 0 where that is not known. Without it all are of the
/// id, which cannot come again (`fingerprint` in port.js says which those are).
const SAMPLED: u64 = 1 << 32;
const CONTENT: u64 = (1 << 26) - 1;
/// The last of these: over which transport it came. The same message may look different on another one.
const SOCKET: u64 = 1;

/// Two fingerprints have the same id, and as far as can be known they are of the same message.
const ID: u8 = 1;
const MESSAGE: u8 = 3;

fn compare(one: u64, other: u64) -> u8 {
    let differing = one ^ other;
    if differing == 0 {
        MESSAGE
    } else if one & SAMPLED == 0 || differing & !CONTENT != 0 {
        0
    } else if one & CONTENT == 0 || other & CONTENT == 0 || differing & SOCKET != 0 {
        MESSAGE
    } else {
        ID
    }
}

/// As `compare`, with any of them.
// Not inlined, for the size.
#[inline(never)]
fn among(fingerprints: &[u64], fingerprint: u64) -> u8 {
    fingerprints.iter().fold(0, |found, other| found | compare(*other, fingerprint))
}

/// The fingerprint of the id that a message carries itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    None,
    /// An empty id: the server takes the cursor back (HTML, event stream interpretation).
    Reset,
    Own(u64),
}

/// How a reconnect ended, as far as can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The cursor itself was replayed: nothing is missing.
    Recovered,
    /// The server said that something is missing, or the sequence numbers do.
    Gap,
    /// Nothing proves that nothing is missing.
    Unknown,
}

/// What to do with a message: the gap is told before the message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckResult {
    pub(crate) deliver: bool,
    /// The message's id is the cursor now.
    pub(crate) moves: bool,
    pub(crate) outcome: Option<Outcome>,
    /// The sequence numbers that are missing, first and last.
    pub(crate) missing: Missing,
    /// The ids have begun anew: what was held back just before was new as well, and this message is to be ruled on
    /// again after it.
    pub(crate) restarted: bool,
}

impl CheckResult {
    pub(super) fn held(moves: bool, outcome: Option<Outcome>) -> Self {
        Self { deliver: false, moves, outcome, missing: None, restarted: false }
    }

    fn delivered(moves: bool, outcome: Option<Outcome>, missing: Missing) -> Self {
        Self { deliver: true, moves, outcome, missing, restarted: false }
    }
}

pub(crate) type Missing = Option<(u64, u64)>;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ids {
    first: Vec<u64>,
    recent: Vec<u64>,
    /// More than [`RECENT`] were kept: the last of them count.
    forgot: bool,
    cursor: Option<u64>,
    /// Messages may have sequence numbers: each is ruled on.
    numbered: bool,
    /// The last number.
    last: Option<u64>,
    /// What the server counts in: numbers of another one say nothing of these.
    epoch: Option<u64>,
    /// Without an epoch: the first number, and whether messages come that came before, since the last new one.
    from: u64,
    repeats: bool,
    /// And the last number before those that nothing was known of.
    before: Option<u64>,
    /// The last number before each jump, and the first one after it with its message.
    jumps: Vec<(u64, u64, u64)>,
    replay: Option<Replay>,
    /// What the next message must be preceded by.
    due: Option<Outcome>,
    /// What the last connection was asked to go on from, until its first message is ruled on; and the first id, or
    /// number, that another one gave meanwhile, if it opened beside one.
    asked: Option<u64>,
    followed: Option<u64>,
    /// It has not opened yet.
    awaited: bool,
    /// What was last said in this replay: several messages of one id are delivered or held back together.
    ruled: Option<(u64, bool)>,
    /// The numbers begin anew, and none has counted on: they may all be the same.
    loose: bool,
    bounds: Bounds,
}

/// What bounds how much is held back.
#[derive(Clone, Debug, Default)]
struct Bounds {
    /// How many messages were delivered.
    received: u64,
    /// How many that are not known were held back in a row; the first one of them on this connection, or the one before; and
    /// whether it is yet to come.
    strangers: u64,
    probe: u64,
    reopened: bool,
    /// What lies between `from` and `head` is remembered as of the first, and from `floor` on as of the last; `mark` is the
    /// next floor, set when so many had been received.
    head: u64,
    floor: u64,
    mark: u64,
    marked: u64,
    /// What was held back before this on this connection, or the highest number if it came; and how often one in an epoch came with
    /// other content, and did not count up.
    previous: u64,
    alike: u64,
    stuck: u64,
}

// These only grow: the model of all states would have no end with them.
impl PartialEq for Bounds {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Bounds {}
impl std::hash::Hash for Bounds {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Replay {
    /// The cursor that was asked for: it ends the replay.
    target: u64,
    begun: bool,
    /// The stream comes again from its beginning.
    whole: bool,
    /// New ids so far. A server past the cursor never shows it again, so the replay ends by count as well.
    fresh: usize,
}

impl Ids {
    pub(crate) fn new(numbered: bool) -> Self {
        Self { numbered, ..Self::default() }
    }

    /// What an earlier page left.
    pub(crate) fn start_from(&mut self, id: Id, last: Option<u64>) {
        self.learn(id);
        self.last = last;
        self.bounds.received += RECENT as u64;
        self.bounds.floor = last.unwrap_or_default();
        self.bounds.mark = self.bounds.floor;
        // Not the first id of the stream: the stream began before it.
        self.first.clear();
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn cursor(&self) -> Option<u64> {
        self.cursor
    }

    pub(crate) fn has_cursor(&self) -> bool {
        self.cursor.is_some()
    }

    /// There is something to go on from.
    pub(crate) fn begun(&self) -> bool {
        self.cursor.is_some() || self.last.is_some()
    }

    /// Whether the next message must be ruled on.
    pub(crate) fn checking(&self) -> bool {
        self.numbered || self.replay.is_some() || self.due.is_some()
    }

    /// The cursor cannot go up.
    pub(crate) fn abandon(&mut self) {
        self.cursor = None;
        self.due.get_or_insert(Outcome::Unknown);
    }

    /// A connection is asked for what comes after the cursor. Until it opens, another one may go on.
    pub(crate) fn asking(&mut self) {
        self.successor_failed();
        self.asked = self.cursor;
        self.awaited = self.begun();
    }

    /// It will not open: the one beside it goes on.
    // Not inlined, for the size.
    #[inline(never)]
    pub(crate) fn successor_failed(&mut self) {
        self.followed = None;
        self.awaited = false;
    }

    /// A connection opened that is not the first, or that starts from a cursor.
    pub(crate) fn reconnected(&mut self) {
        self.replay = self.cursor.map(|target| Replay { target, begun: false, whole: false, fresh: 0 });
        self.due = Some(self.due.unwrap_or(Outcome::Unknown));
        self.ruled = None;
        self.awaited = false;
        self.repeats = false;
        self.bounds.reopened = true;
        self.bounds.previous = 0;
    }

    /// The same connection was asked anew, a long poll, and answers. `beside`: another one has been asked, and has not opened.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn asked_again(&mut self, beside: bool) {
        if !beside {
            self.asking();
        }
        let awaited = beside && self.awaited;
        self.reconnected();
        self.awaited = awaited;
    }

    /// The server said that something is missing. Its ids may start anew, so the old ones prove nothing.
    pub(crate) fn gap_told(&mut self) {
        self.first.clear();
        if let Some(followed) = self.followed.filter(|_| self.awaited || self.replay.is_some()) {
            // But what came over the connection before this one, after this one was asked for, is of the present.
            while self.recent.first().is_some_and(|id| *id != followed) {
                self.recent.remove(0);
            }
        } else {
            self.recent.clear();
            self.forgot = false;
            self.replay = None;
        }
        self.ruled = None;
        self.due = Some(Outcome::Gap);
    }

    /// Some that came are lost, and nothing else: sequence numbers tell which.
    pub(crate) fn missed(&mut self) {
        if self.last.is_none() {
            self.due = Some(Outcome::Gap);
        }
    }

    /// The server said that it goes on from the cursor.
    pub(crate) fn recovery_told(&mut self) {
        self.due = self.due.map(|due| if due == Outcome::Unknown { Outcome::Recovered } else { due });
    }

    /// What the following numbers count in. Another one than before: whatever was between them is gone.
    pub(crate) fn epoch(&mut self, epoch: u64) {
        let before = self.epoch.replace(epoch);
        // The first one, too, where numbers came without.
        if before != Some(epoch) && (before.is_some() || self.last.is_some()) {
            self.gap_told();
            self.last = None;
            self.before = None;
            self.jumps.clear();
            (self.bounds.floor, self.bounds.mark, self.bounds.stuck) = (0, 0, 0);
        }
    }

    /// So many more than were learned came before.
    pub(crate) fn received(&mut self, more: u64) {
        self.bounds.received += more;
    }

    /// A message that is not known is about to be held back: whether that is more than can be.
    fn too_many(&mut self, fingerprint: u64, bound: u64) -> bool {
        if std::mem::take(&mut self.bounds.reopened)
            && std::mem::replace(&mut self.bounds.probe, fingerprint) == fingerprint
        {
            self.bounds.strangers = 0;
        }
        self.bounds.strangers += 1;
        self.bounds.strangers > bound
    }

    /// An id that was delivered without a check.
    pub(crate) fn learn(&mut self, id: Id) {
        match id {
            Id::None => self.bounds.received += 1,
            Id::Reset => {
                self.cursor = None;
                self.bounds.received += 1;
            }
            Id::Own(hash) => self.keep(hash),
        }
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn place(&mut self, id: Id, number: Option<u64>) -> CheckResult {
        self.place_range(id, None, number)
    }

    /// `first`: the message has all numbers from this one to `number`.
    pub(crate) fn place_range(&mut self, id: Id, first: Option<u64>, number: Option<u64>) -> CheckResult {
        let Some(number) = number else {
            // Between numbered messages: the next number says what is missing.
            let due = self.due.take_if(|_| self.last.is_some());
            let result = self.rule(id);
            self.due = self.due.or(due);
            return result;
        };
        let first = first.unwrap_or(number).min(number);
        if let Id::Own(fingerprint) = id
            && self.before.is_some_and(|before| number <= before && before - number < FAR)
            && self.last.is_none_or(|last| number > last)
            && self.placed(fingerprint) == MESSAGE
        {
            self.jumps.clear();
            self.last = self.before.take();
            self.repeats = true;
            return CheckResult::held(false, None);
        }
        let Some(last) = self.last else {
            // It may still be the message at the cursor.
            let result = self.rule(id);
            if !result.restarted {
                self.last = Some(number);
                self.from = first;
                self.bounds.head = number.saturating_add(1);
                self.followed = Some(number).filter(|_| self.awaited);
            }
            return result;
        };
        let counts_on = number > last;
        let missing = (first > last.saturating_add(1)).then(|| (last + 1, first - 1));
        // The server may count anew after a gap that it told itself; but not what came meanwhile.
        let again = !self.awaited && self.followed.is_some_and(|from| number >= from);
        if !counts_on && (again || self.due != Some(Outcome::Gap)) {
            let inside = |&(below, above, known): &(u64, u64, u64)| {
                below < number
                    && number < above
                    && (above - below > JUMP || known == 0 || self.known(known) != 0)
            };
            if let Some(at) = self.jumps.iter().position(inside) {
                self.last = self.jumps.get(at).map(|&(below, ..)| below);
                self.jumps.truncate(at);
                self.before = self.before.max(Some(last));
                self.due = Some(Outcome::Gap);
                return self.place_range(id, Some(first), Some(number));
            }
            let (known, fingerprint) = match id {
                Id::Own(fingerprint) => (self.placed(fingerprint), fingerprint),
                _ => (0, number),
            };
            let differs = known == MESSAGE && self.known(fingerprint) == ID;
            if last - number >= FAR && known != MESSAGE {
                self.before = None;
                self.begin();
                return self.place_range(id, Some(first), Some(number));
            }
            let counted = again || self.epoch.is_some();
            if known == MESSAGE && !(differs && self.loose) {
                // A replay counts up.
                let back = number <= std::mem::replace(&mut self.bounds.previous, number);
                let other = std::mem::replace(&mut self.bounds.alike, fingerprint) != fingerprint;
                if differs && back && other {
                    self.bounds.stuck += 1;
                    if self.bounds.stuck > SOON {
                        self.loose = true;
                        self.before = None;
                        return self.begin();
                    }
                }
                self.repeats |= !counted;
                self.bounds.strangers = 0;
                return CheckResult::held(false, None);
            }
            if !self.loose {
                if known == ID {
                    self.loose = true;
                    return self.restart();
                }
                // Else it would be remembered, or was told to be missing; the first one is, by its id.
                let early = number < self.from;
                let strange = early || number > self.from && last - number >= RECENT as u64;
                let alien = strange && !counted && !self.repeats && id != Id::None;
                let bound = if number == last || early && (!counted || number >= self.bounds.floor) {
                    SOON
                } else if early {
                    RECENT as u64
                } else if number >= self.bounds.floor || number < self.bounds.head {
                    LATE
                } else {
                    self.bounds.received
                };
                if !alien && !self.too_many(fingerprint, bound) {
                    return CheckResult::held(false, None);
                }
                self.loose = !alien;
                self.before = self.before.max(Some(last));
                return self.begin();
            }
            if number < last {
                self.due.get_or_insert(Outcome::Unknown);
            }
        }
        if !counts_on {
            // It counts anew.
            self.jumps.clear();
        } else {
            self.loose = false;
        }
        if counts_on && first.saturating_sub(last) > LATE {
            if self.jumps.len() == JUMPS {
                self.jumps.pop();
            }
            self.jumps.push((last, first, if let Id::Own(fingerprint) = id { fingerprint } else { 0 }));
        }
        self.from = self.from.min(first);
        self.repeats = false;
        self.bounds.strangers = 0;
        self.bounds.previous = u64::MAX;
        if self.bounds.stuck <= SOON {
            self.bounds.stuck = 0;
        }
        self.last = Some(number);
        self.followed = self.followed.or(Some(number)).filter(|_| self.awaited);
        self.replay = None;
        self.learn(id);
        if self.first.len() < FIRST && self.bounds.head > 0 {
            self.bounds.head = number.saturating_add(1);
        }
        if self.bounds.received - self.bounds.marked >= RECENT as u64 / 2 {
            self.bounds.floor = std::mem::replace(&mut self.bounds.mark, number);
            self.bounds.marked = self.bounds.received;
        }
        let outcome = match self.due.take() {
            _ if missing.is_some() => Some(Outcome::Gap),
            Some(Outcome::Unknown) if counts_on => Some(Outcome::Recovered),
            due => due,
        };
        CheckResult::delivered(id != Id::None, outcome, missing)
    }

    pub(crate) fn rule(&mut self, id: Id) -> CheckResult {
        let Id::Own(fingerprint) = id else {
            self.learn(id);
            return CheckResult::delivered(id == Id::Reset, self.due.take(), None);
        };
        if let Some(replay) = self.replay.filter(|replay| compare(replay.target, fingerprint) == MESSAGE) {
            self.replay = None;
            self.bounds.strangers = 0;
            self.cursor = Some(fingerprint);
            // What was new before it is older than all we had: the replay began before we joined.
            let start = self.recent.len() - self.recent().len();
            for _ in 0..replay.fresh {
                if let Some(older) = self.recent.pop() {
                    self.recent.insert(start, older);
                }
            }
            // The server's word weighs more than its replay.
            let due = self.due.take_if(|due| *due != Outcome::Gap);
            return CheckResult::held(true, due.map(|_| Outcome::Recovered));
        }
        if let Some((last, deliver)) = self.ruled
            && compare(last, fingerprint) != 0
        {
            if !deliver {
                let bound =
                    if self.replay.is_some_and(|replay| replay.whole) { self.bounds.received } else { SOON };
                if self.known(fingerprint) != MESSAGE && self.too_many(fingerprint, bound) {
                    return self.restart();
                }
                return CheckResult::held(false, None);
            }
            if let Some(replay) = &mut self.replay {
                replay.fresh += 1;
            }
        } else if let Some(mut replay) = self.replay {
            let known = self.known(fingerprint);
            if known == ID {
                return self.restart();
            }
            // While nothing is forgotten, each id speaks for itself.
            let from = [self.asked, self.followed];
            // What the next connection needs to know is kept.
            if !self.awaited {
                (self.asked, self.followed) = (None, None);
            }
            replay.whole |= !replay.begun
                && self.forgot
                && (among(&self.first, fingerprint)
                    | among(&from.map(Option::unwrap_or_default), fingerprint))
                    == MESSAGE;
            replay.begun = true;
            if replay.whole && known == 0 && self.too_many(fingerprint, self.bounds.received) {
                // Only its greeting is the same on each connection, say.
                replay.whole = false;
                self.first.clear();
                self.bounds.strangers = 0;
                self.due.get_or_insert(Outcome::Unknown);
            }
            let again = replay.whole || among(self.recent(), fingerprint) == MESSAGE;
            replay.fresh += usize::from(!again);
            self.replay = (replay.fresh < RECENT).then_some(replay);
            self.ruled = Some((fingerprint, !again));
            if again {
                return CheckResult::held(false, None);
            }
        }
        self.keep(fingerprint);
        CheckResult::delivered(true, self.due.take(), None)
    }

    /// [`ID`]: it came before, with other content.
    fn known(&self, fingerprint: u64) -> u8 {
        among(self.recent(), fingerprint) | among(&self.first, fingerprint)
    }

    /// The same of a numbered message: in an epoch its number alone says which it is, whatever a replay makes of it.
    fn placed(&self, fingerprint: u64) -> u8 {
        match self.known(fingerprint) {
            ID if self.epoch.is_some() => MESSAGE,
            known => known,
        }
    }

    fn recent(&self) -> &[u64] {
        self.recent.get(self.recent.len().saturating_sub(RECENT)..).unwrap_or_default()
    }

    /// Ids, or numbers, begin anew: what is remembered is of another stream.
    fn restart(&mut self) -> CheckResult {
        self.first.clear();
        self.recent.clear();
        self.forgot = false;
        self.before = None;
        (self.bounds.floor, self.bounds.mark) = (0, 0);
        self.begin()
    }

    /// From here on it is another beginning.
    fn begin(&mut self) -> CheckResult {
        self.replay = None;
        self.ruled = None;
        self.last = None;
        self.jumps.clear();
        self.followed = None;
        self.repeats = false;
        self.bounds.strangers = 0;
        if self.due != Some(Outcome::Gap) {
            self.due = Some(Outcome::Unknown);
        }
        CheckResult { restarted: true, ..CheckResult::held(false, None) }
    }

    fn keep(&mut self, fingerprint: u64) {
        self.cursor = Some(fingerprint);
        self.bounds.received += 1;
        if self.awaited {
            self.followed.get_or_insert(fingerprint);
        }
        if self.first.len() < FIRST {
            self.first.push(fingerprint);
        }
        self.recent.push(fingerprint);
        self.forgot |= self.recent.len() > RECENT;
        // Not one by one: each would move all the others.
        if self.recent.len() > 2 * RECENT {
            self.recent.copy_within(RECENT + 1.., 0);
            self.recent.truncate(RECENT);
        }
    }
}
