//! The lines of a region, and what each of them is.

use super::{
    COMMENT, DATA, DISPATCH, EVENT, Entry, HEADER, ID, TOO_BIG, claim,
    scan::{self, BLOCK, Wide},
};

// Names are compared within one word, as they stand in memory.
const DATA_WORD: u64 = u64::from_le_bytes(*b"data:\0\0\0");
const ID_WORD: u64 = u64::from_le_bytes(*b"id:\0\0\0\0\0");
const EVENT_WORD: u64 = u64::from_le_bytes(*b"event:\0\0");

/// Fills the table behind its header, and gives how many entries are used. The region is what is behind `start`,
/// up to the buffer's last block, in which no line ends: so there is no block that is not whole. What changes
/// from line to line stands in locals: behind a pointer it takes twice as long. And the fewer they are, the more of
/// them the engine keeps in registers: what is rare is looked up when it comes (a CR), or left to others ([`count`]).
#[inline(always)]
pub(super) fn read(
    buffer: &[u8],
    start: usize,
    max: usize,
    comments: bool,
    table: &mut Vec<Entry>,
    claimed: &mut usize,
    retry: &mut Option<u32>,
) -> usize {
    let length = buffer.len().saturating_sub(BLOCK);
    // A block of no more bytes is within both limits: they are compared for longer ones only.
    let short = max.min(1 << 13);
    // Where the block's entries begin, and where it began.
    let mut used = HEADER;
    let mut mark = HEADER;
    let mut block = start;
    let mut line = start;
    // Whether there was one: then ids are read with care.
    let mut nul = false;

    let mut base = 0;
    for bytes in blocks(buffer) {
        let (mut ends, nuls) = scan::ends(bytes);
        nul |= nuls;
        while ends != 0 {
            let mut end = base + ends.trailing_zeros() as usize;
            let next = (ends & ends.wrapping_neg()) << 1;
            ends &= ends - 1;
            if line != end {
                let from = line;
                line = end + 1;
                // What ends the line is in no name: none goes beyond it.
                let word = buffer
                    .get(from..)
                    .and_then(|rest| rest.first_chunk())
                    .map_or(0, |word| u64::from_le_bytes(*word));
                let space = |at: u32| usize::from((word >> at) as u8 == b' ');
                let (kind, value) = if word << 24 == DATA_WORD << 24 {
                    (DATA, from + 5 + space(40))
                } else if word << 40 == ID_WORD << 40 && !nul {
                    (ID, from + 3 + space(24))
                } else if word << 16 == EVENT_WORD << 16 {
                    (EVENT, from + 6 + space(48))
                } else {
                    let text = buffer.get(from..end).unwrap_or_default();
                    let (kind, skipped) = rare(text, retry);
                    if kind == COMMENT && block == from {
                        // A comment before a block is a line of its own.
                        if end - block > max {
                            return too_big(table, mark);
                        }
                        block = line;
                        mark += usize::from(comments);
                    }
                    if kind == 0 || (kind == COMMENT && !comments) {
                        continue;
                    }
                    (kind, from + skipped)
                };
                if used >= table.len() && (used > mark + most_lines(max) || !grow(table, claimed, max)) {
                    return too_big(table, mark);
                }
                // Word by word: an array would be made on the stack, written in words and read in pairs, which stalls.
                if let Some([to_kind, to_start, to_end, _]) = table.get_mut(used) {
                    *to_kind = kind;
                    *to_start = value as u32;
                    *to_end = end as u32;
                }
                used += 1;
                // Most often a blank line is next: it takes no turn of its own.
                if ends & next == 0 {
                    continue;
                }
                ends ^= next;
                end = line;
            }
            line = end + 1;
            if buffer.get(end.wrapping_sub(1)..).and_then(|pair| pair.first_chunk()) == Some(b"\r\n") {
                // The second half of CRLF.
                if block == end {
                    block = line;
                }
                continue;
            }
            if end - block > short && (end - block > max || used > mark + most_lines(max)) {
                return too_big(table, mark);
            }
            if used != mark
                && let Some([kind, ..]) = table.get_mut(used - 1)
            {
                *kind |= DISPATCH;
            }
            block = line;
            mark = used;
        }
        base += BLOCK;
    }
    if length.saturating_sub(block) > max { too_big(table, mark) } else { used }
}

/// Places in bytes, which ascend, become places in UTF-16 units: for a region that is UTF-8.
#[inline(always)]
pub(super) fn count(buffer: &[u8], entries: &mut [Entry]) {
    let mut blocks = blocks(buffer).iter();
    let mut wide = Wide::default();
    let (mut seen, mut units) = (0, 0);
    for [_, start, end, _] in entries {
        for place in [start, end] {
            // Before each place is a byte: its name's, or its own.
            let last = place.wrapping_sub(1);
            while last >= seen {
                let Some(bytes) = blocks.next() else { return };
                wide = Wide::new(bytes, units);
                units = wide.units(BLOCK as u32 - 1);
                seen += BLOCK as u32;
            }
            *place = wide.units(last % BLOCK as u32);
        }
    }
}

fn blocks(buffer: &[u8]) -> &[[u8; BLOCK]] {
    buffer.split_last().map_or(&[] as &[u8], |(_, blocks)| blocks).as_chunks().0
}

/// Nothing of the block that is too big: the same whether it came whole or grew.
#[cold]
#[inline(never)]
fn too_big(table: &mut Vec<Entry>, mark: usize) -> usize {
    table.truncate(mark);
    table.push([TOO_BIG, 0, 0, 0]);
    mark + 1
}

/// So many lines may one event have: their entries take no more memory than its text may, nor more than 64 MB. A stream of the
/// shortest lines would else take five times as much.
#[cold]
fn most_lines(max: usize) -> usize {
    max.clamp(1 << 16, 1 << 26) / size_of::<Entry>()
}

/// To all that an event may have, when it has more than a chunk can: what is grown in steps leaves holes in the memory. And room for what
/// [`too_big`] adds: there may be none when it has to be said.
#[cold]
#[inline(never)]
fn grow(table: &mut Vec<Entry>, claimed: &mut usize, max: usize) -> bool {
    let more = if table.len() < 1 << 15 { 1024 } else { most_lines(max) };
    let room = claim(claimed, more * size_of::<Entry>()) && table.try_reserve_exact(more + 1).is_ok();
    if room {
        table.resize(table.len() + more, Entry::default());
    }
    room
}

/// What a line is that begins with none of the usual names and a colon, 0 for nothing; and where its value begins.
#[inline(never)]
fn rare(line: &[u8], retry: &mut Option<u32>) -> (u32, usize) {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = line.split_at(colon.unwrap_or(line.len()));
    let ([b':', b' ', value @ ..] | [b':', value @ ..] | value) = value;
    let kind = match name {
        b"" => COMMENT,
        b"data" => DATA,
        b"event" => EVENT,
        b"id" if !value.contains(&0) => ID,
        b"retry" if !value.is_empty() => {
            let ms = value.iter().try_fold(0u32, |ms, byte| {
                let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
                Some(ms.saturating_mul(10).saturating_add(digit))
            });
            *retry = ms.or(*retry);
            0
        }
        _ => 0,
    };
    (kind, line.len() - value.len())
}
