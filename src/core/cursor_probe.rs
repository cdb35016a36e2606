//! What everwire adds to a request to go on from the cursor, a header or parameters, must not be why a reconnect fails: a
//! preflight that nobody answers, a signed address, a server that takes no parameter it does not know.
//!
//! That is found out by asking without it. When that opens, it is dropped, and the same is asked once more with the cursor: one
//! failure of many has nothing to do with it, as of a server that was down, and would cost the place in the stream. When it
//! fails again it is the cursor, and the stream goes on without, with a gap.

use super::failure::Failure;

/// How the next attempt asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum CursorUse {
    /// With the cursor; so often in a row it failed.
    On(u64),
    /// Without, to see whether that opens.
    Probing(u64),
    /// With it once more: without, it opened. Or after a good connection without it, as the server may have changed.
    Verifying,
    /// Without.
    Off,
}

/// After so many failures in a row that say nothing of the request it is tried without the cursor, and after twice as many again.
const PROBE_AFTER: u64 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CursorProbe {
    cursor_use: CursorUse,
    /// How long the cursor was that this attempt sent up.
    up: u32,
    /// The last one had it.
    sent: bool,
}

impl CursorProbe {
    pub(super) fn new() -> Self {
        Self { cursor_use: CursorUse::On(0), up: 0, sent: false }
    }

    /// Whatever failed before, the next attempt has the cursor.
    pub(super) fn reset(&mut self) {
        self.cursor_use = CursorUse::On(0);
    }

    /// This attempt sends so many bytes of it.
    pub(super) fn goes_up(&mut self, length: u32) {
        self.up = length;
    }

    /// The attempt is over: how many bytes of it went up.
    pub(super) fn went_up(&mut self) -> u32 {
        self.sent = self.up > 0;
        core::mem::take(&mut self.up)
    }

    /// The cursor is left out.
    pub(super) fn leaves_out(&self) -> bool {
        matches!(self.cursor_use, CursorUse::Probing(_) | CursorUse::Off)
    }

    /// The attempt opened. True: it only was to see whether it does.
    pub(super) fn opened(&mut self) -> bool {
        let trying = matches!(self.cursor_use, CursorUse::Probing(_));
        if trying {
            self.cursor_use = CursorUse::Verifying;
        } else if !self.leaves_out() {
            self.cursor_use = CursorUse::On(0);
        }
        trying
    }

    /// A connection was lost, or an attempt failed. `last`: by the table it is the end. Gives the failure to tell when the next
    /// attempt goes another way for it, and so is made in any case, and whether it is made at once.
    pub(super) fn lost(
        &mut self,
        failure: Failure,
        opened: bool,
        stable: bool,
        last: bool,
    ) -> Option<(Failure, bool)> {
        let about = failure.may_be_the_request();
        let refused = about && matches!(failure, Failure::Http { status: 400..=499, .. });
        match self.cursor_use {
            CursorUse::Off if opened && stable => self.cursor_use = CursorUse::Verifying,
            _ if opened => {}
            CursorUse::On(times) if self.sent && about => {
                let times = times + 1;
                let due = times % PROBE_AFTER == 0 && (times / PROBE_AFTER).is_power_of_two();
                let told = last || refused && times == 1;
                if told || due {
                    self.cursor_use = CursorUse::Probing(times);
                    return Some((failure, told));
                }
                self.cursor_use = CursorUse::On(times);
            }
            CursorUse::Verifying if self.sent && about => {
                self.cursor_use = CursorUse::Off;
                return Some((Failure::Cursor, true));
            }
            CursorUse::Probing(times) => self.cursor_use = CursorUse::On(times),
            _ => {}
        }
        None
    }
}
