//! What the catalogue says about what is asked for again and again, kept in memory: then asking for free slots reads
//! nothing but what is occupied.
//!
//! What is kept is never relied upon by itself. Whoever uses it reads, together with what is occupied and in one
//! statement, how often the catalogue has changed, whichever server changed it: only if that is as often as when this was
//! read does it still hold.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::facts::{Asked, Facts};
use crate::domain::id::{EventTypeId, ResourceId};
use crate::least_used::LeastUsed;

/// Bytes of facts that are kept, by estimate.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// How long they are relied upon at most: what is mended in the database by hand counts as no change.
const LONGEST: TimeDelta = TimeDelta::minutes(1);

/// What is asked for, on whatever day. Bundles are not kept: there is no end of them.
type OfferKey = (Option<EventTypeId>, ResourceId);

/// The key of what `asked` asks for; `None`: it is not kept.
pub(super) fn key_of(asked: &Asked<'_>) -> Option<OfferKey> {
    asked.add_ons.is_empty().then(|| (asked.event_type_id.cloned(), asked.resource_id.clone()))
}

/// What the catalogue said, and when.
#[derive(Clone, Debug)]
struct Known {
    facts: Arc<Facts>,
    at: DateTime<Utc>,
}

/// What the catalogue said about what was asked for last.
#[derive(Debug)]
pub(super) struct KnownOffers(LeastUsed<OfferKey, Known>);

impl Default for KnownOffers {
    fn default() -> Self {
        Self(LeastUsed::new(MOST_BYTES))
    }
}

impl KnownOffers {
    /// What the catalogue said when it was read last, if that was not long before `now`.
    pub(super) fn find(&self, key: &OfferKey, now: DateTime<Utc>) -> Option<Arc<Facts>> {
        let known = self.0.get(key)?;
        // A clock that is set back makes it one of the future.
        (known.at..known.at + LONGEST).contains(&now).then_some(known.facts)
    }

    /// Keeps what the catalogue said at `now`, of all dates.
    pub(super) fn keep(&self, key: OfferKey, facts: Arc<Facts>, now: DateTime<Utc>) {
        let weight = facts.weight();
        self.0.keep(key, Known { facts, at: now }, weight);
    }
}
