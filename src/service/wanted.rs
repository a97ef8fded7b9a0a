//! What a heartbeat wants to hold, checked against the catalogue and, later, against what is occupied.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Services;
use super::facts::{Facts, read_occupancy};
use super::own_time::RescheduleContext;
use super::presence::Heartbeat;
use crate::domain::availability::{Occupancy, Policy, Terms};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::ResourceId;
use crate::domain::local_time::{days_after, first_instant, local_date};
use crate::domain::refusal::{Refusal, UserError};
use crate::presence::{HoldItem, HoldSlot};
use crate::store::{Reader, StoreError};

/// How far ahead can be held where something that is offered on the resource has no horizon, or nothing is offered.
const DEFAULT_HORIZON_DAYS: u32 = 400;

/// What the catalogue says about a heartbeat.
pub(super) struct HoldFacts {
    pub(super) facts: Facts,
    /// What is offered on the primary resource, for a hold that is for no event type.
    pub(super) offered: Vec<EventType>,
}

impl HoldFacts {
    pub(super) fn catalogue_revision(&self) -> u64 {
        self.facts.catalogue_revision()
    }

    /// Whether they say the same as `others` of what is wanted, however often the catalogue has changed otherwise.
    pub(super) fn say_the_same(&self, others: &Self) -> bool {
        self.facts.say_the_same(&others.facts) && self.offered == others.offered
    }

    /// The farthest that anything offered on the resource can be booked ahead.
    fn farthest_horizon(&self) -> u32 {
        let offered = self.offered.iter().filter(|event_type| event_type.active);
        let farthest = offered.map(|event_type| event_type.max_days_ahead.unwrap_or(DEFAULT_HORIZON_DAYS)).max();
        farthest.unwrap_or(DEFAULT_HORIZON_DAYS)
    }
}

/// What a heartbeat wants.
pub(super) struct Wanted {
    slots: Vec<WantedSlot>,
    /// By duration, since slots of one heartbeat may differ in it. Never empty.
    terms: Vec<Terms>,
    /// How far ahead can be held, for a hold that is for no event type: that has a horizon of its own.
    horizon_days: Option<u32>,
}

/// One slot of it.
struct WantedSlot {
    hold: HoldSlot,
    /// Which of the terms are its own.
    terms: usize,
}

impl Wanted {
    /// What `heartbeat` asks for, as far as `facts` have it on offer.
    ///
    /// # Errors
    /// What is unknown, inactive, or not offered.
    pub(super) fn resolve(heartbeat: &Heartbeat, facts: &HoldFacts) -> Result<Self, UserError> {
        let mut terms: Vec<Terms> = Vec::new();
        let mut slots = Vec::with_capacity(heartbeat.slots.len());
        for slot in &heartbeat.slots {
            let known = terms.iter().position(|terms| terms.duration_minutes == slot.duration_minutes);
            let index = known.unwrap_or(terms.len());
            if known.is_none() {
                terms.push(facts.facts.offered(&heartbeat.asked(Some(slot.duration_minutes)))?);
            }
            let occupied = terms[index].occupied_from(slot.start);
            let hold = HoldSlot {
                start: slot.start,
                end: slot.end(),
                occupied,
                bookable_until: terms[index].bookable_until(slot.start),
            };
            slots.push(WantedSlot { hold, terms: index });
        }
        let horizon_days = heartbeat.event_type_id.is_none().then(|| facts.farthest_horizon());
        Ok(Self { slots, terms, horizon_days })
    }

    /// The slots as the registry wants them.
    pub(super) fn holds(&self) -> impl Iterator<Item = HoldSlot> {
        self.slots.iter().map(|slot| slot.hold.clone())
    }

    /// The primary resource and the add-ons as the registry wants them.
    pub(super) fn items(&self) -> (HoldItem, Vec<HoldItem>) {
        let terms = &self.terms[0];
        let add_ons = terms.items().skip(1).map(hold_item).collect();
        (hold_item((&terms.primary, terms.quantity)), add_ons)
    }

    /// What is occupied where the slots are, without the time of the booking that is to be moved there, and the
    /// catalogue's revision, in one snapshot.
    pub(super) async fn occupancy(
        &self,
        services: &Services,
        reader: &Reader,
        reschedule: Option<&RescheduleContext>,
    ) -> Result<(u64, Occupancy), StoreError> {
        let revision = reader.catalogue_revision(&self.terms[0].primary.organization_id).await?;
        let resources: Vec<ResourceId> = self.terms[0].items().map(|(resource, _)| resource.id.clone()).collect();
        let spans = self.slots.iter().map(|slot| slot.hold.occupied);
        let (mut occupancy, _) = read_occupancy(reader, &resources, spans).await?;
        if let Some(own) = services.own_time(reader, reschedule, services.now()).await? {
            own.free_up(&mut occupancy, self.terms[0].items());
        }
        Ok((revision, occupancy))
    }

    /// Whether all of it can be had at `now`, holds aside.
    ///
    /// # Errors
    /// The first reason against the first slot that cannot, with the slot's place in the input.
    pub(super) fn check(&self, occupancy: &Occupancy, now: DateTime<Utc>) -> Result<(), UserError> {
        for (index, slot) in self.slots.iter().enumerate() {
            let terms = &self.terms[slot.terms];
            let checked = match self.horizon_days {
                None => terms.check(slot.hold.start, occupancy, now, Policy::Public),
                Some(days) => within_horizon(terms, slot.hold.start, days, now)
                    .and_then(|()| terms.check_room(slot.hold.start, occupancy)),
            };
            checked.map_err(|error| error.at(["input", "slots", &index.to_string()]))?;
        }
        Ok(())
    }
}

/// A resource and how many units of it are asked for, as the registry of holds wants it.
pub(super) fn hold_item((resource, quantity): (&Arc<Resource>, u32)) -> HoldItem {
    HoldItem { resource_id: resource.id.clone(), capacity: resource.quantity, quantity }
}

/// The limits of a hold that is for no event type: not past, and no farther than anything is offered.
fn within_horizon(terms: &Terms, start: DateTime<Utc>, days: u32, now: DateTime<Utc>) -> Result<(), UserError> {
    if start < now {
        return Err(UserError::new(Refusal::InThePast, "This start has passed. Choose a later one."));
    }
    let zone = terms.primary.time_zone;
    if start >= first_instant(zone, days_after(local_date(zone, now), days + 1)) {
        let message = format!("Nothing can be held more than {days} days ahead here. Choose an earlier start.");
        return Err(UserError::new(Refusal::TooFarAhead, message));
    }
    Ok(())
}
