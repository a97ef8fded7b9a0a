//! What is asked for, checked against the catalogue.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::catalogue::{EventType, Resource};
use crate::domain::quantum::{QUANTUM_MINUTES, Quantum, QuantumSpan, quanta_covering};
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::schedule::OpenHours;

/// The shortest and the longest duration that can be asked for, in minutes; the longest is 31 days.
pub const DURATION_MINUTES: std::ops::RangeInclusive<u32> = 5..=44_640;
/// The most units that can be asked for.
pub const MAX_QUANTITY: u32 = 10_000;
/// The most resources in one booking, the primary one included.
pub const MAX_RESOURCES: usize = 20;
/// The longest interval that can be asked for, in minutes.
pub const MAX_INTERVAL_MINUTES: u32 = 1_440;

/// What a caller asks for, as they gave it, with what the catalogue knows of it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The primary resource.
    pub resource: Arc<Resource>,
    /// Under which event type, if any.
    pub event_type: Option<Arc<EventType>>,
    /// Whether the event type is linked to the primary resource.
    pub linked: bool,
    /// When it is open: by the event type's schedule, else by the primary resource's.
    pub open: OpenHours,
    /// How long, in minutes.
    pub duration_minutes: Option<u32>,
    /// Minutes between two starts.
    pub interval_minutes: Option<u32>,
    /// Units of the primary resource.
    pub quantity: u32,
    /// What has to be free at the same time.
    pub add_ons: Vec<AddOnRequest>,
}

/// A further resource that a caller asks for.
#[derive(Clone, Debug)]
pub struct AddOnRequest {
    /// The resource.
    pub resource: Arc<Resource>,
    /// When it is open, by its own schedule.
    pub open: OpenHours,
    /// Units of it.
    pub quantity: u32,
}

/// Why [`Terms::resolve`] gives none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermsError {
    /// The input breaks a rule of form.
    Malformed {
        /// A sentence that tells what it should be.
        message: String,
        /// The path to the offending argument, e.g. `["addOns", "0", "quantity"]`.
        field: Vec<String>,
    },
    /// The catalogue does not have it on offer.
    Refused(UserError),
}

/// What is asked for, in order and on offer. It can still be closed, past, or taken at any one start.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The primary resource.
    pub primary: Arc<Resource>,
    /// Under which event type, if any.
    pub event_type: Option<Arc<EventType>>,
    /// When the primary resource can be had, and whose grid the starts keep to.
    pub open: OpenHours,
    /// Units of the primary resource.
    pub quantity: u32,
    /// What has to be free at the same time.
    pub add_ons: Vec<AddOn>,
    /// How long, in minutes.
    pub duration_minutes: u32,
    /// Minutes between two starts: a whole number of quarter hours.
    pub interval_minutes: u32,
    /// Whether the event type is linked to the primary resource.
    pub linked: bool,
}

/// A further resource that has to be open and free throughout.
#[derive(Clone, Debug)]
pub struct AddOn {
    /// The resource.
    pub resource: Arc<Resource>,
    /// When it is open.
    pub open: OpenHours,
    /// Units of it.
    pub quantity: u32,
}

impl Terms {
    /// Checks `request` against the rules of form and against the catalogue.
    ///
    /// # Errors
    /// [`TermsError::Malformed`] for a duration, interval or quantity outside its limits, a duration that is missing,
    /// an interval off the quarter hour or off the event type's own, and resources that are named twice or too many.
    /// Then [`TermsError::Refused`] with `NotFound` for what belongs to different organizations.
    pub fn resolve(request: Request) -> Result<Self, TermsError> {
        let Request { resource: primary, event_type, linked, open, .. } = request;
        let asked_duration = request.duration_minutes.map(duration).transpose()?;
        let asked_interval = request.interval_minutes.map(interval).transpose()?;
        let quantity = quantity(request.quantity, &["quantity"])?;
        let add_ons = add_ons(&primary, request.add_ons)?;
        let duration_minutes = duration_or_default(asked_duration, event_type.as_deref())?;
        require_one_organization(&primary, event_type.as_deref(), &add_ons)?;
        let interval_minutes = interval_or_default(asked_interval, event_type.as_deref(), duration_minutes)?;
        Ok(Self { primary, event_type, open, quantity, add_ons, duration_minutes, interval_minutes, linked })
    }

    /// What a booking that starts with `start` occupies of every item: its buffers included.
    #[must_use]
    pub fn occupied_by(&self, start: Quantum) -> QuantumSpan {
        let before = quanta_covering(self.buffer_minutes().0);
        QuantumSpan::new(start.plus(-before), start.plus(self.quanta_occupied() - before))
    }

    /// What a booking that starts at `start`, on the quarter hour or off it, occupies of every item.
    #[must_use]
    pub fn occupied_from(&self, start: DateTime<Utc>) -> QuantumSpan {
        let (before, after) = self.buffer_minutes();
        let (start, end) = self.event_span(start);
        QuantumSpan::covering(start - TimeDelta::minutes(before.into()), end + TimeDelta::minutes(after.into()))
    }

    /// From when to when the event itself lasts.
    #[must_use]
    pub fn event_span(&self, start: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        (start, start + TimeDelta::minutes(self.duration_minutes.into()))
    }

    /// The last instant at which a booking that starts at `start` can be made.
    #[must_use]
    pub fn bookable_until(&self, start: DateTime<Utc>) -> DateTime<Utc> {
        start - self.notice()
    }

    /// Of which span the occupancy has to be read, for every item, to answer for starts in `starts`.
    #[must_use]
    pub fn occupancy_needed(&self, starts: QuantumSpan) -> QuantumSpan {
        if starts.is_empty() {
            return starts;
        }
        self.occupied_by(starts.start).hull(self.occupied_by(starts.end.plus(-1)))
    }

    /// Every resource with its units, the primary one first.
    pub fn items(&self) -> impl Iterator<Item = (&Arc<Resource>, u32)> {
        let add_ons = self.add_ons.iter().map(|add_on| (&add_on.resource, add_on.quantity));
        std::iter::once((&self.primary, self.quantity)).chain(add_ons)
    }

    /// The place among the items of the first of which more is asked than there is, and the resource.
    pub(super) fn exceeded(&self) -> Option<(usize, &Resource)> {
        let mut items = self.items().enumerate();
        items.find_map(|(place, (resource, quantity))| (quantity > resource.quantity).then_some((place, &**resource)))
    }

    /// Time between booking and start, at the least.
    pub(super) fn notice(&self) -> TimeDelta {
        let minutes = self.event_type.as_ref().map_or(0, |event_type| event_type.min_notice_minutes);
        TimeDelta::minutes(minutes.into())
    }

    /// How many of the primary resource's local days ahead it can be booked; `None` means any.
    pub(super) fn max_days_ahead(&self) -> Option<u32> {
        self.event_type.as_ref().and_then(|event_type| event_type.max_days_ahead)
    }

    /// The quanta that the event itself covers when it starts on the quarter hour.
    pub(super) fn quanta_of_event(&self) -> i64 {
        quanta_covering(self.duration_minutes)
    }

    /// The quanta that are occupied by one that starts on the quarter hour, buffers included.
    pub(super) fn quanta_occupied(&self) -> i64 {
        let (before, after) = self.buffer_minutes();
        quanta_covering(before) + quanta_covering(self.duration_minutes.saturating_add(after))
    }

    /// Minutes occupied before the event and after it.
    fn buffer_minutes(&self) -> (u32, u32) {
        let buffers = |event_type: &Arc<EventType>| (event_type.buffer_before_minutes, event_type.buffer_after_minutes);
        self.event_type.as_ref().map_or((0, 0), buffers)
    }

    /// Whether the catalogue has it on offer at all, whatever the time.
    ///
    /// # Errors
    /// The first of: `ResourceInactive`, `EventTypeInactive`, `ResourceNotOffered`, `DurationNotOffered`.
    pub fn require_offered(&self) -> Result<(), UserError> {
        self.require_active()?;
        if !self.primary.standalone {
            let name = &self.primary.name;
            let message = format!("`{name}` can only be booked with something else. Put it in `addOns`.");
            return Err(not_offered(Refusal::ResourceNotOffered, message, &["resourceId"]));
        }
        if let Some(event_type) = &self.event_type
            && !event_type.duration_options.contains(&self.duration_minutes)
        {
            let options: Vec<String> = event_type.duration_options.iter().map(u32::to_string).collect();
            let message = format!("`durationMinutes` must be one that is offered: {}.", options.join(", "));
            return Err(not_offered(Refusal::DurationNotOffered, message, &["durationMinutes"]));
        }
        Ok(())
    }

    /// Whether the catalogue still has all of it active and linked: what a booking needs to be agreed to.
    ///
    /// # Errors
    /// The first of: `ResourceInactive`, `EventTypeInactive`, `ResourceNotOffered`.
    pub fn require_active(&self) -> Result<(), UserError> {
        let name = &self.primary.name;
        if !self.primary.active {
            let message = format!("`{name}` is not on offer at present. Choose another resource from `resources`.");
            return Err(not_offered(Refusal::ResourceInactive, message, &["resourceId"]));
        }
        if let Some((number, add_on)) = self.add_ons.iter().enumerate().find(|(_, add_on)| !add_on.resource.active) {
            let message = format!("`{}` is not on offer at present. Leave it out of `addOns`.", add_on.resource.name);
            let field = ["addOns", &number.to_string(), "resourceId"];
            return Err(not_offered(Refusal::ResourceInactive, message, &field));
        }
        if let Some(event_type) = &self.event_type {
            let title = &event_type.title;
            if !event_type.active {
                let message = format!("`{title}` is not on offer at present. Choose another event type.");
                return Err(not_offered(Refusal::EventTypeInactive, message, &["eventTypeId"]));
            }
            if !self.linked {
                let message =
                    format!("`{title}` is not offered on `{name}`. Choose one of the resource's `eventTypes`.");
                return Err(not_offered(Refusal::ResourceNotOffered, message, &["resourceId"]));
            }
        }
        Ok(())
    }
}

fn duration(minutes: u32) -> Result<u32, TermsError> {
    Some(minutes).filter(|minutes| DURATION_MINUTES.contains(minutes)).ok_or_else(|| {
        let (least, most) = DURATION_MINUTES.into_inner();
        malformed(format!("`durationMinutes` must be from {least} to {most}, not {minutes}."), &["durationMinutes"])
    })
}

fn duration_or_default(asked: Option<u32>, event_type: Option<&EventType>) -> Result<u32, TermsError> {
    asked.or_else(|| event_type?.duration_options.first().copied()).ok_or_else(|| {
        malformed("Give `durationMinutes`, or an `eventTypeId` that has a default.", &["durationMinutes"])
    })
}

fn interval(minutes: u32) -> Result<u32, TermsError> {
    Some(minutes)
        .filter(|minutes| (1..=MAX_INTERVAL_MINUTES).contains(minutes) && round_up(*minutes) == *minutes)
        .ok_or_else(|| {
            let message = format!(
                "`intervalMinutes` must be a multiple of {QUANTUM_MINUTES} up to {MAX_INTERVAL_MINUTES}, not {minutes}."
            );
            malformed(message, &["intervalMinutes"])
        })
}

/// The interval that was asked for; by default the event type's, else its shortest duration, else the duration,
/// rounded up to the quarter hour.
fn interval_or_default(asked: Option<u32>, event_type: Option<&EventType>, duration: u32) -> Result<u32, TermsError> {
    let own = event_type.map(|event_type| {
        let shortest = event_type.duration_options.iter().min().copied();
        round_up(event_type.interval_minutes.or(shortest).unwrap_or(duration))
    });
    match (asked, own) {
        (Some(asked), Some(own)) if !asked.is_multiple_of(own) => {
            let message = format!("`intervalMinutes` must be a multiple of {own}, the event type's own interval.");
            Err(malformed(message, &["intervalMinutes"]))
        }
        (asked, own) => Ok(asked.or(own).unwrap_or_else(|| round_up(duration))),
    }
}

fn quantity(units: u32, field: &[&str]) -> Result<u32, TermsError> {
    Some(units)
        .filter(|units| (1..=MAX_QUANTITY).contains(units))
        .ok_or_else(|| malformed(format!("`quantity` must be from 1 to {MAX_QUANTITY}, not {units}."), field))
}

fn add_ons(primary: &Resource, asked: Vec<AddOnRequest>) -> Result<Vec<AddOn>, TermsError> {
    if asked.len() >= MAX_RESOURCES {
        let message = format!("`addOns` may name at most {} resources.", MAX_RESOURCES - 1);
        return Err(malformed(message, &["addOns"]));
    }
    let mut add_ons: Vec<AddOn> = Vec::with_capacity(asked.len());
    for (number, AddOnRequest { resource, open, quantity: units }) in asked.into_iter().enumerate() {
        let number = number.to_string();
        if resource.id == primary.id || add_ons.iter().any(|other| other.resource.id == resource.id) {
            let message = format!("The resource `{}` is named twice. Name it once, with its `quantity`.", resource.id);
            return Err(malformed(message, &["addOns", &number, "resourceId"]));
        }
        let quantity = quantity(units, &["addOns", &number, "quantity"])?;
        add_ons.push(AddOn { resource, open, quantity });
    }
    Ok(add_ons)
}

fn require_one_organization(
    primary: &Resource,
    event_type: Option<&EventType>,
    add_ons: &[AddOn],
) -> Result<(), TermsError> {
    if let Some(event_type) = event_type
        && event_type.organization_id != primary.organization_id
    {
        return Err(refused(Refusal::NotFound, unknown("event type", event_type.id.as_str()), &["eventTypeId"]));
    }
    let stranger = |add_on: &AddOn| add_on.resource.organization_id != primary.organization_id;
    if let Some((number, add_on)) = add_ons.iter().enumerate().find(|(_, add_on)| stranger(add_on)) {
        let message = unknown("resource", add_on.resource.id.as_str());
        return Err(refused(Refusal::NotFound, message, &["addOns", &number.to_string(), "resourceId"]));
    }
    Ok(())
}

/// `minutes` rounded up to the quarter hour.
fn round_up(minutes: u32) -> u32 {
    u32::try_from(quanta_covering(minutes) * QUANTUM_MINUTES).unwrap_or(u32::MAX)
}

fn unknown(noun: &str, id: &str) -> String {
    format!("There is no {noun} `{id}` that you can see. Check the id.")
}

fn path(field: &[&str]) -> Vec<String> {
    field.iter().map(ToString::to_string).collect()
}

fn malformed(message: impl Into<String>, field: &[&str]) -> TermsError {
    TermsError::Malformed { message: message.into(), field: path(field) }
}

fn refused(refusal: Refusal, message: String, field: &[&str]) -> TermsError {
    TermsError::Refused(not_offered(refusal, message, field))
}

fn not_offered(refusal: Refusal, message: String, field: &[&str]) -> UserError {
    UserError::new(refusal, message).at(path(field))
}
