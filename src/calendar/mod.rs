//! Calendars as other programs read them (iCalendar, RFC 5545). Pure: no I/O, no clock.

pub mod entry;
pub mod feed;
pub mod invitation;
mod lines;

/// What a calendar is to do with what it gets.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// Put the one entry in, or bring it up to date.
    Request,
    /// Take the one entry out.
    Cancel,
    /// Look at each entry's own status. RFC 5546 wants a single UID in the other two.
    Publish,
}

impl Method {
    /// Its name in the standard.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "REQUEST",
            Self::Cancel => "CANCEL",
            Self::Publish => "PUBLISH",
        }
    }
}
