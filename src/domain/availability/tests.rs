//! The evaluator against the rules: examples, properties, and a model that goes minute by minute.

mod bitmap;
mod examples;
mod model;
mod own_time;
mod properties;
mod scenario;
mod terms;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{AddOnRequest, Listing, Occupancy, Request, Terms};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::{EventTypeId, OrganizationId, ResourceId, ScheduleId};
use crate::domain::local_time::local_day;
use crate::domain::quantum::{DayMap, Quantum, QuantumSpan};
use crate::domain::schedule::{DayHours, OpenHours, Schedule, Window};
use crate::domain::units::DayUnits;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A resource of `quantity` units, without a schedule.
fn resource(id: &str, time_zone: Tz, quantity: u32) -> Resource {
    Resource {
        id: ResourceId::from(id),
        organization_id: OrganizationId::fallback(),
        slug: id.to_owned(),
        name: id.to_owned(),
        description: None,
        kind: "room".to_owned(),
        time_zone,
        quantity,
        standalone: true,
        active: true,
        schedule_id: None,
        metadata: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

/// An event type of these durations, without buffers, notice and horizon.
fn event_type(duration_options: &[u32]) -> EventType {
    EventType {
        id: EventTypeId::from("evt_session"),
        organization_id: OrganizationId::fallback(),
        slug: "session".to_owned(),
        title: "Session".to_owned(),
        description: None,
        duration_options: duration_options.to_vec(),
        interval_minutes: None,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        min_notice_minutes: 0,
        max_days_ahead: None,
        requires_confirmation: false,
        lock_time_zone: false,
        locations: Vec::new(),
        active: true,
        schedule_id: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

/// `09:00-12:00 13:00-24:00`, or nothing.
fn hours(text: &str) -> DayHours {
    let window = |text: &str| {
        let (start, end) = text.split_once('-').unwrap();
        Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap()
    };
    DayHours::new(text.split_whitespace().map(window).collect()).unwrap()
}

/// A schedule with these hours from Monday to Sunday.
fn schedule(time_zone: Tz, weekly: [DayHours; 7]) -> Schedule {
    Schedule {
        id: ScheduleId::from("sch_hours"),
        organization_id: OrganizationId::fallback(),
        name: "Hours".to_owned(),
        time_zone,
        weekly,
        overrides: std::collections::BTreeMap::new(),
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn scheduled(schedule: Schedule) -> OpenHours {
    OpenHours::Scheduled(Arc::new(schedule))
}

/// Open in these hours on every day.
fn daily(time_zone: Tz, text: &str) -> OpenHours {
    scheduled(schedule(time_zone, std::array::from_fn(|_| hours(text))))
}

/// Asks for one unit of `resource` for so long, without an event type.
fn request(resource: Resource, open: OpenHours, duration_minutes: u32) -> Request {
    Request {
        resource: Arc::new(resource),
        event_type: None,
        linked: false,
        open,
        duration_minutes: Some(duration_minutes),
        interval_minutes: None,
        quantity: 1,
        add_ons: Vec::new(),
    }
}

/// Asks for it every 15 minutes.
fn every_15(request: Request) -> Request {
    Request { interval_minutes: Some(15), ..request }
}

/// Asks for it under `event_type`.
fn under(event_type: EventType, request: Request) -> Request {
    Request { event_type: Some(Arc::new(event_type)), linked: true, ..request }
}

fn add_on(resource: Resource, open: OpenHours, quantity: u32) -> AddOnRequest {
    AddOnRequest { resource: Arc::new(resource), open, quantity }
}

/// Occupies `span` of `resource` with `units` more of it.
fn occupy(occupancy: &mut Occupancy, resource: &Resource, span: QuantumSpan, units: u32) {
    for (day, quanta) in span.days() {
        if resource.quantity == 1 {
            let before = occupancy.taken(resource, 1, day.span());
            let before =
                before.into_iter().flat_map(QuantumSpan::days).fold(DayMap::EMPTY, |map, (_, part)| map | part);
            occupancy.insert(resource.id.clone(), day, before | quanta, None);
        } else {
            let before = occupancy.units(resource, day.span()).into_iter().map(|taken| u16::try_from(taken).unwrap());
            let before: Vec<u8> = before.flat_map(u16::to_le_bytes).collect();
            let after = DayUnits::from_bytes(&before).unwrap().add(quanta, units, resource.quantity).unwrap();
            occupancy.insert(resource.id.clone(), day, after.full(resource.quantity), Some(after));
        }
    }
}

fn span(from: &str, to: &str) -> QuantumSpan {
    QuantumSpan::covering(at(from), at(to))
}

/// The starts offered on a local day long before which it is now, as `HH:MM` UTC with the day before or after marked.
fn offered(terms: &Terms, zone: Tz, day: &str, occupancy: &Occupancy) -> Vec<String> {
    let now = at("2000-01-01T00:00:00Z");
    let offer = terms.day(local_day(zone, date(day)).starts(), occupancy, now, Listing::Offered);
    offer.slots.iter().map(|slot| slot.start.format("%dT%H:%MZ").to_string()).collect()
}

fn quantum(text: &str) -> Quantum {
    Quantum::starting_at(at(text)).unwrap()
}
