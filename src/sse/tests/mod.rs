//! The parser's tests: each rule by its name, and any chunking against a plain reference.
// A test may panic: that is how it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(test)]
mod chunking;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod limit;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod memory;
pub(crate) mod reader;
pub(crate) mod reference;

/// Any bytes in any chunks: the first byte says how many lengths follow it, the rest is the stream.
#[cfg(fuzzing)]
pub(crate) fn fuzz(input: &[u8]) {
    let Some((&count, rest)) = input.split_first() else { return };
    let (lengths, stream) = rest.split_at(usize::from(count % 8).min(rest.len()));
    let lengths: Vec<usize> = lengths.iter().map(|length| usize::from(*length)).chain([1]).collect();
    assert_eq!(reader::read(stream, &lengths, usize::MAX), reference::reference(stream));
    let max = lengths[0];
    assert_eq!(reader::read(stream, &lengths, max), reader::read(stream, &[usize::MAX], max));
}
