//! Calendars say what bookings say: read by two libraries that have nothing to do with each other.

use std::io::BufReader;

use calcard::icalendar::{ICalendar, ICalendarProperty};
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use ical::IcalParser;
use ical::parser::ical::component::{IcalCalendar, IcalEvent};

use super::reading::read;
use super::samples::{at, by_a_guest, every_mail, job, moved, told, weekly};
use crate::domain::booking::{Actor, Booking, BookingEventType, BookingStatus};
use crate::notify::mail::job::{MailJob, MailKind};

/// What a calendar says of one entry.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub uid: String,
    pub sequence: u32,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub summary: String,
}

impl Said {
    fn of(booking: &Booking, summary: &str) -> Self {
        Self {
            uid: format!("{}@slotwise", booking.id),
            sequence: booking.revision,
            start: booking.start,
            end: booking.end,
            summary: summary.to_owned(),
        }
    }
}

/// The one calendar in `text`, as the crate `ical` reads it.
pub fn by_ical(text: &str) -> IcalCalendar {
    let mut calendars = IcalParser::new(BufReader::new(text.as_bytes()));
    let calendar = calendars.next().expect("a calendar").expect("a calendar that can be read");
    assert!(calendars.next().is_none(), "more than one calendar");
    calendar
}

fn value(event: &IcalEvent, name: &str) -> String {
    let mut found = event.properties.iter().filter(|property| property.name == name);
    let value = found.next().unwrap_or_else(|| panic!("no {name}")).value.clone().unwrap();
    assert!(found.next().is_none(), "{name} twice");
    value
}

fn method(calendar: &IcalCalendar) -> &str {
    let method = calendar.properties.iter().find(|property| property.name == "METHOD").unwrap();
    method.value.as_deref().unwrap()
}

fn instant(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").unwrap().and_utc()
}

fn said_to_ical(event: &IcalEvent) -> Said {
    Said {
        uid: value(event, "UID"),
        sequence: value(event, "SEQUENCE").parse().unwrap(),
        start: instant(&value(event, "DTSTART")),
        end: instant(&value(event, "DTEND")),
        summary: value(event, "SUMMARY").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\"),
    }
}

/// What `text` says as the crate `calcard` reads it.
pub fn by_calcard(text: &str) -> Vec<Said> {
    let calendar = ICalendar::parse(text).expect("a calendar that can be read");
    let events = calendar.components.iter().filter(|component| component.component_type.is_event());
    let said = events.map(|event| {
        let first = |name| event.property(&name).unwrap_or_else(|| panic!("no {name:?}")).values.first().unwrap();
        let instant = |name| {
            let seconds = first(name).as_partial_date_time().unwrap().to_timestamp().unwrap();
            DateTime::from_timestamp(seconds, 0).unwrap()
        };
        Said {
            uid: event.uid().unwrap().to_owned(),
            sequence: first(ICalendarProperty::Sequence).as_integer().unwrap().try_into().unwrap(),
            start: instant(ICalendarProperty::Dtstart),
            end: instant(ICalendarProperty::Dtend),
            // Where nothing was said, there is no value.
            summary: event
                .property(&ICalendarProperty::Summary)
                .unwrap()
                .values
                .iter()
                .filter_map(|it| it.as_text())
                .collect(),
        }
    });
    said.collect()
}

/// Asserts that both libraries read from the mail for `job` what its bookings say; gives its calendar.
fn says_what_the_bookings_say(job: &MailJob) -> IcalCalendar {
    let text = read(job).ics.expect("a calendar");
    let summary = "Recording & mixing, Studio A";
    let expected: Vec<_> = job.about.iter().map(|told| Said::of(&told.booking, summary)).collect();
    let calendar = by_ical(&text);
    assert_eq!(calendar.events.iter().map(said_to_ical).collect::<Vec<_>>(), expected);
    assert_eq!(by_calcard(&text), expected);
    calendar
}

#[test]
fn a_calendar_says_what_the_booking_says_and_what_is_to_be_done() {
    use BookingEventType as Event;
    use BookingStatus::{Cancelled, Confirmed, Declined, Expired, Pending};
    for (kind, told, does, stands) in [
        (MailKind::Confirmed, told(Event::Created, Confirmed, Actor::Guest), "REQUEST", "CONFIRMED"),
        (MailKind::Requested, told(Event::Created, Pending, Actor::Guest), "REQUEST", "TENTATIVE"),
        (MailKind::Approved, told(Event::Confirmed, Confirmed, Actor::Guest), "REQUEST", "CONFIRMED"),
        (MailKind::Rescheduled, moved(Confirmed), "REQUEST", "CONFIRMED"),
        (MailKind::Rescheduled, moved(Pending), "REQUEST", "TENTATIVE"),
        (MailKind::Declined, told(Event::Declined, Declined, Actor::Guest), "CANCEL", "CANCELLED"),
        (MailKind::Cancelled, told(Event::Cancelled, Cancelled, Actor::Guest), "CANCEL", "CANCELLED"),
        (MailKind::Expired, told(Event::Expired, Expired, Actor::System), "CANCEL", "CANCELLED"),
    ] {
        let job = job(kind, [told]);
        let calendar = says_what_the_bookings_say(&job);
        assert_eq!((method(&calendar), value(&calendar.events[0], "STATUS").as_str()), (does, stands), "{kind:?}");
        assert_eq!(value(&calendar.events[0], "DTSTAMP"), "20261121T090000Z");
        assert_eq!(value(&calendar.events[0], "ORGANIZER"), "mailto:booking@example.com");
        assert_eq!(value(&calendar.events[0], "ATTENDEE"), "mailto:ada@example.org");
        let mail = read(&job);
        assert_eq!(mail.shown_ics, Some((does.to_owned(), mail.ics.unwrap())));
    }
}

#[test]
fn a_calendar_is_right_across_clock_changes() {
    // Berlin's two half past twos, and the night that has none.
    for (start, end) in [
        ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"),
        ("2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z"),
    ] {
        let mut told = told(BookingEventType::Created, BookingStatus::Confirmed, Actor::System);
        (told.booking.start, told.booking.end, told.booking.time_zone) = (at(start), at(end), Tz::Europe__Berlin);
        let calendar = says_what_the_bookings_say(&job(MailKind::Confirmed, [told]));
        assert_eq!(instant(&value(&calendar.events[0], "DTSTART")), at(start));
    }
}

#[test]
fn a_series_is_one_calendar_with_the_status_of_each_and_nobody_who_attends() {
    let made = told(BookingEventType::Created, BookingStatus::Confirmed, Actor::User("usr_ada".into()));
    let mut about = weekly(&made, 104);
    about[1].booking.status = BookingStatus::Cancelled;
    let job = job(MailKind::Confirmed, about);
    let calendar = says_what_the_bookings_say(&job);
    assert_eq!(method(&calendar), "PUBLISH");
    let stands: Vec<_> = calendar.events.iter().take(3).map(|event| value(event, "STATUS")).collect();
    assert_eq!(stands, ["CONFIRMED", "CANCELLED", "CONFIRMED"]);
    assert!(calendar.events.iter().all(|event| event.properties.iter().all(|it| it.name != "ATTENDEE")));
    let mail = read(&job);
    assert_eq!(mail.shown_ics, None, "many programs would show the first and hide the mail");
    assert_eq!(mail.plain.matches("https://book.example.com/").count(), 104);
}

#[test]
fn a_series_that_is_too_long_to_list_says_how_many_are_left_out() {
    let made = told(BookingEventType::Created, BookingStatus::Confirmed, Actor::User("usr_ada".into()));
    let mail = read(&job(MailKind::Confirmed, weekly(&made, 110)));
    assert!(mail.plain.contains("\nand 6 more\n") && mail.html.contains(">and 6 more<"));
    assert_eq!(by_ical(&mail.ics.unwrap()).events.len(), 110);
}

#[test]
fn reminders_and_what_the_operator_gets_bring_no_calendar() {
    for (name, job) in every_mail() {
        let mail = read(&job);
        let brings_none = matches!(job.kind, MailKind::Reminder | MailKind::ApprovalWanted);
        assert_eq!(mail.ics.is_none(), brings_none, "{name}");
        assert_eq!(mail.shown_ics.is_none(), brings_none || job.about.len() > 1, "{name}");
    }
}

#[test]
fn a_calendar_has_short_lines_and_no_secret() {
    for (name, job) in every_mail() {
        let Some(text) = read(&job).ics else { continue };
        assert!(text.ends_with("END:VCALENDAR\r\n"), "{name}");
        for line in text.split("\r\n") {
            assert!(line.len() <= 75 && !line.contains(['\r', '\n']), "{name}: {line}");
        }
        assert!(!text.contains("token"), "{name}");
    }
}

#[test]
fn an_address_can_not_break_out_of_its_line() {
    let mut told = by_a_guest(told(BookingEventType::Created, BookingStatus::Confirmed, Actor::Guest));
    told.booking.booker.name = Some("A \"quoted\"; name: here, \r\nATTENDEE:mailto:x".to_owned());
    told.booking.booker.email = Some("o'hara+a&b=c%d{f}@example.org".to_owned());
    let calendar = by_ical(&read(&job(MailKind::Confirmed, [told])).ics.unwrap());
    assert_eq!(value(&calendar.events[0], "ATTENDEE"), "mailto:o'hara+a%26b%3Dc%25d%7Bf%7D@example.org");
    let attendee = calendar.events[0].properties.iter().find(|it| it.name == "ATTENDEE").unwrap();
    let names: Vec<_> = attendee.params.iter().flatten().filter(|(name, _)| name == "CN").collect();
    assert_eq!(names[0].1, ["A 'quoted'; name: here, ATTENDEE: mailto: x"]);
}
