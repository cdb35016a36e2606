//! Requests, topics and the rate of what goes up.

use everwire::{
    Event, Sent,
    options::Rate,
    requests::{RequestError, RequestOptions, Requests},
    test_util::{Connection, Frame, Page},
    topics::{SubscribeOptions, Subscription, SubscriptionError, Subscriptions, TopicState},
};
use serde_json::json;

use crate::support::{Live, millis, seconds, web_socket};

fn received(server: &Connection) -> Vec<Frame> {
    std::iter::from_fn(|| server.received()).collect()
}

#[test]
fn a_reply_is_told_by_its_id_and_is_no_message() {
    let mut live = Live::new(web_socket());
    let reply = live.handle().request(&json!({"id": "a", "n": 1}));
    let server = live.accept();
    assert_eq!(received(&server), [r#"{"id":"a","n":1}"#.into()]);
    server.send_text(r#"{"id":"nobody's"}"#);
    server.send_text(r#"{"id":"a","n":2}"#);
    let reply = live.page.block_on(reply).unwrap().unwrap();
    assert_eq!(reply.text(), Some(r#"{"id":"a","n":2}"#));
    assert_eq!(live.texts(), [r#"{"id":"nobody's"}"#]);
}

#[test]
fn a_request_without_a_reply_ends_in_time_and_one_that_a_loss_took_is_unknown() {
    let live = Live::new(web_socket());
    let server = live.accept();
    let quick = RequestOptions::new().with_timeout(seconds(3));
    let late = live.handle().request_with(&json!({}), &quick);
    assert_eq!(live.page.block_on(late), Ok(Err(RequestError::Timeout)));
    assert_eq!(live.page.elapsed(), seconds(3));
    let lost = live.handle().request(&json!({}));
    server.break_off();
    assert_eq!(live.page.block_on(lost), Ok(Err(RequestError::Unknown)));
}

#[test]
fn what_may_be_asked_again_is_asked_on_the_next_connection() {
    let live = Live::new(web_socket().requests(Requests::new().with_retry()));
    let server = live.accept();
    let reply = live.handle().request(&json!({"id": "again"}));
    assert_eq!(received(&server).len(), 1);
    server.break_off();
    let server = live.retry().accept();
    assert_eq!(received(&server), [r#"{"id":"again"}"#.into()]);
    server.send_text(r#"{"id":"again"}"#);
    assert!(live.page.block_on(reply).unwrap().is_ok());
}

fn next(page: &Page, topic: &mut Subscription) -> Option<Event> {
    page.now_or_never(topic.next()).flatten()
}

#[test]
fn a_topic_is_joined_again_from_where_it_is() {
    let topics = Subscriptions::new().with_joined("join").with_id("eventId");
    let mut live = Live::new(web_socket().subscriptions(topics));
    let mut room = live.handle().subscribe_with("a", SubscribeOptions::new().with_from("0")).unwrap();
    assert_eq!(room.state(), TopicState::Joining);
    let server = live.accept();
    let join = r#"{"type":"join","topic":"a","lastEventId":"0"}"#;
    assert_eq!(received(&server), [join.into()]);
    server.send_text(join);
    assert_eq!(live.page.block_on(room.ready()), Ok(Ok(())));
    server.send_text(r#"{"topic":"a","eventId":"0"}"#);
    server.send_text(r#"{"topic":"a","eventId":"1"}"#);
    let Some(Event::Message(message)) = next(&live.page, &mut room) else { panic!("no message") };
    assert_eq!(message.text(), Some(r#"{"topic":"a","eventId":"1"}"#), "the one before was the cursor's");
    server.break_off();
    let server = live.retry().accept();
    let join = r#"{"type":"join","topic":"a","lastEventId":"1"}"#;
    assert_eq!(received(&server), [join.into()]);
    server.send_text(join);
    server.send_text(r#"{"topic":"a","eventId":"3"}"#);
    assert!(
        matches!(next(&live.page, &mut room), Some(Event::Gap(gap)) if (&*gap.after, &*gap.before) == ("1", "3"))
    );
    assert!(matches!(next(&live.page, &mut room), Some(Event::Message(_))));
    room.unsubscribe();
    assert_eq!(received(&server), [r#"{"type":"leave","topic":"a"}"#.into()]);
    assert_eq!(live.texts(), [""; 0]);
}

#[test]
fn the_server_may_refuse_a_topic() {
    let live =
        Live::new(web_socket().subscriptions(Subscriptions::new().with_joined("yes").with_refused("no")));
    let server = live.accept();
    let room = live.handle().subscribe("a").unwrap();
    server.send_text(r#"{"type":"no","topic":"a"}"#);
    assert!(matches!(live.page.block_on(room.ready()), Ok(Err(SubscriptionError::Refused(_)))));
}

#[test]
fn no_more_is_sent_than_the_rate_allows() {
    let live = Live::new(web_socket().rate(Rate::new(5, seconds(1))));
    let server = live.accept();
    let sends: Vec<_> = (0..11).map(|n| live.handle().send(&n.to_string())).collect();
    assert_eq!(received(&server).len(), 5);
    live.page.advance(millis(999));
    assert_eq!(received(&server).len(), 0);
    for send in sends {
        assert_eq!(live.page.block_on(send), Ok(Sent::Sent));
    }
    assert!(live.page.elapsed() >= seconds(2), "eleven in two windows");
    assert_eq!(received(&server).len(), 6);
}

#[test]
fn a_requests_id_may_stand_anywhere() {
    let requests = Requests::new()
        .with_id_of(|json| serde_json::from_str::<(String, String)>(json).ok().map(|(id, _)| id))
        .with_reply_id_of(|reply| reply.json::<(String, String)>().ok().map(|(id, _)| id));
    let live = Live::new(web_socket().requests(requests));
    let server = live.accept();
    let reply = live.handle().request(&("7", "list"));
    assert_eq!(received(&server), [r#"["7","list"]"#.into()]);
    server.send_text(r#"["7","done"]"#);
    assert_eq!(live.page.block_on(reply).unwrap().unwrap().text(), Some(r#"["7","done"]"#));
    let without = live.handle().request(&json!({}));
    assert!(matches!(live.page.block_on(without), Ok(Err(RequestError::Encode(_)))));
    let half = web_socket().requests(Requests::new().with_id_of(|_| None)).connect();
    assert!(half.is_err_and(|error| error.to_string().contains("requests.replyId")));
}
