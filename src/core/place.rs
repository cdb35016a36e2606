//! The place in the stream that a page stores for the next one (`resume.storage`): when it is written, by whom, and when it is cleared.
//!
//! - What the app has handled is written within 250 ms, and when the page is left or hidden, and when the client ends. After the
//!   end, each message that a loop still takes is written at once.
//! - The end of a stream is written when the app has handled all that came before it; until then the place is. A place that leads
//!   nowhere, or that the app gave up, is cleared.
//! - A page signs what it writes, with the name of a lock that it holds while it has a client. A signed place belongs to its page
//!   for as long as that page lives: another page asks for the lock, waits for as long as a page that is left may take, and then
//!   takes the place over, or leaves it alone for good.
//! - A client that has ended writes only over its own place: not where another client came after it, nor where the app removed it,
//!   as at a logout. To tell these apart, an ending client leaves something behind while the app still has messages to handle.
//!
//! The storage, the lock and the JSON are the port's, and so is the list of messages that loops have not taken yet: it is read for each
//! message, and a call into the core would cost more than that.

use super::{Connection, io::Action};
use crate::core::Later as _;

/// In ms, the longest time until what the app has handled is written.
const EVERY: u64 = 250;
/// In ms. A page that is left releases its lock within this time, also on a busy machine: with 1 s a reload was taken for a second
/// page.
const LEAVING: u64 = 5_000;
/// In ms. A timer that is this late shows that this page was blocked, and says nothing of the other page, whose lock may be on its
/// way. The timers of hidden pages are up to 1 s late.
const LATE: u64 = 2_000;

/// What there is to write, and over what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The app has handled more than what is written.
    pub(crate) fresh: bool,
    /// The app has handled all that came.
    pub(crate) through: bool,
    /// The stream is over.
    pub(crate) over: bool,
    /// The place leads nowhere.
    pub(crate) gone: bool,
    /// The client ends now.
    pub(crate) ends: bool,
    /// The client has ended before.
    pub(crate) ended: bool,
    /// Another client of this page owns the place.
    pub(crate) rival: bool,
    /// Nothing is stored.
    pub(crate) empty: bool,
    /// The stored place belongs to another page, as far as is known.
    pub(crate) foreign: bool,
}

/// What to write.
#[allow(dead_code, reason = "of the npm package")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Nothing = 0,
    /// Clear the place.
    Clear = 1,
    Place = 2,
    /// Write the place with the end of the stream.
    End = 3,
    /// Write nothing until the lock of the page that owns the place was asked for.
    Claim = 4,
}

#[allow(dead_code, reason = "of the npm package")]
pub(crate) fn write(facts: Facts) -> Write {
    if facts.ended && (facts.rival || facts.empty || facts.foreign) {
        Write::Nothing
    } else if facts.foreign {
        Write::Claim
    } else if facts.gone {
        Write::Clear
    } else if facts.over && facts.through {
        Write::End
    } else if facts.fresh {
        Write::Place
    } else if facts.ends && facts.empty && !facts.through {
        Write::Clear
    } else {
        Write::Nothing
    }
}

impl Connection {
    /// The app has handled something and this page waits for no lock; or the lock of another page was asked for.
    pub(crate) fn place_due(&mut self, now: u64, claim: bool) {
        self.place = if claim { now.later(LEAVING) } else { self.place.min(now.later(EVERY)) };
        self.claims |= claim;
    }

    pub(super) fn place_tick(&mut self, now: u64) {
        if now >= self.place {
            if std::mem::take(&mut self.claims) && now - self.place > LATE {
                return self.place_due(now, true);
            }
            self.place = u64::MAX;
            self.act(Action::Place);
        }
    }
}
