//! Days of 23 and 25 hours, midnights that do not exist, and zones that look at each other.

use std::time::Duration;

use chrono_tz::Tz;
use serde_json::json;

use crate::support::{EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

/// A server with one resource, `res_a`, in `zone`, open in these windows of every day; without any: always.
async fn open_in(zone: Tz, windows: &[(&'static str, &'static str)]) -> TestServer {
    open_since("2026-12-01T06:00:00Z", zone, windows).await
}

/// The same, at another present.
async fn open_since(now: &str, zone: Tz, windows: &[(&'static str, &'static str)]) -> TestServer {
    let options = ServerOptions { now: now.parse().unwrap(), ..ServerOptions::default() };
    let server = TestServer::start_with(options).await;
    let resource = ResourceSpec { zone, ..ResourceSpec::named("a") };
    server.resources([if windows.is_empty() { resource } else { resource.open(windows) }]).await;
    server.event_types([EventTypeSpec::named("any", &[30, 60, 120, 240, 300], &["a"])]).await;
    server
}

/// What of that length starts on a date, every quarter hour.
async fn starts(server: &TestServer, date: &str, minutes: u32) -> Vec<String> {
    starts_every(server, date, minutes, 15).await
}

async fn starts_every(server: &TestServer, date: &str, minutes: u32, interval: u32) -> Vec<String> {
    let arguments =
        format!(r#"resourceId: "res_a", date: "{date}", durationMinutes: {minutes}, intervalMinutes: {interval}"#);
    server.anonymous().starts(&arguments).await
}

/// Every hour from `first` on, `count` of them.
fn hours_from(first: &str, count: i64) -> Vec<String> {
    let first: chrono::DateTime<chrono::Utc> = first.parse().unwrap();
    let hour = |number| (first + chrono::Duration::hours(number)).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    (0..count).map(hour).collect()
}

#[tokio::test]
async fn a_missing_hour_leaves_room_for_one_start() {
    let berlin = open_in(chrono_tz::Europe::Berlin, &[("01:00", "04:00")]).await;
    assert_eq!(starts(&berlin, "2027-03-28", 120).await, ["2027-03-28T00:00:00Z"]);
    // The days around it have three hours.
    assert_eq!(starts(&berlin, "2027-03-27", 120).await.len(), 5);
    assert_eq!(starts(&berlin, "2027-03-29", 120).await.len(), 5);

    let new_york = open_in(chrono_tz::America::New_York, &[("01:00", "04:00")]).await;
    assert_eq!(starts(&new_york, "2027-03-14", 120).await, ["2027-03-14T06:00:00Z"]);
}

#[tokio::test]
async fn a_repeated_hour_can_be_booked_twice_over() {
    let berlin = open_in(chrono_tz::Europe::Berlin, &[("01:00", "04:00")]).await;
    assert_eq!(starts(&berlin, "2027-10-31", 240).await, ["2027-10-30T23:00:00Z"]);
    assert_eq!(starts(&berlin, "2027-10-30", 240).await, [""; 0]);
    // 01:00, both 02:00, and 03:00.
    assert_eq!(starts_every(&berlin, "2027-10-31", 60, 60).await, hours_from("2027-10-30T23:00:00Z", 4));

    let customer = berlin.customer("ada");
    for start in ["2027-10-31T00:00:00Z", "2027-10-31T01:00:00Z"] {
        let input = json!({ "resourceId": "res_a", "eventTypeId": "evt_any", "start": start, "durationMinutes": 60 });
        let booked = customer.book(input).await;
        assert_eq!(booked["userErrors"], json!([]), "{start}");
    }
    let left = ["2027-10-30T23:00:00Z", "2027-10-31T02:00:00Z"];
    assert_eq!(starts_every(&berlin, "2027-10-31", 60, 60).await, left);
}

#[tokio::test]
async fn a_clock_change_does_not_join_what_is_apart_on_the_wall() {
    let berlin = open_in(chrono_tz::Europe::Berlin, &[("00:00", "02:30"), ("03:00", "05:00")]).await;
    assert_eq!(starts(&berlin, "2027-03-28", 120).await, ["2027-03-27T23:00:00Z", "2027-03-28T01:00:00Z"]);
}

#[tokio::test]
async fn a_local_day_is_as_long_as_the_zone_makes_it() {
    let berlin = open_in(chrono_tz::Europe::Berlin, &[]).await;
    for (date, first, hours) in [
        ("2027-03-27", "2027-03-26T23:00:00Z", 24),
        ("2027-03-28", "2027-03-27T23:00:00Z", 23),
        ("2027-10-31", "2027-10-30T22:00:00Z", 25),
    ] {
        assert_eq!(starts_every(&berlin, date, 60, 60).await, hours_from(first, hours), "{date}");
    }
    // Half an hour is put back: 24.5 hours, on the quarter hour throughout.
    let lord_howe = open_in(chrono_tz::Australia::Lord_Howe, &[]).await;
    assert_eq!(starts_every(&lord_howe, "2027-04-04", 30, 30).await.len(), 49);
    assert_eq!(starts_every(&lord_howe, "2027-10-03", 30, 30).await.len(), 47);
}

#[tokio::test]
async fn where_midnight_does_not_exist_the_day_starts_at_the_first_instant_that_does() {
    let gap = [
        ("2026-12-01T06:00:00Z", chrono_tz::Africa::Cairo, "2027-04-30", "2027-04-29T22:00:00Z"),
        ("2026-12-01T06:00:00Z", chrono_tz::Asia::Beirut, "2027-03-28", "2027-03-27T22:00:00Z"),
        ("2018-10-01T06:00:00Z", chrono_tz::America::Sao_Paulo, "2018-11-04", "2018-11-04T03:00:00Z"),
    ];
    for (now, zone, date, first) in gap {
        let always = open_since(now, zone, &[]).await;
        assert_eq!(starts_every(&always, date, 60, 60).await, hours_from(first, 23), "{zone}");
        // From midnight to two: one hour is left of it.
        let at_night = open_since(now, zone, &[("00:00", "02:00")]).await;
        assert_eq!(starts(&at_night, date, 60).await, [first], "{zone}");
    }
}

#[tokio::test]
async fn a_date_that_a_zone_skipped_is_an_empty_day() {
    const MONTH: &str = r#"{ monthAvailability(resourceId: "res_a", from: "2011-12-29", to: "2011-12-31",
        durationMinutes: 60, intervalMinutes: 60) { days { date available slotCount } } }"#;
    let apia = open_since("2011-12-01T06:00:00Z", chrono_tz::Pacific::Apia, &[]).await;
    assert_eq!(starts_every(&apia, "2011-12-30", 60, 60).await, [""; 0]);
    assert_eq!(starts_every(&apia, "2011-12-29", 60, 60).await, hours_from("2011-12-29T10:00:00Z", 24));
    assert_eq!(starts_every(&apia, "2011-12-31", 60, 60).await, hours_from("2011-12-30T10:00:00Z", 24));
    let month = apia.anonymous().ask(MONTH, json!({})).await;
    let skipped = json!({ "date": "2011-12-30", "available": false, "slotCount": 0 });
    assert_eq!(month["monthAvailability"]["days"][1], skipped);
}

#[tokio::test]
async fn a_weekday_is_the_schedules_own() {
    let server = TestServer::start().await;
    let mut week: [Vec<(&str, &str)>; 7] = std::array::from_fn(|_| Vec::new());
    week[1] = vec![("09:00", "17:00")];
    let zone = chrono_tz::Pacific::Auckland;
    server.resources([ResourceSpec { zone, weekly: Some(week), ..ResourceSpec::named("a") }]).await;
    for (tuesday, nine) in [("2027-01-05", "2027-01-04T20:00:00Z"), ("2027-06-01", "2027-05-31T21:00:00Z")] {
        assert_eq!(starts_every(&server, tuesday, 60, 60).await, hours_from(nine, 8));
    }
    for other in ["2027-01-03", "2027-01-04", "2027-01-06"] {
        assert_eq!(starts_every(&server, other, 60, 60).await, [""; 0], "{other}");
    }
    // Auckland's Tuesday begins on UTC's Monday.
    let monday =
        r#"resourceId: "res_a", date: "2027-01-04", timeZone: "UTC", durationMinutes: 60, intervalMinutes: 60"#;
    assert_eq!(server.anonymous().starts(monday).await, hours_from("2027-01-04T20:00:00Z", 4));
}

#[tokio::test]
async fn a_resource_is_watched_from_another_zone() {
    // A day of 23 hours in Los Angeles: the last hour of Tokyo's 14th, and all but two of its 15th.
    const SLOTS: &str = r#"subscription { daySlotsChanged(resourceId: "res_a", date: "2027-03-14",
        timeZone: "America/Los_Angeles", durationMinutes: 60, intervalMinutes: 60) {
        date timeZone slots { start } } }"#;
    const HOLDS: &str = r#"subscription { presenceChanged(resourceId: "res_a", date: "2027-03-14",
        timeZone: "America/Los_Angeles") { timeZone holds { start } } }"#;
    let tokyo = open_in(chrono_tz::Asia::Tokyo, &[("09:00", "18:00")]).await;
    let watcher = tokyo.anonymous();
    let (mut slots, mut holds) = (watcher.watch(SLOTS, json!({})).await, watcher.watch(HOLDS, json!({})).await);
    assert_eq!(holds.next().await, json!({ "timeZone": "America/Los_Angeles", "holds": [] }));
    let first = slots.next().await;
    assert_eq!(first["timeZone"], "America/Los_Angeles");
    let mut expected = vec!["2027-03-14T08:00:00Z".to_owned()];
    expected.extend(hours_from("2027-03-15T00:00:00Z", 7));
    let listed = |answer: &serde_json::Value| -> Vec<String> {
        let slots = answer["slots"].as_array().unwrap().iter();
        slots.map(|slot| slot["start"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&first), expected);

    let slot = json!({ "start": "2027-03-15T06:00:00Z", "durationMinutes": 60 });
    let hold = json!({ "resourceId": "res_a", "slots": [slot], "sessionSecret": "a session of the tests" });
    assert_eq!(tokyo.anonymous().heartbeat(hold).await["granted"], true);
    tokyo.clock.advance(Duration::from_millis(50));
    assert_eq!(holds.next().await["holds"], json!([{ "start": "2027-03-15T06:00:00Z" }]));

    let booking = json!({
        "resourceId": "res_a",
        "eventTypeId": "evt_any",
        "start": "2027-03-14T08:00:00Z",
        "durationMinutes": 60,
    });
    assert_eq!(tokyo.customer("ada").book(booking).await["userErrors"], json!([]));
    tokyo.clock.advance(Duration::from_millis(50));
    assert_eq!(listed(&slots.next().await), expected[1..]);
}

#[tokio::test]
async fn a_booking_through_the_night_of_a_clock_change_takes_its_time_and_gives_it_back() {
    let berlin = open_in(chrono_tz::Europe::Berlin, &[]).await;
    let customer = berlin.customer("ada");
    // 23:45 on the wall, five hours of real time.
    for (evening, morning, start, end) in [
        ("2027-03-27", "2027-03-28", "2027-03-27T22:45:00Z", "2027-03-28T03:45:00Z"),
        ("2027-10-30", "2027-10-31", "2027-10-30T21:45:00Z", "2027-10-31T02:45:00Z"),
    ] {
        let before = (starts(&berlin, evening, 60).await, starts(&berlin, morning, 60).await);
        let input = json!({ "resourceId": "res_a", "eventTypeId": "evt_any", "start": start, "durationMinutes": 300 });
        let booked = customer.book(input).await;
        assert_eq!((&booked["booking"]["start"], &booked["booking"]["end"]), (&json!(start), &json!(end)), "{booked}");
        berlin.assert_sound().await;

        // Nothing starts within it, nor less than an hour before it; what ends with its start does.
        let evening_now = starts(&berlin, evening, 60).await;
        assert_eq!(before.0.len() - evening_now.len(), 4, "{evening}");
        let first_after = starts(&berlin, morning, 60).await;
        assert_eq!(first_after[0], end, "{morning}");

        let cancelled = customer.cancel(json!({ "id": booked["booking"]["id"] })).await;
        assert_eq!(cancelled["booking"]["status"], "CANCELLED", "{cancelled}");
        assert_eq!((starts(&berlin, evening, 60).await, starts(&berlin, morning, 60).await), before);
        berlin.assert_sound().await;
    }
}
