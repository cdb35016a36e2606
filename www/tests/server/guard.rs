//! The demo as `make demo` starts it, and who must not use it.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::support::{Server, Sse, Ws, eventually, get, is_reset, request, request_with, signal, soon};

const ELSEWHERE: (&str, &str) = ("Origin", "https://evil.example");

/// The status of a request with this head.
async fn status(address: &str, method: &str, path: &str, headers: &str) -> u16 {
    soon(async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nContent-Length: 0\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        std::str::from_utf8(&start[9..]).unwrap().parse().unwrap()
    })
    .await
}

#[tokio::test]
async fn another_origin_is_refused_on_every_port() {
    let server = Server::demo(&[]).await;
    for path in ["/fault/drop", "/fault/restart?down=0", "/fault/clear", "/proxy/reset", "/proxy/black-hole"]
    {
        assert_eq!(request("POST", &server.page, path, &[ELSEWHERE]).await.unwrap().status, 403, "{path}");
    }
    for path in ["/config.json", "/stats", "/proxy/stats", "/"] {
        assert_eq!(request("GET", &server.page, path, &[ELSEWHERE]).await.unwrap().status, 403, "{path}");
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        for address in [&server.wire, &server.app] {
            for (method, path) in [
                ("GET", "/ticker?name=n"),
                ("GET", "/rooms?connection=a"),
                ("POST", "/rooms?connection=a"),
                ("GET", "/logs"),
                ("POST", "/llm"),
                ("POST", "/task"),
                ("POST", "/replay?n=9"),
                ("GET", "/stats"),
                ("OPTIONS", "/llm"),
            ] {
                let answer = request(method, address, path, &[("Origin", origin)]).await.unwrap();
                assert_eq!(answer.status, 403, "{origin} {method} {path}");
                assert!(!answer.head.contains("access-control"), "{path}: {}", answer.head);
            }
        }
        assert!(Ws::open_with(&server.wire, "/rooms", &[("Origin", origin)]).await.is_err());
    }
    assert_eq!(get(&server.app, "/stats").await.json()["opened"], 0);
    server.fault("/fault/503?ms=0").await;
    assert_eq!(request("GET", &server.wire, "/logs", &[ELSEWHERE]).await.unwrap().status, 403);
    assert_eq!(get(&server.wire, "/logs").await.status, 503);
}

#[tokio::test]
async fn another_host_is_refused_on_every_port() {
    let server = Server::demo(&[]).await;
    for address in [&server.page, &server.wire, &server.app] {
        for host in ["Host: evil.example\r\n", "Host: 127.0.0.1.evil.example:80\r\n", "Host: 10.0.0.7\r\n"] {
            assert_eq!(status(address, "GET", "/stats", host).await, 403, "{host}");
        }
        assert_eq!(status(address, "GET", "/stats", "Host: localhost\r\n").await, 200);
        let img = "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n";
        assert_eq!(status(address, "GET", "/stats", img).await, 403, "a picture of another page");
    }
    let named = Server::demo(&["--allow-host", "demo.test"]).await;
    assert_eq!(status(&named.page, "GET", "/stats", "Host: demo.test\r\n").await, 200);
    assert_eq!(status(&named.wire, "GET", "/stats", "Host: demo.test\r\n").await, 200);
}

#[tokio::test]
async fn its_own_page_may_do_all_that_it_needs() {
    let server = Server::demo(&[]).await;
    let port = server.page.rsplit_once(':').unwrap().1;
    for name in ["localhost", "127.0.0.1"] {
        let origin = format!("http://{name}:{port}");
        let own = [("Origin", origin.as_str())];
        let answer = request("POST", &server.page, "/fault/drop", &own).await.unwrap();
        assert_eq!(answer.json()["ok"], true);
        let mut ticks = Sse::open(&server.wire, "/ticker?name=own", &own).await.unwrap();
        assert!(ticks.head.contains(&format!("access-control-allow-origin: {origin}\r\n")));
        assert_eq!(ticks.event().await.name, "tick");
        let preflight = [own[0], ("Access-Control-Request-Headers", "content-type")];
        assert_eq!(request("OPTIONS", &server.wire, "/llm", &preflight).await.unwrap().status, 204);
        let prompt = r#"{"prompt":"why"}"#;
        let mut answer = Sse::request("POST", &server.wire, "/llm", &own, prompt).await.unwrap();
        assert_eq!((answer.status, answer.event().await.name.as_str()), (200, "job"));
        let mut rooms = Ws::open_with(&server.wire, "/rooms", &[("Origin", &origin)]).await.unwrap();
        rooms.send(r#"{"type":"ping","timestamp":1}"#).await;
        assert_eq!(rooms.json().await, json!({ "type": "pong", "timestamp": 1 }));
    }
}

#[tokio::test]
async fn what_answers_as_the_address_says_is_for_tests() {
    let server = Server::demo(&[]).await;
    for path in [
        "/answer?type=text/html&body=hello",
        "/redirect?to=https://evil.example",
        "/cors?allow=1",
        "/script/sse?key=a&s=%5B%5D",
        "/script/log?key=a",
        "/requests?key=a",
        "/big",
        "/flood",
        "/count",
        "/echo",
        "/ledger?client=a",
        "/chat",
    ] {
        assert_eq!(get(&server.wire, path).await.status, 404, "{path}");
    }
    assert_eq!(get(&server.page, "/redirect?to=https://evil.example").await.status, 404);
    let page = get(&server.page, "/config.json?csp=script-src%20*").await;
    assert!(page.status == 200 && !page.head.contains("content-security-policy"));
    for header in ["x-frame-options: DENY", "x-content-type-options: nosniff"] {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
}

#[tokio::test]
async fn numbers_are_bounded() {
    for server in [Server::demo(&[]).await, Server::start().await] {
        for path in [
            "/fault/restart?down=18446744073709551615",
            "/fault/restart?down=60001",
            "/fault/stall?ms=18446744073709551615",
            "/fault/replay?n=18446744073709551615",
            "/proxy/delay?ms=60001",
        ] {
            let answer = request("POST", &server.page, path, &[]).await.unwrap();
            assert_eq!((answer.status, answer.json()["ok"].as_bool()), (400, Some(false)), "{path}");
        }
        assert_eq!(server.stats().await["connections"], 0, "it is not down");
    }
}

#[tokio::test]
async fn tickers_are_few() {
    let server = Server::demo(&[]).await;
    let mut watched = Vec::new();
    for n in 0..16 {
        watched.push(server.sse(&format!("/ticker?name=n{n}")).await);
    }
    assert!(watched.iter().all(|ticker| ticker.status == 200));
    assert_eq!(get(&server.wire, "/ticker?name=n16").await.status, 503);
    assert_eq!(server.sse("/ticker?name=n0").await.status, 200, "one that runs has room for more");
    let long = "n".repeat(41);
    assert_eq!(get(&server.wire, &format!("/ticker?name={long}")).await.status, 400);
}

#[tokio::test]
async fn connections_are_few_and_a_place_is_free_again() {
    let server = Server::demo(&[]).await;
    let mut held = Vec::new();
    let open = async || get(&server.page, "/proxy/stats").await.json()["open"].as_u64().unwrap();
    for _ in 0..520 {
        held.push(TcpStream::connect(&server.wire).await.unwrap());
    }
    eventually(async || open().await == 512).await;
    let mut last = held.pop().unwrap();
    assert_eq!(soon(last.read(&mut [0])).await.unwrap_or(0), 0, "the last ones are closed");
    drop(held);
    eventually(async || open().await == 0).await;
    assert_eq!(server.sse("/ticker").await.status, 200);
}

#[tokio::test]
async fn who_does_not_ask_in_time_is_cut_off() {
    let server = Server::demo(&[]).await;
    let mut slow = Vec::new();
    for address in [&server.page, &server.wire, &server.app] {
        for start in ["", "GET /stats HTTP/1.1\r\nHost: local"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(start.as_bytes()).await.unwrap();
            slow.push(stream);
        }
    }
    let mut body = TcpStream::connect(&server.app).await.unwrap();
    body.write_all(b"POST /llm HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{").await.unwrap();
    slow.push(body);
    for stream in slow {
        assert!(is_reset(&crate::support::end(stream).await));
    }
}

#[tokio::test]
async fn a_request_has_a_connection_of_its_own() {
    let server = Server::demo(&[]).await;
    let mut stream = TcpStream::connect(&server.app).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    soon(stream.read_to_string(&mut text)).await.unwrap();
    assert!(text.ends_with("ok\n") && text.contains("connection: close"), "{text}");
    let long = "x".repeat(1024 * 1024 + 1);
    let answer = request_with("POST", &server.app, "/llm", &[], &long).await;
    assert!(answer.is_err() || answer.unwrap().status == 413);
}

/// Whatever is going on, it ends at once, and its logs are gone.
async fn ends_well(mut server: Server, name: &str, how: &str) {
    let pid = server.child.id().unwrap();
    signal(name, pid);
    let status = tokio::time::timeout(Duration::from_secs(2), server.child.wait()).await;
    assert_eq!(status.unwrap_or_else(|_| panic!("{how}: {name}")).unwrap().code(), Some(0), "{how}");
    assert!(crate::process::log_dirs(pid).is_empty(), "{how}: {name}");
}

#[tokio::test]
async fn a_signal_ends_it_whatever_is_going_on() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let server = Server::demo(&[]).await;
        let page = server.page.clone();
        // Four wait for each other, which would take minutes.
        let restarts: Vec<_> = (0..4)
            .map(|_| {
                let page = page.clone();
                tokio::spawn(
                    async move { request("POST", &page, "/fault/restart?down=60000", &[]).await.is_ok() },
                )
            })
            .collect();
        eventually(async || get(&server.page, "/stats").await.status == 503).await;
        eventually(async || {
            let more = request("POST", &server.page, "/fault/restart?down=60000", &[]);
            tokio::time::timeout(Duration::from_millis(100), more)
                .await
                .is_ok_and(|more| more.unwrap().status == 400)
        })
        .await;
        ends_well(server, name, "restarts").await;
        drop(restarts);

        let server = Server::demo(&[]).await;
        let _ticks = server.sse("/ticker").await;
        let _rooms = server.ws("/rooms?bot=1").await;
        let _idle = TcpStream::connect(&server.page).await.unwrap();
        server.fault("/fault/stall?ms=0").await;
        let _stalled = TcpStream::connect(&server.wire).await.unwrap();
        ends_well(server, name, "connections, stalled").await;

        let server = Server::demo(&[]).await;
        let children = Command::new("pgrep").args(["-P", &server.child.id().unwrap().to_string()]).output();
        let app = String::from_utf8(children.await.unwrap().stdout).unwrap();
        signal("-STOP", app.trim().parse().unwrap());
        ends_well(server, name, "an app that hangs").await;
    }
}
