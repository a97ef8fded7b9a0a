//! A feed says what its entries say: read by two libraries that have nothing to do with each other, whatever is in them.

use std::io::BufReader;

use calcard::icalendar::{ICalendar, ICalendarComponent, ICalendarProperty};
use chrono::{DateTime, Utc};
use ical::IcalParser;
use ical::parser::ical::component::IcalCalendar;
use ical::property::Property;
use icalendar::EventStatus;
use proptest::prelude::*;

use super::*;
use crate::domain::text::{lines, one_line, something};

/// What is said in texts: summary, description and location.
type Texts = (String, Option<String>, Option<String>);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn entry(summary: &str, description: Option<&str>, location: Option<&str>) -> Entry {
    Entry {
        uid: "bkg_1@slotwise".to_owned(),
        sequence: 3,
        at: at("2026-11-21T09:00:00Z"),
        created_at: Some(at("2026-11-20T09:00:00Z")),
        start: at("2026-10-25T00:30:00Z"),
        end: at("2026-10-25T01:30:00Z"),
        summary: summary.to_owned(),
        description: description.map(str::to_owned),
        location: location.map(str::to_owned),
        standing: EventStatus::Tentative,
    }
}

/// The one calendar in `text`, as the crate `ical` reads it.
fn by_ical(text: &str) -> IcalCalendar {
    let mut calendars = IcalParser::new(BufReader::new(text.as_bytes()));
    let calendar = calendars.next().expect("a calendar").expect("a calendar that can be read");
    assert!(calendars.next().is_none(), "more than one calendar");
    calendar
}

fn value<'a>(properties: &'a [Property], name: &str) -> Option<&'a str> {
    properties.iter().find(|property| property.name == name)?.value.as_deref()
}

/// What was escaped (RFC 5545, 3.3.11).
fn unescaped(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text.chars());
    while let Some(c) = rest.next() {
        match if c == '\\' { rest.next() } else { None } {
            Some('n' | 'N') => plain.push('\n'),
            Some(escaped) => plain.push(escaped),
            None => plain.push(c),
        }
    }
    plain
}

fn texts_by_ical(text: &str) -> Vec<Texts> {
    let events = by_ical(text).events;
    let said = events.iter().map(|event| {
        let text = |name| value(&event.properties, name).map(unescaped);
        // It has no value for what is empty.
        (text("SUMMARY").unwrap_or_default(), text("DESCRIPTION"), text("LOCATION"))
    });
    said.collect()
}

/// `texts` as that reader sees them: it takes colons that a value begins with for the one before the value.
fn without_first_colons(texts: &[Texts]) -> Vec<Texts> {
    let bare = |text: &String| Some(text.trim_start_matches(':').to_owned()).filter(|text| !text.is_empty());
    let each = |(summary, description, location): &Texts| {
        let of = |text: &Option<String>| text.as_ref().and_then(bare);
        (bare(summary).unwrap_or_default(), of(description), of(location))
    };
    texts.iter().map(each).collect()
}

fn texts_by_calcard(text: &str) -> Vec<Texts> {
    let calendar = ICalendar::parse(text).expect("a calendar that can be read");
    let said = |event: &ICalendarComponent| {
        let text = |name| event.property(&name).map(|it| it.values.iter().filter_map(|it| it.as_text()).collect());
        let summary: Option<String> = text(ICalendarProperty::Summary);
        let description = text(ICalendarProperty::Description);
        (summary.unwrap(), description, text(ICalendarProperty::Location))
    };
    calendar.components.iter().filter(|it| it.component_type.is_event()).map(said).collect()
}

/// Asserts that every line ends as it should, and none is too long.
fn assert_lines(text: &str) {
    assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"), "{text}");
    for line in text.split("\r\n") {
        assert!(line.len() <= 75 && !line.contains(['\r', '\n']), "{line:?}");
    }
}

#[test]
fn a_feed_says_who_writes_how_it_is_called_and_when_to_look_again() {
    let text = feed("Studio A, upstairs; left", Telling::Details, &[]).unwrap();
    let expected = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Slotwise//Slotwise//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "NAME:Studio A\\, upstairs\\; left",
        "X-WR-CALNAME:Studio A\\, upstairs\\; left",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        "X-PUBLISHED-TTL:PT15M",
        "END:VCALENDAR",
        "",
    ];
    assert_eq!(text.split("\r\n").collect::<Vec<_>>(), expected);
}

#[test]
fn an_entry_is_in_utc_and_counts_its_changes() {
    let text = feed("Studio A", Telling::Details, &[entry("One hour", None, None)]).unwrap();
    let event = text.split("BEGIN:VEVENT\r\n").nth(1).unwrap().split("END:VEVENT").next().unwrap();
    let expected = [
        "CREATED:20261120T090000Z",
        "DTEND:20261025T013000Z",
        "DTSTAMP:20261121T090000Z",
        "DTSTART:20261025T003000Z",
        "LAST-MODIFIED:20261121T090000Z",
        "SEQUENCE:3",
        "STATUS:TENTATIVE",
        "SUMMARY:One hour",
        "TRANSP:OPAQUE",
        "UID:bkg_1@slotwise",
        "",
    ];
    assert_eq!(event.split("\r\n").collect::<Vec<_>>(), expected);
}

#[test]
fn busy_times_are_marked_as_private() {
    let entries = [entry("Busy", None, None)];
    let class = |telling| {
        let calendar = by_ical(&feed("Studio A", telling, &entries).unwrap());
        value(&calendar.events[0].properties, "CLASS").map(str::to_owned)
    };
    assert_eq!((class(Telling::BusyTimes).as_deref(), class(Telling::Details)), (Some("PRIVATE"), None));
}

/// What people type, good or not.
fn typed() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\n",
        "\nSUMMARY:x",
        "\\n\\;,",
        "\\",
        "\"",
        ";VALUE=DATE:",
        "\u{2028}",
        "\u{85}",
        "\u{0}",
        "\u{202e}",
        "日本語のスタジオ",
        "🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂",
        "Ärger",
        " ",
        "a",
        "an ordinary sentence, of some length; with commas",
    ]);
    prop::collection::vec(prop_oneof![3 => pieces.prop_map(str::to_owned), 1 => "\\PC{0,90}"], 0..12)
        .prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn any_text_survives_and_no_line_is_too_long(
        texts in prop::collection::vec((typed(), typed(), typed()), 0..4),
        name in typed(),
    ) {
        let expected: Vec<Texts> = texts
            .iter()
            .map(|(summary, description, location)| {
                let description = lines(description).join("\n");
                let description = (!description.is_empty()).then_some(description);
                (one_line(summary), description, something(Some(location)))
            })
            .collect();
        let entries: Vec<Entry> = expected
            .iter()
            .map(|(summary, description, location)| entry(summary, description.as_deref(), location.as_deref()))
            .collect();
        let name = one_line(&name);
        let text = feed(&name, Telling::Details, &entries).unwrap();
        assert_lines(&text);
        let calendar = by_ical(&text);
        for property in ["NAME", "X-WR-CALNAME"] {
            let read = value(&calendar.properties, property).map(unescaped).unwrap_or_default();
            prop_assert_eq!(read.as_str(), name.trim_start_matches(':'));
        }
        prop_assert_eq!(texts_by_ical(&text), without_first_colons(&expected));
        prop_assert_eq!(&texts_by_calcard(&text), &expected);
    }
}
