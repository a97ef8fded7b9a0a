//! The one place where wall time becomes an instant, and an instant a local day.
//!
//! The rule: a wall time that does not exist means the end of the gap, one that occurs twice means its first
//! occurrence. Everything else here follows from it.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use super::quantum::{Quantum, QuantumSpan};
use super::schedule::WallTime;

/// The first date that can be asked about.
pub const FIRST_DATE: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a date of the calendar");
/// The last date that can be asked about.
pub const LAST_DATE: NaiveDate = NaiveDate::from_ymd_opt(2099, 12, 31).expect("a date of the calendar");

/// From when on the wall of one date may be showing time that belongs to the next: see [`local_date`].
const LATE: NaiveTime = NaiveTime::from_hms_opt(18, 0, 0).expect("a time of the day");

/// Whether `date` is one that can be asked about.
#[must_use]
pub fn date_in_range(date: NaiveDate) -> bool {
    (FIRST_DATE..=LAST_DATE).contains(&date)
}

/// Whether `instant` is one that can be asked about: its UTC date is.
#[must_use]
pub fn instant_in_range(instant: DateTime<Utc>) -> bool {
    date_in_range(instant.date_naive())
}

/// A half-open span of instants: `start` belongs to it, `end` does not.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct InstantSpan {
    /// The first instant.
    pub start: DateTime<Utc>,
    /// The first instant that no longer belongs to the span.
    pub end: DateTime<Utc>,
}

impl InstantSpan {
    /// The quanta that start in it: what can be a slot's start.
    #[must_use]
    pub fn starts(self) -> QuantumSpan {
        QuantumSpan::new(Quantum::at_or_after(self.start), Quantum::at_or_after(self.end))
    }

    /// The quanta of which it has any part.
    #[must_use]
    pub fn covering(self) -> QuantumSpan {
        QuantumSpan::covering(self.start, self.end)
    }
}

/// The instant that `time` on `date` means in `zone`.
#[must_use]
pub fn instant_of(zone: Tz, date: NaiveDate, time: WallTime) -> DateTime<Utc> {
    let (date, time) = time.on(date);
    instant_on_wall(zone, date.and_time(time))
}

/// The instant that `wall` means in `zone`: the rule itself.
#[must_use]
pub fn instant_on_wall(zone: Tz, wall: NaiveDateTime) -> DateTime<Utc> {
    if let Some(instant) = zone.from_local_datetime(&wall).earliest() {
        return instant.to_utc();
    }
    // In a gap. The clock jumps where its old offset ends, which is also where the first wall time after the gap is.
    let jump = GapInfo::new(&wall, &zone).and_then(|gap| gap.begin);
    jump.map_or(wall, |(wall, offset)| wall - offset.fix()).and_utc()
}

/// The first instant of `date` in `zone`.
#[must_use]
pub fn first_instant(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    instant_of(zone, date, WallTime::MIDNIGHT)
}

/// The local day: from the first instant of `date` to the first of the next date. Empty when the zone skipped it.
#[must_use]
pub fn local_day(zone: Tz, date: NaiveDate) -> InstantSpan {
    InstantSpan { start: first_instant(zone, date), end: first_instant(zone, days_after(date, 1)) }
}

/// The date whose [`local_day`] holds `instant`.
///
/// Where a zone sets its clock back over midnight, the wall shows the old date once more; the day that has
/// begun goes on all the same, so that each instant belongs to one date.
#[must_use]
pub fn local_date(zone: Tz, instant: DateTime<Utc>) -> NaiveDate {
    let shown = instant.with_timezone(&zone).naive_local();
    // No clock has been set back by more than a few hours: only late in a day can the next one have begun.
    let next = days_after(shown.date(), 1);
    if shown.time() >= LATE && first_instant(zone, next) <= instant { next } else { shown.date() }
}

/// The date `days` after `date`; where the calendar ends, its last date.
#[must_use]
pub fn days_after(date: NaiveDate, days: u32) -> NaiveDate {
    date.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX)
}

/// The date `days` before `date`; where the calendar begins, its first date.
#[must_use]
pub fn days_before(date: NaiveDate, days: u32) -> NaiveDate {
    date.checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use chrono_tz::{Africa, America, Europe, Pacific, TZ_VARIANTS};
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn instant(zone: Tz, day: &str, time: &str) -> String {
        instant_of(zone, date(day), time.parse().unwrap()).format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    fn hours(zone: Tz, day: &str) -> i64 {
        let day = local_day(zone, date(day));
        (day.end - day.start).num_hours()
    }

    #[test]
    fn a_time_that_does_not_exist_means_the_end_of_the_gap() {
        assert_eq!(instant(Europe::Berlin, "2027-03-28", "01:45"), "2027-03-28T00:45:00Z");
        for time in ["02:00", "02:15", "02:45", "03:00"] {
            assert_eq!(instant(Europe::Berlin, "2027-03-28", time), "2027-03-28T01:00:00Z");
        }
        assert_eq!(instant(America::New_York, "2027-03-14", "02:30"), "2027-03-14T07:00:00Z");
    }

    #[test]
    fn a_time_that_occurs_twice_means_its_first_occurrence() {
        assert_eq!(instant(Europe::Berlin, "2027-10-31", "02:00"), "2027-10-31T00:00:00Z");
        assert_eq!(instant(Europe::Berlin, "2027-10-31", "02:45"), "2027-10-31T00:45:00Z");
        assert_eq!(instant(Europe::Berlin, "2027-10-31", "03:00"), "2027-10-31T02:00:00Z");
    }

    #[test]
    fn the_end_of_a_day_is_the_next_midnight() {
        assert_eq!(instant(Europe::Berlin, "2027-12-31", "24:00"), "2027-12-31T23:00:00Z");
    }

    #[test]
    fn a_day_is_as_long_as_the_clock_makes_it() {
        assert_eq!(hours(Europe::Berlin, "2027-03-27"), 24);
        assert_eq!(hours(Europe::Berlin, "2027-03-28"), 23);
        assert_eq!(hours(Europe::Berlin, "2027-10-31"), 25);
    }

    #[test]
    fn a_day_without_midnight_starts_at_the_first_instant_that_exists() {
        // Cairo goes from 24:00 to 01:00.
        let day = local_day(Africa::Cairo, date("2027-04-30"));
        assert_eq!(day.start.to_rfc3339(), "2027-04-29T22:00:00+00:00");
        assert_eq!(hours(Africa::Cairo, "2027-04-30"), 23);
    }

    #[test]
    fn a_date_that_a_zone_skipped_is_empty() {
        let day = local_day(Pacific::Apia, date("2011-12-30"));
        assert_eq!(day.start, day.end);
        assert!(day.starts().is_empty());
        assert_eq!(day.end, local_day(Pacific::Apia, date("2011-12-31")).start);
    }

    #[test]
    fn a_day_that_has_begun_goes_on_when_the_clock_is_set_back_over_midnight() {
        // St. John's went from 00:01 back to 23:01.
        let zone = America::St_Johns;
        let begun = first_instant(zone, date("2009-11-01"));
        let repeated = begun + TimeDelta::minutes(20);
        assert_eq!(repeated.with_timezone(&zone).date_naive(), date("2009-10-31"));
        assert_eq!(local_date(zone, repeated), date("2009-11-01"));
    }

    proptest! {
        #[test]
        fn each_instant_belongs_to_the_one_day_that_holds_it(
            zone in any::<Index>(),
            seconds in 946_684_800_i64..4_102_444_800,
        ) {
            let zone = *zone.get(&TZ_VARIANTS);
            let instant = DateTime::from_timestamp(seconds, 0).unwrap();
            let date = local_date(zone, instant);
            let day = local_day(zone, date);
            prop_assert!(day.start <= instant && instant < day.end);
        }
    }

    #[test]
    fn days_follow_each_other_in_every_zone() {
        // Years with changes over midnight, with a skipped date, and with the rules of today.
        for (zone, year) in TZ_VARIANTS.into_iter().flat_map(|zone| [2009, 2011, 2027].map(|year| (zone, year))) {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            let mut end = first_instant(zone, first);
            for date in first.iter_days().take(366) {
                let day = local_day(zone, date);
                assert_eq!(day.start, end, "{zone} {date}");
                assert!(day.start <= day.end, "{zone} {date}");
                if day.start < day.end {
                    assert_eq!(local_date(zone, day.start), date, "{zone}");
                    assert_eq!(local_date(zone, day.end - TimeDelta::milliseconds(1)), date, "{zone}");
                }
                end = day.end;
            }
        }
    }
}
