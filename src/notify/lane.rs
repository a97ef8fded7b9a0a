//! One visit to a lane: lease what is due, deliver it, write down what became of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::{Carried, Notifier};
use crate::clock::Monotonic;
use crate::domain::audit::{AuditAction, AuditEntity, AuditEntry, changes};
use crate::domain::booking::Actor;
use crate::domain::delivery::{DeliveryAttempt, Lane, LeasedDelivery, Settled, pause};
use crate::domain::id::{AuditEntryId, DeliveryId};
use crate::domain::webhook::Webhook;
use crate::store::{StoreError, Tx};

/// What is leased at a time.
const AT_A_TIME: u64 = 32;
/// What is under way at once on one lane. One that fails is asked one thing at a time.
const AT_ONCE: usize = 4;
/// How long a lease lasts: longer than whatever is begun before half of it is over may take.
const LEASE: Duration = Duration::from_mins(2);
/// How long after the lease was taken nothing more is begun.
const BEGIN_WITHIN: Duration = Duration::from_mins(1);
/// How long to wait before the store is told again what has become of deliveries.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// How long nothing may have arrived at a webhook before it is switched off when something is given up.
const FAILING_TOO_LONG: TimeDelta = TimeDelta::days(2);
/// What a receiver answers that wants nothing more: see Standard Webhooks.
const GONE: u16 = 410;

/// What a visit has come to.
#[derive(Debug)]
pub(super) enum Visited {
    /// There may be more that is due.
    More {
        /// Whether something failed that is tried again: the lane is asked one thing at a time from now on.
        is_failing: bool,
    },
    /// Nothing more is due; when the next is.
    Idle(Option<DateTime<Utc>>),
    /// The lane is switched off.
    Off,
}

/// How a lane is visited.
#[derive(Copy, Clone, Debug)]
pub(super) struct Visit {
    /// Whether the last attempt failed.
    pub(super) is_failing: bool,
}

/// What was leased, by which name.
#[derive(Copy, Clone)]
struct Leased<'a> {
    lane: &'a Lane,
    /// Whose lane it is, unless it is that of mails.
    webhook: Option<&'a Webhook>,
    lease: &'a str,
    ends_at: Monotonic,
}

type Results = Vec<(DeliveryId, Settled)>;

impl Notifier {
    /// Visits `lane` once.
    pub(super) async fn visit(
        &self,
        lane: &Lane,
        Visit { is_failing }: Visit,
        shutdown: &CancellationToken,
    ) -> Result<Visited, StoreError> {
        let clock = &self.parts().clock;
        let webhook = match lane {
            Lane::Mail if self.parts().mail.is_none() => return Ok(Visited::Off),
            Lane::Mail => None,
            Lane::Webhook(id) => match self.store().reader().webhook(id).await? {
                Some(webhook) if webhook.active => Some(Arc::new(webhook)),
                _ => return Ok(Visited::Off),
            },
        };
        let is_failing = is_failing || webhook.as_ref().is_some_and(|webhook| webhook.failing_since.is_some());
        let (lease, now, started) = (clock.unique().simple().to_string(), clock.now(), clock.monotonic());
        let count = if is_failing { 1 } else { AT_A_TIME };
        let (name, until) = (lease.as_str(), now + LEASE);
        let leased =
            self.store().write(|tx| async move { tx.lease_deliveries(lane, now, (name, until), count).await }).await?;
        if leased.is_empty() {
            return Ok(Visited::Idle(self.store().reader().next_due(lane, now).await?));
        }
        let results = self.deliver(lane, leased, webhook.as_ref(), (started, shutdown)).await;
        let fails = results.iter().any(|(_, settled)| is_the_receivers(lane, settled));
        let leased = Leased { lane, webhook: webhook.as_deref(), lease: &lease, ends_at: started.plus(LEASE) };
        self.settle(leased, &results, shutdown).await?;
        Ok(Visited::More { is_failing: fails })
    }

    /// Delivers what was leased, a few at once and in order. After one that fails nothing more is begun, unless it failed
    /// for what it is.
    async fn deliver(
        &self,
        lane: &Lane,
        leased: Vec<LeasedDelivery>,
        webhook: Option<&Arc<Webhook>>,
        (started, shutdown): (Monotonic, &CancellationToken),
    ) -> Results {
        let mut waiting = leased.into_iter();
        let mut under_way = FuturesUnordered::new();
        let mut results = Results::new();
        let mut goes_on = true;
        loop {
            goes_on &= !shutdown.is_cancelled() && self.parts().clock.monotonic().since(started) < BEGIN_WITHIN;
            if goes_on
                && under_way.len() < AT_ONCE
                && let Some(delivery) = waiting.next()
            {
                under_way.push(self.attempt(delivery, webhook.cloned()));
                continue;
            }
            let Some((id, settled)) = under_way.next().await else { break };
            goes_on &= !is_the_receivers(lane, &settled);
            results.push((id, settled));
        }
        results.extend(waiting.map(|delivery| (delivery.id, Settled::Untried)));
        results
    }

    /// One attempt.
    async fn attempt(&self, delivery: LeasedDelivery, webhook: Option<Arc<Webhook>>) -> (DeliveryId, Settled) {
        let clock = &self.parts().clock;
        let (id, number, retry_until) = (delivery.id.clone(), delivery.attempts + 1, delivery.retry_until);
        let (event, event_id) = (delivery.event.clone(), delivery.event_id.clone());
        let (at, started) = (clock.now(), clock.monotonic());
        let carrying = async {
            match (&self.parts().mail, webhook) {
                (_, Some(webhook)) => Some(self.parts().webhooks.send(&webhook, &delivery).await),
                (Some(mail), None) => Some(mail(delivery).await),
                (None, None) => None,
            }
        };
        // A panic concerns nothing but this delivery: what was sent beside it is not sent again.
        let carried = AssertUnwindSafe(carrying).catch_unwind().await.unwrap_or_else(|_panic| {
            let error = "It could not be sent: a fault of the server.".to_owned();
            Some(Carried::Failed { status_code: None, error, is_final: false })
        });
        let Some(carried) = carried else { return (id, Settled::Untried) };
        let took = clock.monotonic().since(started);
        let attempt = |status_code, error| DeliveryAttempt {
            number,
            at,
            duration_millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            status_code,
            error,
        };
        let settled = match carried {
            Carried::Arrived { status_code } => Settled::Arrived(attempt(status_code, None)),
            Carried::Dropped => Settled::Dropped,
            Carried::Failed { status_code, error, is_final } => {
                let now = clock.now();
                let [.., a, b] = clock.unique().into_bytes();
                let again = pause(retry_until, now, number, u16::from_be_bytes([a, b])).filter(|_| !is_final);
                if again.is_none() {
                    // The recipient is not named: who books what is nothing for a log.
                    tracing::warn!(delivery = %id, event, event_id, error, "a delivery is given up");
                }
                let attempt = attempt(status_code, Some(error));
                match again {
                    Some(pause) => Settled::Again(attempt, now + pause),
                    None => Settled::GivenUp(attempt),
                }
            }
        };
        (id, settled)
    }

    /// Writes down what has become of what was leased: again and again while the store fails, as long as the lease
    /// lasts. After that it is delivered once more, by whoever comes first.
    async fn settle(
        &self,
        leased: Leased<'_>,
        results: &Results,
        shutdown: &CancellationToken,
    ) -> Result<(), StoreError> {
        let clock = &self.parts().clock;
        let Leased { lane, webhook, lease, ends_at } = leased;
        loop {
            let now = clock.now();
            let write = |tx: Tx| async move {
                if let Some(webhook) = webhook {
                    self.note_health(&tx, webhook, results, now).await?;
                }
                tx.settle_deliveries(lease, results, now).await?;
                if is_back(results) {
                    tx.hasten_deliveries(lane, now).await?;
                }
                Ok::<_, StoreError>(())
            };
            let Err(fault) = self.store().write(write).await else { break };
            if shutdown.is_cancelled() || clock.monotonic() >= ends_at {
                return Err(fault);
            }
            let error = fault.describe();
            tracing::warn!(%lane, error, "what became of deliveries could not be written down; trying again");
            let pause = clock.sleep_until(clock.monotonic().plus(AFTER_FAULT));
            let _ended = shutdown.run_until_cancelled(pause).await;
        }
        Ok(())
    }

    /// Notes since when nothing has arrived at a webhook, and switches off one that wants nothing or has failed for
    /// days.
    async fn note_health(
        &self,
        tx: &Tx,
        webhook: &Webhook,
        results: &Results,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let any = |matches: fn(&Settled) -> bool| results.iter().any(|(_, settled)| matches(settled));
        if any(|settled| matches!(settled, Settled::Arrived(_))) {
            // Whatever was known when this began: another server may have noted since that nothing arrives.
            return tx.note_failing(&webhook.id, None).await;
        }
        if !any(|settled| matches!(settled, Settled::Again(..) | Settled::GivenUp(_))) {
            return Ok(());
        }
        if webhook.failing_since.is_none() {
            tx.note_failing(&webhook.id, Some(now)).await?;
        }
        let is_gone = any(|settled| matches!(settled, Settled::GivenUp(attempt) if attempt.status_code == Some(GONE)));
        let given_up = any(|settled| matches!(settled, Settled::GivenUp(_)));
        let too_long = webhook.failing_since.is_some_and(|since| now - since >= FAILING_TOO_LONG);
        if is_gone || given_up && too_long {
            self.switch_off(tx, webhook, now).await?;
        }
        Ok(())
    }

    async fn switch_off(&self, tx: &Tx, webhook: &Webhook, now: DateTime<Utc>) -> Result<(), StoreError> {
        let at = now.max(webhook.updated_at + TimeDelta::milliseconds(1));
        if !tx.switch_off_webhook(&webhook.id, at).await? {
            return Ok(());
        }
        tracing::warn!(webhook = %webhook.id, "a webhook was switched off: nothing has arrived there for days");
        let field = |active: bool| [("active".to_owned(), active.into())].into_iter().collect();
        tx.insert_audit_entry(&AuditEntry {
            id: AuditEntryId::generate(self.parts().clock.unique()),
            organization_id: webhook.organization_id.clone(),
            at: now,
            by: Actor::System,
            action: AuditAction::Updated.name().to_owned(),
            entity: AuditEntity::Webhook.name().to_owned(),
            entity_id: webhook.id.to_string(),
            changes: Some(changes(&field(true), &field(false)).into()),
        })
        .await
    }
}

/// Whether something failed, and is tried again, that says that other deliveries would fail just now.
fn is_the_receivers(lane: &Lane, settled: &Settled) -> bool {
    matches!(settled, Settled::Again(attempt, _) if !lane.is_about_the_delivery(attempt.status_code))
}

/// Whether something has arrived that had failed before: the receiver is back.
fn is_back(results: &Results) -> bool {
    results.iter().any(|(_, settled)| matches!(settled, Settled::Arrived(attempt) if attempt.number > 1))
}
