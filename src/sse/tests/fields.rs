//! Lines to events: the field rules.

use super::{
    super::Parser,
    reader::{Out, Reader, event, message, parse, read},
};

fn retry(stream: &str) -> Option<u32> {
    let whole = read(stream.as_bytes(), &[usize::MAX], usize::MAX).1;
    assert_eq!(read(stream.as_bytes(), &[1], usize::MAX).1, whole);
    whole
}

#[test]
fn the_first_colon_divides_and_one_space_is_dropped() {
    assert_eq!(
        parse("data:a\n\ndata: a\n\ndata:  a\n\ndata: a:b\n\ndata::\n\n"),
        ["a", "a", " a", "a:b", ":"].map(message)
    );
}

#[test]
fn without_a_colon_the_value_is_empty() {
    assert_eq!(parse("data\n\ndata\ndata\n\n"), [message(""), message("\n")]);
    assert_eq!(parse("id: 1\ndata: a\n\nid\ndata: b\n\n"), [event("a", "", "1"), message("b")]);
}

#[test]
fn names_are_exact() {
    assert_eq!(
        parse("Data: a\ndata : b\n data: c\ndatax: d\ndat: e\nevents: f\nidx: 1\ndata: g\n\n"),
        [message("g")]
    );
}

#[test]
fn data_lines_are_joined_by_lf() {
    assert_eq!(parse("data: a\ndata:\ndata: b\n\n"), [message("a\n\nb")]);
}

#[test]
fn empty_data_is_an_event_and_no_data_is_none() {
    assert_eq!(parse("data:\n\n"), [message("")]);
    assert_eq!(parse("event: e\n\n\n\n"), []);
}

#[test]
fn the_event_name_is_for_one_event_and_the_last_one_counts() {
    assert_eq!(parse("event: a\nevent: b\ndata: 1\n\ndata: 2\n\n"), [event("1", "b", ""), message("2")]);
    assert_eq!(parse("event: a\n\ndata: 1\n\n"), [message("1")]);
}

#[test]
fn the_id_stays_until_another() {
    assert_eq!(
        parse("id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n"),
        [event("a", "", "1"), event("b", "", "1"), event("c", "", "2")]
    );
}

#[test]
fn an_id_with_nul_is_ignored() {
    assert_eq!(parse("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n"), [event("a", "", "1"), event("b", "", "1")]);
}

#[test]
fn an_empty_id_resets() {
    assert_eq!(parse("id: 1\ndata: a\n\nid:\ndata: b\n\n"), [event("a", "", "1"), message("b")]);
}

#[test]
fn a_block_with_only_an_id_moves_the_cursor() {
    assert_eq!(parse("id: 7\n\ndata: a\n\n"), [Out::Cursor("7".into()), event("a", "", "7")]);
}

#[test]
fn retry_takes_digits_only() {
    assert_eq!(retry("retry: 1500\n"), Some(1500));
    assert_eq!(retry("retry:007\n\n"), Some(7));
    assert_eq!(retry("retry: 99999999999999999999\n\n"), Some(u32::MAX));
    for bad in [
        "retry:\n\n",
        "retry\n\n",
        "retry: 1.5\n\n",
        "retry: -1\n\n",
        "retry: 1s\n\n",
        "retry:  1\n\n",
        "retry: ١\n\n",
    ] {
        assert_eq!(retry(bad), None, "{bad:?}");
    }
    assert_eq!(retry("retry: 1\n\nretry: x\n\n"), Some(1));
}

#[test]
fn what_the_end_cuts_off_is_discarded_with_its_id_but_not_a_whole_retry_line() {
    assert_eq!(parse("data: a\n\nid: 9\ndata: b\n"), [message("a")]);
    assert_eq!(parse("data: a\n\nid: 9\ndata: b"), [message("a")]);
    assert_eq!(retry("data: a\nretry: 5\ndata: b"), Some(5));
    assert_eq!(retry("retry: 5"), None);
}

#[test]
fn a_blank_line_written_after_it_flushes_what_is_unfinished() {
    for unfinished in ["id: 1\ndata: a", "id: 1\ndata: a\n", "id: 1\ndata: a\r", "id: 1\ndata: a\r\n"] {
        let mut reader = Reader::new(100);
        reader.feed(unfinished.as_bytes());
        assert_eq!(reader.out, []);
        reader.feed(b"\n\n");
        assert_eq!(reader.out, [event("a", "", "1")], "{unfinished:?}");
    }
    let mut reader = Reader::new(100);
    reader.feed(b"data: a\n\n");
    reader.feed(b"\n\n");
    assert_eq!(reader.out, [message("a")]);
}

#[test]
fn comments_are_seen_and_change_nothing() {
    let comment = |text: &str| Out::Comment(text.into());
    assert_eq!(
        parse(": hi\n:\n:x:y\n\ndata: a\n: in between\ndata: b\n\n"),
        [comment("hi"), comment(""), comment("x:y"), comment("in between"), message("a\nb"),]
    );
}

#[test]
fn comments_neither_wait_for_a_blank_line_nor_pile_up() {
    let mut reader = Reader::new(100);
    for n in 0..20_000 {
        reader.feed(b":keep-ali");
        reader.feed(b"ve\n");
        assert_eq!(reader.out.len(), n + 1);
        assert!(reader.parser.memory() <= 3 * Parser::STAGE);
    }
}
