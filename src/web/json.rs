//! What is read of a message that is JSON: its type, and what stands under a key. Numbers are found as the server wrote them, as
//! no double holds each of them. Nothing is built but what was asked for, and nothing recurses, however deep a text is nested.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::client::Message;

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Text(String),
    /// As the server wrote it.
    Number(String),
    True,
    False,
    Null,
    /// An array; arrays and objects in it are [`Found::Object`].
    Many(Vec<Found>),
    Object,
}

/// What [`sequence_of`] makes of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// What the numbers from here on count in, "" for nothing; `None` leaves that as it is.
    pub(crate) epoch: Option<String>,
    pub(crate) number: Option<u64>,
    /// Of the message that this is the last one of.
    pub(crate) first: Option<u64>,
    /// There was something that is no number, or no epoch.
    pub(crate) odd: bool,
}

/// An epoch is no longer than an id that goes up: it is in each fingerprint, and stored. In UTF-16, as JavaScript counts.
const LONGEST_EPOCH: usize = 4_000;
/// The most digits of a number: all of these fit 64 bits.
const DIGITS: usize = 19;
/// Each whole number up to this is a double of its own.
const SAFE: u64 = 9_007_199_254_740_991;

/// Careful JSON: what begins with `{` or `[` and parses; everything else is a text.
fn root(text: &str) -> Option<&str> {
    // Nothing is built of it: this only proves that it is JSON to its end.
    let parses = text.starts_with(['{', '[']) && serde_json::from_str::<&RawValue>(text).is_ok();
    parses.then_some(text)
}

/// The type that a message names itself: `type` at the top of an object, where it is a text.
pub(crate) fn kind(text: &str) -> Option<String> {
    match at(text, "type") {
        Some(Found::Text(kind)) => Some(kind),
        _ => None,
    }
}

/// What stands under this key or path, whose parts are divided by dots; in an array a part is an index.
pub(crate) fn at(text: &str, path: &str) -> Option<Found> {
    let mut keys = path.split('.');
    let mut value = under(root(text)?, keys.next()?)?;
    for key in keys {
        value = under(value, key)?;
    }
    Some(found(value))
}

/// What stands under this key of an object, as it is written there.
pub(crate) fn member<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    under(root(text)?, key)
}

/// Whether it is the JSON of an object or an array.
pub(crate) fn is_json(text: &str) -> bool {
    root(text).is_some()
}

/// The messages in an answer: one, or those of an array; none where it is no JSON. A text is what stands in its quotes.
pub(crate) fn messages(text: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<&RawValue>(text) else { return Vec::new() };
    let message = |value: &str| {
        if value.starts_with('"') { unquoted(value).into_owned() } else { value.to_owned() }
    };
    match value.get() {
        many if many.starts_with('[') => Values::of(many).map(|(_, value)| message(value)).collect(),
        one => vec![message(one)],
    }
}

/// What is written in quotes.
pub(crate) fn quoted(text: &str) -> String {
    // A text can always be written.
    serde_json::to_string(text).unwrap_or_default()
}

/// The id that was found. What is no text and no number is none.
pub(crate) fn id_of(found: &Found) -> Option<String> {
    match found {
        Found::Text(text) => Some(text.clone()),
        Found::Number(source) => Some(plain(source).into_owned()),
        _ => None,
    }
}

/// The sequence number that was found: a whole number from 0 below 10^19, as a number or a text of digits, alone or as
/// `[epoch, number]`.
pub(crate) fn sequence_of(found: &Found) -> Sequence {
    let nothing = Found::Null;
    let (epoch, number) = match found {
        Found::Null => return Sequence::default(),
        Found::Many(parts) => (parts.first().unwrap_or(&nothing), parts.get(1).unwrap_or(&nothing)),
        _ => (&nothing, found),
    };
    let named = match epoch {
        Found::Text(text) => Some(text.clone()),
        Found::Number(source) => Some(plain(source).into_owned()),
        Found::True => Some("true".to_owned()),
        Found::False => Some("false".to_owned()),
        Found::Null => Some(String::new()),
        Found::Many(_) | Found::Object => None,
    }
    .filter(|name| is_epoch(name));
    let counted = match number {
        Found::Text(text) => digits(text),
        Found::Number(source) => digits(&plain(source)),
        _ => None,
    };
    Sequence {
        odd: named.is_none() || (counted.is_none() && *number != Found::Null),
        epoch: Some(named.unwrap_or_default()),
        number: counted,
        first: None,
    }
}

/// The id that a message has under a path.
pub(crate) fn id_at(message: &Message, path: &str) -> Option<String> {
    at(message.text()?, path).as_ref().and_then(id_of)
}

/// What it is numbered by there; nothing where there is nothing.
pub(crate) fn sequence_at(message: &Message, path: &str) -> Option<Sequence> {
    at(message.text()?, path).as_ref().map(sequence_of)
}

/// What a function of the app's gives.
pub(crate) fn sequence_from(given: crate::client::Sequence) -> Sequence {
    let odd = given.is_odd();
    let name = given.epoch.unwrap_or_default();
    let fits = is_epoch(&name);
    Sequence {
        epoch: Some(if fits { name } else { String::new() }),
        number: given.last.filter(|_| !odd),
        first: given.first.filter(|_| !odd),
        odd: odd || !fits,
    }
}

fn is_epoch(name: &str) -> bool {
    name.encode_utf16().take(LONGEST_EPOCH + 1).count() <= LONGEST_EPOCH
}

fn digits(text: &str) -> Option<u64> {
    let whole = text.len() <= DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole { text.parse().ok() } else { None }
}

/// A number as JavaScript writes it, so that `1.0` and `1` are one id, where it is whole and a double holds it exactly. Else as the
/// server wrote it. By its digits: to parse a double would bring 20 kB along.
fn plain(source: &str) -> Cow<'_, str> {
    let whole = || {
        let (sign, rest) = match source.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", source),
        };
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let point = i64::try_from(whole.len()).ok()? + exponent.parse::<i32>().ok().map(i64::from)?;
        let digits = format!("{whole}{part}");
        let digits = digits.trim_end_matches('0');
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let length = usize::try_from(point).ok()?;
        // Behind the point there is nothing, and before it not too much.
        if digits.len() > length || length.saturating_sub(leading) > DIGITS {
            return None;
        }
        let number: u64 = format!("{digits:0<length$}").parse().ok()?;
        (number <= SAFE).then(|| if number == 0 { "0".to_owned() } else { format!("{sign}{number}") })
    };
    whole().map_or(Cow::Borrowed(source), Cow::Owned)
}

fn found(value: &str) -> Found {
    match value.as_bytes().first() {
        Some(b'"') => Found::Text(unquoted(value).into_owned()),
        Some(b't') => Found::True,
        Some(b'f') => Found::False,
        Some(b'n') | None => Found::Null,
        Some(b'{') => Found::Object,
        Some(b'[') => Found::Many(
            Values::of(value)
                .map(|(_, item)| if item.starts_with('[') { Found::Object } else { found(item) })
                .collect(),
        ),
        Some(_) => Found::Number(value.to_owned()),
    }
}

/// The value under one key, as it stands in the text. Of keys that come again the last one counts.
fn under<'a>(value: &'a str, key: &str) -> Option<&'a str> {
    if value.starts_with('{') {
        let named = Values::of(value).filter(|(name, _)| unquoted(name) == key);
        named.last().map(|(_, value)| value)
    } else if value.starts_with('[') {
        // Not "01", which is no index in JavaScript either.
        let index = key.parse::<usize>().ok().filter(|index| index.to_string() == key)?;
        Values::of(value).nth(index).map(|(_, item)| item)
    } else {
        None
    }
}

/// The members of an object or an array that is known to be JSON: each key, as it is written, and value.
struct Values<'a> {
    rest: &'a str,
    keys: bool,
}

impl<'a> Values<'a> {
    fn of(value: &'a str) -> Self {
        Self { rest: value.get(1..).unwrap_or_default(), keys: value.starts_with('{') }
    }

    /// What the rest begins with: a text, a number, an array and so on.
    fn value(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', ',', ':']);
        let length = length(self.rest);
        let (value, rest) = self.rest.split_at_checked(length).filter(|(value, _)| !value.is_empty())?;
        self.rest = rest;
        Some(value)
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let key = if self.keys { self.value()? } else { "" };
        Some((key, self.value()?))
    }
}

/// How long the value is that this begins with; 0 at the end of an array or object.
fn length(text: &str) -> usize {
    let (mut depth, mut quotes, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if quotes {
            quotes = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            if !quotes && depth == 0 {
                return at + 1;
            }
            continue;
        }
        match byte {
            b'"' => quotes = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// A text of JSON without its quotes and escapes. Half of a surrogate pair, which JSON may name and UTF-8 cannot, becomes U+FFFD,
/// as wherever JavaScript puts such a text into bytes.
fn unquoted(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let Some((unit, after)) = unit(rest.as_str()) else { continue };
                rest = after.chars();
                let pair = after
                    .strip_prefix("\\u")
                    .and_then(self::unit)
                    .and_then(|(low, after)| Some((char::decode_utf16([unit, low]).next()?.ok()?, after)));
                match (char::from_u32(unit.into()), pair) {
                    (Some(c), _) => text.push(c),
                    (None, Some((c, after))) => {
                        text.push(c);
                        rest = after.chars();
                    }
                    (None, None) => text.push(char::REPLACEMENT_CHARACTER),
                }
            }
            // Quotes and slashes.
            Some(c) => text.push(c),
            None => {}
        }
    }
    Cow::Owned(text)
}

/// Four hex digits, and what is behind them.
fn unit(text: &str) -> Option<(u16, &str)> {
    let (hex, rest) = text.split_at_checked(4)?;
    Some((u16::from_str_radix(hex, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Found {
        Found::Text(text.to_owned())
    }

    fn number(source: &str) -> Found {
        Found::Number(source.to_owned())
    }

    #[test]
    fn only_what_begins_as_json_and_parses_wholly_names_its_type() {
        for (message, expected) in [
            (r#"{"type":"price","n":1}"#, Some("price")),
            ("{\r\n\t \"n\": [1, {\"type\": 2}], \"type\" : \"a\" } \n", Some("a")),
            // The last one counts, whatever it is.
            (r#"{"type":"a","type":"b"}"#, Some("b")),
            (r#"{"type":"a","type":1}"#, None),
            (r#"{"type":""}"#, Some("")),
            (r#"{"type":1}"#, None),
            (r#"{"type":null}"#, None),
            (r#"{"data":{"type":"a"}}"#, None),
            (r#"{"ty\u0070e":"\u00e9\ud83d\ude00\n\"\\\/"}"#, Some("é😀\n\"\\/")),
            (r#"{"type":"\ud83d","n":"\ude00"}"#, Some("\u{fffd}")),
            (r#"{"type":"\ud83d\ud83d\ude00x"}"#, Some("\u{fffd}😀x")),
            (r#"{"type":"\ud83d\u0041"}"#, Some("\u{fffd}A")),
            (r#"{"type":"a","big":1e400,"n":-0}"#, Some("a")),
            (r#" {"type":"a"}"#, None),
            (r#"{"type":"a"} x"#, None),
            (r#"{"type":"a"}{}"#, None),
            (r#"{"type":"a""#, None),
            (r#"{"type":"a",}"#, None),
            (r#"{"type":"a","n":01}"#, None),
            (r#"{"type":"a","n":+1}"#, None),
            (r#"{"type":"a","n":NaN}"#, None),
            (r#"{"type":"a","n":"\x"}"#, None),
            (r#"{"type":"a","n":"\u12"}"#, None),
            ("{\"type\":\"a\",\"n\":\"\n\"}", None),
            (r#"{'type':'a'}"#, None),
            (r#"[{"type":"a"}]"#, None),
            ("[]", None),
            (r#""type""#, None),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(kind(message).as_deref(), expected, "{message}");
        }
    }

    #[test]
    fn what_stands_under_a_key_or_path_is_found_as_it_was_written() {
        let message = r#"{"id":"a1","n":1234567890123456789,"f":-12.50e-1,"yes":true,"no":false,"none":null,
            "meta":{"at":{"id":9007199254740993}},"ids":[1, "b", [2], {"n":3}, null, 1e400],"":{"":7},"0":"zero","dup":1,"dup":{"x":2}}"#;
        for (path, expected) in [
            ("id", Some(text("a1"))),
            ("n", Some(number("1234567890123456789"))),
            ("f", Some(number("-12.50e-1"))),
            ("yes", Some(Found::True)),
            ("no", Some(Found::False)),
            ("none", Some(Found::Null)),
            ("meta", Some(Found::Object)),
            ("meta.at.id", Some(number("9007199254740993"))),
            ("meta.at.no", None),
            ("meta.id", None),
            ("ids.0", Some(number("1"))),
            ("ids.1", Some(text("b"))),
            ("ids.2.0", Some(number("2"))),
            ("ids.3.n", Some(number("3"))),
            ("ids.6", None),
            ("ids.01", None),
            ("ids.-1", None),
            ("ids.+1", None),
            ("ids.99999999999999999999999999", None),
            ("ids.length", None),
            (
                "ids",
                Some(Found::Many(vec![
                    number("1"),
                    text("b"),
                    Found::Object,
                    Found::Object,
                    Found::Null,
                    number("1e400"),
                ])),
            ),
            ("", Some(Found::Object)),
            (".", Some(number("7"))),
            ("0", Some(text("zero"))),
            ("dup.x", Some(number("2"))),
            ("id.0", None),
            ("none.x", None),
            ("nothing", None),
            ("toString", None),
        ] {
            assert_eq!(at(message, path), expected, "{path}");
        }
        assert_eq!(at("[[5]]", "0.0"), Some(number("5")));
        assert_eq!(at(r#"{"id":1"#, "id"), None);
        assert_eq!(at(r#"{"id":1} 2"#, "id"), None);
        assert_eq!(at("1234", "0"), None);
    }

    #[test]
    fn however_deep_a_text_is_nested_nothing_overflows() {
        const DEEP: usize = 1_000_000;
        let nested = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
        let message = format!(r#"{{"type":"a","deep":{nested}}}"#);
        assert_eq!(kind(&message).as_deref(), Some("a"));
        assert_eq!(at(&message, "deep"), Some(Found::Many(vec![Found::Object])));
        assert_eq!(at(&nested, "0.0"), Some(Found::Many(vec![Found::Object])));
        assert_eq!(kind(&"[".repeat(DEEP)), None);
        assert_eq!(kind(&r#"{"type":"#.repeat(DEEP)), None);
        assert_eq!(kind(&format!(r#"{{"type":"a","deep":{}}}"#, "[".repeat(DEEP))), None);
    }

    #[test]
    fn what_is_cut_anywhere_is_a_text() {
        let message = r#"{"type":"a","n":[1,-2.5e3,"\u00e9\ud83d"],"o":{"x":null,"y":true}}"#;
        for end in 0..message.len() {
            let part = message.get(..end).unwrap_or_default();
            assert_eq!((kind(part), at(part, "n.0")), (None, None), "{part}");
        }
    }

    #[test]
    fn an_id_is_a_text_or_a_number_as_the_server_wrote_it() {
        for (found, expected) in [
            (text("a1"), Some("a1")),
            (text(""), Some("")),
            (text(" 7"), Some(" 7")),
            (number("7"), Some("7")),
            (number("-7"), Some("-7")),
            (number("0"), Some("0")),
            // As JavaScript writes what a double holds.
            (number("-0"), Some("0")),
            (number("7.0"), Some("7")),
            (number("1e3"), Some("1000")),
            (number("9007199254740991"), Some("9007199254740991")),
            (number("9007199254740993"), Some("9007199254740993")),
            (number("1234567890123456789"), Some("1234567890123456789")),
            (number("-1234567890123456789.5e-1"), Some("-1234567890123456789.5e-1")),
            (number("99999999999999999999999999"), Some("99999999999999999999999999")),
            (number("1.50"), Some("1.50")),
            (number("1e400"), Some("1e400")),
            (Found::True, None),
            (Found::False, None),
            (Found::Null, None),
            (Found::Many(vec![number("1")]), None),
            (Found::Object, None),
        ] {
            assert_eq!(id_of(&found).as_deref(), expected, "{found:?}");
        }
    }

    #[test]
    fn a_sequence_number_is_whole_and_below_ten_to_the_nineteenth() {
        for (found, expected) in [
            (number("0"), Some(0)),
            (number("-0"), Some(0)),
            (number("7"), Some(7)),
            (number("7.0"), Some(7)),
            (number("9007199254740993"), Some(9_007_199_254_740_993)),
            (number("9999999999999999999"), Some(9_999_999_999_999_999_999)),
            (number("10000000000000000000"), None),
            (number("18446744073709551615"), None),
            (number("-1"), None),
            (number("1.5"), None),
            (number("1e300"), None),
            (text("7"), Some(7)),
            (text("007"), Some(7)),
            (text("9999999999999999999"), Some(9_999_999_999_999_999_999)),
            (text("00000000000000000001"), None),
            (text("1526919030474-55"), None),
            (text("1795212098:3"), None),
            (text("1e3"), None),
            (text("1.0"), None),
            (text("-1"), None),
            (text("+1"), None),
            (text(" 7"), None),
            (text("0x10"), None),
            (text("٣"), None),
            (text(""), None),
            (Found::True, None),
            (Found::Object, None),
        ] {
            let read = sequence_of(&found);
            let told = Sequence {
                epoch: Some(String::new()),
                number: expected,
                first: None,
                odd: expected.is_none(),
            };
            assert_eq!(read, told, "{found:?}");
        }
        // A message without one is nothing odd, and leaves the epoch as it is.
        assert_eq!(sequence_of(&Found::Null), Sequence::default());
    }

    #[test]
    fn an_epoch_stands_before_its_number() {
        let long = "é".repeat(LONGEST_EPOCH);
        let longer = format!("{long}x");
        // Two units each.
        let wide = "😀".repeat(LONGEST_EPOCH / 2 + 1);
        for (parts, epoch, expected, odd) in [
            (vec![text("e"), number("1")], "e", Some(1), false),
            (vec![text("e"), text("1")], "e", Some(1), false),
            (vec![number("12"), number("1")], "12", Some(1), false),
            (vec![number("1234567890123456789"), number("1")], "1234567890123456789", Some(1), false),
            (vec![Found::Null, number("1")], "", Some(1), false),
            (vec![text(""), number("1")], "", Some(1), false),
            (vec![text("e")], "e", None, false),
            (vec![text("e"), Found::Null], "e", None, false),
            (vec![], "", None, false),
            (vec![text("e"), text("x")], "e", None, true),
            (vec![text("e"), Found::Object], "e", None, true),
            (vec![Found::Object, number("1")], "", Some(1), true),
            (vec![text(&long), number("1")], long.as_str(), Some(1), false),
            (vec![text(&longer), number("1")], "", Some(1), true),
            (vec![text(&wide), number("1")], "", Some(1), true),
        ] {
            let found = Found::Many(parts);
            let told = Sequence { epoch: Some(epoch.to_owned()), number: expected, first: None, odd };
            assert_eq!(sequence_of(&found), told, "{found:?}");
        }
    }

    #[test]
    fn an_answer_is_one_message_or_an_array_of_them() {
        for (text, expected) in [
            (r#"{"type":"ack"}"#, &[r#"{"type":"ack"}"#][..]),
            (
                " [ {\"a\" : 1} , \"ack \\u00e9\",7, null,[1, [2]] ]\n",
                &[r#"{"a" : 1}"#, "ack é", "7", "null", "[1, [2]]"],
            ),
            ("\"one\"", &["one"]),
            ("[]", &[]),
            ("", &[]),
            ("{", &[]),
            ("[1] 2", &[]),
        ] {
            assert_eq!(messages(text), expected, "{text}");
        }
    }
}
