//! The place in the stream that is stored for the next page: when it is written, by whom, and when it is forgotten.
//!
//! - What the app is done with is written after 250 ms at most, when the page is left or hidden, and when the client ends. After
//!   that, what a loop goes on with is written at once.
//! - The end of a stream is written when the app is done with all that came before it: till then, the place. One that leads
//!   nowhere, or that the app gave up, is cleared.
//! - Who writes signs, with the name of a lock that its page holds while it has a client. What a page signed is its own for as
//!   long as it is there: the other one asks for that lock, waits so long as a page that goes may take, and takes the place over,
//!   or leaves it alone for good.
//! - A client that has ended writes only over what is its own: not where another one has come after it, nor where the app has
//!   removed it, as at a logout. So that this shows, something is there when a client ends that the app is not done with.
//!
//! Outside are the storage, the lock and the JSON; and the list of what the loops have yet to pull, which is asked for each
//! message: a call into here would cost more than it.

use super::{Connection, io::Action};
use crate::core::Later as _;

/// What the app is done with is unwritten for so long.
const EVERY: u64 = 250;
/// A page that goes lets go of its lock in this time, also on a machine that is busy: with 1 s a reload was taken for a second page.
const LEAVING: u64 = 5_000;
/// A timer that is so late says that this page had no turn, and nothing of the other: its lock may be on the way. Hidden pages have
/// theirs up to 1 s late.
const LATE: u64 = 2_000;

/// What there is to be written, and over what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The app is done with more than is written.
    pub(crate) fresh: bool,
    /// It is done with all that came.
    pub(crate) through: bool,
    /// The stream is.
    pub(crate) over: bool,
    /// The place leads nowhere.
    pub(crate) gone: bool,
    /// The client ends now.
    pub(crate) ends: bool,
    /// It has ended before.
    pub(crate) ended: bool,
    /// Another client of this page has the place.
    pub(crate) rival: bool,
    /// Nothing is stored.
    pub(crate) empty: bool,
    /// What is stored is another page's, as far as is known.
    pub(crate) foreign: bool,
}

/// What is written.
#[allow(dead_code, reason = "of the npm package")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Nothing = 0,
    /// That there is none.
    Clear = 1,
    Place = 2,
    /// With the end of the stream.
    End = 3,
    /// Nothing before the lock of whose it is has been asked for.
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
    /// The app is done with something, and no claim is out; or the lock of another page was asked for.
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
