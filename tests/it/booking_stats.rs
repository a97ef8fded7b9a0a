//! Statistics: how many bookings there are, and how much of the open time they occupy.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use slotwise::domain::booking::{Booking, BookingStatus};
use slotwise::domain::quantum::QuantumSpan;

use crate::support::bookings::put;
use crate::support::schedules::closed_dates;
use crate::support::{Actor, EventTypeSpec, ResourceSpec, TestServer};

const STATS: &str = "query ($from: DateTime!, $to: DateTime!, $resource: ID) {
    bookingStats(from: $from, to: $to, resourceId: $resource) {
        byStatus { status count } byResource { resource { id active } occupiedMinutes openMinutes } } }";

/// Room `a`, open from 09:00 to 22:00 in Berlin; `b`, always open and switched off; a pool `p` of three. It is
/// 2026-12-01T06:00Z.
async fn house() -> TestServer {
    let server = TestServer::start().await;
    server
        .resources([
            ResourceSpec::named("a").open(&[("09:00", "22:00")]),
            ResourceSpec { active: false, ..ResourceSpec::named("b") },
            ResourceSpec { quantity: 3, ..ResourceSpec::named("p") },
        ])
        .await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a", "b", "p"])]).await;
    server
}

async fn stats(actor: &Actor, from: &str, to: &str, resource: Option<&str>) -> Value {
    actor.ask(STATS, json!({ "from": from, "to": to, "resource": resource })).await["bookingStats"].clone()
}

/// What is occupied and open of each resource, by its name.
fn by_resource(stats: &Value) -> Vec<(&str, i64, i64)> {
    let minutes = |entry: &Value, name: &str| entry[name].as_i64().unwrap();
    let entries = stats["byResource"].as_array().unwrap().iter();
    let read = |entry| (minutes(entry, "occupiedMinutes"), minutes(entry, "openMinutes"));
    entries.map(|entry| (&entry["resource"]["id"].as_str().unwrap()[4..], read(entry).0, read(entry).1)).collect()
}

/// How many there are of each status of which there are any.
fn by_status(stats: &Value) -> Vec<(&str, i64)> {
    let entries = stats["byStatus"].as_array().unwrap().iter();
    let counts: Vec<_> =
        entries.map(|entry| (entry["status"].as_str().unwrap(), entry["count"].as_i64().unwrap())).collect();
    let names: Vec<&str> = counts.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, BookingStatus::ALL.map(BookingStatus::name));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// The same booking in another state.
fn standing(booking: Booking, status: BookingStatus) -> Booking {
    Booking { status, ..booking }
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn bookings_count_by_where_they_stand_now_and_occupy_what_they_hold() {
    let server = house().await;
    let buffered = Booking {
        occupied: QuantumSpan::covering(instant("2026-12-02T09:30:00Z"), instant("2026-12-02T11:15:00Z")),
        ..put("buffered", &["a"], "2026-12-02T10:00:00Z", 60)
    };
    let mut units = put("units", &["p", "a"], "2026-12-02T12:00:00Z", 60);
    units.items[0].quantity = 2;
    let lapsed = Booking {
        expires_at: Some(instant("2026-12-01T06:00:00Z")),
        ..standing(put("lapsed", &["b"], "2026-12-02T08:00:00Z", 60), BookingStatus::Provisional)
    };
    let kept = Booking {
        expires_at: Some(instant("2026-12-01T06:00:00.001Z")),
        ..standing(put("kept", &["b"], "2026-12-02T09:00:00Z", 60), BookingStatus::Provisional)
    };
    server
        .put_bookings(&[
            buffered,
            units,
            lapsed,
            kept,
            standing(put("cancelled", &["a"], "2026-12-02T14:00:00Z", 60), BookingStatus::Cancelled),
            standing(put("expired", &["a"], "2026-12-02T14:00:00Z", 60), BookingStatus::Expired),
            standing(put("done", &["a"], "2026-12-02T15:00:00Z", 60), BookingStatus::Completed),
            // Into the day, and out of it.
            put("early", &["b"], "2026-12-01T22:00:00Z", 180),
            put("late", &["b"], "2026-12-02T22:37:00Z", 60),
            put("before", &["b"], "2026-12-01T21:00:00Z", 60),
            put("after", &["b"], "2026-12-02T23:00:00Z", 60),
        ])
        .await;
    let staff = server.staff();
    // Berlin's second of December.
    let (from, to) = ("2026-12-01T23:00:00Z", "2026-12-02T23:00:00Z");
    let found = stats(&staff, from, to, None).await;
    assert_eq!(
        by_status(&found),
        [("PROVISIONAL", 1), ("CONFIRMED", 4), ("CANCELLED", 1), ("COMPLETED", 1), ("EXPIRED", 2)]
    );
    // `late` occupies from 22:30 on.
    let expected = [("a", 105 + 60 + 60, 13 * 60), ("b", 60 + 120 + 30, 24 * 60), ("p", 120, 3 * 24 * 60)];
    assert_eq!(by_resource(&found), expected);
    assert_eq!(found["byResource"][1]["resource"], json!({ "id": "res_b", "active": false }));
    // What touches the span is not in it, but with its buffers.
    let touching = stats(&staff, "2026-12-02T09:30:00Z", "2026-12-02T10:00:00Z", Some("res_a")).await;
    assert_eq!((by_status(&touching), by_resource(&touching)), (vec![], vec![("a", 30, 30)]));
    // An add-on counts for its resource as well.
    let of_p = stats(&staff, from, to, Some("res_p")).await;
    assert_eq!((by_status(&of_p), by_resource(&of_p)), (vec![("CONFIRMED", 1)], vec![("p", 120, 4_320)]));
    let of_a = stats(&staff, "2026-12-02T12:07:00Z", "2026-12-02T12:23:00Z", Some("res_a")).await;
    assert_eq!((by_status(&of_a), by_resource(&of_a)), (vec![("CONFIRMED", 1)], vec![("a", 16, 16)]));
}

#[tokio::test]
async fn what_is_blocked_or_closed_is_not_open() {
    let server = house().await;
    let block = |id: &str, resource: &str, quantity: u32, from: &str, to: &str| {
        let span = QuantumSpan::covering(instant(from), instant(to));
        format!(
            "INSERT INTO blocks (id, organization_id, resource_id, quantity, start_at, end_at, occupied_from, occupied_to,
                actor_kind, created_at) VALUES ('{id}', 'default', 'res_{resource}', {quantity}, {}, {}, {}, {}, 'system', 0)",
            instant(from).timestamp_millis(),
            instant(to).timestamp_millis(),
            span.start.0,
            span.end.0
        )
    };
    for sql in [
        // Two hours of which one is open, and a year of one of three.
        block("one", "a", 1, "2026-12-02T07:00:00Z", "2026-12-02T09:00:00Z"),
        block("two", "p", 1, "2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z"),
        block("three", "p", 2, "2026-12-02T10:00:00Z", "2026-12-02T11:00:00Z"),
        block("elsewhen", "a", 1, "2026-12-03T10:00:00Z", "2026-12-03T11:00:00Z"),
    ] {
        server.execute_sql(&sql).await;
    }
    let staff = server.staff();
    let day = stats(&staff, "2026-12-01T23:00:00Z", "2026-12-02T23:00:00Z", None).await;
    assert_eq!(by_resource(&day), [("a", 0, 12 * 60), ("b", 0, 1_440), ("p", 0, 2 * 1_440 - 120)]);
    // Closed all of January.
    let closed = json!({ "scheduleId": "sch_a", "overrides": closed_dates(31) });
    server.runner().run_well("setDateOverrides", closed).await;
    let winter = stats(&staff, "2026-12-31T23:00:00Z", "2027-02-02T23:00:00Z", Some("res_a")).await;
    assert_eq!(by_resource(&winter), [("a", 0, 2 * 13 * 60)]);
}

#[tokio::test]
async fn statistics_are_of_the_organization_and_of_spans_that_can_be_added_up() {
    let server = house().await;
    let staff = server.staff();
    let far = server.signed_in("staff", slotwise::domain::access::Role::Staff, "elsewhere");
    server.put_bookings(&[put("one", &["a"], "2026-12-02T10:00:00Z", 60)]).await;
    let (from, to) = ("2026-12-01T23:00:00Z", "2026-12-02T23:00:00Z");
    let found = stats(&far, from, to, None).await;
    assert_eq!((by_status(&found), by_resource(&found)), (vec![], vec![]));
    for (actor, variables, code) in [
        (&far, json!({ "from": from, "to": to, "resource": "res_a" }), "NOT_FOUND"),
        (&staff, json!({ "from": from, "to": to, "resource": "res_none" }), "NOT_FOUND"),
        (&staff, json!({ "from": from, "to": from }), "BAD_USER_INPUT"),
        (&staff, json!({ "from": to, "to": from }), "BAD_USER_INPUT"),
        (&staff, json!({ "from": "2026-01-01T00:00:00Z", "to": "2027-01-02T00:00:00.001Z" }), "BAD_USER_INPUT"),
        (&staff, json!({ "from": "1999-12-31T00:00:00Z", "to": "2000-01-02T00:00:00Z" }), "BAD_USER_INPUT"),
        (&staff, json!({ "from": "now", "to": to }), "BAD_USER_INPUT"),
    ] {
        let answer = actor.send(STATS, variables.clone()).await;
        assert_eq!(answer.code(), code, "{variables}");
        crate::support::assert_clear(answer.message());
    }
    let year = stats(&staff, "2026-01-01T00:00:00Z", "2027-01-02T00:00:00Z", None).await;
    assert_eq!(by_resource(&year)[1], ("b", 0, 366 * 1_440));
    // More minutes than GraphQL has whole numbers.
    server.resources([ResourceSpec { quantity: 10_000, ..ResourceSpec::named("huge") }]).await;
    let variables = json!({ "from": "2026-01-01T00:00:00Z", "to": "2027-01-02T00:00:00Z" });
    assert_eq!(staff.send(STATS, variables).await.code(), "BAD_USER_INPUT");
    let month = stats(&staff, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z", Some("res_huge")).await;
    assert_eq!(by_resource(&month), [("huge", 0, 10_000 * 31 * 1_440)]);
}

#[tokio::test]
async fn a_year_of_many_resources_costs_the_same_statements_as_a_day_of_one() {
    let server = house().await;
    let staff = server.staff();
    let cost = async |from: &str, to: &str| {
        stats(&staff, from, to, None).await;
        server.statements_of(stats(&staff, from, to, None)).await
    };
    let (few, one) = cost("2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z").await;
    let room =
        |number: u32| ResourceSpec::named(&format!("room{number:04}")).open(&[("09:00", "12:00"), ("13:00", "22:00")]);
    server.resources((0..300).map(room)).await;
    let (many, all) = cost("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z").await;
    assert_eq!((by_resource(&few).len(), by_resource(&many).len(), all), (3, 303, one));
    assert!(one <= 12, "{one}");
    // Somebody who asks for more is told to ask for less.
    server.resources((300..1_000).map(room)).await;
    let variables = json!({ "from": "2026-12-02T00:00:00Z", "to": "2026-12-03T00:00:00Z" });
    assert_eq!(staff.send(STATS, variables).await.code(), "BAD_USER_INPUT");
    stats(&staff, "2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z", Some("res_room0999")).await;
}
