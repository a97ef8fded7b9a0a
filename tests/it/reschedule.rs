//! Moving bookings: where to, by whom, and what becomes of what cannot be moved.

use std::time::Duration;

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::moving::{an_hour, rooms, rooms_with};
use crate::support::running::{of, refusals};
use crate::support::studios::{free_hold, refusal, secret, with};
use crate::support::{Actor, ResourceSpec, ServerOptions, TestServer, assert_clear};

const NOON: &str = "2026-12-02T12:00:00Z";

/// `input` for a booking that is moved.
fn to(id: &str, start: &str) -> Value {
    json!({ "id": id, "start": start })
}

#[tokio::test]
async fn a_booking_is_moved_over_itself_and_stays_the_same_booking() {
    let server = rooms().await;
    let (ada, guest) = (server.customer("ada"), server.anonymous());
    let (id, token) = ada.make(an_hour("any", "a", NOON)).await;
    server.clock.advance(Duration::from_mins(1));
    let moved = ada.move_it(with(to(&id, "2026-12-02T12:30:00Z"), json!({ "reason": "train" }))).await;
    assert_eq!((&moved["id"], &moved["revision"], &moved["status"]), (&json!(id), &json!(2), &json!("CONFIRMED")));
    assert_eq!([&moved["start"], &moved["end"]], ["2026-12-02T12:30:00Z", "2026-12-02T13:30:00Z"]);
    assert_eq!(
        moved["history"][1],
        json!({
            "event": "RESCHEDULED", "from": "CONFIRMED", "to": "CONFIRMED", "at": "2026-12-01T06:01:00Z",
            "by": { "kind": "USER", "userId": null }, "reason": "train",
            "previousStart": NOON, "previousEnd": "2026-12-02T13:00:00Z",
        })
    );
    assert!(ada.is_free("a", "2026-12-02T10:00:00Z", "2026-12-02T12:30:00Z").await);
    assert!(ada.is_free("a", "2026-12-02T13:30:00Z", "2026-12-02T18:00:00Z").await);
    assert!(!ada.is_free("a", "2026-12-02T12:30:00Z", "2026-12-02T12:45:00Z").await);

    // The same start, three times as long; shorter again, by the same token.
    let longer = ada.move_it(with(to(&id, "2026-12-02T12:30:00Z"), json!({ "durationMinutes": 180 }))).await;
    assert_eq!((&longer["end"], &longer["durationMinutes"]), (&json!("2026-12-02T15:30:00Z"), &json!(180)));
    let by_token = json!({ "managementToken": token, "durationMinutes": 15 });
    let shorter = guest.move_it(with(to(&id, "2026-12-02T14:00:00Z"), by_token)).await;
    assert_eq!(shorter["history"][3]["by"]["kind"], "TOKEN");
    assert!(ada.is_free("a", "2026-12-02T14:15:00Z", "2026-12-02T18:00:00Z").await);
    assert_eq!(guest.read_booking(&id, Some(&token)).await["start"], "2026-12-02T14:00:00Z");
    server.assert_sound().await;
}

#[tokio::test]
async fn a_booking_is_not_moved_for_ever() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let (id, _) = ada.make(an_hour("any", "a", NOON)).await;
    server.execute_sql(&format!("UPDATE bookings SET revision = 1000 WHERE id = '{id}'")).await;
    let later = || to(&id, "2026-12-02T13:00:00Z");
    assert_eq!(refusal(&ada.reschedule(later()).await), "LIMIT_EXCEEDED");
    // Where it is already it may stay.
    assert_eq!(ada.move_it(to(&id, NOON)).await["revision"], 1000);
    assert_eq!(server.staff().move_it(later()).await["revision"], 1001);
}

#[tokio::test]
async fn a_booking_is_moved_to_another_resource_and_its_add_ons_stay() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let add_ons = json!({ "addOns": [{ "resourceId": "res_x" }, { "resourceId": "res_p", "quantity": 2 }] });
    let (id, _) = ada.make(with(an_hour("any", "a", NOON), add_ons)).await;
    let moved = ada.move_it(with(to(&id, NOON), json!({ "resourceId": "res_b" }))).await;
    assert_eq!(moved["resource"]["id"], "res_b");
    let expected = json!([
        { "resource": { "id": "res_x" }, "quantity": 1 }, { "resource": { "id": "res_p" }, "quantity": 2 },
    ]);
    assert_eq!(moved["addOns"], expected);
    assert_eq!(ada.read_booking(&id, None).await, moved);
    assert!(ada.is_free("a", NOON, "2026-12-02T13:00:00Z").await);
    for resource in ["b", "x"] {
        assert!(!ada.is_free(resource, NOON, "2026-12-02T13:00:00Z").await);
    }

    // Time and resource at once; then the rest goes along.
    let moved = ada.move_it(with(to(&id, "2026-12-03T08:00:00Z"), json!({ "resourceId": "res_a" }))).await;
    assert_eq!((&moved["resource"]["id"], &moved["revision"]), (&json!("res_a"), &json!(3)));
    for resource in ["b", "x"] {
        assert!(ada.is_free(resource, "2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z").await);
    }
    server.assert_sound().await;

    // An add-on cannot be the primary resource as well.
    let refused = ada.reschedule(with(to(&id, NOON), json!({ "resourceId": "res_p" }))).await;
    assert_eq!(refusals(&refused), of(&[("INVALID", "resourceId")]));
    let message = refused["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("`res_p`") && message.contains("`res_a`"), "{message}");
    assert_eq!(ada.cancel(json!({ "id": id })).await["booking"]["status"], "CANCELLED");
    server.assert_sound().await;
}

#[tokio::test]
async fn a_booking_is_moved_across_midnight_and_over_several_days() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let (id, _) = ada.make(an_hour("any", "a", "2026-12-02T22:30:00Z")).await;
    let days = 3 * 24 * 60;
    for (start, minutes) in [
        ("2026-12-02T23:30:00Z", 60),
        ("2026-12-03T00:00:00Z", 60),
        ("2026-12-02T23:45:00Z", days),
        ("2026-12-04T12:00:00Z", days),
        ("2026-12-01T12:00:00Z", days),
        ("2026-12-02T11:45:00Z", 15),
        ("2026-12-02T11:30:00Z", 60),
    ] {
        let moved = ada.move_it(with(to(&id, start), json!({ "durationMinutes": minutes }))).await;
        assert_eq!((&moved["start"], &moved["durationMinutes"]), (&json!(start), &json!(minutes)));
        server.assert_sound().await;
    }
    assert!(ada.is_free("a", "2026-12-02T12:30:00Z", "2026-12-20T00:00:00Z").await);
}

#[tokio::test]
async fn units_of_a_pool_are_moved_beside_those_of_others() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let units = |quantity: u32| json!({ "quantity": quantity });
    let (two, _) = ada.make(with(an_hour("any", "p", NOON), units(2))).await;
    bob.make(an_hour("any", "p", "2026-12-02T12:30:00Z")).await;
    // Two of three, which overlap what they had and the third one of them.
    ada.move_it(to(&two, "2026-12-02T12:15:00Z")).await;
    server.assert_sound().await;
    bob.make(an_hour("any", "p", "2026-12-02T13:30:00Z")).await;
    bob.make(an_hour("any", "p", "2026-12-02T13:30:00Z")).await;
    let refused = ada.reschedule(to(&two, "2026-12-02T13:00:00Z")).await;
    assert_eq!(refusal(&refused), "SLOT_TAKEN");
    let conflict = json!([{ "resourceId": "res_p", "start": "2026-12-02T13:30:00Z", "end": "2026-12-02T14:00:00Z", "holder": null }]);
    assert_eq!(refused["userErrors"][0]["conflicts"], conflict);
    server.assert_sound().await;
}

#[tokio::test]
async fn what_was_taken_with_other_buffers_is_let_go_as_it_was_taken() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let (id, _) = ada.make(an_hour("tidy", "a", NOON)).await;
    assert!(!ada.is_free("a", "2026-12-02T11:30:00Z", "2026-12-02T11:45:00Z").await);
    let buffers = json!({ "id": "evt_tidy", "bufferBeforeMinutes": 0, "bufferAfterMinutes": 60 });
    server.runner().run_well("updateEventType", buffers).await;
    ada.move_it(to(&id, "2026-12-02T12:15:00Z")).await;
    assert!(ada.is_free("a", "2026-12-02T10:00:00Z", "2026-12-02T12:15:00Z").await);
    assert!(!ada.is_free("a", "2026-12-02T14:00:00Z", "2026-12-02T14:15:00Z").await);
    assert!(ada.is_free("a", "2026-12-02T14:15:00Z", "2026-12-02T18:00:00Z").await);
    server.assert_sound().await;
}

#[tokio::test]
async fn booker_and_token_move_until_the_start_and_staff_after_it() {
    let server = rooms().await;
    let (ada, guest, staff) = (server.customer("ada"), server.anonymous(), server.staff());
    let (id, token) = ada.make(an_hour("any", "a", NOON)).await;
    let token = json!({ "managementToken": token });
    server.clock.advance_to("2026-12-02T11:59:59Z".parse().unwrap());
    guest.move_it(with(to(&id, "2026-12-02T12:15:00Z"), token.clone())).await;
    ada.move_it(to(&id, NOON)).await;

    server.clock.advance_to(NOON.parse().unwrap());
    let later = to(&id, "2026-12-03T12:00:00Z");
    for refused in [ada.reschedule(later.clone()).await, guest.reschedule(with(later.clone(), token)).await] {
        assert_eq!(refusals(&refused), of(&[("ILLEGAL_TRANSITION", "id")]));
    }
    let moved = staff.move_it(later).await;
    assert_eq!((&moved["status"], &moved["history"][3]["by"]["userId"]), (&json!("CONFIRMED"), &json!("staff")));
    server.assert_sound().await;
}

#[tokio::test]
async fn for_everybody_else_there_is_no_booking_to_move() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let (id, _) = ada.make(an_hour("any", "a", NOON)).await;
    let (_, other_token) = ada.make(an_hour("any", "b", NOON)).await;
    for stranger in &server.strangers_to("ada") {
        for token in [None, Some("guessed"), Some(other_token.as_str())] {
            let input = |id: &str| with(to(id, "2026-12-02T15:00:00Z"), json!({ "managementToken": token }));
            let (known, unknown) = (stranger.reschedule(input(&id)).await, stranger.reschedule(input("bok_no")).await);
            assert_eq!(refusals(&known), of(&[("NOT_FOUND", "id")]));
            assert_eq!(known.to_string().replace(&id, "ID"), unknown.to_string().replace("bok_no", "ID"));
        }
    }
    assert_eq!(ada.read_booking(&id, None).await["revision"], 1);
}

/// What a booking is and what is free around it: nothing of it may change by what is refused.
async fn state(server: &TestServer, id: &str) -> (Value, Vec<String>, Value) {
    let staff = server.staff();
    let slots = staff.starts(r#"resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_any""#).await;
    (staff.read_booking(id, None).await, slots, staff.holds("a").await)
}

#[tokio::test]
async fn a_move_that_is_refused_says_why_and_leaves_everything_as_it_was() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let (id, _) = ada.make(an_hour("any", "a", NOON)).await;
    bob.make(an_hour("any", "a", "2026-12-02T14:00:00Z")).await;
    bob.hold(free_hold("a", "2026-12-02T16:00:00Z", 60, "bob")).await;
    ada.hold(free_hold("a", "2026-12-02T18:00:00Z", 60, "ada")).await;
    let foreign = ResourceSpec { organization: "org_x".to_owned(), ..ResourceSpec::named("far") };
    let off = ResourceSpec { active: false, ..ResourceSpec::named("off") };
    server.resources([foreign, off, ResourceSpec::named("unlinked")]).await;

    let resource = |name: &str| json!({ "resourceId": format!("res_{name}") });
    let nothing = || json!({});
    let cases = [
        ("2026-12-02T13:15:00Z", nothing(), "SLOT_TAKEN", "start"),
        ("2026-12-02T12:30:00Z", json!({ "durationMinutes": 120 }), "SLOT_TAKEN", "start"),
        ("2026-12-02T15:15:00Z", nothing(), "SLOT_HELD", "start"),
        ("2026-12-02T15:15:00Z", json!({ "sessionSecret": secret("ada") }), "SLOT_HELD", "start"),
        ("2026-12-02T16:30:00Z", resource("office"), "OUTSIDE_SCHEDULE", "start"),
        ("2026-12-01T05:45:00Z", nothing(), "IN_THE_PAST", "start"),
        ("2026-12-02T12:00:00Z", json!({ "durationMinutes": 30 }), "DURATION_NOT_OFFERED", "durationMinutes"),
        ("2026-12-02T12:00:00Z", resource("x"), "RESOURCE_NOT_OFFERED", "resourceId"),
        ("2026-12-02T12:00:00Z", resource("unlinked"), "RESOURCE_NOT_OFFERED", "resourceId"),
        ("2026-12-02T12:00:00Z", resource("off"), "RESOURCE_INACTIVE", "resourceId"),
        ("2026-12-02T12:00:00Z", resource("far"), "NOT_FOUND", "resourceId"),
        ("2026-12-02T12:00:00Z", resource("nowhere"), "NOT_FOUND", "resourceId"),
        ("2026-12-02T12:10:00Z", nothing(), "INVALID", "start"),
        ("1999-12-31T12:00:00Z", nothing(), "INVALID", "start"),
        ("2026-12-02T12:15:00Z", json!({ "durationMinutes": 1 }), "INVALID", "durationMinutes"),
        ("2026-12-02T12:15:00Z", json!({ "durationMinutes": -1 }), "INVALID", "durationMinutes"),
        ("2026-12-02T12:15:00Z", json!({ "sessionSecret": "short" }), "INVALID", "sessionSecret"),
        ("2026-12-02T12:15:00Z", json!({ "reason": "x".repeat(501) }), "INVALID", "reason"),
        ("noon", nothing(), "INVALID", "start"),
    ];
    let before = state(&server, &id).await;
    for (start, members, code, field) in cases {
        let refused = ada.reschedule(with(to(&id, start), members)).await;
        assert_eq!(refusals(&refused), of(&[(code, field)]), "{start}: {refused}");
        assert_eq!(refused["booking"], Value::Null);
        assert_clear(refused["userErrors"][0]["message"].as_str().unwrap());
        let told = !refused["userErrors"][0]["conflicts"].as_array().unwrap().is_empty();
        assert_eq!(told, ["SLOT_TAKEN", "SLOT_HELD"].contains(&code), "{refused}");
        assert_eq!(state(&server, &id).await, before, "{start}, {code}");
    }
    // A resource of others is not told from one that does not exist.
    let (far, nowhere) = (
        ada.reschedule(with(to(&id, NOON), resource("far"))).await,
        ada.reschedule(with(to(&id, NOON), resource("nowhere"))).await,
    );
    assert_eq!(far.to_string().replace("res_far", "ID"), nowhere.to_string().replace("res_nowhere", "ID"));
    server.assert_sound().await;

    // What their own session holds, they can have; and the hold is gone with it.
    ada.move_it(with(to(&id, "2026-12-02T17:30:00Z"), json!({ "sessionSecret": secret("ada") }))).await;
    assert_eq!(ada.holds("a").await.as_array().unwrap().len(), 1);
    server.assert_sound().await;
}

#[tokio::test]
async fn what_booker_or_token_move_has_to_be_confirmed_again() {
    let server = rooms().await;
    let (ada, guest, staff) = (server.customer("ada"), server.anonymous(), server.staff());
    let for_ada = json!({ "booker": { "name": "Ada", "email": "ada@example.org" } });
    // What staff create is confirmed.
    let (id, token) = staff.make(with(an_hour("asked", "a", NOON), for_ada)).await;
    let moved = staff.move_it(to(&id, "2026-12-02T13:00:00Z")).await;
    assert_eq!(moved["status"], "CONFIRMED");
    let moved = guest.move_it(with(to(&id, "2026-12-02T14:00:00Z"), json!({ "managementToken": token }))).await;
    assert_eq!((&moved["status"], &moved["history"][2]["to"]), (&json!("PENDING"), &json!("PENDING")));
    assert_eq!(moved["history"][2]["from"], "CONFIRMED");
    // Staff move it and do not agree to it by that.
    assert_eq!(staff.move_it(to(&id, "2026-12-02T15:00:00Z")).await["status"], "PENDING");

    let (own, _) = ada.make(an_hour("asked", "b", NOON)).await;
    assert_eq!(ada.move_it(to(&own, "2026-12-02T13:00:00Z")).await["status"], "PENDING");
    server.assert_sound().await;
}

#[tokio::test]
async fn staff_move_outside_the_schedule_over_holds_and_back_in_time_but_not_over_bookings() {
    let server = rooms().await;
    let (ada, bob, staff) = (server.customer("ada"), server.customer("bob"), server.staff());
    let (id, token) = ada.make(an_hour("any", "office", NOON)).await;
    let anyhow = |start: &str| with(to(&id, start), json!({ "ignoreSchedule": true }));
    for actor in [&ada, &server.anonymous(), &server.signed_in("staff", Role::Staff, "elsewhere")] {
        let input = with(anyhow("2026-12-02T20:00:00Z"), json!({ "managementToken": token }));
        assert_eq!(actor.try_reschedule(input).await.code(), "FORBIDDEN");
    }
    assert_eq!(staff.move_it(anyhow("2026-12-02T20:00:00Z")).await["start"], "2026-12-02T20:00:00Z");

    bob.hold(free_hold("office", "2026-12-02T10:00:00Z", 60, "bob")).await;
    assert_eq!(refusal(&staff.reschedule(to(&id, "2026-12-02T10:00:00Z")).await), "SLOT_HELD");
    staff.move_it(anyhow("2026-12-02T10:00:00Z")).await;
    assert_eq!(bob.holds("office").await, json!([]));

    bob.make(an_hour("any", "office", NOON)).await;
    assert_eq!(refusal(&staff.reschedule(anyhow("2026-12-02T12:30:00Z")).await), "SLOT_TAKEN");
    assert_eq!(refusal(&staff.reschedule(anyhow("2026-10-31T05:45:00Z")).await), "IN_THE_PAST");
    assert_eq!(staff.move_it(anyhow("2026-10-31T06:00:00Z")).await["status"], "CONFIRMED");
    server.assert_sound().await;
}

#[tokio::test]
async fn what_waits_to_be_confirmed_is_not_moved_to_where_it_would_expire() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (id, _) = ada.make(an_hour("asked", "a", NOON)).await;
    server.clock.advance_to("2026-12-02T10:00:00Z".parse().unwrap());
    for start in ["2026-12-01T12:00:00Z", "2026-12-02T10:00:00Z"] {
        let refused = staff.reschedule(with(to(&id, start), json!({ "ignoreSchedule": true }))).await;
        assert_eq!(refusals(&refused), of(&[("IN_THE_PAST", "start")]));
    }
    assert_eq!(staff.read_booking(&id, None).await["revision"], 1);
    staff.move_it(with(to(&id, "2026-12-02T10:15:00Z"), json!({ "ignoreSchedule": true }))).await;
    server.assert_sound().await;
}

#[tokio::test]
async fn to_where_it_is_a_booking_is_moved_without_anything_changing() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let (id, _) = ada.make(an_hour("asked", "a", NOON)).await;
    let before = ada.read_booking(&id, None).await;
    // Whatever has become of what is on offer.
    server.runner().run_well("updateEventType", json!({ "id": "evt_asked", "durationOptions": [90] })).await;
    server.clock.advance(Duration::from_mins(1));
    for members in [json!({}), json!({ "durationMinutes": 60, "resourceId": "res_a", "reason": "none" })] {
        assert_eq!(ada.move_it(with(to(&id, NOON), members)).await, before);
    }
    assert_eq!(ada.read_booking(&id, None).await, before);
    // And elsewhere it is refused for what is on offer.
    let refused = ada.reschedule(to(&id, "2026-12-02T13:00:00Z")).await;
    assert_eq!(refusals(&refused), of(&[("DURATION_NOT_OFFERED", "durationMinutes")]));
}

#[tokio::test]
async fn what_has_let_its_time_go_is_not_moved() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (cancelled, _) = ada.make(an_hour("any", "a", NOON)).await;
    ada.cancel(json!({ "id": cancelled })).await;
    let (lapsed, _) = ada.make(an_hour("asked", "b", NOON)).await;
    server.clock.advance_to(NOON.parse().unwrap());
    for id in [&cancelled, &lapsed] {
        // Not even to where it was.
        for start in [NOON, "2026-12-03T12:00:00Z"] {
            let refused = staff.reschedule(to(id, start)).await;
            assert_eq!(refusals(&refused), of(&[("ILLEGAL_TRANSITION", "id")]), "{refused}");
        }
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn a_move_is_not_stopped_by_what_was_not_confirmed_in_time() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    for round in 0..5 {
        let day = format!("2026-12-{:02}", 10 + round);
        let (lapsed, _) = ada.make(an_hour("asked", "a", &format!("{day}T12:00:00Z"))).await;
        let (id, _) = ada.make(an_hour("any", "b", &format!("{day}T20:00:00Z"))).await;
        server.clock.advance_to(format!("{day}T12:05:00Z").parse().unwrap());
        let there = with(to(&id, &format!("{day}T12:15:00Z")), json!({ "resourceId": "res_a" }));
        staff.move_it(there).await;
        assert_eq!(staff.read_booking(&lapsed, None).await["status"], "EXPIRED");
        server.assert_sound().await;
    }
}

/// Guests move what they booked, too, with nothing but their token.
#[tokio::test]
async fn a_guest_moves_by_the_token_alone() {
    let server = rooms_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    let guest: Actor = server.anonymous();
    let booker = json!({ "booker": { "name": "Gast", "email": "gast@example.org" } });
    let (id, token) = guest.make(with(an_hour("any", "a", NOON), booker)).await;
    assert_eq!(refusal(&guest.reschedule(to(&id, "2026-12-02T13:00:00Z")).await), "NOT_FOUND");
    let moved = guest.move_it(with(to(&id, "2026-12-02T13:00:00Z"), json!({ "managementToken": token }))).await;
    assert_eq!(moved["history"][1]["by"], json!({ "kind": "TOKEN", "userId": null }));
}
