use serde_json::json;

use crate::support::{Server, get};

async fn tally(server: &Server) -> [u64; 3] {
    let report = get(&server.wire, "/ledger/report?client=a-1").await.json();
    ["applied", "repeats", "disordered"].map(|name| report[name].as_u64().unwrap())
}

#[tokio::test]
async fn each_id_is_applied_once_and_acked_each_time() {
    let server = Server::start().await;
    let mut ws = server.ws("/ledger?client=a-1").await;
    for (id, n) in [("x", 1), ("y", 2), ("x", 1), ("z", 3), ("late", 2)] {
        ws.send(&json!({ "id": id, "n": n }).to_string()).await;
        assert_eq!(ws.json().await, json!({ "type": "ack", "id": id }));
    }
    assert_eq!(tally(&server).await, [4, 1, 1]);
    let report = get(&server.wire, "/ledger/report?client=a-1").await.json();
    assert_eq!(report["ranges"], json!([[1, 3], [2, 2]]));
    let mut mute = server.ws("/ledger?client=a-1&ack=0").await;
    mute.send(r#"{"id":"mute","n":4}"#).await;
    mute.send(r#"{"type":"ping","timestamp":7}"#).await;
    assert_eq!(mute.json().await, json!({ "type": "pong", "timestamp": 7 }));
    assert_eq!(tally(&server).await, [5, 1, 1]);
}

#[tokio::test]
async fn a_restart_forgets_nothing_and_clients_are_apart() {
    let server = Server::start().await;
    let mut ws = server.ws("/ledger?client=a-1").await;
    ws.send(r#"{"id":"x","n":1}"#).await;
    ws.json().await;
    server.fault("/fault/restart?down=0").await;
    let mut ws = server.ws("/ledger?client=a-1").await;
    ws.send(r#"{"id":"x","n":1}"#).await;
    ws.json().await;
    let mut other = server.ws("/ledger?client=other").await;
    other.send(r#"{"id":"x","n":1}"#).await;
    other.json().await;
    assert_eq!(tally(&server).await, [1, 1, 0]);
}

#[tokio::test]
async fn a_client_needs_a_plain_name() {
    let server = Server::start().await;
    for client in ["", "..%2Fx", "a.b"] {
        let answer = get(&server.wire, &format!("/ledger/report?client={client}")).await;
        assert_eq!(answer.status, 400, "{client}");
    }
}
