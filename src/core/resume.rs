//! The cursor, and de-duplication: after a reconnect, until the cursor has passed.
//!
//! The core never sees an id. It gets fingerprints (`pkg-template/port/fingerprint.ts`, `src/web/fingerprint.rs`): hashes of an id and
//! of the content that came with it. It keeps the first 64 and the last 1,024. A replay that begins with one of the first 64 is a
//! replay of the whole stream: all of it up to and including the cursor is held back, however long. A message without an id is never
//! held back.
//!
//! Where messages have sequence numbers, the numbers decide. A number more than one above the last tells which ones are missing.
//! A number that is not above the last came already, or was told as missing. A message may cover several numbers in a row: its first
//! one tells what is missing, and its last one counts for all else. So it is held back if all of it came, and delivered whole if
//! only a part did, as nobody can cut it here. `sequence.rs` tests this with ranges that are cut differently when they come again.
//!
//! A server may begin to count anew without saying so. Then an id or a number comes again with other content; or a number comes that
//! is below the first one, or so far below the last one that its message is forgotten, and nothing shows a replay. In that case the app
//! gets a gap, and everything is delivered. Different content shows that what the core remembers is of another stream, so it is
//! forgotten; if a remembered message comes, it was a replay after all.
//!
//! One absurd number must not hold back all messages after it. The numbers inside a jump of more than [`LATE`] were never delivered. If
//! one of them comes, the jump was wrong, or the missing messages are sent after all: the count goes on from before the jump, with a
//! gap, and messages from beyond it are known by their ids. Once those are forgotten, only a jump of more than [`JUMP`] counts as wrong.
//! And a number that is [`FAR`] below the last one belongs to another count, whatever else is known.
//!
//! **On an open stream, at most N messages in a row that the core does not know by id and content are held back; then the app gets a
//! gap, and they are delivered.** N is [`SOON`] for the last number itself and for numbers below the first; [`LATE`] for numbers
//! whose messages would be remembered if they had come; [`RECENT`] for numbers of an epoch from before the first; for all others it
//! is the number of messages that this client has received, as no replay is longer. What an earlier page received counts as
//! [`RECENT`]. Up to [`LATE`] messages that were held back are delivered after all (`WITHHELD` in `pkg-template/port/ids.ts`). If two
//! connections in a row begin with the same unknown message, the count starts from 0, as the replay broke off. In an epoch, a number
//! says by itself which message it is, even if its content differs; but [`SOON`] messages with other content whose numbers do not
//! rise are no replay, and from then on the epoch's numbers may come again. Messages after a remembered number are held back as well, as
//! the server repeats what it sent. `muted.rs` tests this with random sequences.

pub(crate) const FIRST: usize = 64;
pub(crate) const RECENT: usize = 1_024;
/// So many messages may come out of order, as several that were sent at once: they were told as missing, and are held back.
const LATE: u64 = 16;
/// A jump over more numbers than this is never filled by messages that come late.
const JUMP: u64 = 1 << 16;
/// More messages than a client ever receives, so no replay is that long.
const FAR: u64 = 1 << 32;
/// So many jumps are remembered.
const JUMPS: usize = 8;
/// So many unknown messages in a row may be late ones. It leaves room for a few known ones within `WITHHELD`
/// (`pkg-template/port/ids.ts`).
const SOON: u64 = 8;

/// A bit in the upper half of a fingerprint: the lowest bits are of the content, or 0 where it is not known. Without this bit all
/// bits are of the id, which is one that never comes again with other content (`pkg-template/port/fingerprint.ts` says which).
const SAMPLED: u64 = 1 << 32;
const CONTENT: u64 = (1 << 26) - 1;
/// The last bit of the content: whether it came over a WebSocket. The same message may look different over another transport.
const SOCKET: u64 = 1;

/// [`ID`]: two fingerprints have the same id. [`MESSAGE`]: as far as can be known they are of the same message, too.
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

/// As [`compare`], with the best result of all.
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

/// What to do with a message. The app gets the outcome before the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckResult {
    pub(crate) deliver: bool,
    /// The message's id becomes the cursor.
    pub(crate) moves: bool,
    pub(crate) outcome: Option<Outcome>,
    /// The sequence numbers that are missing, first and last.
    pub(crate) missing: Missing,
    /// The server's ids began anew, so the messages that were just held back were new: they are checked again, and this one after them.
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
    /// More than [`RECENT`] ids came, so some are forgotten.
    forgot: bool,
    cursor: Option<u64>,
    /// Messages may have sequence numbers, so each one is checked.
    numbered: bool,
    /// The last number.
    last: Option<u64>,
    /// The epoch of the numbers. Numbers of another epoch cannot be compared with these.
    epoch: Option<u64>,
    /// Without an epoch: the first number, and whether a known message came since the last new one.
    from: u64,
    repeats: bool,
    /// The last number before the numbers seemed to begin anew.
    before: Option<u64>,
    /// Of each jump the last number before it, the first number after it, and the fingerprint of that one's message.
    jumps: Vec<(u64, u64, u64)>,
    replay: Option<Replay>,
    /// The outcome that the app gets before the next message.
    due: Option<Outcome>,
    /// The cursor that the last connection was asked for, until its first message is checked; and the first id, or number, that the
    /// connection before it delivered meanwhile, if it opened beside one.
    asked: Option<u64>,
    followed: Option<u64>,
    /// That connection has not opened yet.
    awaited: bool,
    /// What was last said in this replay: several messages of one id are delivered or held back together.
    ruled: Option<(u64, bool)>,
    /// The numbers began anew and have not risen since: they may all be the same.
    loose: bool,
    bounds: Bounds,
}

/// The counts that limit how much is held back.
#[derive(Clone, Debug, Default)]
struct Bounds {
    /// How many messages this client received.
    received: u64,
    /// How many unknown messages in a row were held back; the first of them on this connection, or on the one before; and whether the
    /// first one of this connection is still to come.
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

// These counts only grow, so with them the model of all states would never end.
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
    /// The whole stream is replayed from its beginning.
    whole: bool,
    /// How many new ids came. A server that is past the cursor never sends it again, so the replay also ends by this count.
    fresh: usize,
}

impl Ids {
    pub(crate) fn new(numbered: bool) -> Self {
        Self { numbered, ..Self::default() }
    }

    /// Starts from the cursor and the number that an earlier page stored.
    pub(crate) fn start_from(&mut self, id: Id, last: Option<u64>) {
        self.learn(id);
        self.last = last;
        self.bounds.received += RECENT as u64;
        self.bounds.floor = last.unwrap_or_default();
        self.bounds.mark = self.bounds.floor;
        // The stream began before this id, so it is none of the first.
        self.first.clear();
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn cursor(&self) -> Option<u64> {
        self.cursor
    }

    pub(crate) fn has_cursor(&self) -> bool {
        self.cursor.is_some()
    }

    /// Whether there is a cursor or a number to resume from.
    pub(crate) fn begun(&self) -> bool {
        self.cursor.is_some() || self.last.is_some()
    }

    /// Whether the next message must be checked before it is delivered.
    pub(crate) fn checking(&self) -> bool {
        self.numbered || self.replay.is_some() || self.due.is_some()
    }

    /// The cursor cannot be sent, so it is given up.
    pub(crate) fn abandon(&mut self) {
        self.cursor = None;
        self.due.get_or_insert(Outcome::Unknown);
    }

    /// A request for the messages after the cursor goes out. Until it opens, the connection before it may go on.
    pub(crate) fn asking(&mut self) {
        self.successor_failed();
        self.asked = self.cursor;
        self.awaited = self.begun();
    }

    /// That connection will not open: the one beside it goes on.
    // Not inlined, for the size.
    #[inline(never)]
    pub(crate) fn successor_failed(&mut self) {
        self.followed = None;
        self.awaited = false;
    }

    /// A connection opened that is not the first one, or that starts from a cursor.
    pub(crate) fn reconnected(&mut self) {
        self.replay = self.cursor.map(|target| Replay { target, begun: false, whole: false, fresh: 0 });
        self.due = Some(self.due.unwrap_or(Outcome::Unknown));
        self.ruled = None;
        self.awaited = false;
        self.repeats = false;
        self.bounds.reopened = true;
        self.bounds.previous = 0;
    }

    /// The next request of a long poll is answered. `beside`: a successor was asked for, and has not opened yet.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn asked_again(&mut self, beside: bool) {
        if !beside {
            self.asking();
        }
        let awaited = beside && self.awaited;
        self.reconnected();
        self.awaited = awaited;
    }

    /// The server said that messages are missing. Its ids may begin anew, so the remembered ones prove nothing.
    pub(crate) fn gap_told(&mut self) {
        self.first.clear();
        if let Some(followed) = self.followed.filter(|_| self.awaited || self.replay.is_some()) {
            // The ids that the previous connection delivered after this one was asked for still count.
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

    /// Messages that came were lost in the client. Where there are sequence numbers, the next one shows which.
    pub(crate) fn missed(&mut self) {
        if self.last.is_none() {
            self.due = Some(Outcome::Gap);
        }
    }

    /// The server said that it continues from the cursor.
    pub(crate) fn recovery_told(&mut self) {
        self.due = self.due.map(|due| if due == Outcome::Unknown { Outcome::Recovered } else { due });
    }

    /// Sets the epoch of the numbers that follow. If it is another one, the messages between the two are gone.
    pub(crate) fn epoch(&mut self, epoch: u64) {
        let before = self.epoch.replace(epoch);
        // The first epoch counts as another one if numbers came without an epoch before.
        if before != Some(epoch) && (before.is_some() || self.last.is_some()) {
            self.gap_told();
            self.last = None;
            self.before = None;
            self.jumps.clear();
            (self.bounds.floor, self.bounds.mark, self.bounds.stuck) = (0, 0, 0);
        }
    }

    /// Counts messages that came and whose ids were not learned.
    pub(crate) fn received(&mut self, more: u64) {
        self.bounds.received += more;
    }

    /// An unknown message is about to be held back. Gives whether there were too many of them in a row.
    fn too_many(&mut self, fingerprint: u64, bound: u64) -> bool {
        if std::mem::take(&mut self.bounds.reopened)
            && std::mem::replace(&mut self.bounds.probe, fingerprint) == fingerprint
        {
            self.bounds.strangers = 0;
        }
        self.bounds.strangers += 1;
        self.bounds.strangers > bound
    }

    /// Learns the id of a message that was delivered without a check.
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

    /// Checks a message with a number. `first`: it covers all numbers from this one to `number`.
    pub(crate) fn place_range(&mut self, id: Id, first: Option<u64>, number: Option<u64>) -> CheckResult {
        let Some(number) = number else {
            // A message without a number between others: the next number tells what is missing.
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
            // It is the first number, and may still be the message at the cursor.
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
        // After a gap that the server told, it may count anew; but not with what came meanwhile.
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
                // The numbers of a replay rise.
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
                // Otherwise it would be remembered, or was told as missing; the first number is remembered by its id.
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
            // The server counts anew.
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
            // New ids before the cursor are older than all that we had: the replay began before we joined the stream.
            let start = self.recent.len() - self.recent().len();
            for _ in 0..replay.fresh {
                if let Some(older) = self.recent.pop() {
                    self.recent.insert(start, older);
                }
            }
            // A gap that the server told counts more than its replay.
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
            // As long as no id is forgotten, each one can be told by itself.
            let from = [self.asked, self.followed];
            // A successor that is still to open needs these.
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
                // The server probably begins each connection with the same greeting.
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

    /// Whether this id came before: [`MESSAGE`], or [`ID`] if it came with other content.
    fn known(&self, fingerprint: u64) -> u8 {
        among(self.recent(), fingerprint) | among(&self.first, fingerprint)
    }

    /// The same for a message with a number: in an epoch the number alone says which message it is, even if its content differs.
    fn placed(&self, fingerprint: u64) -> u8 {
        match self.known(fingerprint) {
            ID if self.epoch.is_some() => MESSAGE,
            known => known,
        }
    }

    fn recent(&self) -> &[u64] {
        self.recent.get(self.recent.len().saturating_sub(RECENT)..).unwrap_or_default()
    }

    /// The ids or the numbers begin anew, so what is remembered belongs to another stream.
    fn restart(&mut self) -> CheckResult {
        self.first.clear();
        self.recent.clear();
        self.forgot = false;
        self.before = None;
        (self.bounds.floor, self.bounds.mark) = (0, 0);
        self.begin()
    }

    /// Treats what follows as a new beginning.
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
        // Ids are dropped many at a time, as each removal moves all others.
        if self.recent.len() > 2 * RECENT {
            self.recent.copy_within(RECENT + 1.., 0);
            self.recent.truncate(RECENT);
        }
    }
}
