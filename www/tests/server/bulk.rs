use std::io::ErrorKind;

use crate::support::{Server, Sse, chunks, encode};

fn letters(n: usize) -> String {
    ('a'..='z').cycle().take(n).collect()
}

#[tokio::test]
async fn a_big_event_is_whole() {
    let server = Server::start().await;
    let mut sse = server.sse("/big?bytes=1000003").await;
    let event = sse.event().await;
    assert_eq!(event.id, "1");
    assert!(event.data == letters(1_000_003));
    server.connections(1).await;
}

#[tokio::test]
async fn a_big_event_is_cut_once() {
    let server = Server::start().await;
    for address in [&server.app, &server.wire] {
        let path = format!("/big?bytes=20000&cut=9999&key={}", address.replace(':', "-"));
        let (body, whole) = chunks(address, &path).await.unwrap();
        assert!(body == format!("id: 1\ndata: {}", letters(9999)));
        assert!(!whole);
        let mut sse = Sse::open(address, &path, &[]).await.unwrap();
        assert_eq!(sse.event().await.data.len(), 20_000);
    }
}

#[tokio::test]
async fn a_flood_ends_well() {
    let server = Server::start().await;
    let (body, whole) = chunks(&server.wire, "/flood?events=5000&bytes=30").await.unwrap();
    assert!(whole);
    let mut events = body.split("\n\n");
    for n in 1..=5000 {
        assert_eq!(events.next().unwrap(), format!("id: {n}\ndata: {}", letters(30)));
    }
    assert_eq!(events.collect::<Vec<_>>(), ["data: done", ""]);
}

#[tokio::test]
async fn an_abort_is_no_clean_end_and_no_reset() {
    let server = Server::start().await;
    let script = encode(r#"[[["hex","64617461"],["abort"]],[["send","data"],["end"]]]"#);
    let path = format!("/script/sse?key=k&s={script}");
    for address in [&server.app, &server.wire] {
        let path = path.replace("key=k", &format!("key={address}"));
        assert_eq!(chunks(address, &path).await.unwrap(), ("data".to_owned(), false), "abort");
        assert_eq!(chunks(address, &path).await.unwrap(), ("data".to_owned(), true), "end");
        let reset = encode(r#"[[["reset"]]]"#);
        let error = chunks(address, &format!("/script/sse?key=r&s={reset}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}
