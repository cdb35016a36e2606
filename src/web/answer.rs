//! What an answer over HTTP is: an event stream or not, and when to come back.

use crate::client::ContentType;

/// The seconds that go along with a status into the core, at most.
const LONGEST: u64 = 0x3f_fffe;

/// What the server can be asked twice without harm, and redirect anywhere.
pub(crate) fn is_safe(method: Option<&str>) -> bool {
    method.is_none_or(|method| {
        method.is_empty() || method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("HEAD")
    })
}

/// A GET is the standard's: 200 alone. Other methods may be answered with Created or Accepted; 204 and 205 have no body.
pub(crate) fn is_answer(status: u16, method: Option<&str>) -> bool {
    status == 200 || ((200..300).contains(&status) && !matches!(status, 204 | 205) && !is_safe(method))
}

/// Whether an answer with this content type, "" where it has none, is read as an event stream.
pub(crate) fn is_event_stream(content_type: &str, which: ContentType) -> bool {
    match which {
        ContentType::Any => true,
        ContentType::Optional if content_type.is_empty() => true,
        ContentType::Optional | ContentType::Required => is_events(content_type),
    }
}

/// Whether the last value that is a type, and not of any kind, is an event stream's (Fetch, "extract a MIME type" and "get, decode, and
/// split"): proxies join several headers to one, and commas in quotes divide nothing. What stands behind a space would make it none by
/// the standard; all engines pass over it.
fn is_events(content_type: &str) -> bool {
    unquoted(content_type)
        .rsplit(',')
        .map(|value| value.trim_start_matches(is_space))
        .find(|value| is_type(value))
        .and_then(behind_events)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c| c == ';' || is_space(c)))
}

fn is_type(value: &str) -> bool {
    if behind_events(value).is_some_and(|rest| rest.starts_with(is_space)) {
        return true;
    }
    let part = |text: &str| text.find(|c| matches!(c, ';' | '/') || is_space(c)).unwrap_or(text.len());
    let Some((_, rest)) = value.split_at_checked(part(value)).filter(|(kind, _)| !kind.is_empty()) else {
        return false;
    };
    let Some((_, rest)) = rest
        .strip_prefix('/')
        .and_then(|sub| sub.split_at_checked(part(sub)))
        .filter(|(sub, _)| !sub.is_empty())
    else {
        return false;
    };
    let rest = rest.trim_start_matches(is_space);
    !value.starts_with("*/*") && (rest.is_empty() || rest.starts_with(';'))
}

fn behind_events(value: &str) -> Option<&str> {
    const EVENTS: &str = "text/event-stream";
    let (kind, rest) = value.split_at_checked(EVENTS.len())?;
    kind.eq_ignore_ascii_case(EVENTS).then_some(rest)
}

/// Without what stands in quotes; a quote that nothing ends goes to the end.
fn unquoted(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            _ => plain.push(c),
        }
    }
    plain
}

/// As JavaScript has it.
fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

/// How long the server wants to be left alone, in ms: a number of seconds, or from the answer's own date to another (RFC 9110,
/// 10.2.3), as the clock here, `wall_ms`, may be wrong. A header that came several times is joined with commas: the longest counts.
pub(crate) fn retry_after(value: Option<&str>, date: Option<&str>, wall_ms: u64) -> Option<u32> {
    let now = || {
        date.and_then(|date| moment(date.trim_matches(is_space)))
            .unwrap_or_else(|| i64::try_from(wall_ms).unwrap_or(i64::MAX))
    };
    let seconds = parts(value?)
        .filter_map(|part| {
            let part = part.trim_matches(is_space);
            if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
                // What no number holds is more than the most.
                return Some(part.parse().unwrap_or(LONGEST));
            }
            let left = moment(part)?.saturating_sub(now());
            Some(u64::try_from(left).unwrap_or(0).div_ceil(1000))
        })
        .max()?;
    u32::try_from(seconds.min(LONGEST) * 1000).ok()
}

/// Divided at the commas, but not at that of a date.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let comma = text.match_indices(',').map(|(at, _)| at).find(|&at| {
            let behind = text.get(at + 1..).unwrap_or_default().trim_start_matches(is_space);
            !matches!(behind.as_bytes(), [a, b, b' ' | b'-', ..] if a.is_ascii_digit() && b.is_ascii_digit())
        });
        let Some((part, behind)) = comma.and_then(|at| text.split_at_checked(at)) else {
            rest = None;
            return Some(text);
        };
        rest = behind.strip_prefix(',');
        Some(part)
    })
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The three forms of a date (RFC 9110, 5.6.7), in ms since 1970.
fn moment(text: &str) -> Option<i64> {
    // None is longer, and a header may be.
    if text.len() > 64 || !text.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let mut words = text.split([' ', ',', '-']).filter(|word| !word.is_empty());
    let mut next = || words.next();
    let (_weekday, second, third, fourth, fifth) = (next()?, next()?, next()?, next()?, next()?);
    let (day, month, year, time) = match next() {
        Some("GMT") => (second, third, fourth, fifth),
        None => (third, second, fifth, fourth),
        Some(_) => return None,
    };
    if next().is_some() {
        return None;
    }
    let number = |text: &str, shortest: usize, longest: usize, range: std::ops::RangeInclusive<i64>| {
        let whole =
            (shortest..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| whole && range.contains(number))
    };
    let day = number(day, 1, 2, 1..=31)?;
    let month = i64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
    let year = match (year.len(), number(year, 2, 4, 0..=9999)?) {
        // As JavaScript has it.
        (2, year) => year + if year < 50 { 2000 } else { 1900 },
        (4, year) => year,
        _ => return None,
    };
    let mut time = time.split(':');
    let (hour, minute, second) = (time.next()?, time.next()?, time.next()?);
    if time.next().is_some() {
        return None;
    }
    let hour = number(hour, 2, 2, 0..=23)?;
    let minute = number(minute, 2, 2, 0..=59)?;
    // With a leap second.
    let second = number(second, 2, 2, 0..=60)?;
    Some((((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

/// From 1970 to a day of the Gregorian calendar. A year begins in March here, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let (month, leaps) = ((month + 9) % 12, year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400));
    365 * year + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `TYPES` of tests/browser/pages/tests/fetch-answers.js, where the engines' own EventSource is asked as well. Headers that
    /// come twice are joined.
    const TYPES: [(&str, bool); 47] = [
        ("text/event-stream", true),
        ("TEXT/Event-Stream", true),
        ("text/event-stream;charset=utf-8", true),
        (r#"text/event-stream; charset="utf-8""#, true),
        ("TEXT/Event-Stream; charset=utf-8", true),
        ("text/event-stream ;x=y", true),
        ("text/event-stream;", true),
        ("text/event-stream;;=", true),
        ("\ttext/event-stream\t", true),
        ("\u{a0}text/event-stream\u{a0}", true),
        ("text/event-stream\u{85}", false),
        ("text/event-stream,", true),
        (", text/event-stream", true),
        ("text/event-stream, text/event-stream", true),
        ("text/plain, text/event-stream", true),
        ("text/html, text/event-stream", true),
        ("text/event-stream, */*", true),
        ("text/event-stream, */*;q=1", true),
        ("*/*, text/event-stream", true),
        ("text/event-stream, none", true),
        ("text/event-stream, text/", true),
        ("text/event-stream, /plain", true),
        ("text/event-stream, te xt/plain", true),
        (r#"text/event-stream;x="a,b/c""#, true),
        (r#"text/event-stream;x="a\",text/plain""#, true),
        (r#"text/event-stream;x=", text/plain"#, true),
        (r#"text/event-stream;x="a\"#, true),
        ("text/event-stream, text/plain", false),
        ("text/event-stream, text/plain;x", false),
        ("text/event-stream, text/plain ", false),
        (r#"text/plain;x=", text/event-stream;""#, false),
        (r#"text/plain;x="\", text/event-stream"#, false),
        ("text/event-stream text/plain", true),
        ("text/event-stream, text/plain x", true),
        ("text/plain, text/event-stream x", true),
        ("text/event-streams", false),
        ("text/event-strea", false),
        ("text/event-streaé", false),
        ("text /event-stream", false),
        ("text/ event-stream", false),
        ("text;event-stream", false),
        ("text/plain; text/event-stream", false),
        ("application/json", false),
        ("*/*", false),
        ("", false),
        (",,", false),
        ("é/ü, text/event-stream;é", true),
    ];

    #[test]
    fn the_content_type_is_read_as_the_fetch_standard_has_it() {
        for (content_type, expected) in TYPES {
            assert_eq!(is_event_stream(content_type, ContentType::Required), expected, "{content_type}");
            assert!(is_event_stream(content_type, ContentType::Any), "{content_type}");
            let optional = expected || content_type.is_empty();
            assert_eq!(is_event_stream(content_type, ContentType::Optional), optional, "{content_type}");
        }
    }

    #[test]
    fn a_content_type_of_any_length_is_read_in_no_time() {
        let many = ",text/event-stream".repeat(28_000);
        for (content_type, expected) in [
            (format!("{many},a/b{}", ",".repeat(500_000)), false),
            (format!("{many},a/b{}", format!(",{}", " ".repeat(999)).repeat(500)), false),
            (format!("{many}{}", ",".repeat(500_000)), true),
            (format!(r#"text/event-stream;a="{}"#, r#"\""#.repeat(250_000)), true),
            ("\"".repeat(500_001), false),
            (format!("text/event-stream{}", " ".repeat(500_000)), true),
        ] {
            assert_eq!(is_event_stream(&content_type, ContentType::Required), expected);
        }
    }

    #[test]
    fn a_get_is_answered_with_200_alone_and_other_methods_with_more() {
        let get = [None, Some(""), Some("GET"), Some("get"), Some("HEAD")];
        let post = [Some("POST"), Some("post"), Some("PUT"), Some("QUERY"), Some("GETS"), Some(" GET")];
        for status in 0..=999 {
            for method in get {
                assert!(is_safe(method), "{method:?}");
                assert_eq!(is_answer(status, method), status == 200, "{method:?} {status}");
            }
            let answers = (200..=299).contains(&status) && status != 204 && status != 205;
            for method in post {
                assert!(!is_safe(method), "{method:?}");
                assert_eq!(is_answer(status, method), answers, "{method:?} {status}");
            }
        }
    }

    /// 2020-03-01T00:00:00Z.
    const WALL: u64 = 1_583_020_800_000;

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let at = |second: u32| format!("Sun, 01 Mar 2020 00:00:{second:02} GMT");
        let date = at(0);
        for (value, expected) in [
            ("0", Some(0)),
            ("2", Some(2_000)),
            (" 2\t", Some(2_000)),
            ("2, 2", Some(2_000)),
            ("2,5", Some(5_000)),
            ("5 , 2", Some(5_000)),
            ("2, soon", Some(2_000)),
            ("2,,", Some(2_000)),
            ("12, 15", Some(15_000)),
            ("86400", Some(86_400_000)),
            ("4194302", Some(4_194_302_000)),
            ("4194303", Some(4_194_302_000)),
            ("99999999999999999999999", Some(4_194_302_000)),
            // The three forms.
            ("Sun, 01 Mar 2020 00:00:30 GMT", Some(30_000)),
            ("Sunday, 01-Mar-20 00:00:30 GMT", Some(30_000)),
            ("Sun Mar  1 00:00:30 2020", Some(30_000)),
            ("Sun, 29 Mar 2020 00:00:00 GMT", Some(28 * 86_400_000)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(4_194_302_000)),
            ("Sun, 01 Mar 2020 00:00:60 GMT", Some(60_000)),
            // Over.
            ("Sat, 29 Feb 2020 23:59:59 GMT", Some(0)),
            ("Thursday, 01-Mar-70 00:00:00 GMT", Some(0)),
            (&format!("{}, {}", at(3), at(3)), Some(3_000)),
            (&format!("{}, 7", at(3)), Some(7_000)),
            (&format!("{}, 2", at(3)), Some(3_000)),
            (&format!("soon, {}", at(3)), Some(3_000)),
            ("Sunday, 01-Mar-20 00:00:03 GMT, Sunday, 01-Mar-20 00:00:09 GMT", Some(9_000)),
            ("Sun Mar  1 00:00:09 2020, 3", Some(9_000)),
            ("-3", None),
            ("+3", None),
            ("2.5", None),
            ("1e3", None),
            ("٣", None),
            ("", None),
            (",", None),
            ("Soon", None),
            ("2020-03-01T00:00:30Z", None),
            ("sun, 01 Mar 2020 00:00:30 GMT", None),
            ("Sun, 01 Mar 2020 00:00:30", None),
            ("Sun, 01 Mar 2020 00:00:30 UTC", None),
            ("Sun, 01 Mar 2020 00:00:30 GMT GMT", None),
            ("Sun, 00 Mar 2020 00:00:30 GMT", None),
            ("Sun, 32 Mar 2020 00:00:30 GMT", None),
            ("Sun, 01 Mär 2020 00:00:30 GMT", None),
            ("Sun, 01 Mar 020 00:00:30 GMT", None),
            ("Sun, 01 Mar 20200 00:00:30 GMT", None),
            ("Sun, 01 Mar 2020 24:00:30 GMT", None),
            ("Sun, 01 Mar 2020 00:60:30 GMT", None),
            ("Sun, 01 Mar 2020 00:00:61 GMT", None),
            ("Sun, 01 Mar 2020 0:0:3 GMT", None),
            ("Sun, 01 Mar 2020 00:00 GMT", None),
            ("Sun, 01 Mar 2020 00:00:30:00 GMT", None),
            ("Sun, 01 Mar 2020 00:00:+3 GMT", None),
        ] {
            // What the clock here says does not count where the answer has a date.
            assert_eq!(retry_after(Some(value), Some(&date), 0), expected, "{value}");
            assert_eq!(retry_after(Some(value), None, WALL), expected, "{value}, by the clock");
            assert_eq!(
                retry_after(Some(value), Some("yesterday"), WALL),
                expected,
                "{value}, by a date that is none"
            );
        }
        assert_eq!(retry_after(None, Some(&date), WALL), None);
        // Up to a whole second.
        assert_eq!(retry_after(Some(&at(3)), None, WALL + 1), Some(3_000));
        assert_eq!(retry_after(Some(&at(3)), None, WALL + 1_000), Some(2_000));
        assert_eq!(retry_after(Some(&at(3)), None, u64::MAX), Some(0));
    }

    #[test]
    fn a_date_is_the_day_it_names() {
        for (text, ms) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777_000),
            ("Sun Nov  6 08:49:37 1994", 784_111_777_000),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600_000),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400_000),
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1_000),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799_000),
        ] {
            assert_eq!(moment(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn a_retry_after_of_any_length_is_read_in_no_time() {
        for value in
            [",".repeat(500_000), "Sun, 01 ".repeat(100_000), "1".repeat(500_000), " ,".repeat(250_000)]
        {
            let _ = retry_after(Some(&value), None, WALL);
        }
    }
}
