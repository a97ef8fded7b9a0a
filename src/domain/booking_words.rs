//! What a booking is in words, wherever it is told of: in mails and in calendars.

use super::booking::{Booker, Booking, BookingItem};
use super::id::ResourceId;
use super::text::{name, one_line};

impl Booker {
    /// How they are called, as [`name`] makes it fit to be shown; `None` where nothing is left of it.
    #[must_use]
    pub fn shown_name(&self) -> Option<String> {
        self.name.as_deref().map(name).filter(|name| !name.is_empty())
    }
}

impl Booking {
    /// What it is, in a line: its title and what its primary resource is `called`, if that is known.
    pub fn heading(&self, called: impl Fn(&ResourceId) -> Option<String>) -> String {
        let title = one_line(&self.title);
        match self.resources().next().and_then(called) {
            Some(primary) => format!("{title}, {primary}"),
            None => title,
        }
    }

    /// What is booked, as a list of what the resources are `called` and how many there are of each: of those that are
    /// known, and `None` where there are none.
    pub fn contents(&self, called: impl Fn(&ResourceId) -> Option<String>) -> Option<String> {
        let in_words = |item: &BookingItem| {
            let name = called(&item.resource_id)?;
            Some(if item.quantity == 1 { name } else { format!("{} × {name}", item.quantity) })
        };
        let contents: Vec<_> = self.items.iter().filter_map(in_words).collect();
        (!contents.is_empty()).then(|| contents.join(", "))
    }
}
