//! WebSockets.

use super::{Data, Delivered, Server, UnderTest, on_both, support::server::Frame, text};
use crate::{calls::Call, codes::taken, driver::Port, transport::Transport::WebSocket};

on_both! {
    frames_of_each_kind_and_a_code
    a_clean_close
    a_reset
    a_refusal
    what_goes_up
    nothing_goes_up_before_it_is_open
    a_full_buffer
    a_drop_lets_go
    a_drop_before_it_opens
    a_successor_takes_over
    a_successor_is_dropped
}

fn plain(data: Data) -> Delivered {
    Delivered { data, kind: "message".to_owned(), last_event_id: String::new() }
}

const OPENED: Call = Call::Opened { attempt: 1 };

fn lost(code: u32, brought: bool) -> Call {
    Call::Lost { attempt: 1, code, brought }
}

/// What a connection comes to that plays this.
async fn played<P: UnderTest>(attempt: &str) -> (Vec<Call>, Vec<Delivered>) {
    let server = Server::start().await;
    let script = server.script("ws", &format!("[{attempt}]"));
    let under_test = P::new(&script.url, WebSocket).await;
    under_test.dial(1).await;
    let tape = under_test.tape();
    super::until("the end", || matches!(tape.told().last(), Some(Call::Lost { .. }))).await;
    (tape.told(), tape.delivered())
}

async fn frames_of_each_kind_and_a_code<P: UnderTest>() {
    let frames = r#"[["send","one"],["send",""],["bytes",[0,255]],["bytes",[]],["close",4001,"enough"]]"#;
    let (told, delivered) = played::<P>(frames).await;
    assert_eq!(told, [OPENED, lost(4001, false)]);
    let expected = [text("one"), text(""), Data::Bytes(vec![0, 255]), Data::Bytes(vec![])];
    assert_eq!(delivered, expected.map(plain));
}

async fn a_clean_close<P: UnderTest>() {
    assert_eq!(played::<P>(r#"[["close",1001]]"#).await, (vec![OPENED, lost(1001, false)], vec![]));
    // Without a code.
    assert_eq!(played::<P>(r#"[["close"]]"#).await, (vec![OPENED, lost(1005, false)], vec![]));
}

async fn a_reset<P: UnderTest>() {
    let (told, delivered) = played::<P>(r#"[["send","one"],["reset"]]"#).await;
    assert_eq!((told, delivered), (vec![OPENED, lost(1006, false)], vec![plain(text("one"))]));
}

async fn a_refusal<P: UnderTest>() {
    assert_eq!(played::<P>(r#"[["status",503]]"#).await, (vec![lost(1006, false)], vec![]));
}

async fn what_goes_up<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["mute"]]]"#);
    let under_test = P::opened(&script.url, WebSocket).await;
    for data in [text("hi \u{1f600}"), text(""), Data::Bytes(vec![1, 0, 255])] {
        let id = under_test.keep(&data);
        assert_eq!(under_test.port().send(id), taken::SENT, "{data:?}");
    }
    let text = |text: &str| Frame::Text(text.to_owned());
    script.until_received(&[text("hi \u{1f600}"), text(""), Frame::Binary { bytes: vec![1, 0, 255] }]).await;
}

async fn nothing_goes_up_before_it_is_open<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["hang"]]]"#);
    let under_test = P::new(&script.url, WebSocket).await;
    let id = under_test.keep(&text("early"));
    assert_eq!(under_test.port().send(id), taken::NOT_OPEN, "no connection");
    under_test.dial(1).await;
    assert_eq!(under_test.port().send(id), taken::NOT_OPEN, "it opens");
}

async fn a_full_buffer<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["mute"]]]"#);
    let under_test = P::opened(&script.url, WebSocket).await;
    // Nothing leaves the socket before this task ends.
    let mut last = taken::SENT;
    for _ in 0..64 {
        let id = under_test.keep(&Data::Bytes(vec![0; 1 << 20]));
        last = under_test.port().send(id);
        if last != taken::SENT {
            break;
        }
    }
    assert_eq!(last, taken::FULL);
}

async fn a_drop_lets_go<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","one"],["mute"]]]"#);
    let under_test = P::opened(&script.url, WebSocket).await;
    under_test.delivered(1).await;
    server.until_stats("the connection", 1, 0).await;
    under_test.port().drop(1000);
    server.until_stats("its end", 0, 0).await;
    let id = under_test.keep(&text("late"));
    assert_eq!(under_test.port().send(id), taken::NOT_OPEN);
    assert_eq!(under_test.tape().told(), [OPENED]);
}

async fn a_drop_before_it_opens<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","one"]]]"#);
    let under_test = P::new(&script.url, WebSocket).await;
    under_test.dial(1).await;
    under_test.port().drop(1000);
    // The next one is another connection, of which alone is told.
    under_test.dial(2).await;
    under_test.told_last(Call::Opened { attempt: 2 }).await;
    under_test.delivered(1).await;
    assert_eq!(under_test.tape().told(), [Call::Opened { attempt: 2 }]);
    assert_eq!(under_test.tape().delivered().len(), 1);
}

async fn a_successor_takes_over<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","one"],["mute"]],[["echo"]]]"#);
    let under_test = P::opened(&script.url, WebSocket).await;
    under_test.delivered(1).await;
    under_test.dial(2).await;
    under_test.told_last(Call::Opened { attempt: 2 }).await;
    server.until_stats("two connections", 2, 0).await;
    under_test.port().switch(true);
    server.until_stats("one of them", 1, 0).await;
    let id = under_test.keep(&text("on the second"));
    assert_eq!(under_test.port().send(id), taken::SENT);
    assert_eq!(under_test.delivered(2).await, ["one", "on the second"].map(|sent| plain(text(sent))));
    assert_eq!(under_test.tape().told(), [OPENED, Call::Opened { attempt: 2 }]);
}

async fn a_successor_is_dropped<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]],[["mute"]]]"#);
    let under_test = P::opened(&script.url, WebSocket).await;
    under_test.dial(2).await;
    under_test.told_last(Call::Opened { attempt: 2 }).await;
    under_test.port().switch(false);
    server.until_stats("one connection", 1, 0).await;
    let id = under_test.keep(&text("on the first"));
    assert_eq!(under_test.port().send(id), taken::SENT);
    assert_eq!(under_test.delivered(1).await, [plain(text("on the first"))]);
}
