//! How webhooks are sent.

use std::time::Duration;

use super::reading::{Reading, setting};
use crate::cli::WebhookArgs;

/// How webhooks are sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Whether they may go anywhere, also over plain http and within the server's own network: for development.
    pub insecure: bool,
    /// How long it is kept what became of a delivery.
    pub keep_deliveries: Duration,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self { insecure: false, keep_deliveries: Duration::from_hours(30 * 24) }
    }
}

impl Reading {
    pub(super) fn webhooks(&mut self, args: &WebhookArgs) -> Option<WebhookSettings> {
        let insecure = self.flag(setting("webhooks-insecure", "SLOTWISE_WEBHOOKS_INSECURE"), &args.webhooks_insecure);
        let name = setting("keep-deliveries-days", "SLOTWISE_KEEP_DELIVERIES_DAYS");
        let days: Option<u64> = self.number(name, &args.keep_deliveries_days, 1, 3_650);
        Some(WebhookSettings { insecure: insecure?, keep_deliveries: Duration::from_hours(24 * days?) })
    }
}
