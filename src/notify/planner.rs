//! What has things shared out as soon as they are in the outbox: beside the worker, so that whatever that takes holds up
//! no delivery.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Notifier;
use super::worker::{AFTER_FAULT, LOOK_EVERY, rest};
use crate::clock::Monotonic;
use crate::domain::delivery::Lane;
use crate::domain::id::WebhookId;

/// How long everything that is to be told waits for a webhook's selection that cannot be executed: faults of the store
/// pass, and others do not.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it is remembered that patience with a selection is used up.
const REMEMBERED: Duration = Duration::from_hours(1);
/// How many rows of the outbox are left there because they cannot be read; more are given up.
const MOST_PASSED_OVER: usize = 1_000;

/// Shares out what is in the outbox.
pub(super) struct Planner {
    pub(super) notifier: Notifier,
    /// Since when the selection of a webhook fails.
    failing: HashMap<WebhookId, Monotonic>,
    /// Rows that cannot be read, and are left to whoever can: a newer server may have written them.
    pub(super) passed_over: BTreeSet<i64>,
    lanes: mpsc::Sender<BTreeSet<Lane>>,
}

impl Planner {
    /// A planner that tells `lanes` on which of them there is something new.
    pub(super) fn new(notifier: Notifier, lanes: mpsc::Sender<BTreeSet<Lane>>) -> Self {
        Self { notifier, failing: HashMap::new(), passed_over: BTreeSet::new(), lanes }
    }

    /// Shares out what is there, and what comes, until `shutdown`.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let clock = self.notifier.parts().clock.clone();
        let wakes = self.notifier.parts().wakes.clone();
        let (mut is_filled, mut look_at) = (true, clock.monotonic());
        while !shutdown.is_cancelled() {
            if !is_filled {
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    // Kept for us if it comes before we wait for it.
                    () = wakes.outbox.notified() => {}
                    () = clock.sleep_until(look_at) => {}
                }
            }
            let started = clock.monotonic();
            let planned = self.plan(&shutdown).await;
            let now = clock.monotonic();
            match planned {
                Ok(planned) => {
                    (is_filled, look_at) = (planned.is_more, now.plus(LOOK_EVERY));
                    // Nobody takes them only when the worker ends as well: then they are found at the next start.
                    let _taken = shutdown.run_until_cancelled(self.lanes.send(planned.lanes)).await;
                }
                Err(fault) => {
                    tracing::warn!(error = fault.describe(), "what happened could not be shared out; trying again");
                    (is_filled, look_at) = (false, now.plus(AFTER_FAULT));
                }
            }
            shutdown.run_until_cancelled(sleep(rest(now.since(started)))).await;
        }
    }

    /// Notes that a selection of `webhook` has failed. Whether it is worth while to wait until it does not.
    pub(super) fn is_worth_waiting(&mut self, webhook: &WebhookId) -> bool {
        let now = self.notifier.parts().clock.monotonic();
        self.failing.retain(|_, since| now.since(*since) < REMEMBERED);
        let since = *self.failing.entry(webhook.clone()).or_insert(now);
        now.since(since) < PATIENCE
    }

    /// Notes that a selection of `webhook` has worked.
    pub(super) fn works(&mut self, webhook: &WebhookId) {
        self.failing.remove(webhook);
    }

    /// Notes that the row of that number cannot be read. Whether it is left where it is.
    pub(super) fn is_passed_over(&mut self, number: i64) -> bool {
        self.passed_over.len() < MOST_PASSED_OVER && self.passed_over.insert(number)
    }
}
