//! `/webhooks/identity`: what the identity provider tells of its users, in the form of `WorkOS`' own events.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, SubsecRound as _, Utc};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use super::client_address::client_address;
use super::problem::Problem;
use super::{HttpState, request};
use crate::auth::WebhookKey;
use crate::domain::id::{OrganizationId, UserId};
use crate::domain::person::{AccountEvent, AccountNews, PersonalDetails, is_usable_id};
use crate::error::Error;
use crate::graphql::execute::ClientAddress;
use crate::graphql::mask::Code;

/// The largest body that is read, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;
/// The longest id of an event, in bytes.
const MAX_EVENT_ID: usize = 128;
const SIGNATURE: &str = "workos-signature";

/// Takes an event, once however often it comes.
pub type TakeAccountEvent = Arc<dyn Fn(AccountEvent) -> BoxFuture<'static, Result<(), Error>> + Send + Sync>;

/// Where the identity provider's events go.
#[derive(Clone)]
pub struct IdentityWebhook {
    /// What they are signed with.
    pub key: WebhookKey,
    /// What becomes of them.
    pub take: TakeAccountEvent,
}

/// An event, as far as it is known before its type.
#[derive(Deserialize)]
struct Envelope {
    id: Option<String>,
    event: String,
    created_at: Option<DateTime<Utc>>,
    #[serde(default)]
    data: Value,
}

/// An account, as events tell it.
#[derive(Deserialize)]
struct Data {
    id: String,
    email: Option<String>,
    email_verified: Option<bool>,
    first_name: Option<String>,
    last_name: Option<String>,
    organization_id: Option<String>,
    updated_at: Option<DateTime<Utc>>,
}

/// What has happened, by the names of the provider's events.
#[derive(Copy, Clone)]
enum Kind {
    Created,
    Updated,
    Deleted,
}

/// An event of the identity provider's. One that is not signed costs its address a failed sign-in.
pub(super) async fn post(
    State(state): State<HttpState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let ClientAddress(address) = client_address(&state.settings.proxies, peer, &parts.headers);
    let take = async {
        let webhook = state.identity_webhook.as_ref().ok_or_else(not_configured)?;
        state.throttle.may_sign_in(address)?;
        let body = request::json_body(&parts.headers, body, BODY_LIMIT).await?;
        let is_signed = signature(&parts.headers)
            .is_some_and(|signature| webhook.key.verify(signature, &body, state.clock.now()).is_ok());
        if !is_signed {
            state.throttle.sign_in_failed(address);
            return Err(unsigned());
        }
        if let Some(event) = read(&body)? {
            (webhook.take)(event).await.map_err(|error| Problem::fault(&error, &parts.headers))?;
        }
        Ok::<_, Problem>(())
    };
    match take.await {
        Ok(()) => ([(header::CACHE_CONTROL, "no-store")], StatusCode::OK).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Other methods than POST.
pub(super) async fn method_not_allowed(State(state): State<HttpState>) -> Problem {
    if state.identity_webhook.is_none() {
        return not_configured();
    }
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, "Send events by POST.")
        .with_header(header::ALLOW, HeaderValue::from_static("POST"))
}

/// The signature, where there is exactly one.
fn signature(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(SIGNATURE).iter();
    let signature = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(signature)
}

/// The event in a body; `None` for one that is none of ours.
fn read(body: &[u8]) -> Result<Option<AccountEvent>, Problem> {
    let malformed = || Problem::bad_request("The event is malformed. Send the identity provider's events as they are.");
    let Envelope { id, event, created_at, data } = serde_json::from_slice(body).map_err(|_| malformed())?;
    let kind = match event.as_str() {
        "user.created" => Kind::Created,
        "user.updated" => Kind::Updated,
        "user.deleted" => Kind::Deleted,
        _ => return Ok(None),
    };
    let is_usable = |id: &String| !id.is_empty() && id.len() <= MAX_EVENT_ID && !id.chars().any(char::is_control);
    let id = id.filter(is_usable).ok_or_else(malformed)?;
    let data: Data = serde_json::from_value(data).map_err(|_| malformed())?;
    let organization = data.organization_id.as_deref().filter(|id| !id.is_empty());
    if !is_usable_id(&data.id) || organization.is_some_and(|id| !is_usable_id(id)) {
        return Err(malformed());
    }
    let at = match kind {
        // The state that is told is as new as its last change, whenever it is told.
        Kind::Created | Kind::Updated => data.updated_at.or(created_at),
        // Which is no change of the account's own.
        Kind::Deleted => created_at.or(data.updated_at),
    };
    Ok(Some(AccountEvent {
        id,
        subject: UserId::from(data.id.as_str()),
        // Instants are kept, and so compared, as whole milliseconds.
        at: at.ok_or_else(malformed)?.trunc_subsecs(3),
        organization_id: organization.map(OrganizationId::from),
        news: match kind {
            Kind::Created => AccountNews::Created(data.details()),
            Kind::Updated => AccountNews::Updated(data.details()),
            Kind::Deleted => AccountNews::Deleted,
        },
    }))
}

impl Data {
    fn details(&self) -> PersonalDetails {
        let names: Vec<&str> = [&self.first_name, &self.last_name]
            .into_iter()
            .filter_map(|name| name.as_deref().map(str::trim).filter(|name| !name.is_empty()))
            .collect();
        PersonalDetails::told(self.email.as_deref(), self.email_verified == Some(true), Some(&names.join(" ")))
    }
}

fn not_configured() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        Code::NotFound,
        "The identity provider's webhooks are not set up on this server. Whoever runs it gives it their signing secret \
         as SLOTWISE_IDENTITY_WEBHOOK_SECRET.",
    )
}

/// A signature that does not count, whatever is wrong with it.
fn unsigned() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        Code::Unauthenticated,
        "The signature is not valid. Check that both sides have the same signing secret and the right time.",
    )
    .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("WorkOS-Signature"))
}
