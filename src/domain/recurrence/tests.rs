use std::time::Instant;

use chrono::{Datelike, NaiveDate, Timelike};
use chrono_tz::{America, Asia, Australia, Europe, Pacific, TZ_VARIANTS};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn rule(text: &str) -> Result<Recurrence, RecurrenceError> {
    text.parse()
}

fn expand(text: &str, start: &str, zone: Tz) -> Result<Vec<String>, RecurrenceError> {
    let found = rule(text)?.expand(at(start), zone)?;
    Ok(found.into_iter().map(|instant| instant.format("%Y-%m-%dT%H:%MZ").to_string()).collect())
}

/// The dates on which a rule falls that starts at ten o'clock UTC on `date`.
fn dates(text: &str, date: &str) -> Vec<String> {
    let found = rule(text).unwrap().expand(at(&format!("{date}T10:00:00Z")), Tz::UTC).unwrap();
    assert!(found.iter().all(|instant| (instant.hour(), instant.minute()) == (10, 0)), "{found:?}");
    found.into_iter().map(|instant| instant.date_naive().to_string()).collect()
}

fn malformed(text: &str) -> String {
    match rule(text) {
        Err(RecurrenceError::Malformed(message)) => message,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn rules_fall_on_the_days_that_the_rfc_says() {
    for (text, start, expected) in [
        ("FREQ=DAILY;COUNT=3", "2027-01-30", "2027-01-30 2027-01-31 2027-02-01"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=3", "2027-01-04", "2027-01-04 2027-01-18 2027-02-01"),
        ("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4", "2027-01-04", "2027-01-04 2027-01-06 2027-01-11 2027-01-13"),
        // What a week is depends on where it starts.
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "2026-12-01",
            "2026-12-01 2026-12-06 2026-12-15 2026-12-20",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            "2026-12-01",
            "2026-12-01 2026-12-13 2026-12-15 2026-12-27",
        ),
        // Months without such a day are left out.
        ("FREQ=MONTHLY;COUNT=3", "2027-01-31", "2027-01-31 2027-03-31 2027-05-31"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "2027-01-31", "2027-01-31 2027-02-28 2027-03-31"),
        ("FREQ=MONTHLY;BYDAY=2TU;COUNT=3", "2027-01-12", "2027-01-12 2027-02-09 2027-03-09"),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "2027-01-29", "2027-01-29 2027-02-26 2027-03-26"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", "2027-01-29", "2027-01-29 2027-02-26 2027-03-31"),
        ("FREQ=YEARLY;COUNT=2", "2028-02-29", "2028-02-29 2032-02-29"),
        ("FREQ=YEARLY;BYMONTH=3,9;BYMONTHDAY=1;COUNT=3", "2027-03-01", "2027-03-01 2027-09-01 2028-03-01"),
        ("FREQ=YEARLY;BYYEARDAY=-1;COUNT=2", "2027-12-31", "2027-12-31 2028-12-31"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=2", "2027-05-17", "2027-05-17 2028-05-15"),
    ] {
        assert_eq!(dates(text, start).join(" "), expected, "{text}");
    }
}

#[test]
fn a_rule_may_name_its_property_and_be_in_any_case() {
    assert_eq!(rule("RRULE:FREQ=DAILY;COUNT=2").unwrap().text(), "FREQ=DAILY;COUNT=2");
    assert_eq!(dates("freq=daily;count=2", "2027-01-01"), ["2027-01-01", "2027-01-02"]);
}

#[test]
fn until_is_a_date_a_wall_time_or_an_instant_and_belongs_to_the_rule() {
    let last = |until: &str| {
        let found = expand(&format!("FREQ=DAILY;UNTIL={until}"), "2027-06-01T22:00:00Z", Europe::Berlin).unwrap();
        found.last().unwrap().clone()
    };
    // It is midnight in Berlin, of the next date.
    assert_eq!(last("20270605"), "2027-06-04T22:00Z");
    assert_eq!(last("20270605T000000"), "2027-06-04T22:00Z");
    assert_eq!(last("20270604T235959"), "2027-06-03T22:00Z");
    assert_eq!(last("20270604T220000Z"), "2027-06-04T22:00Z");
    assert_eq!(last("20270604T215959Z"), "2027-06-03T22:00Z");
}

#[test]
fn ten_oclock_stays_ten_oclock_over_both_clock_changes_of_a_year() {
    for zone in [Europe::Berlin, America::New_York, Australia::Lord_Howe, Pacific::Auckland, America::Santiago] {
        let start = instant_on_wall(zone, NaiveDate::from_ymd_opt(2027, 1, 4).unwrap().and_hms_opt(10, 0, 0).unwrap());
        let found = rule("FREQ=WEEKLY;COUNT=52").unwrap().expand(start, zone).unwrap();
        let walls: Vec<_> = found.iter().map(|instant| instant.with_timezone(&zone)).collect();
        assert!(walls.iter().all(|wall| (wall.hour(), wall.minute()) == (10, 0)), "{zone}: {walls:?}");
        let offsets: std::collections::BTreeSet<_> =
            walls.iter().map(|wall| wall.naive_local() - wall.naive_utc()).collect();
        assert_eq!(offsets.len(), 2, "{zone} changes its clock");
    }
}

#[test]
fn a_wall_time_in_a_gap_means_its_end_and_one_that_occurs_twice_its_first_occurrence() {
    let spring = expand("FREQ=DAILY;COUNT=3", "2027-03-27T01:30:00Z", Europe::Berlin).unwrap();
    assert_eq!(spring, ["2027-03-27T01:30Z", "2027-03-28T01:00Z", "2027-03-29T00:30Z"]);
    let autumn = expand("FREQ=DAILY;COUNT=3", "2027-10-30T00:30:00Z", Europe::Berlin).unwrap();
    assert_eq!(autumn, ["2027-10-30T00:30Z", "2027-10-31T00:30Z", "2027-11-01T01:30Z"]);
}

#[test]
fn two_occurrences_are_one_instant_where_a_date_was_skipped() {
    let found = expand("FREQ=DAILY;COUNT=3", "2011-12-29T10:00:00Z", Pacific::Apia).unwrap();
    assert_eq!(found, ["2011-12-29T10:00Z", "2011-12-30T10:00Z", "2011-12-30T10:00Z"]);
}

#[test]
fn the_start_is_the_first_occurrence() {
    let elsewhere = expand("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "2027-01-05T09:00:00Z", Europe::Berlin).unwrap_err();
    assert_eq!(elsewhere, RecurrenceError::StartsElsewhere(at("2027-01-11T09:00:00Z")));
    assert!(elsewhere.to_string().contains("2027-01-11T09:00:00Z"), "{elsewhere}");
    // The hour that is there twice: the second one is none of a series.
    let second = expand("FREQ=DAILY;COUNT=2", "2027-10-31T01:30:00Z", Europe::Berlin).unwrap_err();
    assert_eq!(second, RecurrenceError::StartsElsewhere(at("2027-10-31T00:30:00Z")));
}

#[test]
fn a_rule_has_at_most_104_occurrences_and_is_never_cut() {
    assert_eq!(rule("FREQ=DAILY;COUNT=104").unwrap().expand(at("2027-01-01T10:00:00Z"), Tz::UTC).unwrap().len(), 104);
    for count in ["105", "4294967295"] {
        assert_eq!(rule(&format!("FREQ=DAILY;COUNT={count}")).unwrap_err(), RecurrenceError::TooMany);
    }
    let until = |text: &str| expand(&format!("FREQ=DAILY;UNTIL={text}"), "2027-01-01T10:00:00Z", Tz::UTC);
    assert_eq!(until("20270414").unwrap().len(), 104);
    assert_eq!(until("20270415").unwrap_err(), RecurrenceError::TooMany);
    assert_eq!(until("20261231").unwrap_err(), RecurrenceError::Empty);
}

#[test]
fn a_rule_ends_by_2099() {
    let yearly = |end: &str| expand(&format!("FREQ=YEARLY;{end}"), "2090-01-01T10:00:00Z", Tz::UTC);
    assert_eq!(yearly("COUNT=10").unwrap().len(), 10);
    assert_eq!(yearly("COUNT=11").unwrap_err(), RecurrenceError::TooLong);
    assert_eq!(yearly("UNTIL=20991231").unwrap().len(), 10);
    assert_eq!(yearly("UNTIL=21000101").unwrap_err(), RecurrenceError::TooLong);
    assert_eq!(yearly("UNTIL=99991231T235959Z").unwrap_err(), RecurrenceError::TooLong);
}

#[test]
fn what_is_not_a_rule_that_is_supported_is_refused_with_advice() {
    for (text, hint) in [
        ("", "one rule"),
        ("weekly", "one rule"),
        ("FREQ=DAILY;COUNT=3;", "one rule"),
        ("FREQ=;COUNT=3", "one rule"),
        ("DTSTART:20270101T100000Z\nRRULE:FREQ=DAILY;COUNT=3", "no others"),
        ("FREQ=DAILY;COUNT=3\nEXDATE:20270102T100000Z", "COUNT"),
        ("FREQ=DAILY;COUNT=3;RDATE=20270102", "no others"),
        ("FREQ=YEARLY;COUNT=3;BYEASTER=0", "no others"),
        ("FREQ=DAILY;FREQ=DAILY;COUNT=3", "twice"),
        ("COUNT=3", "FREQ"),
        ("FREQ=HOURLY;COUNT=3", "FREQ"),
        ("FREQ=MINUTELY;COUNT=3", "FREQ"),
        ("FREQ=SECONDLY;COUNT=3", "FREQ"),
        ("FREQ=FORTNIGHTLY;COUNT=3", "FREQ"),
        ("FREQ=DAILY;COUNT=3;BYHOUR=9", "BYHOUR"),
        ("FREQ=DAILY;COUNT=3;BYMINUTE=0", "BYMINUTE"),
        ("FREQ=DAILY;COUNT=3;BYSECOND=0", "BYSECOND"),
        ("FREQ=DAILY", "COUNT or an UNTIL"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270301", "UNTIL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=-1", "COUNT"),
        ("FREQ=DAILY;COUNT=+1", "COUNT"),
        ("FREQ=DAILY;COUNT=99999999999999999999", "COUNT"),
        ("FREQ=DAILY;COUNT= 3", "COUNT"),
        ("FREQ=DAILY;INTERVAL=0;COUNT=3", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1001;COUNT=3", "INTERVAL"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20270228T250000", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20270228Z", "UNTIL"),
        ("FREQ=DAILY;UNTIL=２0270228", "UNTIL"),
        ("FREQ=WEEKLY;BYDAY=XX;COUNT=3", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=ÄÖ;COUNT=3", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=MO,,TU;COUNT=3", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO;COUNT=3", "BYDAY"),
        ("FREQ=DAILY;BYDAY=1MO;COUNT=3", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=1MO;COUNT=3", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=6MO;COUNT=3", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=0MO;COUNT=3", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=--1MO;COUNT=3", "BYDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1;COUNT=3", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32;COUNT=3", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYYEARDAY=1;COUNT=3", "BYYEARDAY"),
        ("FREQ=MONTHLY;BYWEEKNO=1;COUNT=3", "BYWEEKNO"),
        ("FREQ=YEARLY;BYWEEKNO=54;BYDAY=MO;COUNT=3", "BYWEEKNO"),
        ("FREQ=DAILY;BYMONTH=13;COUNT=3", "BYMONTH"),
        ("FREQ=MONTHLY;BYSETPOS=1;COUNT=3", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0;COUNT=3", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=32;COUNT=3", "BYSETPOS"),
        ("FREQ=DAILY;WKST=XX;COUNT=3", "WKST"),
    ] {
        let message = malformed(text);
        assert!(message.contains(hint), "{text}: {message}");
    }
    let long = format!("FREQ=DAILY;COUNT=3;BYMONTH={}", ["1"; 300].join(","));
    assert!(malformed(&long).contains("500"));
}

/// Rules that match hardly ever or never. What they may cost is far above what they do, and far below what looking up
/// to the year 10,000 would.
#[test]
#[expect(clippy::disallowed_methods, reason = "it is real time that is looked at")]
fn a_rule_that_hardly_ever_matches_costs_little() {
    for text in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
        "FREQ=WEEKLY;BYMONTH=2;BYDAY=MO;BYSETPOS=7;COUNT=3",
        "FREQ=YEARLY;BYDAY=53MO;BYMONTH=2;COUNT=10",
        "FREQ=YEARLY;BYYEARDAY=366;BYDAY=MO;COUNT=104",
        "FREQ=DAILY;BYDAY=MO;INTERVAL=7;COUNT=104",
        "FREQ=YEARLY;INTERVAL=1000;COUNT=104",
        "FREQ=MONTHLY;INTERVAL=999;BYMONTHDAY=31;BYMONTH=2;UNTIL=20991231",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=366,-366;BYMONTHDAY=31;BYMONTH=2;UNTIL=20991231",
        "FREQ=YEARLY;BYMONTHDAY=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31;\
         BYSETPOS=1,2,3,4,5,366;COUNT=104",
    ] {
        let begun = Instant::now();
        let _ = rule(text).unwrap().expand(at("2026-12-01T10:00:00Z"), Asia::Tokyo);
        assert!(begun.elapsed().as_millis() < 250, "{text} took {:?}", begun.elapsed());
    }
}

/// Rules of all kinds, most of them with something to find.
fn rules() -> impl Strategy<Value = String> {
    let part = |name: &'static str, values: &'static [&'static str]| prop_oneof![2 => Just(String::new()), 1 => select(values).prop_map(move |value| format!(";{name}={value}"))];
    (
        select(&["DAILY", "WEEKLY", "MONTHLY", "YEARLY"][..]),
        1_u16..60,
        prop_oneof![(1_u8..=104).prop_map(|count| format!("COUNT={count}")), Just("UNTIL=20280301".to_owned())],
        part("BYDAY", &["MO", "MO,WE,FR", "2TU", "-1SU", "SA,SU"]),
        part("BYMONTH", &["1", "2,4,6", "12"]),
        part("BYMONTHDAY", &["1", "-1", "13,30,31"]),
        part("BYYEARDAY", &["1", "-1,366", "100"]),
        part("BYWEEKNO", &["1", "53", "-1"]),
        part("BYSETPOS", &["1", "-1", "2,7"]),
    )
        .prop_map(|(frequency, interval, end, day, month, month_day, year_day, week, place)| {
            format!("FREQ={frequency};INTERVAL={interval};{end}{day}{month}{month_day}{year_day}{week}{place}")
        })
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = rule(&text);
    }

    #[test]
    fn what_looks_like_a_rule_is_read_or_refused(
        text in "(RRULE:)?(FREQ|COUNT|UNTIL|BYDAY|BYSETPOS|WKST)=[A-Z0-9+,-]{0,8}(;(FREQ|COUNT|BYDAY|BYMONTHDAY)=[A-Z0-9,-]{1,6}){0,3}",
    ) {
        if let Ok(rule) = rule(&text) {
            let _ = rule.expand(at("2027-01-01T10:00:00Z"), Tz::UTC);
        }
    }

    #[test]
    fn every_occurrence_is_the_wall_time_of_the_start_by_the_one_rule(
        text in rules(),
        zone in any::<Index>(),
        quarter in 0_i64..200_000,
    ) {
        let zone = *zone.get(&TZ_VARIANTS);
        let start = at("2025-01-01T00:00:00Z") + TimeDelta::minutes(15 * quarter);
        let Ok(rule) = rule(&text) else { return Ok(()) };
        let found = match rule.expand(start, zone) {
            // From what is the first occurrence it is always the same.
            Err(RecurrenceError::StartsElsewhere(first)) => rule.expand(first, zone),
            found => found,
        };
        let Ok(found) = found else { return Ok(()) };
        prop_assert!((1..=MAX_OCCURRENCES).contains(&found.len()));
        prop_assert!(found.is_sorted());
        let clock = found[0].with_timezone(&zone).naive_local().time();
        for instant in &found {
            let wall = instant.with_timezone(&zone).naive_local();
            // In a gap the clock shows its end; all else is the start's wall time, at its first occurrence.
            let meant = wall.date().and_time(clock);
            let day_before = wall.date().pred_opt().unwrap().and_time(clock);
            prop_assert!([meant, day_before].iter().any(|meant| instant_on_wall(zone, *meant) == *instant), "{wall}");
            prop_assert!(wall.year() <= 2099);
        }
    }
}
