//! `/llm`: a text in tokens, as a language model's server streams it.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::jobs::{Jobs, Work};
use super::requests::Asked;
use super::{Shared, sse};

const MOST: u64 = 100_000;

const TEXT: &str = "\
On 5 August 1858 the first cable under the Atlantic was landed, and the two shores could talk. Not fast: the \
Queen’s greeting of 98 words took sixteen hours. Nobody could tell silence from a slow answer, so the \
operators asked the same thing again and again:\n\
\n\
  “Repeat, please.”\n\
  “Please send slower for the present.”\n\
  “How do you receive?”\n\
\n\
That is a heartbeat, a retry and a backoff, by hand. After three weeks the cable fell silent for good. Too \
much voltage, said the inquiry, from an engineer who had answered every weak signal with a stronger battery.\n\
\n\
The cable of 1866 was better, and so was the way to use it. Each message had a number. A clerk who came back \
to a line did not ask what had been said; he gave the last number in his book, and the other end went on \
behind it. When the cable broke in deep water, the ships fished for it – with a hook, two and a half miles \
down – spliced it, and the numbers went on as if nothing had been.\n\
\n\
Three rules are left of it:\n\
- number what you send, and keep it for a while;\n\
- on your return, say what you have, not what you want;\n\
- and when nothing answers, wait longer each time. The sea is in no hurry. ☺";

/// With the space or the line breaks before each word, as language models have it.
fn words() -> Vec<&'static str> {
    let mut words = Vec::new();
    let mut rest = TEXT;
    while !rest.is_empty() {
        let blank = rest.find(|c| c != ' ' && c != '\n').unwrap_or(rest.len());
        let word = rest.get(blank..).and_then(|word| word.find([' ', '\n'])).unwrap_or(rest.len() - blank);
        let (first, others) = rest.split_at(blank + word);
        words.push(first);
        rest = others;
    }
    words
}

/// So many tokens. After its end the text begins anew.
fn tokens() -> impl Iterator<Item = &'static str> {
    // Without it the last word and the first would be one.
    let again = ["\n\n"].into_iter().chain(words());
    words().into_iter().chain(again.cycle())
}

fn token(n: u64) -> &'static str {
    let round = words().len() as u64 + 1;
    let at = if n < round { n } else { n % round };
    usize::try_from(at).ok().and_then(|at| tokens().nth(at)).unwrap_or_default()
}

pub(super) fn text(n: u64) -> String {
    tokens().take(usize::try_from(n).unwrap_or(usize::MAX)).collect()
}

/// Event 0 tells the job, then come the tokens, and behind them the end.
pub(super) fn event(job: &str, id: &str, n: u64, tokens: u64) -> String {
    match n {
        0 => sse::event(Some("job"), Some(id), &json!({ "id": job }).to_string()),
        n if n > tokens => sse::event(None, Some(id), "[DONE]"),
        n => sse::event(None, Some(id), token(n - 1)),
    }
}

#[derive(Deserialize)]
pub(super) struct LlmQuery {
    /// Milliseconds from token to token.
    #[serde(default = "forty")]
    delay: u64,
    /// Without it, the whole text.
    tokens: Option<u64>,
    #[serde(default)]
    cut: u64,
}

fn forty() -> u64 {
    40
}

#[derive(Deserialize)]
struct Prompt {
    #[serde(rename = "prompt")]
    _prompt: String,
}

pub(super) async fn start(State(app): Shared, Query(query): Query<LlmQuery>, request: Asked) -> Response {
    if let Err(error) = serde_json::from_slice::<Prompt>(&request.body) {
        return (StatusCode::BAD_REQUEST, format!("the body is {{\"prompt\": \"…\"}}: {error}\n"))
            .into_response();
    }
    let tokens = query.tokens.unwrap_or(words().len() as u64).min(MOST);
    Jobs::start(&app, Work::Llm { tokens }, query.delay, query.cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_are_the_text() {
        let all = words().len() as u64;
        assert_eq!(text(all), TEXT);
        assert_eq!(text(2 * all + 1), format!("{TEXT}\n\n{TEXT}"));
        assert_eq!((token(1), token(all + 1)), (" 5", "On"));
        assert!(words().iter().any(|word| word.starts_with("\n\n")));
        // Nothing that a client takes for JSON.
        assert!(!words().iter().any(|word| word.trim().starts_with(['[', '{'])));
    }
}
