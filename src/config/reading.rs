//! From text to settings. What is wrong is noted by the names of the setting, and the reading goes on.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use secrecy::{ExposeSecret as _, SecretString};
use tracing_subscriber::EnvFilter;

use super::{
    CheckSettings, DatabaseSettings, DemoSettings, HoldSettings, HttpSettings, LogFormat, LogSettings, MigrateSettings,
    Origins, ServeSettings, TokenKey, TokenRequest, TokenSettings,
};
use crate::auth::Profile;
use crate::cli::{CheckArgs, DatabaseArgs, DemoArgs, ListenArgs, LogArgs, MigrateArgs, ServeArgs, TokenArgs};
use crate::domain::access::Role;
use crate::domain::id::{OrganizationId, UserId};
use crate::domain::person::NamedAdmins;
use crate::public_url::PublicUrl;

/// How long the server's own key must be, in characters.
const MIN_SERVER_KEY: usize = 32;

/// How long a secret that is shared with another program must be, in bytes.
const MIN_SECRET: usize = 16;

/// One reading of the settings: goes on after a problem, so that all are found.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) problems: Vec<String>,
}

/// The two names of a setting.
#[derive(Copy, Clone)]
pub(super) struct Setting {
    flag: &'static str,
    variable: &'static str,
}

/// Short for [`Setting`], where it is used.
pub(super) const fn setting(flag: &'static str, variable: &'static str) -> Setting {
    Setting { flag, variable }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.variable.is_empty() {
            return write!(f, "--{}", self.flag);
        }
        write!(f, "--{} ({})", self.flag, self.variable)
    }
}

impl Reading {
    pub(super) fn refuse<T>(&mut self, setting: Setting, should: &str) -> Option<T> {
        self.problems.push(format!("{setting} {should}"));
        None
    }

    pub(super) fn serve(&mut self, args: ServeArgs) -> Option<ServeSettings> {
        // Each part is read before any is missed, so that all problems are found.
        let http = self.http(&args);
        let holds = self.holds(&args);
        let limits = self.limits(&args.limits);
        let guest_bookings = self.flag(setting("guest-bookings", "SLOTWISE_GUEST_BOOKINGS"), &args.guest_bookings);
        let shutdown =
            self.seconds(setting("shutdown-seconds", "SLOTWISE_SHUTDOWN_SECONDS"), &args.shutdown_seconds, 600);
        let listen = self.listen(&args.listen);
        let public_url = self.public_url(args.public_url.as_deref());
        let database = self.database(args.database);
        let server_key = self.server_key(args.server_key);
        let admins = self.admins(args.admins.as_deref());
        let identity_webhook_secret = self.secret(
            setting("identity-webhook-secret", "SLOTWISE_IDENTITY_WEBHOOK_SECRET"),
            args.identity_webhook_secret,
            "Take the one that the identity provider shows for the endpoint.",
        );
        let metrics_token = self.secret(
            setting("metrics-token", "SLOTWISE_METRICS_TOKEN"),
            args.metrics_token,
            "`openssl rand -hex 24` makes a good one.",
        );
        let tokens = self.tokens(args.tokens);
        let webhooks = self.webhooks(&args.webhooks);
        let mail = self.mail(args.mail);
        let log = self.log(args.log);
        Some(ServeSettings {
            listen: listen?,
            public_url: public_url?,
            database: database?,
            server_key: server_key?,
            admins: admins?,
            identity_webhook_secret: identity_webhook_secret?,
            metrics_token: metrics_token?,
            tokens: tokens?,
            guest_bookings: guest_bookings?,
            http: http?,
            shutdown: shutdown?,
            holds: holds?,
            mail: mail?,
            limits: limits?,
            webhooks: webhooks?,
            log: log?,
        })
    }

    fn http(&mut self, args: &ServeArgs) -> Option<HttpSettings> {
        let origins = self.origins(args.cors_origins.as_deref());
        let name = setting("body-limit-bytes", "SLOTWISE_BODY_LIMIT_BYTES");
        let body_limit = self.number(name, &args.body_limit_bytes, 1024, 1 << 26);
        let name = setting("request-timeout-seconds", "SLOTWISE_REQUEST_TIMEOUT_SECONDS");
        let request_timeout = self.seconds(name, &args.request_timeout_seconds, 600);
        let graphiql = self.flag(setting("graphiql", "SLOTWISE_GRAPHIQL"), &args.graphiql);
        let introspection = self.flag(setting("introspection", "SLOTWISE_INTROSPECTION"), &args.limits.introspection);
        let proxies = self.proxies(args.limits.trusted_proxies.as_deref());
        Some(HttpSettings {
            origins: origins?,
            body_limit: body_limit?,
            request_timeout: request_timeout?,
            graphiql: graphiql?,
            introspection: introspection?,
            proxies: proxies?,
        })
    }

    fn holds(&mut self, args: &ServeArgs) -> Option<HoldSettings> {
        let ttl = self.seconds(setting("hold-seconds", "SLOTWISE_HOLD_SECONDS"), &args.hold_seconds, 600);
        let name = setting("heartbeat-seconds", "SLOTWISE_HEARTBEAT_SECONDS");
        let heartbeat = self.seconds(name, &args.heartbeat_seconds, 600);
        if let (Some(ttl), Some(heartbeat)) = (ttl, heartbeat)
            && heartbeat >= ttl
        {
            self.refuse::<()>(
                name,
                "must be less than --hold-seconds (SLOTWISE_HOLD_SECONDS), or holds end between two heartbeats; \
                 half of it or less is sensible.",
            );
        }
        let name = setting("hold-limit-minutes", "SLOTWISE_HOLD_LIMIT_MINUTES");
        let limit: Option<u64> = self.number(name, &args.hold_limit_minutes, 1, 24 * 60);
        let name = setting("hold-session-quanta", "SLOTWISE_HOLD_SESSION_QUANTA");
        let session_quanta = self.number(name, &args.hold_session_quanta, 1, 1_000_000);
        let name = setting("hold-address-budget", "SLOTWISE_HOLD_ADDRESS_BUDGET");
        let address_budget = self.number(name, &args.hold_address_budget, 1, 1_000_000_000);
        Some(HoldSettings {
            ttl: ttl?,
            heartbeat: heartbeat?,
            limit: Duration::from_mins(limit?),
            session_quanta: session_quanta?,
            address_budget: address_budget?,
        })
    }

    pub(super) fn demo(&mut self, args: DemoArgs) -> Option<DemoSettings> {
        let listen = self.listen(&args.listen);
        let log = self.log(args.log);
        let rates = self.rates(args.rate_limits.as_deref());
        let webhooks = self.webhooks(&args.webhooks);
        Some(DemoSettings { listen: listen?, database: args.database, rates: rates?, webhooks: webhooks?, log: log? })
    }

    pub(super) fn migrate(&mut self, args: MigrateArgs) -> Option<MigrateSettings> {
        let database = self.database(args.database);
        let log = self.log(args.log);
        Some(MigrateSettings { database: database?, log: log? })
    }

    pub(super) fn check(&mut self, args: CheckArgs) -> Option<CheckSettings> {
        let database = self.database(args.database);
        let log = self.log(args.log);
        Some(CheckSettings { database: database?, repair: args.repair, log: log? })
    }

    pub(super) fn token(&mut self, args: TokenArgs) -> Option<TokenRequest> {
        let name = setting("token-secret", "SLOTWISE_TOKEN_SECRET");
        let tokens = self.tokens(args.tokens).and_then(|tokens| match tokens {
            Some(TokenSettings { key: TokenKey::Public(_) | TokenKey::Set { .. }, .. }) => self
                .refuse(name, "is what tokens are made with; with public keys only the identity provider makes them."),
            Some(tokens) => Some(tokens),
            None => self.refuse(name, "is missing. Give the secret that the server was started with."),
        });
        let role = match args.role.to_ascii_lowercase().as_str() {
            "customer" => Some(Role::Customer),
            "staff" => Some(Role::Staff),
            "admin" => Some(Role::Admin),
            _ => self.refuse(setting("role", ""), "must be customer, staff or admin."),
        };
        let hours: Option<u64> = self.number(setting("valid-hours", ""), &args.valid_hours, 1, 24 * 366);
        Some(TokenRequest {
            tokens: tokens?,
            profile: Profile {
                subject: UserId::from(args.subject),
                email: args.email,
                name: args.name,
                organization: OrganizationId::from(args.organization),
                role: role?,
            },
            valid: Duration::from_hours(hours?),
        })
    }

    fn listen(&mut self, args: &ListenArgs) -> Option<SocketAddr> {
        args.listen.parse().ok().or_else(|| {
            self.refuse(
                setting("listen", "SLOTWISE_LISTEN"),
                "must be an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080.",
            )
        })
    }

    /// The outer `None` is a problem; the inner one: nobody has said.
    #[expect(clippy::option_option, reason = "both are meant, and stay within this file")]
    fn public_url(&mut self, text: Option<&str>) -> Option<Option<PublicUrl>> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Some(None) };
        PublicUrl::read(text).map(Some).ok().or_else(|| {
            self.refuse(
                setting("public-url", "SLOTWISE_PUBLIC_URL"),
                "must be an https address without a user, a query and a fragment, such as https://slots.example.com; http \
                 is for localhost only.",
            )
        })
    }

    fn database(&mut self, args: DatabaseArgs) -> Option<DatabaseSettings> {
        let known = ["sqlite:", "postgres://", "postgresql://"];
        let url = if known.iter().any(|scheme| args.database_url.expose_secret().starts_with(scheme)) {
            Some(args.database_url)
        } else {
            self.refuse(
                setting("database-url", "DATABASE_URL"),
                "must begin with sqlite:// or postgres://, such as sqlite://slotwise.db?mode=rwc or \
                 postgres://user:password@localhost/slotwise.",
            )
        };
        let name = setting("database-connections", "SLOTWISE_DATABASE_CONNECTIONS");
        // Like every variable that is set to nothing, this one is as good as not set.
        let connections = match args.database_connections.filter(|text| !text.is_empty()) {
            None => Some(None),
            Some(text) => self.number(name, &text, 1, 1000).map(Some),
        };
        Some(DatabaseSettings { url: url?, connections: connections? })
    }

    fn server_key(&mut self, key: Option<SecretString>) -> Option<SecretString> {
        let name = setting("server-key", "SLOTWISE_SERVER_KEY");
        match key.filter(|key| !key.expose_secret().is_empty()) {
            Some(key) if key.expose_secret().chars().count() >= MIN_SERVER_KEY => Some(key),
            Some(_) => {
                self.refuse(name, "must have at least 32 characters. `openssl rand -base64 48` makes a good one.")
            }
            None => self.refuse(
                name,
                "is missing. Give at least 32 characters that nobody can guess and that stay the same; \
                 `openssl rand -base64 48` makes a good one. (To look around first, run `slotwise demo`.)",
            ),
        }
    }

    fn admins(&mut self, text: Option<&str>) -> Option<NamedAdmins> {
        let entries = text.unwrap_or_default().split(',').map(str::trim).filter(|entry| !entry.is_empty());
        NamedAdmins::from_entries(entries).ok().or_else(|| {
            self.refuse(
                setting("admins", "SLOTWISE_ADMINS"),
                "must be a list of email addresses and subjects of tokens, separated by commas, such as \
                 ada@example.com,user_01H8.",
            )
        })
    }

    /// A secret that may be left out, and then is empty or not there. The outer `None` is a problem, of which `hint` says
    /// how to mend it; the inner one: there is no secret.
    #[expect(clippy::option_option, reason = "both are meant, and stay within this file")]
    fn secret(&mut self, named: Setting, secret: Option<SecretString>, hint: &str) -> Option<Option<SecretString>> {
        match secret.filter(|secret| !secret.expose_secret().is_empty()) {
            Some(secret) if secret.expose_secret().len() < MIN_SECRET => {
                self.refuse(named, &format!("must have at least {MIN_SECRET} bytes. {hint}"))
            }
            secret => Some(secret),
        }
    }

    fn origins(&mut self, text: Option<&str>) -> Option<Origins> {
        let names: Vec<&str> =
            text.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Some(Origins::Own);
        }
        if names == ["*"] {
            return Some(Origins::Any);
        }
        if names.iter().all(|name| is_origin(name)) {
            // Browsers send scheme and host in lower case.
            return Some(Origins::Listed(names.iter().map(|name| name.to_ascii_lowercase()).collect()));
        }
        self.refuse(
            setting("cors-origins", "SLOTWISE_CORS_ORIGINS"),
            "must be a list of origins, separated by commas, each a scheme and a host and nothing more, such as \
             https://example.com,http://localhost:3000; or * for all.",
        )
    }

    fn log(&mut self, args: LogArgs) -> Option<LogSettings> {
        let format = match args.log_format.to_ascii_lowercase().as_str() {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => self.refuse(setting("log-format", "SLOTWISE_LOG_FORMAT"), "must be text or json."),
        };
        let directives = if EnvFilter::try_new(&args.log).is_ok() {
            Some(args.log)
        } else {
            self.refuse(
                setting("log", "SLOTWISE_LOG"),
                "must be a level (error, warn, info, debug, trace) or directives such as info,slotwise=debug.",
            )
        };
        Some(LogSettings { format: format?, directives: directives? })
    }

    pub(super) fn flag(&mut self, name: Setting, text: &str) -> Option<bool> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" | "" => Some(false),
            _ => self.refuse(name, "must be true or false."),
        }
    }

    fn seconds(&mut self, name: Setting, text: &str, most: u64) -> Option<Duration> {
        self.number(name, text, 1, most).map(Duration::from_secs)
    }

    pub(super) fn number<N>(&mut self, name: Setting, text: &str, least: N, most: N) -> Option<N>
    where
        N: FromStr + PartialOrd + fmt::Display + Copy,
    {
        match text.trim().parse() {
            Ok(number) if least <= number && number <= most => Some(number),
            _ => self.refuse(name, &format!("must be a whole number from {least} to {most}.")),
        }
    }
}

fn is_origin(name: &str) -> bool {
    let Ok(uri) = name.parse::<Uri>() else { return false };
    let known_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let host_only = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    known_scheme && host_only && uri.path_and_query().is_none_or(|path| path.as_str() == "/") && !name.ends_with('/')
}
