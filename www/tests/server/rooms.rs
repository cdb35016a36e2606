use serde_json::{Value, json};

use crate::support::{Server, Sse, Ws, eventually, post};

/// A client of either transport.
enum Client {
    Ws(Ws),
    Sse { stream: Sse, address: String, path: String },
}

impl Client {
    async fn ws(server: &Server, name: &str) -> Self {
        Self::Ws(server.ws(&format!("/rooms?name={name}")).await)
    }

    async fn sse(server: &Server, name: &str) -> Self {
        let path = format!("/rooms?name={name}&connection={name}");
        Self::Sse { stream: server.sse(&path).await, address: server.wire.clone(), path }
    }

    async fn send(&mut self, message: Value) {
        match self {
            Self::Ws(ws) => ws.send(&message.to_string()).await,
            Self::Sse { address, path, .. } => {
                assert_eq!(post(address, path, &json!([message])).await.unwrap().status, 204);
            }
        }
    }

    async fn next(&mut self) -> Value {
        match self {
            Self::Ws(ws) => ws.json().await,
            Self::Sse { stream, .. } => stream.event().await.json(),
        }
    }

    /// The next one of this type. Others are skipped.
    async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    async fn join(&mut self, topic: &str, cursor: Option<&str>) {
        self.send(json!({ "type": "join", "topic": topic, "lastEventId": cursor })).await;
        assert_eq!(self.next_of("joined").await["topic"], topic);
    }

    async fn say(&mut self, topic: &str, from: &str, text: &str) {
        self.send(json!({ "type": "chat", "topic": topic, "from": from, "text": text })).await;
    }

    /// What has come until now, but for who is there.
    async fn said(&mut self) -> Vec<Value> {
        self.send(json!({ "type": "ping", "timestamp": "said" })).await;
        let mut all = Vec::new();
        loop {
            let message = self.next().await;
            match message["type"].as_str().unwrap() {
                "pong" => return all,
                "presence" => {}
                _ => all.push(message),
            }
        }
    }

    async fn sees(&mut self, who: &[&str]) {
        while self.next_of("presence").await["who"] != json!(who) {}
    }
}

fn seqs(messages: &[Value]) -> Vec<u64> {
    messages.iter().map(|message| message["seq"].as_u64().unwrap_or(0)).collect()
}

#[tokio::test]
async fn rooms_are_apart_on_both_transports() {
    let server = Server::start().await;
    for (a, b, mut ann, mut bo) in [
        ("a", "b", Client::ws(&server, "ann").await, Client::sse(&server, "bo").await),
        ("c", "d", Client::sse(&server, "ann").await, Client::ws(&server, "bo").await),
    ] {
        ann.join(a, None).await;
        bo.join(a, None).await;
        bo.join(b, None).await;
        ann.say(a, "ann", "to a").await;
        bo.say(b, "bo", "to b").await;
        let heard = ann.next_of("chat").await;
        let expected = json!({
            "type": "chat", "topic": a, "eventId": heard["eventId"], "seq": 1, "from": "ann", "text": "to a",
        });
        assert_eq!(heard, expected);
        let mut both = [bo.next_of("chat").await["topic"].clone(), bo.next_of("chat").await["topic"].clone()];
        both.sort_by_key(Value::to_string);
        assert_eq!(both, [a, b]);
        bo.send(json!({ "type": "leave", "topic": a })).await;
        bo.said().await;
        ann.say(a, "ann", "bo has left").await;
        ann.next_of("chat").await;
        assert!(bo.said().await.is_empty());
    }
}

#[tokio::test]
async fn a_join_begins_at_its_cursor_or_with_a_gap() {
    let server = Server::start_with(&["--log-size", "30"]).await;
    let mut ann = Client::ws(&server, "ann").await;
    ann.join("a", None).await;
    let mut ids = vec![String::new()];
    for n in 1..=40 {
        ann.say("a", "ann", &n.to_string()).await;
        ids.push(ann.next_of("chat").await["eventId"].as_str().unwrap().to_owned());
    }
    for (cursor, gap, first) in [
        (None, false, 21),
        (Some(ids[38].as_str()), false, 38),
        (Some(ids[11].as_str()), false, 11),
        // Only its own message is gone. Nothing else is missing, but nothing proves it.
        (Some(ids[10].as_str()), true, 11),
        (Some("what"), true, 11),
        (Some(""), false, 21),
    ] {
        let mut bo = Client::sse(&server, "bo").await;
        bo.join("a", cursor).await;
        let mut said = bo.said().await;
        while said.last().is_none_or(|last| last["seq"] != 40) {
            said.extend(bo.said().await);
        }
        if gap {
            assert_eq!(said.remove(0), json!({ "type": "gap", "topic": "a" }), "{cursor:?}");
        }
        assert_eq!(seqs(&said), (first..=40).collect::<Vec<_>>(), "{cursor:?}");
    }
    // A second join of the same client begins at its cursor as well.
    ann.join("a", Some(&ids[39])).await;
    assert_eq!(
        [ann.next_of("chat").await["seq"].clone(), ann.next_of("chat").await["seq"].clone()],
        [39, 40]
    );
}

#[tokio::test]
async fn an_id_is_acked_each_time_and_said_once() {
    let server = Server::start().await;
    let mut ann = Client::ws(&server, "ann").await;
    ann.join("a", None).await;
    let chat =
        |from: &str, id: &str| json!({ "type": "chat", "topic": "a", "from": from, "text": "t", "id": id });
    for (from, id, seq) in
        [("ann", "1", Some(1)), ("ann", "1", None), ("bo", "1", Some(2)), ("ann", "2", Some(3))]
    {
        ann.send(chat(from, id)).await;
        // The ack and the message, in any order.
        let (acks, said): (Vec<_>, Vec<_>) = ann.said().await.into_iter().partition(|it| it["type"] == "ack");
        assert_eq!(acks, [json!({ "type": "ack", "id": id })]);
        let said: Vec<_> = said.iter().map(|said| (said["seq"].as_u64(), said["sendId"].as_str())).collect();
        assert_eq!(said, seq.map(|seq| (Some(seq), Some(id))).into_iter().collect::<Vec<_>>());
    }
    // A restart has forgotten none.
    server.fault("/fault/restart?down=0").await;
    let mut again = Client::sse(&server, "ann").await;
    again.join("a", None).await;
    assert_eq!(seqs(&again.said().await).last(), Some(&3));
    again.send(chat("ann", "1")).await;
    again.send(chat("ann", "3")).await;
    assert_eq!(again.next_of("chat").await["seq"], 4);
}

#[tokio::test]
async fn who_is_there_is_told_whenever_it_changes() {
    let server = Server::start().await;
    let mut ann = Client::ws(&server, "ann").await;
    ann.join("a", None).await;
    ann.sees(&["ann"]).await;
    let mut bo = Client::sse(&server, "bo").await;
    bo.join("a", None).await;
    bo.sees(&["ann", "bo"]).await;
    ann.sees(&["ann", "bo"]).await;
    bo.send(json!({ "type": "leave", "topic": "a" })).await;
    ann.sees(&["ann"]).await;
    bo.join("a", None).await;
    ann.sees(&["ann", "bo"]).await;
    // Gone without a word, on either transport.
    let Client::Sse { stream, .. } = bo else { panic!("not a stream") };
    drop(stream);
    ann.sees(&["ann"]).await;
    let mut cy = Client::ws(&server, "cy").await;
    cy.join("a", None).await;
    ann.sees(&["ann", "cy"]).await;
    drop(cy);
    ann.sees(&["ann"]).await;
}

#[tokio::test]
async fn typing_and_receipts_reach_the_others_and_no_log() {
    let server = Server::start().await;
    let mut ann = Client::ws(&server, "ann").await;
    let mut bo = Client::sse(&server, "bo").await;
    for client in [&mut ann, &mut bo] {
        client.join("a", None).await;
    }
    ann.send(json!({ "type": "typing", "topic": "a", "from": "ann" })).await;
    assert_eq!(bo.next_of("typing").await, json!({ "type": "typing", "topic": "a", "from": "ann" }));
    let read = json!({ "type": "read", "topic": "a", "from": "bo", "eventId": "1" });
    bo.send(read.clone()).await;
    assert_eq!(ann.next_of("read").await, read);
    let mut late = Client::ws(&server, "late").await;
    late.join("a", None).await;
    for client in [&mut ann, &mut bo, &mut late] {
        assert!(client.said().await.is_empty());
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let server = Server::start().await;
    let mut ann = Client::ws(&server, "ann").await;
    for topic in ["", "A", "a b", &"a".repeat(33)] {
        for message in
            [json!({ "type": "join", "topic": topic }), json!({ "type": "chat", "topic": topic, "text": "" })]
        {
            ann.send(message).await;
            let refused = ann.next_of("refused").await;
            assert_eq!(refused["topic"], topic);
            assert!(refused["reason"].as_str().unwrap().contains("1 to 32"));
        }
    }
    ann.say("a", "ann", &"t".repeat(4_001)).await;
    ann.next_of("refused").await;
    for n in 0..16 {
        ann.join(&format!("room-{n}"), None).await;
    }
    ann.send(json!({ "type": "join", "topic": "one-more" })).await;
    assert_eq!(ann.next_of("refused").await["topic"], "one-more");
    for noise in [json!(7), json!({ "type": "join" }), json!({ "type": "what", "topic": "a" })] {
        ann.send(noise).await;
    }
    assert!(ann.said().await.is_empty());
}

#[tokio::test]
async fn a_session_goes_on_from_poll_to_poll() {
    let server = Server::start().await;
    let mut ann = Client::ws(&server, "ann").await;
    ann.join("a", None).await;
    let path = "/rooms?name=bo&connection=bo&poll=25000";
    server.sse("/rooms?name=bo&connection=bo&poll=0").await.end().await.unwrap();
    post(&server.wire, path, &json!([{ "type": "join", "topic": "a" }])).await.unwrap();
    ann.sees(&["ann", "bo"]).await;
    for n in 1..=3 {
        ann.say("a", "ann", &n.to_string()).await;
    }
    let mut heard = Vec::new();
    eventually(async || {
        let mut poll = server.sse(path).await;
        while let Some(event) = poll.next().await.unwrap() {
            heard.push(event.json());
        }
        heard.iter().any(|message| message["seq"] == 3)
    })
    .await;
    heard.retain(|message| message["type"] != "presence");
    assert_eq!(heard.remove(0)["type"], "joined");
    assert_eq!(seqs(&heard), [1, 2, 3]);
}

#[tokio::test]
async fn bots_are_there_and_read_and_type_and_talk() {
    let server = Server::start().await;
    let mut ann = Client::Ws(server.ws("/rooms?name=visitor&bot=1").await);
    ann.join("tea", None).await;
    ann.sees(&["ann", "bo", "cy", "visitor"]).await;
    ann.say("tea", "visitor", "hello").await;
    let said = ann.next_of("chat").await;
    assert_eq!(ann.next_of("read").await["eventId"], said["eventId"]);
    let typing = ann.next_of("typing").await;
    assert_eq!(ann.next_of("chat").await["from"], typing["from"]);
    ann.send(json!({ "type": "leave", "topic": "tea" })).await;
    let mut other = Client::ws(&server, "other").await;
    other.join("tea", None).await;
    other.sees(&["other"]).await;
}
