//! Making, changing, linking and removing event types.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::running::{of, refusals};
use crate::support::studios::{DAY, booking, hold, refusal, studios, with};
use crate::support::{EventTypeSpec, ResourceSpec, TestServer, at_once};

/// The least that makes an event type.
fn new(slug: &str) -> Value {
    json!({ "slug": slug, "title": "Session", "durationOptions": [60] })
}

/// What no event type may have: a member of the input, a value, and where it is refused.
fn malformed() -> Vec<(&'static str, Value, &'static str)> {
    let long = |length: usize| json!("x".repeat(length));
    let many: Vec<u32> = (0..51).map(|number| 60 + number).collect();
    let places: Vec<String> = (0..51).map(|number| format!("Room {number}")).collect();
    let resources: Vec<String> = (0..101).map(|number| format!("res_{number}")).collect();
    vec![
        ("slug", json!("Two Words"), "slug"),
        ("title", json!("\t"), "title"),
        ("title", long(121), "title"),
        ("description", long(4_001), "description"),
        ("durationOptions", json!([]), "durationOptions"),
        ("durationOptions", json!(many), "durationOptions"),
        ("durationOptions", json!([60, 4]), "durationOptions.1"),
        ("durationOptions", json!([44_641]), "durationOptions.0"),
        ("durationOptions", json!([-60]), "durationOptions.0"),
        ("durationOptions", json!([60, 90, 60]), "durationOptions.2"),
        ("intervalMinutes", json!(0), "intervalMinutes"),
        ("intervalMinutes", json!(-15), "intervalMinutes"),
        ("intervalMinutes", json!(20), "intervalMinutes"),
        ("intervalMinutes", json!(1_455), "intervalMinutes"),
        ("bufferBeforeMinutes", json!(-1), "bufferBeforeMinutes"),
        ("bufferBeforeMinutes", json!(1_441), "bufferBeforeMinutes"),
        ("bufferAfterMinutes", json!(1_441), "bufferAfterMinutes"),
        ("minNoticeMinutes", json!(525_601), "minNoticeMinutes"),
        ("maxDaysAhead", json!(-1), "maxDaysAhead"),
        ("maxDaysAhead", json!(3_661), "maxDaysAhead"),
        ("locations", json!(places), "locations"),
        ("locations", json!(["Here", " "]), "locations.1"),
        ("locations", json!([long(501)]), "locations.0"),
        ("resourceIds", json!(resources), "resourceIds"),
        ("resourceIds", json!(["res_a", "res_b", "res_a"]), "resourceIds.2"),
    ]
}

#[tokio::test]
async fn an_event_type_is_made_with_what_is_said_and_is_the_usual_in_the_rest() {
    let server = studios().await;
    let root = server.runner();
    let made = root.run_well("createEventType", new("plain")).await["eventType"].clone();
    let now = "2026-12-01T06:00:00Z";
    assert_eq!(
        made,
        json!({
            "id": made["id"], "organizationId": "default", "slug": "plain", "title": "Session", "description": null,
            "durationOptions": [60], "intervalMinutes": null, "bufferBeforeMinutes": 0, "bufferAfterMinutes": 0,
            "minNoticeMinutes": 0, "maxDaysAhead": null, "requiresConfirmation": false, "lockTimeZone": false,
            "locations": [], "active": true, "schedule": null, "resources": { "nodes": [] },
            "createdAt": now, "updatedAt": now,
        })
    );
    let all = json!({
        "slug": "all-of-it", "title": "All", "description": "More", "durationOptions": [90, 5, 44_640],
        "intervalMinutes": 1_440, "bufferBeforeMinutes": 1_440, "bufferAfterMinutes": 10, "minNoticeMinutes": 525_600,
        "maxDaysAhead": 0, "requiresConfirmation": true, "lockTimeZone": true, "locations": ["Here", "There"],
        "active": false, "scheduleId": "sch_a", "resourceIds": ["res_b", "res_a"],
    });
    let made = root.run_well("createEventType", all.clone()).await["eventType"].clone();
    for (name, value) in
        all.as_object().unwrap().iter().filter(|(name, _)| !name.ends_with("Id") && !name.ends_with("Ids"))
    {
        assert_eq!(made[name], *value, "{name}");
    }
    assert_eq!(made["schedule"]["id"], "sch_a");
    assert_eq!(made["resources"]["nodes"], json!([{ "id": "res_a" }, { "id": "res_b" }]));
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_at_its_field_in_a_new_one_and_in_an_update() {
    let server = studios().await;
    let root = server.runner();
    for (member, value, field) in malformed() {
        let payload = root.run("createEventType", with(new("new"), json!({ member: value }))).await;
        assert_eq!(refusals(&payload)[0], of(&[("INVALID", field)])[0], "{member}: {value}");
        assert_eq!(payload["eventType"], Value::Null);
        let payload = root.run("updateEventType", json!({ "id": "evt_hour", member: value })).await;
        assert_eq!(refusals(&payload), of(&[("INVALID", field)]), "{member}: {value}");
    }
    let never_null = [
        "slug",
        "title",
        "durationOptions",
        "bufferBeforeMinutes",
        "bufferAfterMinutes",
        "minNoticeMinutes",
        "requiresConfirmation",
        "lockTimeZone",
        "locations",
        "active",
        "resourceIds",
    ];
    for member in never_null {
        let payload = root.run("updateEventType", json!({ "id": "evt_hour", member: null })).await;
        assert_eq!(refusals(&payload), of(&[("INVALID", member)]), "{member}: null");
    }
    assert_eq!(server.audit_lines().await, []);
}

#[tokio::test]
async fn all_that_is_wrong_with_an_input_is_told_together() {
    let server = studios().await;
    let root = server.runner();
    let wrong = json!({
        "slug": "hour", "title": "", "durationOptions": [1, 2], "intervalMinutes": 7, "bufferAfterMinutes": -3,
        "locations": [""], "scheduleId": "sch_none", "resourceIds": ["res_a", "res_none"],
    });
    let mut expected = of(&[
        ("ALREADY_EXISTS", "slug"),
        ("INVALID", "bufferAfterMinutes"),
        ("INVALID", "durationOptions.0"),
        ("INVALID", "durationOptions.1"),
        ("INVALID", "intervalMinutes"),
        ("INVALID", "locations.0"),
        ("INVALID", "title"),
        ("NOT_FOUND", "resourceIds.1"),
        ("NOT_FOUND", "scheduleId"),
    ]);
    let mut told = refusals(&root.run("createEventType", wrong.clone()).await);
    told.sort();
    assert_eq!(told, expected);
    let stale = json!({ "id": "evt_rehearsal", "expectedUpdatedAt": "2020-01-01T00:00:00Z" });
    let mut told = refusals(&root.run("updateEventType", with(wrong, stale)).await);
    told.sort();
    expected.push(("STALE".to_owned(), "expectedUpdatedAt".to_owned()));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_an_update_leaves_out_stays_null_clears_and_resource_ids_replace_all_links() {
    let server = studios().await;
    server.resources([ResourceSpec { active: false, ..ResourceSpec::named("off") }]).await;
    let root = server.runner();
    let set = json!({
        "id": "evt_hour", "description": "x", "maxDaysAhead": 30, "scheduleId": "sch_b", "resourceIds": ["res_off", "res_b"],
    });
    let before = root.run_well("updateEventType", set).await["eventType"].clone();
    assert_eq!(before["resources"]["nodes"], json!([{ "id": "res_b" }, { "id": "res_off" }]));
    server.clock.advance(std::time::Duration::from_mins(1));
    let cleared = json!({
        "id": "evt_hour", "description": null, "maxDaysAhead": null, "intervalMinutes": null, "scheduleId": null,
        "expectedUpdatedAt": before["updatedAt"],
    });
    let after = root.run_well("updateEventType", cleared).await["eventType"].clone();
    let expected = json!({
        "description": null, "maxDaysAhead": null, "intervalMinutes": null, "schedule": null,
        "updatedAt": "2026-12-01T06:01:00Z",
    });
    assert_eq!(after, with(before, expected));
    // Who sees only what is active sees only what is active here.
    let seen = server
        .anonymous()
        .ask("{ eventType(id: \"evt_hour\") { resources { totalCount nodes { id } } } }", json!({}))
        .await;
    assert_eq!(seen["eventType"]["resources"], json!({ "totalCount": 1, "nodes": [{ "id": "res_b" }] }));

    let lines = server.audit_lines().await.len();
    root.run_well("updateEventType", json!({ "id": "evt_hour", "resourceIds": ["res_b", "res_off"], "title": "hour" }))
        .await;
    assert_eq!(server.audit_lines().await.len(), lines, "nothing has changed");
    root.run_well("updateEventType", json!({ "id": "evt_hour", "resourceIds": [] })).await;
    let last = server.audit_lines().await.pop().unwrap();
    assert_eq!(last.changes, json!({ "resourceIds": { "from": ["res_b", "res_off"], "to": [] } }));
}

#[tokio::test]
async fn linking_and_unlinking_are_done_once_and_succeed_again() {
    let server = studios().await;
    server.resources([ResourceSpec::named("c")]).await;
    let root = server.runner();
    let link = json!({ "eventTypeId": "evt_hour", "resourceId": "res_c" });
    let revision = server.catalogue_revision().await;
    let linked = root.run_well("linkEventType", link.clone()).await;
    assert_eq!((&linked["eventType"]["id"], &linked["resource"]["id"]), (&json!("evt_hour"), &json!("res_c")));
    assert_eq!(linked["resource"]["eventTypes"], json!([{ "id": "evt_hour" }]));
    assert_eq!(root.run_well("linkEventType", link.clone()).await, linked);
    assert_eq!((server.catalogue_revision().await, server.audit_lines().await.len()), (revision + 1, 1));

    // Whoever read the links before is told so.
    let stale = json!({ "id": "evt_hour", "resourceIds": [], "expectedUpdatedAt": "2026-01-01T00:00:00Z" });
    assert_eq!(refusal(&root.run("updateEventType", stale).await), "STALE");

    let unlinked = root.run_well("unlinkEventType", link.clone()).await;
    assert_eq!(unlinked["resource"]["eventTypes"], json!([]));
    assert_eq!(root.run_well("unlinkEventType", link).await, unlinked);
    assert_eq!((server.catalogue_revision().await, server.audit_lines().await.len()), (revision + 2, 2));
}

#[tokio::test]
async fn links_never_join_two_organizations() {
    let server = studios().await;
    server.resources([ResourceSpec { organization: "other".to_owned(), ..ResourceSpec::named("theirs") }]).await;
    let (root, eve) = (server.runner(), server.signed_in("eve", Role::Admin, "other"));
    for mutation in ["linkEventType", "unlinkEventType"] {
        let theirs = json!({ "eventTypeId": "evt_hour", "resourceId": "res_theirs" });
        assert_eq!(refusals(&root.run(mutation, theirs.clone()).await), of(&[("NOT_FOUND", "resourceId")]));
        assert_eq!(refusals(&eve.run(mutation, theirs).await), of(&[("NOT_FOUND", "eventTypeId")]));
        let ours = json!({ "eventTypeId": "evt_hour", "resourceId": "res_a" });
        assert_eq!(
            refusals(&eve.run(mutation, ours).await),
            of(&[("NOT_FOUND", "eventTypeId"), ("NOT_FOUND", "resourceId")])
        );
    }
    let across = with(new("across"), json!({ "resourceIds": ["res_theirs", "res_a"] }));
    assert_eq!(refusals(&root.run("createEventType", across.clone()).await), of(&[("NOT_FOUND", "resourceIds.0")]));
    assert_eq!(refusals(&eve.run("createEventType", across).await), of(&[("NOT_FOUND", "resourceIds.1")]));
    for (mutation, input) in
        [("updateEventType", json!({ "id": "evt_hour" })), ("deleteEventType", json!({ "id": "evt_hour" }))]
    {
        assert_eq!(refusals(&eve.run(mutation, input).await), of(&[("NOT_FOUND", "id")]));
    }
    // A slug is another organization's to have as well.
    eve.run_well("createEventType", new("hour")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_a_hundred_are_linked_on_either_side_however_many_come_at_once() {
    let server = TestServer::start().await;
    let root = server.runner();
    let rooms: Vec<String> = (0..101).map(|number| format!("room{number:03}")).collect();
    server.resources(rooms.iter().map(|name| ResourceSpec::named(name))).await;
    let linked: Vec<&str> = rooms[..98].iter().map(String::as_str).collect();
    server.event_types([EventTypeSpec::named("wide", &[60], &linked)]).await;
    let answers = at_once(3, |number| {
        let (root, link) =
            (root.clone(), json!({ "eventTypeId": "evt_wide", "resourceId": format!("res_room{:03}", 98 + number) }));
        async move { root.run("linkEventType", link).await }
    });
    let refused: Vec<_> = answers.await.iter().flat_map(refusals).collect();
    assert_eq!(refused, of(&[("LIMIT_EXCEEDED", "eventTypeId")]));

    let names: Vec<String> = (0..99).map(|number| format!("kind{number:03}")).collect();
    server.event_types(names.iter().map(|name| EventTypeSpec::named(name, &[60], &["room100"]))).await;
    let made = root.run_well("createEventType", new("one-more")).await["eventType"]["id"].clone();
    let full = root.ask("{ resource(id: \"res_room100\") { eventTypes { id } } }", json!({})).await;
    let count = full["resource"]["eventTypes"].as_array().unwrap().len();
    if count < 100 {
        root.run_well("linkEventType", json!({ "eventTypeId": made, "resourceId": "res_room100" })).await;
    }
    let too_many = root.run("createEventType", with(new("too-many"), json!({ "resourceIds": ["res_room100"] }))).await;
    assert_eq!(refusals(&too_many), of(&[("LIMIT_EXCEEDED", "resourceIds.0")]));
    let last = root.run_well("createEventType", new("last")).await["eventType"]["id"].clone();
    let payload = root.run("linkEventType", json!({ "eventTypeId": last, "resourceId": "res_room100" })).await;
    assert_eq!(refusals(&payload), of(&[("LIMIT_EXCEEDED", "resourceId")]));
    // What is linked already can be named again.
    root.run_well("updateEventType", json!({ "id": "evt_kind000", "resourceIds": ["res_room100"], "title": "K" }))
        .await;
}

#[tokio::test]
async fn what_has_been_booked_under_it_stays_and_so_does_the_event_type() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    let booked = ada.book_it(booking("a", "hour", 10)).await;
    assert_eq!(refusals(&root.run("deleteEventType", json!({ "id": "evt_hour" })).await), of(&[("IN_USE", "id")]));
    let buffers =
        json!({ "id": "evt_hour", "bufferBeforeMinutes": 60, "bufferAfterMinutes": 60, "durationOptions": [120] });
    root.run_well("updateEventType", buffers).await;
    // What is booked keeps what it occupies: an hour. What is new brings its buffers.
    server.assert_sound().await;
    let free = ada.ask(
        "{ isAvailable(resourceId: \"res_a\", start: \"2026-12-02T10:00:00Z\", end: \"2026-12-02T11:00:00Z\") }",
        json!({}),
    );
    assert_eq!(free.await["isAvailable"], true);
    assert_eq!(refusal(&ada.book(booking("a", "hour", 11)).await), "SLOT_TAKEN");
    ada.cancel(json!({ "id": booked["booking"]["id"] })).await;
    ada.book_it(booking("a", "hour", 11)).await;
    server.assert_sound().await;

    assert_eq!(root.run_well("deleteEventType", json!({ "id": "evt_session" })).await["deletedId"], "evt_session");
    assert_eq!(refusal(&ada.book(booking("a", "session", 15)).await), "NOT_FOUND");
    let left = root.ask("{ resource(id: \"res_b\") { eventTypes { id } } }", json!({})).await;
    assert_eq!(left["resource"]["eventTypes"], json!([{ "id": "evt_hour" }, { "id": "evt_rehearsal" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_books_while_the_event_type_is_removed_has_it_or_finds_it_gone() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    for round in 0..6 {
        let name = format!("brief{round}");
        server.event_types([EventTypeSpec::named(&name, &[15], &["a"])]).await;
        let answers = at_once(6, |number| {
            let (root, ada, name) = (root.clone(), ada.clone(), name.clone());
            async move {
                if number == 3 {
                    root.run("deleteEventType", json!({ "id": format!("evt_{name}") })).await
                } else {
                    let start = format!("2026-12-{:02}T{:02}:00:00Z", 2 + round, 9 + number);
                    ada.book(with(booking("a", &name, 9), json!({ "start": start }))).await
                }
            }
        });
        let mut answers = answers.await;
        let deleted = answers.remove(3);
        let gone = answers.iter().filter(|answer| answer["userErrors"] != json!([]) && refusal(answer) == "NOT_FOUND");
        if deleted["deletedId"].is_string() {
            assert_eq!(gone.count(), 5, "{answers:?}");
        } else {
            assert_eq!(refusal(&deleted), "IN_USE");
            assert_eq!(gone.count(), 0, "{answers:?}");
        }
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn switching_off_ends_nothing_and_lets_nothing_begin() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    let booked = ada.book_it(booking("a", "hour", 10)).await;
    root.run_well("updateEventType", json!({ "id": "evt_hour", "active": false })).await;
    assert_eq!(refusal(&ada.book(booking("a", "hour", 15)).await), "EVENT_TYPE_INACTIVE");
    assert_eq!(refusal(&ada.heartbeat(hold("a", "hour", 15, 60, "ada")).await), "EVENT_TYPE_INACTIVE");
    let slots = format!("resourceId: \"res_a\", date: \"{DAY}\", eventTypeId: \"evt_hour\"");
    assert_eq!(ada.starts(&slots).await, Vec::<String>::new());
    assert_eq!(ada.cancel(json!({ "id": booked["booking"]["id"] })).await["booking"]["status"], "CANCELLED");
    root.run_well("unlinkEventType", json!({ "eventTypeId": "evt_rehearsal", "resourceId": "res_a" })).await;
    assert_eq!(refusal(&ada.book(booking("a", "rehearsal", 15)).await), "RESOURCE_NOT_OFFERED");
}

#[tokio::test]
async fn the_resources_of_an_event_type_are_paged_by_cursors_of_its_own() {
    const PAGE: &str = "query ($id: ID!, $first: Int, $after: String, $last: Int) { eventType(id: $id) {
        resources(first: $first, after: $after, last: $last) {
            totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor } } } }";
    let server = studios().await;
    server.resources(["c", "d", "e"].map(ResourceSpec::named)).await;
    server.links("hour", &["c", "d", "e"].map(str::to_owned)).await;
    let ada = server.anonymous();
    let page = async |id: &str, arguments: Value| ada.send(PAGE, with(json!({ "id": id }), arguments)).await;
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let found =
            page("evt_hour", json!({ "first": 2, "after": after })).await.data()["eventType"]["resources"].clone();
        assert_eq!(found["totalCount"], 5);
        assert_eq!(found["pageInfo"]["hasPreviousPage"], json!(!seen.is_empty()));
        seen.extend(found["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        after = found["pageInfo"]["endCursor"].clone();
        if found["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen, ["res_a", "res_b", "res_c", "res_d", "res_e"]);
    let last = page("evt_hour", json!({ "last": 1 })).await.data();
    assert_eq!(last["eventType"]["resources"]["nodes"], json!([{ "id": "res_e" }]));
    assert_eq!(page("evt_rehearsal", json!({ "first": 2, "after": after })).await.code(), "BAD_USER_INPUT");
    assert_eq!(page("evt_hour", json!({ "first": 201 })).await.code(), "BAD_USER_INPUT");
}
