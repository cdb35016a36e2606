//! What a script can say.

use std::time::Duration;

use axum::extract::ws::CloseFrame;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::time::sleep;

use super::super::stats::Kind;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Send(String),
    Bytes(Vec<u8>),
    Wait(u64),
    /// Until the page says, by `/script/heard`, that it has all that was sent to it.
    Heard,
    Close(Option<CloseFrame>),
    Reset,
    /// The end of the connection in the middle of the answer, without RST.
    Abort,
    End,
    /// An event with what the `Last-Event-ID` header was, or else the query's `lastEventId`.
    LastEventId,
    Status(StatusCode, HeaderMap),
    Hang,
    /// The end of the connection instead of an answer.
    Cut,
    PingClose(u16),
    Echo,
    Mute,
}

impl Step {
    /// Takes the place of an answer, so only the first step can be one, or the first after the waits.
    fn is_first(&self) -> bool {
        matches!(self, Self::Status(..) | Self::Hang | Self::Cut)
    }

    fn fits(&self, kind: Kind) -> bool {
        match self {
            Self::End | Self::Abort | Self::LastEventId | Self::Cut => matches!(kind, Kind::Sse),
            Self::Close(_) | Self::PingClose(_) | Self::Echo | Self::Mute => matches!(kind, Kind::Ws),
            _ => true,
        }
    }
}

/// Waits as the steps before an answer say, and leaves them out then. Elsewhere a wait comes after the head.
pub(super) async fn wait(steps: &mut Vec<Step>) {
    let waits = steps.iter().take_while(|step| matches!(step, Step::Wait(_))).count();
    if steps.get(waits).is_some_and(Step::is_first) {
        for step in steps.drain(..waits) {
            if let Step::Wait(ms) = step {
                sleep(Duration::from_millis(ms)).await;
            }
        }
    }
}

/// The answer of an attempt that begins with a status. What is sent after it is its body.
pub(super) fn status(steps: &[Step]) -> Option<Response> {
    let (Step::Status(status, headers), body) = steps.split_first()? else { return None };
    let texts =
        body.iter().filter_map(|step| if let Step::Send(text) = step { Some(text.as_str()) } else { None });
    // Our headers last: a text has a type of its own.
    let mut answer = texts.collect::<String>().into_response();
    *answer.status_mut() = *status;
    answer.headers_mut().remove(header::CONTENT_TYPE);
    answer.headers_mut().extend(headers.clone());
    Some(answer)
}

/// Never returns when the first step says so. The server drops the request when its client goes.
pub(super) async fn hang(steps: &[Step]) {
    if steps.first() == Some(&Step::Hang) {
        std::future::pending().await
    }
}

/// A list of attempts, each a list of steps.
pub(super) fn parse(script: &str, kind: Kind) -> Result<Vec<Vec<Step>>, String> {
    let script: Vec<Vec<Vec<Value>>> = serde_json::from_str(script).map_err(|error| {
        format!("s is a JSON list of attempts, each a list of steps, each a list: {error}")
    })?;
    script.iter().map(|steps| attempt(steps, kind)).collect()
}

fn attempt(steps: &[Vec<Value>], kind: Kind) -> Result<Vec<Step>, String> {
    let mut attempt = Vec::with_capacity(steps.len());
    for step in steps {
        let bad = |why: &str| format!("{}: {why}", Value::from(step.as_slice()));
        let parsed = parse_step(step).ok_or_else(|| bad("not a step that this server knows"))?;
        if !parsed.fits(kind) {
            return Err(bad("does not fit this transport"));
        }
        if parsed.is_first() && !attempt.iter().all(|step| matches!(step, Step::Wait(_))) {
            return Err(bad("can only be the first step"));
        }
        attempt.push(parsed);
    }
    Ok(attempt)
}

fn parse_step(step: &[Value]) -> Option<Step> {
    let (name, args) = step.split_first()?;
    let parsed = match (name.as_str()?, args) {
        ("send", [text]) => Step::Send(text.as_str()?.to_owned()),
        ("bytes", [bytes]) => Step::Bytes(serde_json::from_value(bytes.clone()).ok()?),
        ("hex", [digits]) => Step::Bytes(hex(digits.as_str()?)?),
        ("wait", [ms]) => Step::Wait(ms.as_u64()?),
        ("heard", []) => Step::Heard,
        ("close", []) => Step::Close(None),
        ("close", [code]) => close(code, "")?,
        ("close", [code, reason]) => close(code, reason.as_str()?)?,
        ("reset", []) => Step::Reset,
        ("abort", []) => Step::Abort,
        ("end", []) => Step::End,
        ("last-event-id", []) => Step::LastEventId,
        ("status", [code, args @ ..]) => Step::Status(
            StatusCode::from_u16(u16::try_from(code.as_u64()?).ok()?).ok()?,
            status_headers(args)?,
        ),
        ("hang", []) => Step::Hang,
        ("cut", []) => Step::Cut,
        ("ping-close", [code]) => Step::PingClose(u16::try_from(code.as_u64()?).ok()?),
        ("echo", []) => Step::Echo,
        ("mute", []) => Step::Mute,
        _ => return None,
    };
    Some(parsed)
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = digits.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let byte = |pair: &[u32]| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

fn close(code: &Value, reason: &str) -> Option<Step> {
    let code = u16::try_from(code.as_u64()?).ok()?;
    Some(Step::Close(Some(CloseFrame { code, reason: reason.into() })))
}

/// A content type, an object of headers, both or none.
fn status_headers(args: &[Value]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for arg in args {
        match arg {
            Value::String(content_type) => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).ok()?);
            }
            Value::Object(more) => {
                for (name, value) in more {
                    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                    headers.insert(name, HeaderValue::from_str(value.as_str()?).ok()?);
                }
            }
            _ => return None,
        }
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_the_contract_is_known() {
        let ws = r#"[[["send","a"],["bytes",[1,2]],["wait",5],["heard"],["ping-close",1000],["echo"],["mute"],
            ["close",4401,"no"]],[["reset"]],[["status",503,"text/plain",{"retry-after":"1"}]],[["hang"]]]"#;
        assert_eq!(parse(ws, Kind::Ws).map(|attempts| attempts.len()), Ok(4));
        let sse = r#"[[["send","data: 1\n\n"],["wait",5],["heard"],["end"]],[["reset"]],[["status",204]],
            [["hex","64617461"],["last-event-id"],["abort"]],[["wait",5],["cut"]]]"#;
        assert_eq!(parse(sse, Kind::Sse).map(|attempts| attempts.len()), Ok(5));
    }

    #[test]
    fn a_mistake_is_a_sentence() {
        for (script, why) in [
            ("{}", "list of attempts"),
            (r#"[[["sned","a"]]]"#, "knows"),
            (r#"[[["end"]]]"#, "fit"),
            (r#"[[["wait",1],["echo"],["hang"]]]"#, "first"),
            (r#"[[["cut"]]]"#, "fit"),
            (r#"[[["status",7]]]"#, "knows"),
            (r#"[[["hex","+1"]]]"#, "knows"),
            (r#"[[["hex","0a0"]]]"#, "knows"),
        ] {
            let sentence = parse(script, Kind::Ws).err().unwrap_or_default();
            assert!(sentence.contains(why), "{script} gave {sentence:?}");
        }
    }
}
