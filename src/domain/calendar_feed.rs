//! Calendar feeds: addresses from which calendar programs read.

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};

use super::id::{CalendarFeedId, OrganizationId, ResourceId, UserId};

/// How far a feed looks back.
const BACK: TimeDelta = TimeDelta::days(31);
/// How far a feed looks ahead, today's date in UTC included.
const AHEAD: TimeDelta = TimeDelta::days(367);

/// An address from which a calendar program reads. Whoever knows its key reads; the key is kept by nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarFeed {
    /// Its id.
    pub id: CalendarFeedId,
    /// Whose bookings.
    pub organization_id: OrganizationId,
    /// Who made it. It shows what they may see at the time.
    pub owner_id: UserId,
    /// The resource of which it shows what takes its time; `None`: it shows the owner's own bookings.
    pub resource_id: Option<ResourceId>,
    /// Whether it says what the bookings are; otherwise only that the time is taken.
    pub details: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What of all time a feed shows. It is of whole days in UTC, so that it moves once a day and a feed stays the same text
/// in between, unless a booking changes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct FeedWindow {
    /// What ends at it or before is not shown.
    pub from: DateTime<Utc>,
    /// The beginning of the day it is: what ended before is past.
    pub today: DateTime<Utc>,
    /// What starts at it or later is not shown.
    pub to: DateTime<Utc>,
}

impl FeedWindow {
    /// What a feed shows at `now`: 31 days back and at least 366 days ahead.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        let into_the_day = TimeDelta::seconds(now.num_seconds_from_midnight().into())
            + TimeDelta::nanoseconds(now.timestamp_subsec_nanos().into());
        let today = now - into_the_day;
        Self { from: today - BACK, today, to: today + AHEAD }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_shows_whole_days_and_stays_the_same_for_one() {
        let at = |text: &str| FeedWindow::at(text.parse().unwrap());
        let instant = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
        let window = at("2026-12-01T06:00:00.123Z");
        assert_eq!(window.from, instant("2026-10-31T00:00:00Z"));
        assert_eq!(window.today, instant("2026-12-01T00:00:00Z"));
        assert_eq!(window.to, instant("2027-12-03T00:00:00Z"));
        for same in ["2026-12-01T00:00:00Z", "2026-12-01T23:59:59.999Z"] {
            assert_eq!(at(same), window);
        }
        assert_eq!(at("2026-12-02T00:00:00Z").from, instant("2026-11-01T00:00:00Z"));
    }
}
