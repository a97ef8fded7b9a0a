//! What has to be known to answer a question of availability: the catalogue's side of it, and what is occupied.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::domain::availability::{AddOnRequest, Occupancy, Request, Terms, TermsError};
use crate::domain::booking::BookingItem;
use crate::domain::catalogue::Resource;
use crate::domain::id::{EventTypeId, OrganizationId, ResourceId};
use crate::domain::local_time::{days_after, days_before};
use crate::domain::quantum::{QuantumSpan, UtcDay};
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::schedule::Schedule;
use crate::error::Error;
use crate::store::{OccupiedDay, OfferFacts, OfferedResource, Reader, StoreError};

/// How many days of a schedule beyond those that are asked about decide whether something fits: the longest duration,
/// and a day for the difference between two zones.
const DAYS_AROUND: (u32, u32) = (2, 33);

/// What a row takes in memory, and a window or a date of its own, by estimate, in bytes.
const ROW: usize = 512;
const WINDOW: usize = 64;
/// What a byte of JSON takes in memory, at the most.
const VALUE: usize = 16;

/// What is asked for, whichever the day.
#[derive(Copy, Clone, Debug)]
pub(super) struct Asked<'a> {
    pub(super) resource_id: &'a ResourceId,
    pub(super) event_type_id: Option<&'a EventTypeId>,
    pub(super) duration_minutes: Option<u32>,
    pub(super) interval_minutes: Option<u32>,
    pub(super) quantity: u32,
    pub(super) add_ons: &'a [BookingItem],
}

impl Asked<'_> {
    /// The resources, the primary first.
    pub(super) fn resources(&self) -> Vec<ResourceId> {
        let add_ons = self.add_ons.iter().map(|item| &item.resource_id);
        std::iter::once(self.resource_id).chain(add_ons).cloned().collect()
    }

    /// What the catalogue says about it.
    pub(super) async fn facts(&self, reader: &Reader, dates: &RangeInclusive<NaiveDate>) -> Result<Facts, StoreError> {
        let offer = reader.offer_facts(self.event_type_id, &self.resources(), dates).await?;
        Ok(Facts { offer })
    }

    /// Whether the catalogue of `organization` still says what it said when `known` was read. Something else in it may
    /// have changed: whoever changes many things keeps nobody from booking.
    pub(super) async fn still_so(
        &self,
        known: &Facts,
        organization: &OrganizationId,
        reader: &Reader,
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<bool, StoreError> {
        Ok(reader.catalogue_revision(organization).await? == known.catalogue_revision()
            || self.facts(reader, dates).await?.say_the_same(known))
    }
}

/// What the catalogue says about something that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    offer: OfferFacts,
}

impl Facts {
    /// What the catalogue's changes counted when this was read.
    pub(super) fn catalogue_revision(&self) -> u64 {
        self.offer.resources.first().map_or(0, |primary| primary.catalogue_revision)
    }

    /// How many bytes they take, by estimate.
    pub(super) fn weight(&self) -> usize {
        let resources = self.offer.resources.iter().map(|offered| {
            let Resource { description, metadata, .. } = &*offered.resource;
            let metadata = metadata.as_ref().map_or(0, |metadata| VALUE * metadata.to_string().len());
            ROW + description.as_ref().map_or(0, String::len) + metadata + weight(offered.schedule.as_deref())
        });
        let event_type = self.offer.event_type.as_ref().map_or(0, |offered| {
            let description = offered.event_type.description.as_ref().map_or(0, String::len);
            let locations = offered.event_type.locations.iter().map(String::len).sum::<usize>();
            2 * ROW + description + locations + weight(offered.schedule.as_deref())
        });
        event_type + resources.sum::<usize>()
    }

    /// Whether they say the same as `others` of what was asked for, however often the catalogue has changed otherwise.
    pub(super) fn say_the_same(&self, others: &Self) -> bool {
        let counted_from_zero = |offer: &OfferFacts| -> Vec<OfferedResource> {
            offer.resources.iter().map(|found| OfferedResource { catalogue_revision: 0, ..found.clone() }).collect()
        };
        self.offer.event_type == others.offer.event_type
            && counted_from_zero(&self.offer) == counted_from_zero(&others.offer)
    }

    /// Whose the primary resource is, if it exists.
    pub(super) fn organization(&self) -> Option<&OrganizationId> {
        self.offer.resources.first().map(|primary| &primary.resource.organization_id)
    }

    /// What is asked for, in order; it need not be on offer.
    ///
    /// # Errors
    /// What is malformed or unknown.
    pub(super) fn terms(&self, asked: &Asked<'_>) -> Result<Terms, TermsError> {
        let primary = self.resource(asked.resource_id, &["resourceId"])?;
        let event_type = match (asked.event_type_id, &self.offer.event_type) {
            (Some(id), None) => return Err(unknown("event type", id.as_str(), &["eventTypeId"])),
            (_, found) => found.as_ref().map(|offered| Arc::clone(&offered.event_type)),
        };
        let add_ons = asked.add_ons.iter().enumerate().map(|(index, item)| {
            let found = self.resource(&item.resource_id, &["addOns", &index.to_string(), "resourceId"])?;
            let resource = Arc::clone(&found.resource);
            Ok(AddOnRequest { resource, open: found.open_hours(), quantity: item.quantity })
        });
        Terms::resolve(Request {
            resource: Arc::clone(&primary.resource),
            event_type,
            linked: primary.is_linked,
            open: self.offer.open_hours(primary),
            duration_minutes: asked.duration_minutes,
            interval_minutes: asked.interval_minutes,
            quantity: asked.quantity,
            add_ons: add_ons.collect::<Result<_, TermsError>>()?,
        })
    }

    /// [`Facts::terms`] that are on offer, for whoever wants to hold or book.
    ///
    /// # Errors
    /// The first reason against it, with its field below `input`.
    pub(super) fn offered(&self, asked: &Asked<'_>) -> Result<Terms, UserError> {
        let terms = self.terms(asked).map_err(|error| match error {
            TermsError::Malformed { message, field } => UserError::new(Refusal::Invalid, message).at(field),
            TermsError::Refused(error) => error,
        });
        terms.and_then(|terms| terms.require_offered().map(|()| terms)).map_err(below_input)
    }

    /// Whether what was booked is still active and linked, whatever else has changed since.
    ///
    /// # Errors
    /// The first reason against it.
    pub(super) fn still_offered(&self, asked: &Asked<'_>) -> Result<(), UserError> {
        let terms = self.terms(asked).map_err(|error| match error {
            TermsError::Malformed { message, .. } => UserError::new(Refusal::Invalid, message),
            TermsError::Refused(refused) => UserError { field: Vec::new(), ..refused },
        })?;
        terms.require_active().map_err(|refused| {
            let message = match refused.refusal {
                Refusal::ResourceInactive => {
                    "A resource of this booking is not on offer at present. Put it on offer again"
                }
                Refusal::EventTypeInactive => "The event type is not on offer at present. Put it on offer again",
                _ => "The event type is no longer offered on this resource. Link them again",
            };
            UserError::new(refused.refusal, format!("{message}, move the booking, or let its time go."))
        })
    }

    fn resource(&self, id: &ResourceId, field: &[&str]) -> Result<&OfferedResource, TermsError> {
        let found = self.offer.resources.iter().find(|offered| offered.resource.id == *id);
        found.ok_or_else(|| unknown("resource", id.as_str(), field))
    }
}

/// How many bytes a schedule takes, by estimate.
fn weight(schedule: Option<&Schedule>) -> usize {
    let Some(schedule) = schedule else { return 0 };
    let overrides = schedule.overrides.values();
    let reasons = overrides.clone().map(|date| WINDOW + date.reason.as_ref().map_or(0, String::len));
    let hours = schedule.weekly.iter().chain(overrides.map(|date| &date.hours));
    ROW + reasons.sum::<usize>() + hours.map(|hours| WINDOW * hours.windows().len()).sum::<usize>()
}

fn unknown(noun: &str, id: &str, field: &[&str]) -> TermsError {
    let message = Error::not_found_message(noun, id);
    TermsError::Refused(UserError::new(Refusal::NotFound, message).at(field.iter().copied()))
}

/// The same error with its field below `input`, as mutations name fields.
pub(super) fn below_input(error: UserError) -> UserError {
    if error.field.is_empty() {
        return error;
    }
    let field = std::iter::once("input".to_owned()).chain(error.field.clone());
    UserError { field: field.collect(), ..error }
}

/// The dates whose overrides decide about starts from `first` to `last`, in whatever zone.
pub(super) fn dates_around(first: DateTime<Utc>, last: DateTime<Utc>) -> RangeInclusive<NaiveDate> {
    dates_around_days(first.date_naive(), last.date_naive())
}

/// The dates whose overrides decide about starts on the local days from `from` to `to`, in whatever zone.
pub(super) fn dates_around_days(from: NaiveDate, to: NaiveDate) -> RangeInclusive<NaiveDate> {
    let (before, after) = DAYS_AROUND;
    days_before(from, before)..=days_after(to, after)
}

/// All dates there can be: for facts that are kept.
pub(super) fn all_dates() -> RangeInclusive<NaiveDate> {
    NaiveDate::MIN..=NaiveDate::MAX
}

/// What is occupied, as the evaluator wants it, and the sum of what the rows count.
pub(super) fn occupancy(days: Vec<OccupiedDay>) -> (Occupancy, u64) {
    let mut occupancy = Occupancy::default();
    let mut revision = 0;
    for OccupiedDay { resource_id, day, map, units, revision: changes } in days {
        revision += changes;
        occupancy.insert(resource_id, day, map, units);
    }
    (occupancy, revision)
}

/// The UTC days of which any of `spans` has a part.
pub(super) fn days_of(spans: impl IntoIterator<Item = QuantumSpan>) -> BTreeSet<UtcDay> {
    spans.into_iter().flat_map(|span| span.days().map(|(day, _)| day).collect::<Vec<_>>()).collect()
}

/// What of `resources` is occupied anywhere in `spans`, read in one statement, and the sum of what the rows count.
pub(super) async fn read_occupancy(
    reader: &Reader,
    resources: &[ResourceId],
    spans: impl IntoIterator<Item = QuantumSpan>,
) -> Result<(Occupancy, u64), StoreError> {
    let Some(hull) = spans.into_iter().reduce(QuantumSpan::hull) else { return Ok((Occupancy::default(), 0)) };
    Ok(occupancy(reader.occupancy(resources, hull).await?))
}
