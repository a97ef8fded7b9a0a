//! What the rules say, worked out the slow and obvious way: for each start by itself, minute by minute.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::super::OfferedSlot;
use super::scenario::Scenario;
use crate::domain::quantum::Quantum;
use crate::domain::refusal::Refusal;
use crate::domain::schedule::OpenHours;

const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// The first instant at which the wall has come to `wall`, looked for minute by minute.
pub(super) fn instant_of(zone: Tz, wall: NaiveDateTime) -> DateTime<Utc> {
    let shown = |instant: DateTime<Utc>| instant.with_timezone(&zone).naive_local();
    let (first, last) = (wall.and_utc() - TimeDelta::hours(40), wall.and_utc() + TimeDelta::hours(40));
    let offset = shown(first) - first.naive_utc();
    if shown(last) - last.naive_utc() == offset {
        return (wall - offset).and_utc();
    }
    let mut instant = first;
    while shown(instant) < wall {
        instant += MINUTE;
    }
    instant
}

pub(super) fn midnight(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    instant_of(zone, date.and_hms_opt(0, 0, 0).unwrap())
}

/// The date whose day holds `instant`, looked for among the neighbours of its UTC date.
fn date_of(zone: Tz, instant: DateTime<Utc>) -> NaiveDate {
    let mut date = instant.date_naive() - Days::new(2);
    while midnight(zone, date + Days::new(1)) <= instant {
        date = date + Days::new(1);
    }
    date
}

fn is_quarter(instant: DateTime<Utc>) -> bool {
    instant.minute().is_multiple_of(15) && instant.second() == 0 && instant.nanosecond() == 0
}

fn rounded(mut instant: DateTime<Utc>, step: TimeDelta) -> DateTime<Utc> {
    while !is_quarter(instant) {
        instant += step;
    }
    instant
}

/// All runs that begin from `first` to `last`, as instants on the quarter hour.
fn runs(open: &OpenHours, first: NaiveDate, last: NaiveDate) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut walls: Vec<(NaiveDateTime, NaiveDateTime)> = Vec::new();
    for date in first.iter_days().take_while(|date| *date <= last) {
        for window in open.windows_on(date) {
            let minutes = |quarters: u8| TimeDelta::minutes(i64::from(quarters) * 15);
            let midnight = date.and_hms_opt(0, 0, 0).unwrap();
            let (start, end) =
                (midnight + minutes(window.start().quarters()), midnight + minutes(window.end().quarters()));
            match walls.last_mut() {
                Some(wall) if wall.1 == start => wall.1 = end,
                _ => walls.push((start, end)),
            }
        }
    }
    let zone = open.zone();
    walls
        .into_iter()
        .map(|(start, end)| (rounded(instant_of(zone, start), MINUTE), rounded(instant_of(zone, end), -MINUTE)))
        .filter(|(start, end)| start < end)
        .collect()
}

/// Every start of the grid that fits, on the scenario's day, with what is to be said of it.
pub(super) fn all(scenario: &Scenario) -> Vec<OfferedSlot> {
    let Scenario { terms, zone, date, .. } = scenario;
    let duration = TimeDelta::minutes(terms.duration_minutes.into());
    let (from, to) = (midnight(*zone, *date), midnight(*zone, *date + Days::new(1)));
    let first = *date - Days::new(4);
    let last = *date + Days::new(5) + Days::new(u64::from(terms.duration_minutes / 1440));

    let mut starts = Vec::new();
    for (run_start, run_end) in runs(&terms.open, first, last) {
        for day in first.iter_days().take(9) {
            let next = midnight(terms.open.zone(), day + Days::new(1));
            let mut start = rounded(run_start.max(midnight(terms.open.zone(), day)), MINUTE);
            while start < next && start + duration <= run_end {
                if from <= start && start < to {
                    starts.push(start);
                }
                start += TimeDelta::minutes(terms.interval_minutes.into());
            }
        }
    }
    starts.sort_unstable();
    for add_on in &terms.add_ons {
        let runs = runs(&add_on.open, first, last);
        starts.retain(|start| runs.iter().any(|(from, to)| from <= start && *start + duration <= *to));
    }
    starts.into_iter().map(|start| slot(scenario, start, start + duration)).collect()
}

fn slot(scenario: &Scenario, start: DateTime<Utc>, end: DateTime<Utc>) -> OfferedSlot {
    let Scenario { terms, now, .. } = scenario;
    let rules = terms.event_type.as_deref();
    let minutes = |minutes: Option<u32>| TimeDelta::minutes(minutes.unwrap_or(0).into());
    let notice = minutes(rules.map(|rules| rules.min_notice_minutes));
    let occupied_from = start - minutes(rules.map(|rules| rules.buffer_before_minutes));
    let occupied_to = end + minutes(rules.map(|rules| rules.buffer_after_minutes));
    let horizon = rules.and_then(|rules| rules.max_days_ahead).map(|days| {
        let zone = terms.primary.time_zone;
        midnight(zone, date_of(zone, *now) + Days::new(u64::from(days) + 1))
    });

    let most_taken = |item: usize| {
        let (first, last) = (Quantum::containing(occupied_from), Quantum::at_or_after(occupied_to));
        let taken = |quantum: i64| {
            let there = scenario
                .booked
                .iter()
                .filter(|(booked, span, _)| *booked == item && span.start.0 <= quantum && quantum < span.end.0);
            there.map(|(_, _, units)| units).sum::<u32>()
        };
        (first.0..last.0).map(taken).max().unwrap_or(0)
    };
    let items: Vec<_> = terms.items().enumerate().collect();
    let unavailable = if start < *now {
        Some(Refusal::InThePast)
    } else if start < *now + notice {
        Some(Refusal::TooSoon)
    } else if horizon.is_some_and(|horizon| start >= horizon) {
        Some(Refusal::TooFarAhead)
    } else if items.iter().any(|(_, (resource, quantity))| *quantity > resource.quantity) {
        Some(Refusal::NotEnoughUnits)
    } else if items.iter().any(|(item, (resource, quantity))| most_taken(*item) + quantity > resource.quantity) {
        Some(Refusal::SlotTaken)
    } else {
        None
    };
    OfferedSlot { start, end, remaining: terms.primary.quantity - most_taken(0), unavailable }
}
