//! The only code that knows axum: routes, what a request carries, how an answer is written.

mod accept;
mod calendar;
mod caller;
mod client_address;
mod connection;
mod graphiql;
mod graphql;
mod health;
mod identity;
mod layers;
mod metrics;
mod origin;
mod problem;
mod request;
mod server;
mod socket;
mod stream;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Tokens;
use crate::clock::SharedClock;
use crate::config::HttpSettings;
use crate::domain::access::{Identity, Viewer};
use crate::error::Error;
use crate::graphql::execute::Engine;
use crate::throttle::Throttle;
use layers::Routes;

pub use calendar::Calendars;
pub use identity::{IdentityWebhook, TakeAccountEvent};
pub use metrics::MetricsPage;
pub use server::{Ended, bind, serve};

/// Tells whether the server can do its work now: that its database answers.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// Tells who it is that a valid token vouches for; `None` for whoever is not let in any more.
pub type People = Arc<dyn Fn(Identity) -> BoxFuture<'static, Result<Option<Viewer>, Error>> + Send + Sync>;

/// What the routes need. Clones share everything: there are many for each request.
#[derive(Clone)]
pub struct HttpState(Arc<HttpParts>);

impl Deref for HttpState {
    type Target = HttpParts;

    fn deref(&self) -> &HttpParts {
        &self.0
    }
}

impl From<HttpParts> for HttpState {
    fn from(parts: HttpParts) -> Self {
        Self(Arc::new(parts))
    }
}

/// What [`HttpState`] is made of.
#[derive(Clone)]
pub struct HttpParts {
    /// Executes operations.
    pub engine: Engine,
    /// Knows how often clients may ask, and what they have open.
    pub throttle: Arc<Throttle>,
    /// Verifies tokens.
    pub tokens: Arc<Tokens>,
    /// Knows who their bearers are.
    pub people: People,
    /// Gives the calendars that others subscribe to.
    pub calendars: Calendars,
    /// Takes what the identity provider tells of them; `None`: it is not set up.
    pub identity_webhook: Option<IdentityWebhook>,
    /// What is counted, for whoever may know; `None`: nobody.
    pub metrics: Option<MetricsPage>,
    /// The clock, for request ids and the end of tokens.
    pub clock: SharedClock,
    /// Asked by `/readyz`.
    pub readiness: Readiness,
    /// What is allowed.
    pub settings: Arc<HttpSettings>,
    /// Cancelled when the server stops.
    pub shutdown: CancellationToken,
    /// The sockets that are open, and what goes on for them, to be waited for at the end.
    pub sockets: TaskTracker,
}

/// All routes, with everything that stands before and behind them.
///
/// Whoever serves it must provide the client's address as `ConnectInfo<SocketAddr>`, as [`serve`] does.
fn routes(state: HttpState) -> Routes {
    let mut pages = Router::new();
    if state.settings.introspection {
        pages = pages.route("/schema.graphql", get(graphql::schema));
    }
    if state.settings.graphiql {
        pages = pages.merge(graphiql::routes());
    }
    let router = Router::new()
        .merge(layers::limited(pages, &state))
        .route("/graphql", get(graphql::get).post(graphql::post).fallback(graphql::method_not_allowed))
        .route(calendar::ROUTE, get(calendar::get))
        .route("/webhooks/identity", post(identity::post).fallback(identity::method_not_allowed))
        .route("/metrics", get(metrics::get))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready));
    let router = router.fallback(problem::no_such_page).method_not_allowed_fallback(problem::method_not_allowed);
    Routes::around(router.with_state(state.clone()), state)
}

#[cfg(test)]
mod tests;
