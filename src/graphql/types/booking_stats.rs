//! What bookings come to.

use async_graphql::SimpleObject;

use crate::graphql::types::booking::BookingStatus;
use crate::graphql::types::resource::Resource;
use crate::service::booking_stats as service;

/// What the bookings of a span come to.
#[derive(SimpleObject)]
pub struct BookingStats {
    /// How many overlap the span, by where they stand now: every status, in the order of the enum.
    by_status: Vec<BookingStatusCount>,
    /// How much of each resource is occupied, inactive ones included, by name.
    by_resource: Vec<ResourceUtilisation>,
}

/// How many bookings are in one state.
#[derive(SimpleObject)]
pub struct BookingStatusCount {
    /// The state.
    status: BookingStatus,
    /// How many.
    count: u64,
}

/// How much of a resource is occupied. A minute in which two units are occupied counts two.
#[derive(SimpleObject)]
pub struct ResourceUtilisation {
    /// The resource.
    resource: Resource,
    /// Unit minutes that bookings occupy, buffers included. Outside of the opening hours, too: so it may be more than
    /// was open.
    occupied_minutes: i32,
    /// Unit minutes that were open by the resource's own schedule, and not blocked.
    open_minutes: i32,
}

impl From<service::BookingStats> for BookingStats {
    fn from(stats: service::BookingStats) -> Self {
        let service::BookingStats { by_status, by_resource } = stats;
        let count = |(status, count): (_, u64)| BookingStatusCount { status: BookingStatus::from(status), count };
        let utilisation = |of: service::Utilisation| ResourceUtilisation {
            resource: Resource(of.resource),
            occupied_minutes: of.occupied_minutes,
            open_minutes: of.open_minutes,
        };
        Self {
            by_status: by_status.into_iter().map(count).collect(),
            by_resource: by_resource.into_iter().map(utilisation).collect(),
        }
    }
}
