//! Computes how long to wait before the next attempt. It is arithmetic on integers alone; the random draw is an input.

use super::config::{Backoff, FLOOR, Jitter};

impl Backoff {
    /// The delay before retry number `retry` (1 is the first), in ms, and no shorter than the server's. It is one draw from one range:
    /// a clamped sample, or the greater of two, would pile a fleet onto one instant. The server may have told the whole fleet the same
    /// delay, so that is spread over so many eighths of itself, and wider with each retry, up to four times that.
    pub(crate) fn delay(&self, retry: u64, server_delay: u64, eighths: u64, draw: u32) -> u64 {
        let top = self.top(retry);
        let bottom = match self.jitter {
            Jitter::Full => FLOOR,
            Jitter::Equal => (top / 2).max(FLOOR),
            Jitter::None => top,
        };
        self.after(server_delay, eighths * retry.min(4), 0, bottom, top, draw)
    }

    /// The server's delay, spread over so many eighths of itself: a lower bound for the delay.
    pub(crate) fn server_delay(&self, server_delay: u64, eighths: u64, draw: u32) -> u64 {
        self.after(server_delay, eighths, 0, 0, 0, draw)
    }

    /// The delay after a routine end, which a whole fleet sees at one instant: the server's delay, spread over `initial` (the delay
    /// that the app set) or over a quarter of the server's, whichever is more. A sixteenth on top makes the first and the last percent
    /// of a fleet that far apart.
    pub(crate) fn routine(&self, initial: u64, server_delay: u64, draw: u32) -> u64 {
        let spread = (initial + initial / 16).min(self.max - FLOOR);
        // The least delay is not the server's word, so it is not spread as one: the longest delay may be as short.
        let eighths = if server_delay > 0 { 2 } else { 0 };
        self.after(server_delay.max(FLOOR), eighths, spread + FLOOR, 0, 0, draw)
    }

    /// A draw from `server_delay` on, over so many eighths of it or over `least`, and no later than the cap. For a server that asks
    /// for the cap or more, the range is the last fifth before the cap, as all clients at the cap would be one instant. The range ends no
    /// lower than `bottom` and `top`.
    // Not inlined, for the size.
    #[inline(never)]
    fn after(&self, server_delay: u64, eighths: u64, least: u64, bottom: u64, top: u64, draw: u32) -> u64 {
        let server_delay = server_delay.min(self.max_server_delay.max(FLOOR.min(least)));
        let cap = self.max_server_delay.max(least);
        let spread = (server_delay * eighths / 8).max(least.saturating_sub(FLOOR));
        let (low, high) = match self.jitter {
            Jitter::None => (server_delay, server_delay),
            _ if server_delay < cap => (server_delay, cap.min(server_delay + spread)),
            _ => (cap - cap / 5, cap),
        };
        uniform(low.max(bottom), high.max(top), draw)
    }

    /// `min(max, initial * factor^(retry - 1))`, and no less than [`FLOOR`].
    fn top(&self, retry: u64) -> u64 {
        // It starts from the least delay, as nothing grows from 0.
        let mut delay = self.initial.max(FLOOR);
        // With a factor of 1 the loop would not end, so it is bounded; any other factor reaches 2^31 before.
        for _ in 1..retry.min(4_096) {
            let grown = delay * self.factor / 1_000;
            if grown >= self.max || grown == delay {
                delay = grown;
                break;
            }
            delay = grown;
        }
        delay.min(self.max).max(FLOOR)
    }
}

// Not inlined: for the size.
/// A value in `[low, high]`, all about equally likely: the draw has 2^32 values and the range fewer than 2^31.
#[inline(never)]
pub(super) fn uniform(low: u64, high: u64, draw: u32) -> u64 {
    let span = high.saturating_sub(low) + 1;
    low + ((u64::from(draw) * span) >> 32)
}
