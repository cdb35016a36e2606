//! The limit, and what one big event costs.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use super::{
    super::{DATA, DISPATCH, Parser, TOO_BIG},
    reader::{Out, Reader, message, read},
};

const MAX: usize = 20;

fn limited(stream: &str) -> Vec<Out> {
    let whole = read(stream.as_bytes(), &[usize::MAX], MAX);
    for lengths in [&[1][..], &[2], &[3], &[7, 1], &[19], &[20], &[21]] {
        assert_eq!(read(stream.as_bytes(), lengths, MAX), whole, "{lengths:?}");
    }
    whole.0
}

/// A block of this many bytes before its blank line.
fn block(bytes: usize) -> String {
    format!("data: {}\n", "x".repeat(bytes - 7))
}

#[test]
fn an_event_up_to_the_limit_is_delivered_and_one_above_it_is_told() {
    assert_eq!(limited(&format!("{}\n", block(MAX))), [message(&"x".repeat(MAX - 7))]);
    assert_eq!(limited(&format!("{}\n", block(MAX + 1))), [Out::TooBig]);
}

#[test]
fn what_came_before_is_delivered_and_nothing_after() {
    let big = block(MAX + 1);
    assert_eq!(limited(&format!("data: a\n\n{big}\ndata: b\n\n")), [message("a"), Out::TooBig]);
}

#[test]
fn it_is_found_while_it_grows() {
    for line in ["data: ", ": ", "x"] {
        let mut reader = Reader::new(MAX);
        let mut goes_on = true;
        for (n, byte) in format!("{line}{}", "y".repeat(MAX)).bytes().enumerate() {
            goes_on = reader.feed(&[byte]);
            assert_eq!(goes_on, n < MAX, "byte {n} of {line:?}");
            if !goes_on {
                break;
            }
        }
        assert!(!goes_on);
    }
}

#[test]
fn many_lines_are_one_event_and_comments_before_it_are_none_of_it() {
    assert_eq!(limited("data: aaa\ndata: aaa\n\n"), [message("aaa\naaa")]);
    assert_eq!(limited("data: aaa\ndata: aaa\n:\n\n"), [Out::TooBig]);
    let comments = limited(&":comment\n".repeat(20));
    assert_eq!(comments.len(), 20);
}

#[test]
fn a_long_comment_is_too_big_as_well() {
    let at_most = limited(&format!(":{}\n\n", "x".repeat(MAX - 1)));
    assert_eq!(at_most, [Out::Comment("x".repeat(MAX - 1))]);
    assert_eq!(limited(&format!(":{}\n\n", "x".repeat(MAX))).last(), Some(&Out::TooBig));
}

#[test]
fn one_event_of_14_mb_in_small_chunks_is_looked_at_once() {
    let mut reader = Reader::new(16 << 20);
    reader.feed(b"data: ");
    let chunk = [b'x'; 1_024];
    let chunks = 14_000;
    for _ in 0..chunks {
        reader.feed(&chunk);
    }
    reader.feed(b"\n\n");
    let size = chunks * chunk.len();
    assert!(matches!(&reader.out[..], [Out::Event { data, .. }] if data.len() == size));
    let looked = reader.parser.looked();
    assert!(looked < 3 * size, "looked at {looked} bytes of {size}");
    assert!(reader.parser.memory() < 3 * size, "{}", reader.parser.memory());
}

#[test]
fn a_bom_in_pieces_is_below_any_limit() {
    for max in 0..4 {
        for lengths in [&[usize::MAX][..], &[1], &[2]] {
            assert_eq!(read(b"\xEF\xBB\xBF\n", lengths, max).0, [], "{max} in {lengths:?}");
        }
    }
}

#[test]
fn a_later_bom_is_counted_as_any_line_is() {
    let stream = |bytes| format!("data: a\n\n\u{FEFF}\n{}\n", block(bytes));
    assert_eq!(limited(&stream(MAX - 4)), [message("a"), message(&"x".repeat(MAX - 11))]);
    assert_eq!(limited(&stream(MAX - 3)), [message("a"), Out::TooBig]);
}

#[test]
fn a_big_buffer_is_given_back_with_its_connection() {
    let mut reader = Reader::new(16 << 20);
    reader.feed(&vec![b'x'; 4 << 20]);
    reader.parser.reset();
    assert_eq!(reader.parser.memory(), 0);
}

/// In tests all have 64 MiB, and one with an event of 16 MB takes a little more than that.
#[test]
fn many_large_events_at_once_end_those_for_which_there_is_no_room() {
    let large = |reader: &mut Reader| {
        assert!(reader.feed(&vec![b'x'; 15 << 20]) || reader.out.last() == Some(&Out::TooBig))
    };
    let is_too_big = |reader: &Reader| reader.out.last() == Some(&Out::TooBig);
    let mut readers: Vec<_> = (0..4).map(|_| Reader::new(16 << 20)).collect();
    readers.iter_mut().for_each(large);
    assert_eq!(readers.iter().map(is_too_big).collect::<Vec<_>>(), [false, false, true, true]);
    // Whoever comes with less has it.
    let mut other = Reader::new(16 << 20);
    other.feed(&vec![b'x'; 3 << 20]);
    other.feed(b"\n\ndata: a\n\n");
    assert_eq!(other.out, [message("a")]);
    // Two that are over make room again, as does one that begins anew.
    readers[2].parser.reset();
    large(&mut readers[2]);
    assert!(is_too_big(&readers[2]));
    readers.remove(0);
    readers[0].parser.reset();
    let mut after = [Reader::new(16 << 20), Reader::new(16 << 20)];
    after.iter_mut().for_each(large);
    assert!(!after.iter().any(is_too_big));
    after[0].feed(b"\n\ndata: b\n\n");
    assert_eq!(after[0].out, [message("b")]);
}

#[test]
fn the_lines_of_many_large_events_are_counted_too() {
    const MAX: usize = 16 << 20;
    let mut readers: Vec<_> = (0..4).map(|_| Reader::new(MAX)).collect();
    for reader in &mut readers {
        // 300 000 lines, which take 4.8 MB, and so room for as many as there may be.
        reader.feed("data\n".repeat(300_000).as_bytes());
        reader.feed(b"\n");
    }
    let came = readers.iter().map(|reader| reader.out != [Out::TooBig]).collect::<Vec<_>>();
    assert_eq!(came, [true, true, false, false]);
}

/// What stands for a line takes 16 bytes: as many as the event's text may have, and 64 KiB at least.
#[test]
fn an_event_of_too_many_short_lines_is_too_big() {
    const MAX: usize = 1 << 17;
    for (lines, fits) in [(MAX / 16, true), (MAX / 16 + 1, false)] {
        let stream = format!("data: a\n\n{}\ndata: b\n\n", "data\n".repeat(lines));
        let expected = if fits {
            vec![message("a"), message(&"\n".repeat(lines - 1)), message("b")]
        } else {
            vec![message("a"), Out::TooBig]
        };
        for lengths in [&[usize::MAX][..], &[1 << 16], &[1000], &[4097, 3]] {
            assert_eq!(read(stream.as_bytes(), lengths, MAX).0, expected, "{lines} lines, {lengths:?}");
        }
    }
}

/// As a phone's memory: this thread has no more in one piece than it allows itself.
struct Scarce;

thread_local! {
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
}

// SAFETY: it gives what the system gives, or nothing.
#[allow(unsafe_code, reason = "an allocator's contract")]
unsafe impl GlobalAlloc for Scarce {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MOST.get() { std::ptr::null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static SCARCE: Scarce = Scarce;

/// What is told of a stream of this, in chunks of 64 KiB, and how many bytes its parser has then.
fn scarce(most: usize, block: &[u8], times: usize) -> (Option<u32>, usize) {
    let mut parser = Parser::new(16 << 20, false);
    let stream = block.repeat(times);
    MOST.set(most);
    let mut told = None;
    for chunk in stream.chunks(Parser::STAGE) {
        parser.write(chunk);
        let region = parser.fed(chunk.len(), None)[0][0];
        if region > 0 {
            told = parser.parse(false).last().map(|[kind, ..]| *kind);
            break;
        }
    }
    MOST.set(usize::MAX);
    (told, parser.memory())
}

#[test]
fn memory_that_the_system_does_not_give_ends_the_stream_and_nothing_else() {
    let (told, memory) = scarce(8 << 20, b"data: 0123456789\n", 1 << 20);
    assert_eq!(told, Some(TOO_BIG), "no room for the text");
    assert!(memory <= 1 << 20, "{memory} bytes are kept");
    // 300 000 lines of 5 bytes: the text has its room, what stands for its lines has none.
    let block = [&b"data\n".repeat(300_000)[..], b"\n"].concat();
    assert_eq!(scarce(8 << 20, &block, 1).0, Some(TOO_BIG), "no room for its lines");
    assert_eq!(scarce(usize::MAX, &block, 1).0, Some(DATA | DISPATCH));
}

#[test]
fn so_does_little_memory_that_the_system_does_not_give() {
    for most in [70_000, 100 << 10, 512 << 10, 1 << 20] {
        let (told, memory) = scarce(most, b"data: 0123456789\n", 1 << 17);
        assert_eq!(told, Some(TOO_BIG), "no room for the text above {most}");
        assert!(memory <= most, "{memory} bytes are kept");
    }
    let block = [&b"data\n".repeat(10_000)[..], b"\n"].concat();
    assert_eq!(scarce(70_000, &block, 1).0, Some(TOO_BIG), "no room for its lines");
}
