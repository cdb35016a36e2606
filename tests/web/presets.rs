//! nchan and Mercure, and the head of an answer.

use everwire::{Client, Event, Transport, event::Outcome};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Live, QUICK, Record, Server, next, web_socket};

#[wasm_bindgen_test]
async fn an_open_tells_the_head_of_a_fetched_streams_answer() {
    let server = Server::start().await;
    let script = server.script(
        "sse",
        r#"[[["status",200,{"content-type":"text/event-stream","last-event-id":"7"}],["send","data: in\n\n"]]]"#,
    );
    let mut wire = Client::builder(&script.url).live();
    loop {
        if let Event::Open(opened) = next(&mut wire).await {
            let head = opened.head.unwrap();
            assert_eq!((opened.transport, head.status()), (Transport::Fetch, 200));
            assert_eq!(head.header("Last-Event-ID").as_deref(), Some("7"));
            assert_eq!((head.header("x-other"), head.header("no name")), (None, None));
            break;
        }
    }
    let socket = server.script("ws", r#"[[["send","in"]]]"#);
    let mut wire = web_socket(&socket.url).live();
    loop {
        if let Event::Open(opened) = next(&mut wire).await {
            assert_eq!((opened.transport, opened.head), (Transport::WebSocket, None));
            break;
        }
    }
}

#[wasm_bindgen_test]
async fn nchan_has_its_ids_in_front_of_each_frame() {
    let server = Server::start().await;
    let script = server.script(
        "ws",
        r#"[
            [["send","id: 100:0\ncontent-type: application/json\n\n{\"n\":1}"],["send","id: 100:2\n\nid: 5\n\nnot a frame"],
             ["send","bare\n\ntext"],["wait",20],["reset"]],
            [["send","id: 100:2\n\nid: 5\n\nnot a frame"],["send","id: 101:0\n\nnext"]]
        ]"#,
    );
    let record = Record::of(web_socket(&script.url).nchan().live());
    record.until("the last one", |seen| seen.texts().contains(&"next")).await;
    assert_eq!(record.seen().texts(), [r#"{"n":1}"#, "id: 5\n\nnot a frame", "bare\n\ntext", "next"]);
    assert_eq!(record.handle.last_event_id(), "101:0");
    assert_eq!(record.handle.stats().outcome, Some(Outcome::Recovered));
    let log = script.log().await;
    assert_eq!(
        (&log[0].protocols[..], log[0].query.get("last_event_id")),
        (&["ws+meta.nchan".to_owned()][..], None)
    );
    assert_eq!(log[1].query["last_event_id"], "100:2");
}

#[wasm_bindgen_test]
async fn mercure_names_the_cursor_twice_and_hears_what_the_hub_says() {
    let server = Server::start().await;
    for header in ["last-event-id", "mercure-last-event-id"] {
        let hub = |from: &str, id: &str| {
            format!(
                r#"[["status",200,{{"content-type":"text/event-stream","{header}":"{from}","access-control-expose-headers":"{header}"}}],["send","id: {id}\ndata: {id}\n\n"]]"#
            )
        };
        let plan = [
            hub("0", "1"),
            hub("1", "2"),
            hub("earliest", "9"),
            r#"[["send","id: 10\ndata: 10\n\n"]]"#.to_owned(),
        ];
        let script = server.script("sse", &format!("[{}]", plan.join(",")));
        let record = Record::of(Client::builder(&script.url).reconnect(QUICK).mercure().live());
        record.until("the last one", |seen| seen.texts().contains(&"10")).await;
        let outcomes: Vec<_> = record.seen().gaps.iter().map(|gap| gap.outcome).collect();
        assert_eq!(outcomes, [Outcome::Gap, Outcome::Unknown], "{header}");
        assert_eq!(record.seen().texts()[..2], ["1", "2"]);
        record.handle.close();
        let log = script.log().await;
        assert_eq!((&*log[1].query["lastEventID"], &*log[1].query["last_event_id"]), ("1", "1"));
    }
}
