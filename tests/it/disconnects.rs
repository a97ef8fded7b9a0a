//! Clients that go away in the middle of their booking: it is made as a whole or not at all, everybody is told, and
//! nothing stays behind.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{Actor, EventTypeSpec, RawRequest, ResourceSpec, TestServer, Watch};

const BOOK: &str = "mutation ($input: CreateBookingInput!) { createBooking(input: $input) { booking { id } } }";
const SLOTS: &str = r#"{ daySlots(resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_quarter") {
    slots { start } } }"#;
const WATCH_SLOTS: &str = r#"subscription {
    daySlotsChanged(resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_quarter") { slots { start } } }"#;
const WATCH_HOLDS: &str = r#"subscription {
    presenceChanged(resourceId: "res_b", date: "2026-12-02") { holds { start } } }"#;
/// How many go away, each at another moment.
const MOMENTS: usize = 60;

async fn studio() -> TestServer {
    let server = TestServer::start().await;
    let utc = |name: &str| ResourceSpec { zone: chrono_tz::UTC, ..ResourceSpec::named(name) };
    server.resources([utc("a"), utc("b")]).await;
    server.event_types([EventTypeSpec::named("quarter", &[15], &["a"])]).await;
    server
}

fn start(number: usize) -> DateTime<Utc> {
    let midnight: DateTime<Utc> = "2026-12-02T00:00:00Z".parse().unwrap();
    midnight + TimeDelta::minutes(15 * i64::try_from(number).unwrap())
}

fn session(number: usize) -> String {
    format!("session {number}, a secret of a session")
}

/// The booking that is made with the hold of session `number`, where there is one.
fn booking(number: usize) -> Value {
    json!({
        "resourceId": "res_a", "eventTypeId": "evt_quarter", "start": start(number),
        "addOns": [{ "resourceId": "res_b" }], "sessionSecret": session(number),
        "idempotencyKey": format!("the booking of {}", session(number)),
    })
}

/// The same time for somebody else.
fn other_booking(number: usize) -> Value {
    let mut input = booking(number);
    input.as_object_mut().unwrap().retain(|name, _| name != "sessionSecret" && name != "idempotencyKey");
    input
}

fn hold(number: usize, session: &str) -> Value {
    json!({
        "resourceId": "res_a", "eventTypeId": "evt_quarter", "sessionSecret": session,
        "slots": [{ "start": start(number), "durationMinutes": 15 }], "addOns": [{ "resourceId": "res_b" }],
    })
}

/// Whether this one is sent in part only.
fn is_cut_short(number: usize) -> bool {
    number < 10
}

/// Whether this one waits for the answer and goes away without reading it.
fn is_answered(number: usize) -> bool {
    number >= MOMENTS - 5
}

/// Books, and goes away at a moment that depends on `number`: while sending, then ever later while the server works.
async fn book_and_vanish(actor: &Actor, number: usize) {
    let request = RawRequest::open(actor, BOOK, json!({ "input": booking(number) })).await;
    request.send_head().await;
    request.is_wanted().await;
    if is_cut_short(number) {
        request.send_body(0..request.body_len() * number / 10).await;
        return;
    }
    request.send_body(0..request.body_len()).await;
    if is_answered(number) {
        request.is_answered().await;
        return;
    }
    // The server shares this thread, so that each turn lets it come a little further.
    for _ in 0..1_usize << ((number - 10) / 3) {
        tokio::task::yield_now().await;
    }
}

/// The last state of a watch, which is `expected`.
async fn comes_to(watch: &mut Watch, field: &str, expected: &Value) {
    while watch.next().await[field] != *expected {}
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_booking_whose_client_goes_away_is_whole_or_absent_and_leaves_no_claim() {
    let server = studio().await;
    let (ada, bob, staff) = (server.customer("ada"), server.customer("bob"), server.staff());
    let mut slots = bob.watch(WATCH_SLOTS, json!({})).await;
    let mut presence = bob.watch(WATCH_HOLDS, json!({})).await;
    for number in 0..MOMENTS {
        if number % 2 == 0 {
            assert_eq!(ada.heartbeat(hold(number, &session(number))).await["granted"], true);
        }
        book_and_vanish(&ada, number).await;
    }

    let mut booked = Vec::new();
    for number in 0..MOMENTS {
        let others = bob.book(other_booking(number)).await;
        // The same call again tells what became of the first.
        let again = ada.book(booking(number)).await;
        assert_ne!(others["booking"].is_object(), again["booking"].is_object(), "{number}: {others} {again}");
        booked.push(if again["booking"].is_object() { &again } else { &others }["booking"]["id"].clone());
        match code(&others) {
            "" => assert_eq!(code(&again), "SLOT_TAKEN", "{number}: {again}"),
            "SLOT_HELD" => assert!(number % 2 == 0 && !is_answered(number), "{number}: {others}"),
            other => assert!(other == "SLOT_TAKEN" && !is_cut_short(number), "{number}: {others}"),
        }
    }
    server.assert_sound().await;
    server.clock.advance(std::time::Duration::from_millis(50));
    let free = bob.ask(SLOTS, json!({})).await;
    assert_eq!(free["daySlots"]["slots"].as_array().unwrap().len(), 96 - MOMENTS);
    comes_to(&mut slots, "slots", &free["daySlots"]["slots"]).await;
    comes_to(&mut presence, "holds", &json!([])).await;

    for (number, id) in booked.into_iter().enumerate() {
        assert_eq!(staff.cancel(json!({ "id": id })).await["booking"]["status"], "CANCELLED");
        let held = bob.heartbeat(hold(number, "a secret of a new session")).await;
        assert_eq!(held["granted"], true, "{number}: {held}");
    }
    server.assert_sound().await;
}
