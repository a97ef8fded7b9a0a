//! What is read to answer a question about an offer: what the catalogue says, which is known mostly, and what is occupied.

use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::availability::OfferQuestion;
use super::facts::{self, Asked, Facts};
use super::known_offers::key_of;
use super::live::Footprint;
use super::own_time::OwnTime;
use super::{Services, revision};
use crate::domain::availability::{Occupancy, Terms, TermsError};
use crate::domain::id::{OrganizationId, ResourceId};
use crate::domain::local_time::local_day;
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::Refusal;
use crate::error::Error;
use crate::store::{Reader, Store};

/// The first and the last local day that a question is about.
pub(super) type Days = (NaiveDate, NaiveDate);

/// What is asked about, as far as the catalogue decides it.
struct Offer {
    terms: Terms,
    /// Whether it is on offer at all: if not, every list is empty.
    offered: bool,
    time_zone: Tz,
    /// Where it has to be known what is occupied.
    needed: QuantumSpan,
}

/// What was read to answer a question about an offer.
pub(super) struct OfferReading {
    pub(super) terms: Terms,
    /// Whether it is on offer at all: if not, every list is empty.
    pub(super) offered: bool,
    pub(super) time_zone: Tz,
    pub(super) occupancy: Occupancy,
    /// When the clock ends that a booking which is to be moved counts as free.
    pub(super) own_time_until: Option<DateTime<Utc>>,
    pub(super) revision: u64,
    pub(super) footprint: Footprint,
}

impl OfferQuestion {
    fn asked(&self) -> Asked<'_> {
        Asked {
            resource_id: &self.resource_id,
            event_type_id: self.event_type_id.as_ref(),
            duration_minutes: self.duration_minutes,
            interval_minutes: self.interval_minutes,
            quantity: self.quantity,
            add_ons: &self.add_ons,
        }
    }

    /// Reads everything that decides about starts on the local days of `days`, as of one moment.
    pub(super) async fn read(
        &self,
        services: &Services,
        days: Days,
        now: DateTime<Utc>,
    ) -> Result<OfferReading, Error> {
        let store = &services.parts().store;
        let key = key_of(&self.asked());
        // With a booking that is moved, what it occupies is read as well.
        let Some(key) = key.filter(|_| self.reschedule.is_none()) else {
            let dates = facts::dates_around_days(days.0, days.1);
            return Ok(self.read_all(services, (days, dates), now).await?.0);
        };
        if let Some(known) = services.known_offers().find(&key, now)
            && let Some(reading) = self.read_occupancy(store, &known, days).await?
        {
            return Ok(reading);
        }
        let (reading, facts) = self.read_all(services, (days, facts::all_dates()), now).await?;
        services.known_offers().keep(key, Arc::new(facts), now);
        Ok(reading)
    }

    /// The same, if the catalogue still says what is `known`: what is occupied is read in the statement that tells so.
    /// `None`: it may say something else.
    async fn read_occupancy(&self, store: &Store, known: &Facts, days: Days) -> Result<Option<OfferReading>, Error> {
        // What is refused may be offered by now.
        let Ok(offer) = self.offer(known, days) else { return Ok(None) };
        let (revision, rows) = store.occupancy_in(offer.organization(), &self.resource_id, offer.needed).await?;
        if revision != known.catalogue_revision() {
            return Ok(None);
        }
        let (occupancy, changes) = facts::occupancy(rows);
        let resources = vec![self.resource_id.clone()];
        Ok(Some(offer.reading(resources, (revision, changes), occupancy)))
    }

    /// All of it, in one snapshot: what the catalogue says of `dates`, too.
    async fn read_all(
        &self,
        services: &Services,
        (days, dates): (Days, RangeInclusive<NaiveDate>),
        now: DateTime<Utc>,
    ) -> Result<(OfferReading, Facts), Error> {
        let dates = &dates;
        let read = |reader: Arc<Reader>| async move { self.read_by(services, &reader, (days, dates), now).await };
        services.parts().store.snapshot(read).await
    }

    async fn read_by(
        &self,
        services: &Services,
        reader: &Reader,
        (days, dates): (Days, &RangeInclusive<NaiveDate>),
        now: DateTime<Utc>,
    ) -> Result<(OfferReading, Facts), Error> {
        let facts = self.asked().facts(reader, dates).await?;
        let offer = self.offer(&facts, days)?;
        let resources = self.asked().resources();
        let (mut occupancy, changes) = facts::read_occupancy(reader, &resources, [offer.needed]).await?;
        let own_time = services.own_time(reader, self.reschedule.as_ref(), now).await?;
        let own_time_until = own_time.as_ref().and_then(|own| own.free_up(&mut occupancy, offer.terms.items()));
        let own_changes = own_time.as_ref().map_or(0, OwnTime::changes);
        let mut reading = offer.reading(resources, (facts.catalogue_revision(), changes + own_changes), occupancy);
        reading.own_time_until = own_time_until;
        reading.footprint.booking = own_time.as_ref().map(OwnTime::watched);
        Ok((reading, facts))
    }

    /// What is offered on `days`, as far as the catalogue decides it.
    fn offer(&self, facts: &Facts, (from, to): Days) -> Result<Offer, Error> {
        let terms = facts.terms(&self.asked()).map_err(refused_question)?;
        let offered = match terms.require_offered() {
            Ok(()) => true,
            Err(refused) if refused.refusal == Refusal::DurationNotOffered => {
                return Err(Error::BadInput(refused.message));
            }
            Err(_) => false,
        };
        let time_zone = self.time_zone.unwrap_or(terms.primary.time_zone);
        let starts = local_day(time_zone, from).starts().hull(local_day(time_zone, to).starts());
        let needed = terms.occupancy_needed(starts);
        Ok(Offer { terms, offered, time_zone, needed })
    }
}

impl Offer {
    fn organization(&self) -> &OrganizationId {
        &self.terms.primary.organization_id
    }

    /// This, with what is occupied of `resources`; `counted` are the changes of the catalogue, and of what was read.
    fn reading(self, resources: Vec<ResourceId>, counted: (u64, u64), occupancy: Occupancy) -> OfferReading {
        let Self { terms, offered, time_zone, needed } = self;
        let (catalogue, changes) = counted;
        OfferReading {
            revision: revision(catalogue, changes),
            footprint: Footprint {
                catalogue: terms.primary.organization_id.clone(),
                occupancy: resources.into_iter().map(|resource| (resource, needed)).collect(),
                booking: None,
            },
            own_time_until: None,
            terms,
            offered,
            time_zone,
            occupancy,
        }
    }
}

/// How a query says what is wrong with its arguments.
pub(super) fn refused_question(error: TermsError) -> Error {
    match error {
        TermsError::Malformed { message, field: _ } => Error::BadInput(message),
        TermsError::Refused(refused) => Error::NotFound(refused.message),
    }
}
