//! The event stream's parser (HTML, server-sent events, "Interpreting an event stream"): bytes in, a table
//! of offsets out, the same for every chunking.
//!
//! Only whole blocks are parsed, so nothing of an event is kept but its bytes. What JavaScript does with
//! it, chunk by chunk, stands in `src/transport/fetch.js`: copy the chunk to [`Parser::stage`],
//! [`Parser::fed`], decode the region, [`Parser::parse`], slice.

mod scan;
#[cfg(any(fuzzing, all(test, not(target_arch = "wasm32"))))]
mod tests;
#[cfg(fuzzing)]
pub(crate) use tests::fuzz;

use scan::BLOCK;

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
/// The table begins with the region's length, the number of words in its entries, and the buffer's address.
const HEADER: usize = 3;

/// Entries by which the table grows.
const SLACK: usize = 256;

const BOM: &[u8] = b"\xEF\xBB\xBF";
/// A buffer above this is given back when its connection is over.
const KEPT: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Parser {
    /// Where a chunk comes in.
    stage: Vec<u8>,
    buffer: Vec<u8>,
    /// So many bytes at the front are the region: whole blocks, to be parsed or parsed already.
    region: usize,
    /// No block ends in what is before this and after the region.
    searched: usize,
    /// The header, then entries of three: kind, start, end.
    table: Vec<u32>,
    max: usize,
    comments: bool,
    /// A BOM is none any more.
    begun: bool,
    retry: Option<u32>,
    #[cfg(all(test, not(target_arch = "wasm32")))]
    looked: std::cell::Cell<usize>,
}

impl Parser {
    /// `max` is the longest line or block, in bytes, without the line end that ends it.
    pub(crate) fn new(max: usize, comments: bool) -> Self {
        Self {
            stage: Vec::new(),
            buffer: Vec::new(),
            region: 0,
            searched: 0,
            table: Vec::new(),
            // What may become a BOM is below any limit.
            max: max.max(BOM.len() - 1),
            comments,
            begun: false,
            retry: None,
            #[cfg(all(test, not(target_arch = "wasm32")))]
            looked: std::cell::Cell::new(0),
        }
    }

    /// A new connection.
    pub(crate) fn reset(&mut self) {
        self.buffer.clear();
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        self.region = 0;
        self.searched = 0;
        self.begun = false;
    }

    /// Where to put a chunk of at most 64 KiB; it stays there.
    pub(crate) fn stage(&mut self) -> *const u8 {
        self.stage.resize(STAGE, 0);
        self.stage.as_ptr()
    }

    /// So many bytes are on the stage. Gives the table with its header: how many bytes from the buffer's
    /// front are whole blocks; everything, when what is pending is above the limit, so that
    /// [`Self::parse`] comes to it. With `units`, the region is parsed at once if it is all there is.
    pub(crate) fn fed(&mut self, length: usize, units: Option<bool>) -> &[u32] {
        self.drop_region();
        self.buffer.extend_from_slice(self.stage.get(..length).unwrap_or_default());
        let start = self.start();
        let length = self.buffer.len();
        let mut end = self.last_block(start);
        // Comments before a block are lines of their own: keep-alives neither wait nor pile up.
        let mut from = end.max(start);
        while self.buffer.get(from) == Some(&b':')
            && let Some(line_end) = self.line_end(from.max(self.searched))
        {
            end = line_end;
            from = line_end;
        }
        if length - from > self.max {
            end = length;
        }
        self.searched = length;
        self.region = end;
        self.head();
        match units {
            Some(units) if end == length => self.parse(units),
            _ => self.table.get(..HEADER).unwrap_or_default(),
        }
    }

    fn head(&mut self) {
        if self.table.is_empty() {
            self.table.resize(HEADER, 0);
        }
        if let Some(head) = self.table.first_chunk_mut() {
            *head = [self.region as u32, 0, self.buffer.as_ptr() as usize as u32];
        }
    }

    fn drop_region(&mut self) {
        self.buffer.drain(..self.region);
        self.searched -= self.region;
        self.region = 0;
    }

    /// Parses the region, and gives the table. Offsets are from its start: in UTF-16 units, for a region that is UTF-8, or in bytes.
    #[inline(never)]
    pub(crate) fn parse(&mut self, units: bool) -> &[u32] {
        self.head();
        let region = self.buffer.get(..self.region).unwrap_or_default();
        #[cfg(all(test, not(target_arch = "wasm32")))]
        self.looked.set(self.looked.get() + region.len());
        let has_bom = !self.begun && region.starts_with(BOM);
        let (start, start_units) = if has_bom { (BOM.len(), 1) } else { (0, 0) };
        let mut lines = Lines {
            table: &mut self.table,
            retry: &mut self.retry,
            max: self.max,
            comments: self.comments,
            block: start,
            used: HEADER,
            mark: HEADER,
            line: start,
            line_at: if units { start_units } else { start as u32 },
            after_cr: usize::MAX,
            any: false,
        };
        let mut base = 0;
        let mut base_at = 0;
        let mut rest = region;
        let mut padded = [0; BLOCK];
        while !rest.is_empty() {
            let bytes = match rest.split_first_chunk() {
                Some((bytes, more)) => {
                    rest = more;
                    bytes
                }
                None => {
                    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                    rest = &[];
                    &padded
                }
            };
            let mut ends = scan::ends(bytes);
            while ends != 0 {
                let bit = ends.trailing_zeros();
                ends &= ends - 1;
                let at = if units { base_at + scan::units(bytes, bit) } else { base_at + bit };
                if !lines.end(region, base + bit as usize, at) {
                    let used = lines.used;
                    return self.count(used);
                }
            }
            base += BLOCK;
            base_at += if units { scan::units(bytes, BLOCK as u32) } else { BLOCK as u32 };
        }
        lines.too_big(region.len());
        let used = lines.used;
        self.begun |= !region.is_empty();
        self.count(used)
    }

    fn count(&mut self, used: usize) -> &[u32] {
        if let Some(count) = self.table.get_mut(1) {
            *count = (used - HEADER) as u32;
        }
        self.table.get(..used).unwrap_or_default()
    }

    /// The connection is over: what is unfinished is discarded, but for `retry`, which counts with its line.
    /// Gives the last one since it was taken.
    pub(crate) fn finish(&mut self) -> Option<u32> {
        self.drop_region();
        self.region = self.buffer.len();
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
        if !self.begun && self.buffer.starts_with(BOM) { BOM.len() } else { 0 }
    }

    /// Behind the last blank line, or 0. Backwards: seldom more than an event is looked at.
    fn last_block(&self, start: usize) -> usize {
        let Some(fresh) = self.buffer.get(self.searched..) else { return 0 };
        for (offset, &byte) in fresh.iter().enumerate().rev() {
            let at = self.searched + offset;
            #[cfg(all(test, not(target_arch = "wasm32")))]
            self.looked.set(self.looked.get() + 1);
            if !is_end(byte) {
                continue;
            }
            let before = at.checked_sub(1).and_then(|before| self.buffer.get(before));
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
        let fresh = self.buffer.get(from..)?;
        let found = fresh.iter().enumerate().find(|(_, byte)| is_end(**byte));
        #[cfg(all(test, not(target_arch = "wasm32")))]
        self.looked.set(self.looked.get() + found.map_or(fresh.len(), |(offset, _)| offset + 1));
        let (offset, &byte) = found?;
        Some(self.behind(from + offset, byte))
    }

    /// What JavaScript does before `fed`: at most 64 KiB.
    #[cfg(any(fuzzing, all(test, not(target_arch = "wasm32"))))]
    pub(crate) fn write(&mut self, chunk: &[u8]) {
        self.stage();
        self.stage.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
    }

    #[cfg(any(fuzzing, all(test, not(target_arch = "wasm32"))))]
    pub(crate) const STAGE: usize = STAGE;

    /// Bytes of memory.
    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes that a scan went over.
    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn looked(&self) -> usize {
        self.looked.get()
    }

    fn behind(&self, at: usize, byte: u8) -> usize {
        at + 1 + usize::from(byte == b'\r' && self.buffer.get(at + 1) == Some(&b'\n'))
    }
}

fn is_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The lines of a region, one after another.
struct Lines<'a> {
    table: &'a mut Vec<u32>,
    retry: &'a mut Option<u32>,
    max: usize,
    comments: bool,
    /// Where the block began, in bytes.
    block: usize,
    /// The table's words that are used.
    used: usize,
    /// Where in it the block's entries begin.
    mark: usize,
    /// Where the line began: in bytes, and in what is counted.
    line: usize,
    line_at: u32,
    /// An LF here belongs to the CR before it.
    after_cr: usize,
    /// The block has an entry.
    any: bool,
}

impl Lines<'_> {
    /// A CR or LF at byte `end`, counted as `end_at`. False when the limit is passed.
    fn end(&mut self, region: &[u8], end: usize, end_at: u32) -> bool {
        let line = region.get(self.line..end).unwrap_or_default();
        let cr = region.get(end) == Some(&b'\r');
        if end == self.after_cr && !cr {
            // The second half of CRLF.
            if self.block == end {
                self.block += 1;
            }
        } else if let Some(&first) = line.first() {
            if first != b':' {
                self.field(line, end_at);
            } else {
                let leads = self.block == self.line;
                if leads && self.too_big(end) {
                    return false;
                }
                if self.comments {
                    let skipped = 1 + u32::from(line.get(1) == Some(&b' '));
                    self.push(COMMENT, self.line_at + skipped, end_at);
                }
                if leads {
                    self.block_ends(end);
                }
            }
        } else {
            if self.too_big(end) {
                return false;
            }
            if self.any
                && let Some(kind) = self.table.get_mut(self.used - 3)
            {
                *kind |= DISPATCH;
                self.any = false;
            }
            self.block_ends(end);
        }
        if cr {
            self.after_cr = end + 1;
        }
        self.line = end + 1;
        self.line_at = end_at + 1;
        true
    }

    fn field(&mut self, line: &[u8], end_at: u32) {
        // Patterns, not `strip_prefix`: in wasm that is a call to memcmp for each.
        let (kind, after) = match line {
            [b'd', b'a', b't', b'a', after @ ..] => (DATA, after),
            [b'i', b'd', after @ ..] => (ID, after),
            [b'e', b'v', b'e', b'n', b't', after @ ..] => (EVENT, after),
            [b'r', b'e', b't', b'r', b'y', after @ ..] => (RETRY, after),
            _ => return,
        };
        let value = match after {
            [b':', b' ', value @ ..] | [b':', value @ ..] => value,
            [] => after,
            _ => return,
        };
        if kind == RETRY {
            if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
                let ms = value
                    .iter()
                    .fold(0u32, |ms, digit| ms.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
                *self.retry = Some(ms);
            }
        } else if kind != ID || !value.contains(&0) {
            // The name is ASCII: as many units as bytes.
            self.push(kind, self.line_at + (line.len() - value.len()) as u32, end_at);
            self.any = true;
        }
    }

    /// Whether the block, or the line that stands for one, is longer than the limit at byte `end`.
    fn too_big(&mut self, end: usize) -> bool {
        let big = end.saturating_sub(self.block) > self.max;
        if big {
            // Nothing of it: the same whether it came whole or grew.
            self.used = self.mark;
            self.push(TOO_BIG, 0, 0);
        }
        big
    }

    fn block_ends(&mut self, end: usize) {
        self.block = end + 1;
        self.mark = self.used;
    }

    #[inline(always)]
    fn push(&mut self, kind: u32, start: u32, end: u32) {
        // Not `extend_from_slice`, which copies by a call: this is the hottest line.
        if self.table.len() < self.used + 3 {
            self.table.resize(self.used + 3 * SLACK, 0);
        }
        if let Some(entry) = self.table.get_mut(self.used..).and_then(|rest| rest.first_chunk_mut()) {
            *entry = [kind, start, end];
        }
        self.used += 3;
    }
}

/// Never in the table.
const RETRY: u32 = 6;
