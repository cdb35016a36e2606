use serde_json::{Value, json};

use crate::support::{Server, Ws};

async fn say(ws: &mut Ws, text: &str) {
    ws.send(&json!({ "type": "chat", "from": "ann", "text": text }).to_string()).await;
}

fn id(message: &Value) -> String {
    message["eventId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn everyone_in_the_room_gets_everything_in_order() {
    let server = Server::start().await;
    let mut ann = server.ws("/chat?room=a").await;
    let mut bo = server.ws("/chat?room=a").await;
    let mut elsewhere = server.ws("/chat?room=b").await;
    for n in 1..=50 {
        say(if n % 2 == 0 { &mut ann } else { &mut bo }, &n.to_string()).await;
        for ws in [&mut ann, &mut bo] {
            let message = ws.json().await;
            assert_eq!((&message["type"], &message["from"]), (&json!("chat"), &json!("ann")));
            assert_eq!((&message["seq"], &message["text"]), (&json!(n), &json!(n.to_string())));
            assert!(id(&message).ends_with(&format!("-{n}")));
        }
    }
    say(&mut elsewhere, "alone").await;
    assert_eq!(elsewhere.json().await["text"], "alone");
}

#[tokio::test]
async fn a_ping_is_answered_with_its_timestamp() {
    let server = Server::start().await;
    let mut ws = server.ws("/chat").await;
    for timestamp in [json!(1.5), json!("1700000000000"), json!(null)] {
        ws.send(&json!({ "type": "ping", "timestamp": timestamp }).to_string()).await;
        assert_eq!(ws.json().await, json!({ "type": "pong", "timestamp": timestamp }));
    }
    ws.send("neither JSON nor anything").await;
    ws.send(r#"{"type":"ping","timestamp":1}"#).await;
    assert_eq!(ws.json().await["type"], "pong");
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_between_replay_and_live() {
    let server = Server::start().await;
    let mut speaker = server.ws("/chat").await;
    say(&mut speaker, "first").await;
    let cursor = id(&speaker.json().await);
    let talk = async {
        for n in 2..=400 {
            say(&mut speaker, &n.to_string()).await;
        }
    };
    let listen = async {
        for _ in 0..20 {
            let mut ws = server.ws(&format!("/chat?lastEventId={cursor}")).await;
            for n in 2..=400 {
                assert_eq!(ws.json().await["seq"], n);
            }
        }
    };
    tokio::join!(talk, listen);
}

#[tokio::test]
async fn a_gap_is_told_when_the_log_does_not_reach_back() {
    let server = Server::start_with(&["--log-size", "3"]).await;
    let mut ws = server.ws("/chat").await;
    let mut ids = vec![String::new()];
    for n in 1..=6 {
        say(&mut ws, &n.to_string()).await;
        ids.push(id(&ws.json().await));
    }
    let mut known = server.ws(&format!("/chat?lastEventId={}", ids[3])).await;
    assert_eq!(known.json().await["seq"], 4);
    for cursor in [ids[2].as_str(), "e0-4", "what"] {
        let mut resumed = server.ws(&format!("/chat?lastEventId={cursor}")).await;
        assert_eq!(resumed.json().await, json!({ "type": "gap", "after": cursor, "before": ids[4] }));
        for n in 4..=6 {
            assert_eq!(resumed.json().await["seq"], n);
        }
    }
}

#[tokio::test]
async fn a_restart_keeps_the_log_and_the_promised_replays() {
    let server = Server::start().await;
    let mut ws = server.ws("/chat").await;
    for n in 1..=3 {
        say(&mut ws, &n.to_string()).await;
    }
    let ids = [id(&ws.json().await), id(&ws.json().await), id(&ws.json().await)];
    server.fault("/fault/replay?n=1").await;
    server.fault("/fault/restart?down=0").await;
    assert!(!matches!(ws.next().await, Some(Ok(_))));

    // Live only takes no replay; the first resume does.
    let mut live = server.ws("/chat").await;
    let mut all = server.ws(&format!("/chat?lastEventId={}", ids[2])).await;
    for id_before in &ids {
        assert_eq!(id(&all.json().await), *id_before);
    }
    let mut resumed = server.ws(&format!("/chat?lastEventId={}", ids[1])).await;
    assert_eq!(id(&resumed.json().await), ids[2]);
    say(&mut live, "4").await;
    for ws in [&mut live, &mut all, &mut resumed] {
        assert_eq!(ws.json().await["seq"], 4);
    }
}

#[tokio::test]
async fn the_bot_talks_while_somebody_wants_it() {
    let server = Server::start().await;
    let mut with = server.ws("/chat?room=a&bot=1").await;
    let mut without = server.ws("/chat?room=a").await;
    for n in 1..=2 {
        assert_eq!(with.json().await["seq"], n);
        assert_eq!(without.json().await["seq"], n);
    }
}
