//! What can be booked, as far as the caller may see it.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;

use super::Services;
use super::page::{Cursors, Page, PageRequest};
use crate::domain::access::Caller;
use crate::domain::booking::BookingTransition;
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::{BookingId, EventTypeId, OrganizationId, ResourceId, ScheduleId};
use crate::domain::schedule::Schedule;
use crate::error::Error;
use crate::store::{EventTypeFilter, Place, Reader, ResourceFilter, StoreError};

pub use crate::store::{CatalogueState, DateOverrides};

/// A list of resources, by name.
#[derive(Clone, Debug)]
pub struct ResourceList {
    /// Whose; `None` means the caller's organization.
    pub organization_id: Option<OrganizationId>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Active ones, inactive ones or both.
    pub state: CatalogueState,
    /// Which part of the list.
    pub page: PageRequest,
}

/// A list of event types, by title.
#[derive(Clone, Debug)]
pub struct EventTypeList {
    /// Whose; `None` means the caller's organization.
    pub organization_id: Option<OrganizationId>,
    /// Only what can be booked on this resource.
    pub resource_id: Option<ResourceId>,
    /// Active ones, inactive ones or both.
    pub state: CatalogueState,
    /// Which part of the list.
    pub page: PageRequest,
}

impl Services {
    /// A resource, whoever asks and whether it is active or not.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub(super) async fn find_resource(&self, id: &ResourceId) -> Result<Arc<Resource>, Error> {
        let found = self.parts().store.reader().resource(id).await?;
        found.map(Arc::new).ok_or_else(|| Error::not_found("resource", id.as_str()))
    }

    /// A resource that the caller may see.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn resource(&self, caller: &Caller, id: &ResourceId) -> Result<Arc<Resource>, Error> {
        let resource = self.find_resource(id).await?;
        seen(resource.active, &resource.organization_id, caller)
            .then_some(resource)
            .ok_or_else(|| Error::not_found("resource", id.as_str()))
    }

    /// A resource that the caller may see, by its slug.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn resource_by_slug(
        &self,
        caller: &Caller,
        organization: Option<OrganizationId>,
        slug: &str,
    ) -> Result<Arc<Resource>, Error> {
        let organization = organization.unwrap_or_else(|| caller.home_organization());
        let found = self.parts().store.reader().resource_by_slug(&organization, slug).await?;
        found
            .filter(|resource| seen(resource.active, &organization, caller))
            .map(Arc::new)
            .ok_or_else(|| Error::not_found("resource", slug))
    }

    /// An event type that the caller may see.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn event_type(&self, caller: &Caller, id: &EventTypeId) -> Result<Arc<EventType>, Error> {
        let found = self.parts().store.reader().event_type(id).await?;
        found
            .filter(|event_type| seen(event_type.active, &event_type.organization_id, caller))
            .map(Arc::new)
            .ok_or_else(|| Error::not_found("event type", id.as_str()))
    }

    /// An event type that the caller may see, by its slug.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn event_type_by_slug(
        &self,
        caller: &Caller,
        organization: Option<OrganizationId>,
        slug: &str,
    ) -> Result<Arc<EventType>, Error> {
        let organization = organization.unwrap_or_else(|| caller.home_organization());
        let found = self.parts().store.reader().event_type_by_slug(&organization, slug).await?;
        found
            .filter(|event_type| seen(event_type.active, &organization, caller))
            .map(Arc::new)
            .ok_or_else(|| Error::not_found("event type", slug))
    }

    /// Resources of an organization, by name.
    ///
    /// # Errors
    /// `BadInput` for a cursor of another list; `Forbidden` for inactive ones of an organization whose staff the caller
    /// is not.
    pub async fn resources(&self, caller: &Caller, list: ResourceList) -> Result<Page<Arc<Resource>>, Error> {
        let organization = list.organization_id.unwrap_or_else(|| caller.home_organization());
        may_list(caller, &organization, list.state)?;
        let cursors = Cursors::of(format!("resources {organization:?} {:?} {:?}", list.kind, list.state));
        let filter =
            ResourceFilter { organization_id: organization, kind: list.kind, event_type_id: None, state: list.state };
        let reader = self.parts().store.reader();
        let found = reader.resources(&filter, &cursors.part(&list.page)?).await?;
        let total = if list.page.wants_total { Some(reader.resource_count(&filter).await?) } else { None };
        Ok(cursors.page(found, total, resource_place))
    }

    /// Event types of an organization, by title.
    ///
    /// # Errors
    /// As [`Services::resources`].
    pub async fn event_types(&self, caller: &Caller, list: EventTypeList) -> Result<Page<Arc<EventType>>, Error> {
        let organization = list.organization_id.unwrap_or_else(|| caller.home_organization());
        may_list(caller, &organization, list.state)?;
        let cursors = Cursors::of(format!("event types {organization:?} {:?} {:?}", list.resource_id, list.state));
        let filter =
            EventTypeFilter { organization_id: organization, resource_id: list.resource_id, state: list.state };
        let reader = self.parts().store.reader();
        let found = reader.event_types(&filter, &cursors.part(&list.page)?).await?;
        let total = if list.page.wants_total { Some(reader.event_type_count(&filter).await?) } else { None };
        let place = |event_type: &EventType| Place::by_text(&event_type.title, event_type.id.as_str());
        Ok(cursors.page(found, total, place))
    }

    /// Resources by their ids, for what the caller may see already.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_resources(&self, ids: &[ResourceId]) -> Result<Vec<(ResourceId, Arc<Resource>)>, Error> {
        let found = self.parts().store.reader().resources_by_ids(ids).await?;
        Ok(found.into_iter().map(|resource| (resource.id.clone(), Arc::new(resource))).collect())
    }

    /// Event types by their ids.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_event_types(&self, ids: &[EventTypeId]) -> Result<Vec<(EventTypeId, Arc<EventType>)>, Error> {
        let found = self.parts().store.reader().event_types_by_ids(ids).await?;
        Ok(found.into_iter().map(|event_type| (event_type.id.clone(), Arc::new(event_type))).collect())
    }

    /// Schedules by their ids, without their overrides.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_schedules(&self, ids: &[ScheduleId]) -> Result<Vec<(ScheduleId, Arc<Schedule>)>, Error> {
        // In one snapshot: a schedule that is changed meanwhile is read as it was or as it is, not half of each.
        let read = |reader: Arc<Reader>| async move { reader.schedules_without_overrides(ids).await };
        let found = self.parts().store.snapshot(read).await?;
        Ok(found.into_iter().map(|schedule| (schedule.id.clone(), Arc::new(schedule))).collect())
    }

    /// The overrides of schedules on `dates`, where they have any.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_date_overrides(
        &self,
        ids: &[ScheduleId],
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<HashMap<ScheduleId, DateOverrides>, Error> {
        Ok(self.parts().store.reader().date_overrides(ids, dates).await?)
    }

    /// The event types that are linked to each resource, inactive ones included, by title.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_event_types_of_resources(
        &self,
        ids: &[ResourceId],
    ) -> Result<HashMap<ResourceId, Vec<Arc<EventType>>>, Error> {
        let mut linked: HashMap<_, Vec<_>> = HashMap::with_capacity(ids.len());
        for (resource, event_type) in self.parts().store.reader().event_types_of_resources(ids).await? {
            linked.entry(resource).or_default().push(Arc::new(event_type));
        }
        Ok(linked)
    }

    /// The resources that are linked to each event type, inactive ones included, in no particular order.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_resources_of_event_types(
        &self,
        ids: &[EventTypeId],
    ) -> Result<HashMap<EventTypeId, Vec<Arc<Resource>>>, Error> {
        let read = |reader: Arc<Reader>| async move {
            Ok::<_, StoreError>((reader.links_of_event_types(ids).await?, reader.resources_of_event_types(ids).await?))
        };
        let (links, found) = self.parts().store.snapshot(read).await?;
        let found: HashMap<_, _> = found.into_iter().map(|found| (found.id.clone(), Arc::new(found))).collect();
        let mut linked: HashMap<_, Vec<_>> = HashMap::with_capacity(ids.len());
        for (event_type, resource) in links {
            linked.entry(event_type).or_default().extend(found.get(&resource).cloned());
        }
        Ok(linked)
    }

    /// A page of the resources that are `linked` to an event type, by name: of those that the caller may see.
    ///
    /// # Errors
    /// `BadInput` for a cursor of another list.
    pub fn resources_of_event_type(
        &self,
        caller: &Caller,
        event_type: &EventType,
        mut linked: Vec<Arc<Resource>>,
        page: &PageRequest,
    ) -> Result<Page<Arc<Resource>>, Error> {
        linked.retain(|resource| seen(resource.active, &resource.organization_id, caller));
        let cursors = Cursors::of(format!("resources of {:?}", event_type.id));
        let page = cursors.part_of(page, linked, |resource| resource_place(resource))?;
        Ok(page.map(Arc::unwrap_or_clone))
    }

    /// The histories of bookings, each the oldest first.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_histories(&self, ids: &[BookingId]) -> Result<HashMap<BookingId, Vec<BookingTransition>>, Error> {
        Ok(self.parts().store.reader().histories(ids).await?)
    }
}

/// Where a resource stands in lists: by its name.
pub(super) fn resource_place(resource: &Resource) -> Place {
    Place::by_text(&resource.name, resource.id.as_str())
}

fn seen(active: bool, organization: &OrganizationId, caller: &Caller) -> bool {
    active || caller.may_see_inactive(organization)
}

fn may_list(caller: &Caller, organization: &OrganizationId, state: CatalogueState) -> Result<(), Error> {
    if state == CatalogueState::Active || caller.may_see_inactive(organization) {
        return Ok(());
    }
    Err(Error::Forbidden("What is switched off is for staff of its organization only.".to_owned()))
}
