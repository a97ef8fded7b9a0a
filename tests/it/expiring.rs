//! What is not confirmed in time: shown as expired at once, in nobody's way, and written down as soon as can be.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::life::{booked, events};
use crate::support::studios::{free_hold, refusal, starts_of, with};
use crate::support::{EventTypeSpec, ResourceSpec, ServerOptions, TestServer, Watch};

const START: &str = "2026-12-02T12:00:00Z";

async fn furnish(server: &TestServer) {
    let pool = ResourceSpec { quantity: 3, ..ResourceSpec::named("p") };
    server.resources([ResourceSpec::named("a"), ResourceSpec::named("b"), pool]).await;
    let hour = |name: &str| EventTypeSpec { interval: Some(60), ..EventTypeSpec::named(name, &[60], &["a", "b", "p"]) };
    server.event_types([hour("hour"), EventTypeSpec { requires_confirmation: true, ..hour("asked") }]).await;
}

async fn rooms() -> TestServer {
    let server = TestServer::start().await;
    furnish(&server).await;
    server
}

fn provisional(resource: &str, start: &str, minutes: i32) -> Value {
    with(at_once(resource, start), json!({ "provisionalMinutes": minutes }))
}

fn at_once(resource: &str, start: &str) -> Value {
    json!({ "resourceId": format!("res_{resource}"), "eventTypeId": "evt_hour", "start": start })
}

fn asked(resource: &str, start: &str) -> Value {
    with(at_once(resource, start), json!({ "eventTypeId": "evt_asked" }))
}

async fn watch(server: &TestServer) -> Watch {
    const SLOTS: &str = r#"subscription { daySlotsChanged(
        resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_hour") { slots { start } } }"#;
    server.anonymous().watch(SLOTS, json!({})).await
}

/// The next state in which `start` is free, or is not.
async fn next_where(watch: &mut Watch, start: &str, free: bool) {
    while starts_of(&watch.next().await["slots"]).contains(&start) != free {}
}

/// Fails unless the server itself has expired it, `after` what had happened before.
fn assert_expired(seen: &Value, from: &str, at: &str) {
    assert_eq!((&seen["status"], &seen["expiresAt"]), (&json!("EXPIRED"), &Value::Null));
    assert_eq!(events(seen), ["CREATED", "EXPIRED"]);
    let expected = json!({
        "event": "EXPIRED", "from": from, "to": "EXPIRED", "at": at, "by": { "kind": "SYSTEM", "userId": null },
        "reason": null,
    });
    assert_eq!(seen["history"][1], expected);
}

#[tokio::test]
async fn a_provisional_booking_expires_when_its_minutes_are_up_and_watchers_see_its_time_again() {
    let server = rooms().await;
    let mut watch = watch(&server).await;
    next_where(&mut watch, START, true).await;
    let (id, _) = booked(&server.customer("ada").book(provisional("a", START, 20)).await);
    next_where(&mut watch, START, false).await;
    server.clock.advance_to("2026-12-01T06:19:59.999Z".parse().unwrap());
    assert_eq!(server.staff().see(&id, None).await["status"], "PROVISIONAL");
    server.clock.advance(Duration::from_millis(1));
    next_where(&mut watch, START, true).await;
    assert_expired(&server.staff().see(&id, None).await, "PROVISIONAL", "2026-12-01T06:20:00Z");
    server.assert_sound().await;
}

#[tokio::test]
async fn a_booking_that_waits_for_staff_expires_at_its_start() {
    let server = rooms().await;
    let (id, _) = booked(&server.customer("ada").book(asked("a", START)).await);
    server.clock.advance_to("2026-12-02T11:59:59.999Z".parse().unwrap());
    assert_eq!(server.staff().see(&id, None).await["status"], "PENDING");
    server.clock.advance_to(START.parse().unwrap());
    assert_eq!(server.staff().see(&id, None).await["status"], "EXPIRED");
    assert_expired(&server.until_written(&id, "EXPIRED").await, "PENDING", START);
    server.assert_sound().await;
}

#[tokio::test]
async fn the_worker_wakes_for_a_booking_that_lapses_before_the_one_it_waits_for() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let (later, _) = booked(&ada.book(provisional("a", START, 60)).await);
    let (sooner, _) = booked(&bob.book(provisional("b", START, 1)).await);
    server.clock.advance(Duration::from_mins(1));
    server.until_written(&sooner, "EXPIRED").await;
    assert_eq!(server.staff().see(&later, None).await["status"], "PROVISIONAL");
    server.clock.advance(Duration::from_mins(59));
    server.until_written(&later, "EXPIRED").await;
    server.assert_sound().await;
}

#[tokio::test]
async fn what_lapses_while_the_server_is_down_or_after_it_is_up_again_expires() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let (meanwhile, _) = booked(&ada.book(provisional("a", START, 30)).await);
    let (afterwards, _) = booked(&ada.book(provisional("b", START, 60)).await);
    let database = server.stop().await;

    let now = "2026-12-01T06:45:00Z".parse().unwrap();
    let server = TestServer::start_on(database, ServerOptions { now, ..ServerOptions::default() }).await;
    assert_expired(&server.until_written(&meanwhile, "EXPIRED").await, "PROVISIONAL", "2026-12-01T06:45:00Z");
    assert_eq!(server.staff().see(&afterwards, None).await["status"], "PROVISIONAL");
    server.clock.advance(Duration::from_mins(15));
    assert_expired(&server.until_written(&afterwards, "EXPIRED").await, "PROVISIONAL", "2026-12-01T07:00:00Z");
    server.assert_sound().await;
}

#[tokio::test]
async fn what_has_lapsed_is_shown_as_expired_before_anything_is_written_down() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (id, token) =
        booked(&ada.book(with(provisional("a", START, 60), json!({ "idempotencyKey": "a key of sixteen" }))).await);
    server.lapse(&id).await;
    for (actor, token) in [(&ada, None), (&staff, None), (&server.anonymous(), Some(token.as_str()))] {
        let seen = actor.see(&id, token).await;
        assert_eq!((&seen["status"], &seen["expiresAt"]), (&json!("EXPIRED"), &Value::Null));
    }
    let again = ada.book(with(provisional("a", START, 60), json!({ "idempotencyKey": "a key of sixteen" }))).await;
    assert_eq!((&again["booking"]["id"], &again["booking"]["status"]), (&json!(id), &json!("EXPIRED")));
    for mutation in ["confirmBooking", "declineBooking", "completeBooking", "markBookingNoShow", "cancelBooking"] {
        let refused = staff.change(mutation, json!({ "id": id })).await;
        assert_eq!(refusal(&refused), "ILLEGAL_TRANSITION");
        assert!(refused["userErrors"][0]["message"].as_str().unwrap().contains("EXPIRED"), "{refused}");
    }
    let update = json!({ "id": id, "location": "Elsewhere" });
    assert_eq!(refusal(&ada.change("updateBooking", update.clone()).await), "ILLEGAL_TRANSITION");
    // Staff's remark comes after what happened before it.
    assert_eq!(staff.change_it("updateBooking", update).await["status"], "EXPIRED");
    assert_eq!(events(&staff.see(&id, None).await), ["CREATED", "EXPIRED", "UPDATED"]);
    server.assert_sound().await;
}

#[tokio::test]
async fn nobody_who_wants_its_time_is_stopped_by_what_has_lapsed() {
    let server = rooms().await;
    let (ada, bob, staff) = (server.customer("ada"), server.customer("bob"), server.staff());
    // A booking.
    let (first, _) = booked(&ada.book(provisional("a", START, 60)).await);
    server.lapse(&first).await;
    booked(&bob.book(at_once("a", START)).await);
    assert_eq!(events(&staff.see(&first, None).await), ["CREATED", "EXPIRED"]);
    // Heartbeats of several slots.
    let hours = ["2026-12-02T12:00:00Z", "2026-12-02T13:00:00Z", "2026-12-02T15:00:00Z"];
    for hour in hours {
        let (id, _) = booked(&ada.book(provisional("b", hour, 60)).await);
        server.lapse(&id).await;
    }
    let slots = hours.map(|hour| json!({ "start": hour, "durationMinutes": 60 }));
    bob.hold(with(free_hold("b", START, 60, "bob"), json!({ "slots": slots }))).await;
    // Fewer units.
    for hour in hours {
        for _ in 0..3 {
            let (id, _) = booked(&ada.book(provisional("p", hour, 60)).await);
            server.lapse(&id).await;
        }
    }
    let smaller = json!({ "id": "res_p", "quantity": 1 });
    server.runner().run_well("updateResource", smaller).await;
    server.assert_sound().await;
    // What has not lapsed does stand in the way.
    booked(&ada.book(provisional("p", START, 60)).await);
    assert_eq!(refusal(&bob.book(at_once("p", START)).await), "SLOT_TAKEN");
}

#[tokio::test]
async fn one_that_cannot_be_expired_keeps_no_other_waiting() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let (broken, _) = booked(&ada.book(provisional("a", START, 1)).await);
    let (sound, _) = booked(&bob.book(provisional("b", START, 2)).await);
    server.execute_sql("UPDATE occupancy SET from_noon = 0 WHERE resource_id = 'res_a'").await;
    server.clock.advance(Duration::from_mins(1));
    assert_eq!(server.staff().see(&broken, None).await["status"], "EXPIRED");
    server.clock.advance(Duration::from_mins(1));
    server.until_written(&sound, "EXPIRED").await;
    // What comes later is not kept waiting, either.
    let (later, _) = booked(&bob.book(provisional("b", START, 1)).await);
    server.clock.advance(Duration::from_mins(1));
    server.until_written(&later, "EXPIRED").await;
    assert_eq!(events(&server.staff().see(&broken, None).await), ["CREATED"]);
    // It is tried again and again, and goes once it can.
    server.execute_sql("UPDATE occupancy SET from_noon = 15 WHERE resource_id = 'res_a'").await;
    server.clock.advance(Duration::from_hours(1));
    server.until_written(&broken, "EXPIRED").await;
    server.assert_sound().await;
}
