//! How much of a span something is open.

use chrono::{DateTime, TimeDelta, Utc};

use super::local_time::InstantSpan;
use super::quantum::QuantumSpan;
use super::schedule::OpenHours;

/// What of a span is open, so that it can be told of any part of it how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTime(Vec<OpenRun>);

/// A stretch that is open, and how long was open before it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct OpenRun {
    span: InstantSpan,
    before: TimeDelta,
}

impl OpenTime {
    /// What of `span` is open by `hours`.
    #[must_use]
    pub fn of(hours: &OpenHours, span: InstantSpan) -> Self {
        let runs = match hours {
            OpenHours::Always(_) => vec![span],
            OpenHours::Scheduled(_) => {
                let runs = hours.runs(span.covering(), 0).into_iter();
                runs.map(|run| intersection(instants(run), span)).filter(|run| run.start < run.end).collect()
            }
        };
        let mut before = TimeDelta::zero();
        let counted = runs.into_iter().map(|span| {
            let run = OpenRun { span, before };
            before += span.end - span.start;
            run
        });
        Self(counted.collect())
    }

    /// How much of `part` is open.
    #[must_use]
    pub fn within(&self, part: InstantSpan) -> TimeDelta {
        (self.until(part.end) - self.until(part.start)).max(TimeDelta::zero())
    }

    /// How much is open before `instant`.
    fn until(&self, instant: DateTime<Utc>) -> TimeDelta {
        let begun = self.0.partition_point(|run| run.span.start < instant);
        let last = begun.checked_sub(1).and_then(|last| self.0.get(last));
        last.map_or(TimeDelta::zero(), |run| run.before + (instant.min(run.span.end) - run.span.start))
    }
}

/// The instants of some quanta.
fn instants(quanta: QuantumSpan) -> InstantSpan {
    InstantSpan { start: quanta.start_at(), end: quanta.end_at() }
}

/// What the two have in common; it ends before it starts where they are apart.
fn intersection(one: InstantSpan, other: InstantSpan) -> InstantSpan {
    InstantSpan { start: one.start.max(other.start), end: one.end.min(other.end) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use chrono_tz::Tz;

    use super::*;
    use crate::domain::schedule::{DateOverride, DayHours, Schedule, Window};

    fn span(start: &str, end: &str) -> InstantSpan {
        InstantSpan { start: start.parse().unwrap(), end: end.parse().unwrap() }
    }

    fn hours(windows: &[(&str, &str)]) -> DayHours {
        let windows = windows.iter().map(|(from, to)| Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap());
        DayHours::new(windows.collect()).unwrap()
    }

    fn open(zone: Tz, daily: &[(&str, &str)], closed: &[&str]) -> OpenHours {
        let epoch = DateTime::UNIX_EPOCH;
        OpenHours::Scheduled(Arc::new(Schedule {
            id: "sch_1".into(),
            organization_id: "org_1".into(),
            name: "Hours".to_owned(),
            time_zone: zone,
            weekly: std::array::from_fn(|_| hours(daily)),
            overrides: closed
                .iter()
                .map(|date| (date.parse().unwrap(), DateOverride::default()))
                .collect::<BTreeMap<_, _>>(),
            created_at: epoch,
            updated_at: epoch,
        }))
    }

    fn minutes(hours: &OpenHours, whole: InstantSpan) -> i64 {
        OpenTime::of(hours, whole).within(whole).num_minutes()
    }

    #[test]
    fn a_span_is_open_as_long_as_its_windows_are_clock_changes_counted() {
        let berlin = chrono_tz::Europe::Berlin;
        let day = open(berlin, &[("09:00", "12:00"), ("13:00", "22:00")], &["2026-12-24"]);
        let night = open(berlin, &[("00:00", "06:00")], &[]);
        for (hours, start, end, expected) in [
            (&day, "2026-12-01T23:00:00Z", "2026-12-02T23:00:00Z", 720),
            (&day, "2026-12-22T23:00:00Z", "2026-12-25T23:00:00Z", 2 * 720),
            // In the middle of windows, and of quarter hours.
            (&day, "2026-12-02T10:07:00Z", "2026-12-02T12:23:00Z", 53 + 23),
            (&day, "2026-12-02T11:00:00Z", "2026-12-02T12:00:00Z", 0),
            // The night of each clock change: an hour less, and an hour more.
            (&night, "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z", 300),
            (&night, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 420),
            (&OpenHours::Always(berlin), "2026-10-24T22:00:30Z", "2026-10-25T23:00:30Z", 1_500),
        ] {
            assert_eq!(minutes(hours, span(start, end)), expected, "{start}");
        }
    }

    #[test]
    fn the_parts_of_a_span_come_to_the_whole_wherever_it_is_cut() {
        let hours = open(chrono_tz::Australia::Lord_Howe, &[("00:00", "02:15"), ("10:00", "24:00")], &["2027-04-02"]);
        let whole = span("2027-03-30T01:10:00Z", "2027-04-07T05:00:00Z");
        let time = OpenTime::of(&hours, whole);
        let mut cut = whole.start;
        while cut < whole.end {
            let (before, after) = (InstantSpan { end: cut, ..whole }, InstantSpan { start: cut, ..whole });
            assert_eq!(time.within(before) + time.within(after), time.within(whole), "{cut}");
            // A part by itself is as much as the same part of the whole.
            assert_eq!(OpenTime::of(&hours, after).within(after), time.within(after), "{cut}");
            cut += TimeDelta::minutes(50);
        }
        let beyond = span("2027-04-08T00:00:00Z", "2027-04-09T00:00:00Z");
        assert_eq!(time.within(beyond), TimeDelta::zero());
    }
}
