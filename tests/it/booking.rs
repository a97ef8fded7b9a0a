//! Making bookings: for whom, when, and why not.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::{EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

/// Two studios that are open from 9 to 22 in Berlin, a hall that never closes, and what is offered on them.
async fn studios(options: ServerOptions) -> TestServer {
    let server = TestServer::start_with(options).await;
    let studio = |name: &str| ResourceSpec::named(name).open(&[("09:00", "22:00")]);
    let elsewhere = ResourceSpec { organization: "elsewhere".to_owned(), ..ResourceSpec::named("far") };
    let closed_down = ResourceSpec { active: false, ..ResourceSpec::named("old") };
    server.resources([studio("a"), studio("b"), ResourceSpec::named("hall"), closed_down, elsewhere]).await;
    let hourly = |name: &str, durations: &[u32], resources: &[&str]| EventTypeSpec {
        interval: Some(60),
        ..EventTypeSpec::named(name, durations, resources)
    };
    server
        .event_types([
            hourly("hour", &[60, 120], &["a", "b", "old"]),
            EventTypeSpec { requires_confirmation: true, ..hourly("audition", &[60], &["a"]) },
            EventTypeSpec { active: false, ..hourly("retired", &[60], &["a"]) },
            EventTypeSpec { organization: "elsewhere".to_owned(), ..hourly("there", &[60], &["far"]) },
            EventTypeSpec::named("festival", &[240, 4 * 24 * 60], &["hall"]),
        ])
        .await;
    server
}

async fn default_studios() -> TestServer {
    studios(ServerOptions::default()).await
}

/// Berlin's hour of 2026-12-02 as an instant.
fn at(hour: u32) -> String {
    format!("2026-12-02T{:02}:00:00Z", hour - 1)
}

fn booking(resource: &str, event_type: &str, start: &str) -> Value {
    json!({ "resourceId": format!("res_{resource}"), "eventTypeId": format!("evt_{event_type}"), "start": start })
}

/// `input` with these members as well, or instead.
fn with(mut input: Value, more: &Value) -> Value {
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn what_is_not_said_of_a_booking_is_what_the_catalogue_and_the_token_say() {
    const READ: &str = "query ($id: ID!) { booking(id: $id) {
        status start end durationMinutes timeZone title quantity reference revision createdAt updatedAt
        booker { userId name email } eventType { id } resource { id }
        history { event from to at by { kind userId } reason } } }";
    let server = default_studios().await;
    let ada = server.customer("ada");
    let booked = ada.book(with(booking("a", "hour", &at(13)), &json!({ "reference": "order 7" }))).await;
    assert_eq!(booked["userErrors"], json!([]), "{booked}");
    assert!(booked["managementToken"].as_str().unwrap().len() >= 32, "{booked}");

    let read = ada.ask(READ, json!({ "id": booked["booking"]["id"] })).await;
    let now = "2026-12-01T06:00:00Z";
    let expected = json!({
        "status": "CONFIRMED", "start": at(13), "end": at(14), "durationMinutes": 60, "timeZone": "Europe/Berlin",
        "title": "hour", "quantity": 1, "reference": "order 7", "revision": 1, "createdAt": now, "updatedAt": now,
        "booker": { "userId": "ada", "name": "ada", "email": "ada@example.org" },
        "eventType": { "id": "evt_hour" }, "resource": { "id": "res_a" },
        "history": [{
            "event": "CREATED", "from": null, "to": "CONFIRMED", "at": now, "reason": null,
            "by": { "kind": "USER", "userId": null },
        }],
    });
    assert_eq!(read["booking"], expected);
    server.assert_sound().await;
}

#[tokio::test]
async fn guests_book_where_the_server_lets_them_and_say_who_they_are() {
    let strict = default_studios().await;
    let mutation = "mutation ($input: CreateBookingInput!) { createBooking(input: $input) { booking { id } } }";
    let refused = strict.anonymous().send(mutation, json!({ "input": booking("a", "hour", &at(13)) })).await;
    assert_eq!(refused.code(), "UNAUTHENTICATED");
    assert_eq!(refused.body["data"]["createBooking"], Value::Null);

    let server = studios(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    let guest = server.anonymous();
    let nobody = guest.book(booking("a", "hour", &at(13))).await;
    let fields: Vec<&Value> = nobody["userErrors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, [&json!(["input", "booker", "name"]), &json!(["input", "booker", "email"])]);
    assert_eq!(code(&nobody), "INVALID");

    let grace = json!({ "booker": { "name": "Grace", "email": "grace@example.org" } });
    let booked = guest.book(with(booking("a", "hour", &at(13)), &grace)).await;
    let expected = json!({ "userId": null, "name": "Grace", "email": "grace@example.org" });
    assert_eq!(booked["booking"]["booker"], expected, "{booked}");
    let history = "query ($id: ID!) { booking(id: $id) { history { by { kind userId } } } }";
    let read = server.staff().ask(history, json!({ "id": booked["booking"]["id"] })).await;
    assert_eq!(read["booking"]["history"], json!([{ "by": { "kind": "GUEST", "userId": null } }]));
}

#[tokio::test]
async fn a_customer_books_under_their_own_address_only_and_staff_under_any_or_none() {
    let server = default_studios().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let of = |booker: Value| with(booking("a", "hour", &at(13)), &json!({ "booker": booker }));

    let forged = ada.book(of(json!({ "email": "eve@example.org" }))).await;
    assert_eq!((code(&forged), &forged["userErrors"][0]["field"]), ("INVALID", &json!(["input", "booker", "email"])));
    let own = ada.book(of(json!({ "name": "A. L.", "email": "Ada@Example.org" }))).await;
    let expected = json!({ "userId": "ada", "name": "A. L.", "email": "ada@example.org" });
    assert_eq!(own["booking"]["booker"], expected, "{own}");

    let other = with(booking("b", "hour", &at(13)), &json!({ "booker": { "name": "Walk-in" } }));
    let walk_in = staff.book(other).await;
    assert_eq!(walk_in["booking"]["booker"], json!({ "userId": null, "name": "Walk-in", "email": null }), "{walk_in}");
}

#[tokio::test]
async fn what_needs_confirmation_waits_for_it_unless_staff_made_it() {
    let server = default_studios().await;
    let asked = server.customer("ada").book(booking("a", "audition", &at(13))).await;
    assert_eq!(asked["booking"]["status"], "PENDING", "{asked}");
    let taken = server.customer("bob").book(booking("a", "audition", &at(13))).await;
    assert_eq!(code(&taken), "SLOT_TAKEN", "what is pending has its time: {taken}");
    let made = server.staff().book(booking("a", "audition", &at(14))).await;
    assert_eq!(made["booking"]["status"], "CONFIRMED", "{made}");
    server.assert_sound().await;
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_with_the_first_reason() {
    let server = default_studios().await;
    let ada = server.customer("ada");
    let two_hours = json!({ "durationMinutes": 120 });
    let cases = [
        (booking("unknown", "hour", &at(13)), "NOT_FOUND"),
        (booking("a", "unknown", &at(13)), "NOT_FOUND"),
        (booking("far", "there", &at(13)), "NOT_FOUND"),
        (booking("a", "there", &at(13)), "NOT_FOUND"),
        (booking("old", "hour", &at(13)), "RESOURCE_INACTIVE"),
        (booking("a", "retired", &at(13)), "EVENT_TYPE_INACTIVE"),
        (booking("b", "audition", &at(13)), "RESOURCE_NOT_OFFERED"),
        (with(booking("a", "hour", &at(13)), &json!({ "durationMinutes": 90 })), "DURATION_NOT_OFFERED"),
        (booking("a", "hour", &at(7)), "OUTSIDE_SCHEDULE"),
        (booking("a", "hour", "2026-12-02T12:30:00Z"), "OUTSIDE_SCHEDULE"),
        (with(booking("a", "hour", &at(21)), &two_hours), "OUTSIDE_SCHEDULE"),
        (booking("a", "hour", "2026-11-30T12:00:00Z"), "IN_THE_PAST"),
        (with(booking("a", "hour", &at(13)), &json!({ "quantity": 2 })), "NOT_ENOUGH_UNITS"),
        (booking("a", "hour", "2026-12-02T12:05:00Z"), "INVALID"),
    ];
    for (input, expected) in cases {
        let refused = ada.book(input.clone()).await;
        assert_eq!(code(&refused), expected, "{input}: {refused}");
        assert_eq!((&refused["booking"], &refused["managementToken"]), (&Value::Null, &Value::Null));
    }
    // Nothing was changed: everything can be had as before.
    assert_eq!(ada.book(with(booking("a", "hour", &at(20)), &two_hours)).await["booking"]["end"], at(22));
    server.assert_sound().await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_within_what_was_asked() {
    let server = default_studios().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    ada.book(booking("a", "hour", &at(13))).await;
    let long = |hour: u32| with(booking("a", "hour", &at(hour)), &json!({ "durationMinutes": 120 }));
    for hour in [12, 13] {
        let taken = bob.book(long(hour)).await;
        assert_eq!(code(&taken), "SLOT_TAKEN", "at {hour}: {taken}");
        let conflict = json!({ "resourceId": "res_a", "start": at(13), "end": at(14), "holder": null });
        assert_eq!(taken["userErrors"][0]["conflicts"], json!([conflict]));
    }
    for hour in [11, 14] {
        assert_eq!(bob.book(long(hour)).await["userErrors"], json!([]), "neighbours that touch do not clash");
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn a_hold_keeps_its_time_for_its_sessions_booking() {
    let server = default_studios().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let session = json!({ "sessionSecret": "ada, a secret of a session" });
    let slots = json!({ "slots": [{ "start": at(13), "durationMinutes": 60 }] });
    let hold = with(with(json!({ "resourceId": "res_a", "eventTypeId": "evt_hour" }), &slots), &session);
    let granted = ada.heartbeat(hold).await;
    assert_eq!(granted["granted"], true, "{granted}");

    let refused = bob.book(booking("a", "hour", &at(13))).await;
    assert_eq!(code(&refused), "SLOT_HELD", "{refused}");
    assert_eq!(refused["userErrors"][0]["conflicts"][0]["holder"], granted["holder"]);
    // Not even its own caller can pass without the session.
    assert_eq!(code(&ada.book(booking("a", "hour", &at(13))).await), "SLOT_HELD");

    let booked = ada.book(with(booking("a", "hour", &at(13)), &session)).await;
    assert_eq!(booked["booking"]["status"], "CONFIRMED", "{booked}");
    let presence =
        ada.ask(r#"{ datePresence(resourceId: "res_a", date: "2026-12-02") { holds { start } } }"#, json!({}));
    assert_eq!(presence.await["datePresence"]["holds"], json!([]), "a booking ends the hold that it takes over");
}

#[tokio::test]
async fn bookings_cross_utc_midnights_and_days_and_keep_every_quarter_hour_of_them() {
    let server = default_studios().await;
    let ada = server.customer("ada");
    let festival =
        |start: &str, minutes: u32| with(booking("hall", "festival", start), &json!({ "durationMinutes": minutes }));
    let (night, days) = (240, 4 * 24 * 60);
    let booked = ada.book(festival("2026-12-02T22:00:00Z", night)).await;
    assert_eq!(booked["booking"]["end"], "2026-12-03T02:00:00Z", "{booked}");
    let booked = ada.book(festival("2026-12-05T10:15:00Z", days)).await;
    assert_eq!(booked["booking"]["end"], "2026-12-09T10:15:00Z", "{booked}");

    let taken = ["2026-12-02T18:15:00Z", "2026-12-03T01:45:00Z", "2026-12-05T06:30:00Z", "2026-12-07T12:00:00Z"];
    for start in taken {
        assert_eq!(code(&ada.book(festival(start, night)).await), "SLOT_TAKEN", "{start}");
    }
    let over_both = ada.book(festival("2026-12-02T06:00:00Z", days)).await;
    let conflicts = json!([
        { "resourceId": "res_hall", "start": "2026-12-02T22:00:00Z", "end": "2026-12-03T02:00:00Z", "holder": null },
        { "resourceId": "res_hall", "start": "2026-12-05T10:15:00Z", "end": "2026-12-06T06:00:00Z", "holder": null },
    ]);
    assert_eq!(over_both["userErrors"][0]["conflicts"], conflicts);
    for start in ["2026-12-02T18:00:00Z", "2026-12-03T02:00:00Z", "2026-12-05T06:15:00Z", "2026-12-09T10:15:00Z"] {
        assert_eq!(ada.book(festival(start, night)).await["userErrors"], json!([]), "{start}");
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn only_staff_ignore_the_schedule_and_never_over_a_booking() {
    let server = default_studios().await;
    let (ada, staff, owner) =
        (server.customer("ada"), server.staff(), server.signed_in("owner", Role::Admin, "default"));
    let ignoring = |start: &str| with(booking("a", "hour", start), &json!({ "ignoreSchedule": true }));
    let mutation = "mutation ($input: CreateBookingInput!) { createBooking(input: $input) { booking { id } } }";
    let refused = ada.send(mutation, json!({ "input": ignoring(&at(13)) })).await;
    assert_eq!(refused.code(), "FORBIDDEN");

    // Closed, off the grid, and up to 31 days ago.
    for start in ["2026-12-02T03:15:00Z", "2026-12-02T12:30:00Z", "2026-11-30T12:00:00Z", "2026-10-31T06:00:00Z"] {
        let made = staff.book(ignoring(start)).await;
        assert_eq!(made["booking"]["status"], "CONFIRMED", "{start}: {made}");
    }
    assert_eq!(code(&owner.book(ignoring("2026-10-31T05:45:00Z")).await), "IN_THE_PAST");
    // The first of them is at 12:30Z: what overlaps it is taken, for staff as for anybody.
    for hour in [13, 14] {
        assert_eq!(code(&staff.book(ignoring(&at(hour))).await), "SLOT_TAKEN");
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn staff_who_ignore_the_schedule_go_over_holds_and_end_them() {
    let server = default_studios().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let session = json!({ "sessionSecret": "ada, a secret of a session" });
    let slots = json!({ "slots": [{ "start": at(13), "durationMinutes": 60 }] });
    let hold = with(with(json!({ "resourceId": "res_a", "eventTypeId": "evt_hour" }), &slots), &session);
    assert_eq!(ada.heartbeat(hold.clone()).await["granted"], true);

    assert_eq!(code(&staff.book(booking("a", "hour", &at(13))).await), "SLOT_HELD", "without it holds bind staff too");
    let over = staff.book(with(booking("a", "hour", &at(13)), &json!({ "ignoreSchedule": true }))).await;
    assert_eq!(over["userErrors"], json!([]), "{over}");
    assert_eq!(code(&ada.heartbeat(hold).await), "SLOT_TAKEN");
    assert_eq!(code(&ada.book(with(booking("a", "hour", &at(13)), &session)).await), "SLOT_TAKEN");
}
