//! Selections: what a webhook wants to be told of an event.

use serde_json::{Value, json};
use slotwise::domain::access::Role;
use slotwise::domain::booking::BookingEvent;
use slotwise::service::selections::SelectionFault;

use crate::support::moving::{an_hour, rooms};
use crate::support::running::{of, refusals};
use crate::support::webhooks::NOWHERE;
use crate::support::{TestServer, assert_clear};

/// What comes of saving a webhook with `selection`: the message, where it is refused.
async fn refusal(server: &TestServer, selection: &str) -> Option<String> {
    let input = json!({
        "url": NOWHERE, "events": ["BOOKING_CREATED"], "selection": selection, "active": false,
    });
    let admin = server.runner();
    let made = admin.run("createWebhook", input).await;
    if refusals(&made).is_empty() {
        assert_eq!(made["webhook"]["selection"], selection);
        admin.run_well("deleteWebhook", json!({ "id": made["webhook"]["id"] })).await;
        return None;
    }
    assert_eq!(refusals(&made), of(&[("INVALID", "selection")]), "{selection}");
    let message = made["userErrors"][0]["message"].as_str().unwrap().to_owned();
    assert_clear(&message);
    Some(message)
}

/// The last event of a booking, as it was told.
async fn last_event(server: &TestServer, id: &Value) -> BookingEvent {
    let id = id.as_str().unwrap().into();
    let reader = server.store.reader();
    let booking = reader.booking(&id).await.unwrap().unwrap();
    let transition = reader.histories(std::slice::from_ref(&id)).await.unwrap().remove(&id).unwrap().pop().unwrap();
    BookingEvent::new(booking, transition)
}

async fn rendered(server: &TestServer, selection: &str, event: &BookingEvent) -> String {
    server.services.render_selection(selection, event.clone()).await.unwrap()
}

#[tokio::test]
async fn whatever_can_be_asked_of_an_event_can_be_selected() {
    let server = rooms().await;
    for good in [
        "{ id }",
        "# what the door wants to know\n,, { id event at transition { by { kind userId } } }",
        "{ a: id b: id __typename }",
        "{ booking { id start: end booker { email } resource { schedule { name } } history { at } metadata } }",
        "{ ... on BookingEvent { id ... @include(if: true) { event } } at @skip(if: true) }",
        "{ booking { eventType { resources(first: 200) { nodes { id } totalCount } } } }",
        "{ booking { series { rrule bookings(last: 5, first: null) { edges { node { id } } } } } }",
        r#"{ booking { resource { schedule { dateOverrides(from: "2026-12-01", to: "2026-12-31") { date } } } } }"#,
    ] {
        assert_eq!(refusal(&server, good).await, None, "{good}");
    }
}

#[tokio::test]
async fn what_is_no_selection_of_an_event_is_refused_with_what_and_where() {
    let server = TestServer::start().await;
    for (bad, told) in [
        ("", "one selection set"),
        ("id", "one selection set"),
        ("{}", "cannot be read at line 1"),
        ("{ id", "cannot be read at line 1"),
        ("{ id }}", "cannot be read at line 1"),
        ("{ id nothing }", "line 1, column 6"),
        ("{\n  booking { id nothing }\n}", "line 2, column 16"),
        ("{ booking }", "line 1, column 3"),
        ("{ id { more } }", "line 1, column 3"),
        ("{ id(a: 1) }", "line 1"),
        ("{ managementToken }", "line 1, column 3"),
        ("{ booking { managementToken } }", "line 1, column 13"),
        ("{ id id: at }", "line 1"),
        // What is beside or around it.
        ("query { id }", "one selection set"),
        ("mutation { createWebhook }", "one selection set"),
        ("subscription { bookingChanged { id } }", "one selection set"),
        ("query Q { id }", "one selection set"),
        ("query ($a: Int) { id }", "one selection set"),
        ("{ id } { at }", "the only one"),
        ("{ id } query Other { at }", "the only one"),
        ("{ id } mutation { deleteResource }", "the only one"),
        ("{ id } fragment F on BookingEvent { id }", "fragments with a name"),
        ("{ ...F } fragment F on BookingEvent { ...F }", "contains itself"),
        ("{ ...F }", "F"),
        ("{ id } @include(if: true)", "cannot be read"),
        ("{ id @include(if: $a) }", "line 1"),
        ("{ booking { eventType { resources(first: $n) { totalCount } } } }", "line 1"),
        // The schema, and what clients can ask at its root.
        ("{ __schema { types { name } } }", "schema"),
        ("{ __type(name: \"Booking\") { name } }", "schema"),
        ("{ users { nodes { email } } }", "line 1, column 3"),
        ("{ webhooks { id } }", "line 1, column 3"),
        // What would be found wrong with each event.
        ("{ booking { eventType { resources(first: 201) { totalCount } } } }", "line 1, column 35"),
        ("{ booking { eventType { resources(last: 0) { totalCount } } } }", "from 1 to 200"),
        ("{ booking { eventType { resources(first: -1) { totalCount } } } }", "from 1 to 200"),
        ("{ booking { eventType { resources(first: 1.5) { totalCount } } } }", "from 1 to 200"),
        ("{ booking { eventType { resources(first: 1, last: 1) { totalCount } } } }", "not both"),
        ("{ booking { eventType { resources(after: \"x\") { totalCount } } } }", "Leave `after` out"),
        ("{ booking { resource { schedule { dateOverrides(from: \"soon\") { date } } } } }", "`from` must be a date"),
        ("{ booking { ... on Booking { eventType { resources(first: 0) { totalCount } } } } }", "from 1 to 200"),
    ] {
        let message = refusal(&server, bad).await.unwrap_or_else(|| panic!("{bad} was taken"));
        assert!(message.contains(told), "{bad}: {message}");
        assert!(!message.contains("document") && message.chars().count() < 600, "{bad}: {message}");
    }
}

#[tokio::test]
async fn a_selection_keeps_to_the_limits_of_every_operation_and_to_fewer_of_its_own() {
    let server = TestServer::start().await;
    let nested = |depth: usize| {
        let (open, close) = ("resource { eventTypes { ".repeat(depth), "} } ".repeat(depth));
        format!("{{ booking {{ {} }} }}", open + "id " + &close)
    };
    let aliases = (0..61).map(|number| format!("a{number}: id")).collect::<Vec<_>>().join(" ");
    let directives = "id @skip(if: false) ".repeat(101);
    let page =
        "{ booking { eventType { resources(first: 200) { nodes { id name kind slug active eventTypes { id } } } } } }";
    for (bad, told) in [
        (format!("{{ {aliases} }}"), "60 aliases"),
        (format!("{{ {directives} }}"), "100 directives"),
        (format!("{}id{}", "{ a ".repeat(70), " }".repeat(70)), "nested too deeply"),
        (nested(30), "nested too deeply"),
        (page.to_owned(), "2000"),
    ] {
        let message = refusal(&server, &bad).await.unwrap_or_else(|| panic!("{bad} was taken"));
        assert!(message.contains(told), "{message}");
    }
    let long = format!("{{ id }}{}", " ".repeat(4_000 - 6));
    assert_eq!(refusal(&server, &long).await, None);
    assert!(refusal(&server, &format!("{long} ")).await.unwrap().contains("4000 characters"));
}

#[tokio::test]
async fn the_payload_is_in_the_order_of_the_selection() {
    let server = rooms().await;
    let booked = server.staff().book(an_hour("any", "a", "2026-12-03T10:00:00Z")).await["booking"].clone();
    let event = last_event(&server, &booked["id"]).await;
    let selection = "{ z: event booking { start resource { name id } end } a: id at }";
    let expected = format!(
        r#"{{"z":"CREATED","booking":{{"start":"2026-12-03T10:00:00Z","resource":{{"name":"a","id":"res_a"}},"end":"2026-12-03T11:00:00Z"}},"a":"{}","at":"2026-12-01T06:00:00Z"}}"#,
        event.id
    );
    assert_eq!(rendered(&server, selection, &event).await.to_lowercase(), expected.to_lowercase());
}

#[tokio::test]
async fn the_booking_is_told_as_it_was_while_it_has_moved_on() {
    const SELECTION: &str = "{ id event at transition { event to } booking { status start revision cancellationReason
        history { event at by { kind userId } } } }";
    let server = rooms().await;
    let staff = server.staff();
    let booked = staff.book(an_hour("any", "a", "2026-12-03T10:00:00Z")).await["booking"].clone();
    let created = last_event(&server, &booked["id"]).await;
    server.clock.advance(std::time::Duration::from_mins(1));
    staff.reschedule(json!({ "id": booked["id"], "start": "2026-12-04T12:00:00Z" })).await;
    let moved = last_event(&server, &booked["id"]).await;
    staff.cancel(json!({ "id": booked["id"], "reason": "It rains" })).await;

    let told: Value = serde_json::from_str(&rendered(&server, SELECTION, &created).await).unwrap();
    let by = json!({ "kind": "USER", "userId": "staff" });
    let first = json!({ "event": "CREATED", "at": "2026-12-01T06:00:00Z", "by": by });
    let expected = json!({
        "id": created.id, "event": "CREATED", "at": "2026-12-01T06:00:00Z",
        "transition": { "event": "CREATED", "to": "CONFIRMED" },
        "booking": {
            "status": "CONFIRMED", "start": "2026-12-03T10:00:00Z", "revision": 1, "cancellationReason": null,
            "history": [first],
        },
    });
    assert_eq!(told, expected);
    let told: Value = serde_json::from_str(&rendered(&server, SELECTION, &moved).await).unwrap();
    let second = json!({ "event": "RESCHEDULED", "at": "2026-12-01T06:01:00Z", "by": by });
    assert_eq!(
        (&told["booking"]["status"], &told["booking"]["start"]),
        (&json!("CONFIRMED"), &json!("2026-12-04T12:00:00Z"))
    );
    assert_eq!((&told["booking"]["revision"], &told["booking"]["history"]), (&json!(2), &json!([first, second])));
}

#[tokio::test]
async fn it_is_rendered_with_the_rights_of_staff_of_the_bookings_organization() {
    let server = rooms().await;
    server.runner().run_well("updateResource", json!({ "id": "res_office", "active": false })).await;
    let input = an_hour("any", "a", "2026-12-03T10:00:00Z");
    let booked = server.customer("ada").book(input).await["booking"].clone();
    let event = last_event(&server, &booked["id"]).await;
    let selection = "{ transition { by { userId } } booking { booker { email }
        eventType { resources { nodes { id active schedule { id } } } } } }";
    let told: Value = serde_json::from_str(&rendered(&server, selection, &event).await).unwrap();
    assert_eq!(told["transition"]["by"]["userId"], "ada");
    assert_eq!(told["booking"]["booker"]["email"], "ada@example.org");
    let resources = told["booking"]["eventType"]["resources"]["nodes"].as_array().unwrap();
    // What is switched off, and when it is open.
    let office = json!({ "id": "res_office", "active": false, "schedule": { "id": "sch_office" } });
    assert!(resources.contains(&office), "{told}");

    // The same with the rights elsewhere: what is switched off is nobody's business.
    let mut elsewhere = event.clone();
    elsewhere.booking.organization_id = "org_x".into();
    let told = rendered(&server, selection, &elsewhere).await;
    assert!(!told.contains("res_office") && !told.contains("sch_"), "{told}");
}

#[tokio::test]
async fn what_no_longer_fits_the_schema_is_told_apart_from_what_may_work_later() {
    let server = rooms().await;
    let booked = server.staff().book(an_hour("any", "a", "2026-12-03T10:00:00Z")).await["booking"].clone();
    let event = last_event(&server, &booked["id"]).await;
    let services = server.services.clone();
    match services.render_selection("{ id wasOnceThere }", event.clone()).await {
        Err(SelectionFault::Unusable(message)) => assert!(message.contains("wasOnceThere"), "{message}"),
        other => panic!("{other:?}"),
    }
    let selection = "{ booking { resource { name } } }";
    assert!(services.render_selection(selection, event.clone()).await.is_ok());
    // The database is gone.
    server.stop().await;
    let fault = services.render_selection(selection, event).await;
    assert!(matches!(fault, Err(SelectionFault::Failed(_))), "{fault:?}");
}

#[tokio::test]
async fn selections_are_a_schema_of_their_own_that_clients_never_see() {
    let server = TestServer::start().await;
    let asked = server.signed_in("root", Role::Admin, "default").send("{ id event }", json!({})).await;
    assert_eq!(asked.code(), "BAD_USER_INPUT");
    let schema = include_str!("../../schema.graphql");
    assert!(schema.contains("query: Query") && !schema.contains("query: BookingEvent"));
}
