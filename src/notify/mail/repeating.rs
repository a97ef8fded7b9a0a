//! What a mail may repeat of what people typed.

use super::job::{MailJob, MailKind, Told};
use crate::domain::booking::Actor;

/// What a mail may repeat of what people typed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// The booker's name.
    Name,
    /// The name, and why it happened.
    Reason,
    /// The name, notes, location, reason and reference.
    All,
}

impl Repeats {
    /// What the mail of `job` may repeat.
    ///
    /// Where nobody has an account, anybody could have a mail of their own wording sent to strangers. So what a guest
    /// causes repeats nothing but the name; and so does what the server sends by itself, or whoever has no more than a
    /// link, of a booking that belongs to no account. What somebody signed in causes, staff for instance, repeats
    /// everything: unless they turn such a booking away, which is what becomes of one that was made for its wording.
    #[must_use]
    pub fn of(job: &MailJob) -> Self {
        let about = &job.about;
        if !about.iter().all(vouched_for) {
            return Self::Name;
        }
        match job.kind {
            MailKind::Declined | MailKind::Cancelled if !about.iter().all(has_account) => Self::Reason,
            _ => Self::All,
        }
    }

    /// What was `typed` by whoever booked, where it may be repeated.
    #[must_use]
    pub fn typed(self, typed: Option<&str>) -> Option<&str> {
        typed.filter(|_| self == Self::All)
    }

    /// The `reason` for what happened, where it may be repeated.
    #[must_use]
    pub fn reason(self, reason: Option<&str>) -> Option<&str> {
        reason.filter(|_| self != Self::Name)
    }
}

/// Whether somebody who can be named stands for what `told` causes to be sent.
fn vouched_for(told: &Told) -> bool {
    match told.transition.as_ref().map(|transition| &transition.by) {
        Some(Actor::User(_)) => true,
        Some(Actor::Guest) => false,
        // Of a booking with an account the address is the account's, and what was typed is its owner's or staff's.
        Some(Actor::TokenBearer | Actor::System) | None => has_account(told),
    }
}

fn has_account(told: &Told) -> bool {
    told.booking.booker.user_id.is_some()
}
