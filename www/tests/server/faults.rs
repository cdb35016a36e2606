use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;

use crate::support::{Server, Ws, end, eventually, get, is_reset, request, signal, soon};

/// Time for a byte to get through, if anything let it: a round trip past the proxy.
async fn past_the_proxy(server: &Server) {
    Ws::open(&server.app, "/echo").await.unwrap().round_trip("barrier").await;
}

/// Whether the socket has anything to read now.
async fn is_silent(server: &Server, ws: &mut Ws) -> bool {
    past_the_proxy(server).await;
    let mut byte = [0];
    matches!(ws.tcp().try_read(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[tokio::test]
async fn drop_resets_every_connection() {
    let server = Server::start().await;
    for fault in ["/fault/drop", "/proxy/reset"] {
        let ws = server.ws("/echo").await;
        let sse = server.sse("/count?to=0").await;
        server.fault(fault).await;
        assert_eq!(get(&server.page, "/proxy/stats").await.json()["open"], 0);
        assert!(is_reset(&ws.end().await));
        assert!(is_reset(&sse.end().await));
        server.connections(0).await;
    }
    server.ws("/echo").await.round_trip("as ever").await;
}

#[tokio::test]
async fn half_close_ends_what_the_client_reads_and_nothing_else() {
    let server = Server::start().await;
    let path = "/script/ws?key=k&s=%5B%5B%5B%22echo%22%5D%5D%5D";
    let mut ws = server.ws(path).await;
    server.fault("/proxy/half-close").await;
    let mut byte = [0];
    assert_eq!(soon(ws.tcp().read(&mut byte)).await.unwrap(), 0, "a FIN, not an RST");
    ws.send("still heard").await;
    eventually(async || {
        get(&server.app, "/script/log?key=k").await.json()[0]["received"][0] == "still heard"
    })
    .await;
    assert_eq!(get(&server.page, "/proxy/stats").await.json()["open"], 1);
    server.ws("/echo").await.round_trip("a new one is whole").await;
    drop(ws);
    server.connections(0).await;
}

/// Firefox keeps a connection that was answered, or never was.
#[tokio::test]
async fn half_close_waits_for_no_client_that_stays() {
    let server = Server::start().await;
    let open = async || get(&server.page, "/proxy/stats").await.json()["open"].clone();
    let address = server.wire.trim_start_matches("http://");
    for fault in ["/fault/stall?ms=0", "/fault/503?ms=0"] {
        server.fault(fault).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        eventually(async || open().await == 1).await;
        soon(server.fault("/proxy/half-close")).await;
        let mut answer = String::new();
        soon(client.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(answer.starts_with("HTTP/1.1 503"), fault.contains("503"), "{fault}: {answer}");
        drop(client);
        eventually(async || open().await == 0).await;
        server.fault("/fault/clear").await;
    }
}

#[tokio::test]
async fn a_black_hole_upwards_holds_what_the_client_sends() {
    let server = Server::start().await;
    let path = "/script/ws?key=k&s=%5B%5B%5B%22echo%22%5D%5D%5D";
    let mut ws = server.ws(path).await;
    let received = async || get(&server.app, "/script/log?key=k").await.json()[0]["received"].clone();
    server.fault("/proxy/black-hole?direction=up").await;
    ws.send("held").await;
    past_the_proxy(&server).await;
    assert_eq!(received().await, serde_json::json!([]));
    server.fault("/fault/clear").await;
    assert_eq!(ws.text().await, "held");
    assert_eq!(received().await, serde_json::json!(["held"]));
}

#[tokio::test]
async fn a_black_hole_downwards_holds_what_the_server_sends() {
    let server = Server::start().await;
    let path = "/script/ws?key=k&s=%5B%5B%5B%22echo%22%5D%5D%5D";
    let mut ws = server.ws(path).await;
    server.fault("/proxy/black-hole?direction=down").await;
    ws.send("heard").await;
    eventually(async || get(&server.app, "/script/log?key=k").await.json()[0]["received"][0] == "heard")
        .await;
    assert!(is_silent(&server, &mut ws).await);
    server.fault("/fault/clear").await;
    assert_eq!(ws.text().await, "heard");
}

#[tokio::test]
async fn a_black_hole_takes_new_connections_too() {
    let server = Server::start().await;
    server.fault("/proxy/black-hole").await;
    let open = Ws::open(&server.wire, "/echo");
    tokio::pin!(open);
    tokio::select! {
        _ = &mut open => panic!("it opened through the hole"),
        () = async {
            eventually(async || get(&server.page, "/proxy/stats").await.json()["open"] == 1).await;
            past_the_proxy(&server).await;
        } => {}
    }
    server.fault("/fault/clear").await;
    open.await.unwrap().round_trip("late").await;
}

#[tokio::test]
async fn a_client_that_leaves_a_black_hole_is_gone_after_it() {
    let server = Server::start().await;
    let ws = server.ws("/echo").await;
    server.fault("/proxy/black-hole").await;
    drop(ws);
    past_the_proxy(&server).await;
    server.fault("/fault/clear").await;
    server.connections(0).await;
}

#[tokio::test]
async fn a_stall_delays_the_old_and_kills_the_new() {
    let server = Server::start().await;
    let mut old = server.ws("/echo").await;
    server.fault("/fault/stall").await;
    let mut new = TcpStream::connect(&server.wire).await.unwrap();
    new.write_all(b"GET /health HTTP/1.0\r\n\r\n").await.unwrap();
    eventually(async || get(&server.page, "/proxy/stats").await.json()["accepted"] == 2).await;
    old.send("held").await;
    assert!(is_silent(&server, &mut old).await);

    server.fault("/fault/clear").await;
    assert_eq!(old.text().await, "held");
    old.round_trip("as ever").await;
    assert_eq!(new.try_read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    // Dead, but its end is seen.
    new.shutdown().await.unwrap();
    assert!(end(new).await.is_ok());
}

#[tokio::test]
async fn a_stall_ends_by_itself() {
    let server = Server::start().await;
    let mut ws = server.ws("/echo").await;
    let started = Instant::now();
    server.fault("/fault/stall?ms=200").await;
    ws.round_trip("held").await;
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn refused_means_refused() {
    let server = Server::start().await;
    for fault in ["/fault/refuse?ms=0", "/proxy/refuse"] {
        let ws = server.ws("/echo").await;
        server.fault(fault).await;
        assert!(is_reset(&ws.end().await));
        let refused = TcpStream::connect(&server.wire).await.map(drop).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
        server.fault("/fault/clear").await;
        server.ws("/echo").await.round_trip("back").await;
    }
    let started = Instant::now();
    server.fault("/fault/refuse?ms=200").await;
    eventually(async || TcpStream::connect(&server.wire).await.is_ok()).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn unavailable_is_a_real_503() {
    let server = Server::start().await;
    let ws = server.ws("/echo").await;
    server.fault("/fault/503?ms=0").await;
    assert!(is_reset(&ws.end().await));
    let answer = request("GET", &server.wire, "/health", &[("Origin", "http://a.test")]).await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.has("access-control-allow-origin: http://a.test"));
    match Ws::open(&server.wire, "/echo").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        _ => panic!("not a 503"),
    }
    server.fault("/fault/clear").await;
    assert_eq!(get(&server.wire, "/health").await.status, 200);
    server.fault("/fault/503?ms=100").await;
    eventually(async || get(&server.wire, "/health").await.status == 200).await;
}

#[tokio::test]
async fn a_delay_is_for_each_direction_and_keeps_the_order() {
    let server = Server::start().await;
    let mut ws = server.ws("/echo").await;
    server.fault("/proxy/delay?ms=100").await;
    let started = Instant::now();
    for n in 0..20 {
        ws.send(&n.to_string()).await;
    }
    for n in 0..20 {
        assert_eq!(ws.text().await, n.to_string());
    }
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
    server.fault("/proxy/delay?ms=60000").await;
    ws.send("held for a minute").await;
    server.fault("/fault/clear").await;
    assert_eq!(ws.text().await, "held for a minute");
}

#[tokio::test]
async fn a_restart_is_a_kill_on_the_same_port() {
    let server = Server::start().await;
    let ws = server.ws("/echo").await;
    server.fault("/fault/restart?down=50").await;
    // Whether the end is a FIN or an RST is the kernel's choice.
    let _ = ws.end().await;
    assert_eq!(server.stats().await["opened"], 0, "a new process");
    server.ws("/echo").await.round_trip("back").await;
}

#[tokio::test]
async fn while_the_app_is_down_connections_are_reset() {
    let server = Server::start().await;
    let pid = server.child.id().unwrap();
    let app = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    signal("-KILL", app.trim().parse().unwrap());
    eventually(async || get(&server.page, "/stats").await.status == 503).await;
    // It can come before the connect has returned.
    let ended = match TcpStream::connect(&server.wire).await {
        Ok(stream) => end(stream).await,
        Err(error) => Err(error),
    };
    assert!(is_reset(&ended), "{ended:?}");
    server.fault("/fault/restart?down=0").await;
    assert_eq!(get(&server.wire, "/health").await.status, 200);
}

#[tokio::test]
async fn restarts_at_the_same_time_take_turns() {
    let server = Server::start().await;
    tokio::join!(
        server.fault("/fault/restart?down=10"),
        server.fault("/fault/restart?down=10"),
        server.fault("/fault/restart?down=10"),
    );
    server.ws("/echo").await.round_trip("back").await;
}

#[tokio::test]
async fn much_data_passes_whole_and_waits_for_a_slow_reader() {
    let server = Server::start().await;
    let mut ws = server.ws("/echo").await;
    let long = "x".repeat(3 << 20);
    ws.round_trip(&long).await;
}

#[tokio::test]
async fn what_does_not_exist_is_said() {
    let server = Server::start().await;
    for path in ["/fault/none", "/proxy/none", "/proxy/black-hole?direction=left", "/fault/stall?ms=x"] {
        let answer = request("POST", &server.page, path, &[]).await.unwrap();
        assert_eq!(answer.status, 400, "{path}");
    }
}
