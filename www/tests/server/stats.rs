use serde_json::json;

use crate::support::{Server, Ws, encode, get};

#[tokio::test]
async fn every_kind_is_counted_until_its_client_goes() {
    let server = Server::start().await;
    let script = encode("[[]]");
    let ws_paths = ["/chat", "/count?to=0", "/count", "/echo", &format!("/script/ws?key=a&s={script}")]
        .map(str::to_owned);
    let sse_paths =
        ["/ticker", "/count?to=0", "/count", &format!("/script/sse?key=b&s={script}")].map(str::to_owned);
    let mut ws = Vec::new();
    for path in &ws_paths {
        ws.push(server.ws(path).await);
    }
    let mut sse = Vec::new();
    for path in &sse_paths {
        sse.push(server.sse(path).await);
    }
    assert_eq!(server.stats().await, json!({ "connections": 9, "ws": 5, "sse": 4, "opened": 9 }));
    drop(ws);
    server.connections(4).await;
    drop(sse);
    server.connections(0).await;
    assert_eq!(server.stats().await, json!({ "connections": 0, "ws": 0, "sse": 0, "opened": 9 }));
}

#[tokio::test]
async fn a_closed_websocket_is_uncounted_when_its_client_knows() {
    let server = Server::start().await;
    for _ in 0..50 {
        let mut ws = Ws::open(&server.app, "/echo").await.unwrap();
        ws.stream.close(None).await.unwrap();
        while ws.next().await.is_some() {}
        assert_eq!(get(&server.app, "/stats").await.json()["connections"], 0);
    }
}

#[tokio::test]
async fn the_proxy_counts_what_it_accepts() {
    let server = Server::start().await;
    let first = server.ws("/echo").await;
    let _second = server.sse("/ticker").await;
    assert_eq!(get(&server.page, "/proxy/stats").await.json(), json!({ "open": 2, "accepted": 2 }));
    drop(first);
    server.connections(1).await;
    crate::support::eventually(async || {
        get(&server.page, "/proxy/stats").await.json() == json!({ "open": 1, "accepted": 2 })
    })
    .await;
}
