//! What the app says, as JSON.

use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(super) enum Say<'a> {
    Chat {
        event_id: &'a str,
        seq: u64,
        from: &'a str,
        text: &'a str,
    },
    Tick {
        seq: u64,
        symbol: &'a str,
        price: f64,
    },
    Count {
        event_id: String,
        seq: u64,
    },
    /// The log does not reach back to `after`. What follows begins with `before`.
    Gap {
        after: &'a str,
        before: &'a str,
    },
    Ack {
        id: &'a str,
    },
    /// With the ping's timestamp, whatever it was.
    Pong {
        timestamp: &'a Value,
    },
}

impl Say<'_> {
    pub(super) fn json(&self) -> String {
        // These are plain values with string keys: there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}
