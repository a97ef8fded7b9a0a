//! Schedules as the audit log shows them.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use crate::domain::audit::AuditFields;
use crate::domain::schedule::{DateOverride, DayHours, Schedule, Window};

/// How many dates a line tells of at the most, so that no line is much larger than others.
const MAX_DATES: usize = 100;
/// What stands beside the dates that are told: how many more there are.
const MORE: &str = "more";
/// Names of the days of the week, Monday first, as the API has them.
const WEEKDAYS: [&str; 7] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

/// A schedule that was made or removed, with its overrides by their dates.
pub(super) fn whole(schedule: &Schedule) -> AuditFields {
    shown(schedule, &schedule.overrides.keys().copied().collect())
}

/// A schedule before and after a change, with the overrides that differ.
pub(super) fn both(before: &Schedule, after: &Schedule) -> (AuditFields, AuditFields) {
    let differing = before.overrides_unlike(after).chain(after.overrides_unlike(before));
    let dates = differing.map(|(date, _)| *date).collect();
    (shown(before, &dates), shown(after, &dates))
}

/// A schedule with its overrides on the first [`MAX_DATES`] of these dates, and how many it has on the others.
fn shown(schedule: &Schedule, dates: &BTreeSet<NaiveDate>) -> AuditFields {
    // What somebody adds to a schedule shows in the log, or is left out here on purpose.
    let Schedule { id: _, organization_id: _, name, time_zone, weekly, overrides, created_at: _, updated_at: _ } =
        schedule;
    let mut fields = AuditFields::new();
    fields.insert("name".to_owned(), json!(name));
    fields.insert("timeZone".to_owned(), json!(time_zone.name()));
    fields.insert("weeklyHours".to_owned(), shown_week(weekly));
    let told = dates.iter().take(MAX_DATES).filter_map(|date| overrides.get_key_value(date));
    let mut told: Map<String, Value> =
        told.map(|(date, date_override)| (date.to_string(), shown_override(date_override))).collect();
    let more = dates.iter().skip(MAX_DATES).filter(|date| overrides.contains_key(date)).count();
    if more > 0 {
        told.insert(MORE.to_owned(), json!(more));
    }
    if !told.is_empty() {
        fields.insert("dateOverrides".to_owned(), told.into());
    }
    fields
}

fn shown_week(weekly: &[DayHours; 7]) -> Value {
    let window = |weekday: &str, window: &Window| json!({ "weekday": weekday, "start": window.start().to_string(), "end": window.end().to_string() });
    let days = WEEKDAYS.into_iter().zip(weekly);
    days.flat_map(|(weekday, hours)| hours.windows().iter().map(move |of_day| window(weekday, of_day))).collect()
}

fn shown_override(date_override: &DateOverride) -> Value {
    let DateOverride { hours, reason } = date_override;
    let windows: Vec<Value> = hours
        .windows()
        .iter()
        .map(|window| json!({ "start": window.start().to_string(), "end": window.end().to_string() }))
        .collect();
    json!({ "windows": windows, "reason": reason })
}
