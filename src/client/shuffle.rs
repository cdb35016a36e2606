//! Endpoints in a random order.

use super::Builder;
use crate::web::page::random;

/// Gives the places of so many.
pub(crate) type Shuffle = fn(u32) -> Vec<u32>;

impl Builder {
    /// The endpoints are tried in a random order, another one for each client: a fleet whose servers are worth the same does not all
    /// begin, and end up, at one. The first one is among them. Default: as they are given.
    ///
    /// ```
    /// let builder = everwire::Client::builder("wss://a.example.com/live")
    ///     .failover(["wss://b.example.com/live", "wss://c.example.com/live"])
    ///     .shuffle();
    /// # drop(builder);
    /// ```
    pub fn shuffle(mut self) -> Self {
        self.shuffle = Some(shuffled);
        self
    }
}

fn shuffled(endpoints: u32) -> Vec<u32> {
    let mut left: Vec<u32> = (0..endpoints).collect();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let drawn = (random() * left.len() as f64) as usize;
        order.push(left.remove(drawn.min(left.len() - 1)));
    }
    order
}
