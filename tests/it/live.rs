//! Watching: the present state first, then every state that differs, and nothing else.

use serde_json::{Value, json};

use crate::support::studios::{DAY, at, booking, free_hold, hold, secret, starts_of, studios, with};
use crate::support::{EventTypeSpec, ResourceSpec, TestServer, Watch};

const SLOTS: &str = r"subscription ($date: Date!, $eventType: ID) {
    daySlotsChanged(resourceId: $resource, date: $date, eventTypeId: $eventType) {
        id revision validUntil slots { start } } }";
const ASKED_SLOTS: &str = r"query ($date: Date!, $eventType: ID) {
    daySlots(resourceId: $resource, date: $date, eventTypeId: $eventType) { id revision validUntil slots { start } } }";
const MONTH: &str = r#"subscription {
    monthAvailabilityChanged(resourceId: "res_a", from: "2026-12-01", to: "2026-12-31", eventTypeId: "evt_session") {
        id revision validUntil days { date available slotCount } } }"#;
const BETWEEN: &str = r#"subscription ($resource: ID!) {
    presenceBetweenChanged(resourceId: $resource, from: "2026-12-02", to: "2026-12-04") {
        id date revision holds { start end } } }"#;

/// `query` about studio a.
fn of_a(query: &str) -> String {
    query.replace("$resource", r#""res_a""#)
}

async fn watch_slots(server: &TestServer, event_type: &str, date: &str) -> Watch {
    let variables = json!({ "date": date, "eventType": format!("evt_{event_type}") });
    server.anonymous().watch(&of_a(SLOTS), variables).await
}

#[tokio::test]
async fn a_watched_slot_list_starts_as_the_query_answers_and_follows_bookings_and_cancellations() {
    let server = studios().await;
    let ada = server.customer("ada");
    let mut watch = watch_slots(&server, "hour", DAY).await;
    let first = watch.next().await;
    let asked = ada.ask(&of_a(ASKED_SLOTS), json!({ "date": DAY, "eventType": "evt_hour" })).await;
    assert_eq!(first, asked["daySlots"]);
    assert_eq!(starts_of(&first["slots"]), (9..=21).map(at).collect::<Vec<_>>());

    let booked = ada.book_it(booking("a", "rehearsal", 13)).await;
    let second = watch.next().await;
    assert_eq!(
        starts_of(&second["slots"]),
        (9..=21).filter(|hour| ![13, 14].contains(hour)).map(at).collect::<Vec<_>>()
    );
    assert_eq!(second["id"], first["id"]);
    assert!(second["revision"].as_i64() > first["revision"].as_i64());

    ada.cancel(json!({ "id": booked["booking"]["id"] })).await;
    let third = watch.next().await;
    assert_eq!(third["slots"], first["slots"]);
    assert!(third["revision"].as_i64() > second["revision"].as_i64());
}

#[tokio::test]
async fn a_booking_that_changes_nothing_in_a_list_is_not_sent_to_who_watches_it() {
    let server = studios().await;
    let ada = server.customer("ada");
    let mut watch = watch_slots(&server, "rehearsal", DAY).await;
    watch.next().await;
    ada.book_it(booking("a", "hour", 10)).await;
    let without_ten: Vec<_> = (11..=20).map(at).collect();
    assert_eq!(starts_of(&watch.next().await["slots"]), without_ten);
    // Nothing of two hours starts at nine any longer: that the hour is taken as well is no news.
    ada.book_it(booking("a", "hour", 9)).await;
    ada.book_it(booking("a", "hour", 21)).await;
    assert_eq!(starts_of(&watch.next().await["slots"]), without_ten[..9]);
}

#[tokio::test]
async fn at_valid_until_a_slot_that_has_begun_leaves_the_list() {
    let server = studios().await;
    let mut watch = watch_slots(&server, "session", DAY).await;
    let mut state = watch.next().await;
    for hour in 9..=17 {
        assert_eq!(starts_of(&state["slots"]), (hour..=17).map(at).collect::<Vec<_>>());
        let valid_until: chrono::DateTime<chrono::Utc> = state["validUntil"].as_str().unwrap().parse().unwrap();
        assert!(valid_until >= at(hour).parse::<chrono::DateTime<chrono::Utc>>().unwrap());
        server.clock.advance_to(valid_until);
        state = watch.next().await;
    }
    assert_eq!((&state["slots"], &state["validUntil"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn a_watched_list_follows_the_notice_and_the_horizon_as_time_goes_on() {
    let server = studios().await;
    server
        .event_types([EventTypeSpec {
            interval: Some(60),
            notice: 180,
            max_days_ahead: Some(1),
            ..EventTypeSpec::named("soon", &[60], &["a"])
        }])
        .await;
    let mut today = watch_slots(&server, "soon", "2026-12-01").await;
    let mut in_two_days = watch_slots(&server, "soon", "2026-12-03").await;
    // It is 07:00 in Berlin: three hours ahead is 10:00, that instant included.
    let state = today.next().await;
    assert_eq!(state["slots"][0]["start"], "2026-12-01T09:00:00Z");
    let state_then = in_two_days.next().await;
    assert_eq!((&state_then["slots"], &state_then["validUntil"]), (&json!([]), &json!("2026-12-01T23:00:00Z")));

    server.clock.advance_to(state["validUntil"].as_str().unwrap().parse().unwrap());
    assert_eq!(today.next().await["slots"][0]["start"], "2026-12-01T10:00:00Z");
    server.clock.advance_to("2026-12-01T23:00:00Z".parse().unwrap());
    assert_eq!(in_two_days.next().await["slots"].as_array().unwrap().len(), 13);
}

#[tokio::test]
async fn a_watched_month_follows_bookings_and_says_when_a_day_is_full() {
    let server = studios().await;
    let ada = server.customer("ada");
    let mut watch = server.anonymous().watch(MONTH, json!({})).await;
    let first = watch.next().await;
    assert_eq!(first["days"].as_array().unwrap().len(), 31);
    assert_eq!(first["days"][1], json!({ "date": DAY, "available": true, "slotCount": 9 }));

    ada.book_it(booking("a", "hour", 13)).await;
    let second = watch.next().await;
    assert_eq!(second["days"][1], json!({ "date": DAY, "available": true, "slotCount": 4 }));
    assert_eq!((&second["days"][0], &second["days"][2]), (&first["days"][0], &first["days"][2]));
    let last = ada.book_it(booking("a", "hour", 18)).await;
    assert_eq!(watch.next().await["days"][1], json!({ "date": DAY, "available": false, "slotCount": 0 }));
    ada.cancel(json!({ "id": last["booking"]["id"] })).await;
    assert_eq!(watch.next().await["days"], second["days"]);
}

#[tokio::test]
async fn watched_days_of_holds_are_each_sent_first_and_then_only_when_they_change() {
    let server = studios().await;
    server.resources([ResourceSpec::named("always")]).await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    let mut watch = bob.watch(BETWEEN, json!({ "resource": "res_always" })).await;
    for date in ["2026-12-02", "2026-12-03", "2026-12-04"] {
        let state = watch.next().await;
        assert_eq!((&state["date"], &state["holds"]), (&json!(date), &json!([])));
    }
    server.pass_a_moment();
    ada.hold(free_hold("always", "2026-12-03T12:00:00Z", 60, "ada")).await;
    let state = watch.next().await;
    assert_eq!((&state["date"], starts_of(&state["holds"])), (&json!("2026-12-03"), vec!["2026-12-03T12:00:00Z"]));

    // From 23:00 to 01:00 in Berlin: in both days, and both are told.
    server.pass_a_moment();
    ada.hold(free_hold("always", "2026-12-03T22:00:00Z", 120, "ada")).await;
    let (one, other) = (watch.next().await, watch.next().await);
    assert_eq!((&one["date"], one["holds"].as_array().unwrap().len()), (&json!("2026-12-03"), 2));
    assert_eq!((&other["date"], starts_of(&other["holds"])), (&json!("2026-12-04"), vec!["2026-12-03T22:00:00Z"]));

    // Another day is nothing to this watcher: the next it hears of is the leaving.
    server.pass_a_moment();
    ada.hold(free_hold("always", "2026-12-07T12:00:00Z", 60, "ada")).await;
    let across =
        json!({ "resourceId": "res_always", "sessionSecret": secret("ada"), "slots": ["2026-12-03T22:00:00Z"] });
    assert_eq!(ada.leave(across).await["released"], 1);
    let (one, other) = (watch.next().await, watch.next().await);
    assert_eq!((&one["date"], starts_of(&one["holds"])), (&json!("2026-12-03"), vec!["2026-12-03T12:00:00Z"]));
    assert_eq!((&other["date"], &other["holds"]), (&json!("2026-12-04"), &json!([])));
}

/// Ten people who look at studio a: all at its holds, and each at its starts for one of three durations.
async fn ten_viewers(server: &TestServer) -> Vec<(Watch, Watch)> {
    const PRESENCE: &str = r#"subscription {
        presenceChanged(resourceId: "res_a", date: "2026-12-02") { revision holds { start end updatedAt } } }"#;
    let mut viewers = Vec::new();
    for event_type in ["hour", "rehearsal", "session"].into_iter().cycle().take(10) {
        let mut presence = server.anonymous().watch(PRESENCE, json!({})).await;
        let mut slots = watch_slots(server, event_type, DAY).await;
        assert_eq!(presence.next().await["holds"], json!([]));
        assert!(!slots.next().await["slots"].as_array().unwrap().is_empty());
        viewers.push((presence, slots));
    }
    viewers
}

#[tokio::test]
async fn a_renewal_costs_no_statement_and_no_message_and_a_new_hold_one_message_to_each_who_watches_holds() {
    let server = studios().await;
    // Holding needs no account, so that nothing is read to know who asks; booking does.
    let (ada, guest, bob) = (server.customer("ada"), server.anonymous(), server.anonymous());
    // What a new hold costs where nobody watches.
    let (_, unwatched) = server.statements_of(guest.hold(hold("b", "hour", 13, 60, "ada"))).await;
    let mut viewers = ten_viewers(&server).await;
    server.pass_a_moment();

    let new_hold = async {
        let held = guest.hold(hold("a", "hour", 13, 60, "ada")).await;
        for (presence, _) in &mut viewers {
            assert_eq!(starts_of(&presence.next().await["holds"]), [at(13)]);
        }
        held
    };
    let (held, watched) = server.statements_of(new_hold).await;
    assert_eq!(watched, unwatched, "who watches costs a hold nothing");

    let renewals = async {
        for _ in 0..5 {
            server.clock.advance(std::time::Duration::from_secs(5));
            let renewed = guest.hold(hold("a", "hour", 13, 60, "ada")).await;
            assert_ne!(renewed["expiresAt"], held["expiresAt"]);
        }
        // What a renewal did would be done by now: this comes after it on every watch of holds.
        guest.leave(json!({ "resourceId": "res_a", "sessionSecret": secret("ada") })).await;
        for (presence, _) in &mut viewers {
            assert_eq!(presence.next().await["holds"], json!([]));
        }
    };
    let ((), statements) = server.statements_of(renewals).await;
    assert_eq!(statements, 0, "a renewal and a leave touch no database");

    // And this is the first that any watch of starts hears.
    bob.hold(hold("a", "hour", 9, 60, "bob")).await;
    ada.book_it(with(booking("a", "session", 12), json!({ "sessionSecret": secret("ada") }))).await;
    for (_, slots) in &mut viewers {
        assert!(!starts_of(&slots.next().await["slots"]).contains(&at(13).as_str()));
    }
}
