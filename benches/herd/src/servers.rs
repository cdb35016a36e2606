//! The servers of the five scenarios: when they cut whom, and what they answer an attempt.
//!
//! All is in ms, from the fault on. Before it every client was open.

use crate::core::failure::{Failure, RetryAfter};

/// What happens to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// It is killed, and refuses every connection until it is up again.
    Restart,
    /// One node of ten after the other closes its connections with 1001; those that are up take everybody.
    Waves,
    /// Its streams break, and it answers 503 with `Retry-After`: for a minute to everybody, then to those who are too many.
    Busy,
    /// Nothing reaches it and nothing comes from it. The clients notice by their heartbeat.
    Network,
    /// Its certificate has ended: every connection is cut, and each handshake fails until there is a new one.
    Certificates,
}

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is open so many ms later.
    Opens(u64),
    /// It has failed so many ms later.
    Fails(u64, Failure),
    /// What it sent was lost; the operating system sends it again.
    Lost,
}

/// Who is cut.
pub(crate) struct Cut {
    pub(crate) at: u64,
    pub(crate) first: u32,
    pub(crate) end: u32,
    pub(crate) failure: Failure,
}

/// After so much the server is well again, or the last wave begins.
const DOWN: u64 = 150_000;
const BUSY: u64 = 60_000;
const AWAY: u64 = 600_000;
const EXPIRED: u64 = 300_000;
const WAVES: u32 = 10;
const WAVE: u64 = 10_000;
const RETRY_AFTER: RetryAfter = RetryAfter(10_000);
/// A busy server has taken everybody after so many seconds.
const TAKES: u64 = 100;
/// A connection's first segment is sent again after 1, 2 and 4 s more (RFC 6298, 2 and 5.5).
pub(crate) const AGAIN: [u64; 4] = [0, 1_000, 3_000, 7_000];

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Restart, Self::Waves, Self::Busy, Self::Network, Self::Certificates];

    /// In a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Restart => "The server restarts: it is killed, and away for 150 s",
            Self::Waves => "A deploy: one of ten nodes after the other, 10 s apart, closes with 1001",
            Self::Busy => {
                "It answers 503 with Retry-After: 10, for a minute to all, then to all but 1 % a second"
            }
            Self::Network => "Its network is away for 10 minutes; heartbeats notice",
            Self::Certificates => "Its certificate ends: all are cut, and each handshake fails for 5 minutes",
        }
    }

    /// The stretch that the figures are of, and what it is called.
    #[must_use]
    pub const fn stretch(self) -> (u64, u64, &'static str) {
        match self {
            Self::Restart => (60_000, 120_000, "60 to 120 s after it"),
            Self::Waves => (0, WAVES as u64 * WAVE, "the 100 s of the waves"),
            Self::Busy => (10_000, 120_000, "10 to 120 s after it"),
            Self::Network => (AWAY, AWAY + 30_000, "the 30 s after it is back"),
            Self::Certificates => (60_000, 120_000, "60 to 120 s after it"),
        }
    }

    /// What is drawn: from when, for how long.
    #[must_use]
    pub const fn drawn(self) -> (u64, u64) {
        match self {
            Self::Restart => (0, 190_000),
            Self::Waves => (0, 120_000),
            Self::Busy => (0, 190_000),
            Self::Network => (AWAY - 10_000, 70_000),
            Self::Certificates => (0, 340_000),
        }
    }

    /// When it is over: everybody is open again.
    #[must_use]
    pub const fn end(self) -> u64 {
        match self {
            Self::Restart => DOWN + 60_000,
            Self::Waves => WAVES as u64 * WAVE + 60_000,
            Self::Busy => 600_000,
            Self::Network => AWAY + 90_000,
            Self::Certificates => EXPIRED + 60_000,
        }
    }

    /// A page sees a status only over an event stream.
    pub(crate) const fn streams(self) -> bool {
        matches!(self, Self::Busy)
    }

    pub(crate) const fn beats(self) -> bool {
        matches!(self, Self::Network)
    }

    pub(crate) fn cuts(self, clients: u32) -> Vec<Cut> {
        match self {
            Self::Network => Vec::new(),
            Self::Waves => {
                let node = |wave| clients / WAVES * wave;
                let wave = |wave: u32| Cut {
                    at: u64::from(wave) * WAVE,
                    first: node(wave),
                    end: if wave + 1 == WAVES { clients } else { node(wave + 1) },
                    failure: Failure::Closed { code: 1001 },
                };
                (0..WAVES).map(wave).collect()
            }
            Self::Restart | Self::Busy | Self::Certificates => {
                vec![Cut { at: 0, first: 0, end: clients, failure: Failure::Network }]
            }
        }
    }

    /// What comes to the server so long after the fault, or before it. `trip`: there and back.
    pub(crate) fn answer(self, since: Option<u64>, trip: u64, taken: &mut Taken) -> Answer {
        let Some(since) = since else { return Answer::Opens(2 * trip) };
        match self {
            Self::Restart if since < DOWN => Answer::Fails(trip, Failure::Network),
            Self::Busy if since < BUSY || !taken.takes(since) => {
                Answer::Fails(2 * trip, Failure::Http { status: 503, retry_after: Some(RETRY_AFTER) })
            }
            Self::Network if since < AWAY => Answer::Lost,
            // TCP, then the handshake that fails.
            Self::Certificates if since < EXPIRED => Answer::Fails(2 * trip, Failure::Network),
            _ => Answer::Opens(2 * trip),
        }
    }

    /// Whether what is sent arrives.
    pub(crate) fn reaches(self, since: Option<u64>) -> bool {
        !(self == Self::Network && since.is_some_and(|since| since < AWAY))
    }
}

/// How many a busy server has taken in this tenth of a second.
pub(crate) struct Taken {
    most: u32,
    tenth: u64,
    taken: u32,
}

impl Taken {
    pub(crate) fn new(clients: u32) -> Self {
        Self { most: (u64::from(clients) / (TAKES * 10)).max(1) as u32, tenth: 0, taken: 0 }
    }

    fn takes(&mut self, since: u64) -> bool {
        if since / 100 != self.tenth {
            (self.tenth, self.taken) = (since / 100, 0);
        }
        self.taken += 1;
        self.taken <= self.most
    }
}
