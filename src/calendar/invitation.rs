//! What comes with a mail and puts a booking into a calendar, moves it there or removes it (RFC 5545, RFC 5546).

use std::fmt::{self, Write as _};

use icalendar::{Component as _, Event, EventStatus, Property};

use super::Method;
use super::entry::{Entry, calendar, written};

/// Somebody who is named in a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// How they are called.
    pub name: Option<String>,
    /// Their mail address.
    pub address: String,
}

/// A calendar that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// What is to be done with it.
    pub method: Method,
    /// The calendar itself, with the line ends and folds of the standard.
    pub text: String,
}

/// The calendar that tells `attendee` of `entries`.
///
/// # Errors
///
/// None that is known of: writing into memory does not fail.
pub fn invitation(entries: &[Entry], organizer: &Party, attendee: &Party) -> Result<Invitation, fmt::Error> {
    let method = match entries {
        [one] if one.standing == EventStatus::Cancelled => Method::Cancel,
        [_] => Method::Request,
        _ => Method::Publish,
    };
    let mut calendar = calendar(method);
    // In what is published nobody attends (RFC 5546, 3.2.1).
    let attendee = (method != Method::Publish).then_some(attendee);
    calendar.extend(entries.iter().map(|entry| event(entry, organizer, attendee)));
    Ok(Invitation { method, text: written(&calendar)? })
}

fn event(entry: &Entry, organizer: &Party, attendee: Option<&Party>) -> Event {
    let mut event = entry.event();
    event.append_property(party("ORGANIZER", organizer));
    if let Some(attendee) = attendee {
        // They have booked: nobody waits for their answer.
        let mut attendee = party("ATTENDEE", attendee);
        for (name, value) in
            [("CUTYPE", "INDIVIDUAL"), ("ROLE", "REQ-PARTICIPANT"), ("PARTSTAT", "ACCEPTED"), ("RSVP", "FALSE")]
        {
            attendee.add_parameter(name, value);
        }
        event.append_multi_property(attendee);
    }
    event
}

/// The property `name` that says who `party` is.
fn party(name: &str, party: &Party) -> Property {
    let mut property = Property::new(name, format!("mailto:{}", in_a_link(&party.address)));
    if let Some(name) = &party.name {
        // A parameter has no way to write a double quote (RFC 5545, 3.2).
        property.add_parameter("CN", &name.replace('"', "'"));
    }
    property
}

/// `address` as a link has it: whatever could end it or mean something else there is encoded (RFC 6068).
fn in_a_link(address: &str) -> String {
    let mut encoded = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_alphanumeric() || b"@.-_+!$'*~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
