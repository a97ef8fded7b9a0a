//! What receivers are told, as JSON: fields in the order that they have here, named and written as in the API. Ids stand
//! for resources, event types and people; a management token is in none of it.
//!
//! What is told is taken apart field by field: whoever adds one has to say whether receivers get it.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::booking::{
    Actor, Booker, Booking, BookingEvent, BookingEventType, BookingItem, BookingStatus, BookingTransition,
};
use crate::domain::id::{BookingId, EventTypeId, OrganizationId, ResourceId, SeriesId, UserId};
use crate::domain::news::{BookingNews, ExpiredHold};
use crate::domain::webhook::WebhookEvent;

/// What is told of something that happened to a booking.
#[must_use]
pub fn booking_payload(news: &BookingNews) -> String {
    of_booking(news, false)
}

/// The same, marked as sent to try a webhook out: it did not happen now, or not at all.
#[must_use]
pub fn booking_test_payload(news: &BookingNews) -> String {
    of_booking(news, true)
}

/// What is told of a hold that ran out.
#[must_use]
pub fn hold_payload(hold: &ExpiredHold) -> String {
    of_hold(hold, false)
}

/// The same, marked as sent to try a webhook out.
#[must_use]
pub fn hold_test_payload(hold: &ExpiredHold) -> String {
    of_hold(hold, true)
}

fn of_booking(BookingNews { event, changes }: &BookingNews, test: bool) -> String {
    let BookingEvent { id, transition, booking, previous_resource } = event;
    let data = BookingData {
        id,
        organization_id: &booking.organization_id,
        booking_id: &booking.id,
        sequence: booking.revision,
        booking: BookingShape::of(booking),
        transition: TransitionShape::of(transition),
        previous_resource_id: previous_resource.as_ref(),
        changes,
    };
    json(&Payload { r#type: transition.event.into(), test: test.then_some(true), timestamp: transition.at, data })
}

fn of_hold(hold: &ExpiredHold, test: bool) -> String {
    let ExpiredHold { id, organization_id, resource_id, start, end, quantity, event_type_id, holder, since, at } = hold;
    let data = HoldData {
        id,
        organization_id,
        resource_id,
        start: *start,
        end: *end,
        quantity: *quantity,
        event_type_id: event_type_id.as_ref(),
        holder,
        since: *since,
    };
    json(&Payload { r#type: WebhookEvent::PresenceTimeout, test: test.then_some(true), timestamp: *at, data })
}

fn json(payload: &impl Serialize) -> String {
    serde_json::to_string(payload)
        .unwrap_or_else(|error| unreachable!("names are text, and nothing here fails: {error}"))
}

#[derive(Serialize)]
struct Payload<T> {
    r#type: WebhookEvent,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<bool>,
    timestamp: DateTime<Utc>,
    data: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookingData<'a> {
    id: &'a str,
    organization_id: &'a OrganizationId,
    booking_id: &'a BookingId,
    sequence: u32,
    booking: BookingShape<'a>,
    transition: TransitionShape<'a>,
    previous_resource_id: Option<&'a ResourceId>,
    changes: &'a Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HoldData<'a> {
    id: &'a str,
    organization_id: &'a OrganizationId,
    resource_id: &'a ResourceId,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    quantity: u32,
    event_type_id: Option<&'a EventTypeId>,
    holder: &'a str,
    since: DateTime<Utc>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookingShape<'a> {
    id: &'a BookingId,
    organization_id: &'a OrganizationId,
    status: BookingStatus,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    duration_minutes: u32,
    time_zone: Tz,
    title: &'a str,
    location: Option<&'a str>,
    event_type_id: &'a EventTypeId,
    resource_id: Option<&'a ResourceId>,
    quantity: Option<u32>,
    add_ons: Vec<ItemShape<'a>>,
    booker: BookerShape<'a>,
    reference: Option<&'a str>,
    metadata: Option<&'a Value>,
    revision: u32,
    expires_at: Option<DateTime<Utc>>,
    cancellation_reason: Option<&'a str>,
    series_id: Option<&'a SeriesId>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl<'a> BookingShape<'a> {
    fn of(booking: &'a Booking) -> Self {
        let Booking {
            id,
            organization_id,
            status,
            start,
            end,
            // With the buffers around it, which are nobody's business but the calendar's.
            occupied: _,
            time_zone,
            title,
            location,
            event_type_id,
            items,
            booker,
            reference,
            metadata,
            revision,
            cancellation_reason,
            expires_at,
            series_id,
            created_at,
            updated_at,
        } = booking;
        let primary = items.first();
        Self {
            id,
            organization_id,
            status: *status,
            start: *start,
            end: *end,
            duration_minutes: booking.duration_minutes(),
            time_zone: *time_zone,
            title,
            location: location.as_deref(),
            event_type_id,
            resource_id: primary.map(|item| &item.resource_id),
            quantity: primary.map(|item| item.quantity),
            add_ons: items.iter().skip(1).map(ItemShape::of).collect(),
            booker: BookerShape::of(booker),
            reference: reference.as_deref(),
            metadata: metadata.as_ref(),
            revision: *revision,
            expires_at: *expires_at,
            cancellation_reason: cancellation_reason.as_deref(),
            series_id: series_id.as_ref(),
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemShape<'a> {
    resource_id: &'a ResourceId,
    quantity: u32,
}

impl<'a> ItemShape<'a> {
    fn of(BookingItem { resource_id, quantity }: &'a BookingItem) -> Self {
        Self { resource_id, quantity: *quantity }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookerShape<'a> {
    user_id: Option<&'a UserId>,
    name: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    notes: Option<&'a str>,
}

impl<'a> BookerShape<'a> {
    fn of(Booker { user_id, name, email, phone, notes }: &'a Booker) -> Self {
        Self {
            user_id: user_id.as_ref(),
            name: name.as_deref(),
            email: email.as_deref(),
            phone: phone.as_deref(),
            notes: notes.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransitionShape<'a> {
    event: BookingEventType,
    from: Option<BookingStatus>,
    to: BookingStatus,
    at: DateTime<Utc>,
    by: ActorShape<'a>,
    reason: Option<&'a str>,
    previous_start: Option<DateTime<Utc>>,
    previous_end: Option<DateTime<Utc>>,
}

impl<'a> TransitionShape<'a> {
    fn of(transition: &'a BookingTransition) -> Self {
        let BookingTransition { event, from, to, at, by, reason, previous } = transition;
        Self {
            event: *event,
            from: *from,
            to: *to,
            at: *at,
            by: ActorShape::of(by),
            reason: reason.as_deref(),
            previous_start: previous.map(|(start, _)| start),
            previous_end: previous.map(|(_, end)| end),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActorShape<'a> {
    kind: &'static str,
    user_id: Option<&'a UserId>,
}

impl<'a> ActorShape<'a> {
    fn of(actor: &'a Actor) -> Self {
        let (kind, user_id) = match actor {
            Actor::User(id) => ("USER", Some(id)),
            Actor::Guest => ("GUEST", None),
            Actor::TokenBearer => ("TOKEN", None),
            Actor::System => ("SYSTEM", None),
        };
        Self { kind, user_id }
    }
}

#[cfg(test)]
mod tests;
