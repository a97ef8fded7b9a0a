//! The fields of a webhook: what they may hold, and what becomes of a webhook by them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::Change;
use super::webhooks::{CreateWebhook, UpdateWebhook};
use crate::domain::audit::AuditFields;
use crate::domain::id::WebhookId;
use crate::domain::webhook::{Webhook, WebhookEvent};
use crate::domain::webhook_url::{Reach, check_webhook_url};
use crate::service::Services;
use crate::service::input::Problems;

/// Characters of a description.
const MAX_DESCRIPTION: usize = 500;
/// Characters of a selection.
const MAX_SELECTION: usize = 4_000;

/// What is said of a webhook's fields, as far as it is well-formed.
#[derive(Clone)]
pub(super) struct WebhookFields {
    url: Change<String>,
    events: Change<BTreeSet<WebhookEvent>>,
    selection: Change<Option<String>>,
    description: Change<Option<String>>,
    active: Change<bool>,
}

impl WebhookFields {
    /// Of a new one, all of them.
    pub(super) async fn of_new(services: &Services, request: CreateWebhook, problems: &mut Problems) -> Self {
        let CreateWebhook { url, events, selection, description, active } = request;
        let fields = Self {
            url: Change::To(url),
            events: Change::To(events.into_iter().collect()),
            selection: Change::To(selection),
            description: Change::To(description),
            active: Change::To(active),
        };
        fields.note_problems(services, problems).await;
        fields
    }

    /// Of an update, with the webhook and when it is believed to have changed last.
    pub(super) async fn of_update(
        services: &Services,
        request: UpdateWebhook,
        problems: &mut Problems,
    ) -> (WebhookId, Option<DateTime<Utc>>, Self) {
        let UpdateWebhook { id, expected_updated_at, url, events, selection, description, active } = request;
        let expected = problems.expected_updated_at(expected_updated_at);
        let fields = Self {
            url: problems.never_null("url", url),
            events: problems.never_null("events", events).map(|events| events.into_iter().collect()),
            selection,
            description,
            active: problems.never_null("active", active),
        };
        fields.note_problems(services, problems).await;
        (id, expected, fields)
    }

    /// Notes what is wrong with the form of the rest.
    async fn note_problems(&self, services: &Services, problems: &mut Problems) {
        let reach = if services.settings().insecure_webhooks { Reach::Anywhere } else { Reach::Public };
        if let Some(Err(message)) = self.url.given().map(|url| check_webhook_url(url, reach)) {
            problems.note(&["url"], message);
        }
        if self.events.given().is_some_and(BTreeSet::is_empty) {
            problems.note(&["events"], "`events` must name at least one event. To send none, set `active` to false.");
        }
        problems.text(&["description"], self.description.given().and_then(Option::as_deref), MAX_DESCRIPTION, true);
        let Some(Some(selection)) = self.selection.given() else { return };
        if selection.chars().count() > MAX_SELECTION {
            problems.note(&["selection"], format!("`selection` must have at most {MAX_SELECTION} characters."));
        } else if let Err(message) = services.parts().selections.check(selection).await {
            problems.note(&["selection"], message);
        }
    }

    /// The webhook with these fields. One that is sent elsewhere, or switched on, has not failed yet.
    pub(super) fn applied_to(self, webhook: Webhook) -> Webhook {
        let Self { url, events, selection, description, active } = self;
        let before = (webhook.url.clone(), webhook.active);
        let changed = Webhook {
            url: url.applied_to(webhook.url),
            events: events.applied_to(webhook.events),
            selection: selection.applied_to(webhook.selection),
            description: description.applied_to(webhook.description),
            active: active.applied_to(webhook.active),
            ..webhook
        };
        let begins_anew = changed.url != before.0 || changed.active && !before.1;
        Webhook { failing_since: changed.failing_since.filter(|_| !begins_anew), ..changed }
    }
}

/// A webhook as the audit log shows it: of its secret nothing but how often it was exchanged.
pub(super) fn audit_fields(webhook: &Webhook) -> AuditFields {
    let Webhook {
        // What it is called by in the log, what never changes or follows from the rest, and what nobody did.
        id: _,
        organization_id: _,
        created_at: _,
        updated_at: _,
        retired_secrets: _,
        failing_since: _,
        url,
        events,
        selection,
        description,
        active,
        secret,
    } = webhook;
    let fields = [
        ("url", json!(url)),
        ("events", json!(events)),
        ("selection", json!(selection)),
        ("description", json!(description)),
        ("active", json!(active)),
        ("secretVersion", json!(secret)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
