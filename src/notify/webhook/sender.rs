//! Sends webhooks: one request, one answer, within five seconds.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};

use super::failure::{TOO_LATE, words};
use super::signature::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, signatures};
use super::target::{CheckedResolver, Lookup, Reach, system_lookup};
use crate::clock::SharedClock;
use crate::config::WebhookSettings;
use crate::domain::delivery::LeasedDelivery;
use crate::domain::webhook::Webhook;
use crate::error::Internal;
use crate::notify::Carried;
use crate::server_key::ServerKey;

/// How long a receiver has for everything, from the look-up of its name to the last byte of its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of an answer's body is read, and thrown away: so that the connection can be used again.
const MAX_BODY: usize = 4 * 1024;
/// How many connections to one receiver wait for their next request.
const IDLE_CONNECTIONS: usize = 2;
/// How long they do. Most servers wait longer before they close a connection, so that it is not closed in the very
/// moment of the next request.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// Who asks.
const USER_AGENT: &str = concat!("Slotwise/", env!("CARGO_PKG_VERSION"));

/// Sends webhooks.
pub struct WebhookSender {
    client: Client,
    reach: Reach,
    key: ServerKey,
    clock: SharedClock,
}

impl std::fmt::Debug for WebhookSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSender").finish_non_exhaustive()
    }
}

impl WebhookSender {
    /// A sender that signs with secrets derived from `key`. It reads the system's certificates once.
    ///
    /// # Errors
    /// No client can be made.
    pub fn new(settings: &WebhookSettings, key: ServerKey, clock: SharedClock) -> Result<Self, Internal> {
        if settings.insecure {
            tracing::warn!(
                "--webhooks-insecure (SLOTWISE_WEBHOOKS_INSECURE) is on: webhooks go to any address, also within this \
                 network, and in the clear. That is for development only"
            );
        }
        let reach = if settings.insecure { Reach::ANYWHERE } else { Reach::PUBLIC };
        Self::reaching(reach, system_lookup(), trusted(), key, clock)
    }

    fn reaching(
        reach: Reach,
        lookup: Lookup,
        trusted: RootCertStore,
        key: ServerKey,
        clock: SharedClock,
    ) -> Result<Self, Internal> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls(trusted)?)
            .https_only(!reach.plain_http)
            .dns_resolver(Arc::new(CheckedResolver::new(lookup, reach.allows)))
            // A proxy would look names up by itself.
            .no_proxy()
            .redirect(Policy::none())
            .http1_only()
            .no_gzip()
            .user_agent(USER_AGENT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIME)
            .build()
            .map_err(|error| Internal::new(format!("no client for webhooks: {error:?}")))?;
        Ok(Self { client, reach, key, clock })
    }

    /// Sends `delivery` to `webhook`, once. An answer of 2xx means that it has arrived, whatever else is in it.
    pub async fn send(&self, webhook: &Webhook, delivery: &LeasedDelivery) -> Carried {
        let request = match self.request(webhook, delivery) {
            Ok(request) => request,
            Err(error) => return Carried::Failed { status_code: None, error, is_final: true },
        };
        let mut answered = None;
        let asking = async {
            let response = self.client.execute(request).await?;
            answered = Some(response.status());
            discard(response).await;
            Ok(())
        };
        let deadline = self.clock.monotonic().plus(PATIENCE);
        let asked = tokio::select! {
            asked = asking => Some(asked),
            () = self.clock.sleep_until(deadline) => None,
        };
        // What has been answered counts, also if the rest of it takes too long.
        match (asked, answered) {
            (_, Some(status)) => outcome(status),
            (Some(Err(error)), None) => failed(None, words(&error)),
            (Some(Ok(())) | None, None) => failed(None, TOO_LATE.to_owned()),
        }
    }

    /// The request for `delivery`, or why there can be none.
    fn request(&self, webhook: &Webhook, delivery: &LeasedDelivery) -> Result<Request, String> {
        let url = self.reach.url(&webhook.url).map_err(|refused| refused.to_string())?;
        let now = self.clock.now();
        let (id, body) = (&delivery.event_id, &delivery.payload);
        let secrets = webhook.signing(now).map(|version| self.key.webhook_secret(&webhook.id, version));
        let headers = [
            (ID_HEADER, id.clone()),
            (TIMESTAMP_HEADER, now.timestamp().to_string()),
            (SIGNATURE_HEADER, signatures(secrets, id, now, body)),
        ];
        let mut request = HeaderMap::new();
        request.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let value = HeaderValue::try_from(value).map_err(|_| "The event's id cannot be sent.".to_owned())?;
            request.insert(HeaderName::from_static(name), value);
        }
        let request = self.client.post(url).headers(request).body(body.clone()).build();
        request.map_err(|_| "The URL is malformed.".to_owned())
    }
}

/// What the system trusts. There may be nothing: nobody needs it before there is a webhook.
fn trusted() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let (_, unreadable) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if unreadable > 0 {
        tracing::debug!(unreadable, "some of the system's certificates are passed over");
    }
    roots
}

/// In place of what reqwest would do: that fails where the system trusts nobody, and it logs what others have written
/// into their certificates.
fn tls(trusted: RootCertStore) -> Result<ClientConfig, Internal> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Internal::new(format!("no TLS for webhooks: {error}")))?;
    Ok(config.with_root_certificates(trusted).with_no_client_auth())
}

/// What `status` means.
fn outcome(status: StatusCode) -> Carried {
    let code = status.as_u16();
    if status.is_success() {
        Carried::Arrived { status_code: Some(code) }
    } else if status.is_redirection() {
        failed(Some(code), format!("The receiver answered {code}. Redirects are not followed."))
    } else {
        failed(Some(code), format!("The receiver answered {code}."))
    }
}

/// What may go better another time.
fn failed(status_code: Option<u16>, error: String) -> Carried {
    Carried::Failed { status_code, error, is_final: false }
}

/// Reads the end of an answer, if it is near. Of one that goes on the connection is closed.
async fn discard(mut response: Response) {
    let mut left = MAX_BODY;
    while let Ok(Some(chunk)) = response.chunk().await {
        let Some(rest) = left.checked_sub(chunk.len()) else { return };
        left = rest;
    }
}

#[cfg(test)]
mod tests;
