//! What waits to be sent while there is no connection. Handles and lengths only: the payload stays where it is.

use super::config::{Outbox, Overflow};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Parcel {
    pub(crate) id: u32,
    pub(crate) bytes: u64,
}

/// What became of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sent {
    /// Handed to an open socket, no more.
    Sent,
    /// It will not be sent.
    Dropped(Dropped),
}

/// Why a send was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dropped {
    /// The outbox was full.
    Overflow,
    /// The message alone is larger than the outbox.
    TooBig,
    /// The client is closed.
    Closed,
    /// SSE carries nothing upwards.
    NoUplink,
    /// The browser refused the payload: a view of shared memory, or a detached buffer.
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Queue {
    limits: Outbox,
    /// Short, and emptied at once: a VecDeque would cost every visitor more than the moves cost anybody.
    parcels: Vec<Parcel>,
    bytes: u64,
}

impl Queue {
    pub(crate) fn new(limits: Outbox) -> Self {
        Self { limits, parcels: Vec::new(), bytes: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.parcels.len()
    }

    #[cfg(any(feature = "rust", test))]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Queues the parcel; calls `drop` for each that gives way, it may be the parcel itself.
    pub(crate) fn push(&mut self, parcel: Parcel, mut drop: impl FnMut(Parcel, Dropped)) {
        if parcel.bytes > self.limits.max_bytes || self.limits.max_messages == 0 {
            let why = if self.limits.max_messages == 0 { Dropped::Overflow } else { Dropped::TooBig };
            return drop(parcel, why);
        }
        while !self.fits(parcel.bytes) {
            let victim = match self.limits.overflow {
                Overflow::Reject => None,
                Overflow::DropOldest => self.first(),
                Overflow::DropNewest => self.parcels.pop(),
            };
            match victim {
                Some(victim) => {
                    self.bytes = self.bytes.saturating_sub(victim.bytes);
                    drop(victim, Dropped::Overflow);
                }
                None => return drop(parcel, Dropped::Overflow),
            }
        }
        self.bytes = self.bytes.saturating_add(parcel.bytes);
        self.parcels.push(parcel);
    }

    pub(crate) fn pop(&mut self) -> Option<Parcel> {
        let parcel = self.first()?;
        self.bytes = self.bytes.saturating_sub(parcel.bytes);
        Some(parcel)
    }

    /// Back to its place: the socket was closing already. It was counted once before, so no limit is
    /// asked again.
    pub(crate) fn put_back(&mut self, parcel: Parcel) {
        self.bytes = self.bytes.saturating_add(parcel.bytes);
        let place = self.parcels.partition_point(|other| other.id < parcel.id);
        self.parcels.insert(place, parcel);
    }

    fn first(&mut self) -> Option<Parcel> {
        if self.parcels.is_empty() { None } else { Some(self.parcels.remove(0)) }
    }

    fn fits(&self, bytes: u64) -> bool {
        (self.parcels.len() as u64) < self.limits.max_messages
            && self.bytes.saturating_add(bytes) <= self.limits.max_bytes
    }
}
