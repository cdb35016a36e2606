//! Without the feature `sse` there is no event stream to parse.

/// As the parser's.
pub(crate) enum Piece {
    Event { kind: Option<String>, data: Option<String>, id: Option<String> },
    Comment(String),
    TooBig,
}

pub(crate) struct Parser;

#[allow(clippy::unused_self, reason = "as the parser's")]
impl Parser {
    pub(crate) const fn new(_: usize, _: bool) -> Self {
        Self
    }

    pub(crate) const fn reset(&mut self) {}

    pub(crate) const fn stage(&mut self) -> *const u8 {
        std::ptr::null()
    }

    pub(crate) const fn fed(&mut self, _: usize, _: Option<bool>) -> &[u8] {
        &[]
    }

    pub(crate) const fn parse(&mut self, _: bool) -> &[u8] {
        &[]
    }

    pub(crate) const fn read(&mut self, _: &[u8]) -> Vec<Piece> {
        Vec::new()
    }

    pub(crate) const fn finish(&mut self) -> Option<u32> {
        None
    }

    pub(crate) const fn take_retry(&mut self) -> Option<u32> {
        None
    }
}
