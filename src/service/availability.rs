//! What is offered: slot lists, months, and who has room.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::catalogue::{CatalogueState, resource_place};
use super::facts;
use super::live::Footprint;
use super::offer_reading::refused_question;
use super::own_time::RescheduleContext;
use super::page::{Cursors, Page, PageRequest};
use super::source::{Begun, Source};
use super::{Services, answer_id};
use crate::domain::access::Caller;
use crate::domain::availability::{Listing, OfferedSlot, Policy, Request, Terms};
use crate::domain::booking::BookingItem;
use crate::domain::catalogue::Resource;
use crate::domain::id::{EventTypeId, OrganizationId, ResourceId};
use crate::domain::local_time::local_day;
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::Refusal;
use crate::error::Error;
use crate::store::{OfferFacts, OfferedResource, Reader, ResourceFilter};

/// Days that one question may span.
const MAX_DAYS: i64 = 93;
/// Minutes of a span that is asked about: 31 days.
const MAX_SPAN_MINUTES: i64 = 31 * 24 * 60;

/// What is asked about, whatever the day.
#[derive(Clone, Debug, Serialize)]
pub struct OfferQuestion {
    /// The primary resource.
    pub resource_id: ResourceId,
    /// Under which event type.
    pub event_type_id: Option<EventTypeId>,
    /// How long.
    pub duration_minutes: Option<u32>,
    /// Minutes between two starts.
    pub interval_minutes: Option<u32>,
    /// Units of the primary resource.
    pub quantity: u32,
    /// What must be free as well.
    pub add_ons: Vec<BookingItem>,
    /// The zone whose days are meant; `None` means the resource's.
    pub time_zone: Option<Tz>,
    /// The booking that is to be moved there. A question without one is the question that it was before there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reschedule: Option<RescheduleContext>,
}

/// A question about one local day.
#[derive(Clone, Debug, Serialize)]
pub struct DayQuestion {
    /// What is asked about.
    pub offer: OfferQuestion,
    /// The day.
    pub date: NaiveDate,
    /// Whether to list what cannot be had as well.
    pub include_unavailable: bool,
}

/// A question about several local days.
#[derive(Clone, Debug, Serialize)]
pub struct MonthQuestion {
    /// What is asked about.
    pub offer: OfferQuestion,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

/// A question for everything that has room.
#[derive(Clone, Debug)]
pub struct SpanQuestion {
    /// First instant.
    pub start: DateTime<Utc>,
    /// How long.
    pub duration_minutes: u32,
    /// Under which event type.
    pub event_type_id: Option<EventTypeId>,
    /// Only resources of this kind.
    pub kind: Option<String>,
    /// Units.
    pub quantity: u32,
    /// Whose resources; `None` means the event type's organization, else the caller's.
    pub organization_id: Option<OrganizationId>,
    /// Which part of the list.
    pub page: PageRequest,
}

/// The starts of a local day.
#[derive(Clone, Debug)]
pub struct DaySlots {
    /// What was asked.
    pub question: DayQuestion,
    /// The zone whose day it is.
    pub time_zone: Tz,
    /// How long each slot is.
    pub duration_minutes: u32,
    /// Minutes between two starts.
    pub interval_minutes: u32,
    /// Of what it was read from.
    pub revision: u64,
    /// When the clock alone changes it.
    pub valid_until: Option<DateTime<Utc>>,
    /// In order.
    pub slots: Vec<OfferedSlot>,
}

/// How much can start on each of some local days.
#[derive(Clone, Debug)]
pub struct MonthAvailability {
    /// What was asked.
    pub question: MonthQuestion,
    /// The zone whose days they are.
    pub time_zone: Tz,
    /// Of what it was read from.
    pub revision: u64,
    /// When the clock alone changes it.
    pub valid_until: Option<DateTime<Utc>>,
    /// Every day, in order.
    pub days: Vec<DayCount>,
}

/// How much can start on one local day.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The day.
    pub date: NaiveDate,
    /// How many starts are free.
    pub slot_count: u32,
}

impl DaySlots {
    /// The answer's id: equal exactly when the questions are.
    #[must_use]
    pub fn id(&self) -> String {
        answer_id("daySlots", &self.question)
    }
}

impl MonthAvailability {
    /// The answer's id: equal exactly when the questions are.
    #[must_use]
    pub fn id(&self) -> String {
        answer_id("monthAvailability", &self.question)
    }
}

impl Services {
    /// The starts on a local day that no booking occupies, as offered when it was `begun`, and what they were made of.
    ///
    /// # Errors
    /// `NotFound` for unknown ids, `BadInput` for what is malformed or a duration that is not offered.
    pub async fn day_slots(&self, question: &DayQuestion, begun: Begun) -> Result<(DaySlots, Option<Source>), Error> {
        let (answer, footprint) = self.read_day_slots(question, begun.at()).await?;
        let source = self.source(begun, &footprint, answer.valid_until);
        Ok((answer, source))
    }

    /// How many starts are free on each of some local days, as offered when it was `begun`, and what that was made of.
    ///
    /// # Errors
    /// As [`Services::day_slots`], and `BadInput` for more than 93 days or none.
    pub async fn month_availability(
        &self,
        question: &MonthQuestion,
        begun: Begun,
    ) -> Result<(MonthAvailability, Option<Source>), Error> {
        let (answer, footprint) = self.read_month_availability(question, begun.at()).await?;
        let source = self.source(begun, &footprint, answer.valid_until);
        Ok((answer, source))
    }

    /// [`Services::day_slots`], and what it was read from.
    pub(super) async fn read_day_slots(
        &self,
        question: &DayQuestion,
        now: DateTime<Utc>,
    ) -> Result<(DaySlots, Footprint), Error> {
        let (offer, date) = (&question.offer, question.date);
        let reading = offer.read(self, (date, date), now).await?;
        let listing = if question.include_unavailable { Listing::All } else { Listing::Offered };
        let (slots, valid_until) = if reading.offered {
            let offer =
                reading.terms.day(local_day(reading.time_zone, date).starts(), &reading.occupancy, now, listing);
            (offer.slots, offer.valid_until.into_iter().chain(reading.own_time_until).min())
        } else {
            (Vec::new(), None)
        };
        let answer = DaySlots {
            question: question.clone(),
            time_zone: reading.time_zone,
            duration_minutes: reading.terms.duration_minutes,
            interval_minutes: reading.terms.interval_minutes,
            revision: reading.revision,
            valid_until,
            slots,
        };
        Ok((answer, reading.footprint))
    }

    /// [`Services::month_availability`], and what it was read from.
    pub(super) async fn read_month_availability(
        &self,
        question: &MonthQuestion,
        now: DateTime<Utc>,
    ) -> Result<(MonthAvailability, Footprint), Error> {
        let days = (question.to - question.from).num_days() + 1;
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::BadInput(format!("`to` must be `from` or up to {} days later.", MAX_DAYS - 1)));
        }
        let (offer, from, to) = (&question.offer, question.from, question.to);
        let reading = offer.read(self, (from, to), now).await?;
        let mut valid_until = reading.own_time_until.filter(|_| reading.offered);
        let count = |date: NaiveDate| {
            let (slot_count, until) = if reading.offered {
                reading.terms.day_count(local_day(reading.time_zone, date).starts(), &reading.occupancy, now)
            } else {
                (0, None)
            };
            valid_until = valid_until.into_iter().chain(until).min();
            DayCount { date, slot_count }
        };
        let days = from.iter_days().take_while(|date| *date <= to).map(count).collect();
        let answer = MonthAvailability {
            question: question.clone(),
            time_zone: reading.time_zone,
            revision: reading.revision,
            valid_until,
            days,
        };
        Ok((answer, reading.footprint))
    }

    /// Whether no booking occupies any of the span.
    ///
    /// # Errors
    /// `NotFound` for an unknown resource, `BadInput` for a span that is empty or longer than 31 days.
    pub async fn is_available(
        &self,
        resource: &ResourceId,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let length = end - start;
        if length <= chrono::TimeDelta::zero() || length > chrono::TimeDelta::minutes(MAX_SPAN_MINUTES) {
            return Err(Error::BadInput("`end` must come after `start`, by 31 days at the most.".to_owned()));
        }
        let resource = self.find_resource(resource).await?;
        let span = QuantumSpan::covering(start, end);
        let reader = self.parts().store.reader();
        let (occupancy, _) = facts::read_occupancy(&reader, std::slice::from_ref(&resource.id), [span]).await?;
        Ok(occupancy.is_free(&resource, 1, span))
    }

    /// The active resources that can take the whole span: open, and free of bookings; under an event type, those on
    /// which `daySlots` would offer it.
    ///
    /// # Errors
    /// `NotFound` for an unknown event type, `BadInput` for what is malformed or a duration that is not offered.
    pub async fn available_resources(
        &self,
        caller: &Caller,
        question: SpanQuestion,
        now: DateTime<Utc>,
    ) -> Result<Page<Arc<Resource>>, Error> {
        let organization = match (&question.organization_id, &question.event_type_id) {
            (Some(organization), _) => organization.clone(),
            (None, Some(id)) => self.event_type(caller, id).await?.organization_id.clone(),
            (None, None) => caller.home_organization(),
        };
        let cursors = Cursors::of(format!(
            "available {organization:?} {} {} {:?} {:?} {}",
            question.start, question.duration_minutes, question.event_type_id, question.kind, question.quantity
        ));
        let asked = &SpanReading { question: &question, organization, now };
        let found = self.parts().store.snapshot(|reader| async move { asked.read(&reader).await }).await?;
        cursors.part_of(&question.page, found, resource_place)
    }
}

/// A question for everything that has room, while it is answered.
struct SpanReading<'a> {
    question: &'a SpanQuestion,
    organization: OrganizationId,
    now: DateTime<Utc>,
}

impl SpanReading<'_> {
    /// All resources that have room, by name and id: a fixed number of statements, however many there are.
    async fn read(&self, reader: &Reader) -> Result<Vec<Resource>, Error> {
        let question = self.question;
        let filter = ResourceFilter {
            organization_id: self.organization.clone(),
            kind: question.kind.clone(),
            event_type_id: question.event_type_id.clone(),
            state: CatalogueState::Active,
        };
        let facts = reader.offer_facts_of_all(&filter, &facts::dates_around(question.start, question.start)).await?;
        let offered = facts.event_type.as_ref().map(|offered| &offered.event_type.organization_id);
        if let Some(id) = &question.event_type_id
            && offered != Some(&self.organization)
        {
            return Err(Error::not_found("event type", id.as_str()));
        }
        let all = facts.resources.iter().filter(|offered| offered.resource.standalone);
        let terms = all.map(|offered| self.terms(&facts, offered)).collect::<Result<Vec<_>, _>>()?;
        let needed = terms.iter().map(|terms| terms.occupied_from(question.start)).reduce(QuantumSpan::hull);
        let Some(needed) = needed else { return Ok(Vec::new()) };
        let (occupancy, _) = facts::occupancy(reader.occupancy_of_all(&filter, needed).await?);
        let policy = if question.event_type_id.is_some() { Policy::Public } else { Policy::AnyStart };
        let has_room = |terms: &Terms| terms.check(question.start, &occupancy, self.now, policy).is_ok();
        Ok(terms.into_iter().filter(has_room).map(|terms| Resource::clone(&terms.primary)).collect())
    }

    fn terms(&self, facts: &OfferFacts, offered: &OfferedResource) -> Result<Terms, Error> {
        let terms = Terms::resolve(Request {
            resource: Arc::clone(&offered.resource),
            event_type: facts.event_type.as_ref().map(|offered| Arc::clone(&offered.event_type)),
            linked: offered.is_linked,
            open: facts.open_hours(offered),
            duration_minutes: Some(self.question.duration_minutes),
            interval_minutes: None,
            quantity: self.question.quantity,
            add_ons: Vec::new(),
        })
        .map_err(refused_question)?;
        match terms.require_offered() {
            Err(refused) if refused.refusal == Refusal::DurationNotOffered => Err(Error::BadInput(refused.message)),
            _ => Ok(terms),
        }
    }
}
