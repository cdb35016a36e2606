//! The cursor, and de-duplication at the seam: after a reconnect, until the cursor has passed.
//!
//! The core sees hashes of ids (`hash` in port.js), never the ids. Kept are the first 64 and the last 1 024. A replay that
//! begins with one of the first 64 is the whole stream: everything up to and including the cursor is
//! held back, however long. A message without an id of its own is never held back.
//!
//! Where messages have sequence numbers these decide, and exactly: what is not above the last one came
//! already, and what is more than one above it names what is missing.

pub(crate) const FIRST: usize = 64;
pub(crate) const RECENT: usize = 1_024;

/// The id that a message carries itself, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    None,
    /// An empty id: the server takes the cursor back (HTML, event stream interpretation).
    Reset,
    Own(u64),
}

/// How a reconnect ended, as far as can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
pub(crate) struct Ruling {
    pub(crate) deliver: bool,
    /// The message's id is the cursor now.
    pub(crate) moves: bool,
    pub(crate) outcome: Option<Outcome>,
    /// The sequence numbers that are missing, first and last.
    pub(crate) missing: Missing,
}

pub(crate) type Missing = Option<(u64, u64)>;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ids {
    first: Vec<u64>,
    recent: Vec<u64>,
    /// More ids than `recent` holds were kept.
    forgot: bool,
    cursor: Option<u64>,
    /// Messages may have sequence numbers: each is ruled on.
    numbered: bool,
    /// The last number.
    last: Option<u64>,
    /// What the server counts in: numbers of another one say nothing of these.
    epoch: Option<u64>,
    seam: Option<Seam>,
    /// What the next message must be preceded by.
    due: Option<Outcome>,
    /// What the last connection was asked to go on from, until its first message is ruled on; and the first id, or
    /// number, that another one gave meanwhile, if it opened beside one.
    asked: Option<u64>,
    followed: Option<u64>,
    /// It has not opened yet.
    awaited: bool,
    /// The last ruling at this seam: several messages of one id are delivered or held back together.
    ruled: Option<(u64, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Seam {
    /// The cursor that was asked for: it ends the seam.
    target: u64,
    begun: bool,
    /// The stream comes again from its beginning.
    whole: bool,
    /// New ids so far. A server past the cursor never shows it again, so the seam ends by count as well.
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
        // Not the first id of the stream: the stream began before it.
        self.first.clear();
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn cursor(&self) -> Option<u64> {
        self.cursor
    }

    /// There is something to go on from.
    pub(crate) fn begun(&self) -> bool {
        self.cursor.is_some() || self.last.is_some()
    }

    /// Whether the next message must be ruled on.
    pub(crate) fn checking(&self) -> bool {
        self.numbered || self.seam.is_some() || self.due.is_some()
    }

    /// A connection is asked for what comes after the cursor. Until it opens, another one may go on.
    pub(crate) fn asking(&mut self) {
        self.forsaken();
        self.asked = self.cursor;
        self.awaited = self.begun();
    }

    /// It will not open: the one beside it goes on.
    // Not inlined, for the size.
    #[inline(never)]
    pub(crate) fn forsaken(&mut self) {
        self.followed = None;
        self.awaited = false;
    }

    /// A connection opened that is not the first, or that starts from a cursor.
    pub(crate) fn reconnected(&mut self) {
        self.seam = self.cursor.map(|target| Seam { target, begun: false, whole: false, fresh: 0 });
        self.due = Some(self.due.unwrap_or(Outcome::Unknown));
        self.ruled = None;
        self.awaited = false;
    }

    /// The server said that something is missing. Its ids may start anew, so the old ones prove nothing.
    pub(crate) fn gap_told(&mut self) {
        self.first.clear();
        if let Some(followed) = self.followed.filter(|_| self.awaited || self.seam.is_some()) {
            // But what came over the connection before this one, after this one was asked for, is of the present.
            while self.recent.first().is_some_and(|id| *id != followed) {
                self.recent.remove(0);
            }
        } else {
            self.recent.clear();
            self.forgot = false;
            self.seam = None;
        }
        self.ruled = None;
        self.due = Some(Outcome::Gap);
    }

    /// The server said that it goes on from the cursor.
    pub(crate) fn recovery_told(&mut self) {
        self.due = self.due.map(|due| if due == Outcome::Unknown { Outcome::Recovered } else { due });
    }

    /// What the following numbers count in. Another one than before: whatever was between them is gone.
    pub(crate) fn epoch(&mut self, epoch: u64) {
        if self.epoch.replace(epoch).is_some_and(|before| before != epoch) {
            self.gap_told();
            self.last = None;
        }
    }

    /// An id delivered while the gate was open.
    pub(crate) fn learn(&mut self, id: Id) {
        match id {
            Id::None => {}
            Id::Reset => self.cursor = None,
            Id::Own(hash) => self.keep(hash),
        }
    }

    pub(crate) fn place(&mut self, id: Id, number: Option<u64>) -> Ruling {
        let Some(number) = number else {
            // Between numbered messages: the next number says what is missing.
            let due = self.due.take_if(|_| self.last.is_some());
            let ruling = self.rule(id);
            self.due = self.due.or(due);
            return ruling;
        };
        let mut missing = None;
        let mut counts_on = false;
        if let Some(last) = self.last {
            counts_on = number > last;
            missing = (number > last.saturating_add(1)).then(|| (last + 1, number - 1));
            // The server may count anew after a gap that it told itself; but not what came meanwhile.
            let again = !self.awaited && self.followed.is_some_and(|from| number >= from);
            if !counts_on && (again || self.due != Some(Outcome::Gap)) {
                return Ruling { deliver: false, moves: false, outcome: None, missing: None };
            }
        }
        self.last = Some(number);
        self.followed = self.followed.or(Some(number)).filter(|_| self.awaited);
        self.seam = None;
        self.learn(id);
        let outcome = match self.due.take() {
            _ if missing.is_some() => Some(Outcome::Gap),
            Some(Outcome::Unknown) if counts_on => Some(Outcome::Recovered),
            due => due,
        };
        Ruling { deliver: true, moves: id != Id::None, outcome, missing }
    }

    pub(crate) fn rule(&mut self, id: Id) -> Ruling {
        let Id::Own(hash) = id else {
            self.learn(id);
            return Ruling { deliver: true, moves: id == Id::Reset, outcome: self.due.take(), missing: None };
        };
        if let Some((last, deliver)) = self.ruled
            && last == hash
        {
            return Ruling { deliver, moves: deliver, outcome: None, missing: None };
        }
        if let Some(mut seam) = self.seam {
            if seam.target == hash {
                self.seam = None;
                self.cursor = Some(hash);
                // What was new before it is older than all we had: the replay began before we joined.
                for _ in 0..seam.fresh {
                    if let Some(older) = self.recent.pop() {
                        self.recent.insert(0, older);
                    }
                }
                // The server's word weighs more than its replay.
                let outcome = self.due.take().map(|due| match due {
                    Outcome::Gap => Outcome::Gap,
                    Outcome::Unknown | Outcome::Recovered => Outcome::Recovered,
                });
                return Ruling { deliver: false, moves: true, outcome, missing: None };
            }
            // While nothing is forgotten, each id speaks for itself.
            let from = [self.asked.take(), self.followed.take()];
            seam.whole |=
                !seam.begun && self.forgot && (self.first.contains(&hash) || from.contains(&Some(hash)));
            seam.begun = true;
            let again = seam.whole || self.recent.contains(&hash);
            seam.fresh += usize::from(!again);
            self.seam = (seam.fresh < RECENT).then_some(seam);
            self.ruled = Some((hash, !again));
            if again {
                return Ruling { deliver: false, moves: false, outcome: None, missing: None };
            }
        }
        self.keep(hash);
        Ruling { deliver: true, moves: true, outcome: self.due.take(), missing: None }
    }

    fn keep(&mut self, hash: u64) {
        self.cursor = Some(hash);
        if self.awaited {
            self.followed.get_or_insert(hash);
        }
        if self.first.len() < FIRST {
            self.first.push(hash);
        }
        if self.recent.len() == RECENT {
            self.recent.remove(0);
            self.forgot = true;
        }
        self.recent.push(hash);
    }
}
