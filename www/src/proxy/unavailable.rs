//! A real HTTP 503, as a gateway answers while the app behind it is down.

use std::io;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::connection::swallow;
use crate::guard::{Guard, REFUSED};

const HEAD_LIMIT: usize = 64 * 1024;

/// Answers the first request and closes.
pub(super) async fn answer(client: &mut TcpStream, guard: Option<&Guard>) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 || head.len() > HEAD_LIMIT {
            return Ok(());
        }
    }
    client.write_all(response(&String::from_utf8_lossy(&head), guard).as_bytes()).await?;
    client.shutdown().await?;
    // Closing with unread bytes would send RST, and the client could lose the answer.
    swallow(client).await
}

fn headers(head: &str) -> HeaderMap {
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value.trim()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in head.lines().filter_map(line) {
        headers.append(name, value);
    }
    headers
}

fn response(head: &str, guard: Option<&Guard>) -> String {
    let method = if head.starts_with("GET ") { Method::GET } else { Method::POST };
    if guard.is_some_and(|guard| !guard.allows(&method, &headers(head))) {
        return format!(
            "HTTP/1.1 403 Forbidden\r\n\
             Content-Type: text/plain\r\n\
             Content-Length: {}\r\n\
             Connection: close\r\n\
             \r\n{REFUSED}",
            REFUSED.len()
        );
    }
    let origin = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("origin"))
        .map_or("*", |(_, value)| value.trim());
    let body = "the server is down for a moment\n";
    format!(
        "HTTP/1.1 503 Service Unavailable\r\n\
         Content-Type: text/plain\r\n\
         Content-Length: {}\r\n\
         Connection: close\r\n\
         Access-Control-Allow-Origin: {origin}\r\n\
         Access-Control-Allow-Credentials: true\r\n\
         \r\n{body}",
        body.len()
    )
}
