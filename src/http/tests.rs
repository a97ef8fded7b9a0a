//! The routes as clients meet them.

mod over_http;
mod over_socket;
mod socket_protocol;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode};
use secrecy::SecretString;
use serde_json::Value;

use super::*;
use crate::auth::Profile;
use crate::clock::TestClock;
use crate::config::{Origins, TokenKey, TokenSettings};
use crate::domain::access::Role;
use crate::domain::id::{OrganizationId, UserId};
use crate::graphql::testing::engine;
use crate::throttle::{ConnectionLimits, RateLimits};

/// A server, and the clock that it goes by.
pub(super) struct Fixture {
    pub(super) state: HttpParts,
    clock: Arc<TestClock>,
    /// Whether the bearers of valid tokens are.
    let_in: Arc<AtomicBool>,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::with(HttpSettings::default())
    }

    fn with(settings: HttpSettings) -> Self {
        let clock = Arc::new(TestClock::new("2026-12-01T12:00:00Z".parse().unwrap()));
        let key = TokenKey::Secret(SecretString::from("0123456789abcdef0123456789abcdef"));
        let let_in = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&let_in);
        let throttle = Throttle::new(RateLimits::OFF, ConnectionLimits::default(), clock.clone());
        let state = HttpParts {
            engine: engine(),
            throttle,
            tokens: Arc::new(Tokens::new(Some(&TokenSettings::new(key)), clock.clone())),
            people: Arc::new(move |identity| {
                let let_in = still.load(Ordering::SeqCst);
                let Identity { id, organization_id, role, email, name } = identity;
                let role = role.unwrap_or(Role::Customer);
                Box::pin(async move { Ok(let_in.then_some(Viewer { id, organization_id, role, email, name })) })
            }),
            calendars: Arc::new(|_key| Box::pin(async { Ok(None) })),
            identity_webhook: None,
            metrics: None,
            clock: clock.clone(),
            readiness: Arc::new(|| Box::pin(async { true })),
            settings: Arc::new(settings),
            shutdown: CancellationToken::new(),
            sockets: TaskTracker::new(),
        };
        Self { state, clock, let_in }
    }

    /// A token of `usr_ada`, valid for a minute.
    fn token(&self) -> String {
        let profile = Profile {
            subject: UserId::from("usr_ada"),
            email: None,
            name: None,
            organization: OrganizationId::fallback(),
            role: Role::Customer,
        };
        self.state.tokens.sign(&profile, Duration::from_mins(1)).unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Answered {
        let (parts, body) = self.answer(request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answered { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// The same, as it leaves.
    async fn answer(&self, mut request: Request<Body>) -> Response {
        let peer: SocketAddr = "[::ffff:192.0.2.7]:5000".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        routes(self.state.clone().into()).answer(request).await
    }
}

/// What came back.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The status, and the code of the first error, which must come with a text.
    fn refusal(&self) -> (u16, String) {
        let error = &self.json()["errors"][0];
        assert!(error["message"].as_str().is_some_and(|text| text.len() > 10), "{self:?}");
        (self.status.as_u16(), error["extensions"]["code"].as_str().unwrap_or_default().to_owned())
    }
}
