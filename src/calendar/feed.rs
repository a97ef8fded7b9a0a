//! What calendar programs that subscribe to a feed read (RFC 5545, RFC 7986): all of it each time, and the same text
//! for as long as nothing has changed.

use std::fmt;

use icalendar::{Class, Component as _, Event, Property};

use super::Method;
use super::entry::{Entry, calendar, written};
use super::lines::escaped;

/// How often programs are asked to read it again. Many have ideas of their own.
const REFRESH: &str = "PT15M";

/// What is told of each entry.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    /// All that it holds.
    Details,
    /// That the time is taken. What the entry holds beside that must say nothing more; it is marked as private.
    BusyTimes,
}

/// The calendar called `name`, on one line, with `entries` in their order.
///
/// # Errors
///
/// None that is known of: writing into memory does not fail.
pub fn feed(name: &str, telling: Telling, entries: &[Entry]) -> Result<String, fmt::Error> {
    let mut calendar = calendar(Method::Publish);
    // Of the older name the library knows that it is a text.
    calendar.append_property(Property::new("NAME", escaped(name)));
    calendar.append_property(Property::new("X-WR-CALNAME", name));
    let mut refresh = Property::new("REFRESH-INTERVAL", REFRESH);
    calendar.append_property(refresh.add_parameter("VALUE", "DURATION").done());
    calendar.append_property(Property::new("X-PUBLISHED-TTL", REFRESH));
    calendar.extend(entries.iter().map(|entry| event(entry, telling)));
    written(&calendar)
}

fn event(entry: &Entry, telling: Telling) -> Event {
    let mut event = entry.event();
    event.add_property("TRANSP", "OPAQUE");
    match telling {
        Telling::Details => {}
        Telling::BusyTimes => {
            event.class(Class::Private);
        }
    }
    event
}

#[cfg(test)]
mod tests;
