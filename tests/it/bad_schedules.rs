//! What people get wrong in schedules: each problem has its place, all are told at once, and nothing has changed.

use serde_json::{Value, json};
use slotwise::domain::access::Role;
use slotwise::domain::schedule::Schedule;
use slotwise::store::{StoreError, Tx};

use crate::support::TestServer;
use crate::support::running::{of, refusals};
use crate::support::schedules::{closed_dates, date_override, plain, read, weekly};
use crate::support::studios::{DAY, studios};

#[tokio::test]
async fn all_that_is_wrong_with_a_schedule_is_told_at_once_and_each_with_its_place() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let input = json!({
        "name": " ",
        "timeZone": "Mars/Olympus",
        "weeklyHours": [
            weekly("MONDAY", "09:00", "12:00"), weekly("TUESDAY", "22:00", "02:00"), weekly("MONDAY", "11:45", "13:00"),
            weekly("FRIDAY", "9", "17:10"),
        ],
        "dateOverrides": [
            date_override("2026-12-24", Some(("10:00", "10:00"))),
            { "date": "2026-02-30", "windows": [
                { "start": "08:00", "end": "10:00" }, { "start": "12:00", "end": "25:00" },
                { "start": "09:45", "end": "11:00" },
            ], "reason": "r".repeat(501) },
            date_override("2026-12-24", None),
            date_override("2100-01-01", None),
        ],
    });
    let payload = admin.run("createSchedule", input).await;
    let mut places = refusals(&payload);
    places.sort_unstable();
    let expected = [
        "dateOverrides.0.windows.0.end",
        "dateOverrides.1.date",
        "dateOverrides.1.reason",
        "dateOverrides.1.windows.1.end",
        "dateOverrides.1.windows.2",
        "dateOverrides.2.date",
        "dateOverrides.3.date",
        "name",
        "timeZone",
        "weeklyHours.1.end",
        "weeklyHours.2",
        "weeklyHours.3.end",
        "weeklyHours.3.start",
    ];
    let expected = expected.map(|field| ("INVALID", field));
    assert_eq!(places, of(&expected), "{payload}");

    let made = admin.run_well("createSchedule", plain("Hours")).await["schedule"].clone();
    let update = json!({
        "id": made["id"], "expectedUpdatedAt": "yesterday", "name": "two\nlines", "timeZone": null,
        "weeklyHours": [weekly("MONDAY", "24:00", "00:00")],
    });
    let wrong = refusals(&admin.run("updateSchedule", update).await);
    let expected = ["expectedUpdatedAt", "name", "timeZone", "weeklyHours.0.end"];
    assert_eq!(wrong, of(&expected.map(|field| ("INVALID", field))));
    let set = json!({ "scheduleId": made["id"], "overrides": [
        date_override("soon", None), date_override(DAY, Some(("09:05", "10:00"))), date_override(DAY, None),
    ] });
    let wrong = refusals(&admin.run("setDateOverrides", set).await);
    let expected = ["overrides.0.date", "overrides.1.windows.0.start", "overrides.2.date"];
    assert_eq!(wrong, of(&expected.map(|field| ("INVALID", field))));
    let remove = json!({ "scheduleId": made["id"], "dates": [DAY, "1999-12-31", "x"] });
    let wrong = refusals(&admin.run("removeDateOverrides", remove).await);
    assert_eq!(wrong, of(&["dates.1", "dates.2"].map(|field| ("INVALID", field))));
    assert_eq!(read(&server, made["id"].as_str().unwrap()).await, made);
}

/// The wall time so many quarter hours after midnight.
fn quarter(number: usize) -> String {
    format!("{:02}:{:02}", number / 4, number % 4 * 15)
}

/// So many windows of one date.
fn of_date(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({ "start": quarter(n), "end": quarter(n + 1) })).collect()
}

/// Dates from 2027 on that have so many windows together, twenty on each.
fn open_dates(windows: usize) -> Vec<Value> {
    let mut dates = closed_dates(windows.div_ceil(20));
    for (place, date) in dates.iter_mut().enumerate() {
        date["windows"] = json!(of_date((windows - place * 20).min(20)));
    }
    dates
}

#[tokio::test]
async fn what_is_wrong_with_a_change_and_that_it_comes_too_late_are_told_together() {
    const LONG_AGO: &str = "2026-01-01T00:00:01Z";
    let server = studios().await;
    let admin = server.runner();
    let before = read(&server, "sch_a").await;
    let stale = ("STALE", "expectedUpdatedAt");
    let attempts = [
        (
            "updateSchedule",
            "id",
            json!({ "name": " ", "timeZone": "Mars/Olympus", "expectedUpdatedAt": LONG_AGO }),
            vec![("INVALID", "name"), ("INVALID", "timeZone")],
        ),
        (
            "setDateOverrides",
            "scheduleId",
            json!({ "overrides": [date_override("soon", None)], "expectedUpdatedAt": LONG_AGO }),
            vec![("INVALID", "overrides.0.date")],
        ),
        (
            "removeDateOverrides",
            "scheduleId",
            json!({ "dates": ["soon"], "expectedUpdatedAt": LONG_AGO }),
            vec![("INVALID", "dates.0")],
        ),
    ];
    for (mutation, by, mut input, problems) in attempts {
        input[by] = json!("sch_a");
        let told = refusals(&admin.run(mutation, input.clone()).await);
        assert_eq!(told, of(&[&problems[..], &[stale]].concat()), "{mutation}");
        // Of what does not exist, nobody can have changed anything.
        input[by] = json!("sch_0");
        let told = refusals(&admin.run(mutation, input).await);
        assert_eq!(told, of(&[&problems[..], &[("NOT_FOUND", by)]].concat()), "{mutation}");
    }
    assert_eq!(read(&server, "sch_a").await, before);
}

#[tokio::test]
async fn a_flood_of_problems_is_answered_by_a_hundred_of_them() {
    let server = studios().await;
    let admin = server.runner();
    let windows = vec![json!({ "start": "x", "end": "x" }); 4];
    let overrides: Vec<Value> = (0..1000).map(|_| json!({ "date": "x", "windows": windows })).collect();
    let set = json!({ "scheduleId": "sch_a", "overrides": overrides });
    let told = refusals(&admin.run("setDateOverrides", set).await);
    assert_eq!(told.len(), 101);
    assert_eq!(told[99], of(&[("INVALID", "overrides.11.date")])[0]);
    assert_eq!(told[100], of(&[("INVALID", "")])[0]);
}

#[tokio::test]
async fn names_reasons_and_numbers_of_windows_and_dates_have_limits() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let windows = |count: usize| -> Vec<Value> {
        let days = ["MONDAY", "TUESDAY"];
        (0..count).map(|n| weekly(days[n / 96], &quarter(n % 96), &quarter(n % 96 + 1))).collect()
    };
    let with = |name: &str, value: Value| {
        let mut input = plain("Hours");
        input[name] = value;
        input
    };
    let dated = |windows: Vec<Value>, reason: String| {
        with("dateOverrides", json!([{ "date": DAY, "windows": windows, "reason": reason }]))
    };
    for (fits, too_much, problem) in [
        (with("name", json!("ä".repeat(120))), with("name", json!("ä".repeat(121))), ("INVALID", "name")),
        (
            with("weeklyHours", json!(windows(100))),
            with("weeklyHours", json!(windows(101))),
            ("INVALID", "weeklyHours"),
        ),
        (
            dated(of_date(24), "r".repeat(500)),
            dated(of_date(25), "r".repeat(500)),
            ("INVALID", "dateOverrides.0.windows"),
        ),
        (dated(vec![], "r".repeat(500)), dated(vec![], "r".repeat(501)), ("INVALID", "dateOverrides.0.reason")),
        (
            with("dateOverrides", json!(open_dates(4000))),
            with("dateOverrides", json!(open_dates(4001))),
            ("LIMIT_EXCEEDED", "dateOverrides"),
        ),
        (
            with("dateOverrides", json!(closed_dates(1000))),
            with("dateOverrides", json!(closed_dates(1001))),
            ("LIMIT_EXCEEDED", "dateOverrides"),
        ),
    ] {
        admin.run_well("createSchedule", fits).await;
        assert_eq!(refusals(&admin.run("createSchedule", too_much).await), of(&[problem]));
    }
}

#[tokio::test]
async fn a_schedule_has_no_more_than_a_thousand_dates_however_they_come() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let mut input = plain("Hours");
    input["dateOverrides"] = json!(closed_dates(999));
    let made = admin.run_well("createSchedule", input).await["schedule"].clone();
    let set = |overrides: Vec<Value>| json!({ "scheduleId": made["id"], "overrides": overrides });
    let more = vec![date_override("2026-12-24", None), date_override("2026-12-25", None)];
    let too_many = admin.run("setDateOverrides", set(more.clone())).await;
    assert_eq!(refusals(&too_many), of(&[("LIMIT_EXCEEDED", "overrides")]));
    assert_eq!(read(&server, made["id"].as_str().unwrap()).await, made);
    // What replaces a date adds none.
    admin.run_well("setDateOverrides", set(vec![more[0].clone(), date_override("2027-01-01", None)])).await;
    let too_many = admin.run("setDateOverrides", set(closed_dates(1001))).await;
    assert_eq!(refusals(&too_many), of(&[("LIMIT_EXCEEDED", "overrides")]));
    admin.run_well("removeDateOverrides", json!({ "scheduleId": made["id"], "dates": ["2027-01-01"] })).await;
    let full = admin.run_well("setDateOverrides", set(more)).await["schedule"].clone();
    assert_eq!(full["dateOverrides"].as_array().unwrap().len(), 1000);
    assert_eq!(read(&server, made["id"].as_str().unwrap()).await, full);
    // All at once, each with another content.
    let open = |date: &Value| date_override(date["date"].as_str().unwrap(), Some(("08:00", "20:00")));
    let all: Vec<Value> = full["dateOverrides"].as_array().unwrap().iter().map(open).collect();
    let opened = admin.run_well("setDateOverrides", set(all.clone())).await["schedule"].clone();
    assert_eq!(opened["dateOverrides"], json!(all));
    assert_eq!(read(&server, made["id"].as_str().unwrap()).await, opened);
}

#[tokio::test]
async fn the_overrides_of_a_schedule_have_no_more_than_four_thousand_windows_however_they_come() {
    let server = TestServer::start().await;
    let admin = server.runner();
    let mut input = plain("Hours");
    input["dateOverrides"] = json!(open_dates(3_999));
    let made = admin.run_well("createSchedule", input).await["schedule"].clone();
    let set = |overrides: Vec<Value>| json!({ "scheduleId": made["id"], "overrides": overrides });
    let of_eve = |count: usize| vec![json!({ "date": "2026-12-24", "windows": of_date(count) })];
    let too_many = admin.run("setDateOverrides", set(of_eve(2))).await;
    assert_eq!(refusals(&too_many), of(&[("LIMIT_EXCEEDED", "overrides")]));
    assert_eq!(read(&server, made["id"].as_str().unwrap()).await, made);
    admin.run_well("setDateOverrides", set(of_eve(1))).await;
    // What closes a date makes room.
    admin.run_well("setDateOverrides", set(closed_dates(1))).await;
    admin.run_well("setDateOverrides", set(of_eve(21))).await;
}

#[tokio::test]
async fn an_organization_has_no_more_than_a_thousand_schedules() {
    let server = studios().await;
    let template = server.store.reader().schedule(&"default".into(), &"sch_a".into()).await.unwrap().unwrap();
    let fill = |tx: Tx| {
        let template = template.clone();
        async move {
            for number in 0..997 {
                tx.insert_schedule(&Schedule { id: format!("sch_{number}").into(), ..template.clone() }).await?;
            }
            Ok::<_, StoreError>(())
        }
    };
    server.store.write(fill).await.unwrap();
    let admin = server.runner();
    // Beside those of both studios.
    let last = admin.run_well("createSchedule", plain("The last")).await["schedule"]["id"].clone();
    assert_eq!(refusals(&admin.run("createSchedule", plain("One more")).await), of(&[("LIMIT_EXCEEDED", "")]));
    let elsewhere = server.signed_in("boss", Role::Admin, "org_x");
    elsewhere.run_well("createSchedule", plain("Theirs")).await;
    admin.run_well("deleteSchedule", json!({ "id": last })).await;
    admin.run_well("createSchedule", plain("One more")).await;
}
