//! Telling webhooks of holds that ran out unattended, so that a shop can ask what was wrong. Best effort: holds live in
//! memory only, and nobody waits for this.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Notifier;
use crate::clock::Monotonic;
use crate::domain::id::{OrganizationId, ResourceId};
use crate::domain::news::{ExpiredHold, News};
use crate::domain::webhook::WebhookEvent;
use crate::presence::{Presence, RanOut};
use crate::store::StoreError;

/// Holds that wait to be told of. What is beyond is lost.
const WAITING: usize = 1_000;
/// How many are told of at a time.
const AT_A_TIME: usize = 100;
/// For how long it is remembered who wants to be told: as good as nobody, mostly.
const REMEMBERED: Duration = Duration::from_secs(10);
/// How many holds of one organization are told of in a minute. Anybody can let holds run out.
const MOST_IN_A_MINUTE: u32 = 60;

/// Who is told, and of how many they were in this minute.
#[derive(Default)]
struct Told {
    organizations: BTreeSet<OrganizationId>,
    looked_at: Option<Monotonic>,
    minute: u64,
    counts: HashMap<OrganizationId, u32>,
}

impl Notifier {
    /// Tells webhooks of what runs out in `presence`, until `shutdown`.
    pub async fn tell_of_holds(self, presence: Arc<Presence>, shutdown: CancellationToken) {
        let Some(mut ran_out) = presence.ran_out(WAITING) else { return };
        let mut told = Told::default();
        let mut some = Vec::new();
        while let Some(1..) = shutdown.run_until_cancelled(ran_out.recv_many(&mut some, AT_A_TIME)).await {
            if let Err(fault) = self.put_out(std::mem::take(&mut some), &mut told).await {
                tracing::warn!(error = fault.describe(), "nobody is told of some holds that ran out");
            }
        }
    }

    async fn put_out(&self, ran_out: Vec<(ResourceId, RanOut)>, told: &mut Told) -> Result<(), StoreError> {
        let (clock, reader) = (&self.parts().clock, self.store().reader());
        let now = clock.monotonic();
        if told.looked_at.is_none_or(|at| now.since(at) >= REMEMBERED) {
            told.organizations = reader.organizations_told_of(WebhookEvent::PresenceTimeout).await?;
            told.looked_at = Some(now);
        }
        if told.organizations.is_empty() {
            return Ok(());
        }
        let ids: BTreeSet<ResourceId> = ran_out.iter().map(|(resource, _)| resource.clone()).collect();
        let resources = reader.resources_by_ids(&ids.into_iter().collect::<Vec<_>>()).await?;
        let owner =
            |id: &ResourceId| Some(resources.iter().find(|resource| resource.id == *id)?.organization_id.clone());
        let holds = ran_out.into_iter().filter_map(|(resource_id, ran_out)| {
            let organization_id = owner(&resource_id)?;
            told.may_be_told(&organization_id, now).then(|| {
                let RanOut { start, end, quantity, event_type_id, holder, since, at } = ran_out;
                let id = format!("evn_hold_{}", clock.unique().simple());
                let holder = holder.to_string();
                ExpiredHold { id, organization_id, resource_id, start, end, quantity, event_type_id, holder, since, at }
            })
        });
        let holds: Vec<ExpiredHold> = holds.collect();
        if holds.is_empty() {
            return Ok(());
        }
        let holds = &holds;
        self.store()
            .write(|tx| async move {
                for hold in holds {
                    tx.insert_news(&hold.organization_id, &News::HoldExpired(hold.clone()), hold.at).await?;
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        self.parts().wakes.outbox.notify_one();
        Ok(())
    }
}

impl Told {
    /// Whether one more of `organization` may be told of now, which then counts.
    fn may_be_told(&mut self, organization: &OrganizationId, now: Monotonic) -> bool {
        let minute = now.0.as_secs() / 60;
        if minute != self.minute {
            self.minute = minute;
            self.counts.clear();
        }
        if !self.organizations.contains(organization) {
            return false;
        }
        let count = self.counts.entry(organization.clone()).or_default();
        *count += 1;
        if *count == MOST_IN_A_MINUTE + 1 {
            tracing::warn!(%organization, "more holds run out than webhooks are told of");
        }
        *count <= MOST_IN_A_MINUTE
    }
}
