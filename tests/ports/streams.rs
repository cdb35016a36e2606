//! Event streams: those that fetch reads, and the browser's own.

use super::{
    Delivered, Server, UnderTest, on_both,
    support::wait::{holds, within},
    text,
};
use crate::{
    calls::Call,
    codes::lost,
    core::failure::RetryAfter,
    driver::Port,
    transport::Transport::{self, EventSource, Fetch},
};

on_both! {
    events_in_pieces
    an_end_in_good_order
    an_end_in_the_middle
    statuses
    a_page_instead_of_a_stream
    a_redirect
    a_drop_aborts
    a_drop_before_the_answer
    an_event_source
    an_event_source_that_is_refused
}

const OPENED: Call = Call::Opened { attempt: 1 };

fn lost(code: u32, brought: bool) -> Call {
    Call::Lost { attempt: 1, code, brought }
}

fn event(data: &str, kind: &str, last_event_id: &str) -> Delivered {
    Delivered { data: text(data), kind: kind.to_owned(), last_event_id: last_event_id.to_owned() }
}

/// What a connection comes to.
async fn played<P: UnderTest>(address: &str, transport: Transport) -> (Vec<Call>, Vec<Delivered>) {
    let under_test = P::new(address, transport).await;
    under_test.dial(1).await;
    let tape = under_test.tape();
    super::until("the end", || {
        matches!(
            tape.told().last(),
            Some(Call::Lost { .. } | Call::Refused { .. } | Call::Interrupted { .. })
        )
    })
    .await;
    (tape.told(), tape.delivered())
}

async fn events_in_pieces<P: UnderTest>() {
    let server = Server::start().await;
    // Within a field's name, a line's end, a character; with a byte order mark, a comment, and an id without data.
    let pieces = r#"[[["send","\ufeff: hello\nid: 1\nev"],["wait",20],["send","ent: tick\r"],["wait",20],["send","\ndata: a\n"],
        ["wait",20],["send","data:b\n\nid: 2\n\ndata: "],["bytes",[240,159]],["wait",20],["bytes",[152,128]],["send","\n\n"],["end"]]]"#;
    let script = server.script("sse", pieces);
    let (told, delivered) = played::<P>(&script.url, Fetch).await;
    assert_eq!(delivered, [event("a\nb", "tick", "1"), event("\u{1f600}", "message", "2")]);
    assert_eq!(told, [OPENED, lost(lost::END, true)]);
}

async fn an_end_in_good_order<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["end"]]]"#);
    assert_eq!(played::<P>(&script.url, Fetch).await, (vec![OPENED, lost(lost::END, false)], vec![]));
}

async fn an_end_in_the_middle<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["send","data: a\n\ndata: b"],["heard"],["reset"]]]"#);
    let (told, delivered) = played::<P>(&script.url, Fetch).await;
    assert_eq!(told, [OPENED, lost(lost::NETWORK, false)]);
    assert_eq!(delivered, [event("a", "message", "")]);
}

async fn statuses<P: UnderTest>() {
    let server = Server::start().await;
    let refused = |status, retry_after: Option<u32>| Call::Refused {
        attempt: 1,
        status,
        retry_after: retry_after.map(RetryAfter),
    };
    for (query, call) in [
        ("status=204", refused(204, None)),
        ("status=401&body=no", refused(401, None)),
        ("status=429&retry_after=7", refused(429, Some(7_000))),
        ("status=503&retry_after=soon", refused(503, None)),
    ] {
        let address = server.sse(&format!("/answer?{query}"));
        assert_eq!(played::<P>(&address, Fetch).await, (vec![call], vec![]), "{query}");
    }
}

async fn a_page_instead_of_a_stream<P: UnderTest>() {
    let server = Server::start().await;
    let address = server.sse("/answer?type=text/html&body=hello");
    assert_eq!(played::<P>(&address, Fetch).await, (vec![lost(lost::CONTENT_TYPE, false)], vec![]));
}

async fn a_redirect<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["send","data: a\n\n"],["end"]]]"#);
    let to: String = js_sys::encode_uri_component(&script.url).into();
    let address = server.sse(&format!("/redirect?to={to}"));
    let (told, delivered) = played::<P>(&address, Fetch).await;
    assert_eq!(told, [OPENED, lost(lost::END, true)]);
    assert_eq!(delivered, [event("a", "message", "")]);
}

async fn a_drop_aborts<P: UnderTest>() {
    for transport in [Fetch, EventSource] {
        let server = Server::start().await;
        let script = server.script("sse", r#"[[["send","data: a\n\n"],["wait",600000]]]"#);
        let under_test = P::opened(&script.url, transport).await;
        under_test.delivered(1).await;
        server.until_stats("the connection", 0, 1).await;
        under_test.port().drop(0);
        server.until_stats("its end", 0, 0).await;
        assert_eq!(under_test.tape().told(), [OPENED], "{transport:?}");
    }
}

async fn a_drop_before_the_answer<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["hang"]],[["send","data: a\n\n"],["wait",600000]]]"#);
    let under_test = P::new(&script.url, Fetch).await;
    under_test.dial(1).await;
    // Else the next one would be the server's first.
    within("the request", holds(async || script.log().await.len() == 1)).await;
    under_test.port().drop(0);
    under_test.dial(2).await;
    under_test.told_last(Call::Opened { attempt: 2 }).await;
    assert_eq!(under_test.tape().told(), [Call::Opened { attempt: 2 }]);
}

async fn an_event_source<P: UnderTest>() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["send","id: 1\ndata: a\n\ndata:\n\n"],["end"]]]"#);
    let (told, delivered) = played::<P>(&script.url, EventSource).await;
    assert_eq!(delivered, [event("a", "message", "1"), event("", "message", "1")]);
    assert_eq!(told, [OPENED, lost(lost::NETWORK, true)]);
}

async fn an_event_source_that_is_refused<P: UnderTest>() {
    let server = Server::start().await;
    let address = server.sse("/answer?status=503");
    assert_eq!(played::<P>(&address, EventSource).await, (vec![lost(lost::NETWORK, false)], vec![]));
}
