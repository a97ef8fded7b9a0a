//! What happens to bookings, told to those who may know: every event once, for as long as they may.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use slotwise::domain::access::Role;
use slotwise::domain::booking::{Booking, BookingEvent};

use crate::support::bookings::{made, put};
use crate::support::people::{account, event, server_with_provider};
use crate::support::studios::with;
use crate::support::{
    Actor, EventTypeSpec, ResourceSpec, ServerOptions, Subprotocol, TestServer, Watch, at_once, until,
};

const WATCH: &str = "subscription ($resource: ID, $booking: ID, $token: String) {
    bookingChanged(resourceId: $resource, bookingId: $booking, managementToken: $token) {
        id event at transition { event from to by { kind userId } reason }
        booking { id status revision start resource { id } history { event } } } }";

async fn furnished(server: TestServer) -> TestServer {
    server
        .resources([
            ResourceSpec::named("a"),
            ResourceSpec::named("b"),
            ResourceSpec { quantity: 100, ..ResourceSpec::named("p") },
        ])
        .await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a", "b", "p"])]).await;
    server
}

/// Rooms `a` and `b` and a pool of a hundred, always open.
async fn rooms() -> TestServer {
    furnished(TestServer::start_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await).await
}

/// Watches; once this is back, whatever happens is told.
async fn watch(server: &TestServer, actor: &Actor, variables: Value) -> Watch {
    watch_with(server, actor, Subprotocol::TransportWs, variables).await
}

async fn watch_with(server: &TestServer, actor: &Actor, subprotocol: Subprotocol, variables: Value) -> Watch {
    let before = server.feed.watchers();
    let watch = actor.watch_with(subprotocol, WATCH, variables).await;
    until("the watch", || server.feed.watchers() > before).await;
    watch
}

fn at(hour: u32) -> String {
    format!("2026-12-02T{hour:02}:00:00Z")
}

fn hour(resource: &str, hour: u32) -> Value {
    json!({ "resourceId": format!("res_{resource}"), "eventTypeId": "evt_hour", "start": at(hour) })
}

/// The id and the management token of a booking that is made.
async fn book(actor: &Actor, input: Value) -> (String, String) {
    let payload = actor.book(input).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("not booked: {payload}")).to_owned();
    (text(&payload["booking"]["id"]), text(&payload["managementToken"]))
}

/// The code with which a subscription ends next.
async fn ends_with(watch: &mut Watch) -> String {
    let message = watch.next_raw().await;
    let error = &message["payload"]["errors"][0];
    crate::support::assert_clear(error["message"].as_str().unwrap_or_else(|| panic!("no error: {message}")));
    assert_eq!(message["payload"]["data"], Value::Null);
    assert!(watch.ends().await);
    error["extensions"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn staff_are_told_what_happens_to_every_booking_as_its_history_tells_it() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (old, _) = book(&ada, hour("a", 9)).await;
    let mut watch = watch(&server, &staff, json!({})).await;
    let (id, _) = book(&ada, hour("a", 10)).await;
    let told = watch.next().await;
    let expected = json!({
        "id": format!("evn_{id}_1"), "event": "CREATED", "at": "2026-12-01T06:00:00Z",
        "transition": { "event": "CREATED", "from": null, "to": "CONFIRMED", "by": { "kind": "USER", "userId": "ada" },
            "reason": null },
        "booking": { "id": id, "status": "CONFIRMED", "revision": 1, "start": at(10), "resource": { "id": "res_a" },
            "history": [{ "event": "CREATED" }] },
    });
    assert_eq!(told, expected);
    staff.cancel(json!({ "id": old, "reason": "rain" })).await;
    let told = watch.next().await;
    assert_eq!((&told["id"], &told["event"]), (&json!(format!("evn_{old}_2")), &json!("CANCELLED")));
    assert_eq!((&told["booking"]["status"], &told["transition"]["reason"]), (&json!("CANCELLED"), &json!("rain")));
    // What changes nothing is no event.
    staff.cancel(json!({ "id": old })).await;
    staff.cancel(json!({ "id": id })).await;
    assert_eq!(watch.next().await["id"], format!("evn_{id}_2"));
}

#[tokio::test]
async fn of_a_burst_every_event_is_told_once_and_those_of_one_booking_in_order() {
    const MANY: usize = 100;
    let server = rooms().await;
    let staff = server.staff();
    let mut watches = Vec::new();
    for _ in 0..3 {
        watches.push(watch(&server, &staff, json!({})).await);
    }
    let ada = server.customer("ada");
    ada.viewer().await;
    let answers = at_once(MANY, |_| {
        let (ada, staff) = (ada.clone(), staff.clone());
        async move {
            let (id, _) = book(&ada, hour("p", 10)).await;
            staff.cancel(json!({ "id": id })).await;
            id
        }
    });
    let booked: BTreeSet<String> = answers.await.into_iter().collect();
    assert_eq!(booked.len(), MANY);
    for watch in &mut watches {
        let mut told: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for _ in 0..2 * MANY {
            let event = watch.next().await;
            let booking = &event["booking"];
            assert_eq!(event["id"], format!("evn_{}_{}", booking["id"].as_str().unwrap(), booking["revision"]));
            let id = booking["id"].as_str().unwrap().to_owned();
            told.entry(id).or_default().push(booking["revision"].as_i64().unwrap());
        }
        assert!(told.keys().eq(booked.iter()));
        assert!(told.values().all(|revisions| revisions == &[1, 2]), "{told:?}");
    }
}

#[tokio::test]
async fn whoever_falls_behind_is_told_how_to_catch_up_and_nothing_that_has_a_gap() {
    let server = rooms().await;
    let staff = server.staff();
    let mut watch = watch(&server, &staff, json!({})).await;
    // The server cannot tell any of them before all have happened.
    for number in 0..1_000 {
        server.tell_of(&put(&number.to_string(), &["a"], &at(10), 60));
    }
    let message = watch.next_raw().await;
    let error = &message["payload"]["errors"][0];
    assert_eq!(error["extensions"]["code"], "RATE_LIMITED");
    assert!(error["message"].as_str().unwrap().contains("updatedSince"), "{error}");
    assert!(watch.ends().await);
}

#[tokio::test]
async fn a_resource_filter_tells_of_primary_resources_and_add_ons_before_and_after_a_move() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let mut watch = watch(&server, &server.staff(), json!({ "resource": "res_b" })).await;
    book(&ada, hour("a", 9)).await;
    let (primary, _) = book(&ada, hour("b", 9)).await;
    book(&ada, hour("a", 10)).await;
    let (add_on, _) = book(&ada, with(hour("a", 11), json!({ "addOns": [{ "resourceId": "res_b" }] }))).await;
    let moved = put("moved", &["a"], &at(12), 60);
    server.put_bookings(std::slice::from_ref(&moved)).await;
    let event = BookingEvent::new(moved.clone(), made(&moved));
    server.feed.publish_booking(BookingEvent { previous_resource: Some("res_b".into()), ..event }.into());
    for id in [primary.as_str(), &add_on, "bkg_moved"] {
        assert_eq!(watch.next().await["booking"]["id"], id);
    }
}

#[tokio::test]
async fn an_organization_is_told_of_its_own_bookings_only() {
    let server = rooms().await;
    let far = server.signed_in("staff", Role::Staff, "elsewhere");
    let mut watch = watch(&server, &far, json!({})).await;
    book(&server.customer("ada"), hour("a", 9)).await;
    let elsewhere = Booking { organization_id: "elsewhere".into(), ..put("far", &["a"], &at(9), 60) };
    server.tell_of(&elsewhere);
    let message = watch.next_raw().await;
    assert_eq!(message["payload"]["data"]["bookingChanged"]["booking"]["id"], "bkg_far", "{message}");
    for resource in ["res_a", "res_none"] {
        let mut refused = far.watch(WATCH, json!({ "resource": resource })).await;
        assert_eq!(ends_with(&mut refused).await, "NOT_FOUND");
    }
}

#[tokio::test]
async fn one_booking_is_watched_by_whoever_may_read_it() {
    let server = rooms().await;
    let (ada, staff, guest) = (server.customer("ada"), server.staff(), server.anonymous());
    let (id, token) = book(&ada, hour("a", 9)).await;
    let (other, other_token) = book(&ada, hour("a", 10)).await;
    let by_token = json!({ "booking": id, "token": token });
    let mut watches = [
        watch(&server, &ada, json!({ "booking": id })).await,
        watch(&server, &guest, by_token.clone()).await,
        watch(&server, &server.customer("bob"), by_token).await,
        watch(&server, &staff, json!({ "booking": id })).await,
    ];
    for (actor, variables) in [
        (&guest, json!({ "booking": id })),
        (&guest, json!({ "booking": id, "token": other_token })),
        (&guest, json!({ "booking": "bkg_none", "token": token })),
        (&server.customer("bob"), json!({ "booking": id })),
        (&server.signed_in("ada", Role::Customer, "elsewhere"), json!({ "booking": id })),
        (&server.signed_in("staff", Role::Staff, "elsewhere"), json!({ "booking": id })),
    ] {
        let mut refused = actor.watch(WATCH, variables).await;
        assert_eq!(ends_with(&mut refused).await, "NOT_FOUND");
    }
    for (actor, variables, code) in [
        (&guest, json!({}), "UNAUTHENTICATED"),
        (&guest, json!({ "token": token }), "UNAUTHENTICATED"),
        (&ada, json!({}), "FORBIDDEN"),
        (&staff, json!({ "token": token }), "BAD_USER_INPUT"),
        (&staff, json!({ "booking": id, "resource": "res_a" }), "BAD_USER_INPUT"),
    ] {
        assert_eq!(ends_with(&mut actor.watch(WATCH, variables).await).await, code);
    }
    staff.cancel(json!({ "id": other })).await;
    staff.cancel(json!({ "id": id })).await;
    for (number, watch) in watches.iter_mut().enumerate() {
        let told = watch.next().await;
        assert_eq!(told["id"], format!("evn_{id}_2"));
        // Which of the staff it was is for staff.
        let seen = if number == 3 { json!("staff") } else { Value::Null };
        assert_eq!(told["transition"]["by"], json!({ "kind": "USER", "userId": seen }));
    }
}

#[tokio::test]
async fn what_an_access_token_opened_ends_with_it_although_nothing_happens() {
    let server = rooms().await;
    let ends_at = server.clock_now() + TimeDelta::minutes(5);
    let staff = server.bearer_until(json!({ "sub": "joan", "role": "staff" }), ends_at);
    let ada = server.bearer_until(json!({ "sub": "ada" }), ends_at);
    let (id, token) = book(&ada, hour("a", 9)).await;
    let mut watches = Vec::new();
    for subprotocol in Subprotocol::BOTH {
        watches.push(watch_with(&server, &staff, subprotocol, json!({})).await);
        watches.push(watch_with(&server, &ada, subprotocol, json!({ "booking": id })).await);
    }
    let by_token = json!({ "booking": id, "token": token });
    let mut guest = watch(&server, &server.anonymous(), by_token.clone()).await;
    let bob = server.bearer_until(json!({ "sub": "bob" }), ends_at);
    let mut bob = watch(&server, &bob, by_token).await;
    server.clock.advance(Duration::from_secs(5 * 60 + 31));
    for watch in &mut watches {
        assert_eq!(ends_with(watch).await, "UNAUTHENTICATED");
    }
    // What the management token opened goes on, whoever showed it.
    server.staff().cancel(json!({ "id": id })).await;
    for watch in [&mut guest, &mut bob] {
        assert_eq!(watch.next().await["event"], "CANCELLED");
    }
}

#[tokio::test]
async fn whoever_is_no_longer_staff_is_not_told_what_happens_next() {
    let server = rooms().await;
    let root = server.runner();
    let joan = server.bearer(json!({ "sub": "joan" }));
    joan.viewer().await;
    root.set_role("joan", "STAFF").await;
    let ada = server.customer("ada");
    let (id, _) = book(&ada, hour("a", 9)).await;
    let mut all = watch(&server, &joan, json!({})).await;
    let mut one = watch(&server, &joan, json!({ "booking": id })).await;
    server.staff().cancel(json!({ "id": id })).await;
    for watch in [&mut all, &mut one] {
        assert_eq!(watch.next().await["event"], "CANCELLED");
    }
    assert_eq!(root.set_role("joan", "CUSTOMER").await["user"]["role"], "CUSTOMER");
    book(&ada, hour("a", 9)).await;
    assert_eq!(ends_with(&mut all).await, "FORBIDDEN");
}

#[tokio::test]
async fn whoever_is_deleted_is_not_told_what_happens_next() {
    let server = furnished(server_with_provider("").await).await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (id, _) = book(&ada, hour("a", 9)).await;
    let mut one = watch(&server, &ada, json!({ "booking": id })).await;
    let mut all = watch(&server, &staff, json!({})).await;
    for (number, subject) in ["ada", "staff"].into_iter().enumerate() {
        let data = account(subject, "Gone", "2026-12-01T06:00:00.000Z");
        server.told(event(&number.to_string(), "deleted", "2026-12-01T06:00:00.000Z", data)).await;
    }
    server.signed_in("other", Role::Staff, "default").cancel(json!({ "id": id })).await;
    for watch in [&mut one, &mut all] {
        assert_eq!(ends_with(watch).await, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn what_nobody_confirmed_in_time_is_told_when_it_expires() {
    let server = rooms().await;
    let requested = EventTypeSpec { requires_confirmation: true, ..EventTypeSpec::named("request", &[60], &["a"]) };
    server.event_types([requested]).await;
    let mut watch = watch(&server, &server.staff(), json!({})).await;
    let (id, _) = book(&server.customer("ada"), with(hour("a", 9), json!({ "eventTypeId": "evt_request" }))).await;
    assert_eq!(watch.next().await["booking"]["status"], "PENDING");
    server.clock.advance_to(at(9).parse().unwrap());
    let told = watch.next().await;
    assert_eq!((&told["id"], &told["event"]), (&json!(format!("evn_{id}_2")), &json!("EXPIRED")));
    assert_eq!(told["transition"]["by"], json!({ "kind": "SYSTEM", "userId": null }));
}

#[tokio::test]
async fn a_server_that_stops_ends_what_is_watched_and_the_next_one_tells_on() {
    let server = rooms().await;
    let (id, _) = book(&server.customer("ada"), hour("a", 9)).await;
    let mut before = watch(&server, &server.staff(), json!({})).await;
    let database = server.stop().await;
    assert!(before.ends().await);
    let server = TestServer::start_on(database, ServerOptions::default()).await;
    let staff = server.staff();
    let mut after = watch(&server, &staff, json!({})).await;
    staff.cancel(json!({ "id": id })).await;
    assert_eq!(after.next().await["id"], format!("evn_{id}_2"));
}

#[tokio::test]
async fn watchers_leave_nothing_behind() {
    let server = rooms().await;
    let staff = server.staff();
    let mut watches = Vec::new();
    for _ in 0..10 {
        watches.push(watch(&server, &staff, json!({})).await);
    }
    drop(watches);
    until("them to be gone", || server.feed.watchers() == 0).await;
}
