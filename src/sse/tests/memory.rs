//! What stays from chunk to chunk, and from connection to connection; what stands in the table.

use super::{
    super::{COMMENT, DATA, DISPATCH, Entry, HEADER, ID, Parser},
    reader::{Reader, message, parse},
};

/// The entries that a chunk gives, told beforehand how to count.
fn entries(parser: &mut Parser, chunk: &str) -> Vec<[u32; 3]> {
    parser.write(chunk.as_bytes());
    read(parser.fed(chunk.len(), Some(false)))
}

fn read(table: &[Entry]) -> Vec<[u32; 3]> {
    table[HEADER..].iter().map(|&[kind, start, end, _]| [kind, start, end]).collect()
}

#[test]
fn a_new_connection_inherits_nothing() {
    // Half an event, half a CRLF at a line's end and at a block's, a whole event behind a BOM.
    for before in
        ["id: 1\nevent: e\ndata: a\n", "data: a\r", "data: a\r\r", ": c\r", "\u{FEFF}data: a\n\n", "\u{FEFF}"]
    {
        let mut parser = Parser::new(100, true);
        entries(&mut parser, before);
        parser.finish();
        parser.reset();
        assert_eq!(entries(&mut parser, "\ndata: b\n\n"), [[DATA | DISPATCH, 7, 8]], "{before:?}");
        parser.reset();
        assert_eq!(entries(&mut parser, "\u{FEFF}data: b\n\n"), [[DATA | DISPATCH, 9, 10]], "{before:?}");
    }
}

#[test]
fn a_retry_is_told_once() {
    let mut parser = Parser::new(100, true);
    entries(&mut parser, "retry: 5\n\nretry: 6\n");
    parser.parse(false);
    assert_eq!(parser.take_retry(), Some(5));
    assert_eq!(parser.take_retry(), None);
    assert_eq!(parser.finish(), Some(6));
    parser.reset();
    entries(&mut parser, "retry: 7\n\n");
    assert_eq!(parser.take_retry(), Some(7));
    assert_eq!(parser.finish(), None);
    parser.reset();
    assert_eq!(parser.finish(), None);
}

#[test]
fn a_chunk_is_parsed_at_once_only_if_it_is_all_there_is_and_its_count_is_known() {
    let head = |parser: &mut Parser, chunk: &str, units| {
        parser.write(chunk.as_bytes());
        let table = parser.fed(chunk.len(), units);
        (table[0][0], table[0][1], table.len())
    };
    let mut parser = Parser::new(100, true);
    assert_eq!(head(&mut parser, "data: a\n\n", Some(true)), (9, 4, HEADER + 1));
    assert_eq!(head(&mut parser, "data: a\n\n", None), (9, 0, HEADER));
    parser.parse(false);
    assert_eq!(head(&mut parser, "data: a\n\ndata: b\n", Some(true)), (9, 0, HEADER));
    assert_eq!(parser.parse(true).len(), HEADER + 1);
    assert_eq!(head(&mut parser, "data: c", None), (0, 0, HEADER));
    assert_eq!(head(&mut parser, "\n\n", None), (17, 0, HEADER));
    assert_eq!(read(parser.parse(false)), [[DATA, 6, 7], [DATA | DISPATCH, 14, 15]]);
}

#[test]
fn the_last_entry_of_a_block_dispatches_whatever_it_is() {
    let mut parser = Parser::new(100, true);
    assert_eq!(entries(&mut parser, "data: a\n: c\n\n"), [[DATA, 6, 7], [COMMENT | DISPATCH, 10, 11]]);
    assert_eq!(entries(&mut parser, "data: a\nretry: 1\nx\n\n"), [[DATA | DISPATCH, 6, 7]]);
    assert_eq!(entries(&mut parser, "id\n\n"), [[ID | DISPATCH, 2, 2]]);
    assert_eq!(entries(&mut parser, "data: a\n\n: c\n\n\n"), [[DATA | DISPATCH, 6, 7], [COMMENT, 11, 12]]);
    assert_eq!(entries(&mut parser, ": c\n\nx\n: d\n\n"), [[COMMENT, 2, 3], [COMMENT | DISPATCH, 9, 10]]);
}

#[test]
fn comments_that_nobody_wants_are_not_in_the_table() {
    let mut parser = Parser::new(100, false);
    assert_eq!(entries(&mut parser, ": c\ndata: a\n: d\n\n: e\n"), [[DATA | DISPATCH, 10, 11]]);
}

#[test]
fn a_chunk_longer_than_the_stage_is_fed_in_parts() {
    let mut reader = Reader::new(usize::MAX);
    let data = "ä".repeat(Parser::STAGE);
    reader.feed(format!("data: {data}\n\ndata: b\n\n").as_bytes());
    assert_eq!(reader.out, [message(&data), message("b")]);
}

#[test]
fn an_event_may_have_more_lines_than_the_table_had_room_for() {
    let data = vec!["line"; 10_000].join("\n");
    assert_eq!(parse(format!("data: {}\n\n", data.replace('\n', "\ndata: "))), [message(&data)]);
}

#[test]
fn events_that_are_over_take_no_memory() {
    let mut reader = Reader::new(1_000);
    let event = format!("data: {}\r\n\r\n", "x".repeat(500));
    let stream = event.repeat(2_000);
    for chunk in stream.as_bytes().chunks(300) {
        reader.feed(chunk);
        assert!(reader.parser.memory() <= 3 * Parser::STAGE, "{}", reader.parser.memory());
    }
    assert_eq!(reader.out.len(), 2_000);
}

#[test]
fn many_comments_and_events_are_looked_at_a_few_times_each() {
    for line in [":keep-alive\n", ":keep-alive\r\n", "data: a\n\n", "data: a\r\n\r\n", "\n", "\r\n", "\r"] {
        let stream = line.repeat(20_000);
        for length in [1, 7, 1_000, 60_000] {
            let mut reader = Reader::new(1_000);
            stream.as_bytes().chunks(length).for_each(|chunk| {
                reader.feed(chunk);
            });
            let looked = reader.parser.looked();
            assert!(looked <= 4 * stream.len(), "{line:?} by {length}: {looked} of {}", stream.len());
        }
    }
}
