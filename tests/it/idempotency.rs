//! Calls that are made again under the same key.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{EventTypeSpec, ResourceSpec, ServerOptions, TestServer, at_once};

const KEY: &str = "a key of 16 characters or more";

async fn studios() -> TestServer {
    let server = TestServer::start_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    server.resources(["a", "b"].map(ResourceSpec::named)).await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a", "b"])]).await;
    server
}

/// Berlin's hour of 2026-12-02 on a studio.
fn booking(resource: &str, hour: u32) -> Value {
    json!({
        "resourceId": format!("res_{resource}"), "eventTypeId": "evt_hour", "idempotencyKey": KEY,
        "start": format!("2026-12-02T{:02}:00:00Z", hour - 1),
    })
}

fn with(mut input: Value, name: &str, value: Value) -> Value {
    input[name] = value;
    input
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_repeated_call_gets_the_booking_as_it_is_now_and_its_token() {
    let server = studios().await;
    let ada = server.customer("ada");
    let today = with(booking("a", 13), "start", json!("2026-12-01T12:00:00Z"));
    let first = ada.book(today.clone()).await;
    assert_eq!(first["booking"]["status"], "CONFIRMED", "{first}");
    assert_eq!(ada.book(today.clone()).await, first);

    // What has been decided once is not decided again: not when the time has passed, nor when nothing is on offer.
    server.clock.advance_to("2026-12-01T11:00:00Z".parse().unwrap());
    ada.cancel(json!({ "id": first["booking"]["id"] })).await;
    server.execute_sql("UPDATE resources SET active = FALSE").await;
    server.clock.advance_to("2026-12-01T20:00:00Z".parse().unwrap());
    let repeated = ada.book(today).await;
    assert_eq!(repeated["booking"]["status"], "CANCELLED", "{repeated}");
    assert_eq!(repeated["booking"]["id"], first["booking"]["id"]);
    assert_eq!(repeated["managementToken"], first["managementToken"]);
}

#[tokio::test]
async fn another_input_under_the_same_key_is_refused() {
    let server = studios().await;
    let ada = server.customer("ada");
    ada.book(booking("a", 13)).await;
    let others = [
        booking("a", 15),
        booking("b", 13),
        with(booking("a", 13), "location", json!("upstairs")),
        with(booking("a", 13), "timeZone", json!("Europe/London")),
        with(booking("a", 13), "metadata", json!({ "color": "red" })),
        with(booking("a", 13), "addOns", json!([{ "resourceId": "res_b" }])),
        with(booking("a", 13), "booker", json!({ "phone": "1" })),
    ];
    for other in others {
        let refused = ada.book(other.clone()).await;
        assert_eq!(code(&refused), "IDEMPOTENCY_MISMATCH", "{other}: {refused}");
        assert_eq!((&refused["booking"], &refused["managementToken"]), (&Value::Null, &Value::Null));
    }
    let free = r#"{ isAvailable(resourceId: "res_b", start: "2026-12-02T00:00:00Z", end: "2026-12-03T00:00:00Z") }"#;
    assert_eq!(ada.ask(free, json!({})).await["isAvailable"], true);
}

#[tokio::test]
async fn inputs_are_the_same_when_they_say_the_same() {
    let server = studios().await;
    let ada = server.customer("ada");
    let plain = with(booking("a", 13), "metadata", json!({ "color": "red", "size": [1, 2] }));
    let first = ada.book(plain.clone()).await;
    let said_otherwise = [
        with(plain.clone(), "quantity", json!(1)),
        with(plain.clone(), "addOns", json!([])),
        with(plain.clone(), "ignoreSchedule", json!(false)),
        with(plain.clone(), "location", Value::Null),
        with(plain.clone(), "start", json!("2026-12-02T13:00:00+01:00")),
        with(plain.clone(), "metadata", json!({ "size": [1, 2], "color": "red" })),
        // Who holds is no part of what is booked.
        with(plain.clone(), "sessionSecret", json!("ada, a secret of a session")),
    ];
    for input in said_otherwise {
        let repeated = ada.book(input.clone()).await;
        assert_eq!(repeated["booking"]["id"], first["booking"]["id"], "{input}: {repeated}");
    }
}

#[tokio::test]
async fn a_refused_call_keeps_no_key() {
    let server = studios().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let taken = bob.book(booking("a", 13)).await;
    assert_eq!(code(&ada.book(booking("a", 13)).await), "SLOT_TAKEN");
    // Neither for the same call once it can be had, nor for another one.
    bob.cancel(json!({ "id": taken["booking"]["id"] })).await;
    assert_eq!(ada.book(booking("a", 13)).await["userErrors"], json!([]));

    let eve = server.customer("eve");
    assert_eq!(code(&eve.book(booking("a", 13)).await), "SLOT_TAKEN");
    assert_eq!(eve.book(booking("b", 15)).await["userErrors"], json!([]));
}

#[tokio::test]
async fn keys_of_different_callers_do_not_meet() {
    let server = studios().await;
    let guest = |session: &str, hour: u32| {
        let input = with(booking("b", hour), "sessionSecret", json!(format!("{session}, a secret of a session")));
        with(input, "booker", json!({ "name": session, "email": format!("{session}@example.org") }))
    };
    let anybody = server.anonymous();
    let booked = [
        server.customer("ada").book(booking("a", 13)).await,
        server.customer("bob").book(booking("a", 14)).await,
        server.staff().book(booking("a", 15)).await,
        anybody.book(guest("grace", 13)).await,
        anybody.book(guest("joan", 14)).await,
    ];
    let ids: BTreeSet<&str> = booked.iter().map(|payload| payload["booking"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), booked.len(), "{booked:?}");
    assert_eq!(anybody.book(guest("grace", 13)).await, booked[3]);

    let mut nobodys = guest("grace", 16);
    nobodys.as_object_mut().unwrap().remove("sessionSecret");
    let refused = anybody.book(nobodys).await;
    assert_eq!((code(&refused), &refused["userErrors"][0]["field"]), ("INVALID", &json!(["input", "sessionSecret"])));
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let server = studios().await;
    let ada = server.customer("ada");
    let tomorrow = with(booking("a", 13), "start", json!("2026-12-09T12:00:00Z"));
    let first = ada.book(tomorrow.clone()).await;
    ada.cancel(json!({ "id": first["booking"]["id"] })).await;
    server.clock.advance(Duration::from_hours(24));
    assert_eq!(ada.book(tomorrow.clone()).await["booking"]["id"], first["booking"]["id"], "it is kept for 24 hours");

    server.clock.advance(Duration::from_millis(1));
    let second = ada.book(tomorrow.clone()).await;
    assert_eq!(second["booking"]["status"], "CONFIRMED", "{second}");
    assert_ne!(second["booking"]["id"], first["booking"]["id"]);
    assert_eq!(ada.book(tomorrow).await, second, "and is good for another day");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_at_once_under_one_key_make_one_booking() {
    let server = studios().await;
    let ada = server.customer("ada");
    let answers = at_once(100, |_| {
        let ada = ada.clone();
        async move { ada.book(booking("a", 13)).await }
    })
    .await;
    assert_eq!(answers[0]["booking"]["status"], "CONFIRMED", "{}", answers[0]);
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_at_once_make_one_booking_whoever_else_wants_the_time() {
    let server = studios().await;
    for hour in 8..=20 {
        let people: Vec<_> = ["ada", "bob", "eve"].iter().map(|name| server.customer(name)).collect();
        let answers = at_once(12, |number| {
            let person = people[number % 3].clone();
            let key = format!("{KEY} for {hour}");
            async move { (number % 3, person.book(with(booking("a", hour), "idempotencyKey", json!(key))).await) }
        })
        .await;
        let made = answers.iter().filter(|(_, answer)| answer["booking"].is_object());
        let made: BTreeSet<(usize, &str)> =
            made.map(|(person, answer)| (*person, answer["booking"]["id"].as_str().unwrap())).collect();
        assert_eq!(made.len(), 1, "at {hour}: {answers:?}");
        let (winner, _) = made.first().unwrap();
        for (person, answer) in &answers {
            let expected = if person == winner { "" } else { "SLOT_TAKEN" };
            assert_eq!(code(answer), expected, "at {hour}: {answer}");
        }
    }
    server.assert_sound().await;
}
