//! Trying a webhook.

use serde_json::{Value, json};

use crate::support::moving::{an_hour, rooms};
use crate::support::running::{of, refusals};
use crate::support::{Actor, TestServer};

async fn test(actor: &Actor, id: &str) -> Value {
    actor.run_well("sendTestWebhook", json!({ "id": id })).await["delivery"].clone()
}

#[tokio::test]
async fn a_test_tells_of_a_booking_made_up_from_the_catalogue_and_says_so() {
    let server = rooms().await;
    let admin = server.runner();
    for (event, status, from) in [
        ("CREATED", "CONFIRMED", Value::Null),
        ("UPDATED", "CONFIRMED", json!("CONFIRMED")),
        ("CONFIRMED", "CONFIRMED", json!("PENDING")),
        ("DECLINED", "DECLINED", json!("PENDING")),
        ("RESCHEDULED", "CONFIRMED", json!("CONFIRMED")),
        ("CANCELLED", "CANCELLED", json!("CONFIRMED")),
        ("COMPLETED", "COMPLETED", json!("CONFIRMED")),
        ("NO_SHOW", "NO_SHOW", json!("CONFIRMED")),
        ("EXPIRED", "EXPIRED", json!("PENDING")),
    ] {
        let kind = format!("BOOKING_{event}");
        let id = server.webhook(json!({ "events": [kind, "PRESENCE_TIMEOUT"] })).await;
        let sent = test(&admin, &id).await;
        assert_eq!(
            (&sent["webhookId"], &sent["event"], &sent["status"], &sent["attempts"], &sent["nextAttemptAt"]),
            (&json!(id), &json!(kind), &json!("PENDING"), &json!(0), &json!("2026-12-01T06:00:00Z"))
        );
        let payload = &sent["payload"];
        assert!(sent["eventId"].as_str().unwrap().starts_with("evn_test_"), "{sent}");
        assert_eq!((&payload["type"], &payload["test"]), (&json!(kind), &json!(true)));
        let (data, booking) = (&payload["data"], &payload["data"]["booking"]);
        assert_eq!((&data["id"], &data["organizationId"]), (&sent["eventId"], &json!("default")));
        assert_eq!((&booking["status"], &data["transition"]["from"]), (&json!(status), &from), "{payload}");
        assert!(booking["id"].as_str().unwrap().starts_with("bkg_test_"), "{payload}");
        // By name the first of the catalogue.
        assert_eq!(booking["resourceId"], "res_a");
        assert_eq!(data["transition"]["previousStart"].is_null(), event != "RESCHEDULED", "{payload}");
    }
}

#[tokio::test]
async fn a_test_tells_the_last_event_where_the_webhook_wants_that_kind() {
    let server = rooms().await;
    let (admin, staff) = (server.runner(), server.staff());
    let booked = staff.book(an_hour("any", "b", "2026-12-03T10:00:00Z")).await["booking"].clone();
    let token = staff.book(an_hour("any", "b", "2026-12-03T12:00:00Z")).await["managementToken"].clone();
    server.clock.advance(std::time::Duration::from_secs(1));
    staff.cancel(json!({ "id": booked["id"], "reason": "It rains" })).await;
    let wants = server.webhook(json!({ "events": ["BOOKING_CREATED", "BOOKING_CANCELLED"] })).await;
    let sent = test(&admin, &wants).await;
    let data = &sent["payload"]["data"];
    assert_eq!(
        (&sent["event"], &data["bookingId"], &data["id"]),
        (&json!("BOOKING_CANCELLED"), &booked["id"], &sent["eventId"])
    );
    assert_eq!((&data["booking"]["status"], &data["transition"]["reason"]), (&json!("CANCELLED"), &json!("It rains")));
    assert_eq!(data["changes"]["status"], json!({ "from": "CONFIRMED", "to": "CANCELLED" }));
    assert_eq!(data["sequence"], 2);
    assert!(!sent.to_string().contains(token.as_str().unwrap()));
    // Whoever does not want that kind is told of a made up one.
    let id = server.webhook(json!({ "events": ["BOOKING_CREATED"] })).await;
    let sent = test(&admin, &id).await;
    assert_eq!(sent["event"], "BOOKING_CREATED");
    assert_ne!(sent["payload"]["data"]["bookingId"], booked["id"]);
}

#[tokio::test]
async fn a_test_of_holds_alone_tells_of_a_hold() {
    let server = rooms().await;
    let id = server.webhook(json!({ "events": ["PRESENCE_TIMEOUT"], "selection": "{ id }" })).await;
    let sent = test(&server.runner(), &id).await;
    let payload = &sent["payload"];
    assert_eq!((&payload["type"], &payload["test"]), (&json!("PRESENCE_TIMEOUT"), &json!(true)));
    let data = &payload["data"];
    assert_eq!((&data["resourceId"], &data["id"], &data["quantity"]), (&json!("res_a"), &sent["eventId"], &json!(1)));
}

#[tokio::test]
async fn a_test_holds_what_the_selection_says_and_nothing_else() {
    let server = rooms().await;
    let selection = "{ id what: event booking { status resource { id } history { event } } }";
    let id = server.webhook(json!({ "selection": selection })).await;
    let sent = test(&server.runner(), &id).await;
    let expected = json!({
        "id": sent["eventId"], "what": "CREATED",
        "booking": { "status": "CONFIRMED", "resource": { "id": "res_a" }, "history": [{ "event": "CREATED" }] },
    });
    assert_eq!(sent["payload"], expected);
}

#[tokio::test]
async fn without_a_catalogue_there_is_a_default_payload_and_nothing_to_select_from() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let id = server.webhook(json!({})).await;
    assert_eq!(test(&admin, &id).await["payload"]["data"]["booking"]["resourceId"], "res_example");
    let selecting = server.webhook(json!({ "selection": "{ id }" })).await;
    let refused = admin.run("sendTestWebhook", json!({ "id": selecting })).await;
    assert_eq!((refusals(&refused), &refused["delivery"]), (of(&[("NOT_FOUND", "id")]), &Value::Null));
}

#[tokio::test]
async fn what_is_switched_off_or_does_not_exist_cannot_be_tried() {
    let server = rooms().await;
    let admin = server.runner();
    let off = server.webhook(json!({ "active": false })).await;
    let refused = admin.run("sendTestWebhook", json!({ "id": off })).await;
    assert_eq!(refusals(&refused), of(&[("ILLEGAL_TRANSITION", "id")]));
    let unknown = admin.run("sendTestWebhook", json!({ "id": "whk_0" })).await;
    assert_eq!(refusals(&unknown), of(&[("NOT_FOUND", "id")]));
    let left = admin.ask("{ webhookDeliveries { totalCount } }", json!({})).await;
    assert_eq!(left["webhookDeliveries"]["totalCount"], 0);
}

#[tokio::test]
async fn ten_tests_may_be_on_their_way() {
    let server = rooms().await;
    let admin = server.runner();
    let id = server.webhook(json!({})).await;
    // What is to be delivered anyway does not count.
    for number in 0..3 {
        server.put_delivery(&id, &format!("dlv_{number}"), "BOOKING_CREATED", "{}").await;
    }
    for _ in 0..10 {
        test(&admin, &id).await;
    }
    let refused = admin.run("sendTestWebhook", json!({ "id": id })).await;
    assert_eq!(refusals(&refused), of(&[("LIMIT_EXCEEDED", "id")]));
    test(&admin, &server.webhook(json!({})).await).await;
}
