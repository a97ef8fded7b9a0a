//! When something is open: weekly windows and date overrides, and the runs that they make.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use super::id::{OrganizationId, ScheduleId};
use super::local_time::{days_after, instant_of, local_date};
use super::quantum::{QUANTA_PER_DAY, Quantum, QuantumSpan};

/// A time on the wall, on the quarter hour, from `00:00` to `24:00` (the end of the day).
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u8);

impl WallTime {
    /// `00:00`.
    pub const MIDNIGHT: Self = Self(0);
    /// `24:00`.
    pub const END_OF_DAY: Self = Self(96);

    /// The time that is `quarters` quarter hours after midnight on the wall; `None` beyond 96.
    #[must_use]
    pub fn from_quarters(quarters: u8) -> Option<Self> {
        (quarters <= Self::END_OF_DAY.0).then_some(Self(quarters))
    }

    /// Quarter hours after midnight on the wall, 0 to 96.
    #[must_use]
    pub fn quarters(self) -> u8 {
        self.0
    }

    /// Where it is on the wall, for a day of `date`: `24:00` is the next date's midnight.
    #[must_use]
    pub fn on(self, date: NaiveDate) -> (NaiveDate, NaiveTime) {
        let seconds = u32::from(self.0) * 15 * 60;
        match NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0) {
            Some(time) => (date, time),
            None => (days_after(date, 1), NaiveTime::MIN),
        }
    }
}

/// Text that is no [`WallTime`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a wall time is written `HH:MM`, on the quarter hour, from `00:00` to `24:00`")]
pub struct WallTimeError;

impl FromStr for WallTime {
    type Err = WallTimeError;

    fn from_str(text: &str) -> Result<Self, WallTimeError> {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
        let &[h1, h0, b':', m1, m0] = text.as_bytes() else { return Err(WallTimeError) };
        let two = |tens, ones| Some(digit(tens)? * 10 + digit(ones)?);
        let (hours, minutes) = two(h1, h0).zip(two(m1, m0)).ok_or(WallTimeError)?;
        if hours > 24 || minutes >= 60 || minutes % 15 != 0 {
            return Err(WallTimeError);
        }
        Self::from_quarters(hours * 4 + minutes / 15).ok_or(WallTimeError)
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 4, self.0 % 4 * 15)
    }
}

/// A stretch of one day on the wall; it never crosses midnight, and is never empty.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    start: WallTime,
    end: WallTime,
}

impl Window {
    /// The whole day, midnight to midnight.
    pub const WHOLE_DAY: Self = Self { start: WallTime::MIDNIGHT, end: WallTime::END_OF_DAY };

    /// From `start` to `end`.
    ///
    /// # Errors
    /// [`WindowError::EndsBeforeStart`] unless it ends after it starts.
    pub fn new(start: WallTime, end: WallTime) -> Result<Self, WindowError> {
        if start < end { Ok(Self { start, end }) } else { Err(WindowError::EndsBeforeStart(start, end)) }
    }

    /// Where it starts.
    #[must_use]
    pub fn start(self) -> WallTime {
        self.start
    }

    /// Where it ends.
    #[must_use]
    pub fn end(self) -> WallTime {
        self.end
    }
}

/// Why windows do not make a day.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It does not end after it starts.
    #[error("the window {0}–{1} must end after it starts; split one that crosses midnight in two")]
    EndsBeforeStart(WallTime, WallTime),
    /// Two of one day overlap.
    #[error("the windows {}–{} and {}–{} overlap; join them into one", .0.start, .0.end, .1.start, .1.end)]
    Overlap(Window, Window),
}

/// The windows of one day: in order, and not overlapping. They may touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayHours(Vec<Window>);

impl DayHours {
    /// The windows in any order, put in order.
    ///
    /// # Errors
    /// [`WindowError::Overlap`] when two of them overlap.
    pub fn new(mut windows: Vec<Window>) -> Result<Self, WindowError> {
        windows.sort_unstable();
        match windows.iter().zip(windows.iter().skip(1)).find(|(one, next)| next.start < one.end) {
            Some((one, next)) => Err(WindowError::Overlap(*one, *next)),
            None => Ok(Self(windows)),
        }
    }

    /// The windows, in order; none when the day is closed.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.0
    }
}

/// Which of one day's windows overlap one that begins earlier, each with the place of such a one.
#[must_use]
pub fn overlaps(windows: &[Window]) -> Vec<(usize, usize)> {
    let mut places: Vec<usize> = (0..windows.len()).collect();
    places.sort_by_key(|place| (windows[*place], *place));
    let mut found = Vec::new();
    // The window that goes on for longest of those that began before.
    let mut longest: Option<usize> = None;
    for place in places {
        match longest {
            Some(earlier) if windows[place].start < windows[earlier].end => {
                found.push((place, earlier));
                if windows[earlier].end < windows[place].end {
                    longest = Some(place);
                }
            }
            _ => longest = Some(place),
        }
    }
    found
}

/// What replaces the weekly windows on one date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DateOverride {
    /// When it is open on that date; without windows it is closed.
    pub hours: DayHours,
    /// Why, for staff.
    pub reason: Option<String>,
}

/// When something is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its id.
    pub id: ScheduleId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Its name for staff.
    pub name: String,
    /// The zone of its windows and of the grid of starts.
    pub time_zone: Tz,
    /// The windows of each weekday, Monday first.
    pub weekly: [DayHours; 7],
    /// The dates that differ from the week; where only some of them were needed, no others are here.
    pub overrides: BTreeMap<NaiveDate, DateOverride>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Schedule {
    /// The windows of `date`: its override's, else its weekday's.
    #[must_use]
    pub fn windows_on(&self, date: NaiveDate) -> &[Window] {
        match self.overrides.get(&date) {
            Some(date_override) => date_override.hours.windows(),
            None => self.weekly.get(date.weekday().num_days_from_monday() as usize).map_or(&[], DayHours::windows),
        }
    }

    /// The overrides that `other` lacks, or has otherwise.
    pub fn overrides_unlike<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a NaiveDate, &'a DateOverride)> + Clone {
        self.overrides.iter().filter(|(date, date_override)| other.overrides.get(date) != Some(*date_override))
    }
}

/// When a resource is open, and in which zone its days and its grid of starts are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenHours {
    /// Without a schedule: every day from midnight to midnight in this zone.
    Always(Tz),
    /// By a schedule, in its zone.
    Scheduled(Arc<Schedule>),
}

impl OpenHours {
    /// The zone of windows, days and grid.
    #[must_use]
    pub fn zone(&self) -> Tz {
        match self {
            Self::Always(zone) => *zone,
            Self::Scheduled(schedule) => schedule.time_zone,
        }
    }

    /// The windows of `date`.
    #[must_use]
    pub fn windows_on(&self, date: NaiveDate) -> &[Window] {
        match self {
            Self::Always(_) => &[Window::WHOLE_DAY],
            Self::Scheduled(schedule) => schedule.windows_on(date),
        }
    }

    /// The runs that have a quantum in `span`, in order: windows that touch on the wall are one run.
    ///
    /// A run's span is exact as far as it matters to what starts in `span` and lasts at most `reach` quanta. One that
    /// began on an earlier local day than `span` is cut at that day's midnight (where its grid restarts anyway), one
    /// that goes on beyond `span.end + reach` somewhere after it.
    #[must_use]
    pub fn runs(&self, span: QuantumSpan, reach: i64) -> Vec<QuantumSpan> {
        if span.is_empty() {
            return Vec::new();
        }
        let zone = self.zone();
        let first = local_date(zone, span.start_at());
        let last_to_begin = local_date(zone, span.end.plus(-1).start());
        // On the wall, `reach` takes no longer than this: the parts of a day at both ends, and a date that is skipped.
        let days = u32::try_from(reach / QUANTA_PER_DAY).unwrap_or(0) + 2;
        let last_to_go_on = days_after(last_to_begin, days);

        let mut runs = Vec::new();
        let mut open: Option<WallRun> = None;
        let mut date = first;
        while date <= last_to_go_on {
            for &window in self.windows_on(date) {
                match &mut open {
                    Some(run) if run.is_continued_by(date, window) => run.end = (date, window.end),
                    _ => {
                        runs.extend(open.take().and_then(|run| run.quanta(zone)));
                        if date > last_to_begin {
                            return within(runs, span);
                        }
                        open = Some(WallRun { start: (date, window.start), end: (date, window.end) });
                    }
                }
            }
            date = days_after(date, 1);
        }
        runs.extend(open.and_then(|run| run.quanta(zone)));
        within(runs, span)
    }
}

fn within(mut runs: Vec<QuantumSpan>, span: QuantumSpan) -> Vec<QuantumSpan> {
    runs.retain(|run| run.overlaps(span));
    runs
}

/// Windows that touch on the wall. Clock changes do not join what is apart on the wall, so this is settled before
/// any of it becomes an instant.
struct WallRun {
    start: (NaiveDate, WallTime),
    end: (NaiveDate, WallTime),
}

impl WallRun {
    fn is_continued_by(&self, date: NaiveDate, window: Window) -> bool {
        let (end_date, end) = self.end;
        if end_date == date {
            end == window.start
        } else {
            end == WallTime::END_OF_DAY && window.start == WallTime::MIDNIGHT && days_after(end_date, 1) == date
        }
    }

    /// Its quanta: widths that a clock change leaves nothing of have none.
    fn quanta(&self, zone: Tz) -> Option<QuantumSpan> {
        let start = Quantum::at_or_after(instant_of(zone, self.start.0, self.start.1));
        let end = Quantum::containing(instant_of(zone, self.end.0, self.end.1));
        (start < end).then(|| QuantumSpan::new(start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: &str, end: &str) -> Window {
        Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_wall_time_reads_as_it_is_written() {
        for quarters in 0..=96 {
            let time = WallTime::from_quarters(quarters).unwrap();
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        assert_eq!("24:00".parse(), Ok(WallTime::END_OF_DAY));
        assert_eq!(WallTime::from_quarters(97), None);
    }

    #[test]
    fn what_is_no_wall_time_is_refused() {
        for text in
            ["", "9:00", "09:00:00", "09:10", "24:15", "25:00", "23:60", "-1:00", "+9:00", "09.00", "٠٩:00", "99:45"]
        {
            assert_eq!(text.parse::<WallTime>(), Err(WallTimeError), "{text}");
        }
    }

    #[test]
    fn a_window_ends_after_it_starts() {
        let (nine, ten) = ("09:00".parse().unwrap(), "10:00".parse().unwrap());
        assert!(Window::new(nine, ten).is_ok());
        assert_eq!(Window::new(ten, nine), Err(WindowError::EndsBeforeStart(ten, nine)));
        assert_eq!(Window::new(nine, nine), Err(WindowError::EndsBeforeStart(nine, nine)));
    }

    #[test]
    fn the_windows_of_a_day_are_put_in_order_and_do_not_overlap() {
        let (early, late) = (window("08:00", "12:00"), window("12:00", "18:00"));
        assert_eq!(DayHours::new(vec![late, early]).unwrap().windows(), [early, late]);
        let across = window("11:45", "13:00");
        let error = DayHours::new(vec![across, early]).unwrap_err();
        assert_eq!(error, WindowError::Overlap(early, across));
        assert_eq!(error.to_string(), "the windows 08:00–12:00 and 11:45–13:00 overlap; join them into one");
    }

    #[test]
    fn each_window_that_overlaps_an_earlier_one_is_found_once() {
        let windows = |texts: &[(&str, &str)]| texts.iter().map(|(start, end)| window(start, end)).collect::<Vec<_>>();
        for (given, found) in [
            (&[][..], &[][..]),
            (&[("12:00", "18:00"), ("08:00", "12:00")], &[]),
            (&[("11:45", "13:00"), ("08:00", "12:00")], &[(0, 1)]),
            (&[("08:00", "12:00"), ("08:00", "12:00"), ("08:00", "12:00")], &[(1, 0), (2, 0)]),
            // A short one inside a long one does not hide the next.
            (&[("00:00", "24:00"), ("01:00", "02:00"), ("03:00", "04:00")], &[(1, 0), (2, 0)]),
            (&[("01:00", "03:00"), ("02:00", "05:00"), ("04:00", "06:00"), ("06:00", "07:00")], &[(1, 0), (2, 1)]),
        ] {
            let given = windows(given);
            assert_eq!(overlaps(&given), found, "{given:?}");
            assert_eq!(DayHours::new(given).is_ok(), found.is_empty());
        }
    }
}
