//! What may happen to a booking: one table, which the code, the docs and the tests share.

use chrono::{DateTime, Utc};

use super::access::Standing;
use super::booking::{Booking, BookingEventType, BookingStatus};
use super::refusal::Refusal;

/// What somebody wants to happen to a booking.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Agree to it.
    Confirm,
    /// Say no.
    Decline,
    /// Call it off.
    Cancel,
    /// Let it go because it was not confirmed in time.
    Expire,
    /// Move it.
    Reschedule,
    /// Note that it took place.
    Complete,
    /// Note that nobody came.
    MarkNoShow,
}

/// Who wants it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Doer {
    /// Somebody who deals with the booking.
    Person(Standing),
    /// The server itself.
    System,
}

/// Who may.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Staff only.
    Staff,
    /// Staff; booker and token before the start.
    AnyoneBeforeTheStart,
    /// The server itself, once the booking has lapsed.
    System,
}

/// When they may, beyond what [`Who`] says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// At any time.
    Always,
    /// From the start on.
    AfterTheStart,
}

/// What becomes of the time that the booking occupies.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Time {
    /// It stays occupied.
    Kept,
    /// It is free again.
    LetGo,
    /// What it occupied is free again, and other time is occupied.
    Moved,
}

/// One line of the table.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The status before.
    pub from: BookingStatus,
    /// What is wanted.
    pub action: Action,
    /// The status after. (A move may make it [`BookingStatus::Pending`] again: see `reschedule`.)
    pub to: BookingStatus,
    /// Who may.
    pub who: Who,
    /// When.
    pub when: When,
    /// What becomes of its time.
    pub time: Time,
}

/// Everything that may happen to a booking once it is made. What is not here may not.
pub const RULES: &[Rule] = {
    use Action::{Cancel, Complete, Confirm, Decline, Expire, MarkNoShow, Reschedule};
    use BookingStatus::{Cancelled, Completed, Confirmed, Declined, Expired, NoShow, Pending, Provisional};
    use Time::{Kept, LetGo, Moved};
    use When::{AfterTheStart, Always};
    use Who::{AnyoneBeforeTheStart, Staff, System};
    &[
        rule(Provisional, Confirm, Confirmed, Staff, Always, Kept),
        rule(Provisional, Cancel, Cancelled, AnyoneBeforeTheStart, Always, LetGo),
        rule(Provisional, Expire, Expired, System, Always, LetGo),
        rule(Pending, Confirm, Confirmed, Staff, Always, Kept),
        rule(Pending, Decline, Declined, Staff, Always, LetGo),
        rule(Pending, Reschedule, Pending, AnyoneBeforeTheStart, Always, Moved),
        rule(Pending, Cancel, Cancelled, AnyoneBeforeTheStart, Always, LetGo),
        rule(Pending, Expire, Expired, System, Always, LetGo),
        rule(Confirmed, Reschedule, Confirmed, AnyoneBeforeTheStart, Always, Moved),
        rule(Confirmed, Cancel, Cancelled, AnyoneBeforeTheStart, Always, LetGo),
        rule(Confirmed, Complete, Completed, Staff, AfterTheStart, Kept),
        rule(Confirmed, MarkNoShow, NoShow, Staff, AfterTheStart, Kept),
        rule(Completed, MarkNoShow, NoShow, Staff, Always, Kept),
        rule(NoShow, Complete, Completed, Staff, Always, Kept),
    ]
};

const fn rule(from: BookingStatus, action: Action, to: BookingStatus, who: Who, when: When, time: Time) -> Rule {
    Rule { from, action, to, who, when, time }
}

/// What an action comes to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It happens, by this rule.
    Happens(&'static Rule),
    /// The booking stands there already: nothing to do.
    AlreadySo,
}

impl Action {
    /// The event that the history keeps.
    #[must_use]
    pub fn event(self) -> BookingEventType {
        match self {
            Self::Confirm => BookingEventType::Confirmed,
            Self::Decline => BookingEventType::Declined,
            Self::Cancel => BookingEventType::Cancelled,
            Self::Expire => BookingEventType::Expired,
            Self::Reschedule => BookingEventType::Rescheduled,
            Self::Complete => BookingEventType::Completed,
            Self::MarkNoShow => BookingEventType::NoShow,
        }
    }

    /// The status that it leads to, whatever the one before; a move has none.
    fn target(self) -> Option<BookingStatus> {
        match self {
            Self::Confirm => Some(BookingStatus::Confirmed),
            Self::Decline => Some(BookingStatus::Declined),
            Self::Cancel => Some(BookingStatus::Cancelled),
            Self::Expire => Some(BookingStatus::Expired),
            Self::Reschedule => None,
            Self::Complete => Some(BookingStatus::Completed),
            Self::MarkNoShow => Some(BookingStatus::NoShow),
        }
    }
}

impl Booking {
    /// Decides `action` by `doer` at `now`. What has lapsed counts as expired, whether or not that is written down.
    ///
    /// # Errors
    /// `TooLateToCancel` for a cancel by booker or token from the start on, `IllegalTransition` for all else that the
    /// table does not have.
    pub fn decide(&self, action: Action, doer: Doer, now: DateTime<Utc>) -> Result<Decision, Refusal> {
        let status = if action == Action::Expire { self.status } else { self.status_at(now) };
        if action.target() == Some(status) {
            return Ok(Decision::AlreadySo);
        }
        let rule = RULES
            .iter()
            .find(|rule| rule.from == status && rule.action == action)
            .filter(|rule| rule.when == When::Always || now >= self.start)
            .ok_or(Refusal::IllegalTransition)?;
        let may = match (rule.who, doer) {
            (Who::Staff | Who::AnyoneBeforeTheStart, Doer::Person(Standing::Staff)) => true,
            (Who::AnyoneBeforeTheStart, Doer::Person(_)) => now < self.start,
            (Who::System, Doer::System) => self.has_lapsed(now),
            _ => false,
        };
        match (may, action) {
            (true, _) => Ok(Decision::Happens(rule)),
            (false, Action::Cancel) => Err(Refusal::TooLateToCancel),
            (false, _) => Err(Refusal::IllegalTransition),
        }
    }
}

#[cfg(test)]
mod tests;
