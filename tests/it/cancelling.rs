//! Reading and cancelling bookings: who may, until when, and what becomes of their time.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

const READ: &str = "query ($id: ID!, $token: String) { booking(id: $id, managementToken: $token) {
    status revision cancellationReason updatedAt history { event from to at by { kind userId } reason } } }";

/// A studio that is always open, with an hour that is prepared for 30 minutes and cleaned for 15.
async fn studio() -> TestServer {
    let server = TestServer::start_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    server.resources([ResourceSpec::named("a")]).await;
    server
        .event_types([
            EventTypeSpec { buffers: (30, 15), ..EventTypeSpec::named("hour", &[60], &["a"]) },
            EventTypeSpec::named("quarter", &[15], &["a"]),
        ])
        .await;
    server
}

async fn book(actor: &Actor, event_type: &str, start: &str) -> (String, String) {
    let event_type = format!("evt_{event_type}");
    let booked = actor.book(json!({ "resourceId": "res_a", "eventTypeId": event_type, "start": start })).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("not booked: {booked}")).to_owned();
    (text(&booked["booking"]["id"]), text(&booked["managementToken"]))
}

async fn read(actor: &Actor, id: &str, token: Option<&str>) -> Value {
    actor.ask(READ, json!({ "id": id, "token": token })).await["booking"].clone()
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn the_booker_the_tokens_bearer_and_staff_may_read_and_cancel() {
    let server = studio().await;
    let ada = server.customer("ada");
    let (guest, staff, owner) = (server.anonymous(), server.staff(), server.signed_in("owner", Role::Admin, "default"));
    let may = [(&ada, false, "USER", None), (&guest, true, "TOKEN", None), (&staff, false, "USER", Some("staff"))];
    for (number, (actor, shows_token, kind, seen)) in may.into_iter().enumerate() {
        let (id, token) = book(&ada, "hour", &format!("2026-12-{:02}T12:00:00Z", number + 2)).await;
        let token = shows_token.then_some(token.as_str());
        assert_eq!(read(actor, &id, token).await["status"], "CONFIRMED");
        let cancelled = actor.cancel(json!({ "id": id, "managementToken": token, "reason": "rain" })).await;
        assert_eq!(cancelled["booking"]["status"], "CANCELLED", "{cancelled}");

        let history = &read(actor, &id, token).await["history"];
        let expected = json!({
            "event": "CANCELLED", "from": "CONFIRMED", "to": "CANCELLED", "at": "2026-12-01T06:00:00Z",
            "by": { "kind": kind, "userId": seen }, "reason": "rain",
        });
        assert_eq!((history.as_array().unwrap().len(), &history[1]), (2, &expected));
        assert_eq!(read(&owner, &id, None).await["cancellationReason"], "rain");
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn for_everybody_else_a_booking_does_not_exist() {
    let server = studio().await;
    let ada = server.customer("ada");
    let (id, _) = book(&ada, "hour", "2026-12-02T12:00:00Z").await;
    let (_, other_token) = book(&ada, "hour", "2026-12-02T15:00:00Z").await;
    for stranger in &server.strangers_to("ada") {
        for token in [None, Some(""), Some("guessed"), Some(other_token.as_str())] {
            assert_eq!(read(stranger, &id, token).await, Value::Null);
            let known = stranger.cancel(json!({ "id": id, "managementToken": token })).await;
            let unknown = stranger.cancel(json!({ "id": "bok_unknown", "managementToken": token })).await;
            assert_eq!(code(&known), "NOT_FOUND", "{known}");
            // Word for word what is said of an id that never was.
            assert_eq!(known.to_string().replace(&id, "ID"), unknown.to_string().replace("bok_unknown", "ID"));
        }
    }
    // Nor does a wrong token take anything from whoever may without one.
    assert_eq!(read(&ada, &id, Some("guessed")).await["status"], "CONFIRMED");
}

#[tokio::test]
async fn booker_and_token_can_cancel_until_the_start_and_staff_after_it() {
    let server = studio().await;
    let (ada, guest, staff) = (server.customer("ada"), server.anonymous(), server.staff());
    let (first, _) = book(&ada, "quarter", "2026-12-02T12:00:00Z").await;
    let (second, token) = book(&ada, "quarter", "2026-12-02T12:15:00Z").await;

    server.clock.advance_to("2026-12-02T11:59:59.999Z".parse().unwrap());
    assert_eq!(ada.cancel(json!({ "id": first })).await["booking"]["status"], "CANCELLED");

    server.clock.advance_to("2026-12-02T12:15:00Z".parse().unwrap());
    let late = ada.cancel(json!({ "id": second })).await;
    assert_eq!((code(&late), &late["booking"]), ("TOO_LATE_TO_CANCEL", &Value::Null), "{late}");
    assert_eq!(code(&guest.cancel(json!({ "id": second, "managementToken": token })).await), "TOO_LATE_TO_CANCEL");
    assert_eq!(read(&ada, &second, None).await["revision"], 1, "a refusal changes nothing");
    // What is cancelled already stays so, whenever somebody asks again.
    assert_eq!(ada.cancel(json!({ "id": first })).await["booking"]["status"], "CANCELLED");
    assert_eq!(staff.cancel(json!({ "id": second })).await["booking"]["status"], "CANCELLED");
    server.assert_sound().await;
}

#[tokio::test]
async fn cancelling_again_succeeds_and_changes_nothing() {
    let server = studio().await;
    let ada = server.customer("ada");
    let (id, _) = book(&ada, "hour", "2026-12-02T12:00:00Z").await;
    let cancelled = ada.cancel(json!({ "id": id, "reason": "rain" })).await;
    assert_eq!(cancelled["booking"]["revision"], 2, "{cancelled}");
    let before = read(&ada, &id, None).await;
    // Somebody else has the time by now: a second cancel must not let go of theirs.
    book(&server.customer("bob"), "hour", "2026-12-02T12:00:00Z").await;

    server.clock.advance(std::time::Duration::from_mins(1));
    for actor in [&ada, &server.staff()] {
        let again = actor.cancel(json!({ "id": id, "reason": "no, snow" })).await;
        assert_eq!(again["userErrors"], json!([]));
        assert_eq!(again["booking"], cancelled["booking"]);
    }
    assert_eq!(read(&ada, &id, None).await, before);
    server.assert_sound().await;
}

#[tokio::test]
async fn a_booking_lets_go_of_what_it_took_even_if_the_buffers_have_changed_since() {
    let server = studio().await;
    let ada = server.customer("ada");
    let (id, _) = book(&ada, "hour", "2026-12-02T12:00:00Z").await;
    let free = |from: &str, to: &str| {
        format!(r#"{{ isAvailable(resourceId: "res_a", start: "2026-12-02T{from}:00Z", end: "2026-12-02T{to}:00Z") }}"#)
    };
    let is_free = async |from: &str, to: &str| ada.ask(&free(from, to), json!({})).await["isAvailable"] == true;
    for (from, to) in [("11:30", "11:45"), ("11:45", "12:00"), ("12:00", "13:00"), ("13:00", "13:15")] {
        assert!(!is_free(from, to).await, "{from} to {to} is part of it");
    }
    assert!(is_free("09:00", "11:30").await && is_free("13:15", "18:00").await, "and nothing else is");

    server
        .execute_sql(
            "UPDATE event_types SET buffer_before_minutes = 0, buffer_after_minutes = 90 WHERE id = 'evt_hour'",
        )
        .await;
    server.assert_sound().await;
    assert_eq!(ada.cancel(json!({ "id": id })).await["booking"]["status"], "CANCELLED");
    assert!(is_free("09:00", "18:00").await);
    server.assert_sound().await;
}
