//! How times are written, across zones, clock changes and locales.

use chrono::{DateTime, Locale, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::sample::Index;

use super::samples::at;
use crate::notify::mail::when::{moment, span};

/// `minutes` from `start` on, as they are written in British English.
fn written(zone: Tz, start: &str, minutes: i64) -> String {
    span(at(start), at(start) + TimeDelta::minutes(minutes), zone, Locale::en_GB).to_string()
}

#[test]
fn times_are_written_by_the_clock_of_the_zone() {
    use chrono_tz::{America, Asia, Australia, Etc, Europe, UTC};
    for (zone, start, minutes, expected) in [
        (Europe::Berlin, "2026-11-24T13:00:00Z", 90, "Tuesday, 24 November 2026, 14:00–15:30 (Europe/Berlin, CET)"),
        (Europe::Berlin, "2026-07-01T07:05:00Z", 25, "Wednesday, 1 July 2026, 09:05–09:30 (Europe/Berlin, CEST)"),
        // In spring 02:00 to 03:00 is skipped.
        (Europe::Berlin, "2026-03-29T00:30:00Z", 60, "Sunday, 29 March 2026, 01:30 CET–03:30 CEST (Europe/Berlin)"),
        (Europe::Berlin, "2026-03-29T00:30:00Z", 30, "Sunday, 29 March 2026, 01:30 CET–03:00 CEST (Europe/Berlin)"),
        // In autumn it comes twice.
        (Europe::Berlin, "2026-10-25T00:30:00Z", 15, "Sunday, 25 October 2026, 02:30–02:45 (Europe/Berlin, CEST)"),
        (Europe::Berlin, "2026-10-25T01:30:00Z", 15, "Sunday, 25 October 2026, 02:30–02:45 (Europe/Berlin, CET)"),
        (Europe::Berlin, "2026-10-25T00:30:00Z", 60, "Sunday, 25 October 2026, 02:30 CEST–02:30 CET (Europe/Berlin)"),
        (
            America::New_York,
            "2026-11-01T05:30:00Z",
            60,
            "Sunday, 1 November 2026, 01:30 EDT–01:30 EST (America/New_York)",
        ),
        (
            America::New_York,
            "2027-03-14T06:30:00Z",
            60,
            "Sunday, 14 March 2027, 01:30 EST–03:30 EDT (America/New_York)",
        ),
        // The clock changes by half an hour, and has no names but offsets.
        (
            Australia::Lord_Howe,
            "2027-04-03T14:30:00Z",
            60,
            "Sunday, 4 April 2027, 01:30 UTC+11:00–02:00 UTC+10:30 (Australia/Lord_Howe)",
        ),
        (
            Australia::Lord_Howe,
            "2026-12-01T00:00:00Z",
            60,
            "Tuesday, 1 December 2026, 11:00–12:00 (Australia/Lord_Howe, UTC+11:00)",
        ),
        (Asia::Kolkata, "2026-12-01T04:00:00Z", 45, "Tuesday, 1 December 2026, 09:30–10:15 (Asia/Kolkata, IST)"),
        (
            Asia::Singapore,
            "2026-12-01T04:00:00Z",
            60,
            "Tuesday, 1 December 2026, 12:00–13:00 (Asia/Singapore, UTC+08:00)",
        ),
        (
            America::Sao_Paulo,
            "2026-12-01T04:00:00Z",
            60,
            "Tuesday, 1 December 2026, 01:00–02:00 (America/Sao_Paulo, UTC-03:00)",
        ),
        (UTC, "2026-12-01T04:00:00Z", 60, "Tuesday, 1 December 2026, 04:00–05:00 (UTC)"),
        (Etc::UTC, "2026-12-01T04:00:00Z", 60, "Tuesday, 1 December 2026, 04:00–05:00 (Etc/UTC, UTC)"),
    ] {
        assert_eq!(written(zone, start, minutes), expected);
    }
}

#[test]
fn what_ends_on_another_day_says_both_days() {
    use chrono_tz::Europe::Berlin;
    for (start, minutes, expected) in [
        ("2026-11-24T21:00:00Z", 120, "Tuesday, 24 November 2026, 22:00–24:00 (Europe/Berlin, CET)"),
        (
            "2026-11-24T22:00:00Z",
            120,
            "Tuesday, 24 November 2026, 23:00 – Wednesday, 25 November 2026, 01:00 (Europe/Berlin, CET)",
        ),
        (
            "2026-11-24T22:00:00Z",
            25 * 60,
            "Tuesday, 24 November 2026, 23:00 – Thursday, 26 November 2026, 00:00 (Europe/Berlin, CET)",
        ),
        (
            "2026-10-24T21:00:00Z",
            240,
            "Saturday, 24 October 2026, 23:00 CEST – Sunday, 25 October 2026, 02:00 CET (Europe/Berlin)",
        ),
    ] {
        assert_eq!(written(Berlin, start, minutes), expected);
    }
}

#[test]
fn dates_are_written_as_the_locale_has_them() {
    let (start, zone) = (at("2026-11-24T13:00:00Z"), Tz::Europe__Berlin);
    for (locale, expected) in [
        (Locale::en_GB, "Tuesday, 24 November 2026, 14:00–15:30 (Europe/Berlin, CET)"),
        (Locale::POSIX, "Tuesday, 24 November 2026, 14:00–15:30 (Europe/Berlin, CET)"),
        (Locale::en_US, "Tuesday, November 24, 2026, 2:00 PM–3:30 PM (Europe/Berlin, CET)"),
        (Locale::de_DE, "Dienstag, 24. November 2026, 14:00–15:30 (Europe/Berlin, CET)"),
        (Locale::fr_FR, "mardi, 24 novembre 2026, 14:00–15:30 (Europe/Berlin, CET)"),
        (Locale::es_ES, "martes, 24 de noviembre de 2026, 14:00–15:30 (Europe/Berlin, CET)"),
        (Locale::pl_PL, "wtorek, 24 listopada 2026, 14:00–15:30 (Europe/Berlin, CET)"),
        (Locale::hu_HU, "2026. november 24., kedd, 14:00–15:30 (Europe/Berlin, CET)"),
        (Locale::ja_JP, "2026年11月24日火曜日, 14:00–15:30 (Europe/Berlin, CET)"),
        (Locale::zh_CN, "2026年11月24日 星期二, 14:00–15:30 (Europe/Berlin, CET)"),
        (Locale::ko_KR, "2026년 11월 24일 화요일, 14:00–15:30 (Europe/Berlin, CET)"),
    ] {
        assert_eq!(span(start, start + TimeDelta::minutes(90), zone, locale).to_string(), expected, "{locale}");
    }
}

#[test]
fn noon_and_midnight_of_a_clock_with_twelve_hours_are_told_apart() {
    let written = |start: &str, hours| {
        let start = at(start);
        span(start, start + TimeDelta::hours(hours), Tz::UTC, Locale::en_US).time
    };
    assert_eq!(written("2026-11-24T00:00:00Z", 12), "12:00 AM–12:00 PM");
    assert_eq!(written("2026-11-24T12:00:00Z", 12), "12:00 PM–12:00 AM");
}

#[test]
fn a_moment_says_by_which_clock() {
    let written = |start| moment(at(start), Tz::Europe__Berlin, Locale::en_GB);
    assert_eq!(written("2026-10-25T00:30:00Z"), "Sunday, 25 October 2026, 02:30 CEST");
    assert_eq!(written("2026-10-25T01:30:00Z"), "Sunday, 25 October 2026, 02:30 CET");
}

const LOCALES: [Locale; 16] = [
    Locale::POSIX,
    Locale::en_US,
    Locale::en_IN,
    Locale::de_DE,
    Locale::fa_IR,
    Locale::ar_EG,
    Locale::th_TH,
    Locale::my_MM,
    Locale::dz_BT,
    Locale::zh_TW,
    Locale::zh_HK,
    Locale::or_IN,
    Locale::am_ET,
    Locale::he_IL,
    Locale::lzh_TW,
    Locale::ps_AF,
];

proptest! {
    #[test]
    fn two_spans_are_never_written_alike(
        zone in any::<Index>(),
        locale in any::<Index>(),
        quarters in 0_i64..3_500_000,
        minutes in 5_i64..3000,
        other in prop::sample::select(vec![-1440_i64, -60, -30, 15, 30, 60, 720, 1440]),
    ) {
        let (zone, locale) = (*zone.get(&TZ_VARIANTS), *locale.get(&LOCALES));
        let start: DateTime<Utc> = at("2000-01-01T00:00:00Z") + TimeDelta::minutes(15 * quarters);
        let span = |start: DateTime<Utc>| span(start, start + TimeDelta::minutes(minutes), zone, locale).to_string();
        prop_assert_ne!(span(start), span(start + TimeDelta::minutes(other)));
    }
}
