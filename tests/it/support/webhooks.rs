//! Webhooks, and deliveries to them that are put where they are read, in whatever state.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use slotwise::domain::delivery::{DeliveryAttempt, Lane, NewDelivery, Settled};
use slotwise::domain::webhook::Webhook;
use slotwise::store::{StoreError, Tx};

use super::TestServer;

/// When deliveries that are put there are due: long after all that a test does.
pub const MUCH_LATER: &str = "2029-01-01T00:00:00Z";

/// An attempt at 07:00 that failed, or did not, with this status.
pub fn attempt(number: u32, status_code: Option<u16>, error: Option<&str>) -> DeliveryAttempt {
    DeliveryAttempt {
        number,
        at: "2026-12-01T07:00:00Z".parse().unwrap(),
        duration_millis: 120 + u64::from(number),
        status_code,
        error: error.map(ToOwned::to_owned),
    }
}

/// An address on this machine at which nobody listens.
pub const NOWHERE: &str = "https://127.0.0.1:9/slotwise";

impl TestServer {
    /// Makes a webhook of the default organization's that leads nowhere, by the one who runs it; its id.
    pub async fn webhook(&self, changes: Value) -> String {
        let mut input = json!({ "url": NOWHERE, "events": ["BOOKING_CREATED"] });
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        let made = self.runner().run_well("createWebhook", input).await;
        made["webhook"]["id"].as_str().unwrap().to_owned()
    }

    /// A webhook as it is stored.
    pub async fn stored_webhook(&self, id: &str) -> Option<Webhook> {
        self.store.reader().webhook(&id.into()).await.unwrap()
    }

    /// Puts a pending delivery there, which nobody tries before [`MUCH_LATER`].
    pub async fn put_delivery(&self, webhook: &str, id: &str, event: &str, payload: &str) {
        let later: DateTime<Utc> = MUCH_LATER.parse().unwrap();
        let delivery = NewDelivery {
            id: id.into(),
            organization_id: self.stored_webhook(webhook).await.unwrap().organization_id,
            lane: Lane::Webhook(webhook.into()),
            chain: Some("bkg_1".to_owned()),
            sequence: 1,
            event: event.to_owned(),
            event_id: format!("evn_of_{id}"),
            payload: payload.to_owned(),
            created_at: later,
        };
        let put = |tx: Tx| {
            let delivery = delivery.clone();
            async move { tx.insert_deliveries(&[&delivery]).await }
        };
        self.store.write(put).await.unwrap();
    }

    /// Leases whatever is to be delivered to a webhook, as a worker would at the end of time.
    pub async fn lease_deliveries(&self, webhook: &str) {
        let lane = Lane::Webhook(webhook.into());
        let (now, until) = ("2030-01-01T00:00:00Z".parse().unwrap(), "2030-01-01T00:01:00Z".parse().unwrap());
        let lease = |tx: Tx| {
            let lane = lane.clone();
            async move { tx.lease_deliveries(&lane, now, ("of the test", until), 100).await }
        };
        self.store.write(lease).await.unwrap();
    }

    /// Has come of a delivery what `settled` says, after `attempts` of it.
    pub async fn settle(&self, webhook: &str, id: &str, settled: Vec<Settled>) {
        for settled in settled {
            self.lease_deliveries(webhook).await;
            let settle = |tx: Tx| {
                let settled = [(id.into(), settled.clone())];
                async move {
                    tx.settle_deliveries("of the test", &settled, "2026-12-01T07:00:01Z".parse().unwrap()).await?;
                    Ok::<_, StoreError>(())
                }
            };
            self.store.write(settle).await.unwrap();
        }
    }
}
