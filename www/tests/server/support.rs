//! The server under test, and small clients that hide nothing of what a socket says.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};

/// So long may anything take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it did not happen in time")
}

/// Asks until the answer is yes.
pub(crate) async fn eventually(mut ask: impl AsyncFnMut() -> bool) {
    soon(async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everwire-demo"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

pub(crate) fn signal(name: &str, pid: u32) {
    assert!(std::process::Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

/// A running server. Dropping it kills the process; the app process follows by itself.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) line: String,
    pub(crate) page: String,
    pub(crate) wire: String,
    pub(crate) app: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(args: &[&str]) -> Self {
        Self::demo(&[args, &["--test-endpoints"]].concat()).await
    }

    /// As `make demo` starts it.
    pub(crate) async fn demo(args: &[&str]) -> Self {
        let mut child = command().args(["--port", "0"]).args(args).spawn().unwrap();
        let mut line = String::new();
        soon(BufReader::new(child.stdout.take().unwrap()).read_line(&mut line)).await.unwrap();
        let page =
            line.trim().strip_prefix("everwire demo: http://").unwrap().trim_end_matches('/').to_owned();
        let config = get(&page, "/config.json").await.json();
        let address = |name: &str| config[name].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        assert_eq!(address("page"), page);
        Self { wire: address("wire"), app: address("app"), child, line, page }
    }

    /// Brings a fault about; it is in force afterwards.
    pub(crate) async fn fault(&self, path: &str) {
        let answer = request("POST", &self.page, path, &[]).await.unwrap();
        assert_eq!(
            (answer.status, answer.json()["ok"].as_bool()),
            (200, Some(true)),
            "{path}: {}",
            answer.body
        );
    }

    pub(crate) async fn stats(&self) -> Value {
        get(&self.page, "/stats").await.json()
    }

    /// Waits until the app counts so many open connections.
    pub(crate) async fn connections(&self, n: u64) {
        eventually(async || get(&self.app, "/stats").await.json()["connections"] == n).await;
    }

    pub(crate) async fn ws(&self, path: &str) -> Ws {
        Ws::open(&self.wire, path).await.unwrap()
    }

    pub(crate) async fn sse(&self, path: &str) -> Sse {
        Sse::open(&self.wire, path, &[]).await.unwrap()
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {} {}", self.head, self.body))
    }

    /// Whether the head has this line. Names in lower case.
    pub(crate) fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line.to_lowercase() == header)
    }
}

/// HTTP/1.0, so that the body is as it is and ends with the connection.
async fn send_request(
    method: &str,
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let mut headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    if !body.is_empty() {
        headers += &format!("Content-Length: {}\r\n", body.len());
    }
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n{body}");
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

pub(crate) async fn request(
    method: &str,
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    request_with(method, address, path, headers, "").await
}

pub(crate) async fn request_with(
    method: &str,
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    soon(async {
        let mut stream = send_request(method, address, path, headers, body).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
    })
    .await
}

/// The body of an HTTP/1.1 answer in its chunks, and whether the last one came: without it, it was cut off.
pub(crate) async fn chunks(address: &str, path: &str) -> io::Result<(String, bool)> {
    soon(async {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        let (_, mut rest) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut body = String::new();
        while let Some((length, after)) = rest.split_once("\r\n") {
            let length = usize::from_str_radix(length, 16).unwrap();
            if length == 0 {
                return Ok((body, true));
            }
            body += &after[..length];
            rest = &after[length + 2..];
        }
        Ok((body, false))
    })
    .await
}

pub(crate) async fn get(address: &str, path: &str) -> Answer {
    request("GET", address, path, &[]).await.unwrap()
}

/// What a client of an event stream has to say.
pub(crate) async fn post(address: &str, path: &str, messages: &Value) -> io::Result<Answer> {
    let headers = [("Content-Type", "application/json")];
    request_with("POST", address, path, &headers, &messages.to_string()).await
}

/// A WebSocket client on a socket of its own.
pub(crate) struct Ws {
    pub(crate) stream: WebSocketStream<TcpStream>,
    pub(crate) protocol: Option<String>,
}

impl Ws {
    pub(crate) async fn open(address: &str, path: &str) -> tungstenite::Result<Self> {
        Self::open_with(address, path, &[]).await
    }

    pub(crate) async fn open_with(
        address: &str,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> tungstenite::Result<Self> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        soon(async {
            let tcp = TcpStream::connect(address).await?;
            let (stream, response) = tokio_tungstenite::client_async(request, tcp).await?;
            let protocol = response.headers().get("sec-websocket-protocol");
            Ok(Self { stream, protocol: protocol.map(|name| name.to_str().unwrap().to_owned()) })
        })
        .await
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Option<tungstenite::Result<Message>> {
        soon(self.stream.next()).await
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            other => panic!("not a text frame: {other:?}"),
        }
    }

    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Sends a text to an echo and waits for it: all that was sent before has arrived.
    pub(crate) async fn round_trip(&mut self, text: &str) {
        self.send(text).await;
        assert_eq!(self.text().await, text);
    }

    /// The server's close frame, and then nothing.
    pub(crate) async fn close_frame(&mut self) -> Option<CloseFrame> {
        let Some(Ok(Message::Close(frame))) = self.next().await else { panic!("not a close frame") };
        assert!(self.next().await.is_none());
        frame
    }

    /// How the socket below ends: nothing for FIN, the error for RST. Frames before it are ignored.
    pub(crate) async fn end(self) -> io::Result<()> {
        end(self.stream.into_inner()).await
    }

    pub(crate) fn tcp(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }
}

/// Reads a socket to its end.
pub(crate) async fn end(mut stream: TcpStream) -> io::Result<()> {
    soon(stream.read_to_end(&mut Vec::new())).await.map(drop)
}

pub(crate) fn is_reset(result: &io::Result<()>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::ConnectionReset)
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

/// An event stream read from the bare socket.
pub(crate) struct Sse {
    pub(crate) status: u16,
    pub(crate) head: String,
    reader: BufReader<TcpStream>,
}

impl Sse {
    pub(crate) async fn open(address: &str, path: &str, headers: &[(&str, &str)]) -> io::Result<Self> {
        Self::request("GET", address, path, headers, "").await
    }

    pub(crate) async fn request(
        method: &str,
        address: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Self> {
        soon(async {
            let mut reader = BufReader::new(send_request(method, address, path, headers, body).await?);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            Ok(Self { status, head, reader })
        })
        .await
    }

    /// The next event. None at the end of the connection.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event::default();
        let mut data = Vec::new();
        loop {
            let mut line = String::new();
            if soon(self.reader.read_line(&mut line)).await? == 0 {
                return Ok(None);
            }
            match line.trim_end_matches('\n').split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("data", line)) => data.push(line.to_owned()),
                _ if line == "\n" && (!data.is_empty() || event != Event::default()) => {
                    event.data = data.join("\n");
                    return Ok(Some(event));
                }
                _ => {}
            }
        }
    }

    /// The next line that is a comment.
    pub(crate) async fn comment(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(soon(self.reader.read_line(&mut line)).await.unwrap() > 0, "the stream ended");
            if let Some(comment) = line.strip_prefix(": ") {
                return comment.trim_end().to_owned();
            }
        }
    }

    pub(crate) async fn event(&mut self) -> Event {
        self.next().await.unwrap().expect("the stream ended")
    }

    pub(crate) async fn end(self) -> io::Result<()> {
        end(self.reader.into_inner()).await
    }
}

/// For a query: everything but letters and digits percent-encoded.
pub(crate) fn encode(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}
