//! What people get wrong in schedules: all of it found at once, each with its place.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;

use super::{Change, CreateSchedule, GivenOverride, GivenWeeklyWindow, GivenWindow, UpdateSchedule, require_room};
use crate::domain::schedule::{DateOverride, DayHours, Window, overlaps};
use crate::service::administration::fields::MAX_NAME;
use crate::service::input::{Given, Problems};
use crate::store::DateOverrides;

/// The longest reason of a date override, in characters.
const MAX_REASON: usize = 500;
/// Windows in a week at the most.
const MAX_WEEKLY_WINDOWS: usize = 100;
/// Windows on a date at the most.
const MAX_DATE_WINDOWS: usize = 24;

/// A schedule to be made, in good form.
#[derive(Clone, Debug)]
pub(super) struct NewSchedule {
    pub(super) name: String,
    pub(super) time_zone: Tz,
    pub(super) weekly: [DayHours; 7],
    pub(super) overrides: DateOverrides,
}

/// What is to change of a schedule, in good form.
#[derive(Clone, Debug)]
pub(super) struct ScheduleChanges {
    pub(super) name: Change<String>,
    pub(super) time_zone: Change<Tz>,
    pub(super) weekly: Change<[DayHours; 7]>,
}

/// The schedule that is to be made, which is there unless something is wrong with it.
pub(super) fn new_schedule(given: CreateSchedule, problems: &mut Problems) -> Option<NewSchedule> {
    let CreateSchedule { name, time_zone, weekly_hours, date_overrides } = given;
    problems.line(&["name"], Some(&name), MAX_NAME);
    let time_zone = problems.take(&["timeZone"], time_zone);
    let weekly = read_week(problems, weekly_hours);
    let overrides = overrides(problems, "dateOverrides", date_overrides);
    time_zone.map(|time_zone| NewSchedule { name, time_zone, weekly, overrides })
}

/// When the schedule is expected to have changed last, and what is to change.
pub(super) fn changes(given: UpdateSchedule, problems: &mut Problems) -> (Option<DateTime<Utc>>, ScheduleChanges) {
    let UpdateSchedule { id: _, expected_updated_at, name, time_zone, weekly_hours } = given;
    let expected = problems.expected_updated_at(expected_updated_at);
    let name = problems.never_null("name", name);
    problems.name("name", &name);
    let time_zone = problems.never_null("timeZone", time_zone);
    let time_zone = problems.well_formed("timeZone", time_zone);
    let weekly = problems.never_null("weeklyHours", weekly_hours).map(|given| read_week(problems, given));
    (expected, ScheduleChanges { name, time_zone, weekly })
}

/// The dates that the list `field` gives.
pub(super) fn dates(problems: &mut Problems, field: &str, given: Vec<Given<NaiveDate>>) -> BTreeSet<NaiveDate> {
    let mut dates = BTreeSet::new();
    for (place, date) in given.into_iter().enumerate() {
        dates.extend(problems.take(&[field, &place.to_string()], date));
    }
    dates
}

fn read_week(problems: &mut Problems, given: Vec<GivenWeeklyWindow>) -> [DayHours; 7] {
    const FIELD: &str = "weeklyHours";
    let mut days: [Vec<(usize, Window)>; 7] = Default::default();
    if given.len() > MAX_WEEKLY_WINDOWS {
        problems.note(&[FIELD], format!("`{FIELD}` may have at most {MAX_WEEKLY_WINDOWS} windows. Join some of them."));
        return Default::default();
    }
    for (place, GivenWeeklyWindow { weekday, window }) in given.into_iter().enumerate() {
        let window = read_window(problems, &[FIELD, &place.to_string()], window);
        days[weekday_number(weekday)].extend(window.map(|window| (place, window)));
    }
    days.map(|windows| read_day(problems, &[FIELD], &windows))
}

fn weekday_number(weekday: Weekday) -> usize {
    weekday.num_days_from_monday() as usize
}

/// The overrides that the list `field` gives.
pub(super) fn overrides(problems: &mut Problems, field: &str, given: Vec<GivenOverride>) -> DateOverrides {
    let mut overrides = DateOverrides::new();
    let windows = given.iter().map(|of_date| of_date.windows.len()).sum();
    if let Err(too_many) = require_room(field, given.len(), windows) {
        problems.refuse(too_many);
        return overrides;
    }
    for (place, GivenOverride { date, windows, reason }) in given.into_iter().enumerate() {
        let path = [field, &place.to_string()];
        let date = problems.take(&below(&path, &["date"]), date);
        let hours = read_hours(problems, &below(&path, &["windows"]), windows);
        problems.text(&below(&path, &["reason"]), reason.as_deref(), MAX_REASON, true);
        let Some(date) = date else { continue };
        if overrides.insert(date, DateOverride { hours, reason }).is_some() {
            let message = format!("{date} is given twice. Give each date once, with all of its windows.");
            problems.note(&below(&path, &["date"]), message);
        }
    }
    overrides
}

/// The hours of one date, whose windows stand at `path`.
fn read_hours(problems: &mut Problems, path: &[&str], given: Vec<GivenWindow>) -> DayHours {
    if given.len() > MAX_DATE_WINDOWS {
        problems.note(path, format!("A date may have at most {MAX_DATE_WINDOWS} windows. Join some of them."));
        return DayHours::default();
    }
    let mut windows = Vec::with_capacity(given.len());
    for (place, window) in given.into_iter().enumerate() {
        let window = read_window(problems, &below(path, &[&place.to_string()]), window);
        windows.extend(window.map(|window| (place, window)));
    }
    read_day(problems, path, &windows)
}

fn read_window(problems: &mut Problems, path: &[&str], given: GivenWindow) -> Option<Window> {
    let start = problems.take(&below(path, &["start"]), given.start);
    let end = problems.take(&below(path, &["end"]), given.end);
    let (start, end) = start.zip(end)?;
    let window = Window::new(start, end).map_err(|_| {
        format!("`end` must be later than `start`, {start}. Split a window that crosses midnight in two.")
    });
    problems.take(&below(path, &["end"]), window)
}

/// The windows of one day, each with its place in the list at `path`.
fn read_day(problems: &mut Problems, path: &[&str], windows: &[(usize, Window)]) -> DayHours {
    let of_day: Vec<Window> = windows.iter().map(|(_, window)| *window).collect();
    for (one, other) in overlaps(&of_day) {
        let (place, other) = (windows[one].0.to_string(), of_day[other]);
        let message =
            format!("It overlaps the window {}–{} of the same day. Join them into one.", other.start(), other.end());
        problems.note(&below(path, &[&place]), message);
    }
    // Where some overlap, the problem is noted, and the hours are of no use.
    DayHours::new(of_day).unwrap_or_default()
}

fn below<'a>(path: &[&'a str], steps: &[&'a str]) -> Vec<&'a str> {
    [path, steps].concat()
}
