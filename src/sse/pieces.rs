//! The parser's table as values: what the Rust port delivers.

use super::{COMMENT, DATA, DISPATCH, EVENT, HEADER, ID, Parser, TOO_BIG};

/// What a part of a stream brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// `data`: none in a block that only moves the cursor. `size`: in bytes, of all that it came in.
    Event { kind: Option<String>, data: Option<String>, id: Option<String>, size: usize },
    /// Without its colon and one space.
    Comment(String),
    /// A line or an event is longer than the limit.
    TooBig,
}

impl Parser {
    /// The events that end in this chunk, which has at most 64 KiB.
    pub(crate) fn read(&mut self, chunk: &[u8]) -> Vec<Piece> {
        self.write(chunk);
        let length = self.fed(chunk.len(), None).first().map_or(0, |head| head[0] as usize);
        let region = self.buffer.get(..length).unwrap_or_default().to_vec();
        let mut pieces = Vec::new();
        let (mut kind, mut data, mut id) = (None, None::<String>, None);
        let mut from = 0;
        for &[what, start, end, _] in self.parse(false).iter().skip(HEADER) {
            let bytes = region.get(start as usize..end as usize).unwrap_or_default();
            let text = String::from_utf8_lossy(bytes);
            match what & !DISPATCH {
                DATA => {
                    if let Some(data) = &mut data {
                        data.push('\n');
                        data.push_str(&text);
                    } else {
                        data = Some(text.into_owned());
                    }
                }
                EVENT => kind = Some(text.into_owned()),
                ID => id = Some(text.into_owned()),
                COMMENT => pieces.push(Piece::Comment(text.into_owned())),
                // `TOO_BIG`: nothing comes behind it.
                _ => {
                    debug_assert_eq!(what, TOO_BIG);
                    pieces.push(Piece::TooBig);
                    break;
                }
            }
            if what & DISPATCH != 0 {
                let size = (end as usize).saturating_sub(from);
                from = end as usize;
                pieces.push(Piece::Event { kind: kind.take(), data: data.take(), id: id.take(), size });
            }
        }
        pieces
    }
}
