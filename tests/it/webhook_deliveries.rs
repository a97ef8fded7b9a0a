//! What has become of what webhooks were told, and telling them again.

use std::net::TcpListener;

use serde_json::{Value, json};
use slotwise::domain::access::Role;
use slotwise::domain::delivery::Settled;

use crate::support::running::{of, refusals};
use crate::support::webhooks::{MUCH_LATER, attempt};
use crate::support::{Actor, TestServer};

const LIST: &str = "query ($webhook: ID, $status: DeliveryStatus, $first: Int, $after: String, $last: Int,
        $before: String) {
    webhookDeliveries(webhookId: $webhook, status: $status, first: $first, after: $after, last: $last,
        before: $before) {
        totalCount edges { cursor node { id } } nodes { id }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
const ALL: &str = "{ webhookDeliveries { nodes { id webhookId event eventId status attempts lastStatusCode lastError
    nextAttemptAt payload createdAt history { number at durationMillis statusCode error } } } }";

async fn list(actor: &Actor, variables: Value) -> Value {
    actor.ask(LIST, variables).await["webhookDeliveries"].clone()
}

fn ids(page: &Value) -> Vec<String> {
    page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

/// One with the id `dlv_1` that was tried twice, and then came to its end as `settled` says of the third attempt.
async fn tried(server: &TestServer, settled: fn(slotwise::domain::delivery::DeliveryAttempt) -> Settled) -> String {
    let webhook = server.webhook(json!({})).await;
    server.put_delivery(&webhook, "dlv_1", "BOOKING_CREATED", "{}").await;
    let again = |number| Settled::Again(attempt(number, Some(500), Some("500")), MUCH_LATER.parse().unwrap());
    let last = settled(attempt(3, Some(204), None));
    server.settle(&webhook, "dlv_1", vec![again(1), again(2), last]).await;
    webhook
}

#[tokio::test]
async fn a_delivery_tells_all_that_was_tried_and_what_was_sent_in_its_order() {
    let server = TestServer::start().await;
    let webhook = server.webhook(json!({})).await;
    let payload = r#"{"type":"BOOKING_MOVED","b":1,"a":{"z":[1,2.50],"y":"ü"}}"#;
    server.put_delivery(&webhook, "dlv_1", "BOOKING_RESCHEDULED", payload).await;
    let fresh = server.runner().ask(ALL, json!({})).await["webhookDeliveries"]["nodes"][0].clone();
    let mut expected = json!({
        "id": "dlv_1", "webhookId": webhook, "event": "BOOKING_RESCHEDULED", "eventId": "evn_of_dlv_1",
        "status": "PENDING", "attempts": 0, "lastStatusCode": null, "lastError": null, "nextAttemptAt": MUCH_LATER,
        "payload": serde_json::from_str::<Value>(payload).unwrap(), "createdAt": MUCH_LATER, "history": [],
    });
    assert_eq!(fresh, expected);

    let failed = attempt(1, None, Some("Nobody answered within 5 seconds."));
    let again = Settled::Again(failed, MUCH_LATER.parse().unwrap());
    server.settle(&webhook, "dlv_1", vec![again, Settled::Arrived(attempt(2, Some(204), None))]).await;
    let arrived = server.runner().ask(ALL, json!({})).await["webhookDeliveries"]["nodes"][0].clone();
    expected["status"] = json!("DELIVERED");
    expected["attempts"] = json!(2);
    expected["lastStatusCode"] = json!(204);
    expected["nextAttemptAt"] = Value::Null;
    expected["history"] = json!([
        { "number": 1, "at": "2026-12-01T07:00:00Z", "durationMillis": 121, "statusCode": null,
          "error": "Nobody answered within 5 seconds." },
        { "number": 2, "at": "2026-12-01T07:00:00Z", "durationMillis": 122, "statusCode": 204, "error": null },
    ]);
    assert_eq!(arrived, expected);

    // As text, to see the order.
    let query = json!({ "query": "{ webhookDeliveries { nodes { payload } } }" });
    let admin = server.runner();
    let request = reqwest::Client::new().post(admin.url()).bearer_auth(admin.token().unwrap()).json(&query);
    let text = request.send().await.unwrap().text().await.unwrap();
    assert!(text.contains(&payload.replace("2.50", "2.5")), "{text}");
}

#[tokio::test]
async fn a_delivery_tells_its_last_fifty_attempts() {
    let server = TestServer::start().await;
    let webhook = server.webhook(json!({})).await;
    server.put_delivery(&webhook, "dlv_1", "BOOKING_CREATED", "{}").await;
    let again = |number| Settled::Again(attempt(number, Some(503), Some("503")), MUCH_LATER.parse().unwrap());
    server.settle(&webhook, "dlv_1", (1..=53).map(again).collect()).await;
    let told = server.runner().ask(ALL, json!({})).await["webhookDeliveries"]["nodes"][0].clone();
    let history = told["history"].as_array().unwrap();
    assert_eq!((&told["attempts"], history.len()), (&json!(53), 50));
    assert_eq!((&history[0]["number"], &history[49]["number"]), (&json!(4), &json!(53)));
}

#[tokio::test]
async fn pages_forwards_and_backwards_cover_the_list_once_the_newest_first() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let webhook = server.webhook(json!({})).await;
    for number in 1..=7 {
        server.put_delivery(&webhook, &format!("dlv_{number}"), "BOOKING_CREATED", "{}").await;
    }
    let all: Vec<String> = (1..=7).rev().map(|number| format!("dlv_{number}")).collect();
    for size in 1..=8 {
        let (mut forwards, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = list(&admin, json!({ "first": size, "after": after })).await;
            assert_eq!(
                (&page["totalCount"], &page["pageInfo"]["hasPreviousPage"]),
                (&json!(7), &json!(!after.is_null()))
            );
            forwards.extend(ids(&page));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        let (mut backwards, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = list(&admin, json!({ "last": size, "before": before })).await;
            backwards.splice(0..0, ids(&page));
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!((&forwards, &backwards), (&all, &all), "{size} a page");
    }
}

#[tokio::test]
async fn the_list_can_be_narrowed_and_a_cursor_is_good_for_its_own_list() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let (one, other) = (server.webhook(json!({})).await, server.webhook(json!({})).await);
    for (webhook, id) in [(&one, "dlv_1"), (&one, "dlv_2"), (&one, "dlv_3"), (&other, "dlv_4")] {
        server.put_delivery(webhook, id, "BOOKING_CREATED", "{}").await;
    }
    server.settle(&one, "dlv_1", vec![Settled::GivenUp(attempt(1, Some(410), Some("410")))]).await;
    server.settle(&one, "dlv_2", vec![Settled::Arrived(attempt(1, Some(200), None))]).await;
    for (narrowed, expected) in [
        (json!({}), &["dlv_4", "dlv_3", "dlv_2", "dlv_1"][..]),
        (json!({ "webhook": one }), &["dlv_3", "dlv_2", "dlv_1"]),
        (json!({ "webhook": other }), &["dlv_4"]),
        (json!({ "status": "PENDING" }), &["dlv_4", "dlv_3"]),
        (json!({ "status": "FAILED" }), &["dlv_1"]),
        (json!({ "status": "DELIVERED", "webhook": one }), &["dlv_2"]),
        (json!({ "status": "DELIVERED", "webhook": other }), &[]),
    ] {
        let page = list(&admin, narrowed.clone()).await;
        assert_eq!(
            (ids(&page), &page["totalCount"]),
            (expected.iter().map(ToString::to_string).collect(), &json!(expected.len())),
            "{narrowed}"
        );
    }
    let cursor = list(&admin, json!({ "webhook": one })).await["pageInfo"]["startCursor"].clone();
    for (refused, code) in [
        (json!({ "after": cursor }), "BAD_USER_INPUT"),
        (json!({ "after": cursor, "webhook": one, "status": "FAILED" }), "BAD_USER_INPUT"),
        (json!({ "first": 0 }), "BAD_USER_INPUT"),
        (json!({ "first": 1, "last": 1 }), "BAD_USER_INPUT"),
        (json!({ "webhook": "whk_0" }), "NOT_FOUND"),
    ] {
        assert_eq!(admin.send(LIST, refused.clone()).await.code(), code, "{refused}");
    }
    let stranger = server.signed_in("root", Role::Admin, "org_x");
    assert_eq!(list(&stranger, json!({})).await["totalCount"], 0);
    assert_eq!(stranger.send(LIST, json!({ "webhook": one })).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn what_has_come_to_its_end_begins_anew_when_it_is_sent_again() {
    let ends: [fn(_) -> Settled; 2] = [Settled::Arrived, Settled::GivenUp];
    for end in ends {
        let server = TestServer::start().await;
        let webhook = tried(&server, end).await;
        // Whoever connects there waits, so the attempt that follows has come to nothing yet.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        server.runner().run_well("updateWebhook", json!({ "id": webhook, "url": url })).await;
        // Another one of the same booking waits, and is not waited for.
        server.put_delivery(&webhook, "dlv_0", "BOOKING_CREATED", "{}").await;
        let sent =
            server.runner().run_well("redeliverWebhook", json!({ "deliveryId": "dlv_1" })).await["delivery"].clone();
        assert_eq!(
            (&sent["status"], &sent["attempts"], &sent["nextAttemptAt"], &sent["eventId"]),
            (&json!("PENDING"), &json!(3), &json!("2026-12-01T06:00:00Z"), &json!("evn_of_dlv_1"))
        );
        assert_eq!((&sent["lastStatusCode"], sent["history"].as_array().unwrap().len()), (&json!(204), 3));
    }
}

#[tokio::test]
async fn what_waits_is_tried_at_once_and_what_is_being_tried_is_left_alone() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let webhook = server.webhook(json!({})).await;
    server.put_delivery(&webhook, "dlv_1", "BOOKING_CREATED", "{}").await;
    server.lease_deliveries(&webhook).await;
    let busy = admin.run_well("redeliverWebhook", json!({ "deliveryId": "dlv_1" })).await["delivery"].clone();
    assert_eq!((&busy["status"], &busy["nextAttemptAt"]), (&json!("PENDING"), &Value::Null));
    let settled = Settled::Again(attempt(1, Some(500), Some("500")), MUCH_LATER.parse().unwrap());
    server.settle(&webhook, "dlv_1", vec![settled]).await;
    // The lease was still the worker's own.
    let waits = admin.ask(ALL, json!({})).await["webhookDeliveries"]["nodes"][0].clone();
    assert_eq!((&waits["attempts"], &waits["nextAttemptAt"]), (&json!(1), &json!(MUCH_LATER)));
    let sent = admin.run_well("redeliverWebhook", json!({ "deliveryId": "dlv_1" })).await["delivery"].clone();
    assert_eq!(
        (&sent["status"], &sent["attempts"], &sent["nextAttemptAt"]),
        (&json!("PENDING"), &json!(1), &json!("2026-12-01T06:00:00Z"))
    );
}

#[tokio::test]
async fn nothing_is_sent_again_to_what_is_switched_off_or_does_not_exist() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let webhook = tried(&server, Settled::GivenUp).await;
    admin.run_well("updateWebhook", json!({ "id": webhook, "active": false })).await;
    let refused = admin.run("redeliverWebhook", json!({ "deliveryId": "dlv_1" })).await;
    assert_eq!((refusals(&refused), &refused["delivery"]), (of(&[("ILLEGAL_TRANSITION", "deliveryId")]), &Value::Null));
    assert_eq!(list(&admin, json!({ "status": "FAILED" })).await["totalCount"], 1);
    let unknown = admin.run("redeliverWebhook", json!({ "deliveryId": "dlv_0" })).await;
    assert_eq!(refusals(&unknown), of(&[("NOT_FOUND", "deliveryId")]));
}
