//! A small schema for the tests of what stands around the real one.

use std::sync::Arc;

use async_graphql::{Context, Error, Object, Schema, Subscription};
use futures_util::{Stream, StreamExt as _, stream};
use tokio_util::task::TaskTracker;

use super::execute::{Engine, EngineSettings, RequestId, Transport};
use super::gate::Limits;
use crate::clock::{SharedClock, SystemClock};
use crate::domain::access::Caller;
use crate::metrics::Metrics;
use crate::throttle::{ConnectionLimits, RateLimits, Throttle};

/// An engine for the test schema.
pub(crate) fn engine() -> Engine {
    let clock: SharedClock = Arc::new(SystemClock::new());
    let throttle = Throttle::new(RateLimits::OFF, ConnectionLimits::default(), Arc::clone(&clock));
    engine_with(Limits::default(), throttle)
}

/// The same within other limits.
pub(crate) fn engine_with(limits: Limits, throttle: Arc<Throttle>) -> Engine {
    let settings = EngineSettings {
        clock: Arc::new(SystemClock::new()),
        limits,
        throttle,
        tasks: TaskTracker::new(),
        kept_bytes: 0,
        metrics: Metrics::new(),
    };
    Engine::new(|mode| Schema::build(Query, Mutation, Subscriptions).validation_mode(mode).finish(), settings)
}

struct Query;

#[Object]
impl Query {
    /// The caller's id.
    async fn whoami(&self, context: &Context<'_>) -> Option<String> {
        context.data_unchecked::<Caller>().viewer().map(|viewer| viewer.id.to_string())
    }

    async fn transport(&self, context: &Context<'_>) -> String {
        format!("{:?}", context.data_unchecked::<Transport>())
    }

    async fn request_id(&self, context: &Context<'_>) -> String {
        context.data_unchecked::<RequestId>().as_str().to_owned()
    }

    async fn echo(&self, text: String) -> String {
        text
    }

    /// Takes very small numbers only.
    async fn small(&self, number: i8) -> i8 {
        number
    }

    async fn again(&self) -> Query {
        Query
    }

    /// A resolver that forgot to use our own error type.
    async fn leak(&self) -> Option<Result<String, Error>> {
        Some(Err(Error::from("postgres://user:hunter2@db")))
    }

    async fn leak_hard(&self) -> Result<String, Error> {
        tokio::task::yield_now().await;
        Err(Error::from("postgres://user:hunter2@db"))
    }

    async fn panic(&self) -> Option<String> {
        assert!(std::hint::black_box(false), "on purpose");
        None
    }

    async fn never(&self) -> String {
        std::future::pending().await
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn change(&self, to: Option<String>) -> String {
        to.unwrap_or_default()
    }
}

struct Subscriptions;

#[Subscription]
impl Subscriptions {
    /// Counts to `to`, then stays silent.
    async fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream::iter(1..=to).chain(stream::pending())
    }

    async fn broken(&self) -> impl Stream<Item = Result<u32, Error>> {
        stream::iter([Err(Error::from("postgres://user:hunter2@db"))])
    }

    async fn panics(&self) -> impl Stream<Item = u32> {
        stream::iter([1]).map(|_| panic!("on purpose"))
    }
}
