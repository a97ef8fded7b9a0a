//! Schedules, as admins change them.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use super::{Actor, TestServer};

const SHOWN: &str = "id organizationId name timeZone weeklyHours { weekday start end }
    dateOverrides { date windows { start end } reason } createdAt updatedAt";

/// An admin of the default organization.
pub fn admin(server: &TestServer) -> Actor {
    server.signed_in("boss", Role::Admin, "default")
}

/// The payload of a mutation of schedules.
pub async fn change(actor: &Actor, mutation: &str, input: Value) -> Value {
    let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let payload = if mutation == "deleteSchedule" { "deletedId".to_owned() } else { format!("schedule {{ {SHOWN} }}") };
    let query = format!(
        "mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ {payload} userErrors {{ code message field }} }} }}"
    );
    actor.ask(&query, json!({ "input": input })).await[mutation].clone()
}

/// What a mutation that must succeed made of the schedule.
pub async fn changed(actor: &Actor, mutation: &str, input: Value) -> Value {
    let payload = change(actor, mutation, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    payload["schedule"].clone()
}

/// A schedule as staff read it.
pub async fn read(server: &TestServer, id: &str) -> Value {
    let query = format!("query ($id: ID!) {{ schedule(id: $id) {{ {SHOWN} }} }}");
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

/// The fields that were refused, as paths, each with its code.
#[track_caller]
pub fn refused(payload: &Value) -> Vec<String> {
    assert!(payload["schedule"].is_null(), "{payload}");
    let path = |error: &Value| {
        let steps: Vec<&str> = error["field"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
        assert!(error["message"].as_str().unwrap().len() > 10, "{error}");
        format!("{} {}", steps.join("."), error["code"].as_str().unwrap())
    };
    payload["userErrors"].as_array().unwrap().iter().map(path).collect()
}
