//! Bytes to lines: UTF-8, the BOM, and the three line ends.

use super::{
    super::{HEADER, Parser},
    reader::{Out, Reader, event, message, parse},
};

#[test]
fn lines_end_with_lf_cr_or_crlf() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = format!("id: 1{end}event: e{end}data: a{end}data: b{end}{end}data: c{end}{end}");
        assert_eq!(parse(stream), [event("a\nb", "e", "1"), event("c", "", "1")], "{end:?}");
    }
    assert_eq!(
        parse("data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\rdata: e\r\r"),
        ["a\nb\nc", "d", "e"].map(message)
    );
}

#[test]
fn a_cr_at_the_end_of_a_chunk_completes_the_line_and_the_lf_after_it_is_swallowed() {
    let mut reader = Reader::new(100);
    reader.feed(b"data: a\r\r");
    assert_eq!(reader.out, [message("a")]);
    reader.feed(b"\ndata: b\r");
    reader.feed(b"\n\r");
    assert_eq!(reader.out, [message("a"), message("b")]);
    reader.feed(b"\n");
    reader.feed(b"data: c\n\n");
    assert_eq!(reader.out, ["a", "b", "c"].map(message));
}

#[test]
fn a_swallowed_lf_is_no_blank_line() {
    let mut reader = Reader::new(100);
    reader.feed(b": c\r");
    reader.feed(b"\ndata: a\r\n");
    assert_eq!(reader.out, [Out::Comment("c".into())]);
    reader.feed(b"\r\n");
    assert_eq!(reader.out[1..], [message("a")]);
}

#[test]
fn one_leading_bom_is_stripped() {
    assert_eq!(parse("\u{FEFF}data: a\n\n"), [message("a")]);
    assert_eq!(parse("\u{FEFF}data: ä😀\n\ndata: ö\n\n"), [message("ä😀"), message("ö")]);
    assert_eq!(parse("\u{FEFF}\n\ndata: a\n\n"), [message("a")]);
    assert_eq!(parse("\u{FEFF}: c\n\ndata: a\n\n"), [Out::Comment("c".into()), message("a")]);
}

#[test]
fn a_second_bom_is_part_of_the_field_name() {
    assert_eq!(parse("\u{FEFF}\u{FEFF}data: a\n\ndata: b\n\n"), [message("b")]);
    assert_eq!(parse("\n\u{FEFF}data: a\n\ndata: b\n\n"), [message("b")]);
    assert_eq!(parse("data: \u{FEFF}a\n\n"), [message("\u{FEFF}a")]);
    assert_eq!(parse("data: a\n\n\u{FEFF}data: b\n\ndata: c\n\n"), [message("a"), message("c")]);
}

#[test]
fn half_a_bom_is_none() {
    assert_eq!(parse(b"\xEF\xBBdata: a\n\ndata: b\n\n"), [message("b")]);
}

#[test]
fn each_connection_may_have_a_bom() {
    let mut parser = Parser::new(100, false);
    for _ in 0..2 {
        parser.reset();
        parser.write("\u{FEFF}data: a\n\n".as_bytes());
        assert_eq!(parser.fed(12, None)[0][0], 12);
        assert_eq!(parser.parse(false).len(), HEADER + 1);
    }
}

#[test]
fn what_is_no_utf_8_becomes_the_replacement_character() {
    assert_eq!(parse(b"data: a\xFFb\n\n"), [message("a\u{FFFD}b")]);
    // One for each part that could not go on (WHATWG Encoding, "UTF-8 decoder").
    assert_eq!(parse(b"data: \xF0\x9F\x98\n\n"), [message("\u{FFFD}")]);
    assert_eq!(
        parse(b"data: \xC0\x80\xE0\x80\x80\n\ndata: \xE4\xBD\xA0\n\n"),
        [message(&"\u{FFFD}".repeat(5)), message("你")]
    );
}

#[test]
fn what_follows_malformed_bytes_is_in_its_place() {
    // As many units too few as too many: only the texts' lengths agree.
    let stream = b"data: \x80\xF0\x9F\x98\nid: \xF0\n\nevent: e\ndata: \xE2\x82\xAC\n\n";
    let id = "\u{FFFD}";
    assert_eq!(parse(stream), [event("\u{FFFD}\u{FFFD}", "", id), event("€", "e", id)]);
}

#[test]
fn characters_of_each_length_keep_their_places() {
    let text = "aäあ😀".repeat(20);
    let stream = format!("id: {text}\nevent: {text}\ndata: {text}\ndata: {text}\n\ndata: x\n\n");
    assert_eq!(parse(stream), [event(&format!("{text}\n{text}"), &text, &text), event("x", "", &text)]);
}
