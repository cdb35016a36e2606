//! What `pkg-template/links/blocks.ts` does with the parser, in Rust.

use super::super::{COMMENT, DATA, DISPATCH, EVENT, HEADER, ID, Parser, TOO_BIG};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    Event {
        data: String,
        event: String,
        id: String,
    },
    /// A block without data moves the cursor.
    Cursor(String),
    Comment(String),
    TooBig,
}

pub(crate) struct Reader {
    pub(crate) parser: Parser,
    pub(crate) out: Vec<Out>,
    id: String,
    pending: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(max: usize) -> Self {
        Self { parser: Parser::new(max, true), out: Vec::new(), id: String::new(), pending: Vec::new() }
    }

    /// False after an event that is too big.
    pub(crate) fn feed(&mut self, chunk: &[u8]) -> bool {
        chunk.chunks(Parser::STAGE).all(|chunk| self.part(chunk))
    }

    fn part(&mut self, chunk: &[u8]) -> bool {
        self.parser.write(chunk);
        self.pending.extend_from_slice(chunk);
        let early = self.pending.len() == chunk.len() && matches!(chunk.last(), Some(b'\n' | b'\r'));
        let units = early.then(|| how(chunk).1);
        let head = self.parser.fed(chunk.len(), units).to_vec();
        let end = head[0][0] as usize;
        if end == 0 {
            return true;
        }
        let region: Vec<u8> = self.pending.drain(..end).collect();
        let (text, units, slow) = how(&region);
        let (mut data, mut event, mut id) = (None::<String>, String::new(), None);
        let table = if early && end == chunk.len() { head } else { self.parser.parse(units).to_vec() };
        assert_eq!((table.len() - HEADER) * 4, table[0][1] as usize);
        for &[kind, start, end, _] in &table[HEADER..] {
            let (start, end) = (start as usize, end as usize);
            let slice = || {
                if slow {
                    String::from_utf8_lossy(&region[start..end]).into_owned()
                } else {
                    String::from_utf16(&text[start..end]).unwrap()
                }
            };
            match kind & !DISPATCH {
                DATA => data = Some(data.map_or_else(slice, |data| data + "\n" + &slice())),
                EVENT => event = slice(),
                ID => id = Some(slice()),
                COMMENT => self.out.push(Out::Comment(slice())),
                TOO_BIG => {
                    self.out.push(Out::TooBig);
                    return false;
                }
                other => panic!("an entry of kind {other}"),
            }
            if kind & DISPATCH != 0 {
                let moved = id.take();
                if let Some(id) = &moved {
                    self.id.clone_from(id);
                }
                let event = std::mem::take(&mut event);
                match data.take() {
                    Some(data) => self.out.push(Out::Event { data, event, id: self.id.clone() }),
                    None if moved.is_some() => self.out.push(Out::Cursor(self.id.clone())),
                    None => {}
                }
            }
        }
        true
    }
}

/// The text, whether it is counted in units, and whether each slice is decoded by itself.
fn how(region: &[u8]) -> (Vec<u16>, bool, bool) {
    let text: Vec<u16> = String::from_utf8_lossy(region).encode_utf16().collect();
    let slow = text.len() != region.len() && text.contains(&0xFFFD);
    let units = text.len() != region.len() && !slow;
    (text, units, slow)
}

/// The stream in chunks of these lengths, again and again; what comes out, and the last `retry`.
pub(crate) fn read(stream: &[u8], lengths: &[usize], max: usize) -> (Vec<Out>, Option<u32>) {
    let mut reader = Reader::new(max);
    let mut rest = stream;
    let mut retry = None;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, more) = rest.split_at((*length).clamp(1, rest.len()));
        rest = more;
        let goes_on = reader.feed(chunk);
        retry = reader.parser.take_retry().or(retry);
        if !goes_on {
            // For good: what it said of the next attempt means nothing.
            return (reader.out, None);
        }
    }
    retry = reader.parser.finish().or(retry);
    (reader.out, retry)
}

/// Whole, the same byte by byte and two by two.
pub(crate) fn parse(stream: impl AsRef<[u8]>) -> Vec<Out> {
    let stream = stream.as_ref();
    let whole = read(stream, &[usize::MAX], usize::MAX);
    assert_eq!(read(stream, &[1], usize::MAX), whole, "byte by byte");
    assert_eq!(read(stream, &[2], usize::MAX), whole, "two by two");
    whole.0
}

pub(crate) fn event(data: &str, event: &str, id: &str) -> Out {
    Out::Event { data: data.into(), event: event.into(), id: id.into() }
}

pub(crate) fn message(data: &str) -> Out {
    event(data, "", "")
}
