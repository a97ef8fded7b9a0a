//! From the outbox to deliveries: who is to be told of what happened, and what exactly.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::mail::job::MailJob;
use super::planner::Planner;
use super::webhook::payload;
use super::{Notifier, SelectionFault};
use crate::domain::delivery::{Lane, NewDelivery};
use crate::domain::id::{DeliveryId, OrganizationId};
use crate::domain::news::{BookingNews, ExpiredHold, News};
use crate::domain::webhook::{Webhook, WebhookEvent};
use crate::error::{Error, Internal};
use crate::store::{OutboxRow, StoreError, Tx};

/// Rows of the outbox that are read at a time.
const AT_A_TIME: u64 = 50;
/// After how many deliveries a transaction has enough, though there may be more rows.
const ENOUGH: usize = 1_000;
/// After how many bytes of them.
const ENOUGH_BYTES: usize = 8 * 1024 * 1024;
/// After how long what was made by then is put down.
const LONG_ENOUGH: Duration = Duration::from_millis(200);
/// How far the clocks of servers on one database may be apart.
const SKEW: TimeDelta = TimeDelta::minutes(1);
/// Selections that are executed at once.
const SELECTIONS_AT_ONCE: usize = 8;

/// What sharing out has come to.
#[derive(Debug, Default)]
pub(super) struct Planned {
    /// The lanes on which there is something new.
    pub(super) lanes: BTreeSet<Lane>,
    /// Whether there may be more in the outbox.
    pub(super) is_more: bool,
}

/// Why nothing was shared out.
#[derive(Debug)]
pub(super) enum NotPlanned {
    Store(StoreError),
    Selection(Error),
}

impl NotPlanned {
    /// For the log.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Store(fault) => fault.describe(),
            Self::Selection(fault) => format!("{fault:?}"),
        }
    }
}

impl From<StoreError> for NotPlanned {
    fn from(fault: StoreError) -> Self {
        Self::Store(fault)
    }
}

/// What follows from one row of the outbox.
struct Share {
    number: i64,
    deliveries: Vec<NewDelivery>,
}

impl Planner {
    /// Shares out what is in the outbox, the first rows of it.
    ///
    /// What is told is made before the transaction, which only takes the rows and adds the deliveries. Several servers
    /// may do this at once: each row is taken by one of them. What happened to one booking stays in order, because
    /// whoever shares out the later row has read the earlier one as well, or knows it shared out already.
    pub(super) async fn plan(&mut self, shutdown: &CancellationToken) -> Result<Planned, NotPlanned> {
        let store = self.notifier.store().clone();
        let clock = self.notifier.parts().clock.clone();
        let rows = store.reader().outbox(AT_A_TIME, &self.passed_over).await?;
        if rows.is_empty() {
            return Ok(Planned::default());
        }
        let (started, read) = (clock.monotonic(), rows.len());
        let organizations: BTreeSet<&OrganizationId> = rows.iter().map(|row| &row.organization_id).collect();
        let organizations: Vec<OrganizationId> = organizations.into_iter().cloned().collect();
        let webhooks = store.reader().webhooks_of(&organizations).await?;
        let (mut shares, mut seen, mut count, mut bytes) = (Vec::new(), 0, 0, 0);
        for row in rows {
            seen += 1;
            if row.news.is_none() && self.is_passed_over(row.number) {
                continue;
            }
            match self.share(row, &webhooks).await {
                Ok(share) => {
                    count += share.deliveries.len();
                    bytes += share.deliveries.iter().map(|delivery| delivery.payload.len()).sum::<usize>();
                    shares.push(share);
                }
                // What comes before it need not wait for it.
                Err(_) if !shares.is_empty() => {
                    seen -= 1;
                    break;
                }
                Err(fault) => return Err(fault),
            }
            let is_late = shutdown.is_cancelled() || clock.monotonic().since(started) >= LONG_ENOUGH;
            if count >= ENOUGH || bytes >= ENOUGH_BYTES || is_late {
                break;
            }
        }
        let is_more = seen < read || read as u64 == AT_A_TIME;
        let shares = &shares;
        let lanes = store.write(|tx| async move { put_down(&tx, shares).await }).await?;
        Ok(Planned { lanes, is_more })
    }

    async fn share(&mut self, row: OutboxRow, webhooks: &[Webhook]) -> Result<Share, NotPlanned> {
        let mut deliveries = Vec::new();
        let Some(news) = &row.news else { return Ok(Share { number: row.number, deliveries }) };
        let notifier = self.notifier.clone();
        let parts = notifier.parts();
        if parts.mail.is_some() {
            for job in MailJob::following(news, parts.tells_operator) {
                deliveries.extend(notifier.mail(&row, &job));
            }
        }
        let told = webhooks.iter().filter(|webhook| {
            // What happened before there was a webhook is none of its business. (Clocks of several servers differ.)
            webhook.active && webhook.organization_id == row.organization_id && webhook.created_at <= row.at + SKEW
        });
        match news {
            News::Bookings(bookings) => {
                let mut all = Vec::new();
                for webhook in told {
                    let wanted = bookings.iter().filter(|news| webhook.events.contains(&event_of(news)));
                    all.extend(wanted.map(|news| (webhook, news)));
                }
                for some in all.chunks(SELECTIONS_AT_ONCE) {
                    let payloads: Vec<_> = some.iter().map(|(webhook, news)| notifier.payload(webhook, news)).collect();
                    for (payload, (webhook, news)) in join_all(payloads).await.into_iter().zip(some) {
                        let payload = self.settled_payload(webhook, news, payload)?;
                        deliveries.push(notifier.booking(&row, webhook, news, payload));
                    }
                }
            }
            News::HoldExpired(hold) => deliveries.extend(told.filter_map(|webhook| notifier.hold(&row, webhook, hold))),
            News::Reminder(_) => {}
        }
        Ok(Share { number: row.number, deliveries })
    }

    /// What is sent where a selection may have failed.
    fn settled_payload(
        &mut self,
        webhook: &Webhook,
        news: &BookingNews,
        payload: Result<String, SelectionFault>,
    ) -> Result<String, NotPlanned> {
        match payload {
            Ok(payload) => {
                self.works(&webhook.id);
                Ok(payload)
            }
            Err(SelectionFault::Failed(fault)) if self.is_worth_waiting(&webhook.id) => {
                Err(NotPlanned::Selection(fault))
            }
            // It was good when it was saved. Better too much than nothing.
            Err(fault) => {
                tracing::error!(webhook = %webhook.id, ?fault, "a selection is of no use; the default payload is sent");
                Ok(payload::booking_payload(news))
            }
        }
    }
}

fn event_of(news: &BookingNews) -> WebhookEvent {
    WebhookEvent::from(news.event.transition.event)
}

impl Notifier {
    fn mail(&self, row: &OutboxRow, job: &MailJob) -> Option<NewDelivery> {
        let payload = serde_json::to_string(job);
        if let Err(error) = &payload {
            tracing::error!(%error, "a mail cannot be written down, and is not sent");
        }
        let event = format!("{:?}", job.kind);
        Some(self.delivery(row, Lane::Mail, job.chain(), (event, job.event_id()), payload.ok()?))
    }

    /// What `webhook` wants to be told of `news`.
    async fn payload(&self, webhook: &Webhook, news: &BookingNews) -> Result<String, SelectionFault> {
        let Some(selection) = &webhook.selection else { return Ok(payload::booking_payload(news)) };
        let selected = (self.parts().select)(selection.clone(), news.event.clone());
        // A panic concerns nobody but this webhook.
        let selected = AssertUnwindSafe(selected).catch_unwind().await;
        selected.unwrap_or_else(|_panic| Err(SelectionFault::Failed(Internal::new("a selection panicked").into())))
    }

    fn booking(&self, row: &OutboxRow, webhook: &Webhook, news: &BookingNews, payload: String) -> NewDelivery {
        let chain = Some(news.event.booking.id.to_string());
        let names = (event_of(news).name().to_owned(), news.event.id.clone());
        self.delivery(row, Lane::Webhook(webhook.id.clone()), chain, names, payload)
    }

    fn hold(&self, row: &OutboxRow, webhook: &Webhook, hold: &ExpiredHold) -> Option<NewDelivery> {
        let event = WebhookEvent::PresenceTimeout;
        webhook.events.contains(&event).then(|| {
            let names = (event.name().to_owned(), hold.id.clone());
            self.delivery(row, Lane::Webhook(webhook.id.clone()), None, names, payload::hold_payload(hold))
        })
    }

    fn delivery(
        &self,
        row: &OutboxRow,
        lane: Lane,
        chain: Option<String>,
        (event, event_id): (String, String),
        payload: String,
    ) -> NewDelivery {
        NewDelivery {
            id: DeliveryId::generate(self.parts().clock.unique()),
            organization_id: row.organization_id.clone(),
            lane,
            chain,
            sequence: row.number,
            event,
            event_id,
            payload,
            created_at: self.parts().clock.now(),
        }
    }
}

/// Takes the rows, those that are still there, and adds what follows from them.
async fn put_down(tx: &Tx, shares: &[Share]) -> Result<BTreeSet<Lane>, StoreError> {
    let numbers: Vec<i64> = shares.iter().map(|share| share.number).collect();
    let taken: BTreeSet<i64> = tx.take_from_outbox(&numbers).await?.into_iter().collect();
    let ours = shares.iter().filter(|share| taken.contains(&share.number));
    let deliveries: Vec<&NewDelivery> = ours.flat_map(|share| &share.deliveries).collect();
    tx.insert_deliveries(&deliveries).await?;
    Ok(deliveries.into_iter().map(|delivery| delivery.lane.clone()).collect())
}
