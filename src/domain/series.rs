//! The same booking again and again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::{OrganizationId, SeriesId, UserId};
use super::refusal::{Refusal, UserError};

/// What becomes of a series of which some occurrences cannot be booked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// Nothing is booked.
    AllOrNothing,
    /// The others are booked.
    Skip,
}

/// Bookings that were made together, by a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingSeries {
    /// Its id.
    pub id: SeriesId,
    /// Whose resources.
    pub organization_id: OrganizationId,
    /// The rule (RFC 5545), as it was written.
    pub rrule: String,
    /// The account that it is for, where there is one.
    pub booker_user_id: Option<UserId>,
    /// What the rule has and was not booked, by start.
    pub skipped: Vec<Skipped>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An occurrence that was not booked, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// When it would have started.
    pub start: DateTime<Utc>,
    /// When it would have ended.
    pub end: DateTime<Utc>,
    /// The reason.
    pub code: Refusal,
    /// The reason in words.
    pub message: String,
}

impl Skipped {
    /// The reason, as it was given when the series was made; what stood in the way is not kept.
    #[must_use]
    pub fn reason(&self) -> UserError {
        UserError::new(self.code, self.message.clone())
    }
}
