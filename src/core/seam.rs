//! The cursor, and de-duplication at the seam: after a reconnect, until the cursor has passed.
//!
//! The core sees hashes of ids, never the ids. Kept are the first 64 and the last 1 024. A replay that
//! begins with one of the first 64 is the whole stream: everything up to and including the cursor is
//! held back, however long. A message without an id of its own is never held back.

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
    /// The server said that something is missing.
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
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ids {
    first: Vec<u64>,
    recent: Vec<u64>,
    /// More ids than `recent` holds were kept.
    forgot: bool,
    cursor: Option<u64>,
    seam: Option<Seam>,
    /// What the next message must be preceded by.
    due: Option<Outcome>,
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
    /// The cursor an earlier page left.
    pub(crate) fn start_from(&mut self, id: Id) {
        self.learn(id);
        // Not the first id of the stream: the stream began before it.
        self.first.clear();
    }

    pub(crate) fn cursor(&self) -> Option<u64> {
        self.cursor
    }

    /// Whether the next message must be ruled on.
    pub(crate) fn checking(&self) -> bool {
        self.seam.is_some() || self.due.is_some()
    }

    /// A connection opened that is not the first, or that starts from a cursor.
    pub(crate) fn reconnected(&mut self) {
        self.seam = self.cursor.map(|target| Seam { target, begun: false, whole: false, fresh: 0 });
        self.due = Some(self.due.unwrap_or(Outcome::Unknown));
        self.ruled = None;
    }

    /// The server said that something is missing. Its ids may start anew, so the old ones prove nothing.
    pub(crate) fn gap_told(&mut self) {
        self.first.clear();
        self.recent.clear();
        self.forgot = false;
        self.seam = None;
        self.due = Some(Outcome::Gap);
    }

    /// An id delivered while the gate was open.
    pub(crate) fn learn(&mut self, id: Id) {
        match id {
            Id::None => {}
            Id::Reset => self.cursor = None,
            Id::Own(hash) => self.keep(hash),
        }
    }

    pub(crate) fn rule(&mut self, id: Id) -> Ruling {
        let Id::Own(hash) = id else {
            self.learn(id);
            return Ruling { deliver: true, moves: id == Id::Reset, outcome: self.due.take() };
        };
        if let Some((last, deliver)) = self.ruled
            && last == hash
        {
            return Ruling { deliver, moves: deliver, outcome: None };
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
                return Ruling { deliver: false, moves: true, outcome };
            }
            // While nothing is forgotten, each id speaks for itself.
            seam.whole |= !seam.begun && self.forgot && self.first.contains(&hash);
            seam.begun = true;
            let again = seam.whole || self.recent.contains(&hash);
            seam.fresh += usize::from(!again);
            self.seam = (seam.fresh < RECENT).then_some(seam);
            self.ruled = Some((hash, !again));
            if again {
                return Ruling { deliver: false, moves: false, outcome: None };
            }
        }
        self.keep(hash);
        Ruling { deliver: true, moves: true, outcome: self.due.take() }
    }

    fn keep(&mut self, hash: u64) {
        self.cursor = Some(hash);
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

/// FNV-1a, 64 bits: ids are the server's own, so nobody gains from a collision.
pub(crate) fn hash(id: &[u8]) -> Id {
    if id.is_empty() {
        return Id::Reset;
    }
    Id::Own(id.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }))
}
