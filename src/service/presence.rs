//! Who holds what: heartbeats, leaving, and looking.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

use super::expiry::Looks;
use super::facts::{self, Asked};
use super::input::Problems;
use super::own_time::RescheduleContext;
use super::source::{Begun, Source};
use super::wanted::{HoldFacts, Wanted};
use super::{MAX_ATTEMPTS, Services, answer_id};
use crate::domain::access::Staff;
use crate::domain::availability::Occupancy;
use crate::domain::booking::BookingItem;
use crate::domain::id::{EventTypeId, OrganizationId, ResourceId};
use crate::domain::local_time::local_day;
use crate::domain::quantum::{Quantum, QuantumSpan};
use crate::domain::refusal::UserError;
use crate::error::{Error, Internal};
use crate::presence::{Granted, Hold, HoldRequest, Renewal, SessionSecret};
use crate::store::{Reader, StoreError};

/// Slots that one call may name.
pub const MAX_SLOTS_PER_CALL: usize = 100;
/// Days that one look at holds may span.
const MAX_DAYS: i64 = 42;
/// What a session may say about itself, in bytes of JSON.
const MAX_DATA_BYTES: usize = 1024;

/// A question about the holds of one or several local days.
#[derive(Clone, Debug, Serialize)]
pub struct PresenceQuestion {
    /// The resource.
    pub resource_id: ResourceId,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// The zone whose days they are; `None` means the resource's.
    pub time_zone: Option<Tz>,
}

/// Everyone's holds on one local day.
#[derive(Clone, Debug)]
pub struct DatePresence {
    /// Equal exactly when resource, day and zone as given are.
    pub id: String,
    /// The resource.
    pub resource_id: ResourceId,
    /// The day.
    pub date: NaiveDate,
    /// The zone whose day it is.
    pub time_zone: Tz,
    /// Grows with every change.
    pub revision: u64,
    /// By start.
    pub holds: Vec<Hold>,
}

/// A day whose holds are looked at: everything about it that does not change.
#[derive(Clone, Debug)]
pub(super) struct PresenceDay {
    id: String,
    resource_id: ResourceId,
    date: NaiveDate,
    time_zone: Tz,
    /// The quanta that the day touches.
    span: QuantumSpan,
}

impl PresenceDay {
    /// Where a change of holds may change the day's.
    pub(super) fn footprint(&self) -> (ResourceId, QuantumSpan) {
        (self.resource_id.clone(), self.span)
    }
}

/// A heartbeat as it was asked for.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// What to hold.
    pub resource_id: ResourceId,
    /// When.
    pub slots: Vec<SlotRequest>,
    /// Units of it.
    pub quantity: u32,
    /// What to hold with it.
    pub add_ons: Vec<BookingItem>,
    /// What it is held for.
    pub event_type_id: Option<EventTypeId>,
    /// The booking that is to be moved there.
    pub reschedule: Option<RescheduleContext>,
    /// Who holds.
    pub session_secret: SecretString,
    /// What the session says about itself.
    pub data: Option<Value>,
}

/// One slot to hold.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SlotRequest {
    /// First instant.
    pub start: DateTime<Utc>,
    /// Its length.
    pub duration_minutes: u32,
}

impl Heartbeat {
    /// What is asked for, of slots that last `duration_minutes`.
    pub(super) fn asked(&self, duration_minutes: Option<u32>) -> Asked<'_> {
        Asked {
            resource_id: &self.resource_id,
            event_type_id: self.event_type_id.as_ref(),
            duration_minutes,
            interval_minutes: None,
            quantity: self.quantity,
            add_ons: &self.add_ons,
        }
    }

    /// What the catalogue says about it; for a hold that is for no event type, also what is offered on the resource.
    async fn facts(&self, reader: &Reader) -> Result<HoldFacts, StoreError> {
        let starts = || self.slots.iter().map(|slot| slot.start);
        // There is at least one slot: that is checked at the door.
        let (first, last) = (starts().min().unwrap_or_default(), starts().max().unwrap_or_default());
        let facts = self.asked(None).facts(reader, &facts::dates_around(first, last)).await?;
        let offered = match self.event_type_id {
            Some(_) => Vec::new(),
            None => reader.event_types_of_resources(std::slice::from_ref(&self.resource_id)).await?,
        };
        Ok(HoldFacts { facts, offered: offered.into_iter().map(|(_, event_type)| event_type).collect() })
    }
}

impl SlotRequest {
    /// First instant after it.
    #[must_use]
    pub fn end(self) -> DateTime<Utc> {
        self.start + Duration::minutes(self.duration_minutes.into())
    }
}

/// What to release.
#[derive(Clone, Debug)]
pub struct Leave {
    /// Of which resource.
    pub resource_id: ResourceId,
    /// Which starts; `None` means all.
    pub starts: Option<Vec<DateTime<Utc>>>,
    /// Who holds.
    pub session_secret: SecretString,
}

impl Services {
    /// The holds of one local day, of `question.from`, and what the answer is made of.
    ///
    /// # Errors
    /// `NotFound` for an unknown resource.
    pub async fn date_presence(
        &self,
        question: &PresenceQuestion,
        begun: Begun,
    ) -> Result<(DatePresence, Option<Source>), Error> {
        let (mut days, source) = self.presence_between(question, begun).await?;
        // A span of days is never empty: that is checked where they are laid out.
        let day = days.pop().ok_or_else(|| Error::BadInput("`date` is needed.".to_owned()))?;
        Ok((day, source))
    }

    /// The holds of each local day from `question.from` to `question.to`, read in one go, and what they are made of.
    ///
    /// # Errors
    /// `NotFound` for an unknown resource, `BadInput` for more than 42 days or none.
    pub async fn presence_between(
        &self,
        question: &PresenceQuestion,
        begun: Begun,
    ) -> Result<(Vec<DatePresence>, Option<Source>), Error> {
        let (organization, days) = self.presence_days(question).await?;
        let days: Vec<_> = days.iter().map(|day| self.presence_of(day)).collect();
        let revision = days.first().map(|day| day.revision);
        let same = revision.filter(|revision| days.iter().all(|day| day.revision == *revision));
        let source =
            same.and_then(|revision| self.holds_source(begun, &organization, (&question.resource_id, revision)));
        Ok((days, source))
    }

    /// The holds that cover `instant`.
    ///
    /// # Errors
    /// `NotFound` for an unknown resource.
    pub async fn presence_at(&self, resource: &ResourceId, instant: DateTime<Utc>) -> Result<Vec<Hold>, Error> {
        self.find_resource(resource).await?;
        Ok(self.parts().presence.holds_at(resource, instant))
    }

    /// How many sessions hold something on a resource now, as an add-on too.
    ///
    /// # Errors
    /// `NotFound` for a resource that is not of the staff's organization.
    pub async fn active_sessions(&self, staff: &Staff, resource: &ResourceId) -> Result<u32, Error> {
        let ids = std::slice::from_ref(resource);
        if self.parts().store.reader().owned_resources(staff.organization(), ids).await?.is_empty() {
            return Err(Error::not_found("resource", resource.as_str()));
        }
        let sessions = self.parts().presence.active_sessions(resource);
        Ok(u32::try_from(sessions).unwrap_or(u32::MAX))
    }

    /// The days that a question is about, and whose resource it is.
    pub(super) async fn presence_days(
        &self,
        question: &PresenceQuestion,
    ) -> Result<(OrganizationId, Vec<PresenceDay>), Error> {
        let days = (question.to - question.from).num_days() + 1;
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::BadInput(format!("`to` must be `from` or up to {} days later.", MAX_DAYS - 1)));
        }
        let resource = self.find_resource(&question.resource_id).await?;
        let time_zone = question.time_zone.unwrap_or(resource.time_zone);
        let day = |date: NaiveDate| PresenceDay {
            id: answer_id("datePresence", &(&question.resource_id, date, question.time_zone)),
            resource_id: question.resource_id.clone(),
            date,
            time_zone,
            span: local_day(time_zone, date).covering(),
        };
        let days = question.from.iter_days().take_while(|date| *date <= question.to).map(day).collect();
        Ok((resource.organization_id.clone(), days))
    }

    /// What is held on a day now. Reads the registry only.
    pub(super) fn presence_of(&self, day: &PresenceDay) -> DatePresence {
        let (revision, holds) = self.parts().presence.holds(&day.resource_id, day.span);
        DatePresence {
            id: day.id.clone(),
            resource_id: day.resource_id.clone(),
            date: day.date,
            time_zone: day.time_zone,
            revision,
            holds,
        }
    }

    /// Takes or renews all the slots, on the resource and on all add-ons, or none of them.
    ///
    /// A pure renewal reads nothing but the registry. Whatever takes something is registered unseen first, then looks
    /// at what is occupied, and is then published or undone: a booking that commits meanwhile has either seen the
    /// registration and gives way, or is seen here.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn heartbeat(
        &self,
        heartbeat: Heartbeat,
        address: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Result<Granted, Vec<UserError>>, Error> {
        let session = match check(&heartbeat) {
            Ok(session) => session,
            Err(problems) => return Ok(Err(problems)),
        };
        if let Some(granted) = self.renew(&heartbeat, &session) {
            return Ok(Ok(granted));
        }
        // Each of the slots may have to wait for bookings that have lapsed to be let go.
        let mut looks = Looks::default();
        for _ in 0..MAX_ATTEMPTS + heartbeat.slots.len() {
            match self.take_hold(&heartbeat, &session, address, now).await? {
                Some(Ok(granted)) => return Ok(Ok(granted)),
                Some(Err(refused)) if self.is_worth_another_look(&refused, &mut looks).await? => {}
                Some(Err(refused)) => return Ok(Err(vec![refused])),
                None => {}
            }
        }
        Err(Internal::new("what is held changes faster than a hold can be decided").into())
    }

    fn renew(&self, heartbeat: &Heartbeat, session: &SessionSecret) -> Option<Granted> {
        let add_ons: Vec<_> = heartbeat.add_ons.iter().map(|item| (item.resource_id.clone(), item.quantity)).collect();
        let slots: Vec<_> = heartbeat.slots.iter().map(|slot| (slot.start, slot.end())).collect();
        self.parts().presence.renew(Renewal {
            session,
            resource_id: &heartbeat.resource_id,
            quantity: heartbeat.quantity,
            add_ons: &add_ons,
            slots: &slots,
            event_type_id: heartbeat.event_type_id.as_ref(),
            data: heartbeat.data.as_ref(),
        })
    }

    /// One attempt at taking; `None` when what decided about it changed meanwhile.
    async fn take_hold(
        &self,
        heartbeat: &Heartbeat,
        session: &SessionSecret,
        address: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Option<Result<Granted, UserError>>, Error> {
        let store = &self.parts().store;
        let facts = store.snapshot(|reader| async move { heartbeat.facts(&reader).await }).await?;
        let wanted = match Wanted::resolve(heartbeat, &facts) {
            Ok(wanted) => wanted,
            Err(refused) => return Ok(Some(Err(refused))),
        };
        // A hopeless heartbeat is refused by what can be read, before it keeps anybody out.
        if let Err(refused) = wanted.check(&Occupancy::default(), now) {
            return Ok(Some(Err(refused)));
        }
        let (seen, moving) = (&wanted, heartbeat.reschedule.as_ref());
        let (_, occupancy) =
            store.snapshot(|reader| async move { seen.occupancy(self, &reader, moving).await }).await?;
        if let Err(refused) = wanted.check(&occupancy, now) {
            return Ok(Some(Err(refused)));
        }
        let (item, add_ons) = wanted.items();
        let placed = self.parts().presence.place(HoldRequest {
            session: session.clone(),
            address,
            item,
            add_ons,
            slots: wanted.holds().collect(),
            event_type_id: heartbeat.event_type_id.clone(),
            data: heartbeat.data.clone().map(Arc::new),
        });
        // Read again, now that whoever books meanwhile finds the placement in their way.
        // Of the catalogue only what decided about it counts.
        let decided_by = &facts;
        let read = |reader: Arc<Reader>| async move {
            let (revision, occupancy) = seen.occupancy(self, &reader, moving).await?;
            let still_so =
                revision == decided_by.catalogue_revision() || heartbeat.facts(&reader).await?.say_the_same(decided_by);
            Ok::<_, StoreError>(still_so.then_some(occupancy))
        };
        let Some(occupancy) = store.snapshot(read).await? else { return Ok(None) };
        // Of several reasons the first in the rules' order is given, and that somebody else holds it comes last.
        let checked = wanted.check(&occupancy, now);
        Ok(Some(checked.and_then(|()| {
            let units = |resource: &ResourceId, quantum: Quantum| occupancy.units_taken(resource, quantum);
            let granted = placed.and_then(|placed| placed.publish(units));
            granted.map_err(|refused| UserError::from(refused).at(["input", "slots"]))
        })))
    }

    /// Releases what the session holds on a resource, add-ons that were held with it included. How many holds of the
    /// resource ended.
    ///
    /// # Errors
    /// What is malformed.
    pub fn leave(&self, leave: &Leave) -> Result<u32, Vec<UserError>> {
        let mut problems = Problems::default();
        problems.secret(&["sessionSecret"], leave.session_secret.expose_secret());
        let starts = leave.starts.as_deref();
        if starts.is_some_and(|starts| starts.len() > MAX_SLOTS_PER_CALL) {
            problems.note(&["slots"], format!("Name at most {MAX_SLOTS_PER_CALL} slots, or leave them out for all."));
        }
        problems.into_result()?;
        let Some(session) = SessionSecret::new(leave.session_secret.expose_secret()) else { return Ok(0) };
        let released = self.parts().presence.leave(&leave.resource_id, starts, &session);
        Ok(u32::try_from(released).unwrap_or(u32::MAX))
    }
}

/// What is malformed in a heartbeat; else whose it is.
fn check(heartbeat: &Heartbeat) -> Result<SessionSecret, Vec<UserError>> {
    let mut problems = Problems::default();
    if !(1..=MAX_SLOTS_PER_CALL).contains(&heartbeat.slots.len()) {
        problems.note(&["slots"], format!("Name 1 to {MAX_SLOTS_PER_CALL} slots."));
        return Err(problems.into_result().err().unwrap_or_default());
    }
    for (index, slot) in heartbeat.slots.iter().enumerate() {
        let index = index.to_string();
        problems.start(&["slots", &index, "start"], slot.start);
        problems.duration(&["slots", &index, "durationMinutes"], slot.duration_minutes);
    }
    problems.items(&heartbeat.resource_id, heartbeat.quantity, &heartbeat.add_ons);
    problems.json(&["data"], heartbeat.data.as_ref(), MAX_DATA_BYTES);
    problems.secret(&["sessionSecret"], heartbeat.session_secret.expose_secret());
    problems.into_result()?;
    SessionSecret::new(heartbeat.session_secret.expose_secret()).ok_or_else(Vec::new)
}
