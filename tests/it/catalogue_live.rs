//! Who watches slots sees at once what admins change.

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::studios::{DAY, at, booking, starts_of, studios};
use crate::support::{ResourceSpec, TestServer, Watch};

const SLOTS: &str = "subscription ($resource: ID!, $date: Date!, $duration: Int) {
    daySlotsChanged(resourceId: $resource, date: $date, eventTypeId: \"evt_hour\", durationMinutes: $duration) {
        id revision durationMinutes intervalMinutes slots { start end remaining } } }";
const MONTH: &str = "subscription ($resource: ID!) {
    monthAvailabilityChanged(resourceId: $resource, from: \"2026-12-01\", to: \"2026-12-03\", eventTypeId: \"evt_hour\") {
        days { date available slotCount } } }";

async fn watch_a(server: &TestServer) -> Watch {
    server.anonymous().watch(SLOTS, json!({ "resource": "res_a", "date": DAY })).await
}

/// What a list of the full hours from 09:00 to 22:00 says.
fn hours() -> Vec<String> {
    (9..=21).map(at).collect()
}

#[tokio::test]
async fn each_change_of_what_decides_about_a_list_is_seen_at_once() {
    let server = studios().await;
    let root = server.runner();
    let mut watch = watch_a(&server).await;
    let mut month = server.anonymous().watch(MONTH, json!({ "resource": "res_a" })).await;
    let first = watch.next().await;
    assert_eq!(starts_of(&first["slots"]), hours());
    assert_eq!(month.next().await["days"][1]["slotCount"], 13);
    let link = json!({ "eventTypeId": "evt_hour", "resourceId": "res_a" });
    let changes = [
        ("updateResource", json!({ "id": "res_a", "active": false }), 0),
        ("updateResource", json!({ "id": "res_a", "active": true }), 13),
        ("updateEventType", json!({ "id": "evt_hour", "active": false }), 0),
        ("updateEventType", json!({ "id": "evt_hour", "active": true }), 13),
        ("unlinkEventType", link.clone(), 0),
        ("linkEventType", link, 13),
        ("updateEventType", json!({ "id": "evt_hour", "resourceIds": ["res_b"] }), 0),
        ("updateEventType", json!({ "id": "evt_hour", "resourceIds": ["res_a", "res_b"] }), 13),
        ("updateEventType", json!({ "id": "evt_hour", "durationOptions": [120, 60] }), 12),
        ("updateEventType", json!({ "id": "evt_hour", "intervalMinutes": 30 }), 23),
        ("updateEventType", json!({ "id": "evt_hour", "minNoticeMinutes": 2 * 1_440 }), 0),
        ("updateEventType", json!({ "id": "evt_hour", "minNoticeMinutes": 0, "intervalMinutes": 60 }), 12),
        ("updateEventType", json!({ "id": "evt_hour", "maxDaysAhead": 0 }), 0),
        ("updateEventType", json!({ "id": "evt_hour", "maxDaysAhead": null, "durationOptions": [60] }), 13),
        ("updateResource", json!({ "id": "res_a", "standalone": false }), 0),
        ("updateResource", json!({ "id": "res_a", "standalone": true }), 13),
        ("updateResource", json!({ "id": "res_a", "scheduleId": null }), 24),
    ];
    let mut revision = first["revision"].as_u64().unwrap();
    for (mutation, input, count) in changes {
        root.run_well(mutation, input.clone()).await;
        let state = watch.next().await;
        assert_eq!(state["slots"].as_array().unwrap().len(), count, "after {input}");
        assert_eq!(state["id"], first["id"]);
        assert!(state["revision"].as_u64().unwrap() > revision);
        revision = state["revision"].as_u64().unwrap();
        assert_eq!(month.next().await["days"][1]["slotCount"], count, "after {input}");
    }
}

#[tokio::test]
async fn a_change_of_units_and_of_buffers_is_seen_at_once() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    let mut watch = watch_a(&server).await;
    watch.next().await;
    ada.book_it(booking("a", "hour", 10)).await;
    assert!(!starts_of(&watch.next().await["slots"]).contains(&at(10).as_str()));
    root.run_well("updateResource", json!({ "id": "res_a", "quantity": 3 })).await;
    let state = watch.next().await;
    assert_eq!(starts_of(&state["slots"]), hours());
    let remaining: Vec<&Value> = state["slots"].as_array().unwrap().iter().map(|slot| &slot["remaining"]).collect();
    assert_eq!((remaining[0], remaining[1]), (&json!(3), &json!(2)));
    root.run_well("updateResource", json!({ "id": "res_a", "quantity": 1 })).await;
    assert_eq!(watch.next().await["slots"].as_array().unwrap().len(), 12);
    root.run_well("updateEventType", json!({ "id": "evt_hour", "bufferAfterMinutes": 30 })).await;
    assert_eq!(watch.next().await["slots"].as_array().unwrap().len(), 11);
}

#[tokio::test]
async fn what_changes_nothing_for_a_watcher_is_not_sent() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    let eve = server.signed_in("eve", Role::Admin, "other");
    server.resources([ResourceSpec { organization: "other".to_owned(), ..ResourceSpec::named("theirs") }]).await;
    let mut watch = watch_a(&server).await;
    let first = watch.next().await;
    eve.run_well("updateResource", json!({ "id": "res_theirs", "active": false })).await;
    root.run_well("updateResource", json!({ "id": "res_a", "name": "River" })).await;
    root.run_well("updateResource", json!({ "id": "res_b", "active": false })).await;
    root.run_well("updateEventType", json!({ "id": "evt_session", "durationOptions": [15] })).await;
    root.run("updateResource", json!({ "id": "res_a", "name": "" })).await;
    // The next that it hears of is this.
    ada.book_it(booking("a", "hour", 10)).await;
    let second = watch.next().await;
    assert_eq!(second["slots"].as_array().unwrap().len(), first["slots"].as_array().unwrap().len() - 1);
}

#[tokio::test]
async fn what_changes_nothing_in_the_catalogue_wakes_nobody() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    ada.viewer().await;
    let mut watch = server.feed.watch_catalogue("default".into());
    let mut is_woken = || watch.changed().now_or_never().is_some();
    root.run("updateResource", json!({ "id": "res_a", "name": "" })).await;
    root.run("deleteResource", json!({ "id": "res_none" })).await;
    root.run_well("updateResource", json!({ "id": "res_a", "quantity": 1 })).await;
    root.run_well("linkEventType", json!({ "eventTypeId": "evt_hour", "resourceId": "res_a" })).await;
    assert!(!is_woken());
    assert_eq!(root.set_role("ada", "STAFF").await["user"]["role"], "STAFF");
    assert!(!is_woken());
    root.run_well("updateResource", json!({ "id": "res_a", "name": "River" })).await;
    assert!(is_woken());
}

#[tokio::test]
async fn whoever_watches_what_is_removed_is_told_and_hears_no_more() {
    let server = studios().await;
    let root = server.runner();
    let mut watch = watch_a(&server).await;
    let mut month = server.anonymous().watch(MONTH, json!({ "resource": "res_a" })).await;
    let mut other = server.anonymous().watch(MONTH, json!({ "resource": "res_b" })).await;
    watch.next().await;
    month.next().await;
    other.next().await;
    root.run_well("deleteResource", json!({ "id": "res_a" })).await;
    for mut watch in [watch, month] {
        let message = watch.next_raw().await;
        assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "NOT_FOUND", "{message}");
        assert!(watch.ends().await);
    }
    root.run_well("deleteEventType", json!({ "id": "evt_hour" })).await;
    let message = other.next_raw().await;
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "NOT_FOUND", "{message}");
}

#[tokio::test]
async fn whoever_watches_a_duration_that_is_no_longer_offered_is_told_so() {
    let server = studios().await;
    let root = server.runner();
    let variables = json!({ "resource": "res_a", "date": DAY, "duration": 60 });
    let mut watch = server.anonymous().watch(SLOTS, variables).await;
    watch.next().await;
    root.run_well("updateEventType", json!({ "id": "evt_hour", "durationOptions": [90] })).await;
    let message = watch.next_raw().await;
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{message}");
}
