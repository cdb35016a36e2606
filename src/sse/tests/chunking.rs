//! The same for every chunking, and the same as the reference.

use proptest::prelude::*;

use super::{reader::read, reference::reference};

/// What streams are made of, and what parsers trip over.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&'static [u8]> = vec![
        b"data",
        b"data:",
        b"data: ",
        b"event: ",
        b"id: ",
        b"id",
        b"retry: ",
        b":",
        b": ",
        b" ",
        b"\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\r",
        b"\r\n\r\n",
        b"\n\r",
        b"\0",
        b"12",
        b"abc",
        "äöü".as_bytes(),
        "日本語".as_bytes(),
        "😀".as_bytes(),
        "\u{FEFF}".as_bytes(),
        b"\xEF\xBB",
        b"\x80",
        b"\xF0\x9F",
        b"\xE2\x82",
        b"\xC3",
        b"\xFF",
        b"data: a line of fifty bytes, longer than a few blocks\n\n",
        b"id: 1\ndata: x\n\n",
    ];
    prop_oneof![
        8 => proptest::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(piece(), 0..60).prop_map(|pieces| pieces.concat())
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1_usize..40, 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_chunking_gives_what_the_standard_says(stream in stream(), lengths in lengths()) {
        let expected = reference(&stream);
        for lengths in [&[usize::MAX][..], &[1], &[2], &lengths] {
            prop_assert_eq!(&read(&stream, lengths, usize::MAX), &expected, "in chunks of {:?}", lengths);
        }
    }

    #[test]
    fn random_bytes_as_well(stream in proptest::collection::vec(any::<u8>(), 0..300), lengths in lengths()) {
        let expected = reference(&stream);
        for lengths in [&[usize::MAX][..], &[1], &[2], &lengths] {
            prop_assert_eq!(&read(&stream, lengths, usize::MAX), &expected, "in chunks of {:?}", lengths);
        }
    }

    #[test]
    fn the_limit_falls_at_the_same_place(stream in stream(), lengths in lengths(), max in 0_usize..60) {
        let whole = read(&stream, &[usize::MAX], max);
        for lengths in [&[1][..], &[2], &lengths] {
            prop_assert_eq!(&read(&stream, lengths, max), &whole, "in chunks of {:?}", lengths);
        }
    }
}
