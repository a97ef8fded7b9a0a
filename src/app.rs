//! The composition root: builds everything, runs it, and shuts it down in order.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Tokens, WebhookKey};
use crate::clock::SharedClock;
use crate::config::{self, DatabaseSettings, MailSettings, ServeSettings};
use crate::error::Internal;
use crate::feed::ChangeFeed;
use crate::graphql;
use crate::graphql::execute::{Engine, EngineSettings};
use crate::graphql::gate::Limits;
use crate::http::{self, Ended, HttpParts, HttpState, IdentityWebhook, MetricsPage, TakeAccountEvent};
use crate::metrics::{Metrics, Present};
use crate::notify::mail::mailer::Mailer;
use crate::notify::reminders::Reminders;
use crate::notify::webhook::WebhookSender;
use crate::notify::{CarryMail, Notifier, NotifierParts, Select, Wakes};
use crate::presence::{HoldSettings, Presence};
use crate::server_key::ServerKey;
use crate::service::{Parts, ServiceSettings, Services};
use crate::store::{StatementObserver, Store, StoreError, StoreOptions};
use crate::throttle::Throttle;

/// How many MiB of answers are kept unless somebody says otherwise.
const KEPT_MIB: usize = 64;

/// Why the program ends before its time, for whoever runs it.
#[derive(Debug)]
pub struct StartError(String);

impl StartError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self(error.describe())
    }
}

impl From<Internal> for StartError {
    fn from(error: Internal) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Opens the database as configured.
pub(crate) async fn open(
    database: &DatabaseSettings,
    observer: Option<StatementObserver>,
) -> Result<Store, StartError> {
    // PostgreSQL's connections are shared between reading and writing; SQLite has one that writes.
    let options = StoreOptions {
        read_connections: database.connections.map(|all| all.div_ceil(2)),
        write_connections: database.connections.map(|all| (all / 2).max(1)),
        observer,
        ..StoreOptions::default()
    };
    Ok(Store::connect(database.url.expose_secret(), options).await?)
}

/// A server that is built and does not listen yet.
pub struct App {
    store: Store,
    presence: Arc<Presence>,
    feed: ChangeFeed,
    services: Services,
    notifier: Notifier,
    http: HttpState,
    wakes: Arc<Wakes>,
    mails: Option<Mails>,
    writes: TaskTracker,
    shutdown: CancellationToken,
}

/// What sends mails.
struct Mails {
    mailer: Arc<Mailer>,
    /// How long before a booking its booker is reminded.
    reminder: Option<TimeDelta>,
}

impl Mails {
    fn new(settings: MailSettings, store: &Store, key: &ServerKey, clock: &SharedClock) -> Result<Self, StartError> {
        let MailSettings { mailer, reminder } = settings;
        let mailer = Mailer::new(mailer, store.clone(), key.clone(), Arc::clone(clock)).map_err(StartError::new)?;
        Ok(Self { mailer: Arc::new(mailer), reminder })
    }

    /// Hands mails to the mailer.
    fn carrier(&self) -> CarryMail {
        let mailer = Arc::clone(&self.mailer);
        Arc::new(move |delivery| {
            let mailer = Arc::clone(&mailer);
            Box::pin(async move { mailer.deliver(&delivery).await })
        })
    }
}

impl App {
    /// Builds everything. `observer` is told of every SQL statement.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub async fn build(
        settings: ServeSettings,
        clock: SharedClock,
        shutdown: CancellationToken,
        observer: Option<StatementObserver>,
    ) -> Result<Self, StartError> {
        let store = open(&settings.database, observer).await?;
        let key = ServerKey::new(&settings.server_key);
        let feed = ChangeFeed::new();
        let holds = hold_settings(&settings.holds);
        let presence = Presence::new(holds, &key.session_key(), Arc::clone(&clock), feed.clone());
        let writes = TaskTracker::new();
        let throttle = Throttle::new(settings.limits.rates, settings.limits.connections, Arc::clone(&clock));
        let mails = settings.mail.clone().map(|mail| Mails::new(mail, &store, &key, &clock)).transpose()?;
        let wakes = Arc::new(Wakes::default());
        let metrics = Metrics::new();
        let services = Services::new(Parts {
            store: store.clone(),
            presence: Arc::clone(&presence),
            feed: feed.clone(),
            clock: Arc::clone(&clock),
            key: key.clone(),
            settings: service_settings(&settings),
            guest_mails: mails.as_ref().map(|_| Arc::clone(&throttle)),
            shutdown: shutdown.clone(),
            lapses: Notify::new(),
            wakes: Arc::clone(&wakes),
            metrics: Arc::clone(&metrics),
            selections: Arc::new(graphql::selection::SelectionSchema::new()),
            writes: writes.clone(),
        });
        let notifier = Notifier::new(NotifierParts {
            store: store.clone(),
            clock: Arc::clone(&clock),
            wakes: Arc::clone(&wakes),
            mail: mails.as_ref().map(Mails::carrier),
            tells_operator: mails.as_ref().is_some_and(|mails| mails.mailer.tells_operator()),
            webhooks: WebhookSender::new(&settings.webhooks, key, Arc::clone(&clock))?,
            select: selecting(&services),
        });
        let probe = store.clone();
        let limits = Limits {
            complexity: settings.limits.complexity,
            introspection: settings.http.introspection,
            ..Limits::default()
        };
        let sockets = TaskTracker::new();
        let engine_settings = EngineSettings {
            clock: Arc::clone(&clock),
            limits,
            throttle: Arc::clone(&throttle),
            tasks: sockets.clone(),
            kept_bytes: kept_bytes(&settings, &store),
            metrics: Arc::clone(&metrics),
        };
        let engine = graphql::engine(&services, engine_settings);
        let http = HttpParts {
            metrics: settings
                .metrics_token
                .clone()
                .map(|token| MetricsPage { token, text: counting(metrics, &engine, &sockets, &presence) }),
            engine,
            throttle,
            people: {
                let services = services.clone();
                Arc::new(move |identity| {
                    let services = services.clone();
                    Box::pin(async move { services.recognize(identity).await })
                })
            },
            calendars: {
                let services = services.clone();
                Arc::new(move |key| {
                    let services = services.clone();
                    Box::pin(async move { services.calendar(&key).await })
                })
            },
            identity_webhook: settings.identity_webhook_secret.as_ref().map(|secret| {
                let services = services.clone();
                let take: TakeAccountEvent = Arc::new(move |event| {
                    let services = services.clone();
                    Box::pin(async move { services.take_account_event(event).await })
                });
                IdentityWebhook { key: WebhookKey::new(secret), take }
            }),
            tokens: Arc::new(Tokens::new(settings.tokens.as_ref(), Arc::clone(&clock))),
            clock,
            readiness: Arc::new(move || {
                let store = probe.clone();
                Box::pin(async move { store.ping().await.is_ok() })
            }),
            settings: Arc::new(settings.http),
            shutdown: shutdown.clone(),
            sockets,
        };
        let http = http.into();
        Ok(Self { store, presence, feed, services, notifier, http, wakes, mails, writes, shutdown })
    }

    /// The use cases, for what is done without HTTP.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Who watches what.
    #[must_use]
    pub fn feed(&self) -> &ChangeFeed {
        &self.feed
    }

    /// Verifies and signs tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.http.tokens
    }

    /// Serves until shut down; then ends in order: requests and streams, writes, what runs beside them, the database.
    ///
    /// # Errors
    /// The listener or the database fails.
    pub async fn serve(self, listener: TcpListener, limit: Duration) -> Result<(), StartError> {
        tracing::info!(address = %listener.local_addr()?, "listening");
        let mut background = vec![
            self.beside_requests(Arc::clone(&self.presence).run(self.shutdown.clone())),
            self.beside_requests(self.services.clone().keep_house(self.shutdown.clone())),
            self.beside_requests(self.services.clone().expire_bookings(self.shutdown.clone())),
            self.beside_requests(self.notifier.clone().run(self.shutdown.clone())),
            self.beside_requests(
                self.notifier.clone().tell_of_holds(Arc::clone(&self.presence), self.shutdown.clone()),
            ),
            self.beside_requests(Arc::clone(&self.http.tokens).keep_current(self.shutdown.clone())),
            self.beside_requests(Arc::clone(&self.http.throttle).keep_house(self.shutdown.clone())),
        ];
        if let Some(ahead) = self.mails.as_ref().and_then(|mails| mails.reminder) {
            let reminders = Reminders::new(self.store.clone(), self.services.clock(), ahead, Arc::clone(&self.wakes));
            background.push(self.beside_requests(reminders.run(self.shutdown.clone())));
        }
        let served = http::serve(listener, self.http, limit).await;
        // What has begun to write is never given up: it is short, and somebody may have been told that it is done.
        self.shutdown.cancel();
        self.writes.close();
        self.writes.wait().await;
        let mut failed = None;
        for task in background {
            failed = task.await.err().or(failed);
        }
        self.store.close().await?;
        let watchers = self.feed.watchers();
        if served? == Ended::OutOfTime {
            tracing::warn!(watchers, "some connections were cut off at the end of the time for shutdown");
        }
        failed.map_or(Ok(()), |error| Err(StartError::new(format!("a background task failed: {error}"))))
    }

    /// Runs what a server does without being asked. When it ends before its time, so does the server: it would go on
    /// with half of what it promises.
    fn beside_requests(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let ends_with_it = self.shutdown.clone().drop_guard();
        tokio::spawn(async move {
            let _ends_with_it = ends_with_it;
            work.await;
        })
    }
}

/// What is counted and what there is, as text.
fn counting(
    metrics: Arc<Metrics>,
    engine: &Engine,
    sockets: &TaskTracker,
    presence: &Arc<Presence>,
) -> Arc<dyn Fn() -> String + Send + Sync> {
    let (engine, sockets, presence) = (engine.clone(), sockets.clone(), Arc::clone(presence));
    Arc::new(move || {
        metrics.text(Present { live_queries: engine.live_queries(), sockets: sockets.len(), holds: presence.count() })
    })
}

/// How many bytes of answers are kept. What other servers on the same database change, this one is not told of.
fn kept_bytes(settings: &ServeSettings, store: &Store) -> usize {
    let fitting = if store.is_embedded() { KEPT_MIB } else { 0 };
    settings.limits.kept_answers.unwrap_or(fitting) * 1024 * 1024
}

fn hold_settings(holds: &config::HoldSettings) -> HoldSettings {
    HoldSettings {
        ttl: holds.ttl,
        renewable: holds.limit,
        max_quanta_per_session: holds.session_quanta,
        address_budget: holds.address_budget,
        ..HoldSettings::default()
    }
}

fn service_settings(settings: &ServeSettings) -> ServiceSettings {
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    ServiceSettings {
        guest_bookings: settings.guest_bookings,
        heartbeat_seconds: seconds(settings.holds.heartbeat),
        hold_seconds: seconds(settings.holds.ttl),
        hold_limit_minutes: seconds(settings.holds.limit) / 60,
        public_url: settings.public_url.clone(),
        trust_token_roles: settings.tokens.as_ref().is_some_and(|tokens| tokens.trust_roles),
        admins: settings.admins.clone(),
        keep_deliveries: settings.webhooks.keep_deliveries,
        insecure_webhooks: settings.webhooks.insecure,
    }
}

/// Makes webhooks' selections by the services.
fn selecting(services: &Services) -> Select {
    let services = services.clone();
    Arc::new(move |selection, event| {
        let services = services.clone();
        Box::pin(async move { services.render_selection(&selection, event).await })
    })
}
