//! What the app says, as JSON.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(super) enum Say<'a> {
    Chat {
        #[serde(skip_serializing_if = "Option::is_none")]
        topic: Option<&'a str>,
        event_id: &'a str,
        seq: u64,
        from: &'a str,
        text: &'a str,
        /// The id that its client gave it, for an ack.
        #[serde(skip_serializing_if = "Option::is_none")]
        send_id: Option<&'a str>,
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
    /// The room's log does not reach back to the cursor. All that it has follows.
    #[serde(rename = "gap")]
    TopicGap {
        topic: &'a str,
    },
    Joined {
        topic: &'a str,
    },
    Refused {
        topic: &'a str,
        reason: &'a str,
    },
    Presence {
        topic: &'a str,
        who: BTreeSet<&'a str>,
    },
    Typing {
        topic: &'a str,
        from: &'a str,
    },
    Read {
        topic: &'a str,
        from: &'a str,
        event_id: &'a str,
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
