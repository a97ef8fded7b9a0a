//! Resources: making, changing and removing them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::Given;
use super::fields::{in_use, slug_taken};
use super::resource_fields::{ResourceFields, audit_fields};
use super::{Administration, Change, NotMade, require_unchanged, unknown};
use crate::domain::access::Admin;
use crate::domain::audit::{AuditAction, AuditEntity, AuditFields};
use crate::domain::catalogue::Resource;
use crate::domain::id::{ResourceId, ScheduleId};
use crate::error::Error;
use crate::service::Services;
use crate::service::booking::Outcome;
use crate::service::input::Problems;
use crate::store::BlockFilter;

/// A resource to be made.
#[derive(Clone, Debug)]
pub struct CreateResource {
    /// Its name for addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What people should know about it.
    pub description: Option<String>,
    /// What to group it by.
    pub kind: String,
    /// Its zone.
    pub time_zone: Given<Tz>,
    /// How many units there are.
    pub quantity: i32,
    /// Whether it can be booked by itself.
    pub standalone: bool,
    /// Whether it is on offer.
    pub active: bool,
    /// When it is open; `None` means always.
    pub schedule_id: Option<ScheduleId>,
    /// Whatever the operator attaches.
    pub metadata: Option<Value>,
}

/// What is to change of a resource; `Change::To(None)` stands for null.
#[derive(Clone, Debug)]
pub struct UpdateResource {
    /// The resource.
    pub id: ResourceId,
    /// When it last changed, as far as the caller knows.
    pub expected_updated_at: Option<Given<DateTime<Utc>>>,
    /// Its name for addresses.
    pub slug: Change<Option<String>>,
    /// Its name.
    pub name: Change<Option<String>>,
    /// What people should know about it.
    pub description: Change<Option<String>>,
    /// What to group it by.
    pub kind: Change<Option<String>>,
    /// Its zone.
    pub time_zone: Change<Option<Given<Tz>>>,
    /// How many units there are.
    pub quantity: Change<Option<i32>>,
    /// Whether it can be booked by itself.
    pub standalone: Change<Option<bool>>,
    /// Whether it is on offer.
    pub active: Change<Option<bool>>,
    /// When it is open; null means always.
    pub schedule_id: Change<Option<ScheduleId>>,
    /// Whatever the operator attaches.
    pub metadata: Change<Option<Value>>,
}

impl Services {
    /// Adds a resource to the admin's catalogue.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn create_resource(
        &self,
        admin: &Admin,
        request: CreateResource,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Resource>>, Error> {
        let mut problems = Problems::default();
        let fields = ResourceFields::of_new(request, &mut problems);
        let id = ResourceId::generate(self.parts().clock.unique());
        self.administer(admin, now, move |administration| {
            let (id, fields, problems) = (id.clone(), fields.clone(), problems.clone());
            async move { administration.create_resource(id, fields, problems).await }
        })
        .await
    }

    /// Changes some fields of a resource. What it has been booked for stays as it is, also when it is switched off.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn update_resource(
        &self,
        admin: &Admin,
        request: UpdateResource,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Resource>>, Error> {
        let mut problems = Problems::default();
        let (id, expected, fields) = ResourceFields::of_update(request, &mut problems);
        let (services, admin) = (self.clone(), admin.clone());
        self.to_its_end(async move {
            let update = move |administration: Administration| {
                let (id, fields, problems) = (id.clone(), fields.clone(), problems.clone());
                async move { administration.update_resource(&id, expected, fields, problems).await }
            };
            let outcome = services.administer_over_lapsed(&admin, now, update).await?;
            if let Ok(Updated { resource, is_smaller: true }) = &outcome {
                services.fit_holds(&resource.id).await;
            }
            Ok(outcome.map(|updated| updated.resource))
        })
        .await
    }

    /// Removes a resource that has never been booked, with its links, blocks and calendar feeds.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn delete_resource(
        &self,
        admin: &Admin,
        id: ResourceId,
        now: DateTime<Utc>,
    ) -> Result<Outcome<ResourceId>, Error> {
        let (services, admin) = (self.clone(), admin.clone());
        self.to_its_end(async move {
            let delete = move |administration: Administration| {
                let id = id.clone();
                async move { administration.delete_resource(id).await }
            };
            let outcome = services.administer(&admin, now, delete).await?;
            if let Ok(id) = &outcome {
                services.parts().presence.end_all(id);
            }
            Ok(outcome)
        })
        .await
    }
}

/// What an update has come to.
struct Updated {
    resource: Arc<Resource>,
    /// Whether it has fewer units than before.
    is_smaller: bool,
}

impl Administration {
    async fn create_resource(
        &self,
        id: ResourceId,
        fields: ResourceFields,
        mut problems: Problems,
    ) -> Result<Arc<Resource>, NotMade> {
        fields.check(self, None, &mut problems).await?;
        problems.into_result()?;
        let blank = Resource {
            id,
            organization_id: self.organization().clone(),
            slug: String::new(),
            name: String::new(),
            description: None,
            kind: String::new(),
            time_zone: Tz::UTC,
            quantity: 1,
            standalone: true,
            active: true,
            schedule_id: None,
            metadata: None,
            created_at: self.now(),
            updated_at: self.now(),
        };
        let resource = fields.applied_to(blank);
        self.tx.insert_resource(&resource).await.map_err(slug_taken)?;
        let after = audit_fields(&resource);
        self.record(AuditAction::Created, AuditEntity::Resource, resource.id.as_str(), &AuditFields::new(), &after)
            .await?;
        Ok(Arc::new(resource))
    }

    async fn update_resource(
        &self,
        id: &ResourceId,
        expected: Option<DateTime<Utc>>,
        fields: ResourceFields,
        mut problems: Problems,
    ) -> Result<Updated, NotMade> {
        let Some(before) = self.tx.lock_resource(self.organization(), id).await? else {
            return Err(problems.and(unknown("resource", id.as_str(), &["id"])));
        };
        if let Err(stale) = require_unchanged(expected, before.updated_at) {
            problems.refuse(stale);
        }
        fields.check(self, Some(&before), &mut problems).await?;
        problems.into_result()?;
        let after = fields.applied_to(before.clone());
        if after == before {
            return Ok(Updated { resource: Arc::new(before), is_smaller: false });
        }
        let after = Resource { updated_at: self.later_than(before.updated_at), ..after };
        self.change_capacity(&before, &after).await?;
        self.tx.save_resource(&after).await.map_err(slug_taken)?;
        let (was, is) = (audit_fields(&before), audit_fields(&after));
        self.record(AuditAction::Updated, AuditEntity::Resource, id.as_str(), &was, &is).await?;
        Ok(Updated { is_smaller: after.quantity < before.quantity, resource: Arc::new(after) })
    }

    async fn delete_resource(&self, id: ResourceId) -> Result<ResourceId, NotMade> {
        let organization = self.organization();
        let Some(resource) = self.tx.lock_resource(organization, &id).await? else {
            return Err(unknown("resource", id.as_str(), &["id"]).into());
        };
        if self.tx.is_resource_booked(&id).await? {
            return Err(in_use().into());
        }
        let blocks = self.tx.block_count(&BlockFilter::of_resource(organization, &id)).await?;
        let feeds = self.tx.calendar_feed_count_of_resource(organization, &id).await?;
        let event_types = self.unlink_all(&id).await?;
        self.tx.delete_resource(organization, &id).await.map_err(|fault| {
            // Somebody has just booked it.
            if fault.breaks_reference() { in_use().into() } else { NotMade::from(fault) }
        })?;
        let mut was = audit_fields(&resource);
        if !event_types.is_empty() {
            was.insert("eventTypes".to_owned(), json!(event_types));
        }
        if blocks > 0 {
            was.insert("blocks".to_owned(), json!(blocks));
        }
        if feeds > 0 {
            was.insert("calendarFeeds".to_owned(), json!(feeds));
        }
        self.record(AuditAction::Deleted, AuditEntity::Resource, id.as_str(), &was, &AuditFields::new()).await?;
        Ok(id)
    }
}
