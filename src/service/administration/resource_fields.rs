//! The fields of a resource: what they may hold, and what becomes of a resource by them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::fields::slug_exists;
use super::resources::{CreateResource, UpdateResource};
use super::{Administration, Change};
use crate::domain::audit::AuditFields;
use crate::domain::availability::MAX_QUANTITY;
use crate::domain::catalogue::Resource;
use crate::domain::id::{ResourceId, ScheduleId};
use crate::service::input::Problems;
use crate::store::StoreError;

/// Characters of a kind.
const MAX_KIND: usize = 60;
/// What an operator may attach, in bytes of JSON.
const MAX_METADATA_BYTES: usize = 16 * 1024;

/// What is said of a resource's fields, as far as it is well-formed.
#[derive(Clone)]
pub(super) struct ResourceFields {
    slug: Change<String>,
    name: Change<String>,
    description: Change<Option<String>>,
    kind: Change<String>,
    time_zone: Change<Tz>,
    quantity: Change<u32>,
    standalone: Change<bool>,
    active: Change<bool>,
    schedule_id: Change<Option<ScheduleId>>,
    metadata: Change<Option<Value>>,
}

impl ResourceFields {
    /// Of a new one, all of them.
    pub(super) fn of_new(request: CreateResource, problems: &mut Problems) -> Self {
        let CreateResource {
            slug,
            name,
            description,
            kind,
            time_zone,
            quantity,
            standalone,
            active,
            schedule_id,
            metadata,
        } = request;
        let fields = Self {
            slug: Change::To(slug),
            name: Change::To(name),
            description: Change::To(description),
            kind: Change::To(kind),
            time_zone: problems.well_formed("timeZone", Change::To(time_zone)),
            quantity: quantity_field(Change::To(quantity), problems),
            standalone: Change::To(standalone),
            active: Change::To(active),
            schedule_id: Change::To(schedule_id),
            metadata: Change::To(metadata),
        };
        fields.note_problems(problems);
        fields
    }

    /// Of an update, with the resource and when it is believed to have changed last.
    pub(super) fn of_update(
        request: UpdateResource,
        problems: &mut Problems,
    ) -> (ResourceId, Option<DateTime<Utc>>, Self) {
        let UpdateResource {
            id,
            expected_updated_at,
            slug,
            name,
            description,
            kind,
            time_zone,
            quantity,
            standalone,
            active,
            schedule_id,
            metadata,
        } = request;
        let expected = problems.expected_updated_at(expected_updated_at);
        let time_zone = problems.never_null("timeZone", time_zone);
        let quantity = problems.never_null("quantity", quantity);
        let fields = Self {
            slug: problems.never_null("slug", slug),
            name: problems.never_null("name", name),
            description,
            kind: problems.never_null("kind", kind),
            time_zone: problems.well_formed("timeZone", time_zone),
            quantity: quantity_field(quantity, problems),
            standalone: problems.never_null("standalone", standalone),
            active: problems.never_null("active", active),
            schedule_id,
            metadata,
        };
        fields.note_problems(problems);
        (id, expected, fields)
    }

    /// Notes what is wrong with the form of the rest.
    fn note_problems(&self, problems: &mut Problems) {
        problems.slug(&self.slug);
        problems.name("name", &self.name);
        problems.description(&self.description);
        problems.line(&["kind"], self.kind.given().map(String::as_str), MAX_KIND);
        problems.json(&["metadata"], self.metadata.given().and_then(Option::as_ref), MAX_METADATA_BYTES);
    }

    /// Notes what the catalogue has against it: for a new one, or for the locked one that is changed.
    pub(super) async fn check(
        &self,
        administration: &Administration,
        changed: Option<&Resource>,
        problems: &mut Problems,
    ) -> Result<(), StoreError> {
        if let Some(slug) = self.slug.given() {
            let found = administration.tx.resource_by_slug(administration.organization(), slug).await?;
            if found.is_some_and(|found| changed.is_none_or(|changed| changed.id != found.id)) {
                problems.refuse(slug_exists());
            }
        }
        administration.check_schedule(&self.schedule_id, problems).await?;
        if let (Some(resource), Some(quantity)) = (changed, self.quantity.given()) {
            administration.check_capacity(resource, *quantity, problems).await?;
        }
        Ok(())
    }

    pub(super) fn applied_to(self, resource: Resource) -> Resource {
        let Self { slug, name, description, kind, time_zone, quantity, standalone, active, schedule_id, metadata } =
            self;
        Resource {
            slug: slug.applied_to(resource.slug),
            name: name.applied_to(resource.name),
            description: description.applied_to(resource.description),
            kind: kind.applied_to(resource.kind),
            time_zone: time_zone.applied_to(resource.time_zone),
            quantity: quantity.applied_to(resource.quantity),
            standalone: standalone.applied_to(resource.standalone),
            active: active.applied_to(resource.active),
            schedule_id: schedule_id.applied_to(resource.schedule_id),
            metadata: metadata.applied_to(resource.metadata),
            id: resource.id,
            organization_id: resource.organization_id,
            created_at: resource.created_at,
            updated_at: resource.updated_at,
        }
    }
}

fn quantity_field(change: Change<i32>, problems: &mut Problems) -> Change<u32> {
    problems.number_field("quantity", change, &(1..=MAX_QUANTITY), "units")
}

/// A resource as the audit log shows it.
pub(super) fn audit_fields(resource: &Resource) -> AuditFields {
    let Resource {
        // What it is called by in the log, and what never changes or follows from the rest.
        id: _,
        organization_id: _,
        created_at: _,
        updated_at: _,
        slug,
        name,
        description,
        kind,
        time_zone,
        quantity,
        standalone,
        active,
        schedule_id,
        metadata,
    } = resource;
    let fields = [
        ("slug", json!(slug)),
        ("name", json!(name)),
        ("description", json!(description)),
        ("kind", json!(kind)),
        ("timeZone", json!(time_zone.name())),
        ("quantity", json!(quantity)),
        ("standalone", json!(standalone)),
        ("active", json!(active)),
        ("scheduleId", json!(schedule_id)),
        ("metadata", json!(metadata)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
