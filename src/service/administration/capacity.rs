//! Changing how many units a resource has.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Administration, NotMade};
use crate::domain::access::Admin;
use crate::domain::catalogue::Resource;
use crate::domain::id::ResourceId;
use crate::domain::quantum::Quantum;
use crate::domain::refusal::{Conflict, Refusal, UserError};
use crate::error::Error;
use crate::service::booking::Outcome;
use crate::service::facts;
use crate::service::input::Problems;
use crate::service::{Parts, Services};
use crate::store::{Reader, StoreError};

/// Spans in the way that a refusal tells.
const MAX_CONFLICTS: usize = 20;
/// How often a change is tried because bookings that had lapsed were in its way: each time the first `MAX_CONFLICTS` of
/// them go.
const MAX_ATTEMPTS: u32 = 64;

impl Administration {
    /// Notes it when more than `quantity` units of a locked resource are taken at some time from now on.
    pub(super) async fn check_capacity(
        &self,
        resource: &Resource,
        quantity: u32,
        problems: &mut Problems,
    ) -> Result<(), StoreError> {
        if quantity >= resource.quantity {
            return Ok(());
        }
        let beyond = self.tx.occupied_beyond(&resource.id, quantity, Quantum::containing(self.now())).await?;
        if beyond.is_empty() {
            return Ok(());
        }
        let conflicts = beyond.into_iter().take(MAX_CONFLICTS).map(|span| Conflict::occupied(&resource.id, span));
        let message = "More units than that are booked or blocked at the times given in `conflicts`. Move or cancel what is \
                       there, or keep more units.";
        let refused = UserError::new(Refusal::NotEnoughUnits, message).at(["input", "quantity"]);
        problems.refuse(refused.because_of(conflicts.collect()));
        Ok(())
    }

    /// Gives a locked resource, which has been checked, its new quantity.
    pub(super) async fn change_capacity(&self, before: &Resource, after: &Resource) -> Result<(), NotMade> {
        if after.quantity != before.quantity {
            self.tx.change_capacity(self.organization(), &after.id, after.quantity).await?;
        }
        Ok(())
    }
}

impl Services {
    /// [`Services::administer`] for what may find bookings in its way: those of them that have lapsed are let go first.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn administer_over_lapsed<T, F, R>(
        &self,
        admin: &Admin,
        now: DateTime<Utc>,
        body: F,
    ) -> Result<Outcome<T>, Error>
    where
        T: Send + 'static,
        F: Fn(Administration) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<T, NotMade>> + Send + 'static,
    {
        for _ in 1..MAX_ATTEMPTS {
            let outcome = self.administer(admin, now, body.clone()).await?;
            let Err(refused) = &outcome else { return Ok(outcome) };
            let mut any = false;
            for refused in refused {
                any |= self.expire_in_the_way(refused).await?;
            }
            if !any {
                return Ok(outcome);
            }
        }
        self.administer(admin, now, body).await
    }

    /// Ends the holds that a resource has no longer room for, after its quantity was lowered. (A heartbeat that is
    /// granted in this very moment by what was true before may be passed over. Then its booking is refused.)
    pub(super) async fn fit_holds(&self, resource: &ResourceId) {
        if let Err(fault) = self.try_to_fit_holds(resource).await {
            // The change is made, whatever becomes of this: nothing can be booked by holds that have no room.
            tracing::warn!(?fault, %resource, "holds that have no room any more could not be ended; they will run out");
        }
    }

    async fn try_to_fit_holds(&self, resource: &ResourceId) -> Result<(), StoreError> {
        let Parts { presence, store, .. } = self.parts();
        let Some(span) = presence.held_span(resource) else { return Ok(()) };
        // The quantity may have been raised again by now.
        let read = |reader: Arc<Reader>| async move {
            let found = reader.resource(resource).await?;
            let (occupancy, _) = facts::read_occupancy(&reader, std::slice::from_ref(resource), [span]).await?;
            Ok::<_, StoreError>((found, occupancy))
        };
        let (Some(found), occupancy) = store.snapshot(read).await? else { return Ok(()) };
        presence.fit(resource, found.quantity, span, |id, quantum| occupancy.units_taken(id, quantum));
        Ok(())
    }
}
