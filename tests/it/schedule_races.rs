//! Many who change the same schedule at once: nobody's change is lost without a word.

use serde_json::{Value, json};
use slotwise::domain::catalogue::Resource;
use slotwise::store::{StoreError, Tx};

use crate::support::at_once;
use crate::support::running::{of, refusals};
use crate::support::schedules::{date_override, plain, read};
use crate::support::studios::{DAY, refusal, studios};

#[tokio::test]
async fn what_somebody_else_has_changed_is_stale() {
    let server = studios().await;
    let admin = server.runner();
    let seen = read(&server, "sch_a").await["updatedAt"].clone();
    let rename = |name: &str, expected: &Value| json!({ "id": "sch_a", "name": name, "expectedUpdatedAt": expected });
    let first = admin.run_well("updateSchedule", rename("First", &seen)).await["schedule"].clone();
    let stale = admin.run("updateSchedule", rename("Second", &seen)).await;
    assert_eq!(refusals(&stale), of(&[("STALE", "expectedUpdatedAt")]));
    // Whatever it would come to.
    let stale = admin.run("updateSchedule", rename("First", &seen)).await;
    assert_eq!(refusals(&stale), of(&[("STALE", "expectedUpdatedAt")]));
    // Overrides are a part of the schedule.
    admin.run_well("setDateOverrides", json!({ "scheduleId": "sch_a", "overrides": [date_override(DAY, None)] })).await;
    let stale = admin.run("updateSchedule", rename("Third", &first["updatedAt"])).await;
    assert_eq!(refusals(&stale), of(&[("STALE", "expectedUpdatedAt")]));
    let now = read(&server, "sch_a").await["updatedAt"].clone();
    admin.run_well("updateSchedule", rename("Third", &now)).await;
    admin.run_well("updateSchedule", json!({ "id": "sch_a", "name": "Last", "expectedUpdatedAt": null })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_update_what_they_have_read_at_once_one_wins() {
    const ADMINS: usize = 8;
    let server = studios().await;
    let seen = read(&server, "sch_a").await["updatedAt"].clone();
    let admin = server.runner();
    let payloads = at_once(ADMINS, |number| {
        let input = json!({ "id": "sch_a", "name": format!("Name {number}"), "expectedUpdatedAt": seen });
        let admin = admin.clone();
        async move { admin.run("updateSchedule", input).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = payloads.iter().partition(|payload| payload["schedule"].is_object());
    assert_eq!((won.len(), lost.len()), (1, ADMINS - 1));
    assert!(lost.iter().all(|payload| refusal(payload) == "STALE"), "{lost:?}");
    assert_eq!(read(&server, "sch_a").await, won[0]["schedule"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_set_or_remove_the_same_date_at_once_one_wins() {
    const ADMINS: usize = 8;
    let server = studios().await;
    let admin = server.runner();
    let closed = json!({ "scheduleId": "sch_a", "overrides": [date_override(DAY, None)] });
    let seen = admin.run_well("setDateOverrides", closed).await["schedule"]["updatedAt"].clone();
    let payloads = at_once(ADMINS, |number| {
        let window = ("10:00", format!("{}:00", number + 11));
        let date = date_override(DAY, Some((window.0, &window.1)));
        let mut input = json!({ "scheduleId": "sch_a", "expectedUpdatedAt": seen });
        let admin = admin.clone();
        async move {
            if number % 2 == 0 {
                input["overrides"] = json!([date]);
                return admin.run("setDateOverrides", input).await;
            }
            input["dates"] = json!([DAY]);
            admin.run("removeDateOverrides", input).await
        }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = payloads.iter().partition(|payload| payload["schedule"].is_object());
    assert_eq!((won.len(), lost.len()), (1, ADMINS - 1));
    for payload in lost {
        assert_eq!(refusals(payload), of(&[("STALE", "expectedUpdatedAt")]));
    }
    assert_eq!(read(&server, "sch_a").await, won[0]["schedule"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_set_on_different_dates_at_once_all_counts() {
    const ADMINS: usize = 12;
    let server = studios().await;
    let admin = server.runner();
    at_once(ADMINS, |number| {
        let date = date_override(&format!("2026-12-{:02}", number + 10), Some(("10:00", "11:00")));
        let admin = admin.clone();
        async move {
            admin.run_well("setDateOverrides", json!({ "scheduleId": "sch_a", "overrides": [date] })).await;
            // Somebody changes something else all the while.
            admin.run_well("updateSchedule", json!({ "id": "sch_a", "name": format!("Name {number}") })).await
        }
    })
    .await;
    assert_eq!(read(&server, "sch_a").await["dateOverrides"].as_array().unwrap().len(), ADMINS);
    let log = admin.ask(r#"{ auditLog(entityId: "sch_a") { totalCount } }"#, json!({})).await;
    assert_eq!(log["auditLog"]["totalCount"], 2 * ADMINS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_is_deleted_while_something_begins_to_follow_it_is_gone_or_followed() {
    const ROUNDS: usize = 10;
    let server = studios().await;
    let admin = server.runner();
    let template = server.store.reader().resource(&"res_a".into()).await.unwrap().unwrap();
    for round in 0..ROUNDS {
        let made = admin.run_well("createSchedule", plain("Hours")).await["schedule"].clone();
        let id = made["id"].as_str().unwrap();
        let follower = Resource {
            id: format!("res_{round}").into(),
            slug: format!("follower-{round}"),
            schedule_id: Some(id.into()),
            ..template.clone()
        };
        let outcomes = at_once(2, |number| {
            let (admin, store, follower, id) = (admin.clone(), server.store.clone(), follower.clone(), id.to_owned());
            async move {
                if number == 0 {
                    let payload = admin.run("deleteSchedule", json!({ "id": id })).await;
                    assert!(payload["deletedId"] == id.as_str() || refusal(&payload) == "IN_USE", "{payload}");
                    return payload["deletedId"].is_null();
                }
                let follow = |tx: Tx| {
                    let follower = follower.clone();
                    async move { tx.insert_resource(&follower).await }
                };
                let outcome: Result<(), StoreError> = store.write(follow).await;
                outcome.is_ok()
            }
        })
        .await;
        assert_eq!(outcomes[0], outcomes[1], "it stays exactly where it is followed");
        let left = admin.send("query ($id: ID!) { schedule(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(left.body["data"]["schedule"] != Value::Null, outcomes[0]);
    }
}
