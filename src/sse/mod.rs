//! The event stream's parser (HTML, server-sent events, "Interpreting an event stream"): bytes in, a table
//! of offsets out, the same for every chunking.
//!
//! Only whole blocks are parsed, so nothing of an event is kept but its bytes. What JavaScript does with
//! it, chunk by chunk, stands in `pkg-template/links/blocks.ts`: copy the chunk to [`Parser::stage`],
//! [`Parser::fed`], decode the region, [`Parser::parse`], slice.

use std::cell::Cell;

mod lines;
#[cfg(feature = "rust")]
mod pieces;
mod scan;
#[cfg(any(fuzzing, all(test, not(target_arch = "wasm32"))))]
mod tests;
#[cfg(feature = "rust")]
pub(crate) use pieces::Piece;
#[cfg(fuzzing)]
pub(crate) use tests::fuzz;

/// One line of data. Several are joined by LF.
pub(crate) const DATA: u32 = 1;
pub(crate) const EVENT: u32 = 2;
pub(crate) const ID: u32 = 3;
pub(crate) const COMMENT: u32 = 4;
/// Added to the kind of the last entry of a block.
pub(crate) const DISPATCH: u32 = 8;
/// The last entry, if a line or a block is longer than the limit.
pub(crate) const TOO_BIG: u32 = 5;

/// The longest chunk that can be fed at once, in bytes: what browsers read.
const STAGE: usize = 1 << 16;
/// More than this is taken for this, in bytes: a wasm has 4 GiB for all of its clients.
const MOST: usize = 1 << 29;
/// All parsers together take no more: an allocation that fails ends all clients of the page. One that is beside small ones has
/// all that it may have.
const ALL: usize = if cfg!(test) { 1 << 26 } else { 5 << 28 };
/// So much has every one of them.
const LARGE: usize = 1 << 20;
/// Kind, start, end, and a word that nobody reads: to find one takes a shift, and one comparison.
type Entry = [u32; 4];
/// The first entry is the header: the region's length, the number of words in the entries behind it, the region's
/// address, and the stage's.
const HEADER: usize = 1;

const BOM: &[u8] = b"\xEF\xBB\xBF";

thread_local! {
    /// What there is of [`ALL`].
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Whether a parser that has so much may have more: nobody gets more than is then left for all others.
fn claim(claimed: &mut usize, more: usize) -> bool {
    let others = HELD.get() - *claimed;
    let all = *claimed + more;
    let room = all <= LARGE.max(ALL.saturating_sub(others) / 2);
    if room {
        *claimed = all;
        HELD.set(others + all);
    }
    room
}

#[derive(Debug)]
pub(crate) struct Parser {
    /// What is held, and behind it the stage, where the next chunk comes in.
    buffer: Vec<u8>,
    held: usize,
    /// So many bytes at the front are the region: whole blocks, to be parsed or parsed already.
    region: usize,
    /// No block ends in what is before this and after the region.
    searched: usize,
    /// As long as it ever was: how much of it counts stands in the header.
    table: Vec<Entry>,
    max: usize,
    comments: bool,
    /// A BOM is none any more.
    begun: bool,
    /// There was no room for more: what there is counts as too big.
    full: bool,
    /// What this one has of [`ALL`].
    claimed: usize,
    retry: Option<u32>,
    #[cfg(all(test, not(target_arch = "wasm32")))]
    looked: Cell<usize>,
}

impl Parser {
    /// `max` is the longest line or block, in bytes, without the line end that ends it.
    pub(crate) fn new(max: usize, comments: bool) -> Self {
        Self {
            buffer: Vec::new(),
            held: 0,
            region: 0,
            searched: 0,
            table: Vec::from([Entry::default(); HEADER]),
            // What may become a BOM is below any limit, and all of a wasm's memory above it.
            max: max.clamp(BOM.len() - 1, MOST),
            comments,
            begun: false,
            full: false,
            claimed: 0,
            retry: None,
            #[cfg(all(test, not(target_arch = "wasm32")))]
            looked: Cell::new(0),
        }
    }

    /// A new connection.
    pub(crate) fn reset(&mut self) {
        self.give_back();
        self.begun = false;
        self.full = false;
        self.table = Vec::from([Entry::default(); HEADER]);
    }

    fn give_back(&mut self) {
        HELD.set(HELD.get() - std::mem::take(&mut self.claimed));
        self.buffer = Vec::new();
        self.held = 0;
        self.region = 0;
        self.searched = 0;
    }

    /// Where to put a chunk of at most 64 KiB. It moves: each table says where the next one goes.
    pub(crate) fn stage(&mut self) -> *const u8 {
        self.room();
        self.buffer.as_ptr().wrapping_add(self.held)
    }

    fn room(&mut self) -> bool {
        // What scans blocks looks beyond the last byte.
        let end = self.held + STAGE + scan::BLOCK;
        let length = self.buffer.len();
        // A vector doubles, and leaves a hole where it was. The last step is to what an event may take, and no more.
        let all = self.max + 2 * STAGE;
        let new = if end > all / 4 { all.max(end) } else { end };
        // A phone may give less than `ALL`. The first stage it has to give: it has to be somewhere.
        let room = length >= end
            || claim(&mut self.claimed, new - length)
                && (length == 0 || self.buffer.try_reserve_exact(new - length).is_ok());
        if room && length < end {
            self.buffer.resize(new, 0);
        }
        room
    }

    /// So many bytes are on the stage. Gives the table with its header: how many bytes from the buffer's
    /// front are whole blocks; everything, when what is pending is above the limit, so that
    /// [`Self::parse`] comes to it. With `units`, the region is parsed at once if it is all there is.
    pub(crate) fn fed(&mut self, length: usize, units: Option<bool>) -> &[Entry] {
        self.held = (self.held + length).min(self.buffer.len());
        let start = self.start();
        let length = self.held;
        let mut end = self.last_block(start);
        // Comments before a block are lines of their own: keep-alives neither wait nor pile up.
        let mut from = end.max(start);
        while self.held().get(from) == Some(&b':')
            && let Some(line_end) = self.line_end(from.max(self.searched))
        {
            end = line_end;
            from = line_end;
        }
        if end == 0 {
            self.full = !self.room();
        }
        if self.full || length - from > self.max {
            end = length;
        }
        self.searched = length;
        self.region = end;
        match units {
            Some(units) if end == length => self.parse(units),
            _ => self.head(end, HEADER),
        }
    }

    fn held(&self) -> &[u8] {
        self.buffer.get(..self.held).unwrap_or_default()
    }

    fn head(&mut self, region: usize, used: usize) -> &[Entry] {
        let stage = self.stage() as usize as u32;
        if let Some(head) = self.table.first_mut() {
            *head =
                [region as u32, ((used - HEADER) * 4) as u32, self.buffer.as_ptr() as usize as u32, stage];
        }
        self.table.get(..used).unwrap_or_default()
    }

    /// Parses the region, gives the table, and forgets the region. Offsets are from its start: in UTF-16 units,
    /// for a region that is UTF-8, or in bytes.
    #[inline(never)]
    pub(crate) fn parse(&mut self, units: bool) -> &[Entry] {
        let region = self.region;
        #[cfg(all(test, not(target_arch = "wasm32")))]
        self.looked.set(self.looked.get() + region);
        let start = self.start();
        self.begun |= region > 0;
        // The last block may begin within the region, and no line ends behind it.
        let behind = |buffer: &mut Vec<u8>, bytes: [u8; scan::BLOCK]| {
            let place = buffer.get_mut(region..).and_then(|behind| behind.first_chunk_mut());
            place.map(|place| std::mem::replace(place, bytes))
        };
        let kept = behind(&mut self.buffer, [b' '; scan::BLOCK]);
        let blocks = self.buffer.get(..region + scan::BLOCK).unwrap_or_default();
        let max = if self.full { 0 } else { self.max };
        let used = lines::read(
            blocks,
            start,
            max,
            self.comments,
            &mut self.table,
            &mut self.claimed,
            &mut self.retry,
        );
        if units && let Some(entries) = self.table.get_mut(HEADER..used) {
            lines::count(blocks, entries);
        }
        if let Some(kept) = kept {
            behind(&mut self.buffer, kept);
        }
        self.buffer.copy_within(region..self.held, 0);
        self.held -= region;
        self.searched -= region;
        self.region = 0;
        if self.full {
            // Others may be waiting for it in the same turn.
            self.give_back();
        }
        self.head(region, used)
    }

    /// The connection is over: what is unfinished is discarded, but for `retry`, which counts with its line.
    /// Gives the last one since it was taken.
    pub(crate) fn finish(&mut self) -> Option<u32> {
        self.region = self.held;
        self.searched = self.held;
        self.parse(false);
        self.take_retry()
    }

    /// The last `retry` field, in ms.
    pub(crate) fn take_retry(&mut self) -> Option<u32> {
        self.retry.take()
    }

    /// Where the first block begins. An LF whose CR was the last of the region before is a blank line here: it
    /// ends a block of nothing.
    fn start(&self) -> usize {
        if !self.begun && self.held().starts_with(BOM) { BOM.len() } else { 0 }
    }

    /// Behind the last blank line, or 0. Backwards: seldom more than an event is looked at.
    fn last_block(&self, start: usize) -> usize {
        let Some(fresh) = self.held().get(self.searched..) else { return 0 };
        for (offset, &byte) in fresh.iter().enumerate().rev() {
            let at = self.searched + offset;
            #[cfg(all(test, not(target_arch = "wasm32")))]
            self.looked.set(self.looked.get() + 1);
            if !is_end(byte) {
                continue;
            }
            let before = at.checked_sub(1).and_then(|before| self.held().get(before));
            let blank = at == start
                || match before {
                    Some(b'\n') => true,
                    Some(b'\r') => byte == b'\r',
                    _ => false,
                };
            if blank {
                return self.behind(at, byte);
            }
        }
        0
    }

    /// Behind the line that ends at `from` or later.
    fn line_end(&self, from: usize) -> Option<usize> {
        let fresh = self.held().get(from..)?;
        let found = fresh.iter().enumerate().find(|(_, byte)| is_end(**byte));
        #[cfg(all(test, not(target_arch = "wasm32")))]
        self.looked.set(self.looked.get() + found.map_or(fresh.len(), |(offset, _)| offset + 1));
        let (offset, &byte) = found?;
        Some(self.behind(from + offset, byte))
    }

    /// Before `fed`: at most 64 KiB.
    #[cfg(any(fuzzing, feature = "rust", all(test, not(target_arch = "wasm32"))))]
    pub(crate) fn write(&mut self, chunk: &[u8]) {
        self.stage();
        self.buffer.iter_mut().skip(self.held).zip(chunk).for_each(|(to, from)| *to = *from);
    }

    #[cfg(any(fuzzing, all(test, not(target_arch = "wasm32"))))]
    pub(crate) const STAGE: usize = STAGE;

    /// Bytes of memory.
    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn memory(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes that a scan went over.
    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn looked(&self) -> usize {
        self.looked.get()
    }

    fn behind(&self, at: usize, byte: u8) -> usize {
        at + 1 + usize::from(byte == b'\r' && self.held().get(at + 1) == Some(&b'\n'))
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn is_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}
