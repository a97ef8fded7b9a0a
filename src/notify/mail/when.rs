//! When something takes place, as people write it: in the booking's zone, with the names and the order of a locale.

use std::fmt::{self, Write as _};

use chrono::{DateTime, Datelike as _, Days, Locale, NaiveTime, Offset as _, TimeDelta, Utc};
use chrono_tz::Tz;

/// A span of time, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// The day, where it is one: `Tuesday, 24 November 2026`.
    pub day: Option<String>,
    /// From when to when: `14:00–15:30`; with the days where they are two.
    pub time: String,
    /// By whose clock: `Europe/Berlin, CET`.
    pub zone: String,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(day) = &self.day {
            write!(f, "{day}, ")?;
        }
        write!(f, "{} ({})", self.time, self.zone)
    }
}

/// `[start, end)` by the clocks of `zone`. Where they change in between, each end says by which it goes.
#[must_use]
pub fn span(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz, locale: Locale) -> When {
    let (from, to) = (start.with_timezone(&zone), end.with_timezone(&zone));
    let same_clock = from.offset().fix() == to.offset().fix();
    let label = |local: &DateTime<Tz>, time: String| {
        if same_clock { time } else { format!("{time} {}", abbreviation(local)) }
    };
    let first = label(&from, clock_time(&from, locale));
    let zone = if same_clock { zone_and_abbreviation(&from) } else { zone.name().to_owned() };
    let ends_at_midnight =
        to.time() == NaiveTime::MIN && from.date_naive().checked_add_days(Days::new(1)) == Some(to.date_naive());
    if from.date_naive() == to.date_naive() || ends_at_midnight {
        let last = if ends_at_midnight { midnight(&to, locale) } else { clock_time(&to, locale) };
        let time = format!("{first}–{}", label(&to, last));
        return When { day: Some(date(&from, locale)), time, zone };
    }
    let last = label(&to, clock_time(&to, locale));
    let time = format!("{}, {first} – {}, {last}", date(&from, locale), date(&to, locale));
    When { day: None, time, zone }
}

/// One instant by the clocks of `zone`: `Tuesday, 24 November 2026, 14:00 CET`.
#[must_use]
pub fn moment(instant: DateTime<Utc>, zone: Tz, locale: Locale) -> String {
    let local = instant.with_timezone(&zone);
    format!("{}, {} {}", date(&local, locale), clock_time(&local, locale), abbreviation(&local))
}

/// The day of `local` with weekday, as `locale` orders it.
fn date(local: &DateTime<Tz>, locale: Locale) -> String {
    let weekday = named(local, "%A", locale);
    let month = named(local, "%B", locale);
    let (year, day) = (local.year(), local.day());
    let name = locale.to_string();
    let language = name.split('_').next().unwrap_or_default();
    match (language, name.as_str()) {
        ("ja", _) => format!("{year}年{}月{day}日{weekday}", local.month()),
        ("zh" | "yue" | "cmn" | "hak" | "lzh" | "nan", _) => format!("{year}年{}月{day}日 {weekday}", local.month()),
        ("ko", _) => format!("{year}년 {}월 {day}일 {weekday}", local.month()),
        ("hu", _) => format!("{year}. {month} {day}., {weekday}"),
        (_, "en_US" | "en_CA" | "en_PH") => format!("{weekday}, {month} {day}, {year}"),
        ("es" | "pt" | "gl", _) => format!("{weekday}, {day} de {month} de {year}"),
        // Where a day's number is an ordinal, which is what the dot says.
        ("de" | "da" | "nb" | "nn" | "fi" | "cs" | "sk" | "sl" | "hr" | "et" | "is" | "lb" | "fo", _) => {
            format!("{weekday}, {day}. {month} {year}")
        }
        _ => format!("{weekday}, {day} {month} {year}"),
    }
}

/// `specifier` of `local` in the words of `locale`, or in English where it has none.
fn named(local: &DateTime<Tz>, specifier: &str, locale: Locale) -> String {
    localized(local, specifier, locale).or_else(|| localized(local, specifier, Locale::POSIX)).unwrap_or_default()
}

/// `specifier` of `local` in `locale`; `None` where it has nothing for it that chrono understands.
fn localized(local: &DateTime<Tz>, specifier: &str, locale: Locale) -> Option<String> {
    let mut text = String::new();
    // Not `to_string`, which panics at what is not understood.
    write!(text, "{}", local.format_localized(specifier, locale)).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// How a locale counts the hours of a day.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Clock {
    /// From 0 to 23.
    Whole,
    /// Twice from 1 to 12, with the half of the day before or after it.
    Halves { before: bool },
}

/// How `locale` counts the hours, by how it writes one in the afternoon.
fn clock(locale: Locale) -> Clock {
    let afternoon = (DateTime::UNIX_EPOCH + TimeDelta::hours(13)).with_timezone(&Tz::UTC);
    match (localized(&afternoon, "%X", locale), localized(&afternoon, "%p", locale)) {
        (Some(shown), Some(half)) if !shown.contains("13") && shown.contains(&half) => {
            Clock::Halves { before: shown.starts_with(&half) }
        }
        _ => Clock::Whole,
    }
}

/// The time that a clock shows at `local`.
fn clock_time(local: &DateTime<Tz>, locale: Locale) -> String {
    match clock(locale) {
        Clock::Whole => local.format("%H:%M").to_string(),
        Clock::Halves { before: true } => format!("{}{}", named(local, "%p", locale), local.format("%-I:%M")),
        Clock::Halves { before: false } => format!("{} {}", local.format("%-I:%M"), named(local, "%p", locale)),
    }
}

/// The midnight at `local` as the end of a day.
fn midnight(local: &DateTime<Tz>, locale: Locale) -> String {
    if clock(locale) == Clock::Whole { "24:00".to_owned() } else { clock_time(local, locale) }
}

/// The zone of `local` and what it calls its clock then.
fn zone_and_abbreviation(local: &DateTime<Tz>) -> String {
    let (zone, abbreviation) = (local.timezone().name(), abbreviation(local));
    if abbreviation == zone { abbreviation } else { format!("{zone}, {abbreviation}") }
}

/// What the zone of `local` calls its clock then: `CET`; where it has no name but an offset, `UTC+08:00`.
fn abbreviation(local: &DateTime<Tz>) -> String {
    let name = local.format("%Z").to_string();
    if !name.starts_with(['+', '-']) {
        name
    } else if local.offset().fix().local_minus_utc() == 0 {
        "UTC".to_owned()
    } else {
        format!("UTC{}", local.format("%:z"))
    }
}
