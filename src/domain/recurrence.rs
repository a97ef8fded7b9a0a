//! Recurrence rules (RFC 5545): reading them, and the instants that they mean.
//!
//! A rule is expanded on the wall of one zone, and each wall time becomes an instant by the one rule of `local_time`; so
//! ten o'clock stays ten o'clock over every clock change. The library that expands never sees a zone, nor text: what
//! callers write is read here, strictly, so that a rule is either understood as the RFC means it or refused.

mod reading;

use chrono::{DateTime, Months, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use rrule::RRuleSet;

use super::local_time::{LAST_DATE, days_after, instant_on_wall};

/// The most occurrences that a rule may have.
pub const MAX_OCCURRENCES: usize = 104;
/// The most characters that a rule may have.
pub const MAX_RULE_LENGTH: usize = 500;

/// How many years later rules are expanded than they are meant. The calendar repeats itself, weekdays included, every
/// 400 years; and the library goes on looking for a match up to the year 10,000, wherever it starts. So a rule that never
/// matches costs it 400 years of looking, not 8,000.
const LATER_YEARS: u32 = 19 * 400;

/// A rule that has been read: it recurs daily or more rarely, keeps its wall time, and ends.
#[derive(Clone, Debug)]
pub struct Recurrence {
    rule: rrule::RRule<rrule::Unvalidated>,
    end: End,
    text: String,
}

/// Where a rule ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum End {
    /// After so many occurrences.
    Count(usize),
    /// With the last occurrence up to this on the wall, itself included.
    Wall(NaiveDateTime),
    /// With the last occurrence up to this instant, itself included.
    Instant(DateTime<Utc>),
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    /// It is not written as the RFC wants it, or uses what is not supported.
    #[error("{0}")]
    Malformed(String),
    /// It has more occurrences than [`MAX_OCCURRENCES`].
    #[error("`rrule` may have at most {MAX_OCCURRENCES} occurrences. Lower its COUNT, or let its UNTIL be earlier.")]
    TooMany,
    /// It goes on beyond the last date that can be asked about.
    #[error("`rrule` must end by {LAST_DATE}. Lower its COUNT or INTERVAL, or let its UNTIL be earlier.")]
    TooLong,
    /// It has no occurrence at all.
    #[error("`rrule` has no occurrence from `start` on. Check its parts, and its UNTIL.")]
    Empty,
    /// Its first occurrence is not the start.
    #[error("`start` must be the first occurrence of `rrule`, which is {}. Start then, or change the rule.", .0.format("%Y-%m-%dT%H:%M:%SZ"))]
    StartsElsewhere(DateTime<Utc>),
}

impl Recurrence {
    /// The rule as it was written, without the name of the property.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it recurs, if it starts at `start` and keeps the wall time of `zone`: in order, the first is `start`. Two
    /// can be the same instant, where a zone skipped a day.
    ///
    /// # Errors
    /// What makes the rule unusable from this start.
    pub fn expand(&self, start: DateTime<Utc>, zone: Tz) -> Result<Vec<DateTime<Utc>>, RecurrenceError> {
        let first = start.with_timezone(&zone).naive_local();
        let last = days_after(LAST_DATE, 1).and_time(NaiveTime::MIN) - TimeDelta::seconds(1);
        let until = match self.end {
            End::Count(_) => last,
            End::Wall(until) => until,
            // Wall times only narrow it down: it is instants that are compared below.
            End::Instant(until) => until.with_timezone(&zone).naive_local() + TimeDelta::days(1),
        };
        if until < first {
            return Err(RecurrenceError::Empty);
        }
        let most = match self.end {
            End::Count(count) => count,
            End::Wall(_) | End::Instant(_) => MAX_OCCURRENCES + 1,
        };
        let is_within = |instant: &DateTime<Utc>| !matches!(self.end, End::Instant(until) if *instant > until);
        let found: Vec<DateTime<Utc>> = self
            .walls(first, until.min(last))?
            .map(|wall| instant_on_wall(zone, wall))
            .take_while(is_within)
            .take(most)
            .collect();
        match (found.first(), self.end) {
            (None, _) => Err(RecurrenceError::Empty),
            (Some(first), _) if *first != start => Err(RecurrenceError::StartsElsewhere(*first)),
            _ if found.len() > MAX_OCCURRENCES => Err(RecurrenceError::TooMany),
            (_, End::Count(count)) if found.len() < count => Err(RecurrenceError::TooLong),
            (_, End::Wall(_) | End::Instant(_)) if until > last => Err(RecurrenceError::TooLong),
            _ => Ok(found),
        }
    }

    /// The wall times from `first` to `until` that the rule means, in order.
    fn walls(
        &self,
        first: NaiveDateTime,
        until: NaiveDateTime,
    ) -> Result<impl Iterator<Item = NaiveDateTime> + use<>, RecurrenceError> {
        let unusable = || {
            RecurrenceError::Malformed("`rrule` combines its parts in a way that RFC 5545 does not have.".to_owned())
        };
        let on_library_wall = |wall| Some(later(wall)?.and_utc().with_timezone(&rrule::Tz::UTC));
        let (start, until) = on_library_wall(first).zip(on_library_wall(until)).ok_or_else(unusable)?;
        let rule = self.rule.clone().until(until).validate(start).map_err(|_| unusable())?;
        let set = RRuleSet::new(start).rrule(rule).limit();
        Ok(set.into_iter().map_while(|found| earlier(found.naive_utc())))
    }
}

fn later(wall: NaiveDateTime) -> Option<NaiveDateTime> {
    wall.checked_add_months(Months::new(LATER_YEARS * 12))
}

fn earlier(wall: NaiveDateTime) -> Option<NaiveDateTime> {
    wall.checked_sub_months(Months::new(LATER_YEARS * 12))
}

#[cfg(test)]
mod tests;
