//! What holds for every answer of the app, and `/cors`, for which it is asked.

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::answer::stream;
use super::requests::Asked;

/// What a browser asks for with a request of another origin.
struct CrossOrigin {
    origin: Option<HeaderValue>,
    headers: Option<HeaderValue>,
    method: Option<HeaderValue>,
}

impl CrossOrigin {
    fn of(headers: &HeaderMap) -> Self {
        Self {
            origin: headers.get(header::ORIGIN).cloned(),
            headers: headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned(),
            method: headers.get(header::ACCESS_CONTROL_REQUEST_METHOD).cloned(),
        }
    }

    /// All of it, with credentials: this server has nothing to protect.
    fn allow(self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            // Not among those that a page of another origin sees by itself.
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("Retry-After, Last-Event-ID, Mercure-Last-Event-ID"),
            );
        }
        if let Some(asked) = self.headers {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
        }
        if let Some(asked) = self.method {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, asked);
        }
    }
}

/// CORS for whoever asks; with `preflight=0` only for what needs no question before it.
pub(super) async fn allow_origin(request: Request, next: Next) -> Response {
    let asked = CrossOrigin::of(request.headers());
    let mut response = if request.method() == Method::OPTIONS {
        if request.uri().query().is_some_and(|query| query.contains("preflight=0")) {
            return StatusCode::NOT_FOUND.into_response();
        }
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    asked.allow(&mut response);
    response
}

#[derive(Deserialize)]
pub(super) struct CorsQuery {
    #[serde(default)]
    allow: String,
}

/// `/cors`: a stream that a page of another origin may read with `allow=1`, and else not.
pub(super) async fn cors(State(app): Shared, Query(query): Query<CorsQuery>, request: Asked) -> Response {
    let mut response = if request.method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        stream(&app, None, None)
    };
    if query.allow == "1" {
        CrossOrigin::of(&request.headers).allow(&mut response);
    }
    response
}
