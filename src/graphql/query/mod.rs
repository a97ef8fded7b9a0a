//! The query root, one file per noun.

pub mod audit;
pub mod availability;
pub mod block;
pub mod booking;
pub mod booking_list;
pub mod booking_series;
pub mod calendar_feed;
pub mod catalogue;
pub mod presence;
pub mod schedule;
pub mod server;
pub mod user;
pub mod webhook;

use async_graphql::MergedObject;

/// Reading. `daySlots` and `monthAvailability` are stable: they change when a booking, a schedule or the configuration
/// does. `datePresence` and its like are volatile: they change as people hold and release slots.
#[derive(MergedObject, Default)]
pub struct Query(
    availability::AvailabilityQuery,
    presence::PresenceQuery,
    catalogue::CatalogueQuery,
    schedule::ScheduleQuery,
    booking::BookingQuery,
    booking_list::BookingListQuery,
    block::BlockQuery,
    booking_series::BookingSeriesQuery,
    audit::AuditQuery,
    server::ServerQuery,
    user::UserQuery,
    webhook::WebhookQuery,
    calendar_feed::CalendarFeedQuery,
);
