//! Organizations: each has its own catalogue, bookings and people, and nothing reaches from one into another.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::studios::{DAY, at, refusal, secret};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, TestServer};

/// The houses `default` and `org_x`, each with a room and an event type of an hour; the others' names end in `x`.
async fn two_houses() -> TestServer {
    let server = TestServer::start().await;
    for (organization, suffix) in [("default", ""), ("org_x", "x")] {
        let organization = organization.to_owned();
        let (room, desk) = (format!("room{suffix}"), format!("desk{suffix}"));
        let resource = |name: &str| ResourceSpec {
            organization: organization.clone(),
            ..ResourceSpec::named(name).open(&[("09:00", "22:00")])
        };
        server.resources([resource(&room), resource(&desk)]).await;
        let hour = EventTypeSpec {
            organization: organization.clone(),
            ..EventTypeSpec::named(&format!("hour{suffix}"), &[60], &[&room])
        };
        server.event_types([hour]).await;
    }
    server
}

fn booking(resource: &str, event_type: &str, hour: u32) -> Value {
    json!({ "resourceId": resource, "eventTypeId": event_type, "start": at(hour) })
}

/// The members of a list by id.
fn ids(list: &Value) -> Vec<&str> {
    list["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_catalogue_and_what_is_free_are_public_by_id_whosever_they_are() {
    let server = two_houses().await;
    let asked = format!(
        r#"{{ resource(id: "res_roomx") {{ organizationId eventTypes {{ id }} }}
            eventType(id: "evt_hourx") {{ organizationId }}
            daySlots(resourceId: "res_roomx", eventTypeId: "evt_hourx", date: "{DAY}") {{ slots {{ start }} }}
            datePresence(resourceId: "res_roomx", date: "{DAY}") {{ holds {{ start }} }} }}"#
    );
    let mut answers = Vec::new();
    for actor in [server.anonymous(), server.customer("ada"), server.signed_in("eve", Role::Staff, "org_x")] {
        answers.push(actor.ask(&asked, json!({})).await);
    }
    assert_eq!(answers[0]["resource"], json!({ "organizationId": "org_x", "eventTypes": [{ "id": "evt_hourx" }] }));
    assert!(answers[0]["daySlots"]["slots"].as_array().unwrap().len() > 10);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn lists_and_slugs_are_the_callers_organization_s_unless_another_is_named() {
    let server = two_houses().await;
    let callers = [
        (server.anonymous(), "default"),
        (server.customer("ada"), "default"),
        (server.signed_in("eve", Role::Customer, "org_x"), "org_x"),
        (server.signed_in("new", Role::Admin, "org_empty"), "org_empty"),
    ];
    let own = |organization: &str| match organization {
        "default" => (vec!["res_desk", "res_room"], vec!["evt_hour"]),
        "org_x" => (vec!["res_deskx", "res_roomx"], vec!["evt_hourx"]),
        _ => (Vec::new(), Vec::new()),
    };
    for (actor, home) in &callers {
        for named in [None, Some("default"), Some("org_x"), Some("org_none")] {
            let data = actor
                .ask(
                    "query ($organization: ID) {
                        resources(organizationId: $organization) { nodes { id } totalCount }
                        eventTypes(organizationId: $organization) { nodes { id } totalCount }
                        availableResources(organizationId: $organization, start: \"2026-12-02T12:00:00Z\",
                            durationMinutes: 60) { nodes { id } } }",
                    json!({ "organization": named }),
                )
                .await;
            let (resources, event_types) = own(named.unwrap_or(home));
            assert_eq!(ids(&data["resources"]), resources, "{home} asks for {named:?}");
            assert_eq!(ids(&data["availableResources"]), resources, "{home} asks for {named:?}");
            assert_eq!(ids(&data["eventTypes"]), event_types, "{home} asks for {named:?}");
            assert_eq!(data["resources"]["totalCount"], resources.len());
        }
    }
    let by_slug = |slug: &str| format!(r#"{{ resourceBySlug(slug: "{slug}") {{ id }} }}"#);
    let (eve, bob) = (&callers[2].0, &callers[0].0);
    assert_eq!(eve.ask(&by_slug("roomx"), json!({})).await["resourceBySlug"]["id"], "res_roomx");
    assert_eq!(bob.send(&by_slug("roomx"), json!({})).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn a_list_narrowed_by_what_another_organization_owns_is_empty() {
    let server = two_houses().await;
    let data = server
        .anonymous()
        .ask(
            r#"{ eventTypes(resourceId: "res_roomx") { nodes { id } totalCount }
                own: eventTypes(resourceId: "res_room") { nodes { id } totalCount } }"#,
            json!({}),
        )
        .await;
    let own = json!({ "nodes": [{ "id": "evt_hour" }], "totalCount": 1 });
    assert_eq!(data, json!({ "eventTypes": { "nodes": [], "totalCount": 0 }, "own": own }));
}

#[tokio::test]
async fn nothing_is_offered_held_or_booked_across_two_organizations() {
    let server = two_houses().await;
    let across = [("res_room", "evt_hourx", json!([])), ("res_roomx", "evt_hour", json!([]))];
    let bundles = [("res_room", "evt_hour", json!([{ "resourceId": "res_deskx" }]))];
    for (resource, event_type, add_ons) in across.into_iter().chain(bundles) {
        let asked = json!({ "resource": resource, "type": event_type, "addOns": add_ons });
        let answer = server
            .anonymous()
            .send(
                "query ($resource: ID!, $type: ID!, $addOns: [BookingItemInput!]!) {
                    daySlots(resourceId: $resource, eventTypeId: $type, addOns: $addOns, date: \"2026-12-02\") {
                        slots { start } } }",
                asked.clone(),
            )
            .await;
        let slots = answer.body["data"]["daySlots"]["slots"].as_array();
        assert!(slots.is_none_or(Vec::is_empty), "{asked}: {}", answer.body);
        let hold = json!({ "resourceId": resource, "eventTypeId": event_type, "addOns": add_ons,
            "sessionSecret": secret("s"), "slots": [{ "start": at(10), "durationMinutes": 60 }] });
        let payload = server.anonymous().heartbeat(hold).await;
        assert_eq!(
            (&payload["granted"], payload["userErrors"].as_array().unwrap().len()),
            (&json!(false), 1),
            "{payload}"
        );
        let mut input = booking(resource, event_type, 10);
        input["addOns"] = add_ons;
        for (subject, organization) in [("ada", "default"), ("eve", "org_x")] {
            for role in [Role::Customer, Role::Admin] {
                let refused = server.signed_in(subject, role, organization).book(input.clone()).await;
                assert_eq!(refused["booking"], Value::Null, "{organization}: {refused}");
                refusal(&refused);
            }
        }
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn a_hold_of_no_event_type_does_not_reach_across_either() {
    let server = two_houses().await;
    let hold = json!({ "resourceId": "res_room", "addOns": [{ "resourceId": "res_roomx" }],
        "sessionSecret": secret("s"), "slots": [{ "start": at(10), "durationMinutes": 60 }] });
    let payload = server.anonymous().heartbeat(hold).await;
    assert_eq!((&payload["granted"], refusal(&payload)), (&json!(false), "NOT_FOUND"));
}

#[tokio::test]
async fn one_books_in_the_organization_of_ones_token_only() {
    let server = two_houses().await;
    let (own, foreign) = (booking("res_room", "evt_hour", 10), booking("res_roomx", "evt_hourx", 10));
    let unknown = booking("res_none", "evt_hourx", 10);
    let ada = server.customer("ada");
    let refused = ada.book(foreign.clone()).await;
    let expected = ada.book(unknown).await;
    assert_eq!(refusal(&refused), "NOT_FOUND");
    assert_eq!(refused.to_string().replace("res_roomx", "res_none"), expected.to_string());
    ada.book_it(own.clone()).await;
    server.signed_in("ada", Role::Customer, "org_x").book_it(foreign).await;
    assert_eq!(refusal(&server.signed_in("boss", Role::Admin, "org_x").book(own).await), "NOT_FOUND");
}

#[tokio::test]
async fn a_booking_is_its_own_organization_s_business() {
    const READ: &str = "query ($id: ID!) { booking(id: $id) { id } }";
    let server = two_houses().await;
    let made = server.customer("ada").book_it(booking("res_room", "evt_hour", 10)).await;
    let id = made["booking"]["id"].as_str().unwrap();
    let read = async |actor: &Actor, id: &str| actor.ask(READ, json!({ "id": id })).await.to_string();
    for role in [Role::Customer, Role::Staff, Role::Admin] {
        let stranger = server.signed_in("ada", role, "org_x");
        assert_eq!(read(&stranger, id).await, read(&stranger, "bkg_none").await);
        let refused = stranger.cancel(json!({ "id": id })).await.to_string();
        assert_eq!(refused.replace(id, "bkg_none"), stranger.cancel(json!({ "id": "bkg_none" })).await.to_string());
        assert!(
            server.signed_in("staff", Role::Staff, "default").ask(READ, json!({ "id": id })).await["booking"]
                .is_object()
        );
    }
}

#[tokio::test]
async fn one_person_s_idempotency_keys_do_not_meet_across_organizations() {
    let server = two_houses().await;
    let with_key = |mut input: Value| {
        input["idempotencyKey"] = json!("the same key in both houses");
        input
    };
    let here = server.customer("ada").book_it(with_key(booking("res_room", "evt_hour", 10))).await;
    let eve = server.signed_in("ada", Role::Customer, "org_x");
    let there = eve.book_it(with_key(booking("res_roomx", "evt_hourx", 12))).await;
    assert_ne!(here["booking"]["id"], there["booking"]["id"]);
}

#[tokio::test]
async fn users_and_their_roles_are_each_organization_s_own() {
    let server = TestServer::start().await;
    let plain = |organization: &str| server.bearer(json!({ "sub": "ada", "org_id": organization }));
    let boss = |organization: &str| server.signed_in("boss", Role::Admin, organization);
    for organization in ["default", "org_x"] {
        plain(organization).viewer().await;
    }
    server.bearer(json!({ "sub": "only_x", "org_id": "org_x" })).viewer().await;
    boss("org_x").set_role("ada", "ADMIN").await;
    assert_eq!(plain("org_x").viewer().await["role"], "ADMIN");
    assert_eq!(plain("default").viewer().await["role"], "CUSTOMER");
    assert_eq!(plain("org_x").admins().await, ["ada"]);
    assert_eq!(boss("default").admins().await, [""; 0]);
    let listed = boss("default").users().await;
    assert!(listed.as_array().unwrap().iter().all(|user| user["organizationId"] == "default"), "{listed}");
    let refused = boss("default").set_role("only_x", "ADMIN").await;
    let unknown = boss("default").set_role("none", "ADMIN").await;
    assert_eq!(refused.to_string().replace("only_x", "none"), unknown.to_string());
}
