//! Making, changing and removing webhooks, and exchanging their secrets.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use slotwise::config::WebhookSettings;
use slotwise::domain::access::Role;
use slotwise::domain::delivery::Settled;

use crate::support::running::{of, refusals};
use crate::support::webhooks::{MUCH_LATER, NOWHERE, attempt};
use crate::support::{Actor, ServerOptions, TestServer, at_once};

const LIST: &str = "{ webhooks { id url events selection description active failingSince createdAt updatedAt } }";

async fn list(actor: &Actor) -> Value {
    actor.ask(LIST, json!({})).await["webhooks"].clone()
}

/// A server that sends to public addresses only, as those in public do.
async fn in_public() -> TestServer {
    TestServer::start_with(ServerOptions { webhooks: WebhookSettings::default(), ..ServerOptions::default() }).await
}

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_webhook_is_made_listed_changed_and_removed() {
    let server = TestServer::start().await;
    let admin = server.runner();
    assert_eq!(list(&admin).await, json!([]));
    let input = json!({
        "url": "https://hooks.example.org/a", "events": ["PRESENCE_TIMEOUT", "BOOKING_CREATED", "BOOKING_CREATED"],
        "selection": "{ id event }", "description": "For the door\nand its lock",
    });
    let made = admin.run_well("createWebhook", input).await["webhook"].clone();
    assert!(made["id"].as_str().unwrap().starts_with("whk_"));
    let expected = json!({
        "id": made["id"], "url": "https://hooks.example.org/a", "events": ["BOOKING_CREATED", "PRESENCE_TIMEOUT"],
        "selection": "{ id event }", "description": "For the door\nand its lock", "active": true,
        "failingSince": null, "createdAt": "2026-12-01T06:00:00Z", "updatedAt": "2026-12-01T06:00:00Z",
    });
    assert_eq!(made, expected);
    let other = server.webhook(json!({ "active": false })).await;
    let listed = list(&admin).await;
    assert_eq!((&listed[0], &listed[1]["id"], &listed[1]["active"]), (&expected, &json!(other), &json!(false)));

    server.clock.advance(Duration::from_mins(1));
    let changes = json!({ "id": made["id"], "events": ["BOOKING_EXPIRED"], "selection": null, "description": null });
    let saved = admin.run_well("updateWebhook", changes).await["webhook"].clone();
    let mut expected = expected;
    expected["events"] = json!(["BOOKING_EXPIRED"]);
    expected["selection"] = Value::Null;
    expected["description"] = Value::Null;
    expected["updatedAt"] = json!("2026-12-01T06:01:00Z");
    assert_eq!(saved, expected);
    assert_eq!(list(&admin).await[0], expected);

    let gone = admin.run_well("deleteWebhook", json!({ "id": made["id"] })).await;
    assert_eq!(gone["deletedId"], made["id"]);
    assert_eq!(list(&admin).await.as_array().unwrap().len(), 1);
    let again = admin.run("deleteWebhook", json!({ "id": made["id"] })).await;
    assert_eq!((refusals(&again), &again["deletedId"]), (of(&[("NOT_FOUND", "id")]), &Value::Null));
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_and_changes_nothing() {
    let server = in_public().await;
    let admin = server.runner();
    let id = server.webhook(json!({ "url": "https://hooks.example.org/" })).await;
    let before = (list(&admin).await, server.audit_lines().await);
    let wrong = json!({
        "url": "http://127.0.0.1/", "events": [], "selection": "{ nothing }", "description": "x".repeat(501),
    });
    let all = of(&[("INVALID", "url"), ("INVALID", "events"), ("INVALID", "description"), ("INVALID", "selection")]);
    assert_eq!(refusals(&admin.run("createWebhook", wrong.clone()).await), all);
    let mut update = wrong;
    update["id"] = json!(id);
    assert_eq!(refusals(&admin.run("updateWebhook", update.clone()).await), all);
    update["id"] = json!("whk_0");
    let mut with_unknown = all.clone();
    with_unknown.push(("NOT_FOUND".to_owned(), "id".to_owned()));
    assert_eq!(refusals(&admin.run("updateWebhook", update).await), with_unknown);

    let nulls = json!({ "id": id, "url": null, "events": null, "active": null });
    let never = of(&[("INVALID", "url"), ("INVALID", "events"), ("INVALID", "active")]);
    assert_eq!(refusals(&admin.run("updateWebhook", nulls).await), never);
    for (field, value) in [
        ("url", json!("https://user:password@example.org/")),
        ("url", json!("https://169.254.169.254/")),
        ("url", json!("https://[::ffff:10.0.0.1]/")),
        ("url", json!("https://localhost/")),
        ("url", json!("https://example.org/#here")),
        ("url", json!(format!("https://example.org/{}", "a".repeat(2_048)))),
        ("description", json!("a\u{7}b")),
        ("selection", json!(format!("{{ id }}{}", " ".repeat(4_000)))),
        ("selection", json!("")),
        ("expectedUpdatedAt", json!("yesterday")),
    ] {
        let refused = admin.run("updateWebhook", json!({ "id": id, field: value })).await;
        assert_eq!((refusals(&refused), &refused["webhook"]), (of(&[("INVALID", field)]), &Value::Null), "{value}");
    }
    assert_eq!((list(&admin).await, server.audit_lines().await), before);
}

#[tokio::test]
async fn only_for_development_can_a_webhook_be_sent_to_the_machine_itself() {
    let input = json!({ "url": "http://127.0.0.1:1/hooks", "events": ["BOOKING_CREATED"], "active": false });
    let insecure = TestServer::start().await;
    insecure.runner().run_well("createWebhook", input.clone()).await;
    let refused = in_public().await.runner().run("createWebhook", input).await;
    assert_eq!(refusals(&refused), of(&[("INVALID", "url")]));
}

#[tokio::test]
async fn an_update_keeps_what_it_does_not_name_and_knows_what_is_stale() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let id = server.webhook(json!({ "selection": "{ id }", "description": "Old" })).await;
    let before = list(&admin).await[0].clone();
    // What changes nothing leaves no trace.
    let same = admin.run_well("updateWebhook", json!({ "id": id, "url": before["url"], "active": true })).await;
    assert_eq!(same["webhook"], before);
    assert_eq!(server.audit_lines().await.len(), 1);

    // The clock stands still, and yet two states can be told apart.
    let changes = json!({ "id": id, "description": "New", "expectedUpdatedAt": before["updatedAt"] });
    let after = admin.run_well("updateWebhook", changes.clone()).await["webhook"].clone();
    let mut expected = before.clone();
    expected["description"] = json!("New");
    expected["updatedAt"] = json!("2026-12-01T06:00:00.001Z");
    assert_eq!(after, expected);
    let stale = admin.run("updateWebhook", changes).await;
    assert_eq!(refusals(&stale), of(&[("STALE", "expectedUpdatedAt")]));
    assert_eq!(list(&admin).await[0], expected);
}

#[tokio::test]
async fn secrets_are_shown_once_differ_and_can_be_exchanged_four_times_a_day() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let input = json!({ "url": "https://hooks.example.org/", "events": ["BOOKING_CREATED"] });
    let made = admin.run_well("createWebhook", input.clone()).await;
    let other = admin.run_well("createWebhook", input).await;
    let id = made["webhook"]["id"].as_str().unwrap();
    let mut secrets = BTreeSet::new();
    let mut keep = |payload: &Value| {
        let secret = payload["secret"].as_str().unwrap().to_owned();
        assert_eq!(STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
        assert!(secrets.insert(secret), "a secret came twice");
    };
    keep(&made);
    keep(&other);
    for rotation in 1..=4_u32 {
        server.clock.advance(Duration::from_hours(1));
        let rotated = admin.run_well("rotateWebhookSecret", json!({ "id": id })).await;
        keep(&rotated);
        assert_eq!(rotated["webhook"]["updatedAt"], format!("2026-12-01T{:02}:00:00Z", 6 + rotation));
        let stored = server.stored_webhook(id).await.unwrap();
        let now = rotated["webhook"]["updatedAt"].as_str().unwrap().parse().unwrap();
        // All of them sign, the newest first.
        assert_eq!(stored.signing(now).collect::<Vec<_>>(), (1..=rotation + 1).rev().collect::<Vec<_>>());
    }
    let refused = admin.run("rotateWebhookSecret", json!({ "id": id })).await;
    assert_eq!((refusals(&refused), &refused["secret"]), (of(&[("LIMIT_EXCEEDED", "id")]), &Value::Null));
    let message = refused["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("2026-12-02T07:00:00Z"), "{message}");

    // A day after the first one, the secret from before it no longer signs, and is forgotten.
    server.clock.advance(DAY.saturating_sub(Duration::from_hours(3)));
    keep(&admin.run_well("rotateWebhookSecret", json!({ "id": id })).await);
    let stored = server.stored_webhook(id).await.unwrap();
    let versions: Vec<u32> = stored.retired_secrets.iter().map(|retired| retired.version).collect();
    assert_eq!((stored.secret, versions), (6, vec![2, 3, 4, 5]));
    // And no secret is told anywhere else.
    let told = format!("{}{:?}", list(&admin).await, server.audit_lines().await);
    assert!(!told.contains("whsec_") && secrets.iter().all(|secret| !told.contains(&secret[6..])), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_has_twenty_webhooks_at_most_however_many_are_made_at_once() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let input = json!({ "url": "https://hooks.example.org/", "events": ["BOOKING_CREATED"] });
    let made = at_once(24, |_| {
        let (admin, input) = (admin.clone(), input.clone());
        async move { admin.run("createWebhook", input).await }
    })
    .await;
    let refused: Vec<_> = made.iter().map(refusals).filter(|refusals| !refusals.is_empty()).collect();
    assert_eq!(refused, vec![of(&[("LIMIT_EXCEEDED", "")]); 4]);
    let listed = list(&admin).await;
    assert_eq!(listed.as_array().unwrap().len(), 20);
    // Another organization has its own, and whoever makes room can make another one.
    server.signed_in("root", Role::Admin, "org_x").run_well("createWebhook", input.clone()).await;
    admin.run_well("deleteWebhook", json!({ "id": listed[0]["id"] })).await;
    admin.run_well("createWebhook", input).await;
}

#[tokio::test]
async fn webhooks_of_another_organization_do_not_exist() {
    let server = TestServer::start().await;
    let id = server.webhook(json!({})).await;
    server.put_delivery(&id, "dlv_1", "BOOKING_CREATED", "{}").await;
    let stranger = server.signed_in("root", Role::Admin, "org_x");
    assert_eq!(list(&stranger).await, json!([]));
    for (mutation, input, field) in [
        ("updateWebhook", json!({ "id": id, "active": false }), "id"),
        ("rotateWebhookSecret", json!({ "id": id }), "id"),
        ("deleteWebhook", json!({ "id": id }), "id"),
        ("sendTestWebhook", json!({ "id": id }), "id"),
        ("redeliverWebhook", json!({ "deliveryId": "dlv_1" }), "deliveryId"),
    ] {
        let refused = stranger.run(mutation, input.clone()).await;
        assert_eq!(refusals(&refused), of(&[("NOT_FOUND", field)]), "{mutation}");
        // In the same words as for what has never been.
        let mut of_nothing = input;
        of_nothing[field] = json!(if field == "id" { "whk_0" } else { "dlv_0" });
        let message = |payload: &Value| payload["userErrors"][0]["message"].as_str().unwrap().to_owned();
        let unknown = stranger.run(mutation, of_nothing.clone()).await;
        let expected = message(&unknown).replace(of_nothing[field].as_str().unwrap(), "…");
        assert_eq!(message(&refused).replace(&id, "…").replace("dlv_1", "…"), expected);
    }
    assert_eq!(server.stored_webhook(&id).await.unwrap().secret, 1);
}

#[tokio::test]
async fn the_audit_log_tells_what_changed_and_of_a_secret_that_it_was_exchanged() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let id = server.webhook(json!({ "description": "Door" })).await;
    admin.run_well("updateWebhook", json!({ "id": id, "active": false, "events": ["BOOKING_NO_SHOW"] })).await;
    admin.run_well("rotateWebhookSecret", json!({ "id": id })).await;
    admin.run_well("deleteWebhook", json!({ "id": id })).await;
    let url = json!(NOWHERE);
    let expected = [
        (
            "created",
            json!({
                "url": { "from": null, "to": url }, "events": { "from": null, "to": ["BOOKING_CREATED"] },
                "description": { "from": null, "to": "Door" }, "active": { "from": null, "to": true },
                "secretVersion": { "from": null, "to": 1 },
            }),
        ),
        (
            "updated",
            json!({
                "active": { "from": true, "to": false },
                "events": { "from": ["BOOKING_CREATED"], "to": ["BOOKING_NO_SHOW"] },
            }),
        ),
        ("updated", json!({ "secretVersion": { "from": 1, "to": 2 } })),
        (
            "deleted",
            json!({
                "url": { "from": url, "to": null }, "events": { "from": ["BOOKING_NO_SHOW"], "to": null },
                "description": { "from": "Door", "to": null }, "active": { "from": false, "to": null },
                "secretVersion": { "from": 2, "to": null },
            }),
        ),
    ];
    let lines = server.audit_lines().await;
    assert_eq!(lines.len(), expected.len());
    for (line, (action, changes)) in lines.iter().zip(expected) {
        assert_eq!((line.entity.as_str(), line.entity_id.as_str(), line.by.as_str()), ("Webhook", id.as_str(), "root"));
        assert_eq!((line.action.as_str(), &line.changes), (action, &changes));
    }
}

#[tokio::test]
async fn what_waits_is_sent_at_once_when_a_webhook_is_switched_on_or_sent_elsewhere() {
    const NEXT: &str = "{ webhookDeliveries { nodes { nextAttemptAt } } }";
    let server = TestServer::start().await;
    let admin = server.runner();
    // The receiver is away: what is due stays pending, whoever tries it.
    for (name, inactive, change) in [
        ("on", true, json!({ "active": true })),
        ("elsewhere", false, json!({ "url": format!("{NOWHERE}/elsewhere") })),
    ] {
        let id = server.webhook(json!({})).await;
        server.put_delivery(&id, &format!("dlv_{name}"), "BOOKING_CREATED", "{}").await;
        if inactive {
            admin.run_well("updateWebhook", json!({ "id": id, "active": false })).await;
        }
        let since = "2026-11-30T00:00:00Z".parse().unwrap();
        let note = |tx: slotwise::store::Tx| {
            let id = id.as_str().into();
            async move { tx.note_failing(&id, Some(since)).await }
        };
        server.store.write(note).await.unwrap();
        assert_eq!(admin.ask(NEXT, json!({})).await["webhookDeliveries"]["nodes"][0]["nextAttemptAt"], MUCH_LATER);
        // Other changes leave it waiting, and failing.
        let described = admin.run_well("updateWebhook", json!({ "id": id, "description": "Other" })).await;
        assert_eq!(described["webhook"]["failingSince"], "2026-11-30T00:00:00Z");
        assert_eq!(admin.ask(NEXT, json!({})).await["webhookDeliveries"]["nodes"][0]["nextAttemptAt"], MUCH_LATER);

        let mut change = change;
        change["id"] = json!(id);
        let changed = admin.run_well("updateWebhook", change).await;
        assert_eq!(changed["webhook"]["failingSince"], Value::Null);
        let next = admin.ask(NEXT, json!({})).await["webhookDeliveries"]["nodes"][0]["nextAttemptAt"].clone();
        assert_ne!(next, json!(MUCH_LATER), "{name}");
        admin.run_well("deleteWebhook", json!({ "id": id })).await;
    }
}

#[tokio::test]
async fn a_webhook_goes_with_all_that_was_to_be_delivered_to_it() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let (gone, kept) = (server.webhook(json!({})).await, server.webhook(json!({})).await);
    for (webhook, id) in [(&gone, "dlv_1"), (&gone, "dlv_2"), (&kept, "dlv_3")] {
        server.put_delivery(webhook, id, "BOOKING_CREATED", "{}").await;
    }
    server.settle(&gone, "dlv_1", vec![Settled::Arrived(attempt(1, Some(200), None))]).await;
    admin.run_well("deleteWebhook", json!({ "id": gone })).await;
    let left = admin.ask("{ webhookDeliveries { nodes { id } totalCount } }", json!({})).await;
    assert_eq!(left["webhookDeliveries"], json!({ "nodes": [{ "id": "dlv_3" }], "totalCount": 1 }));
}
