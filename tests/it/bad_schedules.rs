//! What people get wrong in schedules: each problem has its place, all are told at once, and nothing has changed.

use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::schedules::{admin, change, changed, closed_dates, date_override, plain, read, refused, weekly};
use crate::support::studios::DAY;

#[tokio::test]
async fn all_that_is_wrong_with_a_schedule_is_told_at_once_and_each_with_its_place() {
    let server = TestServer::start().await;
    let admin = admin(&server);
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
    let payload = change(&admin, "createSchedule", input).await;
    let mut places = refused(&payload);
    places.sort_unstable();
    let expected = [
        "input.dateOverrides.0.windows.0.end INVALID",
        "input.dateOverrides.1.date INVALID",
        "input.dateOverrides.1.reason INVALID",
        "input.dateOverrides.1.windows.1.end INVALID",
        "input.dateOverrides.1.windows.2 INVALID",
        "input.dateOverrides.2.date INVALID",
        "input.dateOverrides.3.date INVALID",
        "input.name INVALID",
        "input.timeZone INVALID",
        "input.weeklyHours.1.end INVALID",
        "input.weeklyHours.2 INVALID",
        "input.weeklyHours.3.end INVALID",
        "input.weeklyHours.3.start INVALID",
    ];
    assert_eq!(places, expected, "{payload}");

    let made = changed(&admin, "createSchedule", plain("Hours")).await;
    let update = json!({
        "id": made["id"], "expectedUpdatedAt": "yesterday", "name": "two\nlines", "timeZone": null,
        "weeklyHours": [weekly("MONDAY", "24:00", "00:00")],
    });
    let wrong = refused(&change(&admin, "updateSchedule", update).await);
    let expected = ["expectedUpdatedAt", "name", "timeZone", "weeklyHours.0.end"];
    assert_eq!(wrong, expected.map(|field| format!("input.{field} INVALID")));
    let set = json!({ "scheduleId": made["id"], "overrides": [
        date_override("soon", None), date_override(DAY, Some(("09:05", "10:00"))), date_override(DAY, None),
    ] });
    let wrong = refused(&change(&admin, "setDateOverrides", set).await);
    let expected = ["overrides.0.date", "overrides.1.windows.0.start", "overrides.2.date"];
    assert_eq!(wrong, expected.map(|field| format!("input.{field} INVALID")));
    let remove = json!({ "scheduleId": made["id"], "dates": [DAY, "1999-12-31", "x"] });
    let wrong = refused(&change(&admin, "removeDateOverrides", remove).await);
    assert_eq!(wrong, ["dates.1", "dates.2"].map(|field| format!("input.{field} INVALID")));
    assert_eq!(read(&server, made["id"].as_str().unwrap()).await, made);
}

#[tokio::test]
async fn names_reasons_and_numbers_of_windows_and_dates_have_limits() {
    let server = TestServer::start().await;
    let admin = admin(&server);
    let quarter = |number: usize| format!("{:02}:{:02}", number / 4, number % 4 * 15);
    let windows = |count: usize| -> Vec<Value> {
        let days = ["MONDAY", "TUESDAY"];
        (0..count).map(|n| weekly(days[n / 96], &quarter(n % 96), &quarter(n % 96 + 1))).collect()
    };
    let of_date = |count: usize| -> Vec<Value> {
        (0..count).map(|n| json!({ "start": quarter(n % 96), "end": quarter(n % 96 + 1) })).collect()
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
        (with("name", json!("ä".repeat(120))), with("name", json!("ä".repeat(121))), "name INVALID"),
        (with("weeklyHours", json!(windows(100))), with("weeklyHours", json!(windows(101))), "weeklyHours INVALID"),
        (dated(of_date(96), "r".repeat(500)), dated(of_date(97), "r".repeat(500)), "dateOverrides.0.windows INVALID"),
        (dated(vec![], "r".repeat(500)), dated(vec![], "r".repeat(501)), "dateOverrides.0.reason INVALID"),
        (
            with("dateOverrides", json!(closed_dates(1000))),
            with("dateOverrides", json!(closed_dates(1001))),
            "dateOverrides LIMIT_EXCEEDED",
        ),
    ] {
        changed(&admin, "createSchedule", fits).await;
        let refusals = refused(&change(&admin, "createSchedule", too_much).await);
        assert_eq!(refusals, [format!("input.{problem}")]);
    }
}

#[tokio::test]
async fn a_schedule_has_no_more_than_a_thousand_dates_however_they_come() {
    let server = TestServer::start().await;
    let admin = admin(&server);
    let mut input = plain("Hours");
    input["dateOverrides"] = json!(closed_dates(999));
    let made = changed(&admin, "createSchedule", input).await;
    let set = |overrides: Vec<Value>| json!({ "scheduleId": made["id"], "overrides": overrides });
    let more = vec![date_override("2026-12-24", None), date_override("2026-12-25", None)];
    let too_many = change(&admin, "setDateOverrides", set(more.clone())).await;
    assert_eq!(refused(&too_many), ["input.overrides LIMIT_EXCEEDED"]);
    assert_eq!(read(&server, made["id"].as_str().unwrap()).await, made);
    // What replaces a date adds none.
    changed(&admin, "setDateOverrides", set(vec![more[0].clone(), date_override("2027-01-01", None)])).await;
    let too_many = change(&admin, "setDateOverrides", set(closed_dates(1001))).await;
    assert_eq!(refused(&too_many), ["input.overrides LIMIT_EXCEEDED"]);
    changed(&admin, "removeDateOverrides", json!({ "scheduleId": made["id"], "dates": ["2027-01-01"] })).await;
    let full = changed(&admin, "setDateOverrides", set(more)).await;
    assert_eq!(full["dateOverrides"].as_array().unwrap().len(), 1000);
    assert_eq!(read(&server, made["id"].as_str().unwrap()).await, full);
    // All at once, each with another content.
    let open = |date: &Value| date_override(date["date"].as_str().unwrap(), Some(("08:00", "20:00")));
    let all: Vec<Value> = full["dateOverrides"].as_array().unwrap().iter().map(open).collect();
    let opened = changed(&admin, "setDateOverrides", set(all.clone())).await;
    assert_eq!(opened["dateOverrides"], json!(all));
    assert_eq!(read(&server, made["id"].as_str().unwrap()).await, opened);
}
