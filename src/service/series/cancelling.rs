//! Cancelling a series: all of its bookings that are still to come, in one transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::super::booking::{Outcome, SeenBooking};
use super::super::input::Problems;
use super::super::transition::{MAX_REASON, NotChanged, actor};
use super::super::{MAX_ATTEMPTS, Services};
use super::SeenSeries;
use crate::domain::access::Caller;
use crate::domain::booking::{Booking, BookingEvent, BookingEventType, BookingItem, BookingTransition};
use crate::domain::id::{BookingId, SeriesId};
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::transition::{Action, Decision, Doer, Rule};
use crate::error::{Error, Internal};
use crate::store::{StoreError, Stretch, Tx};

/// Which bookings of a series somebody wants cancelled.
#[derive(Clone, Debug)]
pub struct CancelSeries {
    /// The series.
    pub id: SeriesId,
    /// Its management token.
    pub management_token: Option<SecretString>,
    /// Only those that start at or after this; `None` means those that have not started.
    pub from: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<String>,
}

impl Services {
    /// Cancels all bookings of a series that may be cancelled, and gives those that were, by start. What has started is
    /// left alone, unless staff say from when on; so is what is cancelled or over already.
    ///
    /// Runs to its end once it has begun, whoever stops waiting for it.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`: `NotFound` also for a series of somebody else's.
    pub async fn cancel_booking_series(
        &self,
        caller: &Caller,
        request: CancelSeries,
    ) -> Result<Outcome<Vec<SeenBooking>>, Error> {
        let mut problems = Problems::default();
        problems.text(&["reason"], request.reason.as_deref(), MAX_REASON, true);
        if let Err(problems) = problems.into_result() {
            return Ok(Err(problems));
        }
        let token = request.management_token.as_ref().map(ExposeSecret::expose_secret);
        let Some(series) = self.booking_series(caller, &request.id, token).await? else {
            let message = Error::not_found_message("series", request.id.as_str());
            return Ok(Err(vec![UserError::new(Refusal::NotFound, message).at(["input", "id"])]));
        };
        let cancelling = Cancelling { services: self.clone(), caller: caller.clone(), series, request };
        let cancelled = self.to_its_end(async move { cancelling.run().await }).await?;
        Ok(cancelled.map_err(|refused| vec![refused]))
    }
}

/// A series that is being cancelled.
struct Cancelling {
    services: Services,
    caller: Caller,
    series: SeenSeries,
    request: CancelSeries,
}

impl Cancelling {
    async fn run(&self) -> Result<Result<Vec<SeenBooking>, UserError>, Error> {
        let store = &self.services.parts().store;
        let id = &self.series.series.id;
        for _ in 0..MAX_ATTEMPTS {
            // What has nothing to do never waits for the writer.
            let mut known = store.reader().bookings_of_series(std::slice::from_ref(id)).await?;
            known.retain(|booking| self.rule(booking).is_some());
            if known.is_empty() {
                return Ok(Ok(Vec::new()));
            }
            let before = &known;
            match store.write(|tx| async move { self.write(&tx, before).await }).await {
                Ok(events) => return Ok(Ok(self.tell(events))),
                Err(NotChanged::Overtaken) => {}
                Err(NotChanged::Refused(refused)) => return Ok(Err(refused)),
                Err(NotChanged::Failed(fault)) => {
                    // It may have been committed all the same: nobody who watches may miss what is free now.
                    for booking in &known {
                        self.services.announce_occupancy(booking.resources(), booking.occupied);
                    }
                    let StoreError::CommitUnknown(_) = fault else { return Err(fault.into()) };
                    // All of them were cancelled, or none.
                    let (doer, mut events) = (actor(&self.caller, self.series.standing), Vec::new());
                    for booking in &known {
                        let found = self.services.find_change(booking, BookingEventType::Cancelled, &doer).await;
                        events.push(found.ok_or_else(|| Internal::new("nobody knows what became of a series"))?);
                    }
                    return Ok(Ok(self.tell(events)));
                }
            }
        }
        Err(Internal::new("the bookings of a series are moved faster than they can be cancelled").into())
    }

    /// By which rule `booking` is cancelled, if it is one of those that are wanted.
    fn rule(&self, booking: &Booking) -> Option<&'static Rule> {
        let now = self.services.now();
        let is_wanted = self.request.from.map_or(now < booking.start, |from| from <= booking.start);
        match booking.decide(Action::Cancel, Doer::Person(self.series.standing), now) {
            Ok(Decision::Happens(rule)) if is_wanted => Some(rule),
            _ => None,
        }
    }

    /// The transaction, decided from what the locked rows say: resources, bookings by id, occupancy.
    async fn write(&self, tx: &Tx, known: &[Booking]) -> Result<Vec<BookingEvent>, NotChanged> {
        let resources: BTreeSet<_> = known.iter().flat_map(Booking::resources).cloned().collect();
        let one_of_each: Vec<BookingItem> =
            resources.into_iter().map(|resource_id| BookingItem { resource_id, quantity: 1 }).collect();
        let capacities = tx.lock_capacity(&one_of_each).await?;
        let ids: Vec<BookingId> = known.iter().map(|booking| booking.id.clone()).collect();
        let (mut events, mut let_go) = (Vec::new(), Vec::new());
        for booking in tx.lock_bookings(&ids).await? {
            let Some(rule) = self.rule(&booking) else { continue };
            for item in &booking.items {
                // Moved to a resource that is not locked: begin again.
                let capacity = capacities.iter().find(|capacity| capacity.resource_id == item.resource_id);
                let mut need = capacity.ok_or(NotChanged::Overtaken)?.clone();
                need.quantity = item.quantity;
                let_go.push(Stretch { need, span: booking.occupied });
            }
            events.push(self.cancel(tx, booking, rule).await?);
        }
        let _ = tx.change_occupancy(&let_go, &[]).await?;
        Ok(events)
    }

    async fn cancel(&self, tx: &Tx, booking: Booking, rule: &Rule) -> Result<BookingEvent, NotChanged> {
        let now = self.services.now();
        let transition = BookingTransition {
            event: Action::Cancel.event(),
            from: Some(booking.status),
            to: rule.to,
            at: now,
            by: actor(&self.caller, self.series.standing),
            reason: self.request.reason.clone(),
            previous: None,
        };
        let after = Booking {
            status: rule.to,
            expires_at: None,
            cancellation_reason: self.request.reason.clone(),
            updated_at: now,
            ..booking.clone()
        };
        Ok(tx.save_transition(&booking, after, transition).await?)
    }

    /// Tells whoever watches; the bookings that were cancelled, by start.
    fn tell(&self, mut events: Vec<BookingEvent>) -> Vec<SeenBooking> {
        events.sort_by(|a, b| (a.booking.start, &a.booking.id).cmp(&(b.booking.start, &b.booking.id)));
        let now = self.services.now();
        let seen = |event: &BookingEvent| SeenBooking::new(event.booking.clone(), self.series.standing, now);
        let cancelled = events.iter().map(seen).collect();
        for event in events {
            self.services.announce_occupancy(event.booking.resources(), event.booking.occupied);
            self.services.announce(event);
        }
        cancelled
    }
}
