//! Many who change the same schedule at once: nobody's change is lost without a word.

use serde_json::{Value, json};
use slotwise::domain::catalogue::Resource;
use slotwise::store::{StoreError, Tx};

use crate::support::at_once;
use crate::support::schedules::{admin, change, changed, date_override, plain, read, refused};
use crate::support::studios::{DAY, refusal, studios};

#[tokio::test]
async fn what_somebody_else_has_changed_is_stale() {
    let server = studios().await;
    let admin = admin(&server);
    let seen = read(&server, "sch_a").await["updatedAt"].clone();
    let rename = |name: &str, expected: &Value| json!({ "id": "sch_a", "name": name, "expectedUpdatedAt": expected });
    let first = changed(&admin, "updateSchedule", rename("First", &seen)).await;
    let stale = change(&admin, "updateSchedule", rename("Second", &seen)).await;
    assert_eq!(refused(&stale), ["input.expectedUpdatedAt STALE"]);
    // Whatever it would come to.
    let stale = change(&admin, "updateSchedule", rename("First", &seen)).await;
    assert_eq!(refused(&stale), ["input.expectedUpdatedAt STALE"]);
    // Overrides are a part of the schedule.
    changed(&admin, "setDateOverrides", json!({ "scheduleId": "sch_a", "overrides": [date_override(DAY, None)] }))
        .await;
    let stale = change(&admin, "updateSchedule", rename("Third", &first["updatedAt"])).await;
    assert_eq!(refused(&stale), ["input.expectedUpdatedAt STALE"]);
    let now = read(&server, "sch_a").await["updatedAt"].clone();
    changed(&admin, "updateSchedule", rename("Third", &now)).await;
    changed(&admin, "updateSchedule", json!({ "id": "sch_a", "name": "Last", "expectedUpdatedAt": null })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_update_what_they_have_read_at_once_one_wins() {
    const ADMINS: usize = 8;
    let server = studios().await;
    let seen = read(&server, "sch_a").await["updatedAt"].clone();
    let admin = admin(&server);
    let payloads = at_once(ADMINS, |number| {
        let input = json!({ "id": "sch_a", "name": format!("Name {number}"), "expectedUpdatedAt": seen });
        let admin = admin.clone();
        async move { change(&admin, "updateSchedule", input).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = payloads.iter().partition(|payload| payload["schedule"].is_object());
    assert_eq!((won.len(), lost.len()), (1, ADMINS - 1));
    assert!(lost.iter().all(|payload| refusal(payload) == "STALE"), "{lost:?}");
    assert_eq!(read(&server, "sch_a").await, won[0]["schedule"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_set_on_different_dates_at_once_all_counts() {
    const ADMINS: usize = 12;
    let server = studios().await;
    let admin = admin(&server);
    at_once(ADMINS, |number| {
        let date = date_override(&format!("2026-12-{:02}", number + 10), Some(("10:00", "11:00")));
        let admin = admin.clone();
        async move {
            changed(&admin, "setDateOverrides", json!({ "scheduleId": "sch_a", "overrides": [date] })).await;
            // Somebody changes something else all the while.
            changed(&admin, "updateSchedule", json!({ "id": "sch_a", "name": format!("Name {number}") })).await
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
    let admin = admin(&server);
    let template = server.store.reader().resource(&"res_a".into()).await.unwrap().unwrap();
    for round in 0..ROUNDS {
        let made = changed(&admin, "createSchedule", plain("Hours")).await;
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
                    let payload = change(&admin, "deleteSchedule", json!({ "id": id })).await;
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
