//! Schedules, as admins change them.

use serde_json::{Value, json};

use super::TestServer;
use super::running::SCHEDULE;

/// A schedule as staff read it.
pub async fn read(server: &TestServer, id: &str) -> Value {
    let query = format!("query ($id: ID!) {{ {} }}", SCHEDULE.replacen("schedule", "schedule(id: $id)", 1));
    server.staff().ask(&query, json!({ "id": id })).await["schedule"].clone()
}

/// A window of every week.
pub fn weekly(weekday: &str, start: &str, end: &str) -> Value {
    json!({ "weekday": weekday, "start": start, "end": end })
}

/// A date override with one window, or closed.
pub fn date_override(date: &str, window: Option<(&str, &str)>) -> Value {
    let windows: Vec<Value> = window.into_iter().map(|(start, end)| json!({ "start": start, "end": end })).collect();
    json!({ "date": date, "windows": windows, "reason": null })
}

/// So many dates from 2027 on, all closed.
pub fn closed_dates(count: usize) -> Vec<Value> {
    let first = "2027-01-01".parse::<chrono::NaiveDate>().unwrap();
    first.iter_days().take(count).map(|date| date_override(&date.to_string(), None)).collect()
}

/// The input of `createSchedule` for Mondays.
pub fn plain(name: &str) -> Value {
    json!({ "name": name, "timeZone": "Europe/Berlin", "weeklyHours": [weekly("MONDAY", "09:00", "17:00")] })
}
