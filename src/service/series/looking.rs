//! Looking at what stands in the way of a series, and keeping others out while it is written.

use std::sync::Arc;

use super::super::claiming::held;
use super::super::facts;
use super::super::own_time::free_up;
use super::super::wanted::hold_item;
use super::below_booking;
use super::deciding::{Plan, Planned};
use super::making::SeriesMaking;
use crate::domain::availability::{Occupancy, Terms};
use crate::domain::id::ResourceId;
use crate::domain::quantum::QuantumSpan;
use crate::presence::{Claim, ClaimRequest, HoldItem, HoldRefusal};
use crate::store::{Reader, StoreError};

impl SeriesMaking {
    /// What of it can be had, by what can be read without a lock.
    pub(super) async fn look(&self, terms: &Terms, plan: &mut Plan) -> Result<(), StoreError> {
        let services = &self.one.services;
        let mut occupancy = self.occupancy(terms, plan).await?;
        let items: Vec<HoldItem> = terms.items().map(hold_item).collect();
        plan.decide(terms, &mut occupancy, (self.one.now, self.one.policy()), |_, planned, occupancy| {
            if !self.dry_run {
                return Ok(());
            }
            let request = self.claim_of(&items, planned.span);
            let units = |resource: &ResourceId, quantum| occupancy.units_taken(resource, quantum);
            let in_the_way = services.parts().presence.in_the_way(request, units);
            if in_the_way.is_empty() { Ok(()) } else { Err(held(HoldRefusal::Held(in_the_way))) }
        });
        Ok(())
    }

    /// What is occupied where the occurrences are. For a dry run without what has lapsed: what is booked expires it first.
    async fn occupancy(&self, terms: &Terms, plan: &Plan) -> Result<Occupancy, StoreError> {
        let services = &self.one.services;
        let store = &services.parts().store;
        let (resources, days) = (&self.one.asked().resources(), &facts::days_of(plan.spans()));
        let Some(hull) = plan.spans().reduce(QuantumSpan::hull).filter(|_| self.dry_run) else {
            return Ok(facts::occupancy(store.reader().occupancy_on(resources, days).await?).0);
        };
        let read = |reader: Arc<Reader>| async move {
            let rows = reader.occupancy_on(resources, days).await?;
            Ok::<_, StoreError>((rows, services.lapsed(&reader, terms, hull).await?))
        };
        let (rows, lapsed) = store.snapshot(read).await?;
        let (mut occupancy, _) = facts::occupancy(rows);
        for booking in &lapsed {
            free_up(&mut occupancy, terms.items(), booking);
        }
        Ok(occupancy)
    }

    /// Claims the time of each occurrence that is still open, or notes whose hold is in its way. One for each
    /// occurrence, in their order.
    pub(super) fn claim(&self, terms: &Terms, plan: &mut Plan) -> Vec<Option<Claim>> {
        let items: Vec<HoldItem> = terms.items().map(hold_item).collect();
        let claim = |planned: &mut Planned| {
            if planned.refused.is_some() {
                return None;
            }
            let claimed = self.one.services.parts().presence.claim(self.claim_of(&items, planned.span));
            let refused = |conflicts| planned.refused = Some(below_booking(held(HoldRefusal::Held(conflicts))));
            claimed.map_err(refused).ok()
        };
        plan.0.iter_mut().map(claim).collect()
    }

    /// The session's own holds are never in its way, whichever occurrence they are on.
    fn claim_of<'a>(&'a self, items: &'a [HoldItem], span: QuantumSpan) -> ClaimRequest<'a> {
        let over_holds = self.one.request.ignore_schedule;
        ClaimRequest { items, span, session: self.one.session.as_ref(), over_holds }
    }
}
