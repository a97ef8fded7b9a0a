//! Who changed what.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::running::refusals;
use crate::support::schedules::{closed_dates, date_override};
use crate::support::{Actor, TestServer, at_once};

const LOG: &str =
    "query ($entity: String, $entityId: ID, $actor: ID, $first: Int, $after: String, $last: Int, $before: String) {
    auditLog(entity: $entity, entityId: $entityId, actorId: $actor,
        first: $first, after: $after, last: $last, before: $before) {
        totalCount edges { cursor node { id } } nodes { id at by { kind userId } action entity entityId changes }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn log(actor: &Actor, variables: Value) -> Value {
    actor.ask(LOG, variables).await["auditLog"].clone()
}

fn ids(page: &Value) -> Vec<&str> {
    let of_nodes: Vec<_> = page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    let edges = page["edges"].as_array().unwrap();
    assert!(edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap()).eq(of_nodes.iter().copied()), "{page}");
    of_nodes
}

/// Makes a schedule; its id.
async fn make(actor: &Actor, name: &str) -> String {
    let input = json!({ "name": name, "timeZone": "UTC", "weeklyHours": [] });
    actor.run_well("createSchedule", input).await["schedule"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_change_is_told_with_who_when_what_before_and_after() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.admin("ada"), server.admin("bob"));
    let id = make(&ada, "Hours").await;
    let id = id.as_str();
    server.clock.advance(std::time::Duration::from_mins(5));
    let window = |start: &str, end: &str| json!({ "weekday": "TUESDAY", "start": start, "end": end });
    let week = json!([window("09:00", "13:00"), window("13:00", "17:00")]);
    let closed = json!({ "windows": [], "reason": null });
    let eve = json!({ "windows": [{ "start": "09:00", "end": "12:00" }], "reason": "Eve" });
    let given = json!([window("13:00", "17:00"), window("09:00", "13:00")]);
    bob.run_well("updateSchedule", json!({ "id": id, "name": "Open", "weeklyHours": given })).await;
    let set = |date: &str, of_date: &Value| json!({ "date": date, "windows": of_date["windows"], "reason": of_date["reason"] });
    let overrides = json!([set("2026-12-24", &eve), set("2026-12-25", &closed)]);
    ada.run_well("setDateOverrides", json!({ "scheduleId": id, "overrides": overrides })).await;
    let overrides = json!([set("2026-12-24", &closed), set("2026-12-25", &closed)]);
    ada.run_well("setDateOverrides", json!({ "scheduleId": id, "overrides": overrides })).await;
    let dates = json!(["2026-12-25", "2026-12-26"]);
    ada.run_well("removeDateOverrides", json!({ "scheduleId": id, "dates": dates })).await;
    bob.run_well("deleteSchedule", json!({ "id": id })).await;

    let (first, later) = ("2026-12-01T06:00:00Z", "2026-12-01T06:05:00Z");
    let lines = [
        (
            "bob",
            later,
            "deleted",
            json!({
                "name": { "from": "Open", "to": null }, "timeZone": { "from": "UTC", "to": null },
                "weeklyHours": { "from": week, "to": null },
                "dateOverrides": { "from": { "2026-12-24": closed }, "to": null },
            }),
        ),
        ("ada", later, "updated", json!({ "dateOverrides": { "from": { "2026-12-25": closed }, "to": null } })),
        (
            "ada",
            later,
            "updated",
            json!({
                "dateOverrides": { "from": { "2026-12-24": eve }, "to": { "2026-12-24": closed } },
            }),
        ),
        (
            "ada",
            later,
            "updated",
            json!({
                "dateOverrides": { "from": null, "to": { "2026-12-24": eve, "2026-12-25": closed } },
            }),
        ),
        (
            "bob",
            later,
            "updated",
            json!({
                "name": { "from": "Hours", "to": "Open" }, "weeklyHours": { "from": [], "to": week },
            }),
        ),
        (
            "ada",
            first,
            "created",
            json!({
                "name": { "from": null, "to": "Hours" }, "timeZone": { "from": null, "to": "UTC" },
                "weeklyHours": { "from": null, "to": [] },
            }),
        ),
    ];
    let told = log(&ada, json!({})).await;
    let nodes = told["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), lines.len());
    for (node, (who, when, action, changes)) in nodes.iter().zip(lines) {
        let expected = json!({
            "id": node["id"], "at": when, "by": { "kind": "USER", "userId": who }, "action": action,
            "entity": "Schedule", "entityId": id, "changes": changes,
        });
        assert_eq!(*node, expected);
    }
}

#[tokio::test]
async fn a_line_tells_a_hundred_dates_and_how_many_more_there_are() {
    let server = TestServer::start().await;
    let ada = server.admin("ada");
    let id = make(&ada, "Hours").await;
    let last = async || log(&ada, json!({ "first": 1 })).await["nodes"][0]["changes"]["dateOverrides"].clone();
    let told = |side: &Value| side.as_object().map_or(0, |dates| dates.keys().filter(|key| *key != "more").count());

    ada.run_well("setDateOverrides", json!({ "scheduleId": id, "overrides": closed_dates(100) })).await;
    let changes = last().await;
    assert_eq!((told(&changes["to"]), &changes["to"]["more"], &changes["from"]), (100, &Value::Null, &Value::Null));
    ada.run_well("setDateOverrides", json!({ "scheduleId": id, "overrides": closed_dates(250) })).await;
    let changes = last().await;
    assert_eq!((told(&changes["to"]), &changes["to"]["more"], &changes["from"]), (100, &json!(50), &Value::Null));

    // The same dates on both sides: here the first hundred of 250, of which each was there before.
    let open = |date: Value| date_override(date["date"].as_str().unwrap(), Some(("08:00", "20:00")));
    let opened: Vec<Value> = closed_dates(251).into_iter().map(open).collect();
    ada.run_well("setDateOverrides", json!({ "scheduleId": id, "overrides": opened })).await;
    let changes = last().await;
    for (side, more) in [("from", 150), ("to", 151)] {
        assert_eq!((told(&changes[side]), &changes[side]["more"]), (100, &json!(more)), "{side}");
        assert!(changes[side]["2027-04-10"].is_object() && changes[side]["2027-04-11"].is_null(), "{changes}");
    }
    ada.run_well("deleteSchedule", json!({ "id": id })).await;
    let changes = last().await;
    assert_eq!((told(&changes["from"]), &changes["from"]["more"], &changes["to"]), (100, &json!(151), &Value::Null));
}

#[tokio::test]
async fn what_is_refused_is_not_in_the_log() {
    let server = TestServer::start().await;
    let ada = server.admin("ada");
    let id = make(&ada, "Hours").await;
    let before = log(&ada, json!({})).await;
    for input in [
        json!({ "id": id, "name": "" }),
        json!({ "id": id, "name": "Other", "expectedUpdatedAt": "2026-01-01T00:00:00Z" }),
        json!({ "id": "sch_0", "name": "Other" }),
    ] {
        assert_eq!(refusals(&ada.run("updateSchedule", input.clone()).await).len(), 1, "{input}");
    }
    assert_eq!(log(&ada, json!({})).await, before);
}

#[tokio::test]
async fn the_log_is_for_admins_of_its_organization() {
    let server = TestServer::start().await;
    let ours = make(&server.admin("ada"), "Ours").await;
    let stranger = server.signed_in("ada", Role::Admin, "org_x");
    let theirs = make(&stranger, "Theirs").await;
    for (actor, code) in
        [(server.anonymous(), "UNAUTHENTICATED"), (server.customer("ada"), "FORBIDDEN"), (server.staff(), "FORBIDDEN")]
    {
        let answer = actor.send(LOG, json!({ "first": 1000 })).await;
        assert_eq!((answer.code(), &answer.body["data"]["auditLog"]), (code, &Value::Null));
    }
    let told = log(&stranger, json!({})).await;
    assert_eq!((told["nodes"].as_array().unwrap().len(), &told["nodes"][0]["entityId"]), (1, &json!(theirs)));
    for narrowed in [json!({ "entityId": ours }), json!({ "actor": "boss" })] {
        assert_eq!(log(&stranger, narrowed).await["totalCount"], 0);
    }
}

#[tokio::test]
async fn the_log_can_be_narrowed() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.admin("ada"), server.admin("bob"));
    let (one, other) = (make(&ada, "One").await, make(&bob, "Other").await);
    bob.run_well("updateSchedule", json!({ "id": one, "name": "First" })).await;
    for (narrowed, count) in [
        (json!({}), 3),
        (json!({ "entity": "Schedule" }), 3),
        (json!({ "entity": "Resource" }), 0),
        (json!({ "entity": "schedule" }), 0),
        (json!({ "entityId": one }), 2),
        (json!({ "entityId": other, "entity": "Schedule" }), 1),
        (json!({ "entityId": other, "entity": "User" }), 0),
        (json!({ "actor": "bob" }), 2),
        (json!({ "actor": "bob", "entityId": one }), 1),
        (json!({ "actor": "nobody" }), 0),
    ] {
        let told = log(&ada, narrowed.clone()).await;
        assert_eq!((&told["totalCount"], ids(&told).len()), (&json!(count), count), "{narrowed}");
    }
    // A cursor is good for the same filter only.
    let cursor = log(&ada, json!({})).await["pageInfo"]["startCursor"].clone();
    assert_eq!(ada.send(LOG, json!({ "after": cursor, "actor": "bob" })).await.code(), "BAD_USER_INPUT");
    assert_eq!(ada.send(LOG, json!({ "first": 2, "last": 2 })).await.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn pages_forwards_and_backwards_cover_the_log_once_while_it_grows() {
    let server = TestServer::start().await;
    let ada = server.admin("ada");
    for number in 0..7 {
        make(&ada, &format!("Number {number}")).await;
    }
    let all = log(&ada, json!({})).await;
    let all = ids(&all);
    assert!(all.is_sorted_by(|newer, older| newer > older));
    for size in 1..=8 {
        let (mut forwards, mut after) = (Vec::new(), Value::Null);
        let mut added = Vec::new();
        loop {
            let page = log(&ada, json!({ "first": size, "after": after })).await;
            assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null(), "{page}");
            forwards.extend(ids(&page).into_iter().map(ToOwned::to_owned));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            assert_eq!(ids(&page).len(), size);
            added.push(make(&ada, "New").await);
        }
        assert!(forwards.ends_with(&all.iter().map(ToString::to_string).collect::<Vec<_>>()), "{size} a page");

        let (mut backwards, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = log(&ada, json!({ "last": size, "before": before })).await;
            assert_eq!(page["pageInfo"]["hasNextPage"], !backwards.is_empty(), "{page}");
            backwards.splice(0..0, ids(&page).into_iter().map(ToOwned::to_owned));
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        // Those that were made while paging forwards stand above where that began.
        assert_eq!(backwards.len(), forwards.len() + added.len(), "{size} a page, backwards");
        assert!(backwards.ends_with(&forwards));
    }
    let page = log(&ada, json!({})).await;
    let cursor = |index: usize| page["edges"][index]["cursor"].clone();
    let between = log(&ada, json!({ "after": cursor(1), "before": cursor(5) })).await;
    assert_eq!(ids(&between), ids(&page)[2..5]);
    let last = log(&ada, json!({ "after": cursor(1), "before": cursor(5), "last": 2 })).await;
    assert_eq!(ids(&last), ids(&page)[3..5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_that_race_each_begins_where_the_one_before_it_ended() {
    let server = TestServer::start().await;
    let ada = server.admin("ada");
    let id = make(&ada, "Name").await;
    at_once(12, |number| {
        let (ada, input) = (ada.clone(), json!({ "id": id, "name": format!("Name {number}") }));
        async move { ada.run_well("updateSchedule", input).await }
    })
    .await;
    let told = log(&ada, json!({ "entityId": id })).await;
    let names: Vec<&Value> = told["nodes"].as_array().unwrap().iter().map(|node| &node["changes"]["name"]).collect();
    assert_eq!(names.len(), 13);
    for (newer, older) in names.iter().zip(&names[1..]) {
        assert_eq!(newer["from"], older["to"]);
    }
}
