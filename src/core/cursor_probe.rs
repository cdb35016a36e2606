//! The header or the parameter with the cursor, which everwire adds to a request, must not be the reason why a reconnect fails: by a
//! preflight that nobody answers, a signed address, or a server that refuses parameters it does not know.
//!
//! To find out, the client asks without the cursor. If that opens, it drops the connection and asks once more with the cursor: the
//! failures before may have had another reason, such as a server that was down, and leaving the cursor out would lose the place in
//! the stream. If that fails again, the cursor is the reason, and the stream goes on without it, with a gap.

use super::failure::Failure;

/// How the next attempt uses the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum CursorUse {
    /// It sends the cursor, which has failed so often in a row.
    On(u64),
    /// It leaves the cursor out, to see whether that opens.
    Probing(u64),
    /// It sends the cursor once more: without it, an attempt opened. Also after a good connection without it, as the server may have
    /// changed.
    Verifying,
    /// It leaves the cursor out.
    Off,
}

/// After so many failures in a row that have no known reason, an attempt leaves the cursor out; and again after twice as many.
const PROBE_AFTER: u64 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CursorProbe {
    cursor_use: CursorUse,
    /// How many bytes of the cursor this attempt sent.
    up: u32,
    /// The last attempt sent the cursor.
    sent: bool,
}

impl CursorProbe {
    pub(super) fn new() -> Self {
        Self { cursor_use: CursorUse::On(0), up: 0, sent: false }
    }

    /// The next attempt sends the cursor, whatever failed before.
    pub(super) fn reset(&mut self) {
        self.cursor_use = CursorUse::On(0);
    }

    /// This attempt sends a cursor of so many bytes.
    pub(super) fn goes_up(&mut self, length: u32) {
        self.up = length;
    }

    /// The attempt is over: gives how many bytes of the cursor it sent.
    pub(super) fn went_up(&mut self) -> u32 {
        self.sent = self.up > 0;
        core::mem::take(&mut self.up)
    }

    /// Whether the next attempt leaves the cursor out.
    pub(super) fn leaves_out(&self) -> bool {
        matches!(self.cursor_use, CursorUse::Probing(_) | CursorUse::Off)
    }

    /// The attempt opened. True: it was only made to see whether it opens, and is dropped.
    pub(super) fn opened(&mut self) -> bool {
        let trying = matches!(self.cursor_use, CursorUse::Probing(_));
        if trying {
            self.cursor_use = CursorUse::Verifying;
        } else if !self.leaves_out() {
            self.cursor_use = CursorUse::On(0);
        }
        trying
    }

    /// A connection was lost, or an attempt failed. `last`: the failure table says that it is the end. If the next attempt uses the
    /// cursor in another way, and so is made in any case, gives the failure to tell and whether that attempt comes at once.
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
