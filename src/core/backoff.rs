//! How long to wait before the next attempt. Pure arithmetic on integers; the random draw is an input.

use super::config::{Backoff, FLOOR, Jitter};

impl Backoff {
    /// The wait before retry number `retry` (1 is the first), in ms, and no sooner than what the server told. One draw from one
    /// range: a sample is never clamped, nor the greater of two taken, which would pile a fleet onto one instant. All of it may
    /// have been told the same, so that is spread over so many eighths of it, and wider with each retry, up to four times that.
    pub(crate) fn delay(&self, retry: u64, server_delay: u64, eighths: u64, draw: u32) -> u64 {
        let top = self.top(retry);
        let bottom = match self.jitter {
            Jitter::Full => FLOOR,
            Jitter::Equal => (top / 2).max(FLOOR),
            Jitter::None => top,
        };
        self.after(server_delay, eighths * retry.min(4), 0, bottom, top, draw)
    }

    /// What the server asked to wait, spread over so many eighths of it: a lower bound for the delay.
    pub(crate) fn server_delay(&self, server_delay: u64, eighths: u64, draw: u32) -> u64 {
        self.after(server_delay, eighths, 0, 0, 0, draw)
    }

    /// The wait after a routine end, which a whole fleet sees at one instant: after what the server told, spread over
    /// `initial`, the delay that the caller set, or over a quarter of what was told. A sixteenth on top, so that the first
    /// and the last percent of a fleet are that far apart.
    pub(crate) fn routine(&self, initial: u64, server_delay: u64, draw: u32) -> u64 {
        let spread = (initial + initial / 16).min(self.max - FLOOR);
        // The floor is nobody's word, and not spread as one: the cap may be as low.
        let eighths = if server_delay > 0 { 2 } else { 0 };
        self.after(server_delay.max(FLOOR), eighths, spread + FLOOR, 0, 0, draw)
    }

    /// From `server_delay` on, over so many eighths of it or up to `least`, but no later than the cap. Who asks for the cap, or for more,
    /// gets the last fifth before it: all at the cap would be one instant. Neither end below those of `bottom` and `top`.
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

    /// `min(max, initial * factor^(retry - 1))`, and no less than the floor.
    fn top(&self, retry: u64) -> u64 {
        // From the floor on, as nothing grows from 0.
        let mut delay = self.initial.max(FLOOR);
        // A factor of 1 never gets there: bounded, as 2^31 is reached long before.
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
/// Evenly in `[low, high]`. 2^32 draws over a range below 2^31: no value is favoured by much.
#[inline(never)]
pub(super) fn uniform(low: u64, high: u64, draw: u32) -> u64 {
    let span = high.saturating_sub(low) + 1;
    low + ((u64::from(draw) * span) >> 32)
}
