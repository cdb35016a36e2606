//! Static files: a few directories, each under its own name.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::args::Root;

#[derive(Deserialize)]
pub(crate) struct FileQuery {
    csp: Option<String>,
}

/// For tests: the Content-Security-Policy that the address says.
pub(crate) async fn policy(Query(query): Query<FileQuery>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(policy) = query.csp.filter(|_| response.status() == StatusCode::OK) {
        let Ok(policy) = HeaderValue::from_str(&policy) else {
            return (StatusCode::BAD_REQUEST, "csp cannot be a header's value").into_response();
        };
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

pub(crate) async fn serve(State(roots): State<Arc<[Root]>>, uri: Uri) -> Response {
    let Some(mut path) = decode(uri.path()).and_then(|path| locate(&roots, &path)) else {
        return not_found();
    };
    if path.is_dir() {
        if !uri.path().ends_with('/') {
            let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Redirect::permanent(&format!("{}/{query}", uri.path())).into_response();
        }
        path.push("index.html");
    }
    let Ok(content) = tokio::fs::read(&path).await else { return not_found() };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime(&path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    (headers, content).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "no such file\n").into_response()
}

/// The file under the root with the longest name that fits. None outside every root.
fn locate(roots: &[Root], path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix('/')?;
    let (root, rest) = roots
        .iter()
        .filter_map(|root| Some((root, under(path, &root.name)?)))
        .max_by_key(|(root, _)| root.name.len())?;
    let rest = Path::new(rest);
    let inside = rest.components().all(|part| matches!(part, Component::Normal(_)));
    inside.then(|| root.dir.join(rest))
}

fn under<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    if name.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(name)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// Percent-decoding. None for what is not UTF-8 afterwards.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}

fn mime(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md" | "ts") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_a_root_is_found() {
        let root = |name: &str, dir: &str| Root { name: name.to_owned(), dir: dir.into() };
        let roots = [root("", "/www"), root("pkg", "/out/pkg")];
        let find = |path: &str| decode(path).and_then(|path| locate(&roots, &path));
        assert_eq!(find("/a/b.js"), Some("/www/a/b.js".into()));
        assert_eq!(find("/pkg/index.js"), Some("/out/pkg/index.js".into()));
        assert_eq!(find("/pkgs/index.js"), Some("/www/pkgs/index.js".into()));
        assert_eq!(find("/a%20b"), Some("/www/a b".into()));
        for path in ["/../etc/passwd", "/%2e%2e/etc/passwd", "/pkg/../../x", "//etc/passwd", "/%00", "/%f"] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
