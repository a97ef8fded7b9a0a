//! What is offered: in which order, with what beside it, and to whom.

use serde_json::{Value, json};

use crate::support::studios::{DAY, at, booking, hold, starts_of, studios, with};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, TestServer};

/// `daySlots` of a resource for an event type, with everything about each slot.
async fn slots(actor: &Actor, resource: &str, event_type: &str, further: &str) -> Value {
    let query = format!(
        r#"{{ daySlots(resourceId: "res_{resource}", eventTypeId: "evt_{event_type}", {further}) {{
            slots {{ start end remaining unavailable }} }} }}"#
    );
    actor.ask(&query, json!({})).await["daySlots"]["slots"].clone()
}

/// What is said of each start: its instant, the units that are left, and why it cannot be had.
fn said(slots: &Value) -> Vec<(&str, i64, Option<&str>)> {
    let slots = slots.as_array().unwrap().iter();
    slots
        .map(|slot| {
            (slot["start"].as_str().unwrap(), slot["remaining"].as_i64().unwrap(), slot["unavailable"].as_str())
        })
        .collect()
}

#[tokio::test]
async fn starts_come_in_order_and_those_that_are_taken_stand_in_their_places_with_the_reason() {
    let server = studios().await;
    let ada = server.customer("ada");
    let today = format!(r#"date: "{DAY}""#);
    let all = format!("{today}, includeUnavailable: true");
    // Booked in no order.
    for hour in [18, 9, 14] {
        ada.book_it(booking("a", "hour", hour)).await;
    }
    let instants: Vec<String> = (9..=21).map(at).collect();
    let each = |taken: &[usize]| -> Vec<(&str, i64, Option<&str>)> {
        let said =
            |(hour, start)| if taken.contains(&hour) { (start, 0, Some("SLOT_TAKEN")) } else { (start, 1, None) };
        (9..).zip(instants.iter().map(String::as_str)).map(said).collect()
    };
    assert_eq!(said(&slots(&ada, "a", "hour", &all).await), each(&[9, 14, 18]));
    // Two hours from nine at night do not fit before the end.
    assert_eq!(said(&slots(&ada, "a", "rehearsal", &all).await), each(&[9, 13, 14, 17, 18])[..12]);
    let free: Vec<_> = (9..=20).filter(|hour| ![9, 13, 14, 17, 18].contains(hour)).map(at).collect();
    assert_eq!(starts_of(&slots(&ada, "a", "rehearsal", &today).await), free);
}

#[tokio::test]
async fn a_start_that_cannot_be_had_any_longer_or_yet_says_which() {
    let server = studios().await;
    server
        .event_types([EventTypeSpec {
            interval: Some(60),
            notice: 120,
            max_days_ahead: Some(2),
            ..EventTypeSpec::named("soon", &[60], &["a"])
        }])
        .await;
    // 10:30 in Berlin.
    server.clock.advance_to("2026-12-02T09:30:00Z".parse().unwrap());
    let bob = server.anonymous();
    let all = |date: &str| format!(r#"date: "{date}", includeUnavailable: true"#);
    let today = slots(&bob, "a", "soon", &all(DAY)).await;
    let reasons: Vec<_> = said(&today).into_iter().map(|(_, _, why)| why).collect();
    assert_eq!(reasons[..4], [Some("IN_THE_PAST"), Some("IN_THE_PAST"), Some("TOO_SOON"), Some("TOO_SOON")]);
    assert!(reasons[4..].iter().all(Option::is_none) && reasons.len() == 13, "{reasons:?}");

    let last = slots(&bob, "a", "soon", &all("2026-12-04")).await;
    assert!(said(&last).iter().all(|(_, _, why)| why.is_none()), "{last}");
    let beyond = slots(&bob, "a", "soon", &all("2026-12-05")).await;
    assert!(said(&beyond).iter().all(|(_, _, why)| *why == Some("TOO_FAR_AHEAD")), "{beyond}");
    assert_eq!(beyond.as_array().unwrap().len(), 13);
    assert_eq!(slots(&bob, "a", "soon", r#"date: "2026-12-05""#).await, json!([]));
}

#[tokio::test]
async fn what_is_left_of_a_pool_is_told_with_each_start() {
    let server = TestServer::start().await;
    let mics = ResourceSpec { quantity: 3, ..ResourceSpec::named("mics") };
    server.resources([mics.open(&[("10:00", "13:00")])]).await;
    server
        .event_types([EventTypeSpec { interval: Some(60), ..EventTypeSpec::named("rental", &[60], &["mics"]) }])
        .await;
    let ada = server.customer("ada");
    ada.book_it(with(booking("mics", "rental", 11), json!({ "quantity": 2 }))).await;
    let all = |quantity: u32| format!(r#"date: "{DAY}", includeUnavailable: true, quantity: {quantity}"#);
    let (ten, eleven, twelve) = (at(10), at(11), at(12));
    let one = slots(&ada, "mics", "rental", &all(1)).await;
    assert_eq!(said(&one), [(ten.as_str(), 3, None), (&eleven, 1, None), (&twelve, 3, None)]);
    let two = slots(&ada, "mics", "rental", &all(2)).await;
    assert_eq!(said(&two), [(ten.as_str(), 3, None), (&eleven, 1, Some("SLOT_TAKEN")), (&twelve, 3, None)]);
    let four = slots(&ada, "mics", "rental", &all(4)).await;
    assert!(said(&four).iter().all(|(_, _, why)| *why == Some("NOT_ENOUGH_UNITS")), "{four}");
}

#[tokio::test]
async fn a_bundle_is_offered_when_all_of_it_is_free() {
    let server = studios().await;
    let ada = server.customer("ada");
    ada.book_it(booking("a", "hour", 10)).await;
    ada.book_it(booking("b", "hour", 12)).await;
    let bundle = format!(r#"date: "{DAY}", addOns: [{{ resourceId: "res_b" }}]"#);
    let free: Vec<_> = (9..=21).filter(|hour| ![10, 12].contains(hour)).map(at).collect();
    assert_eq!(starts_of(&slots(&ada, "a", "hour", &bundle).await), free);
}

#[tokio::test]
async fn a_span_is_free_when_no_booking_touches_it_whatever_is_open_or_held() {
    const FREE: &str = "query ($start: DateTime!, $end: DateTime!) {
        isAvailable(resourceId: \"res_a\", start: $start, end: $end) }";
    let server = studios().await;
    let ada = server.customer("ada");
    ada.hold(hold("a", "hour", 17, 60, "ada")).await;
    ada.book_it(booking("a", "hour", 13)).await;
    for (start, end, free) in [
        ("2026-12-02T00:00:00Z", "2026-12-02T12:00:00Z", true),
        ("2026-12-02T00:00:00Z", "2026-12-02T12:00:01Z", false),
        ("2026-12-02T12:59:59Z", "2026-12-02T13:00:00Z", false),
        ("2026-12-02T13:00:00Z", "2027-01-02T13:00:00Z", true),
    ] {
        let answer = ada.ask(FREE, json!({ "start": start, "end": end })).await;
        assert_eq!(answer["isAvailable"], free, "from {start} to {end}");
    }
    for (start, end) in [
        ("2026-12-02T13:00:00Z", "2027-01-02T13:00:01Z"),
        ("2026-12-02T13:00:00Z", "2026-12-02T13:00:00Z"),
        ("2026-12-02T13:00:00Z", "2026-12-02T12:00:00Z"),
    ] {
        let refused = ada.send(FREE, json!({ "start": start, "end": end })).await;
        assert_eq!(refused.code(), "BAD_USER_INPUT", "from {start} to {end}");
        assert_eq!(refused.body["data"]["isAvailable"], Value::Null);
    }
}

#[tokio::test]
async fn resources_with_room_are_those_that_are_active_open_and_free() {
    const ROOM: &str = "query ($start: DateTime!, $minutes: Int!, $eventType: ID) {
        availableResources(start: $start, durationMinutes: $minutes, eventTypeId: $eventType) {
            totalCount nodes { id } } }";
    let server = studios().await;
    server
        .resources([
            ResourceSpec::named("always"),
            ResourceSpec { active: false, ..ResourceSpec::named("off") },
            ResourceSpec { standalone: false, ..ResourceSpec::named("lamp") },
            ResourceSpec { organization: "other".to_owned(), ..ResourceSpec::named("elsewhere") },
        ])
        .await;
    let ada = server.customer("ada");
    ada.book_it(booking("a", "hour", 13)).await;
    for (start, minutes, event_type, found) in [
        (at(9), 60, Value::Null, vec!["res_a", "res_always", "res_b"]),
        (at(13), 60, Value::Null, vec!["res_always", "res_b"]),
        (at(12), 75, Value::Null, vec!["res_always", "res_b"]),
        (at(21), 75, Value::Null, vec!["res_always"]),
        (at(9), 60, json!("evt_hour"), vec!["res_a", "res_b"]),
        (at(13), 60, json!("evt_hour"), vec!["res_b"]),
    ] {
        let asked = json!({ "start": start, "minutes": minutes, "eventType": event_type });
        let answer = ada.ask(ROOM, asked).await["availableResources"].clone();
        let nodes = answer["nodes"].as_array().unwrap();
        let ids: Vec<_> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
        assert_eq!(ids, found, "at {start} for {minutes}");
        assert_eq!(answer["totalCount"], found.len());
    }
}
