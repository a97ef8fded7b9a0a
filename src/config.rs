//! The settings, read from the command line and the environment and validated as a whole: whoever starts the
//! server learns of everything that is wrong at once, by the name of the setting, and what it should be.
//!
//! How the settings are typed is in `cli`. Nothing else in the program reads the environment.

mod limits;
mod mail;
mod reading;
mod tokens;
mod webhooks;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser as _;
use secrecy::SecretString;

use crate::auth::{ClaimNames, KeySetAddress, Profile, PublicKey, SignatureAlgorithm};
use crate::cli::{Cli, Command};
use crate::domain::person::NamedAdmins;
use crate::public_url::PublicUrl;
use crate::throttle::RateLimits;
pub use limits::{LimitSettings, TrustedProxies};
pub use mail::MailSettings;
use reading::Reading;
pub use webhooks::WebhookSettings;

/// What the program was asked to do, with valid settings.
#[derive(Debug)]
pub enum Invocation {
    /// Run the server.
    Serve(Box<ServeSettings>),
    /// Run the demonstration.
    Demo(Box<DemoSettings>),
    /// Print the schema.
    Schema,
    /// Run pending migrations.
    Migrate(MigrateSettings),
    /// Make a token.
    Token(Box<TokenRequest>),
    /// Compare occupancy with the bookings.
    Check(CheckSettings),
}

/// Reads the command line and the environment.
///
/// Does not return when the command line itself is not understood, or help was asked for: that is told and the
/// process ended.
///
/// # Errors
///
/// Everything that is wrong with the settings.
pub fn from_command_line() -> Result<Invocation, SettingsError> {
    Invocation::from_cli(Cli::parse())
}

impl Invocation {
    fn from_cli(cli: Cli) -> Result<Self, SettingsError> {
        let mut read = Reading::default();
        let invocation = match cli.command {
            None => read.serve(cli.serve).map(|settings| Self::Serve(Box::new(settings))),
            Some(Command::Serve(args)) => read.serve(*args).map(|settings| Self::Serve(Box::new(settings))),
            Some(Command::Demo(args)) => read.demo(args).map(Box::new).map(Self::Demo),
            Some(Command::Schema) => Some(Self::Schema),
            Some(Command::Migrate(args)) => read.migrate(args).map(Self::Migrate),
            Some(Command::Token(args)) => read.token(*args).map(|request| Self::Token(Box::new(request))),
            Some(Command::Check(args)) => read.check(args).map(Self::Check),
        };
        match invocation {
            Some(invocation) if read.problems.is_empty() => Ok(invocation),
            _ => Err(SettingsError { problems: read.problems }),
        }
    }
}

/// The settings of `serve`.
#[derive(Debug)]
pub struct ServeSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where it is reached from outside; `None`: nobody has said.
    pub public_url: Option<PublicUrl>,
    /// Which database.
    pub database: DatabaseSettings,
    /// The server's own key: management tokens and session pseudonyms are derived from it.
    pub server_key: SecretString,
    /// Who is an admin whatever else is said of them.
    pub admins: NamedAdmins,
    /// What the identity provider signs its webhooks with; `None`: none are taken.
    pub identity_webhook_secret: Option<SecretString>,
    /// What has to be shown to be told what the server counts; `None`: nobody is.
    pub metrics_token: Option<SecretString>,
    /// Which tokens are accepted; `None`: nobody can sign in.
    pub tokens: Option<TokenSettings>,
    /// Whether guests may book.
    pub guest_bookings: bool,
    /// What HTTP allows.
    pub http: HttpSettings,
    /// How long running requests and streams have to end at shutdown.
    pub shutdown: Duration,
    /// How holds live, and how many there may be.
    pub holds: HoldSettings,
    /// How mails are sent; `None`: none are.
    pub mail: Option<MailSettings>,
    /// How much may be asked for.
    pub limits: LimitSettings,
    /// How webhooks are sent.
    pub webhooks: WebhookSettings,
    /// What is logged.
    pub log: LogSettings,
}

/// The settings of `demo`.
#[derive(Debug)]
pub struct DemoSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The SQLite file; `None`: a temporary one.
    pub database: Option<PathBuf>,
    /// How often things may be asked for.
    pub rates: RateLimits,
    /// How webhooks are sent.
    pub webhooks: WebhookSettings,
    /// What is logged.
    pub log: LogSettings,
}

/// The settings of `migrate`.
#[derive(Debug)]
pub struct MigrateSettings {
    /// Which database.
    pub database: DatabaseSettings,
    /// What is logged.
    pub log: LogSettings,
}

/// The settings of `check`.
#[derive(Debug)]
pub struct CheckSettings {
    /// Which database.
    pub database: DatabaseSettings,
    /// Whether to mend what can be mended.
    pub repair: bool,
    /// What is logged.
    pub log: LogSettings,
}

/// Which database, and how it is used.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Its address, with its password.
    pub url: SecretString,
    /// Most connections at once; on SQLite, those for reading. `None`: what suits the database.
    pub connections: Option<u32>,
}

/// Which access tokens are accepted, and how they are read.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// How they are signed.
    pub key: TokenKey,
    /// The issuer that a token must name.
    pub issuer: Option<String>,
    /// The audience that a token must name.
    pub audience: Option<String>,
    /// What the claims are called.
    pub claims: ClaimNames,
    /// Whether the role that a token names counts.
    pub trust_roles: bool,
}

impl TokenSettings {
    /// Tokens of any issuer for any audience, with the usual claims, of which the role does not count.
    #[must_use]
    pub fn new(key: TokenKey) -> Self {
        Self { key, issuer: None, audience: None, claims: ClaimNames::default(), trust_roles: false }
    }
}

/// How access tokens are signed. It decides about the algorithm, too: a token never does.
#[derive(Clone, Debug)]
pub enum TokenKey {
    /// With a secret that is shared with the issuer: HS256.
    Secret(SecretString),
    /// With the private half of this key.
    Public(PublicKey),
    /// With the private half of one of the keys that the identity provider publishes.
    Set {
        /// Where it publishes them.
        address: KeySetAddress,
        /// With which algorithms; at least one.
        algorithms: Vec<SignatureAlgorithm>,
    },
}

/// What HTTP allows.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Whose web pages may use the server.
    pub origins: Origins,
    /// Largest request body, in bytes.
    pub body_limit: usize,
    /// After how long a request is given up; WebSockets excepted.
    pub request_timeout: Duration,
    /// Whether GraphiQL is served.
    pub graphiql: bool,
    /// Whether the schema is told to whoever asks.
    pub introspection: bool,
    /// Who is believed to speak for others.
    pub proxies: TrustedProxies,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            origins: Origins::Own,
            body_limit: 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            graphiql: true,
            introspection: true,
            proxies: TrustedProxies::default(),
        }
    }
}

/// Whose web pages may use the server from a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Only the server's own.
    Own,
    /// Everybody's.
    Any,
    /// The server's own and these, as browsers send them: `https://example.com`.
    Listed(Vec<String>),
}

/// How holds live, and how many there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldSettings {
    /// How long a hold lives without a heartbeat.
    pub ttl: Duration,
    /// How often clients are told to send one.
    pub heartbeat: Duration,
    /// How long one session may hold time on one resource altogether.
    pub limit: Duration,
    /// How much one session may hold at once: quanta times units.
    pub session_quanta: u32,
    /// How much one client address may hold on one resource: quanta times minutes.
    pub address_budget: u32,
}

impl Default for HoldSettings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(10),
            heartbeat: Duration::from_secs(5),
            limit: Duration::from_mins(15),
            session_quanta: 400,
            address_budget: 12_000,
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// How lines are written.
    pub format: LogFormat,
    /// Directives for the filter, known to be valid.
    pub directives: String,
}

/// How log lines are written.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// A token to be made.
#[derive(Debug)]
pub struct TokenRequest {
    /// What to sign it with, and what its claims are called.
    pub tokens: TokenSettings,
    /// Who the bearer is.
    pub profile: Profile,
    /// How long it is valid.
    pub valid: Duration,
}

/// Everything that is wrong with the settings.
#[derive(Debug)]
pub struct SettingsError {
    problems: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The settings are not usable as they are:")?;
        for problem in &self.problems {
            write!(f, "\n  - {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests;
