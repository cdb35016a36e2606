//! Ids and sequence numbers that a function of the app's reads, and numbers that stand for several.

use everwire::{
    Event, Message,
    event::{Gap, Outcome},
    options::{Resume, Sequence},
    test_util::SseEvent,
    topics::{Subscription, Subscriptions},
};
use serde::Deserialize;

use crate::support::{Live, fetch, web_socket};

#[derive(Deserialize)]
struct Update {
    first: u64,
    last: u64,
}

fn range(message: &Message) -> Option<Sequence> {
    let update: Update = message.json().ok()?;
    Some(Sequence::range(update.first, update.last))
}

fn update(first: u64, last: u64) -> String {
    format!(r#"{{"topic":"a","first":{first},"last":{last}}}"#)
}

#[test]
fn an_id_may_be_read_of_bytes() {
    let resume = Resume::new()
        .with_id_of(|message| message.bytes().first().map(u8::to_string))
        .with_names(["since", "after"]);
    let mut live = Live::new(web_socket().resume(resume));
    let server = live.accept();
    server.send_bytes(&[7, 1]);
    assert_eq!(live.events().len(), 3);
    assert_eq!(live.handle().last_event_id(), "7");
    server.break_off();
    let attempt = live.retry();
    assert_eq!(
        (attempt.query("since").as_deref(), attempt.query("after").as_deref()),
        (Some("7"), Some("7"))
    );
}

#[test]
fn an_empty_id_that_a_function_gives_is_none() {
    let resume = Resume::new().with_id_of(|message| Some(message.text()?.trim_matches('-').to_owned()));
    let mut live = Live::new(web_socket().resume(resume));
    let server = live.accept();
    server.send_text("7");
    server.send_text("-");
    assert_eq!(live.texts(), ["7", "-"]);
    assert_eq!(live.handle().last_event_id(), "7");
}

#[test]
fn a_streams_own_id_may_be_its_number() {
    let resume = Resume::new().with_seq_of(|message| message.last_event_id().parse::<u64>().ok());
    let mut live = Live::new(fetch().resume(resume));
    let server = live.accept();
    for id in [1, 2, 2, 5] {
        server.send_event(SseEvent::new(id.to_string()).with_id(id));
    }
    let gaps: Vec<_> = live.gaps().into_iter().map(|gap| (gap.outcome, gap.missing)).collect();
    assert_eq!(gaps, [(Outcome::Gap, Some((3, 4)))]);
    assert_eq!(live.handle().stats().suppressed, 1);
}

#[test]
fn a_range_is_held_back_when_all_of_it_came_and_delivered_whole_when_a_part_did() {
    let mut live = Live::new(web_socket().resume(Resume::new().with_seq_of(range)));
    let server = live.accept();
    server.send_text(&update(1, 3));
    server.send_text(&update(4, 4));
    server.break_off();
    let server = live.retry().accept();
    live.events();
    server.send_text(&update(1, 4));
    server.send_text(&update(3, 6));
    server.send_text(&update(9, 10));
    let texts: Vec<_> = live.labels().into_iter().filter(|told| told.starts_with("message")).collect();
    assert_eq!(texts, [format!("message {}", update(3, 6)), format!("message {}", update(9, 10))]);
    let missing: Vec<_> = live
        .seen
        .iter()
        .filter_map(|event| if let Event::Gap(gap) = event { gap.missing } else { None })
        .collect();
    assert_eq!(missing, [(7, 8)]);
}

#[test]
fn a_number_that_cannot_be_is_none_and_told_once() {
    for odd in
        [Sequence::range(3, 1), Sequence::new(u64::MAX), Sequence::new(1).with_epoch("é".repeat(4_001))]
    {
        let resume = Resume::new().with_seq_of(move |_| Some(odd.clone()));
        let mut live = Live::new(web_socket().resume(resume));
        let server = live.accept();
        server.send_text("a");
        server.send_text("b");
        assert_eq!(live.texts(), ["a", "b"]);
        assert_eq!(live.page.warnings().len(), 1);
    }
}

#[test]
fn numbers_of_another_epoch_begin_anew() {
    let resume = Resume::new().with_seq_of(|message| {
        let (epoch, number) = message.text()?.split_once(' ')?;
        Some(Sequence::new(number.parse().ok()?).with_epoch(epoch))
    });
    let mut live = Live::new(web_socket().resume(resume));
    let server = live.accept();
    for text in ["a 1", "a 2", "a 2", "b 1", "b 2"] {
        server.send_text(text);
    }
    assert_eq!(live.texts(), ["a 1", "a 2", "b 1", "b 2"]);
}

fn take(live: &Live, topic: &mut Subscription) -> Vec<Event> {
    std::iter::from_fn(|| live.page.now_or_never(topic.next()).flatten()).collect()
}

fn texts(events: &[Event]) -> Vec<String> {
    events.iter().filter_map(|event| Some(crate::support::message(event)?.text()?.to_owned())).collect()
}

fn topics() -> Subscriptions {
    Subscriptions::new().without_confirmation()
}

#[test]
fn a_message_of_several_topics_reaches_each_of_them_once() {
    for options in [
        topics(),
        topics().with_topic_of(|message| {
            #[derive(Deserialize)]
            struct Of {
                topic: Vec<String>,
            }
            message.json::<Of>().map(|of| of.topic).unwrap_or_default()
        }),
    ] {
        let mut live = Live::new(web_socket().subscriptions(options.with_id("eventId")));
        let server = live.accept();
        let (mut a, mut b) = (live.handle().subscribe("a").unwrap(), live.handle().subscribe("b").unwrap());
        live.page.run_until_stalled();
        let text = r#"{"topic":["a","b","a","nobody's"],"eventId":"1"}"#;
        server.send_text(text);
        live.page.run_until_stalled();
        assert_eq!((a.waiting(), b.waiting()), (1, 1));
        assert_eq!(texts(&take(&live, &mut a)), [text]);
        assert_eq!(texts(&take(&live, &mut b)), [text]);
        assert_eq!((&*a.last_event_id(), &*b.last_event_id()), ("1", "1"));
        let nobodys = r#"{"topic":["c"]}"#;
        server.send_text(nobodys);
        assert_eq!(live.texts(), [nobodys], "of no topic that somebody listens to");
    }
}

#[test]
fn a_topics_numbers_may_be_a_functions_and_stand_for_several() {
    let options = topics().with_seq_of(|message, topic| range(message).filter(|_| topic == "a"));
    let live = Live::new(web_socket().subscriptions(options));
    let server = live.accept();
    let mut a = live.handle().subscribe("a").unwrap();
    live.page.run_until_stalled();
    for (first, last) in [(1, 2), (2, 2), (2, 3), (6, 7)] {
        server.send_text(&update(first, last));
    }
    let events = take(&live, &mut a);
    assert_eq!(texts(&events), [update(1, 2), update(2, 3), update(6, 7)]);
    let gaps: Vec<&Gap> = events
        .iter()
        .filter_map(|event| if let Event::Gap(gap) = event { Some(gap) } else { None })
        .collect();
    assert!(matches!(gaps[..], [gap] if gap.missing == Some((4, 5))), "{gaps:?}");
}

#[test]
fn who_is_put_out_of_a_topic_is_told_and_joins_it_again() {
    let options = topics().with_removed("kicked");
    let mut live = Live::new(web_socket().subscriptions(options));
    let server = live.accept();
    let mut room = live.handle().subscribe("a").unwrap();
    live.page.run_until_stalled();
    assert_eq!(server.received().unwrap(), r#"{"type":"join","topic":"a"}"#.into());
    let kicked = r#"{"type":"kicked","topic":"a"}"#;
    server.send_text(kicked);
    assert_eq!(texts(&take(&live, &mut room)), [kicked]);
    assert_eq!(server.received(), None, "not at once");
    live.page.advance(crate::support::seconds(3));
    assert_eq!(server.received().unwrap(), r#"{"type":"join","topic":"a"}"#.into());
    assert_eq!(live.texts(), [""; 0]);
}
