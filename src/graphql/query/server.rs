//! The server and the caller.

use async_graphql::{Context, Object};

use crate::domain::access::Caller;
use crate::domain::quantum::QUANTUM_MINUTES;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::types::settings::Settings;
use crate::graphql::types::viewer::Viewer;
use crate::service::Services;

/// Queries about the server and the caller.
#[derive(Default)]
pub struct ServerQuery;

#[Object]
impl ServerQuery {
    /// What a client needs to know of the server's configuration.
    #[expect(clippy::unused_self, reason = "a resolver")]
    fn settings(&self, ctx: &Context<'_>) -> Result<Settings, ApiError> {
        let settings = from_context::<Services>(ctx)?.settings();
        Ok(Settings {
            guest_bookings: settings.guest_bookings,
            heartbeat_seconds: settings.heartbeat_seconds,
            hold_seconds: settings.hold_seconds,
            hold_limit_minutes: settings.hold_limit_minutes,
            quantum_minutes: u32::try_from(QUANTUM_MINUTES).unwrap_or_default(),
        })
    }

    /// The caller, or null when anonymous.
    async fn viewer(&self, ctx: &Context<'_>) -> Nullable<Viewer> {
        from_context::<Caller>(ctx).map(|caller| caller.viewer().map(Viewer::from)).transpose()
    }
}
