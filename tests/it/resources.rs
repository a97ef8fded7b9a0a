//! Making, changing and removing resources.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::running::{AuditLine, of, operation, refusals};
use crate::support::studios::{DAY, at, booking, hold, refusal, studios, with};
use crate::support::{ResourceSpec, TestServer, at_once};

/// The least that makes a resource.
fn new(slug: &str) -> Value {
    json!({ "slug": slug, "name": "Studio C", "timeZone": "Europe/Berlin" })
}

/// What no resource may have: a member of the input, a value, and where it is refused.
fn malformed() -> Vec<(&'static str, Value, &'static str)> {
    let long = |length: usize| json!("x".repeat(length));
    vec![
        ("slug", json!(""), "slug"),
        ("slug", json!("Studio"), "slug"),
        ("slug", json!("studio_c"), "slug"),
        ("slug", json!("-studio"), "slug"),
        ("slug", json!("studio-"), "slug"),
        ("slug", json!("studio--c"), "slug"),
        ("slug", json!("stüdio"), "slug"),
        ("slug", long(61), "slug"),
        ("name", json!(""), "name"),
        ("name", json!(" \u{a0} "), "name"),
        ("name", json!("\u{200b}"), "name"),
        ("name", json!(" \u{2060}\u{ad}\u{e0020}"), "name"),
        ("name", json!("two\nlines"), "name"),
        ("name", long(121), "name"),
        ("description", long(4_001), "description"),
        ("description", json!("bell \u{7}"), "description"),
        ("kind", json!(""), "kind"),
        ("kind", long(61), "kind"),
        ("timeZone", json!("Europe/Atlantis"), "timeZone"),
        ("quantity", json!(0), "quantity"),
        ("quantity", json!(-1), "quantity"),
        ("quantity", json!(10_001), "quantity"),
        ("metadata", json!({ "text": "x".repeat(16 * 1024) }), "metadata"),
    ]
}

#[tokio::test]
async fn a_resource_is_made_with_what_is_said_and_is_the_usual_in_the_rest() {
    let server = TestServer::start().await;
    let root = server.runner();
    let made = root.run_well("createResource", new("studio-c")).await["resource"].clone();
    let now = "2026-12-01T06:00:00Z";
    assert_eq!(
        made,
        json!({
            "id": made["id"], "organizationId": "default", "slug": "studio-c", "name": "Studio C", "description": null,
            "kind": "room", "timeZone": "Europe/Berlin", "quantity": 1, "standalone": true, "active": true,
            "alwaysOpen": true, "schedule": null, "eventTypes": [], "metadata": null, "createdAt": now, "updatedAt": now,
        })
    );
    let all = json!({
        "slug": "x".repeat(60), "name": "n".repeat(120), "description": "d\n".repeat(2_000), "kind": "k".repeat(60),
        "timeZone": "UTC", "quantity": 10_000, "standalone": false, "active": false,
        "metadata": { "floor": 2, "tags": ["a", null] },
    });
    let made = root.run_well("createResource", all.clone()).await["resource"].clone();
    for (name, value) in all.as_object().unwrap() {
        assert_eq!(made[name], *value, "{name}");
    }
    // It is there for whoever asks.
    let listed = root.ask("{ resources(state: ALL) { nodes { slug } } }", json!({})).await;
    assert_eq!(listed["resources"]["nodes"], json!([{ "slug": "studio-c" }, { "slug": "x".repeat(60) }]));
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_at_its_field_in_a_new_one_and_in_an_update() {
    let server = studios().await;
    let root = server.runner();
    for (member, value, field) in malformed() {
        let input = with(new("studio-c"), json!({ member: value }));
        let payload = root.run("createResource", input).await;
        assert_eq!(refusals(&payload), of(&[("INVALID", field)]), "{member}: {value}");
        assert_eq!(payload["resource"], Value::Null);
        let payload = root.run("updateResource", json!({ "id": "res_a", member: value })).await;
        assert_eq!(refusals(&payload), of(&[("INVALID", field)]), "{member}: {value}");
    }
    for member in ["slug", "name", "kind", "timeZone", "quantity", "standalone", "active"] {
        let payload = root.run("updateResource", json!({ "id": "res_a", member: null })).await;
        assert_eq!(refusals(&payload), of(&[("INVALID", member)]), "{member}: null");
    }
    let payload = root.run("updateResource", json!({ "id": "res_a", "expectedUpdatedAt": "yesterday" })).await;
    assert_eq!(refusals(&payload), of(&[("INVALID", "expectedUpdatedAt")]));
    assert_eq!(server.audit_lines().await, []);
}

#[tokio::test]
async fn all_that_is_wrong_with_an_input_is_told_together() {
    let server = studios().await;
    let root = server.runner();
    let wrong = json!({
        "slug": "a", "name": " ", "kind": "\u{1}", "timeZone": "Nowhere", "quantity": 0, "scheduleId": "sch_none",
        "description": "x".repeat(5_000), "metadata": "x".repeat(20_000),
    });
    let mut expected = of(&[
        ("INVALID", "name"),
        ("INVALID", "kind"),
        ("INVALID", "timeZone"),
        ("INVALID", "quantity"),
        ("INVALID", "description"),
        ("INVALID", "metadata"),
        ("ALREADY_EXISTS", "slug"),
        ("NOT_FOUND", "scheduleId"),
    ]);
    expected.sort();
    let mut told = refusals(&root.run("createResource", wrong.clone()).await);
    told.sort();
    assert_eq!(told, expected);
    let stale = with(wrong, json!({ "id": "res_b", "expectedUpdatedAt": "2020-01-01T00:00:00Z" }));
    let mut told = refusals(&root.run("updateResource", stale).await);
    told.sort();
    expected.push(("STALE".to_owned(), "expectedUpdatedAt".to_owned()));
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_an_update_leaves_out_stays_and_null_clears() {
    let server = studios().await;
    let root = server.runner();
    let set = json!({ "id": "res_a", "description": "By the river", "metadata": { "floor": 1 }, "kind": "studio" });
    let before = root.run_well("updateResource", set).await["resource"].clone();
    assert_eq!((&before["schedule"]["id"], &before["alwaysOpen"]), (&json!("sch_a"), &json!(false)));
    server.clock.advance(std::time::Duration::from_mins(1));
    let cleared = json!({ "id": "res_a", "description": null, "metadata": null, "scheduleId": null, "name": "River" });
    let after = root.run_well("updateResource", cleared).await["resource"].clone();
    let expected = json!({
        "description": null, "metadata": null, "schedule": null, "alwaysOpen": true, "name": "River",
        "updatedAt": "2026-12-01T06:01:00Z",
    });
    assert_eq!(after, with(before, expected));
    let back = root.run_well("updateResource", json!({ "id": "res_a", "scheduleId": "sch_b" })).await;
    assert_eq!(back["resource"]["schedule"]["id"], "sch_b");
}

#[tokio::test]
async fn an_update_that_changes_nothing_succeeds_and_leaves_no_trace() {
    let server = studios().await;
    let root = server.runner();
    let before = root.run_well("updateResource", json!({ "id": "res_a" })).await["resource"].clone();
    let revision = server.catalogue_revision().await;
    server.clock.advance(std::time::Duration::from_mins(1));
    let same = json!({
        "id": "res_a", "name": before["name"], "slug": before["slug"], "quantity": 1, "scheduleId": "sch_a",
        "expectedUpdatedAt": before["updatedAt"],
    });
    assert_eq!(root.run_well("updateResource", same).await["resource"], before);
    assert_eq!((server.catalogue_revision().await, server.audit_lines().await), (revision, vec![]));
}

#[tokio::test]
async fn each_change_is_told_to_the_audit_log_and_counted_once() {
    let server = studios().await;
    let root = server.runner();
    let revision = server.catalogue_revision().await;
    let made = root.run_well("createResource", new("studio-c")).await["resource"]["id"].clone();
    root.run_well("updateResource", json!({ "id": made, "name": "C", "metadata": { "x": 1 } })).await;
    root.run_well("linkEventType", json!({ "eventTypeId": "evt_hour", "resourceId": made })).await;
    root.run_well("deleteResource", json!({ "id": made })).await;
    // Removing it changes the event type as well.
    assert_eq!(server.catalogue_revision().await, revision + 5);
    let line = |action: &str, entity: &str, id: &Value, changes: Value| AuditLine {
        action: action.to_owned(),
        entity: entity.to_owned(),
        entity_id: id.as_str().unwrap().to_owned(),
        by: "root".to_owned(),
        changes,
    };
    let links = [json!(["res_a", "res_b"]), json!([made, "res_a", "res_b"])];
    assert_eq!(
        server.audit_lines().await,
        [
            line(
                "created",
                "Resource",
                &made,
                json!({
                    "slug": { "from": null, "to": "studio-c" }, "name": { "from": null, "to": "Studio C" },
                    "kind": { "from": null, "to": "room" }, "timeZone": { "from": null, "to": "Europe/Berlin" },
                    "quantity": { "from": null, "to": 1 }, "standalone": { "from": null, "to": true },
                    "active": { "from": null, "to": true },
                })
            ),
            line(
                "updated",
                "Resource",
                &made,
                json!({ "name": { "from": "Studio C", "to": "C" }, "metadata": { "from": null, "to": { "x": 1 } } })
            ),
            line(
                "updated",
                "EventType",
                &json!("evt_hour"),
                json!({ "resourceIds": { "from": links[0], "to": links[1] } })
            ),
            line(
                "updated",
                "EventType",
                &json!("evt_hour"),
                json!({ "resourceIds": { "from": links[1], "to": links[0] } })
            ),
            line(
                "deleted",
                "Resource",
                &made,
                json!({
                    "slug": { "from": "studio-c", "to": null }, "name": { "from": "C", "to": null },
                    "kind": { "from": "room", "to": null }, "timeZone": { "from": "Europe/Berlin", "to": null },
                    "quantity": { "from": 1, "to": null }, "standalone": { "from": true, "to": null },
                    "active": { "from": true, "to": null }, "metadata": { "from": { "x": 1 }, "to": null },
                    "eventTypes": { "from": ["evt_hour"], "to": null },
                })
            ),
        ]
    );
}

#[tokio::test]
async fn what_somebody_else_has_changed_meanwhile_is_stale() {
    let server = studios().await;
    let root = server.runner();
    let read = root.run_well("updateResource", json!({ "id": "res_a" })).await["resource"]["updatedAt"].clone();
    // The clock stands still, and the two are told apart all the same.
    let first = json!({ "id": "res_a", "name": "One", "expectedUpdatedAt": read });
    let changed = root.run_well("updateResource", first.clone()).await["resource"]["updatedAt"].clone();
    assert_eq!(refusals(&root.run("updateResource", first).await), of(&[("STALE", "expectedUpdatedAt")]));
    let second = json!({ "id": "res_a", "name": "Two", "expectedUpdatedAt": changed });
    assert_ne!(root.run_well("updateResource", second).await["resource"]["updatedAt"], changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_admins_who_change_one_resource_at_once_all_count_or_one_wins_who_expects_the_last() {
    let server = studios().await;
    let fields = ["name", "kind", "description"];
    let root = server.runner();
    let all = at_once(12, |number| {
        let root = root.clone();
        let field = fields[number % 3];
        async move { root.run("updateResource", json!({ "id": "res_a", field: format!("{field} {number}") })).await }
    });
    assert!(all.await.iter().all(|payload| payload["userErrors"] == json!([])));
    let after = root.run_well("updateResource", json!({ "id": "res_a" })).await["resource"].clone();
    assert!(fields.iter().all(|field| after[field].as_str().unwrap().starts_with(field)), "{after}");
    assert_eq!(server.audit_lines().await.len(), 12);

    let expected = after["updatedAt"].clone();
    let rivals = at_once(8, |number| {
        let input = json!({ "id": "res_a", "name": format!("Rival {number}"), "expectedUpdatedAt": expected });
        let root = root.clone();
        async move { root.run("updateResource", input).await }
    });
    let (won, lost): (Vec<_>, Vec<_>) =
        rivals.await.into_iter().partition(|payload| payload["userErrors"] == json!([]));
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|payload| refusal(payload) == "STALE"), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slug_is_given_once_in_an_organization_however_many_want_it_at_once() {
    let server = studios().await;
    let (root, other) = (server.runner(), server.signed_in("eve", Role::Admin, "other"));
    let made = at_once(10, |number| {
        let root = root.clone();
        async move {
            // Half of them make one, and half rename one.
            let update = json!({ "id": if number % 4 == 0 { "res_a" } else { "res_b" }, "slug": "wanted" });
            if number % 2 == 0 {
                root.run("updateResource", update).await
            } else {
                root.run("createResource", new("wanted")).await
            }
        }
    });
    let refused: Vec<_> = made.await.into_iter().filter(|payload| payload["userErrors"] != json!([])).collect();
    assert!(refused.iter().all(|payload| refusals(payload) == of(&[("ALREADY_EXISTS", "slug")])), "{refused:?}");
    let have = root.ask("{ resources(state: ALL) { nodes { slug } } }", json!({})).await;
    let wanted = have["resources"]["nodes"].as_array().unwrap().iter().filter(|found| found["slug"] == "wanted");
    assert_eq!(wanted.count(), 1);
    other.run_well("createResource", new("wanted")).await;
}

#[tokio::test]
async fn nothing_of_another_organization_is_there() {
    let server = studios().await;
    let eve = server.signed_in("eve", Role::Admin, "other");
    for id in ["res_a", "res_none"] {
        for (mutation, input) in
            [("updateResource", json!({ "id": id, "name": "Mine" })), ("deleteResource", json!({ "id": id }))]
        {
            let payload = eve.run(mutation, input).await;
            assert_eq!(refusals(&payload), of(&[("NOT_FOUND", "id")]));
            let message = payload["userErrors"][0]["message"].as_str().unwrap().replace(id, "it");
            assert_eq!(message, "There is no resource `it` that you can see. Check the id.");
        }
    }
    let payload = eve.run("createResource", with(new("c"), json!({ "scheduleId": "sch_a" }))).await;
    assert_eq!(refusals(&payload), of(&[("NOT_FOUND", "scheduleId")]));
    let answer = eve.send("{ activeSessions(resourceId: \"res_a\") }", json!({})).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(server.audit_lines().await, []);
}

#[tokio::test]
async fn only_admins_run_the_catalogue() {
    let server = studios().await;
    let inputs = [
        ("createResource", new("c")),
        ("updateResource", json!({ "id": "res_a" })),
        ("deleteResource", json!({ "id": "res_a" })),
        ("createEventType", json!({ "slug": "x", "title": "X", "durationOptions": [60] })),
        ("updateEventType", json!({ "id": "evt_hour" })),
        ("deleteEventType", json!({ "id": "evt_hour" })),
        ("linkEventType", json!({ "eventTypeId": "evt_hour", "resourceId": "res_a" })),
        ("unlinkEventType", json!({ "eventTypeId": "evt_hour", "resourceId": "res_a" })),
    ];
    for (mutation, input) in inputs {
        for (actor, code) in [
            (server.anonymous(), "UNAUTHENTICATED"),
            (server.customer("ada"), "FORBIDDEN"),
            (server.staff(), "FORBIDDEN"),
        ] {
            let answer = actor.send(&operation(mutation), json!({ "input": input })).await;
            assert_eq!((answer.code(), &answer.body["data"][mutation]), (code, &Value::Null), "{mutation}");
        }
    }
}

#[tokio::test]
async fn what_has_been_booked_cannot_be_removed_and_what_has_not_goes_with_its_links() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    let booked = ada.book_it(booking("a", "hour", 10)).await;
    for _ in 0..2 {
        let payload = root.run("deleteResource", json!({ "id": "res_a" })).await;
        assert_eq!(refusals(&payload), of(&[("IN_USE", "id")]));
        assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains("`active: false`"));
        // Also when all that is left of it is history.
        ada.cancel(json!({ "id": booked["booking"]["id"] })).await;
    }
    let in_both = with(hold("a", "hour", 14, 60, "bob"), json!({ "addOns": [{ "resourceId": "res_b" }] }));
    ada.hold(in_both).await;
    let gone = root.run_well("deleteResource", json!({ "id": "res_b" })).await;
    assert_eq!(gone["deletedId"], "res_b");
    // Nobody holds what is gone.
    server.pass_a_moment();
    let renewed = with(hold("a", "hour", 14, 60, "bob"), json!({ "addOns": [{ "resourceId": "res_b" }] }));
    assert_eq!(refusal(&ada.heartbeat(renewed).await), "NOT_FOUND");
    assert_eq!(root.send("{ resource(id: \"res_b\") { id } }", json!({})).await.code(), "NOT_FOUND");
    let left = root.run_well("updateEventType", json!({ "id": "evt_hour" })).await;
    assert_eq!(left["eventType"]["resources"]["nodes"], json!([{ "id": "res_a" }]));
    assert_eq!(refusals(&root.run("deleteResource", json!({ "id": "res_b" })).await), of(&[("NOT_FOUND", "id")]));
    server.assert_sound().await;
}

#[tokio::test]
async fn removing_it_changes_each_event_type_that_was_offered_on_it() {
    let server = studios().await;
    let root = server.runner();
    let read = "{ eventTypes { nodes { id updatedAt } } }";
    let before = root.ask(read, json!({})).await["eventTypes"]["nodes"].clone();
    root.run_well("unlinkEventType", json!({ "eventTypeId": "evt_session", "resourceId": "res_b" })).await;
    let unlinked = root.ask(read, json!({})).await["eventTypes"]["nodes"].clone();
    root.run_well("deleteResource", json!({ "id": "res_b" })).await;
    let after = root.ask(read, json!({})).await["eventTypes"]["nodes"].clone();
    for (place, id) in ["evt_hour", "evt_rehearsal", "evt_session"].iter().enumerate() {
        assert_eq!(after[place]["id"], *id);
        // Whoever has read it with the link decides anew, and whoever has read it without does not.
        let is_offered = *id != "evt_session";
        assert_eq!(after[place]["updatedAt"] != unlinked[place]["updatedAt"], is_offered, "{id}");
        let stale = json!({ "id": id, "expectedUpdatedAt": before[place]["updatedAt"], "title": "New" });
        assert_eq!(refusals(&root.run("updateEventType", stale).await), of(&[("STALE", "expectedUpdatedAt")]));
    }
    let lines = server.audit_lines().await;
    let told: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.entity_id.as_str())).collect();
    let expected =
        [("updated", "evt_session"), ("updated", "evt_hour"), ("updated", "evt_rehearsal"), ("deleted", "res_b")];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_books_while_it_is_removed_has_it_or_finds_it_gone() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    for round in 0..6 {
        let name = format!("brief{round}");
        server.resources([ResourceSpec::named(&name)]).await;
        server.links("hour", std::slice::from_ref(&name)).await;
        let answers = at_once(6, |number| {
            let (root, ada, name) = (root.clone(), ada.clone(), name.clone());
            async move {
                if number == 3 {
                    root.run("deleteResource", json!({ "id": format!("res_{name}") })).await
                } else {
                    ada.book(booking(&name, "hour", 9 + u32::try_from(number).unwrap())).await
                }
            }
        });
        let mut answers = answers.await;
        let deleted = answers.remove(3);
        let booked = answers.iter().filter(|answer| answer["booking"].is_object()).count();
        if deleted["deletedId"].is_string() {
            assert_eq!(booked, 0, "{answers:?}");
            assert!(answers.iter().all(|answer| refusal(answer) == "NOT_FOUND"), "{answers:?}");
        } else {
            assert_eq!(refusal(&deleted), "IN_USE");
            assert_eq!(booked, 5, "{answers:?}");
        }
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn switching_off_ends_nothing_and_lets_nothing_begin() {
    let server = studios().await;
    let (root, ada, bob) = (server.runner(), server.customer("ada"), server.customer("bob"));
    let booked = ada.book_it(booking("a", "hour", 10)).await;
    bob.hold(hold("a", "hour", 13, 60, "bob")).await;
    root.run_well("updateResource", json!({ "id": "res_a", "active": false })).await;
    assert_eq!(refusal(&ada.book(booking("a", "hour", 15)).await), "RESOURCE_INACTIVE");
    assert_eq!(refusal(&ada.heartbeat(hold("a", "hour", 15, 60, "ada")).await), "RESOURCE_INACTIVE");
    assert_eq!(bob.holds("a").await.as_array().unwrap().len(), 1);
    let slots = format!("resourceId: \"res_a\", date: \"{DAY}\", eventTypeId: \"evt_hour\"");
    assert_eq!(ada.starts(&slots).await, Vec::<String>::new());
    assert_eq!(ada.cancel(json!({ "id": booked["booking"]["id"] })).await["booking"]["status"], "CANCELLED");
    root.run_well("updateResource", json!({ "id": "res_a", "active": true })).await;
    assert_eq!(ada.starts(&slots).await.len(), 13);
}

#[tokio::test]
async fn what_is_booked_keeps_its_time_when_the_resource_gets_another_zone_and_other_hours() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    let booked = ada.book_it(booking("a", "hour", 10)).await;
    root.run_well("updateResource", json!({ "id": "res_a", "timeZone": "Asia/Tokyo", "scheduleId": null })).await;
    assert_eq!(booked["booking"]["start"], at(10));
    assert_eq!(refusal(&ada.book(booking("a", "hour", 10)).await), "SLOT_TAKEN");
    server.assert_sound().await;
    ada.cancel(json!({ "id": booked["booking"]["id"] })).await;
    server.assert_sound().await;
}
