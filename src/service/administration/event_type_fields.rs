//! The fields of an event type: what they may hold, and what becomes of an event type by them.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::event_types::{CreateEventType, UpdateEventType};
use super::fields::slug_exists;
use super::links::MAX_LINKS;
use super::{Administration, Change};
use crate::domain::audit::AuditFields;
use crate::domain::availability::DURATION_MINUTES;
use crate::domain::catalogue::EventType;
use crate::domain::id::{EventTypeId, ResourceId, ScheduleId};
use crate::domain::quantum::QUANTUM_MINUTES;
use crate::service::input::Problems;
use crate::store::StoreError;

/// Durations of an event type.
const MAX_DURATIONS: usize = 50;
/// Minutes between two starts.
const INTERVAL_MINUTES: RangeInclusive<i32> = 15..=1_440;
/// Minutes of a buffer.
const BUFFER_MINUTES: RangeInclusive<u32> = 0..=1_440;
/// Minutes of notice: a year.
const NOTICE_MINUTES: RangeInclusive<u32> = 0..=525_600;
/// Days of a horizon: ten years. 0 means today only.
const HORIZON_DAYS: RangeInclusive<u32> = 0..=3_660;
/// Locations of an event type.
const MAX_LOCATIONS: usize = 50;
/// Characters of a location.
const MAX_LOCATION: usize = 500;

/// What is said of an event type's fields, as far as it is well-formed.
#[derive(Clone)]
pub(super) struct EventTypeFields {
    slug: Change<String>,
    title: Change<String>,
    description: Change<Option<String>>,
    duration_options: Change<Vec<u32>>,
    interval_minutes: Change<Option<u32>>,
    buffer_before_minutes: Change<u32>,
    buffer_after_minutes: Change<u32>,
    min_notice_minutes: Change<u32>,
    max_days_ahead: Change<Option<u32>>,
    requires_confirmation: Change<bool>,
    lock_time_zone: Change<bool>,
    locations: Change<Vec<String>>,
    active: Change<bool>,
    schedule_id: Change<Option<ScheduleId>>,
    resource_ids: Change<Vec<ResourceId>>,
}

impl EventTypeFields {
    /// Of a new one, all of them.
    pub(super) fn of_new(request: CreateEventType, problems: &mut Problems) -> Self {
        let CreateEventType {
            slug,
            title,
            description,
            duration_options,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            min_notice_minutes,
            max_days_ahead,
            requires_confirmation,
            lock_time_zone,
            locations,
            active,
            schedule_id,
            resource_ids,
        } = request;
        let update = UpdateEventType {
            // Of these two an update speaks alone.
            id: EventTypeId::from(""),
            expected_updated_at: None,
            slug: Change::To(Some(slug)),
            title: Change::To(Some(title)),
            description: Change::To(description),
            duration_options: Change::To(Some(duration_options)),
            interval_minutes: Change::To(interval_minutes),
            buffer_before_minutes: Change::To(Some(buffer_before_minutes)),
            buffer_after_minutes: Change::To(Some(buffer_after_minutes)),
            min_notice_minutes: Change::To(Some(min_notice_minutes)),
            max_days_ahead: Change::To(max_days_ahead),
            requires_confirmation: Change::To(Some(requires_confirmation)),
            lock_time_zone: Change::To(Some(lock_time_zone)),
            locations: Change::To(Some(locations)),
            active: Change::To(Some(active)),
            schedule_id: Change::To(schedule_id),
            resource_ids: Change::To(Some(resource_ids)),
        };
        Self::of_update(update, problems).2
    }

    /// Of an update, with the event type and when it is believed to have changed last.
    pub(super) fn of_update(
        request: UpdateEventType,
        problems: &mut Problems,
    ) -> (EventTypeId, Option<DateTime<Utc>>, Self) {
        let UpdateEventType {
            id,
            expected_updated_at,
            slug,
            title,
            description,
            duration_options,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            min_notice_minutes,
            max_days_ahead,
            requires_confirmation,
            lock_time_zone,
            locations,
            active,
            schedule_id,
            resource_ids,
        } = request;
        let expected = problems.expected_updated_at(expected_updated_at);
        let durations = problems.never_null("durationOptions", duration_options);
        let mut minutes = |name: &str, change: Change<Option<i32>>, range: &RangeInclusive<u32>| {
            let change = problems.never_null(name, change);
            problems.number_field(name, change, range, "minutes")
        };
        let buffer_before_minutes = minutes("bufferBeforeMinutes", buffer_before_minutes, &BUFFER_MINUTES);
        let buffer_after_minutes = minutes("bufferAfterMinutes", buffer_after_minutes, &BUFFER_MINUTES);
        let min_notice_minutes = minutes("minNoticeMinutes", min_notice_minutes, &NOTICE_MINUTES);
        let fields = Self {
            slug: problems.never_null("slug", slug),
            title: problems.never_null("title", title),
            description,
            duration_options: durations_field(durations, problems),
            interval_minutes: interval_field(interval_minutes, problems),
            buffer_before_minutes,
            buffer_after_minutes,
            min_notice_minutes,
            max_days_ahead: problems.optional_number_field("maxDaysAhead", max_days_ahead, &HORIZON_DAYS, "days"),
            requires_confirmation: problems.never_null("requiresConfirmation", requires_confirmation),
            lock_time_zone: problems.never_null("lockTimeZone", lock_time_zone),
            locations: problems.never_null("locations", locations),
            active: problems.never_null("active", active),
            schedule_id,
            resource_ids: resources_field(problems.never_null("resourceIds", resource_ids), problems),
        };
        problems.slug(&fields.slug);
        problems.name("title", &fields.title);
        problems.description(&fields.description);
        note_locations(&fields.locations, problems);
        (id, expected, fields)
    }

    /// Which resources are to be linked, if that is to change.
    pub(super) fn resource_ids(&self) -> Option<&[ResourceId]> {
        self.resource_ids.given().map(Vec::as_slice)
    }

    /// Notes what the catalogue has against it: for a new one, or for the locked one that is changed, which has
    /// `links`.
    pub(super) async fn check(
        &self,
        administration: &Administration,
        changed: Option<&EventTypeId>,
        links: &[ResourceId],
        problems: &mut Problems,
    ) -> Result<(), StoreError> {
        if let Some(slug) = self.slug.given() {
            let found = administration.tx.event_type_by_slug(administration.organization(), slug).await?;
            if found.is_some_and(|found| changed.is_none_or(|changed| *changed != found.id)) {
                problems.refuse(slug_exists());
            }
        }
        administration.check_schedule(&self.schedule_id, problems).await?;
        if let Some(resources) = self.resource_ids() {
            administration.check_links(resources, links, problems).await?;
        }
        Ok(())
    }

    pub(super) fn applied_to(self, event_type: EventType) -> EventType {
        let Self {
            slug,
            title,
            description,
            duration_options,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            min_notice_minutes,
            max_days_ahead,
            requires_confirmation,
            lock_time_zone,
            locations,
            active,
            schedule_id,
            // Links are rows of their own.
            resource_ids: _,
        } = self;
        EventType {
            slug: slug.applied_to(event_type.slug),
            title: title.applied_to(event_type.title),
            description: description.applied_to(event_type.description),
            duration_options: duration_options.applied_to(event_type.duration_options),
            interval_minutes: interval_minutes.applied_to(event_type.interval_minutes),
            buffer_before_minutes: buffer_before_minutes.applied_to(event_type.buffer_before_minutes),
            buffer_after_minutes: buffer_after_minutes.applied_to(event_type.buffer_after_minutes),
            min_notice_minutes: min_notice_minutes.applied_to(event_type.min_notice_minutes),
            max_days_ahead: max_days_ahead.applied_to(event_type.max_days_ahead),
            requires_confirmation: requires_confirmation.applied_to(event_type.requires_confirmation),
            lock_time_zone: lock_time_zone.applied_to(event_type.lock_time_zone),
            locations: locations.applied_to(event_type.locations),
            active: active.applied_to(event_type.active),
            schedule_id: schedule_id.applied_to(event_type.schedule_id),
            id: event_type.id,
            organization_id: event_type.organization_id,
            created_at: event_type.created_at,
            updated_at: event_type.updated_at,
        }
    }
}

fn durations_field(change: Change<Vec<i32>>, problems: &mut Problems) -> Change<Vec<u32>> {
    let Change::To(given) = change else { return Change::Keep };
    if !(1..=MAX_DURATIONS).contains(&given.len()) {
        problems.note(&["durationOptions"], format!("Name 1 to {MAX_DURATIONS} durations; the first is the default."));
        return Change::Keep;
    }
    let mut durations = Vec::with_capacity(given.len());
    for (index, minutes) in given.into_iter().enumerate() {
        let index = index.to_string();
        let path = ["durationOptions", &index];
        match problems.number(&path, minutes, &DURATION_MINUTES, "minutes (31 days)") {
            Some(minutes) if durations.contains(&minutes) => problems.note(&path, "Name each duration once."),
            Some(minutes) => durations.push(minutes),
            None => {}
        }
    }
    Change::To(durations)
}

fn interval_field(change: Change<Option<i32>>, problems: &mut Problems) -> Change<Option<u32>> {
    let Change::To(Some(minutes)) = change else { return change.map(|_| None) };
    let quarters = i32::try_from(QUANTUM_MINUTES).is_ok_and(|quantum| minutes % quantum == 0);
    match u32::try_from(minutes) {
        Ok(interval) if quarters && INTERVAL_MINUTES.contains(&minutes) => Change::To(Some(interval)),
        _ => {
            let message = format!(
                "`intervalMinutes` must be whole quarter hours: 15, 30, 45 and so on, up to {}.",
                INTERVAL_MINUTES.end()
            );
            problems.note(&["intervalMinutes"], message);
            Change::Keep
        }
    }
}

fn resources_field(change: Change<Vec<ResourceId>>, problems: &mut Problems) -> Change<Vec<ResourceId>> {
    let Change::To(resources) = change else { return Change::Keep };
    if resources.len() > MAX_LINKS {
        problems.note(&["resourceIds"], format!("At most {MAX_LINKS} resources can be linked to an event type."));
        return Change::Keep;
    }
    for (index, resource) in resources.iter().enumerate() {
        if resources[..index].contains(resource) {
            problems.note(&["resourceIds", &index.to_string()], "Name each resource once.");
        }
    }
    Change::To(resources)
}

fn note_locations(locations: &Change<Vec<String>>, problems: &mut Problems) {
    let Some(locations) = locations.given() else { return };
    if locations.len() > MAX_LOCATIONS {
        problems.note(&["locations"], format!("Name at most {MAX_LOCATIONS} locations."));
        return;
    }
    for (index, location) in locations.iter().enumerate() {
        problems.line(&["locations", &index.to_string()], Some(location), MAX_LOCATION);
    }
}

/// An event type with its links as the audit log shows it.
pub(super) fn audit_fields(event_type: &EventType, links: &[ResourceId]) -> AuditFields {
    let EventType {
        // What it is called by in the log, and what never changes or follows from the rest.
        id: _,
        organization_id: _,
        created_at: _,
        updated_at: _,
        slug,
        title,
        description,
        duration_options,
        interval_minutes,
        buffer_before_minutes,
        buffer_after_minutes,
        min_notice_minutes,
        max_days_ahead,
        requires_confirmation,
        lock_time_zone,
        locations,
        active,
        schedule_id,
    } = event_type;
    let mut links = links.to_vec();
    links.sort();
    let fields = [
        ("slug", json!(slug)),
        ("title", json!(title)),
        ("description", json!(description)),
        ("durationOptions", json!(duration_options)),
        ("intervalMinutes", json!(interval_minutes)),
        ("bufferBeforeMinutes", json!(buffer_before_minutes)),
        ("bufferAfterMinutes", json!(buffer_after_minutes)),
        ("minNoticeMinutes", json!(min_notice_minutes)),
        ("maxDaysAhead", json!(max_days_ahead)),
        ("requiresConfirmation", json!(requires_confirmation)),
        ("lockTimeZone", json!(lock_time_zone)),
        ("locations", json!(locations)),
        ("active", json!(active)),
        ("scheduleId", json!(schedule_id)),
        ("resourceIds", json!(links)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
