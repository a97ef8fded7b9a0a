//! What an answer was made of, and whether that is still so: so that answers can be kept as long as they are true, and no
//! longer.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Services;
use super::live::Footprint;
use crate::domain::id::{OrganizationId, ResourceId};
use crate::feed::{CatalogueWatch, Mark, Topic, Watch};
use crate::presence::Presence;

/// How long an answer is relied upon at most: what is mended in the database behind the server's back is told to nobody.
const LONGEST: TimeDelta = TimeDelta::minutes(1);

/// What an answer was made of.
#[derive(Debug)]
pub struct Source {
    catalogue: CatalogueWatch,
    occupancy: Watch,
    holds: Option<Holds>,
    /// When it was made: a clock that is set back makes it one of the future.
    from: DateTime<Utc>,
    /// When the clock alone changes it, or nobody relies on it any more.
    until: DateTime<Utc>,
}

/// The holds of a resource, as they were.
struct Holds {
    presence: Arc<Presence>,
    resource: ResourceId,
    revision: u64,
}

impl std::fmt::Debug for Holds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holds")
            .field("resource", &self.resource)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// Whether an answer that was made of it is still true at `now`.
    #[must_use]
    pub fn is_true(&self, now: DateTime<Utc>) -> bool {
        (self.from..self.until).contains(&now)
            && !self.occupancy.has_changed()
            && !self.catalogue.has_changed()
            && self.holds.as_ref().is_none_or(|holds| holds.presence.revision(&holds.resource) == holds.revision)
    }
}

/// The moment at which reading for an answer began.
#[derive(Copy, Clone, Debug)]
pub struct Begun {
    mark: Mark,
    at: DateTime<Utc>,
}

impl Begun {
    /// When that was.
    #[must_use]
    pub fn at(self) -> DateTime<Utc> {
        self.at
    }
}

impl Services {
    /// Begins to read for an answer as of `at`. Call it before the first look at anything.
    #[must_use]
    pub fn begin(&self, at: DateTime<Utc>) -> Begun {
        Begun { mark: self.parts().feed.mark(), at }
    }

    /// The source of what was read of `footprint` since `begun`, and is changed by the clock alone at `until`. `None`: it
    /// has changed meanwhile, or depends on a booking.
    pub(super) fn source(&self, begun: Begun, footprint: &Footprint, until: Option<DateTime<Utc>>) -> Option<Source> {
        if footprint.booking.is_some() {
            return None;
        }
        let feed = &self.parts().feed;
        // Watched before it is looked at what has changed: nothing falls between the two.
        let catalogue = feed.watch_catalogue(footprint.catalogue.clone());
        let occupancy = feed.watch(Topic::Occupancy, footprint.occupancy.iter().cloned());
        let is_unchanged = feed.is_unchanged(begun.mark, &footprint.catalogue, &footprint.occupancy);
        let until = until.into_iter().fold(begun.at + LONGEST, DateTime::min);
        is_unchanged.then_some(Source { catalogue, occupancy, holds: None, from: begun.at, until })
    }

    /// The source of what was read of the catalogue of `organization` since `begun`.
    #[must_use]
    pub fn catalogue_source(&self, begun: Begun, organization: &OrganizationId) -> Option<Source> {
        let footprint = Footprint { catalogue: organization.clone(), occupancy: Vec::new(), booking: None };
        self.source(begun, &footprint, None)
    }

    /// The source of what was read of the holds of `resource`, of `organization`, when their revision was this one.
    pub(super) fn holds_source(
        &self,
        begun: Begun,
        organization: &OrganizationId,
        (resource, revision): (&ResourceId, u64),
    ) -> Option<Source> {
        let presence = Arc::clone(&self.parts().presence);
        let holds = Some(Holds { presence, resource: resource.clone(), revision });
        self.catalogue_source(begun, organization).map(|source| Source { holds, ..source })
    }
}
