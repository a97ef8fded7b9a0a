//! What questions cost: a number of statements that does not grow with what there is.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use slotwise::config::LimitSettings;

use crate::support::database::TestDatabase;
use crate::support::schedules::closed_dates;
use crate::support::studios::{DAY, booking, hold, studios, studios_on};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

/// How many statements a question costs whoever asks it, once the server has got going.
async fn cost(server: &TestServer, actor: &Actor, query: &str, variables: Value) -> usize {
    actor.ask(query, variables.clone()).await;
    // In other words, so that the answer is not one that was kept.
    let (_, statements) = server.statements_of(actor.ask(&format!("{query} # again"), variables)).await;
    assert!(statements > 0, "nothing was read for {query}");
    statements
}

#[tokio::test]
async fn a_day_and_a_month_cost_the_same_however_many_bookings_and_days_there_are() {
    const DAY_SLOTS: &str = r#"query ($date: Date!) {
        daySlots(resourceId: "res_a", date: $date, eventTypeId: "evt_hour", includeUnavailable: true) {
            slots { start } } }"#;
    const MONTH: &str = r#"query ($to: Date!) {
        monthAvailability(resourceId: "res_a", from: "2026-12-01", to: $to, eventTypeId: "evt_hour") {
            days { slotCount } } }"#;
    const FREE: &str = r#"query ($end: DateTime!) {
        isAvailable(resourceId: "res_a", start: "2026-12-02T00:00:00Z", end: $end) }"#;
    let server = studios().await;
    let ada = server.customer("ada");
    let day = cost(&server, &ada, DAY_SLOTS, json!({ "date": DAY })).await;
    let month = cost(&server, &ada, MONTH, json!({ "to": "2026-12-01" })).await;
    let free = cost(&server, &ada, FREE, json!({ "end": "2026-12-02T00:15:00Z" })).await;
    for hour in 9..=21 {
        ada.book_it(booking("a", "hour", hour)).await;
    }
    assert_eq!(cost(&server, &ada, DAY_SLOTS, json!({ "date": DAY })).await, day);
    for to in ["2026-12-02", "2026-12-31", "2027-03-03"] {
        assert_eq!(cost(&server, &ada, MONTH, json!({ "to": to })).await, month, "to {to}");
    }
    assert_eq!(cost(&server, &ada, FREE, json!({ "end": "2027-01-02T00:00:00Z" })).await, free);
    // And each of them is few.
    assert!(day <= 8 && month <= 8 && free <= 8, "{day}, {month}, {free}");
}

#[tokio::test]
async fn what_the_catalogue_says_is_read_once_and_then_only_what_is_occupied() {
    const DAY_SLOTS: &str = r#"query ($resource: ID!, $date: Date!) {
        daySlots(resourceId: $resource, date: $date, eventTypeId: "evt_hour") { slots { start } } }"#;
    let database = Arc::new(TestDatabase::new().await);
    let limits = LimitSettings { kept_answers: Some(0), ..ServerOptions::default().limits };
    let server = studios_on(Arc::clone(&database), ServerOptions { limits, ..ServerOptions::default() }).await;
    let other = TestServer::start_on(database, ServerOptions::default()).await;
    let (bob, root) = (server.anonymous(), other.runner());
    let ask = async |resource: &str, date: &str| {
        let (answer, cost) =
            server.statements_of(bob.ask(DAY_SLOTS, json!({ "resource": resource, "date": date }))).await;
        (answer["daySlots"]["slots"].as_array().unwrap().len(), cost)
    };
    assert!(ask("res_a", DAY).await.1 > 1);
    // Whatever the day, in whatever year.
    for date in ["2026-12-03", "2027-03-28", "2029-01-01"] {
        assert_eq!(ask("res_a", date).await, (13, 1), "{date}");
    }
    // What changes is seen at once, whichever server changed it, and whatever it was.
    let schedule = json!({ "scheduleId": "sch_a", "overrides": [{ "date": "2026-12-04", "windows": [] }] });
    for (mutation, input, count) in [
        ("updateEventType", json!({ "id": "evt_hour", "durationOptions": [120] }), 12),
        ("updateResource", json!({ "id": "res_a", "active": false }), 0),
        ("updateResource", json!({ "id": "res_a", "active": true }), 12),
        ("setDateOverrides", schedule, 0),
    ] {
        root.run_well(mutation, input.clone()).await;
        let (found, cost) = ask("res_a", "2026-12-04").await;
        assert!(found == count && cost > 1, "{found} for {cost} after {input}");
        assert_eq!(ask("res_a", "2026-12-04").await, (count, 1), "after {input}");
    }
    // What is mended by hand counts as no change, so nothing is relied upon for long.
    server.clock.advance(Duration::from_mins(1));
    assert!(ask("res_a", "2026-12-04").await.1 > 1);
}

#[tokio::test]
async fn a_bundle_costs_the_same_however_large_it_is() {
    const BUNDLE: &str = r#"query ($addOns: [BookingItemInput!]!) {
        daySlots(resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_hour", addOns: $addOns) {
            slots { start } } }"#;
    let server = studios().await;
    let names: Vec<String> = (0..10).map(|index| format!("extra{index}")).collect();
    server.resources(names.iter().map(|name| ResourceSpec::named(name).open(&[("08:00", "23:00")]))).await;
    let bob = server.anonymous();
    let add_ons: Vec<_> = names.iter().map(|name| json!({ "resourceId": format!("res_{name}") })).collect();
    let one = cost(&server, &bob, BUNDLE, json!({ "addOns": add_ons[..1] })).await;
    assert_eq!(cost(&server, &bob, BUNDLE, json!({ "addOns": add_ons })).await, one);
}

#[tokio::test]
async fn knowing_who_asks_costs_one_read_and_a_heartbeat_of_somebody_known_nothing_else() {
    const BEAT: &str = "mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { granted } }";
    let server = studios().await;
    let ada = server.customer("ada");
    assert_eq!(cost(&server, &ada, "{ viewer { id } }", json!({})).await, 1);
    // A renewal reads nothing by itself.
    assert_eq!(cost(&server, &ada, BEAT, json!({ "input": hold("a", "hour", 10, 60, "ada") })).await, 1);
}

/// As many rooms with hours of their own as there are numbers.
fn rooms(numbers: std::ops::Range<u32>) -> impl Iterator<Item = ResourceSpec> {
    numbers.map(|number| ResourceSpec::named(&format!("room{number:04}")).open(&[("09:00", "22:00")]))
}

#[tokio::test]
async fn who_has_room_costs_the_same_among_ten_resources_and_among_a_thousand() {
    const ROOM: &str = "query ($eventType: ID) {
        availableResources(start: \"2026-12-02T12:00:00Z\", durationMinutes: 60, eventTypeId: $eventType, first: 200) {
            totalCount pageInfo { hasNextPage } nodes { id } } }";
    let server = TestServer::start().await;
    server.resources(rooms(0..10)).await;
    let names: Vec<String> = (0..10).map(|number| format!("room{number:04}")).collect();
    let linked: Vec<&str> = names.iter().map(String::as_str).collect();
    server.event_types([EventTypeSpec::named("hour", &[60], &linked)]).await;
    let bob = server.anonymous();
    let asked = [json!({}), json!({ "eventType": "evt_hour" })];
    let [free, offered] = &asked;
    let (free_of_ten, offered_of_ten) =
        (cost(&server, &bob, ROOM, free.clone()).await, cost(&server, &bob, ROOM, offered.clone()).await);

    server.resources(rooms(10..1_000)).await;
    let names: Vec<String> = (10..1_000).map(|number| format!("room{number:04}")).collect();
    server.links("hour", &names).await;
    for (question, few) in [(free, free_of_ten), (offered, offered_of_ten)] {
        let found = bob.ask(ROOM, question.clone()).await["availableResources"].clone();
        assert_eq!((&found["totalCount"], &found["pageInfo"]["hasNextPage"]), (&json!(1_000), &json!(true)));
        assert_eq!(cost(&server, &bob, ROOM, question.clone()).await, few, "of {question}");
    }
    assert!(free_of_ten <= 8 && offered_of_ten <= 8, "{free_of_ten}, {offered_of_ten}");
}

#[tokio::test]
async fn a_page_of_resources_with_all_that_hangs_on_them_costs_what_one_costs() {
    const LIST: &str = "query ($first: Int!) { resources(first: $first) {
        nodes { id schedule { id } eventTypes { id schedule { id } } } } }";
    let server = TestServer::start().await;
    server.resources(rooms(0..50)).await;
    let names: Vec<String> = (0..50).map(|number| format!("room{number:04}")).collect();
    let linked: Vec<&str> = names.iter().map(String::as_str).collect();
    server.event_types(["hour", "day"].map(|name| EventTypeSpec::named(name, &[60], &linked))).await;
    let staff = server.staff();
    let found = staff.ask(LIST, json!({ "first": 50 })).await["resources"]["nodes"].clone();
    assert_eq!(found.as_array().unwrap().len(), 50);
    assert_eq!(
        found[49]["eventTypes"],
        json!([{ "id": "evt_day", "schedule": null }, { "id": "evt_hour", "schedule": null }])
    );
    assert_eq!(found[49]["schedule"]["id"], "sch_room0049");
    let one = cost(&server, &staff, LIST, json!({ "first": 1 })).await;
    assert_eq!(cost(&server, &staff, LIST, json!({ "first": 50 })).await, one);
}

#[tokio::test]
async fn a_page_of_event_types_with_all_their_resources_costs_what_one_costs() {
    const LIST: &str = "query ($first: Int!) { eventTypes(first: $first) {
        nodes { id schedule { id } resources(first: 2) { totalCount nodes { id schedule { id } eventTypes { id } } } } } }";
    let server = TestServer::start().await;
    server.resources(rooms(0..10)).await;
    let names: Vec<String> = (0..30).map(|number| format!("kind{number:02}")).collect();
    let linked: Vec<String> = (0..10).map(|number| format!("room{number:04}")).collect();
    let linked: Vec<&str> = linked.iter().map(String::as_str).collect();
    server.event_types(names.iter().map(|name| EventTypeSpec::named(name, &[60], &linked))).await;
    let staff = server.staff();
    let found = staff.ask(LIST, json!({ "first": 30 })).await["eventTypes"]["nodes"].clone();
    assert_eq!(found[29]["resources"]["totalCount"], 10);
    assert_eq!(found[29]["resources"]["nodes"][1]["schedule"]["id"], "sch_room0001");
    let one = cost(&server, &staff, LIST, json!({ "first": 1 })).await;
    assert_eq!(cost(&server, &staff, LIST, json!({ "first": 30 })).await, one);
}

#[tokio::test]
async fn a_page_of_schedules_costs_what_one_costs_and_overrides_only_where_they_are_asked_for() {
    const BARE: &str = "query ($first: Int!) { schedules(first: $first) { nodes { id weeklyHours { start } } } }";
    const DATED: &str = "query ($first: Int!) { schedules(first: $first) {
        nodes { id dateOverrides(from: \"2027-01-01\", to: \"2027-01-03\") { date } } } }";
    const FOLLOWED: &str = "query ($first: Int!) { resources(first: $first) {
        nodes { schedule { dateOverrides { date windows { start } } } } } }";
    let server = TestServer::start().await;
    server.resources(rooms(0..40)).await;
    for number in 0..40 {
        let set = json!({ "scheduleId": format!("sch_room{number:04}"), "overrides": closed_dates(5) });
        server.runner().run_well("setDateOverrides", set).await;
    }
    let staff = server.staff();
    let found = staff.ask(DATED, json!({ "first": 40 })).await["schedules"]["nodes"].clone();
    let dates = json!([{ "date": "2027-01-01" }, { "date": "2027-01-02" }, { "date": "2027-01-03" }]);
    assert_eq!((found.as_array().unwrap().len(), &found[39]["dateOverrides"]), (40, &dates));
    let mut costs = Vec::new();
    for list in [BARE, DATED, FOLLOWED] {
        let one = cost(&server, &staff, list, json!({ "first": 1 })).await;
        assert_eq!(cost(&server, &staff, list, json!({ "first": 40 })).await, one, "{list}");
        costs.push(one);
    }
    assert_eq!(costs[1], costs[0] + 1);
}

#[tokio::test]
async fn a_page_of_the_audit_log_costs_what_one_line_costs() {
    const LOG: &str = "query ($first: Int!) { auditLog(first: $first) { nodes { id by { kind userId } changes } } }";
    let server = studios().await;
    let admin = server.runner();
    for number in 0..30 {
        admin.run_well("updateSchedule", json!({ "id": "sch_a", "name": format!("Name {number}") })).await;
    }
    let found = admin.ask(LOG, json!({ "first": 30 })).await["auditLog"]["nodes"].clone();
    assert_eq!(found.as_array().unwrap().len(), 30);
    let one = cost(&server, &admin, LOG, json!({ "first": 1 })).await;
    assert_eq!(cost(&server, &admin, LOG, json!({ "first": 30 })).await, one);
}
