//! Watching while admins change when things are open: whoever watches is told at once.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::studios::{DAY, at, booking, starts_of, studios};
use crate::support::{Actor, ResourceSpec, TestServer, Watch};

const SLOTS: &str = r#"subscription ($event: ID) {
    daySlotsChanged(resourceId: "res_a", date: "2026-12-02", eventTypeId: $event) { id revision slots { start } } }"#;
const MONTH: &str = r#"subscription {
    monthAvailabilityChanged(resourceId: "res_a", from: "2026-12-01", to: "2026-12-03", eventTypeId: "evt_hour") {
        revision days { date available slotCount } } }"#;

async fn watch_hours(server: &TestServer) -> Watch {
    server.anonymous().watch(SLOTS, json!({ "event": "evt_hour" })).await
}

/// Changes a schedule, which must succeed.
async fn change(actor: &Actor, mutation: &str, arguments: &str) {
    let query = format!("mutation {{ {mutation}(input: {{ {arguments} }}) {{ userErrors {{ code message }} }} }}");
    assert_eq!(actor.ask(&query, json!({})).await[mutation]["userErrors"], json!([]), "{query}");
}

fn hours(range: impl Iterator<Item = u32>) -> Vec<String> {
    range.map(at).collect()
}

fn slot_count(month: &Value) -> &Value {
    &month["days"][1]["slotCount"]
}

#[tokio::test]
async fn closing_a_date_empties_the_watched_list_and_opening_it_fills_it() {
    let server = studios().await;
    let admin = server.runner();
    let (mut slots, mut month) = (watch_hours(&server).await, server.anonymous().watch(MONTH, json!({})).await);
    let (first, first_month) = (slots.next().await, month.next().await);
    assert_eq!(starts_of(&first["slots"]), hours(9..=21));
    assert_eq!(slot_count(&first_month), &json!(13));

    let closed = format!(r#"scheduleId: "sch_a", overrides: [{{ date: "{DAY}", windows: [] }}]"#);
    change(&admin, "setDateOverrides", &closed).await;
    let (second, second_month) = (slots.next().await, month.next().await);
    assert_eq!((&second["slots"], slot_count(&second_month)), (&json!([]), &json!(0)));
    assert_eq!(second["id"], first["id"]);
    assert!(second["revision"].as_i64() > first["revision"].as_i64());

    let short = r#"{ start: "10:00", end: "12:00" }"#;
    let opened = format!(r#"scheduleId: "sch_a", overrides: [{{ date: "{DAY}", windows: [{short}] }}]"#);
    change(&admin, "setDateOverrides", &opened).await;
    assert_eq!(starts_of(&slots.next().await["slots"]), hours(10..=11));
    assert_eq!(slot_count(&month.next().await), &json!(2));

    change(&admin, "removeDateOverrides", &format!(r#"scheduleId: "sch_a", dates: ["{DAY}"]"#)).await;
    let (last, last_month) = (slots.next().await, month.next().await);
    assert_eq!((&last["slots"], slot_count(&last_month)), (&first["slots"], &json!(13)));
    assert!(last["revision"].as_i64() > second["revision"].as_i64());
}

#[tokio::test]
async fn another_week_or_zone_is_sent_at_once() {
    let server = studios().await;
    let admin = server.runner();
    let mut slots = watch_hours(&server).await;
    slots.next().await;
    let week = r#"id: "sch_a", weeklyHours: [{ weekday: WEDNESDAY, start: "18:00", end: "20:00" }]"#;
    change(&admin, "updateSchedule", week).await;
    assert_eq!(starts_of(&slots.next().await["slots"]), hours(18..=19));
    // 18:00 in Helsinki is 17:00 in Berlin.
    change(&admin, "updateSchedule", r#"id: "sch_a", timeZone: "Europe/Helsinki""#).await;
    assert_eq!(starts_of(&slots.next().await["slots"]), hours(17..=18));
}

#[tokio::test]
async fn the_schedule_of_an_event_type_is_followed_too() {
    let server = studios().await;
    let admin = server.runner();
    server.execute_sql("UPDATE event_types SET schedule_id = 'sch_b' WHERE id = 'evt_hour'").await;
    let mut slots = watch_hours(&server).await;
    slots.next().await;
    change(&admin, "updateSchedule", r#"id: "sch_b", weeklyHours: []"#).await;
    assert_eq!(slots.next().await["slots"], json!([]));
}

#[tokio::test]
async fn what_makes_no_difference_to_a_list_is_not_sent() {
    let server = studios().await;
    let (admin, stranger) = (server.runner(), server.signed_in("boss", Role::Admin, "org_x"));
    let elsewhere = ResourceSpec { organization: "org_x".to_owned(), ..ResourceSpec::named("x") };
    server.resources([elsewhere.open(&[("09:00", "22:00")])]).await;
    let mut slots = watch_hours(&server).await;
    slots.next().await;
    // Another organization's schedule, another resource's, another date, another name, nothing at all.
    change(&stranger, "updateSchedule", r#"id: "sch_x", weeklyHours: []"#).await;
    change(&admin, "updateSchedule", r#"id: "sch_b", weeklyHours: []"#).await;
    change(&admin, "setDateOverrides", r#"scheduleId: "sch_a", overrides: [{ date: "2026-12-03", windows: [] }]"#)
        .await;
    change(&admin, "updateSchedule", r#"id: "sch_a", name: "Other""#).await;
    change(&admin, "updateSchedule", r#"id: "sch_a", name: "Other""#).await;
    // What is sent next is this.
    server.customer("ada").book_it(booking("a", "hour", 9)).await;
    assert_eq!(starts_of(&slots.next().await["slots"]), hours(10..=21));
}
