//! The lines of a region, and what each of them is.

use super::{
    COMMENT, DATA, DISPATCH, EVENT, HEADER, ID, TOO_BIG,
    scan::{self, BLOCK},
};

/// Words by which the table grows: a block's, if each byte of it were an entry, and more.
const SLACK: usize = 1024;

// Names are compared within one word, as they stand in memory.
const DATA_WORD: u64 = u64::from_le_bytes(*b"data:\0\0\0");
const ID_WORD: u64 = u64::from_le_bytes(*b"id:\0\0\0\0\0");
const EVENT_WORD: u64 = u64::from_le_bytes(*b"event:\0\0");

/// Fills the table behind its header, and gives how many words are used. The region is what is behind `start`,
/// up to the buffer's last block, in which no line ends: so there is no block that is not whole. Places are in
/// UTF-16 units, for a region that is UTF-8, or in bytes. What changes from line to line stands in locals:
/// behind a pointer it takes twice as long.
#[inline(always)]
pub(super) fn read(
    buffer: &[u8],
    start: usize,
    units: bool,
    max: usize,
    comments: bool,
    table: &mut Vec<u32>,
    retry: &mut Option<u32>,
) -> usize {
    let length = buffer.len().saturating_sub(BLOCK);
    let mut used = HEADER;
    // Where the block's entries begin, and where it began in bytes.
    let mut mark = HEADER;
    let mut block = start;
    // Where the line began: in bytes, and in what is counted. A BOM is one unit.
    let mut line = start;
    let mut line_at = if units { (start / 3) as u32 } else { start as u32 };
    // An LF here belongs to the CR before it.
    let mut after_cr = usize::MAX;
    let mut nul = false;

    let mut base = 0;
    let mut base_at = 0;
    let (blocks, _) = buffer.split_last().map_or(&[] as &[u8], |(_, blocks)| blocks).as_chunks();
    for bytes in blocks {
        if table.len() < used + SLACK {
            table.resize(used + 2 * SLACK, 0);
        }
        let entries = table.as_mut_slice();
        let lf = scan::lf(bytes);
        // Most blocks have no control character but LF.
        let (mut ends, crs) = if scan::controls(bytes) == lf {
            (lf, 0)
        } else {
            nul |= scan::equal(bytes, 0) != 0;
            let crs = scan::equal(bytes, b'\r');
            (lf | crs, crs)
        };
        let wide = if units { scan::Wide::new(bytes, base_at) } else { scan::Wide::default() };
        while ends != 0 {
            let bit = ends.trailing_zeros();
            ends &= ends - 1;
            let end = base + bit as usize;
            let end_at = if units { wide.units(bit) - 1 } else { end as u32 };
            let from = line;
            let from_at = line_at;
            line = end + 1;
            line_at = end_at + 1;
            let mut cr = false;
            if crs != 0 {
                cr = crs >> bit & 1 != 0;
                if cr {
                    after_cr = line;
                }
            }
            if from == end {
                if from == after_cr && !cr {
                    // The second half of CRLF.
                    if block == end {
                        block = line;
                    }
                    continue;
                }
                if end - block > max {
                    return too_big(table, mark);
                }
                if used != mark
                    && let Some(kind) = entries.get_mut(used - 3)
                {
                    *kind |= DISPATCH;
                }
                block = line;
                mark = used;
                continue;
            }
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
                    mark += 3 * usize::from(comments);
                }
                if kind == 0 || (kind == COMMENT && !comments) {
                    continue;
                }
                (kind, from + skipped)
            };
            if let Some(to) = entries.get_mut(used..).and_then(|rest| rest.first_chunk_mut()) {
                // The name is ASCII: as many units as bytes.
                *to = [kind, from_at + (value - from) as u32, end_at];
            }
            used += 3;
        }
        base += BLOCK;
        base_at = wide.units(BLOCK as u32 - 1);
    }
    if length.saturating_sub(block) > max { too_big(table, mark) } else { used }
}

/// Nothing of the block that is too big: the same whether it came whole or grew.
#[cold]
#[inline(never)]
fn too_big(table: &mut Vec<u32>, mark: usize) -> usize {
    table.resize(table.len().max(mark + 3), 0);
    if let Some(entry) = table.get_mut(mark) {
        *entry = TOO_BIG;
    }
    mark + 3
}

/// What a line is that begins with none of the usual names and a colon, 0 for nothing; and where its value begins.
#[inline(never)]
fn rare(line: &[u8], retry: &mut Option<u32>) -> (u32, usize) {
    let (kind, value) = match line {
        b"data" => return (DATA, 4),
        b"id" => return (ID, 2),
        b"event" => return (EVENT, 5),
        [b':', value @ ..] => (COMMENT, value),
        [b'i', b'd', b':', value @ ..] if value.iter().all(|byte| *byte != 0) => (ID, value),
        [b'r', b'e', b't', b'r', b'y', b':', value @ ..] => (0, value),
        _ => return (0, 0),
    };
    let value = if let [b' ', value @ ..] = value { value } else { value };
    if kind == 0 && !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        let ms = value
            .iter()
            .fold(0u32, |ms, digit| ms.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
        *retry = Some(ms);
    }
    (kind, line.len() - value.len())
}
