//! The page's listener: static files, where everything is, and the control API.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::app::answer::redirection;
use crate::args::Root;
use crate::bounds::Bounds;
use crate::faults::Faults;
use crate::guard::{self, Guard};
use crate::{control, files, listener, net};

#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) page: SocketAddr,
    pub(crate) wire: SocketAddr,
    pub(crate) app: SocketAddr,
}

pub(crate) fn router(
    addresses: Addresses,
    roots: Vec<Root>,
    faults: Arc<Faults>,
    guard: Option<Guard>,
) -> Router {
    let bounds = Bounds::of(guard.is_none());
    let mut control =
        Router::new().route("/config.json", get(config).with_state(addresses)).merge(control::router(faults));
    let files: Arc<[Root]> = roots.into();
    let mut files = Router::new().fallback_service(get(files::serve).with_state(files));
    if guard.is_none() {
        control = control.route("/redirect", any(redirection)).layer(middleware::from_fn(allow_any_origin));
        // Also for a page of another origin that loads a module.
        files = files.layer(middleware::from_fn(files::policy)).layer(middleware::from_fn(allow_any_origin));
    }
    control
        .merge(files)
        .layer(middleware::from_fn_with_state(guard.map(Arc::new), guard::check))
        .layer(middleware::from_fn_with_state(bounds, listener::in_time))
}

async fn config(State(addresses): State<Addresses>, request: Request) -> Json<Value> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _port)| name));
    let url = |address| net::url(address, host);
    Json(json!({ "page": url(addresses.page), "wire": url(addresses.wire), "app": url(addresses.app) }))
}

/// Tests drive the faults from pages of other origins too.
async fn allow_any_origin(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
