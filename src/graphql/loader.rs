//! Batches look-ups of single things, so that a list of n bookings does not cost n statements.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::runtime::{TokioSpawner, TokioTimer};
use chrono::NaiveDate;

use crate::domain::booking::{Booking, BookingTransition};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::delivery::DeliveryAttempt;
use crate::domain::id::{BookingId, DeliveryId, EventTypeId, ResourceId, ScheduleId, SeriesId};
use crate::domain::schedule::Schedule;
use crate::domain::series::BookingSeries;
use crate::graphql::error::ApiError;
use crate::service::Services;
use crate::service::catalogue::DateOverrides;

/// Loads by key, in batches; keeps nothing from one batch to the next.
pub struct Loads(DataLoader<Source>);

/// Where the batches are read.
pub struct Source(Services);

impl Loads {
    /// Loads through `services`. To be called within the runtime that serves requests.
    #[must_use]
    pub fn new(services: Services) -> Self {
        Self(DataLoader::new(Source(services), TokioSpawner::current(), TokioTimer::default()))
    }

    /// What `key` names, if there is such a thing.
    ///
    /// # Errors
    /// Whatever the store failed with.
    pub async fn load<K>(&self, key: K) -> Result<Option<<Source as Loader<K>>::Value>, ApiError>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Source: Loader<K, Error = ApiError>,
    {
        self.0.load_one(key).await
    }
}

/// Declares a key and how many of them are loaded at once.
macro_rules! loads {
    ($(#[$doc:meta])* $key:ident($id:ty) => $value:ty, by $load:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $key(pub $id);

        impl Loader<$key> for Source {
            type Value = $value;
            type Error = ApiError;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, Self::Error> {
                let ids: Vec<$id> = keys.iter().map(|key| key.0.clone()).collect();
                Ok(self.0.$load(&ids).await?.into_iter().map(|(id, value)| ($key(id), value)).collect())
            }
        }
    };
}

loads!(
    /// A resource by its id, whoever asks: for what the caller may see already.
    ResourceKey(ResourceId) => Arc<Resource>, by load_resources
);
loads!(
    /// An event type by its id.
    EventTypeKey(EventTypeId) => Arc<EventType>, by load_event_types
);
loads!(
    /// A schedule by its id.
    ScheduleKey(ScheduleId) => Arc<Schedule>, by load_schedules
);

/// The overrides of a schedule on some dates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateOverridesKey {
    /// Of which schedule.
    pub schedule: ScheduleId,
    /// On which dates.
    pub dates: RangeInclusive<NaiveDate>,
}

impl Loader<DateOverridesKey> for Source {
    type Value = DateOverrides;
    type Error = ApiError;

    /// All that are wanted of the same dates are read together: a list asks for the same dates of all that is in it.
    async fn load(&self, keys: &[DateOverridesKey]) -> Result<HashMap<DateOverridesKey, DateOverrides>, ApiError> {
        let mut wanted: HashMap<&RangeInclusive<NaiveDate>, Vec<ScheduleId>> = HashMap::new();
        for DateOverridesKey { schedule, dates } in keys {
            wanted.entry(dates).or_default().push(schedule.clone());
        }
        let mut loaded = HashMap::with_capacity(keys.len());
        for (dates, ids) in wanted {
            let found = self.0.load_date_overrides(&ids, dates).await?;
            let key = |schedule| DateOverridesKey { schedule, dates: dates.clone() };
            loaded.extend(found.into_iter().map(|(schedule, overrides)| (key(schedule), overrides)));
        }
        Ok(loaded)
    }
}

loads!(
    /// All event types that are linked to a resource, inactive ones included.
    EventTypesOfResource(ResourceId) => Vec<Arc<EventType>>, by load_event_types_of_resources
);
loads!(
    /// All resources that are linked to an event type, inactive ones included.
    ResourcesOfEventType(EventTypeId) => Vec<Arc<Resource>>, by load_resources_of_event_types
);
loads!(
    /// A booking's history, the oldest first.
    HistoryKey(BookingId) => Vec<BookingTransition>, by load_histories
);
loads!(
    /// What was tried for a delivery, the oldest first.
    AttemptsKey(DeliveryId) => Vec<DeliveryAttempt>, by load_delivery_attempts
);
loads!(
    /// A series by its id.
    SeriesKey(SeriesId) => Arc<BookingSeries>, by load_series
);
loads!(
    /// All bookings of a series.
    BookingsOfSeries(SeriesId) => Vec<Arc<Booking>>, by load_bookings_of_series
);
