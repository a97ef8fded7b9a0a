//! From the outbox to deliveries: who is to be told of what happened, and what exactly.

use std::collections::BTreeSet;

use super::mail::job::MailJob;
use super::webhook::payload;
use super::{Notifier, SelectionFault};
use crate::domain::delivery::{Lane, NewDelivery};
use crate::domain::id::{DeliveryId, OrganizationId};
use crate::domain::news::{BookingNews, ExpiredHold, News};
use crate::domain::webhook::{Webhook, WebhookEvent};
use crate::error::Error;
use crate::store::{OutboxRow, StoreError, Tx};

/// Rows of the outbox that are read at a time.
const AT_A_TIME: u64 = 50;
/// After how many deliveries a transaction has enough, though there may be more rows.
const ENOUGH: usize = 1_000;

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

impl Notifier {
    /// Shares out what is in the outbox, the first rows of it.
    ///
    /// What is told is made before the transaction, which only takes the rows and adds the deliveries. Several servers
    /// may do this at once: each row is taken by one of them. What happened to one booking stays in order, because
    /// whoever shares out the later row has read the earlier one as well, or knows it shared out already.
    pub(super) async fn plan(&self) -> Result<Planned, NotPlanned> {
        let rows = self.store().reader().outbox(AT_A_TIME).await?;
        if rows.is_empty() {
            return Ok(Planned::default());
        }
        let read = rows.len();
        let organizations: BTreeSet<&OrganizationId> = rows.iter().map(|row| &row.organization_id).collect();
        let organizations: Vec<OrganizationId> = organizations.into_iter().cloned().collect();
        let webhooks = self.store().reader().webhooks_of(&organizations).await?;
        let mut shares = Vec::new();
        let mut count = 0;
        for row in rows {
            let share = self.share(row, &webhooks).await?;
            count += share.deliveries.len();
            shares.push(share);
            if count >= ENOUGH {
                break;
            }
        }
        let is_more = shares.len() < read || read as u64 == AT_A_TIME;
        let shares = &shares;
        let lanes = self.store().write(|tx| async move { put_down(&tx, shares).await }).await?;
        Ok(Planned { lanes, is_more })
    }

    async fn share(&self, row: OutboxRow, webhooks: &[Webhook]) -> Result<Share, NotPlanned> {
        let mut deliveries = Vec::new();
        let Some(news) = &row.news else { return Ok(Share { number: row.number, deliveries }) };
        if self.parts().mail.is_some() {
            for job in MailJob::following(news, self.parts().tells_operator) {
                deliveries.extend(self.mail(&row, &job));
            }
        }
        let told = webhooks.iter().filter(|webhook| {
            // What happened before there was a webhook is none of its business.
            webhook.active && webhook.organization_id == row.organization_id && webhook.created_at <= row.at
        });
        for webhook in told {
            match news {
                News::Bookings(bookings) => {
                    for news in bookings {
                        deliveries.extend(self.booking(&row, webhook, news).await?);
                    }
                }
                News::HoldExpired(hold) => deliveries.extend(self.hold(&row, webhook, hold)),
                News::Reminder(_) => {}
            }
        }
        Ok(Share { number: row.number, deliveries })
    }

    fn mail(&self, row: &OutboxRow, job: &MailJob) -> Option<NewDelivery> {
        let payload = serde_json::to_string(job);
        if let Err(error) = &payload {
            tracing::error!(%error, "a mail cannot be written down, and is not sent");
        }
        let event = format!("{:?}", job.kind);
        Some(self.delivery(row, Lane::Mail, job.chain(), (event, job.event_id()), payload.ok()?))
    }

    async fn booking(
        &self,
        row: &OutboxRow,
        webhook: &Webhook,
        news: &BookingNews,
    ) -> Result<Option<NewDelivery>, NotPlanned> {
        let event = WebhookEvent::from(news.event.transition.event);
        if !webhook.events.contains(&event) {
            return Ok(None);
        }
        let payload = match &webhook.selection {
            None => payload::booking_payload(news),
            Some(selection) => match (self.parts().select)(selection.clone(), news.event.clone()).await {
                Ok(payload) => payload,
                Err(SelectionFault::Failed(fault)) => return Err(NotPlanned::Selection(fault)),
                // It was good when it was saved. Better too much than nothing.
                Err(SelectionFault::Unusable(why)) => {
                    tracing::error!(webhook = %webhook.id, why, "a selection is no longer usable; the default payload is sent");
                    payload::booking_payload(news)
                }
            },
        };
        let chain = Some(news.event.booking.id.to_string());
        let names = (event.name().to_owned(), news.event.id.clone());
        Ok(Some(self.delivery(row, Lane::Webhook(webhook.id.clone()), chain, names, payload)))
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
    let deliveries: Vec<NewDelivery> = ours.flat_map(|share| share.deliveries.iter().cloned()).collect();
    tx.insert_deliveries(&deliveries).await?;
    Ok(deliveries.into_iter().map(|delivery| delivery.lane).collect())
}
