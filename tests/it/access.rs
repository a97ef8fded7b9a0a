//! Who may see and do what.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::{Actor, EventTypeSpec, ResourceSpec, Socket, TestServer};

/// Two organizations, each with an active and an inactive resource and event type; the others' names end in `x`.
async fn two_houses() -> TestServer {
    let server = TestServer::start().await;
    for (organization, suffix) in [("default", ""), ("org_x", "x")] {
        let resource = |name: &str, active: bool| ResourceSpec {
            active,
            organization: organization.to_owned(),
            ..ResourceSpec::named(&format!("{name}{suffix}")).open(&[("09:00", "22:00")])
        };
        server.resources([resource("on", true), resource("off", false)]).await;
        let (on, off) = (format!("on{suffix}"), format!("off{suffix}"));
        let event_type = |name: &str, active: bool| EventTypeSpec {
            active,
            organization: organization.to_owned(),
            ..EventTypeSpec::named(&format!("{name}{suffix}"), &[60], &[&on, &off])
        };
        server.event_types([event_type("open", true), event_type("shut", false)]).await;
    }
    server
}

fn booking(resource: &str, event_type: &str) -> Value {
    json!({ "resourceId": resource, "eventTypeId": event_type, "start": "2026-12-02T09:00:00Z" })
}

/// The code of the only error, of a field that is null.
async fn refusal(actor: &Actor, field: &str) -> String {
    let answer = actor.send(&format!("{{ asked: {field} }}"), json!({})).await;
    assert!(answer.body["data"]["asked"].is_null(), "{field}: {}", answer.body);
    answer.code().to_owned()
}

#[tokio::test]
async fn a_viewer_is_whom_the_token_names() {
    const VIEWER: &str = "{ viewer { id email name role organizationId } }";
    let server = TestServer::start().await;
    assert_eq!(server.anonymous().ask(VIEWER, json!({})).await["viewer"], Value::Null);
    for (role, name) in [(Role::Customer, "CUSTOMER"), (Role::Staff, "STAFF"), (Role::Admin, "ADMIN")] {
        let viewer = server.signed_in("ada", role, "org_x").ask(VIEWER, json!({})).await;
        let expected = json!({
            "id": "ada",
            "email": "ada@example.org",
            "name": "ada",
            "role": name,
            "organizationId": "org_x",
        });
        assert_eq!(viewer["viewer"], expected);
    }
}

#[tokio::test]
async fn settings_are_for_everybody() {
    let server = TestServer::start().await;
    let settings = "{ settings { guestBookings heartbeatSeconds holdSeconds holdLimitMinutes quantumMinutes } }";
    let expected = json!({
        "guestBookings": false,
        "heartbeatSeconds": 5,
        "holdSeconds": 10,
        "holdLimitMinutes": 15,
        "quantumMinutes": 15,
    });
    for actor in [server.anonymous(), server.customer("ada"), server.staff()] {
        assert_eq!(actor.ask(settings, json!({})).await["settings"], expected);
    }
}

#[tokio::test]
async fn whoever_may_not_book_is_told_so_before_anything_is_looked_at() {
    const BOOK: &str =
        "mutation ($input: CreateBookingInput!) { createBooking(input: $input) { userErrors { code } } }";
    let server = two_houses().await;
    let guest = server.anonymous();
    for input in [
        booking("res_on", "evt_open"),
        booking("res_none", "evt_none"),
        json!({ "resourceId": "", "eventTypeId": "", "start": "the day after tomorrow", "durationMinutes": -1,
            "quantity": 0, "timeZone": "Mars/Olympus", "sessionSecret": "abc", "ignoreSchedule": true }),
    ] {
        let answer = guest.send(BOOK, json!({ "input": input })).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{input}");
        assert_eq!(answer.status, 200);
        assert!(answer.message().contains("token"), "{}", answer.message());
        assert_eq!(answer.body["data"], json!({ "createBooking": null }));
    }
    let ignoring = json!({ "resourceId": "res_on", "eventTypeId": "evt_open", "start": "2026-12-02T03:00:00Z",
        "ignoreSchedule": true });
    assert_eq!(server.customer("ada").send(BOOK, json!({ "input": ignoring })).await.code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_refused_field_leaves_those_beside_it_alone() {
    let server = two_houses().await;
    let query = r#"{ settings { quantumMinutes } resource(id: "res_off") { id } on: resource(id: "res_on") { id }
        daySlots(resourceId: "res_none", date: "2026-12-02", durationMinutes: 60) { id } }"#;
    let answer = server.anonymous().send(query, json!({})).await;
    let data = json!({
        "settings": { "quantumMinutes": 15 },
        "resource": null,
        "on": { "id": "res_on" },
        "daySlots": null,
    });
    assert_eq!(answer.body["data"], data);
    let mut paths: Vec<&Value> = answer.body["errors"].as_array().unwrap().iter().map(|error| &error["path"]).collect();
    paths.sort_by_key(ToString::to_string);
    assert_eq!(paths, [&json!(["daySlots"]), &json!(["resource"])]);

    let mutation = r#"mutation {
        createBooking(input: { resourceId: "res_on", eventTypeId: "evt_open", start: "2026-12-02T09:00:00Z" }) {
            booking { id } userErrors { code } }
        heartbeat(input: { resourceId: "res_on", slots: [{ start: "2026-12-02T09:00:00Z", durationMinutes: 60 }],
            sessionSecret: "a session of the tests" }) { granted }
        cancelBooking(input: { id: "bkg_none" }) { userErrors { code } } }"#;
    let answer = server.anonymous().send(mutation, json!({})).await;
    let data = json!({
        "createBooking": null,
        "heartbeat": { "granted": true },
        "cancelBooking": { "userErrors": [{ "code": "NOT_FOUND" }] },
    });
    assert_eq!((answer.code(), &answer.body["data"]), ("UNAUTHENTICATED", &data));
}

#[tokio::test]
async fn what_is_switched_off_is_seen_by_staff_of_its_organization_only() {
    let server = two_houses().await;
    let fields = [
        r#"resource(id: "res_off") { id }"#,
        r#"resourceBySlug(slug: "off", organizationId: "default") { id }"#,
        r#"eventType(id: "evt_shut") { id }"#,
        r#"eventTypeBySlug(slug: "shut", organizationId: "default") { id }"#,
    ];
    let strangers = [
        server.anonymous(),
        server.customer("ada"),
        server.signed_in("eve", Role::Staff, "org_x"),
        server.signed_in("eve", Role::Admin, "org_x"),
    ];
    for field in fields {
        for stranger in &strangers {
            assert_eq!(refusal(stranger, field).await, "NOT_FOUND", "{field}");
        }
        for own in [server.staff(), server.signed_in("boss", Role::Admin, "default")] {
            assert!(own.ask(&format!("{{ asked: {field} }}"), json!({})).await["asked"]["id"].is_string(), "{field}");
        }
    }
    // Of what is seen, what belongs to it is seen by the same rule.
    let of_resource = r#"{ resource(id: "res_on") { eventTypes { id } } }"#;
    let open = json!([{ "id": "evt_open" }]);
    for stranger in &strangers {
        assert_eq!(stranger.ask(of_resource, json!({})).await["resource"]["eventTypes"], open);
    }
    let seen = server.staff().ask(of_resource, json!({})).await;
    assert_eq!(seen["resource"]["eventTypes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn lists_of_what_is_switched_off_are_for_staff_of_the_organization() {
    let server = two_houses().await;
    for list in ["resources", "eventTypes"] {
        for state in ["ALL", "INACTIVE"] {
            let query =
                format!(r#"{{ {list}(state: {state}, organizationId: "default") {{ nodes {{ id active }} }} }}"#);
            let code = async |actor: Actor| actor.send(&query, json!({})).await.code().to_owned();
            assert_eq!(code(server.anonymous()).await, "UNAUTHENTICATED", "{query}");
            assert_eq!(code(server.customer("ada")).await, "FORBIDDEN", "{query}");
            assert_eq!(code(server.signed_in("eve", Role::Admin, "org_x")).await, "FORBIDDEN", "{query}");
            let listed = server.staff().ask(&query, json!({})).await;
            let expected = if state == "ALL" { 2 } else { 1 };
            assert_eq!(listed[list]["nodes"].as_array().unwrap().len(), expected, "{query}");
        }
        // Everyone may list what is on offer, and means their own organization unless they say another.
        for (actor, expected) in [(server.anonymous(), 1), (server.signed_in("eve", Role::Customer, "org_x"), 1)] {
            let listed =
                actor.ask(&format!("{{ {list} {{ nodes {{ organizationId active }} totalCount }} }}"), json!({})).await;
            let organization = if actor.token().is_none() { "default" } else { "org_x" };
            let node = json!({ "organizationId": organization, "active": true });
            assert_eq!(listed[list], json!({ "nodes": [node], "totalCount": expected }));
        }
        let foreign = format!(r#"{{ {list}(organizationId: "org_x") {{ nodes {{ organizationId }} }} }}"#);
        assert_eq!(server.anonymous().ask(&foreign, json!({})).await[list]["nodes"][0]["organizationId"], "org_x");
    }
}

#[tokio::test]
async fn what_is_switched_off_offers_nothing_and_takes_nothing() {
    let server = two_houses().await;
    let day = |resource: &str, event_type: &str| {
        format!(
            r#"daySlots(resourceId: "{resource}", date: "2026-12-02", eventTypeId: "{event_type}", includeUnavailable: true)"#
        )
    };
    for (resource, event_type, code) in
        [("res_off", "evt_open", "RESOURCE_INACTIVE"), ("res_on", "evt_shut", "EVENT_TYPE_INACTIVE")]
    {
        let asked = day(resource, event_type);
        let answer = server.anonymous().ask(&format!("{{ {asked} {{ slots {{ start }} }} }}"), json!({})).await;
        assert_eq!(answer["daySlots"]["slots"], json!([]));
        let watched = asked.replacen("daySlots", "daySlotsChanged", 1);
        let mut watch =
            server.anonymous().watch(&format!("subscription {{ {watched} {{ slots {{ start }} }} }}"), json!({})).await;
        assert_eq!(watch.next().await["slots"], json!([]));

        for actor in [server.customer("ada"), server.staff()] {
            let refused = actor.book(booking(resource, event_type)).await;
            assert_eq!(refused["userErrors"][0]["code"], code, "{refused}");
        }
        let hold = json!({
            "resourceId": resource,
            "eventTypeId": event_type,
            "slots": [{ "start": "2026-12-02T09:00:00Z", "durationMinutes": 60 }],
            "sessionSecret": "a session of the tests",
        });
        let payload = server.anonymous().heartbeat(hold).await;
        assert_eq!(payload["userErrors"][0]["code"], code);
    }
    let room = r#"{ availableResources(start: "2026-12-02T09:00:00Z", durationMinutes: 60) { nodes { id } } }"#;
    let found = server.staff().ask(room, json!({})).await;
    assert_eq!(found["availableResources"]["nodes"], json!([{ "id": "res_on" }]));
}

#[tokio::test]
async fn schedules_are_read_by_staff_of_the_organization_and_null_for_others() {
    let server = two_houses().await;
    let query = r#"{ resource(id: "res_on") { alwaysOpen schedule { name timeZone } } }"#;
    for stranger in [server.anonymous(), server.customer("ada"), server.signed_in("eve", Role::Admin, "org_x")] {
        let seen = stranger.ask(query, json!({})).await;
        assert_eq!(seen["resource"], json!({ "alwaysOpen": false, "schedule": null }));
    }
    let seen = server.staff().ask(query, json!({})).await;
    assert_eq!(seen["resource"]["schedule"], json!({ "name": "on", "timeZone": "Europe/Berlin" }));
}

#[tokio::test]
async fn nothing_of_another_organization_can_be_booked_seen_or_cancelled() {
    const READ: &str = "query ($id: ID!, $token: String) { booking(id: $id, managementToken: $token) { id } }";
    let server = two_houses().await;
    let booked = server.customer("ada").book(booking("res_on", "evt_open")).await;
    let id = booked["booking"]["id"].as_str().unwrap();
    let strangers = [
        server.anonymous(),
        server.customer("eve"),
        // The same subject, but of another organization's identity provider.
        server.signed_in("ada", Role::Customer, "org_x"),
        server.signed_in("ada", Role::Admin, "org_x"),
    ];
    for stranger in &strangers {
        for token in [Value::Null, json!("wrong"), json!("")] {
            let real = stranger.send(READ, json!({ "id": id, "token": token })).await;
            let unknown = stranger.send(READ, json!({ "id": "bkg_none", "token": token })).await;
            assert_eq!((&real.body, real.status), (&unknown.body, unknown.status));
            assert_eq!(real.body, json!({ "data": { "booking": null } }));

            let real = stranger.cancel(json!({ "id": id, "managementToken": token })).await;
            let unknown = stranger.cancel(json!({ "id": "bkg_none", "managementToken": token })).await;
            assert_eq!(real.to_string().replace(id, "bkg_none"), unknown.to_string());
        }
    }
    let foreign = server.signed_in("eve", Role::Admin, "org_x");
    for input in [booking("res_on", "evt_open"), booking("res_on", "evt_openx"), booking("res_onx", "evt_open")] {
        let refused = foreign.book(input.clone()).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND", "{input}");
    }
    let add_on = json!({ "resourceId": "res_onx", "eventTypeId": "evt_openx", "start": "2026-12-02T09:00:00Z",
        "addOns": [{ "resourceId": "res_on" }] });
    assert_eq!(foreign.book(add_on).await["userErrors"][0]["code"], "NOT_FOUND");
    assert_eq!(server.staff().ask(READ, json!({ "id": id })).await["booking"]["id"], id);
}

#[tokio::test]
async fn a_socket_is_whom_its_first_message_names() {
    let server = two_houses().await;
    for (actor, expected) in [(server.anonymous(), Value::Null), (server.customer("ada"), json!({ "id": "ada" }))] {
        let mut socket = Socket::open(&actor).await;
        socket.subscribe("1", "{ viewer { id } }", json!({})).await;
        assert_eq!(socket.receive().await["payload"]["data"]["viewer"], expected);
    }
}
