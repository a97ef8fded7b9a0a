//! Looking where to move a booking: its own time counts as free, for whoever may move it, and for nobody else.

use std::sync::Arc;

use serde_json::{Value, json};
use slotwise::domain::booking::{Actor as By, BookingEvent, BookingEventType, BookingStatus, BookingTransition};

use crate::support::moving::{an_hour, rooms, rooms_with};
use crate::support::studios::{refusal, secret, with};
use crate::support::{Actor, EventTypeSpec, ServerOptions, TestServer};

const NOON: &str = "2026-12-02T12:00:00Z";
const SLOTS: &str =
    "query ($resource: ID!, $eventType: ID, $reschedule: RescheduleContext, $minutes: Int, $all: Boolean!,
    $quantity: Int!, $addOns: [BookingItemInput!]!) {
    daySlots(resourceId: $resource, date: \"2026-12-02\", eventTypeId: $eventType, durationMinutes: $minutes,
        quantity: $quantity, addOns: $addOns, reschedule: $reschedule, includeUnavailable: $all) {
        id revision validUntil slots { start remaining unavailable } } }";
const MONTH: &str = "query ($reschedule: RescheduleContext) {
    monthAvailability(resourceId: \"res_a\", from: \"2026-12-02\", to: \"2026-12-03\", eventTypeId: \"evt_any\",
        durationMinutes: 60, reschedule: $reschedule) { id revision validUntil days { date slotCount } } }";
const WATCH: &str = "subscription ($reschedule: RescheduleContext) {
    daySlotsChanged(resourceId: \"res_a\", date: \"2026-12-02\", eventTypeId: \"evt_any\", durationMinutes: 60,
        reschedule: $reschedule) { id validUntil slots { start } } }";
const WATCH_MONTH: &str = "subscription ($reschedule: RescheduleContext) {
    monthAvailabilityChanged(resourceId: \"res_a\", from: \"2026-12-02\", to: \"2026-12-02\", eventTypeId: \"evt_any\",
        durationMinutes: 60, reschedule: $reschedule) { days { slotCount } } }";

/// The variables of [`SLOTS`] for an hour in room a.
fn asking(reschedule: &Value) -> Value {
    json!({
        "resource": "res_a", "eventType": "evt_any", "minutes": 60, "quantity": 1, "addOns": [], "all": false,
        "reschedule": reschedule,
    })
}

async fn slots(actor: &Actor, variables: Value) -> Value {
    actor.ask(SLOTS, variables).await["daySlots"].clone()
}

fn starts(answer: &Value) -> Vec<&str> {
    answer["slots"].as_array().unwrap().iter().map(|slot| slot["start"].as_str().unwrap()).collect()
}

/// An answer but for its id, which is made of what was asked.
fn said(answer: &Value) -> Value {
    with(answer.clone(), json!({ "id": null }))
}

#[tokio::test]
async fn own_time_is_free_for_whoever_may_move_the_booking_and_taken_for_everybody_else() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let (id, token) = ada.make(an_hour("any", "a", NOON)).await;
    let (_, other_token) = ada.make(an_hour("any", "b", NOON)).await;
    let plain = slots(&ada, asking(&Value::Null)).await;
    assert!(!starts(&plain).contains(&NOON));
    let month = |context: Value| json!({ "reschedule": context });
    let plain_month = ada.ask(MONTH, month(Value::Null)).await["monthAvailability"].clone();

    let (guest, staff) = (server.anonymous(), server.staff());
    for (actor, token) in [(&ada, None), (&staff, None), (&guest, Some(token.as_str()))] {
        let context = json!({ "bookingId": id, "managementToken": token });
        let own = slots(actor, asking(&context)).await;
        assert_eq!(starts(&own).len(), starts(&plain).len() + 7);
        assert!(starts(&own).contains(&NOON));
        let own_month = actor.ask(MONTH, month(context)).await["monthAvailability"].clone();
        let counts = |answer: &Value| answer["days"][0]["slotCount"].as_i64().unwrap();
        assert_eq!(counts(&own_month), counts(&plain_month) + 7);
        assert_eq!(own_month["days"][1], plain_month["days"][1]);
    }

    for stranger in &server.strangers_to("ada") {
        for token in [None, Some("guessed"), Some(other_token.as_str())] {
            for id in [id.as_str(), "bok_unknown"] {
                let context = json!({ "bookingId": id, "managementToken": token });
                assert_eq!(said(&slots(stranger, asking(&context)).await), said(&plain));
                let answer = stranger.ask(MONTH, month(context)).await["monthAvailability"].clone();
                assert_eq!(said(&answer), said(&plain_month));
            }
        }
    }
}

#[tokio::test]
async fn an_id_is_of_what_is_asked_and_a_context_is_part_of_it() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let (id, token) = ada.make(an_hour("any", "a", NOON)).await;
    let ask = async |context: Value| slots(&ada, asking(&context)).await["id"].clone();
    let without = ask(Value::Null).await;
    let left_out =
        "{ daySlots(resourceId: \"res_a\", date: \"2026-12-02\", eventTypeId: \"evt_any\", durationMinutes: 60)
        { id } }";
    assert_eq!(ada.ask(left_out, json!({})).await["daySlots"]["id"], without);
    let contexts = [
        json!({ "bookingId": id }),
        json!({ "bookingId": "bok_unknown" }),
        json!({ "bookingId": id, "managementToken": token }),
        json!({ "bookingId": id, "managementToken": "guessed" }),
        json!({ "bookingId": id, "managementToken": "" }),
    ];
    let mut ids = vec![without];
    for context in contexts {
        let id = ask(context.clone()).await;
        assert_eq!(ask(context).await, id);
        assert!(!ids.contains(&id));
        ids.push(id);
    }
}

#[tokio::test]
async fn own_time_is_no_longer_free_once_the_booking_can_no_longer_be_moved() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (id, _) = ada.make(with(an_hour("any", "a", NOON), json!({ "durationMinutes": 180 }))).await;
    let context = || asking(&json!({ "bookingId": id }));
    server.clock.advance_to("2026-12-02T11:50:00Z".parse().unwrap());
    let before = slots(&ada, context()).await;
    assert_eq!((starts(&before)[0], &before["validUntil"]), (NOON, &json!(NOON)));
    server.clock.advance_to("2026-12-02T11:59:59.999Z".parse().unwrap());
    assert_eq!(starts(&slots(&ada, context()).await)[0], NOON);
    server.clock.advance_to(NOON.parse().unwrap());
    assert_eq!(starts(&slots(&ada, context()).await)[0], "2026-12-02T15:00:00Z");
    // Staff may still move it.
    assert_eq!(starts(&slots(&staff, context()).await)[0], NOON);
    staff.cancel(json!({ "id": id })).await;
    assert_eq!(said(&slots(&ada, context()).await)["slots"], slots(&ada, asking(&Value::Null)).await["slots"]);
}

#[tokio::test]
async fn a_watched_list_follows_the_booking_that_is_moved() {
    let server = rooms().await;
    let (ada, bob, staff) = (server.customer("ada"), server.customer("bob"), server.staff());
    let (id, _) = ada.make(with(an_hour("any", "a", NOON), json!({ "durationMinutes": 180 }))).await;
    let context = json!({ "reschedule": { "bookingId": id } });
    let mut watch = ada.watch(WATCH, context.clone()).await;
    let mut month = ada.watch(WATCH_MONTH, context.clone()).await;
    let mut without = bob.watch(WATCH, context.clone()).await;
    let first = watch.next().await;
    let all = 24 * 4;
    assert_eq!(starts(&first).len(), all);
    assert_eq!(month.next().await["days"][0]["slotCount"], all);
    assert_eq!(starts(&without.next().await).len(), all - 3 * 4 - 3);

    // To where it is moved makes no difference to whoever may move it; others see it go.
    ada.move_it(json!({ "id": id, "start": "2026-12-02T14:00:00Z" })).await;
    assert!(starts(&without.next().await).contains(&NOON));
    bob.make(an_hour("any", "a", "2026-12-02T20:00:00Z")).await;
    let second = watch.next().await;
    assert_eq!(starts(&second).len(), all - 4 - 3);
    assert_eq!(month.next().await["days"][0]["slotCount"], all - 4 - 3);

    // From its start on only staff may move it: its time is taken, by the clock alone.
    let mut by_staff = staff.watch(WATCH, context).await;
    by_staff.next().await;
    server.clock.advance_to("2026-12-02T14:00:00Z".parse().unwrap());
    let mut state = watch.next().await;
    while starts(&state)[0] != "2026-12-02T17:00:00Z" {
        state = watch.next().await;
    }
    let mut state = by_staff.next().await;
    while starts(&state)[0] != "2026-12-02T14:00:00Z" {
        state = by_staff.next().await;
    }
    // Away from the day altogether, and then cancelled there: whoever looked at the day sees its time go free.
    staff.move_it(json!({ "id": id, "start": "2026-12-04T14:00:00Z" })).await;
    assert_eq!(starts(&watch.next().await)[0], "2026-12-02T14:00:00Z");
}

#[tokio::test]
async fn a_cancelled_booking_is_no_longer_moved_and_its_watcher_hears_what_others_do_with_its_time() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let (id, token) = ada.make(an_hour("any", "a", NOON)).await;
    let context = json!({ "reschedule": { "bookingId": id, "managementToken": token } });
    let mut watch = server.anonymous().watch(WATCH, context).await;
    assert!(starts(&watch.next().await).contains(&NOON));
    ada.cancel(json!({ "id": id })).await;
    bob.make(an_hour("any", "a", NOON)).await;
    assert!(!starts(&watch.next().await).contains(&NOON));
}

#[tokio::test]
async fn a_watcher_hears_that_a_booking_is_no_longer_moved_though_its_time_stays_taken() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (id, _) = ada.make(with(an_hour("any", "a", NOON), json!({ "durationMinutes": 180 }))).await;
    server.clock.advance_to("2026-12-02T12:00:00.001Z".parse().unwrap());
    let mut watch = staff.watch(WATCH, json!({ "reschedule": { "bookingId": id } })).await;
    assert_eq!(starts(&watch.next().await)[0], "2026-12-02T12:15:00Z");
    let before = slots(&staff, asking(&json!({ "bookingId": id }))).await;

    server.execute_sql(&format!("UPDATE bookings SET status = 'completed', revision = 2 WHERE id = '{id}'")).await;
    let booking = server.store.reader().booking(&id.as_str().into()).await.unwrap().unwrap();
    let completed = BookingTransition {
        event: BookingEventType::Completed,
        from: Some(BookingStatus::Confirmed),
        to: BookingStatus::Completed,
        at: server.clock_now(),
        by: By::System,
        reason: None,
        previous: None,
    };
    server.feed.publish_booking(Arc::new(BookingEvent::new(booking, completed)));
    assert_eq!(starts(&watch.next().await)[0], "2026-12-02T15:00:00Z");
    // Other answers have other revisions, whatever made them so.
    let after = slots(&staff, asking(&json!({ "bookingId": id }))).await;
    assert!(after["revision"].as_i64() > before["revision"].as_i64());
}

#[tokio::test]
async fn a_token_in_an_address_is_refused_wherever_it_stands() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let (id, token) = ada.make(an_hour("any", "a", NOON)).await;
    let guest = server.anonymous();
    for token in [token.as_str(), "guessed"] {
        let context = json!({ "bookingId": id, "managementToken": token });
        for (query, variables) in [(SLOTS, asking(&context)), (MONTH, json!({ "reschedule": context }))] {
            let answer = guest.get(query, variables).await;
            assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.body);
        }
        let in_the_document = format!(
            "{{ daySlots(resourceId: \"res_a\", date: \"2026-12-02\", eventTypeId: \"evt_any\",
                reschedule: {{ bookingId: \"{id}\", managementToken: \"{token}\" }}) {{ id }} }}"
        );
        assert_eq!(guest.get(&in_the_document, json!({})).await.code(), "BAD_USER_INPUT");
    }
    // A booking's id is no secret.
    let answer = ada.get(SLOTS, asking(&json!({ "bookingId": id }))).await.data();
    assert!(starts(&answer["daySlots"]).contains(&NOON));
}

/// What one offers and heeds: a room with buffers, with and without an add-on, and units of a pool.
struct Offer {
    booked: Value,
    /// What else stands there.
    others: Vec<Value>,
}

fn offers() -> Vec<Offer> {
    let pool = |units: u32, start: &str| with(an_hour("tidy", "p", start), json!({ "quantity": units }));
    let add_ons = json!({ "addOns": [{ "resourceId": "res_p", "quantity": 2 }, { "resourceId": "res_x" }] });
    vec![
        Offer {
            booked: an_hour("tidy", "a", NOON),
            others: vec![an_hour("any", "a", "2026-12-02T15:00:00Z"), an_hour("any", "a", "2026-12-02T09:30:00Z")],
        },
        Offer {
            booked: with(an_hour("any", "a", NOON), add_ons),
            others: vec![pool(1, "2026-12-02T13:30:00Z"), pool(1, "2026-12-02T14:15:00Z"), pool(1, NOON)],
        },
        Offer { booked: pool(3, NOON), others: vec![pool(1, "2026-12-02T15:30:00Z"), pool(3, "2026-12-02T09:00:00Z")] },
    ]
}

/// Every start of the day: offered, it is held and moved to at once; not offered, it is refused for the reason given.
async fn try_every_start(server: &TestServer, Offer { booked, others }: Offer) {
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    for other in others {
        bob.make(other).await;
    }
    let (id, _) = ada.make(booked.clone()).await;
    let of = |name: &str, otherwise: Value| booked.get(name).cloned().unwrap_or(otherwise);
    let context = json!({ "bookingId": id });
    let asked = json!({
        "resource": booked["resourceId"], "eventType": booked["eventTypeId"], "minutes": 60, "all": true,
        "quantity": of("quantity", json!(1)), "addOns": of("addOns", json!([])), "reschedule": context,
    });
    let listed = slots(&ada, asked.clone()).await;
    let (mut had, mut refused) = (0, 0);
    for slot in listed["slots"].as_array().unwrap() {
        let start = &slot["start"];
        let session = json!(secret(&format!("mover to {start}")));
        let hold = |reschedule: Value| {
            json!({
                "resourceId": booked["resourceId"], "eventTypeId": booked["eventTypeId"], "sessionSecret": session,
                "slots": [{ "start": start, "durationMinutes": 60 }], "quantity": of("quantity", json!(1)),
                "addOns": of("addOns", json!([])), "reschedule": reschedule,
            })
        };
        let there = json!({ "id": id, "start": start, "sessionSecret": session });
        if slot["unavailable"].is_null() {
            ada.hold(hold(context.clone())).await;
            // Whoever else would hold it is kept out, as by any other hold.
            let elsewhere = with(hold(Value::Null), json!({ "sessionSecret": secret("somebody else") }));
            assert_eq!(bob.heartbeat(elsewhere).await["granted"], false, "{start}");
            let moved = ada.move_it(there).await;
            assert_eq!(&moved["start"], start);
            assert_eq!(said(&slots(&ada, asked.clone()).await)["slots"], listed["slots"], "moved to {start}");
            had += 1;
        } else {
            assert_eq!(refusal(&ada.heartbeat(hold(context.clone())).await), slot["unavailable"], "{start}");
            assert_eq!(refusal(&ada.reschedule(there).await), slot["unavailable"], "{start}");
            refused += 1;
        }
    }
    assert!(had > 10 && refused > 3, "{had}, {refused}");
    server.assert_sound().await;
}

#[tokio::test]
async fn every_start_that_is_offered_is_held_and_moved_to_at_once_and_no_other() {
    for offer in offers() {
        let server = rooms().await;
        try_every_start(&server, offer).await;
    }
}

#[tokio::test]
async fn own_time_is_held_by_whoever_may_move_the_booking_and_by_nobody_else() {
    let server = rooms_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    let guest = server.anonymous();
    let booker = json!({ "booker": { "name": "Gast", "email": "gast@example.org" } });
    let (id, token) = guest.make(with(an_hour("any", "a", NOON), booker)).await;
    let hold = |session: &str, context: Value| {
        json!({
            "resourceId": "res_a", "sessionSecret": secret(session), "reschedule": context,
            "slots": [{ "start": "2026-12-02T12:30:00Z", "durationMinutes": 60 }],
        })
    };
    for context in [Value::Null, json!({ "bookingId": id }), json!({ "bookingId": id, "managementToken": "guessed" })] {
        assert_eq!(refusal(&guest.heartbeat(hold("eve", context)).await), "SLOT_TAKEN");
    }
    let context = json!({ "bookingId": id, "managementToken": token });
    guest.hold(hold("gast", context.clone())).await;
    assert_eq!(refusal(&guest.heartbeat(hold("eve", context.clone())).await), "SLOT_HELD");
    // Renewed with the context or without it; and what is held is moved to by this session alone.
    guest.hold(hold("gast", Value::Null)).await;
    let there = json!({ "id": id, "managementToken": token, "start": "2026-12-02T12:30:00Z" });
    assert_eq!(refusal(&guest.reschedule(there.clone()).await), "SLOT_HELD");
    guest.move_it(with(there, json!({ "sessionSecret": secret("gast") }))).await;
    assert_eq!(guest.holds("a").await, json!([]));
    server.assert_sound().await;
}

#[tokio::test]
async fn a_question_with_a_context_costs_the_reading_of_all_and_two_statements_more() {
    let server = rooms().await;
    server.event_types([EventTypeSpec::named("plain", &[60], &["a"])]).await;
    let ada = server.customer("ada");
    let (id, _) = ada.make(an_hour("any", "a", NOON)).await;
    let cost = async |query: &str, variables: Value| {
        // In other words each time, so that the answer is not one that was kept.
        let first = server.statements_of(ada.ask(&format!("{query} # 1"), variables.clone())).await.1;
        (first, server.statements_of(ada.ask(&format!("{query} # 2"), variables)).await.1)
    };
    let context = json!({ "bookingId": id });
    let (first, then) = cost(SLOTS, asking(&Value::Null)).await;
    assert!(then < first, "what the catalogue says is known by then");
    assert_eq!(cost(SLOTS, asking(&context)).await, (first + 2, first + 2));
    assert_eq!(cost(MONTH, json!({})).await, (then, then));
    assert_eq!(cost(MONTH, json!({ "reschedule": context })).await, (first + 2, first + 2));
}
