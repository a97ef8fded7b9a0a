//! Changing what is said about a booking: by whom, until when, and what stays as it is.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::life::{booked, events};
use crate::support::studios::{refusal, with};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, TestServer, at_once};

async fn room() -> TestServer {
    let server = TestServer::start_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    server.resources([ResourceSpec::named("a")]).await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a"])]).await;
    server
}

/// A booking of the customer, or the guest, with something in every field.
async fn made(actor: &Actor, hour: u32) -> (String, String) {
    let guest = actor.token().is_none();
    let mut booker = json!({ "name": "Grace", "phone": "123", "notes": "A chair" });
    if guest {
        booker["email"] = json!("grace@example.org");
    }
    let input = json!({
        "resourceId": "res_a", "eventTypeId": "evt_hour", "start": format!("2026-12-02T{hour:02}:00:00Z"),
        "booker": booker, "location": "Upstairs", "reference": "order 7", "metadata": { "a": 1, "b": [2] },
    });
    booked(&actor.book(input).await)
}

fn update(id: &str, token: Option<&str>, changes: Value) -> Value {
    with(json!({ "id": id, "managementToken": token }), changes)
}

#[tokio::test]
async fn booker_token_and_staff_change_what_they_name_and_nothing_else() {
    let server = room().await;
    let (ada, guest, staff) = (server.customer("ada"), server.anonymous(), server.staff());
    let (id, token) = made(&ada, 12).await;
    let mut expected = staff.see(&id, None).await;
    let changes: [(&Actor, Option<&str>, Value, &str); 7] = [
        (&ada, None, json!({ "location": "Downstairs" }), "USER"),
        (&guest, Some(&token), json!({ "reference": "order 8", "booker": { "phone": "456" } }), "TOKEN"),
        (&staff, None, json!({ "metadata": { "c": null } }), "USER"),
        (&ada, None, json!({ "booker": { "name": "Ada", "notes": "Two\nchairs" } }), "USER"),
        (&guest, Some(&token), json!({ "metadata": null, "location": null, "reference": null }), "TOKEN"),
        (&ada, None, json!({ "booker": { "phone": null, "notes": null } }), "USER"),
        (&staff, None, json!({ "booker": { "name": null } }), "USER"),
    ];
    for (number, (actor, token, change, kind)) in changes.into_iter().enumerate() {
        server.clock.advance(std::time::Duration::from_secs(1));
        let answer = actor.change_it("updateBooking", update(&id, token, change.clone())).await;
        for (name, value) in change.as_object().unwrap() {
            match (name.as_str(), value) {
                ("booker", Value::Object(fields)) => {
                    for (name, value) in fields {
                        expected["booker"][name] = value.clone();
                    }
                }
                _ => expected[name] = value.clone(),
            }
        }
        let seen = staff.see(&id, None).await;
        for name in ["booker", "location", "reference", "metadata"] {
            assert_eq!((&seen[name], &answer[name]), (&expected[name], &expected[name]), "{name} after {change}");
        }
        let revision = number + 2;
        assert_eq!((&seen["revision"], &seen["status"]), (&json!(revision), &json!("CONFIRMED")));
        let line = &seen["history"][number + 1];
        assert_eq!(
            (&line["event"], &line["from"], &line["to"]),
            (&json!("UPDATED"), &json!("CONFIRMED"), &json!("CONFIRMED"))
        );
        assert_eq!((&line["by"]["kind"], &line["at"]), (&json!(kind), &seen["updatedAt"]));
        assert_eq!(seen["history"].as_array().unwrap().len(), revision);
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn what_changes_nothing_writes_nothing() {
    let server = room().await;
    let ada = server.customer("ada");
    let (id, _) = made(&ada, 12).await;
    let before = ada.see(&id, None).await;
    server.clock.advance(std::time::Duration::from_secs(1));
    for change in [
        json!({}),
        json!({ "location": "Upstairs", "reference": "order 7", "metadata": { "b": [2], "a": 1 } }),
        json!({ "booker": {} }),
        json!({ "booker": { "name": "Grace", "email": "ada@example.org", "phone": "123", "notes": "A chair" } }),
    ] {
        let answer = ada.change_it("updateBooking", update(&id, None, change)).await;
        assert_eq!(answer["revision"], 1);
        assert_eq!(ada.see(&id, None).await, before);
    }
}

#[tokio::test]
async fn for_everybody_else_there_is_nothing_to_change() {
    let server = room().await;
    let (id, _) = made(&server.customer("ada"), 12).await;
    let (_, other_token) = made(&server.customer("ada"), 14).await;
    let strangers = [server.anonymous(), server.customer("bob"), server.signed_in("staff", Role::Staff, "elsewhere")];
    for stranger in strangers {
        for token in [None, Some("guessed"), Some(other_token.as_str())] {
            let change = |id: &str| update(id, token, json!({ "location": "Mine" }));
            let known = stranger.change("updateBooking", change(&id)).await;
            let unknown = stranger.change("updateBooking", change("bok_unknown")).await;
            assert_eq!(refusal(&known), "NOT_FOUND");
            assert_eq!(known.to_string().replace(&id, "ID"), unknown.to_string().replace("bok_unknown", "ID"));
        }
    }
    assert_eq!(events(&server.staff().see(&id, None).await), ["CREATED"]);
}

#[tokio::test]
async fn a_booking_with_an_account_keeps_its_email_and_a_guests_keeps_name_and_email() {
    let server = room().await;
    let (ada, guest, staff) = (server.customer("ada"), server.anonymous(), server.staff());
    let (hers, token) = made(&ada, 12).await;
    let (theirs, guests_token) = made(&guest, 14).await;
    let refused = [
        (&ada, &hers, None, json!({ "email": "eve@example.org" }), "email"),
        (&ada, &hers, None, json!({ "email": null }), "email"),
        (&guest, &hers, Some(&token), json!({ "email": "eve@example.org" }), "email"),
        (&guest, &hers, Some(&token), json!({ "email": null }), "email"),
        (&staff, &hers, None, json!({ "email": "eve@example.org" }), "email"),
        (&guest, &theirs, Some(&guests_token), json!({ "email": null }), "email"),
        (&guest, &theirs, Some(&guests_token), json!({ "name": null }), "name"),
        (&guest, &theirs, Some(&guests_token), json!({ "name": " " }), "name"),
        (&guest, &theirs, Some(&guests_token), json!({ "email": "nonsense" }), "email"),
    ];
    for (actor, id, token, booker, field) in refused {
        let before = staff.see(id, None).await;
        let input = update(id, token.map(String::as_str), json!({ "booker": booker, "location": "Elsewhere" }));
        let answer = actor.change("updateBooking", input).await;
        assert_eq!(
            (refusal(&answer), &answer["userErrors"][0]["field"]),
            ("INVALID", &json!(["input", "booker", field]))
        );
        crate::support::assert_clear(answer["userErrors"][0]["message"].as_str().unwrap());
        assert_eq!(staff.see(id, None).await, before, "{booker}");
    }
    let corrected = json!({ "booker": { "name": "Grace H.", "email": "hopper@example.org" } });
    let seen = guest.change_it("updateBooking", update(&theirs, Some(&guests_token), corrected)).await;
    assert_eq!((&seen["booker"]["name"], &seen["booker"]["email"]), (&json!("Grace H."), &json!("hopper@example.org")));
    // Staff may book for somebody of whom no email is known, and so may leave it empty.
    let emptied = staff.change_it("updateBooking", update(&theirs, None, json!({ "booker": { "email": null } }))).await;
    assert_eq!(emptied["booker"]["email"], Value::Null);
    // The email that a token says now.
    server.execute_sql(&format!("UPDATE bookings SET booker_email = 'old@example.org' WHERE id = '{hers}'")).await;
    let own = json!({ "booker": { "email": "ADA@example.org" } });
    let seen = ada.change_it("updateBooking", update(&hers, None, own)).await;
    assert_eq!((&seen["booker"]["email"], &seen["booker"]["userId"]), (&json!("ADA@example.org"), &json!("ada")));
}

#[tokio::test]
async fn what_is_over_is_staffs_to_change() {
    let server = room().await;
    let (ada, guest, staff) = (server.customer("ada"), server.anonymous(), server.staff());
    let (cancelled, cancelled_token) = made(&ada, 12).await;
    let (completed, completed_token) = made(&ada, 14).await;
    ada.change_it("cancelBooking", json!({ "id": cancelled })).await;
    server.clock.advance_to("2026-12-02T14:30:00Z".parse().unwrap());
    // It has started, and is as open as before.
    ada.change_it("updateBooking", update(&completed, None, json!({ "location": "Downstairs" }))).await;
    staff.change_it("completeBooking", json!({ "id": completed })).await;
    for (id, token) in [(&cancelled, &cancelled_token), (&completed, &completed_token)] {
        let before = staff.see(id, None).await;
        let change = json!({ "location": "Nowhere" });
        for (actor, token) in [(&ada, None), (&guest, Some(token.as_str()))] {
            let answer = actor.change("updateBooking", update(id, token, change.clone())).await;
            assert_eq!(
                (refusal(&answer), &answer["userErrors"][0]["field"]),
                ("ILLEGAL_TRANSITION", &json!(["input", "id"]))
            );
            assert_eq!(staff.see(id, None).await, before);
        }
        let after = staff.change_it("updateBooking", update(id, None, change)).await;
        assert_eq!((&after["location"], &after["status"]), (&json!("Nowhere"), &before["status"]));
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn a_booking_is_not_changed_for_ever() {
    let server = room().await;
    let ada = server.customer("ada");
    let (id, _) = made(&ada, 12).await;
    server.execute_sql(&format!("UPDATE bookings SET revision = 1000 WHERE id = '{id}'")).await;
    let change = update(&id, None, json!({ "location": "Downstairs" }));
    assert_eq!(refusal(&ada.change("updateBooking", change.clone()).await), "LIMIT_EXCEEDED");
    assert_eq!(server.staff().change_it("updateBooking", change).await["revision"], 1001);
    assert_eq!(ada.change_it("cancelBooking", json!({ "id": id })).await["status"], "CANCELLED");
}

#[tokio::test]
async fn what_is_malformed_is_refused_with_all_that_is_wrong_with_it() {
    let server = room().await;
    let ada = server.customer("ada");
    let (id, _) = made(&ada, 12).await;
    let before = ada.see(&id, None).await;
    let wrong = json!({
        "booker": { "name": "x".repeat(121), "email": "x", "phone": "1".repeat(31), "notes": "\u{7}" },
        "location": "x".repeat(501), "reference": "two\nlines", "metadata": "x".repeat(9000),
    });
    let answer = ada.change("updateBooking", update(&id, None, wrong)).await;
    let fields: Vec<&Value> = answer["userErrors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    let expected = [
        json!(["input", "location"]),
        json!(["input", "reference"]),
        json!(["input", "metadata"]),
        json!(["input", "booker", "name"]),
        json!(["input", "booker", "email"]),
        json!(["input", "booker", "phone"]),
        json!(["input", "booker", "notes"]),
    ];
    assert_eq!(fields, expected.iter().collect::<Vec<_>>());
    let nobody = ada.change("updateBooking", update(&id, None, json!({ "booker": null }))).await;
    assert_eq!((refusal(&nobody), &nobody["userErrors"][0]["field"]), ("INVALID", &json!(["input", "booker"])));
    assert_eq!(ada.see(&id, None).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_change_different_fields_at_once_nothing_is_lost() {
    let server = room().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    for hour in [8, 10, 12, 14] {
        let (id, _) = made(&ada, hour).await;
        let changes = [
            json!({ "location": "Downstairs" }),
            json!({ "reference": "order 9" }),
            json!({ "metadata": [1] }),
            json!({ "booker": { "name": "Ada" } }),
            json!({ "booker": { "phone": "9" } }),
            json!({ "booker": { "notes": null } }),
        ];
        let all = changes.clone();
        at_once(changes.len(), |number| {
            let (actor, input) =
                (if number % 2 == 0 { ada.clone() } else { staff.clone() }, update(&id, None, all[number].clone()));
            async move { actor.change_it("updateBooking", input).await }
        })
        .await;
        let seen = staff.see(&id, None).await;
        assert_eq!(
            (&seen["location"], &seen["reference"], &seen["metadata"]),
            (&json!("Downstairs"), &json!("order 9"), &json!([1]))
        );
        let booker = &seen["booker"];
        assert_eq!((&booker["name"], &booker["phone"], &booker["notes"]), (&json!("Ada"), &json!("9"), &Value::Null));
        assert_eq!(seen["revision"], 7);
    }
    // And what is called off meanwhile stays so.
    let (id, _) = made(&ada, 16).await;
    at_once(6, |number| {
        let (staff, id) = (staff.clone(), id.clone());
        async move {
            match number {
                3 => staff.change_it("cancelBooking", json!({ "id": id })).await,
                _ => {
                    staff
                        .change_it("updateBooking", update(&id, None, json!({ "location": format!("{number}") })))
                        .await
                }
            }
        }
    })
    .await;
    let seen = staff.see(&id, None).await;
    assert_eq!((&seen["status"], &seen["revision"]), (&json!("CANCELLED"), &json!(7)));
    server.assert_sound().await;
}

#[tokio::test]
async fn an_update_costs_the_same_however_much_is_changed_and_next_to_nothing_where_nothing_is() {
    let server = room().await;
    let ada = server.customer("ada");
    let (id, _) = made(&ada, 12).await;
    let cost = async |changes: Value| {
        let (_, statements) = server.statements_of(ada.change_it("updateBooking", update(&id, None, changes))).await;
        statements
    };
    let one = cost(json!({ "location": "Downstairs" })).await;
    let all =
        json!({ "location": "Attic", "reference": "9", "metadata": 1, "booker": { "name": "Ada", "phone": "1" } });
    assert_eq!(cost(all.clone()).await, one);
    // Who asks, the booking, its items.
    assert_eq!(cost(all).await, 3);
}
