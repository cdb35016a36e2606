//! A real HTTP 503, as a gateway answers while the app behind it is down.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::connection::swallow;

const HEAD_LIMIT: usize = 64 * 1024;

/// Answers the first request and closes.
pub(super) async fn answer(client: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 || head.len() > HEAD_LIMIT {
            return Ok(());
        }
    }
    client.write_all(response(&String::from_utf8_lossy(&head)).as_bytes()).await?;
    client.shutdown().await?;
    // Closing with unread bytes would send RST, and the client could lose the answer.
    swallow(client).await
}

fn response(head: &str) -> String {
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
