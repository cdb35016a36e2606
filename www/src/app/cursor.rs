//! Where a client wants to resume: the id of the last message that it has.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

/// The `Last-Event-ID` header, else the query's `lastEventId`. None when empty: from now on.
pub(super) struct Cursor(pub(super) Option<String>);

impl<S: Sync> FromRequestParts<S> for Cursor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Bytes, as a browser sends an id that is not Latin-1 in UTF-8.
        let header = parts.headers.get("last-event-id");
        let header = header.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        let query =
            || Query::<HashMap<String, String>>::try_from_uri(&parts.uri).ok()?.0.remove("lastEventId");
        let id = header.filter(|id| !id.is_empty()).or_else(query);
        Ok(Self(id.filter(|id| !id.is_empty())))
    }
}
