//! A server on a port of its own, with a clock that the test sets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use slotwise::app::App;
use slotwise::auth::{Profile, Tokens};
use slotwise::clock::{SharedClock, SystemClock, TestClock};
use slotwise::config::{
    DatabaseSettings, HoldSettings, HttpSettings, LimitSettings, LogFormat, LogSettings, MailSettings, ServeSettings,
    TokenKey, TokenSettings, TrustedProxies, WebhookSettings,
};
use slotwise::domain::access::Role;
use slotwise::domain::id::{OrganizationId, UserId};
use slotwise::domain::person::NamedAdmins;
use slotwise::feed::ChangeFeed;
use slotwise::public_url::PublicUrl;
use slotwise::service::Services;
use slotwise::store::{StatementObserver, Store};
use slotwise::throttle::RateLimits;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::actor::Actor;
use super::database::TestDatabase;
use super::{provide_tls, within_patience};

/// With what tokens are signed.
pub const TOKEN_SECRET: &str = "the tests' token secret, long enough for HS256";
/// What has to be shown to be told what the server counts.
pub const METRICS_TOKEN: &str = "the tests' token for counts";
/// From what management tokens and pseudonyms are derived.
pub const SERVER_KEY: &str = "the tests' server key, 32 characters";

/// Which tokens are accepted unless a test says otherwise: those of its actors, with their roles.
pub fn token_settings() -> TokenSettings {
    let key = TokenKey::Secret(SecretString::from(TOKEN_SECRET));
    TokenSettings { trust_roles: true, ..TokenSettings::new(key) }
}

/// How a test wants its server.
pub struct ServerOptions {
    /// What time it is when the server starts.
    pub now: DateTime<Utc>,
    /// Where it is reached from outside, as the setting has it; `None`: where it listens, and empty: nobody knows.
    pub public_url: Option<&'static str>,
    /// Whether guests may book.
    pub guest_bookings: bool,
    /// Who is an admin whatever role they are given, as the setting has it.
    pub admins: &'static str,
    /// What the identity provider signs its webhooks with.
    pub identity_webhook_secret: Option<&'static str>,
    /// How holds live.
    pub holds: HoldSettings,
    /// What HTTP allows.
    pub http: HttpSettings,
    /// Which tokens are accepted, if any.
    pub tokens: Option<TokenSettings>,
    /// How mails are sent.
    pub mail: Option<MailSettings>,
    /// How much may be asked for; how often does not matter, unless a test says so.
    pub limits: LimitSettings,
    /// How webhooks are sent: anywhere, since receivers are on this machine.
    pub webhooks: WebhookSettings,
    /// The real clock instead of one that the test sets.
    pub real_clock: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            now: "2026-12-01T06:00:00Z".parse().unwrap(),
            public_url: None,
            guest_bookings: false,
            admins: "",
            identity_webhook_secret: None,
            holds: HoldSettings::default(),
            http: HttpSettings::default(),
            tokens: Some(token_settings()),
            mail: None,
            limits: LimitSettings { rates: RateLimits::OFF, ..LimitSettings::default() },
            webhooks: WebhookSettings { insecure: true, ..WebhookSettings::default() },
            real_clock: false,
        }
    }
}

impl ServerOptions {
    /// A server that takes everybody who connects, all of them from this machine, for a trusted proxy: actors are where
    /// they say they are, see [`Actor::at`].
    #[must_use]
    pub fn behind_a_proxy(self) -> Self {
        let proxies = TrustedProxies::read("127.0.0.1").unwrap();
        Self { http: HttpSettings { proxies, ..self.http }, ..self }
    }
}

/// A server that listens, with a database of its own.
pub struct TestServer {
    pub address: SocketAddr,
    pub clock: Arc<TestClock>,
    pub store: Store,
    pub feed: ChangeFeed,
    /// The use cases, for what is done without HTTP.
    pub services: Services,
    tokens: Tokens,
    statements: Arc<AtomicUsize>,
    shutdown: CancellationToken,
    serving: Option<JoinHandle<()>>,
    database: Arc<TestDatabase>,
}

impl TestServer {
    /// A server on an empty database, at 2026-12-01T06:00Z.
    pub async fn start() -> Self {
        Self::start_with(ServerOptions::default()).await
    }

    /// A server on an empty database.
    pub async fn start_with(options: ServerOptions) -> Self {
        Self::start_on(Arc::new(TestDatabase::new().await), options).await
    }

    /// A server on a database that may hold something already.
    pub async fn start_on(database: Arc<TestDatabase>, options: ServerOptions) -> Self {
        provide_tls();
        let clock = Arc::new(TestClock::new(options.now));
        let shared: SharedClock = if options.real_clock { Arc::new(SystemClock::new()) } else { clock.clone() };
        let statements = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&statements);
        let observer: StatementObserver = Arc::new(move |statement, _, _| {
            if !is_of_a_worker(statement) {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        let shutdown = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = settings(&database, address, options);
        let tokens = Tokens::new(settings.tokens.as_ref(), shared.clone());
        // On the heap: it is large, and so would everything be that waits for it.
        let app = Box::pin(App::build(settings, shared, shutdown.clone(), Some(observer))).await.unwrap();
        app.store().migrate().await.unwrap();
        let (store, feed, services) = (app.store().clone(), app.feed().clone(), app.services().clone());
        let serving = tokio::spawn(async move { app.serve(listener, Duration::from_secs(5)).await.unwrap() });
        Self { address, clock, store, feed, services, tokens, statements, shutdown, serving: Some(serving), database }
    }

    /// Ends the server gracefully and waits for it.
    pub async fn stop(mut self) -> Arc<TestDatabase> {
        self.shutdown.cancel();
        if let Some(serving) = self.serving.take() {
            within_patience("the server to end", serving).await.unwrap();
        }
        Arc::clone(&self.database)
    }

    /// Where GraphQL is.
    pub fn url(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    /// Where its database is.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// How many SQL statements `body` made the server execute.
    pub async fn statements_of<T>(&self, body: impl Future<Output = T>) -> (T, usize) {
        let before = self.statements.load(Ordering::SeqCst);
        let result = body.await;
        (result, self.statements.load(Ordering::SeqCst) - before)
    }

    /// Somebody who has not signed in.
    pub fn anonymous(&self) -> Actor {
        Actor::new(self.url(), None)
    }

    /// A customer of the default organization.
    pub fn customer(&self, subject: &str) -> Actor {
        self.signed_in(subject, Role::Customer, "default")
    }

    /// Everybody for whom what belongs to `subject`, a customer of the default organization, does not exist: nobody in
    /// particular, another customer, and elsewhere staff and somebody of the same name.
    pub fn strangers_to(&self, subject: &str) -> [Actor; 4] {
        [
            self.anonymous(),
            self.customer(&format!("not-{subject}")),
            self.signed_in("staff", Role::Staff, "elsewhere"),
            self.signed_in(subject, Role::Customer, "elsewhere"),
        ]
    }

    /// Staff of the default organization.
    pub fn staff(&self) -> Actor {
        self.signed_in("staff", Role::Staff, "default")
    }

    /// Somebody with a token.
    pub fn signed_in(&self, subject: &str, role: Role, organization: &str) -> Actor {
        let profile = Profile {
            subject: UserId::from(subject),
            email: Some(format!("{subject}@example.org")),
            name: Some(subject.to_owned()),
            organization: OrganizationId::from(organization),
            role,
        };
        let token = self.tokens.sign(&profile, Duration::from_hours(10 * 365 * 24)).unwrap();
        Actor::new(self.url(), Some(token))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn settings(database: &TestDatabase, address: SocketAddr, options: ServerOptions) -> ServeSettings {
    ServeSettings {
        listen: address,
        public_url: options.public_url.map_or_else(
            || PublicUrl::on_this_machine(address),
            |text| if text.is_empty() { None } else { Some(PublicUrl::read(text).unwrap()) },
        ),
        database: DatabaseSettings { url: SecretString::from(database.url()), connections: Some(8) },
        server_key: SecretString::from(SERVER_KEY),
        admins: NamedAdmins::from_entries(options.admins.split(',').filter(|entry| !entry.is_empty())).unwrap(),
        identity_webhook_secret: options.identity_webhook_secret.map(SecretString::from),
        metrics_token: Some(SecretString::from(METRICS_TOKEN)),
        tokens: options.tokens,
        guest_bookings: options.guest_bookings,
        http: options.http,
        shutdown: Duration::from_secs(5),
        holds: options.holds,
        mail: options.mail,
        limits: options.limits,
        webhooks: options.webhooks,
        log: LogSettings { format: LogFormat::Text, directives: "off".to_owned() },
    }
}

/// Whether a statement is one that the server executes now and then, whatever anybody asks: to find what lapses next,
/// and to tell others what happened.
fn is_of_a_worker(statement: &str) -> bool {
    let tells = ["outbox", "deliveries", "delivery_attempts", "webhooks", "reminder_marks"];
    let puts_out = statement.starts_with(r#"INSERT INTO "outbox""#);
    statement.contains(r#""lapses_at" IS NOT NULL"#)
        || !puts_out && tells.iter().any(|table| statement.contains(&format!("\"{table}\"")))
}
