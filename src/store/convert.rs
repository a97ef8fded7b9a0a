//! Between what is stored and the domain's types.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::status::ActorKind;
use entity::{event_type, resource};
use sea_orm::JsonValue;

use super::error::StoreError;
use crate::domain::booking::Actor;
use crate::domain::catalogue::{EventType, Resource};

/// The instant that is `millis` milliseconds after 1970-01-01T00:00Z.
pub(super) fn instant(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis)
        .ok_or_else(|| StoreError::corrupt(format!("{millis} milliseconds are no instant")))
}

pub(super) fn zone(name: &str) -> Result<Tz, StoreError> {
    Tz::from_str(name).map_err(|_| StoreError::corrupt(format!("there is no time zone `{name}`")))
}

pub(super) fn date(days: i32) -> Result<NaiveDate, StoreError> {
    NaiveDate::from_epoch_days(days).ok_or_else(|| StoreError::corrupt(format!("day {days} is no date")))
}

/// A whole number in another type, where both can hold it.
pub(super) fn number<A, B>(value: A) -> Result<B, StoreError>
where
    A: Copy + std::fmt::Display,
    B: TryFrom<A>,
{
    B::try_from(value).map_err(|_| StoreError::corrupt(format!("the number {value} is out of range")))
}

pub(super) fn optional_number<A, B>(value: Option<A>) -> Result<Option<B>, StoreError>
where
    A: Copy + std::fmt::Display,
    B: TryFrom<A>,
{
    value.map(number).transpose()
}

/// Who did something.
pub(super) fn actor(kind: ActorKind, user_id: Option<String>) -> Result<Actor, StoreError> {
    Ok(match (kind, user_id) {
        (ActorKind::User, Some(id)) => Actor::User(id.into()),
        (ActorKind::User, None) => return Err(StoreError::corrupt("a user without an id has done something")),
        (ActorKind::Guest, _) => Actor::Guest,
        (ActorKind::Token, _) => Actor::TokenBearer,
        (ActorKind::System, _) => Actor::System,
    })
}

pub(super) fn stored_actor(actor: &Actor) -> (ActorKind, Option<String>) {
    match actor {
        Actor::User(id) => (ActorKind::User, Some(id.to_string())),
        Actor::Guest => (ActorKind::Guest, None),
        Actor::TokenBearer => (ActorKind::Token, None),
        Actor::System => (ActorKind::System, None),
    }
}

pub(super) fn list<T: serde::de::DeserializeOwned>(json: JsonValue) -> Result<Vec<T>, StoreError> {
    serde_json::from_value(json).map_err(|error| StoreError::corrupt(format!("a stored list cannot be read: {error}")))
}

pub(super) fn resource(model: resource::Model) -> Result<Resource, StoreError> {
    Ok(Resource {
        id: model.id.into(),
        organization_id: model.organization_id.into(),
        slug: model.slug,
        name: model.name,
        description: model.description,
        kind: model.kind,
        time_zone: zone(&model.time_zone)?,
        quantity: number(model.quantity)?,
        standalone: model.standalone,
        active: model.active,
        schedule_id: model.schedule_id.map(Into::into),
        metadata: model.metadata,
        created_at: instant(model.created_at)?,
        updated_at: instant(model.updated_at)?,
    })
}

pub(super) fn resource_model(resource: &Resource) -> Result<resource::Model, StoreError> {
    let Resource {
        id,
        organization_id,
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
        created_at,
        updated_at,
    } = resource;
    Ok(resource::Model {
        id: id.to_string(),
        organization_id: organization_id.to_string(),
        slug: slug.clone(),
        name: name.clone(),
        description: description.clone(),
        kind: kind.clone(),
        time_zone: time_zone.name().to_owned(),
        quantity: number(*quantity)?,
        counted: *quantity > 1,
        standalone: *standalone,
        active: *active,
        schedule_id: schedule_id.as_ref().map(ToString::to_string),
        metadata: metadata.clone(),
        created_at: created_at.timestamp_millis(),
        updated_at: updated_at.timestamp_millis(),
    })
}

pub(super) fn event_type(model: event_type::Model) -> Result<EventType, StoreError> {
    Ok(EventType {
        id: model.id.into(),
        organization_id: model.organization_id.into(),
        slug: model.slug,
        title: model.title,
        description: model.description,
        duration_options: list(model.duration_options)?,
        interval_minutes: optional_number(model.interval_minutes)?,
        buffer_before_minutes: number(model.buffer_before_minutes)?,
        buffer_after_minutes: number(model.buffer_after_minutes)?,
        min_notice_minutes: number(model.min_notice_minutes)?,
        max_days_ahead: optional_number(model.max_days_ahead)?,
        requires_confirmation: model.requires_confirmation,
        lock_time_zone: model.lock_time_zone,
        locations: list(model.locations)?,
        active: model.active,
        schedule_id: model.schedule_id.map(Into::into),
        created_at: instant(model.created_at)?,
        updated_at: instant(model.updated_at)?,
    })
}

pub(super) fn event_type_model(event_type: &EventType) -> Result<event_type::Model, StoreError> {
    let EventType {
        id,
        organization_id,
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
        created_at,
        updated_at,
    } = event_type;
    Ok(event_type::Model {
        id: id.to_string(),
        organization_id: organization_id.to_string(),
        slug: slug.clone(),
        title: title.clone(),
        description: description.clone(),
        duration_options: duration_options.clone().into(),
        interval_minutes: optional_number(*interval_minutes)?,
        buffer_before_minutes: number(*buffer_before_minutes)?,
        buffer_after_minutes: number(*buffer_after_minutes)?,
        min_notice_minutes: number(*min_notice_minutes)?,
        max_days_ahead: optional_number(*max_days_ahead)?,
        requires_confirmation: *requires_confirmation,
        lock_time_zone: *lock_time_zone,
        locations: locations.clone().into(),
        active: *active,
        schedule_id: schedule_id.as_ref().map(ToString::to_string),
        created_at: created_at.timestamp_millis(),
        updated_at: updated_at.timestamp_millis(),
    })
}
