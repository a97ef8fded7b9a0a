//! Event types: making, changing and removing them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Given;
use super::event_type_fields::{EventTypeFields, audit_fields};
use super::fields::{in_use, slug_taken};
use super::{Administration, Change, NotMade, require_unchanged, unknown};
use crate::domain::access::Admin;
use crate::domain::audit::{AuditAction, AuditEntity, AuditFields};
use crate::domain::catalogue::EventType;
use crate::domain::id::{EventTypeId, ResourceId, ScheduleId};
use crate::error::Error;
use crate::service::Services;
use crate::service::booking::Outcome;
use crate::service::input::Problems;

/// An event type to be made.
#[derive(Clone, Debug)]
pub struct CreateEventType {
    /// Its name for addresses.
    pub slug: String,
    /// Its name.
    pub title: String,
    /// What people should know about it.
    pub description: Option<String>,
    /// Durations in minutes, the default first.
    pub duration_options: Vec<i32>,
    /// Minutes between two starts; `None` means the shortest duration.
    pub interval_minutes: Option<i32>,
    /// Minutes that a booking occupies before its start.
    pub buffer_before_minutes: i32,
    /// Minutes that a booking occupies after its end.
    pub buffer_after_minutes: i32,
    /// Minutes between booking and start, at the least.
    pub min_notice_minutes: i32,
    /// How many days ahead can be booked; `None` means any.
    pub max_days_ahead: Option<i32>,
    /// Whether staff confirm each booking.
    pub requires_confirmation: bool,
    /// Whether clients should show times in the resource's zone only.
    pub lock_time_zone: bool,
    /// Where it can take place.
    pub locations: Vec<String>,
    /// Whether it is on offer.
    pub active: bool,
    /// Its own schedule, if any.
    pub schedule_id: Option<ScheduleId>,
    /// On which resources it is offered.
    pub resource_ids: Vec<ResourceId>,
}

/// What is to change of an event type; `Change::To(None)` stands for null.
#[derive(Clone, Debug)]
pub struct UpdateEventType {
    /// The event type.
    pub id: EventTypeId,
    /// When it last changed, as far as the caller knows.
    pub expected_updated_at: Option<Given<DateTime<Utc>>>,
    /// Its name for addresses.
    pub slug: Change<Option<String>>,
    /// Its name.
    pub title: Change<Option<String>>,
    /// What people should know about it.
    pub description: Change<Option<String>>,
    /// Durations in minutes, the default first.
    pub duration_options: Change<Option<Vec<i32>>>,
    /// Minutes between two starts; null means the shortest duration.
    pub interval_minutes: Change<Option<i32>>,
    /// Minutes that a booking occupies before its start.
    pub buffer_before_minutes: Change<Option<i32>>,
    /// Minutes that a booking occupies after its end.
    pub buffer_after_minutes: Change<Option<i32>>,
    /// Minutes between booking and start, at the least.
    pub min_notice_minutes: Change<Option<i32>>,
    /// How many days ahead can be booked; null means any.
    pub max_days_ahead: Change<Option<i32>>,
    /// Whether staff confirm each booking.
    pub requires_confirmation: Change<Option<bool>>,
    /// Whether clients should show times in the resource's zone only.
    pub lock_time_zone: Change<Option<bool>>,
    /// Where it can take place.
    pub locations: Change<Option<Vec<String>>>,
    /// Whether it is on offer.
    pub active: Change<Option<bool>>,
    /// Its own schedule; null means none.
    pub schedule_id: Change<Option<ScheduleId>>,
    /// On which resources it is offered: replaces all links.
    pub resource_ids: Change<Option<Vec<ResourceId>>>,
}

impl Services {
    /// Adds an event type to the admin's catalogue, and its links.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn create_event_type(
        &self,
        admin: &Admin,
        request: CreateEventType,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<EventType>>, Error> {
        let mut problems = Problems::default();
        let fields = EventTypeFields::of_new(request, &mut problems);
        let id = EventTypeId::generate(self.parts().clock.unique());
        self.administer(admin, now, move |administration| {
            let (id, fields, problems) = (id.clone(), fields.clone(), problems.clone());
            async move { administration.create_event_type(id, fields, problems).await }
        })
        .await
    }

    /// Changes some fields of an event type. What has been booked under it stays as it is.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn update_event_type(
        &self,
        admin: &Admin,
        request: UpdateEventType,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<EventType>>, Error> {
        let mut problems = Problems::default();
        let (id, expected, fields) = EventTypeFields::of_update(request, &mut problems);
        self.administer(admin, now, move |administration| {
            let (id, fields, problems) = (id.clone(), fields.clone(), problems.clone());
            async move { administration.update_event_type(&id, expected, fields, problems).await }
        })
        .await
    }

    /// Removes an event type under which nothing has ever been booked, with its links.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn delete_event_type(
        &self,
        admin: &Admin,
        id: EventTypeId,
        now: DateTime<Utc>,
    ) -> Result<Outcome<EventTypeId>, Error> {
        self.administer(admin, now, move |administration| {
            let id = id.clone();
            async move { administration.delete_event_type(id).await }
        })
        .await
    }
}

impl Administration {
    async fn create_event_type(
        &self,
        id: EventTypeId,
        fields: EventTypeFields,
        mut problems: Problems,
    ) -> Result<Arc<EventType>, NotMade> {
        fields.check(self, None, &[], &mut problems).await?;
        problems.into_result()?;
        let links = fields.resource_ids().unwrap_or_default().to_vec();
        let blank = EventType {
            id,
            organization_id: self.organization().clone(),
            slug: String::new(),
            title: String::new(),
            description: None,
            duration_options: Vec::new(),
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
            created_at: self.now(),
            updated_at: self.now(),
        };
        let event_type = fields.applied_to(blank);
        self.tx.insert_event_type(&event_type).await.map_err(slug_taken)?;
        self.change_links(&event_type.id, &[], &links).await?;
        let is = audit_fields(&event_type, &links);
        self.record(AuditAction::Created, AuditEntity::EventType, event_type.id.as_str(), &AuditFields::new(), &is)
            .await?;
        Ok(Arc::new(event_type))
    }

    async fn update_event_type(
        &self,
        id: &EventTypeId,
        expected: Option<DateTime<Utc>>,
        fields: EventTypeFields,
        mut problems: Problems,
    ) -> Result<Arc<EventType>, NotMade> {
        let Some(before) = self.tx.lock_event_type(self.organization(), id).await? else {
            return Err(problems.and(unknown("event type", id.as_str(), &["id"])));
        };
        if let Err(stale) = require_unchanged(expected, before.updated_at) {
            problems.refuse(stale);
        }
        let links_before = self.links_of(id).await?;
        fields.check(self, Some(id), &links_before, &mut problems).await?;
        problems.into_result()?;
        let links_after = fields.resource_ids().unwrap_or(&links_before).to_vec();
        let after = fields.applied_to(before.clone());
        let (was, is) = (audit_fields(&before, &links_before), audit_fields(&after, &links_after));
        if was == is {
            return Ok(Arc::new(before));
        }
        let after = EventType { updated_at: self.later_than(before.updated_at), ..after };
        self.tx.save_event_type(&after).await.map_err(slug_taken)?;
        self.change_links(id, &links_before, &links_after).await?;
        self.record(AuditAction::Updated, AuditEntity::EventType, id.as_str(), &was, &is).await?;
        Ok(Arc::new(after))
    }

    async fn delete_event_type(&self, id: EventTypeId) -> Result<EventTypeId, NotMade> {
        let organization = self.organization();
        let Some(event_type) = self.tx.lock_event_type(organization, &id).await? else {
            return Err(unknown("event type", id.as_str(), &["id"]).into());
        };
        if self.tx.is_event_type_booked(organization, &id).await? {
            return Err(in_use().into());
        }
        let was = audit_fields(&event_type, &self.links_of(&id).await?);
        self.tx.delete_event_type(organization, &id).await.map_err(|fault| {
            // Somebody has just booked it.
            if fault.breaks_reference() { in_use().into() } else { NotMade::from(fault) }
        })?;
        self.record(AuditAction::Deleted, AuditEntity::EventType, id.as_str(), &was, &AuditFields::new()).await?;
        Ok(id)
    }
}
