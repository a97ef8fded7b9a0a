//! Calendars that are subscribed to, as two libraries read them that have nothing to do with each other.

use std::io::BufReader;

use calcard::icalendar::{ICalendar, ICalendarComponent, ICalendarProperty};
use chrono::{DateTime, NaiveDateTime, Utc};
use ical::IcalParser;
use ical::parser::ical::component::IcalCalendar;
use ical::property::Property;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{Actor, within_patience};

/// What came back from the address of a calendar.
#[derive(Debug)]
pub struct Fetched {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Fetched {
    /// A header, if it is there once.
    pub fn header(&self, name: &str) -> &str {
        let mut all = self.headers.get_all(name).iter();
        let value = all.next().map_or("", |value| value.to_str().unwrap());
        assert!(all.next().is_none(), "{name} twice");
        value
    }
}

/// An entry of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub uid: String,
    pub sequence: u32,
    pub stamp: DateTime<Utc>,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub summary: String,
    pub description: Option<String>,
    pub location: Option<String>,
    pub status: String,
}

/// What a program gets that asks for `url`, with these headers.
pub async fn fetch_with(method: Method, url: &str, headers: &[(&str, &str)]) -> Fetched {
    super::provide_tls();
    let mut request = reqwest::Client::new().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = within_patience("a calendar", request.send()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Fetched { status, headers, text: response.text().await.unwrap() }
}

/// What a program gets that asks for `url`.
pub async fn fetch(url: &str) -> Fetched {
    fetch_with(Method::GET, url, &[]).await
}

/// The calendar at `url`.
pub async fn calendar(url: &str) -> String {
    let fetched = fetch(url).await;
    assert_eq!(fetched.status, 200, "{}", fetched.text);
    fetched.text
}

/// What the calendar at `url` says.
pub async fn said(url: &str) -> Vec<Said> {
    read(&calendar(url).await)
}

/// What `text` says, which both libraries must agree about. It has the lines that the standard wants.
pub fn read(text: &str) -> Vec<Said> {
    assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"), "{text}");
    for line in text.split("\r\n") {
        assert!(line.len() <= 75 && !line.contains(['\r', '\n']), "{line:?}");
    }
    let said: Vec<Said> = by_ical(text).events.iter().map(|event| said_to_ical(&event.properties)).collect();
    let calendar = ICalendar::parse(text).expect("a calendar that can be read");
    let events = calendar.components.iter().filter(|component| component.component_type.is_event());
    // The other one has words of its own for where something stands.
    let agreed: Vec<Said> =
        events.zip(&said).map(|(event, ical)| Said { status: ical.status.clone(), ..said_to_calcard(event) }).collect();
    assert_eq!(agreed, said);
    said
}

/// What the calendar in `text` is called.
pub fn name_of(text: &str) -> String {
    let calendar = by_ical(text);
    let name = unescaped(value(&calendar.properties, "X-WR-CALNAME").unwrap());
    assert_eq!(value(&calendar.properties, "NAME").map(unescaped).as_deref(), Some(name.as_str()));
    assert_eq!(value(&calendar.properties, "METHOD"), Some("PUBLISH"));
    name
}

fn by_ical(text: &str) -> IcalCalendar {
    let mut calendars = IcalParser::new(BufReader::new(text.as_bytes()));
    let calendar = calendars.next().expect("a calendar").expect("a calendar that can be read");
    assert!(calendars.next().is_none(), "more than one calendar");
    calendar
}

fn value<'a>(properties: &'a [Property], name: &str) -> Option<&'a str> {
    let mut found = properties.iter().filter(|property| property.name == name);
    let value = found.next()?.value.as_deref();
    assert!(found.next().is_none(), "{name} twice");
    value
}

fn said_to_ical(event: &[Property]) -> Said {
    let instant = |name| {
        let text = value(event, name).unwrap_or_else(|| panic!("no {name}"));
        NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").unwrap().and_utc()
    };
    assert_eq!(value(event, "LAST-MODIFIED"), value(event, "DTSTAMP"));
    assert_eq!(value(event, "TRANSP"), Some("OPAQUE"));
    Said {
        uid: value(event, "UID").unwrap().to_owned(),
        sequence: value(event, "SEQUENCE").unwrap().parse().unwrap(),
        stamp: instant("DTSTAMP"),
        start: instant("DTSTART"),
        end: instant("DTEND"),
        summary: unescaped(value(event, "SUMMARY").unwrap()),
        description: value(event, "DESCRIPTION").map(unescaped),
        location: value(event, "LOCATION").map(unescaped),
        status: value(event, "STATUS").unwrap().to_owned(),
    }
}

fn said_to_calcard(event: &ICalendarComponent) -> Said {
    let first = |name| event.property(&name).unwrap_or_else(|| panic!("no {name:?}")).values.first().unwrap();
    let instant = |name| {
        let seconds = first(name).as_partial_date_time().unwrap().to_timestamp().unwrap();
        DateTime::from_timestamp(seconds, 0).unwrap()
    };
    let text = |name| event.property(&name).map(|it| it.values.iter().filter_map(|it| it.as_text()).collect());
    Said {
        uid: event.uid().unwrap().to_owned(),
        sequence: first(ICalendarProperty::Sequence).as_integer().unwrap().try_into().unwrap(),
        stamp: instant(ICalendarProperty::Dtstamp),
        start: instant(ICalendarProperty::Dtstart),
        end: instant(ICalendarProperty::Dtend),
        summary: text(ICalendarProperty::Summary).unwrap_or_default(),
        description: text(ICalendarProperty::Description),
        location: text(ICalendarProperty::Location),
        status: String::new(),
    }
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

impl Actor {
    /// Makes a feed: the payload of `createCalendarFeed`.
    pub async fn make_feed(&self, input: Value) -> Value {
        const MAKE: &str = "mutation ($input: CreateCalendarFeedInput!) { createCalendarFeed(input: $input) {
            feed { id ownerId resource { id name } details createdAt } url userErrors { code message field } } }";
        self.ask(MAKE, json!({ "input": input })).await["createCalendarFeed"].clone()
    }

    /// The same, where nothing may be refused: its id and its address.
    pub async fn feed(&self, input: Value) -> (String, String) {
        let payload = self.make_feed(input).await;
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no feed: {payload}")).to_owned();
        (text(&payload["feed"]["id"]), text(&payload["url"]))
    }

    /// Revokes a feed: the payload of `deleteCalendarFeed`.
    pub async fn revoke(&self, id: &str) -> Value {
        const REVOKE: &str = "mutation ($input: DeleteCalendarFeedInput!) { deleteCalendarFeed(input: $input) {
            deletedId userErrors { code message field } } }";
        self.ask(REVOKE, json!({ "input": { "id": id } })).await["deleteCalendarFeed"].clone()
    }

    /// The ids of the feeds that they see.
    pub async fn feeds(&self) -> Vec<String> {
        let data = self.ask("{ calendarFeeds { id } }", json!({})).await;
        let listed = data["calendarFeeds"].as_array().unwrap();
        listed.iter().map(|feed| feed["id"].as_str().unwrap().to_owned()).collect()
    }
}
