//! Which event types are offered on which resources.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::event_type_fields::audit_fields;
use super::{Administration, NotMade, unknown};
use crate::domain::access::Admin;
use crate::domain::audit::{AuditAction, AuditEntity};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::{EventTypeId, ResourceId};
use crate::domain::refusal::{Refusal, UserError};
use crate::error::Error;
use crate::service::Services;
use crate::service::booking::Outcome;
use crate::service::input::Problems;
use crate::store::StoreError;

/// Resources that can be linked to an event type, and event types to a resource.
pub(super) const MAX_LINKS: usize = 100;

/// An event type and a resource, linked or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The event type.
    pub event_type_id: EventTypeId,
    /// The resource.
    pub resource_id: ResourceId,
}

/// What a link joins.
pub type Linked = (Arc<EventType>, Arc<Resource>);

impl Services {
    /// Offers an event type on a resource. Succeeds, and changes nothing, where it is offered already.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn link_event_type(
        &self,
        admin: &Admin,
        link: Link,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Linked>, Error> {
        self.set_link(admin, link, true, now).await
    }

    /// Ends offering an event type on a resource. Succeeds, and changes nothing, where it is not offered. What was
    /// booked stays booked.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn unlink_event_type(
        &self,
        admin: &Admin,
        link: Link,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Linked>, Error> {
        self.set_link(admin, link, false, now).await
    }

    async fn set_link(
        &self,
        admin: &Admin,
        link: Link,
        linked: bool,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Linked>, Error> {
        self.administer(admin, now, move |administration| {
            let link = link.clone();
            async move { administration.set_link(&link, linked).await }
        })
        .await
    }
}

impl Administration {
    async fn set_link(&self, link: &Link, linked: bool) -> Result<Linked, NotMade> {
        let Link { event_type_id, resource_id } = link;
        let event_type = self.tx.lock_event_type(self.organization(), event_type_id).await?;
        let resource = self.tx.owned_resources(self.organization(), std::slice::from_ref(resource_id)).await?.pop();
        let (event_type, resource) = match (event_type, resource) {
            (Some(event_type), Some(resource)) => (event_type, resource),
            (event_type, resource) => {
                let no_event_type = unknown("event type", event_type_id.as_str(), &["eventTypeId"]);
                let no_resource = unknown("resource", resource_id.as_str(), &["resourceId"]);
                let missing = [(event_type.is_none(), no_event_type), (resource.is_none(), no_resource)];
                let refused = missing.into_iter().filter_map(|(is_missing, refused)| is_missing.then_some(refused));
                return Err(NotMade::Refused(refused.collect()));
            }
        };
        let before = self.links_of(event_type_id).await?;
        if before.contains(resource_id) == linked {
            return Ok((Arc::new(event_type), Arc::new(resource)));
        }
        let mut after: Vec<ResourceId> = before.iter().filter(|id| *id != resource_id).cloned().collect();
        if linked {
            self.require_room(resource_id, after.len()).await?;
            after.push(resource_id.clone());
        }
        let event_type = self.save_links(event_type, &before, &after).await?;
        Ok((Arc::new(event_type), Arc::new(resource)))
    }

    /// Ends offering whatever is offered on a resource that is about to go, each time as a change of the event type.
    /// Which those were, in order.
    pub(super) async fn unlink_all(&self, resource: &ResourceId) -> Result<Vec<EventTypeId>, NotMade> {
        let links = self.tx.links_of_resources(std::slice::from_ref(resource)).await?;
        let mut event_types: Vec<EventTypeId> = links.into_iter().map(|(_, event_type)| event_type).collect();
        event_types.sort();
        for id in &event_types {
            // With the catalogue locked nobody removes it in between.
            let Some(event_type) = self.tx.lock_event_type(self.organization(), id).await? else { continue };
            let before = self.links_of(id).await?;
            let after: Vec<ResourceId> = before.iter().filter(|linked| *linked != resource).cloned().collect();
            self.save_links(event_type, &before, &after).await?;
        }
        Ok(event_types)
    }

    /// Refuses one link more than an event type or a resource may have.
    async fn require_room(&self, resource: &ResourceId, linked: usize) -> Result<(), NotMade> {
        if linked >= MAX_LINKS {
            let message = format!("At most {MAX_LINKS} resources can be linked to an event type. Unlink one first.");
            return Err(UserError::new(Refusal::LimitExceeded, message).at(["input", "eventTypeId"]).into());
        }
        if self.tx.links_of_resources(std::slice::from_ref(resource)).await?.len() >= MAX_LINKS {
            return Err(crowded(&["resourceId"]).into());
        }
        Ok(())
    }

    /// Saves the links of a locked event type, as a change of it.
    async fn save_links(
        &self,
        event_type: EventType,
        before: &[ResourceId],
        after: &[ResourceId],
    ) -> Result<EventType, NotMade> {
        let was = audit_fields(&event_type, before);
        let event_type = EventType { updated_at: self.later_than(event_type.updated_at), ..event_type };
        self.change_links(&event_type.id, before, after).await?;
        self.tx.save_event_type(&event_type).await?;
        let is = audit_fields(&event_type, after);
        self.record(AuditAction::Updated, AuditEntity::EventType, event_type.id.as_str(), &was, &is).await?;
        Ok(event_type)
    }

    /// The resources that are linked to an event type.
    pub(super) async fn links_of(&self, event_type: &EventTypeId) -> Result<Vec<ResourceId>, StoreError> {
        let links = self.tx.links_of_event_types(std::slice::from_ref(event_type)).await?;
        Ok(links.into_iter().map(|(_, resource)| resource).collect())
    }

    /// Links what is in `after` alone, and unlinks what is in `before` alone.
    pub(super) async fn change_links(
        &self,
        event_type: &EventTypeId,
        before: &[ResourceId],
        after: &[ResourceId],
    ) -> Result<(), StoreError> {
        let only_in = |one: &[ResourceId], other: &[ResourceId]| -> Vec<ResourceId> {
            one.iter().filter(|id| !other.contains(id)).cloned().collect()
        };
        let (linked, unlinked) = (only_in(after, before), only_in(before, after));
        self.tx.change_links(self.organization(), event_type, &linked, &unlinked).await
    }

    /// Notes what of `resources` cannot be linked to an event type that has the links `before`.
    pub(super) async fn check_links(
        &self,
        resources: &[ResourceId],
        before: &[ResourceId],
        problems: &mut Problems,
    ) -> Result<(), StoreError> {
        let found = self.tx.owned_resources(self.organization(), resources).await?;
        let mut counts: HashMap<ResourceId, usize> = HashMap::new();
        for (resource, _) in self.tx.links_of_resources(resources).await? {
            *counts.entry(resource).or_default() += 1;
        }
        for (index, id) in resources.iter().enumerate() {
            let index = index.to_string();
            let path = ["resourceIds", &index];
            if !found.iter().any(|found| found.id == *id) {
                problems.refuse(unknown("resource", id.as_str(), &path));
            } else if !before.contains(id) && counts.get(id).is_some_and(|count| *count >= MAX_LINKS) {
                problems.refuse(crowded(&path));
            }
        }
        Ok(())
    }
}

/// The refusal of one more event type than a resource may have.
fn crowded(path: &[&str]) -> UserError {
    let message = format!("At most {MAX_LINKS} event types can be linked to a resource. Unlink one from it first.");
    let path = std::iter::once("input").chain(path.iter().copied());
    UserError::new(Refusal::LimitExceeded, message).at(path)
}
