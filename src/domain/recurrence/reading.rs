//! Reading a recurrence rule, strictly: each part once, each value within what RFC 5545 has for it.

use std::fmt::Display;
use std::ops::Neg;
use std::str::FromStr;

use chrono::{Month, NaiveDate, NaiveTime, Weekday};
use rrule::{Frequency, NWeekday, RRule};

use super::{End, MAX_OCCURRENCES, MAX_RULE_LENGTH, Recurrence, RecurrenceError};

/// How rarely one occurrence may follow another, in the unit of FREQ.
const MAX_INTERVAL: u16 = 1_000;

impl FromStr for Recurrence {
    type Err = RecurrenceError;

    /// Reads a rule such as `FREQ=WEEKLY;COUNT=10`, with or without `RRULE:` before it.
    fn from_str(text: &str) -> Result<Self, RecurrenceError> {
        if text.chars().count() > MAX_RULE_LENGTH {
            return Err(malformed(format!("`rrule` must have at most {MAX_RULE_LENGTH} characters.")));
        }
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        let parts = Parts::of(text)?;
        let frequency = parts.frequency()?;
        let end = parts.end()?;
        let mut rule = RRule::new(frequency);
        if let Some(interval) = parts.get("INTERVAL") {
            rule = rule.interval(number("INTERVAL", interval, 1, MAX_INTERVAL)?);
        }
        if let Some(day) = parts.get("WKST") {
            rule = rule.week_start(weekday("WKST", day)?);
        }
        if let Some(months) = parts.get("BYMONTH") {
            let months = list(months, month)?;
            rule = rule.by_month(&months);
        }
        if let Some(days) =
            parts.for_frequencies("BYMONTHDAY", &[Frequency::Daily, Frequency::Monthly, Frequency::Yearly])?
        {
            rule = rule.by_month_day(list(days, |day| signed("BYMONTHDAY", day, 31_i8))?);
        }
        if let Some(days) = parts.for_frequencies("BYYEARDAY", &[Frequency::Yearly])? {
            rule = rule.by_year_day(list(days, |day| signed("BYYEARDAY", day, 366_i16))?);
        }
        if let Some(weeks) = parts.for_frequencies("BYWEEKNO", &[Frequency::Yearly])? {
            rule = rule.by_week_no(list(weeks, |week| signed("BYWEEKNO", week, 53_i8))?);
        }
        if let Some(days) = parts.get("BYDAY") {
            let most = parts.most_of_a_weekday(frequency);
            rule = rule.by_weekday(list(days, |day| counted_weekday(day, most))?);
        }
        if let Some(places) = parts.get("BYSETPOS") {
            if !parts.names().any(|name| name.starts_with("BY") && name != "BYSETPOS") {
                return Err(malformed(
                    "BYSETPOS in `rrule` chooses from what another BY part lists. Add one, or leave it out.",
                ));
            }
            rule = rule.by_set_pos(list(places, |place| signed("BYSETPOS", place, most_places(frequency)))?);
        }
        Ok(Self { rule, end, text: text.to_owned() })
    }
}

/// The parts of a rule, by name.
struct Parts<'a>(Vec<(String, &'a str)>);

impl<'a> Parts<'a> {
    const KNOWN: [&'static str; 11] = [
        "FREQ",
        "INTERVAL",
        "COUNT",
        "UNTIL",
        "WKST",
        "BYMONTH",
        "BYMONTHDAY",
        "BYYEARDAY",
        "BYWEEKNO",
        "BYDAY",
        "BYSETPOS",
    ];
    const OF_THE_WALL: [&'static str; 3] = ["BYHOUR", "BYMINUTE", "BYSECOND"];

    fn of(text: &'a str) -> Result<Self, RecurrenceError> {
        let mut parts: Vec<(String, &str)> = Vec::new();
        for part in text.split(';') {
            let Some((name, value)) = part.split_once('=').filter(|(_, value)| !value.is_empty()) else {
                return Err(malformed(
                    "`rrule` must be one rule by RFC 5545, such as `FREQ=WEEKLY;COUNT=10`: parts like `NAME=VALUE` with \
                     `;` between them.",
                ));
            };
            let name = name.to_ascii_uppercase();
            if Self::OF_THE_WALL.contains(&name.as_str()) {
                return Err(malformed(format!(
                    "{name} cannot be used in `rrule`: every occurrence has the wall time of `start`. Leave it out."
                )));
            }
            if !Self::KNOWN.contains(&name.as_str()) {
                return Err(malformed(format!(
                    "`rrule` may have the parts {}, and no others.",
                    Self::KNOWN.join(", ")
                )));
            }
            if parts.iter().any(|(known, _)| *known == name) {
                return Err(malformed(format!("{name} is twice in `rrule`. Name it once.")));
            }
            parts.push((name, value));
        }
        Ok(Self(parts))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn frequency(&self) -> Result<Frequency, RecurrenceError> {
        match self.get("FREQ").map(str::to_ascii_uppercase).as_deref() {
            Some("DAILY") => Ok(Frequency::Daily),
            Some("WEEKLY") => Ok(Frequency::Weekly),
            Some("MONTHLY") => Ok(Frequency::Monthly),
            Some("YEARLY") => Ok(Frequency::Yearly),
            _ => Err(malformed("`rrule` must have a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY.")),
        }
    }

    fn end(&self) -> Result<End, RecurrenceError> {
        match (self.get("COUNT"), self.get("UNTIL")) {
            (Some(count), None) => {
                let count: u64 = number("COUNT", count, 1, u64::from(u32::MAX))?;
                match usize::try_from(count) {
                    Ok(count) if count <= MAX_OCCURRENCES => Ok(End::Count(count)),
                    _ => Err(RecurrenceError::TooMany),
                }
            }
            (None, Some(until)) => end_at(until).ok_or_else(|| {
                malformed(
                    "UNTIL in `rrule` must be a date like 20271231, a wall time like 20271231T180000, or an instant like \
                     20271231T170000Z.",
                )
            }),
            (None, None) => Err(malformed("`rrule` must end: give it a COUNT or an UNTIL.")),
            (Some(_), Some(_)) => Err(malformed("`rrule` has a COUNT and an UNTIL. Leave one of them out.")),
        }
    }

    /// A part that has a meaning with some frequencies only.
    fn for_frequencies(&self, name: &str, allowed: &[Frequency]) -> Result<Option<&'a str>, RecurrenceError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if allowed.contains(&self.frequency()?) {
            return Ok(Some(value));
        }
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        Err(malformed(format!("{name} in `rrule` goes with a FREQ of {} only.", allowed.join(" or "))))
    }

    /// How many of one weekday there are in what BYDAY counts in; `None` where it counts nothing.
    fn most_of_a_weekday(&self, frequency: Frequency) -> Option<i16> {
        match frequency {
            Frequency::Monthly => Some(5),
            Frequency::Yearly if self.get("BYWEEKNO").is_none() => Some(53),
            _ => None,
        }
    }
}

/// How many days one turn of the frequency has at the most.
fn most_places(frequency: Frequency) -> i32 {
    match frequency {
        Frequency::Yearly => 366,
        Frequency::Monthly => 31,
        Frequency::Weekly => 7,
        _ => 1,
    }
}

/// Where `UNTIL=text` ends a rule.
fn end_at(text: &str) -> Option<End> {
    let wall = |text: &str| {
        let (day, time) = text.split_once('T')?;
        Some(date(day)?.and_time(clock(time)?))
    };
    Some(match text.strip_suffix('Z') {
        Some(instant) => End::Instant(wall(instant)?.and_utc()),
        None if text.contains('T') => End::Wall(wall(text)?),
        // The whole date.
        None => End::Wall(date(text)?.and_time(clock("235959")?)),
    })
}

fn date(text: &str) -> Option<NaiveDate> {
    let (year, rest) = digits(text, 8)?.split_at(4);
    let (month, day) = rest.split_at(2);
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

fn clock(text: &str) -> Option<NaiveTime> {
    let (hour, rest) = digits(text, 6)?.split_at(2);
    let (minute, second) = rest.split_at(2);
    NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?)
}

/// `text`, if it is so many digits.
fn digits(text: &str, count: usize) -> Option<&str> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, RecurrenceError>) -> Result<Vec<T>, RecurrenceError> {
    text.split(',').map(read).collect()
}

fn number<T>(name: &str, text: &str, least: T, most: T) -> Result<T, RecurrenceError>
where
    T: Copy + Display + FromStr + PartialOrd,
{
    let read = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    read.and_then(|text| text.parse().ok())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| malformed(format!("{name} in `rrule` must be a whole number from {least} to {most}.")))
}

/// A place counted from the start, or from the end where it is negative.
fn signed<T>(name: &str, text: &str, most: T) -> Result<T, RecurrenceError>
where
    T: Copy + Default + Display + FromStr + PartialOrd + Neg<Output = T>,
{
    let (sign, number) = sign_and_number(text);
    let read = Some(number).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    read.and_then(|number| number.parse::<T>().ok())
        .filter(|number| *number > T::default() && *number <= most)
        .map(|number| if sign == Some('-') { -number } else { number })
        .ok_or_else(|| {
            malformed(format!("{name} in `rrule` must have whole numbers from 1 to {most}, or -{most} to -1."))
        })
}

fn sign_and_number(text: &str) -> (Option<char>, &str) {
    match text.chars().next() {
        Some(sign @ ('+' | '-')) => (Some(sign), &text[1..]),
        _ => (None, text),
    }
}

fn month(text: &str) -> Result<Month, RecurrenceError> {
    let number = number("BYMONTH", text, 1, 12_u8)?;
    Month::try_from(number).map_err(|_| malformed("BYMONTH in `rrule` must have months."))
}

fn weekday(name: &str, text: &str) -> Result<Weekday, RecurrenceError> {
    match text.to_ascii_uppercase().as_str() {
        "MO" => Ok(Weekday::Mon),
        "TU" => Ok(Weekday::Tue),
        "WE" => Ok(Weekday::Wed),
        "TH" => Ok(Weekday::Thu),
        "FR" => Ok(Weekday::Fri),
        "SA" => Ok(Weekday::Sat),
        "SU" => Ok(Weekday::Sun),
        _ => Err(malformed(format!("{name} in `rrule` must have weekdays: MO, TU, WE, TH, FR, SA, SU."))),
    }
}

/// A weekday, every one or the one at some place; `most` is `None` where weekdays are not counted.
fn counted_weekday(text: &str, most: Option<i16>) -> Result<NWeekday, RecurrenceError> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (place, day) = text.split_at(split);
    let day = weekday("BYDAY", day)?;
    match (place, most) {
        ("", _) => Ok(NWeekday::Every(day)),
        (place, Some(most)) => Ok(NWeekday::Nth(signed("BYDAY", place, most)?, day)),
        (_, None) => Err(malformed(
            "BYDAY in `rrule` counts weekdays, like 2MO, with a FREQ of MONTHLY, or of YEARLY without BYWEEKNO, only.",
        )),
    }
}

fn malformed(message: impl Into<String>) -> RecurrenceError {
    RecurrenceError::Malformed(message.into())
}
