//! The command line as it is typed: flags, environment variables, help texts. What they must be is decided in
//! [`crate::config`], which reports everything that is wrong at once; therefore all values are plain text here.

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;

/// A self-hosted GraphQL server for booking inventory.
#[derive(Debug, Parser)]
#[command(name = "slotwise", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; `serve` when it is left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `serve`, for when the word is left out.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server; pending migrations are run first. This is what happens without a command, too.
    Serve(Box<ServeArgs>),
    /// Run a server on a database of its own with two studios, a person and a pool of equipment to play with.
    Demo(DemoArgs),
    /// Print the GraphQL schema (SDL).
    Schema,
    /// Run pending database migrations and end.
    Migrate(MigrateArgs),
    /// Make a signed access token, for development.
    Token(Box<TokenArgs>),
    /// Compare what is stored as occupied with what bookings and blocks say, and bookings with their histories.
    Check(CheckArgs),
}

/// Where the server listens.
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, env = "SLOTWISE_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: String,
}

/// What is logged, and how.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// How log lines are written: `text` for people, `json` for machines.
    #[arg(long, env = "SLOTWISE_LOG_FORMAT", value_name = "text|json", default_value = "text")]
    pub log_format: String,
    /// What is logged: a level, or directives such as `info,slotwise=debug`.
    #[arg(long, env = "SLOTWISE_LOG", value_name = "DIRECTIVES", default_value = "info")]
    pub log: String,
}

/// Which database is used.
#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// `sqlite://FILE?mode=rwc` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        default_value = "sqlite://slotwise.db?mode=rwc",
        hide_env_values = true,
        value_parser = secret
    )]
    pub database_url: SecretString,
    /// Most connections to the database at once; on SQLite, those for reading. Default: 16 for PostgreSQL, 4 for
    /// SQLite.
    #[arg(long, env = "SLOTWISE_DATABASE_CONNECTIONS", value_name = "COUNT")]
    pub database_connections: Option<String>,
}

/// How access tokens are signed, and what they say.
#[derive(Debug, Args)]
pub struct AccessTokenArgs {
    /// The secret that access tokens are signed with (HS256), at least 32 bytes. Without it or one of the next three,
    /// of which only one can be given, nobody can sign in.
    #[arg(long, env = "SLOTWISE_TOKEN_SECRET", value_name = "SECRET", hide_env_values = true, value_parser = secret)]
    pub token_secret: Option<SecretString>,
    /// The public key of whoever signs access tokens, in PEM. Line breaks may be written as `\n`.
    #[arg(
        long,
        env = "SLOTWISE_TOKEN_PUBLIC_KEY",
        value_name = "PEM",
        hide_env_values = true,
        // It begins with hyphens.
        allow_hyphen_values = true
    )]
    pub token_public_key: Option<String>,
    /// A file with that public key.
    #[arg(long, env = "SLOTWISE_TOKEN_PUBLIC_KEY_FILE", value_name = "FILE")]
    pub token_public_key_file: Option<std::path::PathBuf>,
    /// Where the identity provider publishes its public keys (JWKS): an https address.
    #[arg(long, env = "SLOTWISE_TOKEN_JWKS_URL", value_name = "URL")]
    pub token_jwks_url: Option<String>,
    /// With what algorithm access tokens are signed: `RS256`, `ES256` or `EdDSA`; for a JWKS also several, separated by
    /// commas. Default: `RS256`; with a secret it is always `HS256`.
    #[arg(long, env = "SLOTWISE_TOKEN_ALGORITHMS", value_name = "ALGORITHMS")]
    pub token_algorithms: Option<String>,
    /// The issuer (`iss`) that access tokens must name. Default: any.
    #[arg(long, env = "SLOTWISE_TOKEN_ISSUER", value_name = "ISSUER")]
    pub token_issuer: Option<String>,
    /// The audience (`aud`) that access tokens must name. Default: any.
    #[arg(long, env = "SLOTWISE_TOKEN_AUDIENCE", value_name = "AUDIENCE")]
    pub token_audience: Option<String>,
    /// The claim that says who the bearer of a token is. Here as below: if there is no claim of just that name and it
    /// has dots, it is a path into objects.
    #[arg(long, env = "SLOTWISE_TOKEN_SUBJECT_CLAIM", value_name = "CLAIM", default_value = "sub")]
    pub token_subject_claim: String,
    /// The claim with the bearer's email address.
    #[arg(long, env = "SLOTWISE_TOKEN_EMAIL_CLAIM", value_name = "CLAIM", default_value = "email")]
    pub token_email_claim: String,
    /// The claim with the bearer's name.
    #[arg(long, env = "SLOTWISE_TOKEN_NAME_CLAIM", value_name = "CLAIM", default_value = "name")]
    pub token_name_claim: String,
    /// The claim that says which organization the bearer belongs to.
    #[arg(long, env = "SLOTWISE_TOKEN_ORGANIZATION_CLAIM", value_name = "CLAIM", default_value = "org_id")]
    pub token_organization_claim: String,
    /// The claim with the bearer's role, or a list of roles of which the highest counts: customer, staff or admin.
    #[arg(long, env = "SLOTWISE_TOKEN_ROLE_CLAIM", value_name = "CLAIM", default_value = "role")]
    pub token_role_claim: String,
    /// Whether the role in a token counts. Say so only if your users cannot choose it themselves.
    #[arg(
        long,
        env = "SLOTWISE_TRUST_TOKEN_ROLES",
        value_name = "true|false",
        default_value = "false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub trust_token_roles: String,
}

/// How webhooks are sent.
#[derive(Debug, Args)]
pub struct WebhookArgs {
    /// Whether webhooks may go to any address, also within the server's own network, and over plain http. For development
    /// only: whoever sets up a webhook could reach what only the server can.
    #[arg(
        long,
        env = "SLOTWISE_WEBHOOKS_INSECURE",
        value_name = "true|false",
        default_value = "false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub webhooks_insecure: String,
    /// How long it is kept what became of deliveries to webhooks, in days.
    #[arg(long, env = "SLOTWISE_KEEP_DELIVERIES_DAYS", value_name = "DAYS", default_value = "30")]
    pub keep_deliveries_days: String,
}

/// The settings of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub listen: ListenArgs,
    /// The address below which the server is reached from outside, such as `https://slots.example.com`: those of calendars
    /// begin with it. Default: where it listens, if that is for this machine only and behind no proxy; otherwise there are
    /// no new calendars.
    #[arg(long, env = "SLOTWISE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Required. The server's own key, at least 32 characters: management tokens, the public names of sessions
    /// and the secrets of webhooks are derived from it. Whoever changes it makes every management token invalid, and then
    /// rotates each webhook's secret to be shown the new one.
    #[arg(long, env = "SLOTWISE_SERVER_KEY", value_name = "KEY", hide_env_values = true, value_parser = secret)]
    pub server_key: Option<SecretString>,
    #[command(flatten)]
    pub tokens: AccessTokenArgs,
    /// Who is an admin whatever role they are given: email addresses and subjects of tokens, separated by commas. Name
    /// the first admin here.
    #[arg(long, env = "SLOTWISE_ADMINS", value_name = "PEOPLE")]
    pub admins: Option<String>,
    /// The secret that the identity provider signs its webhooks with, at least 16 bytes. Without it, none are taken.
    #[arg(
        long,
        env = "SLOTWISE_IDENTITY_WEBHOOK_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        value_parser = secret
    )]
    pub identity_webhook_secret: Option<SecretString>,
    /// What has to be shown at `/metrics`, as `Authorization: Bearer TOKEN`, to be told what the server counts; at least 16
    /// bytes. Without it, nobody is.
    #[arg(long, env = "SLOTWISE_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = secret)]
    pub metrics_token: Option<SecretString>,
    /// Whether guests, without an account, may book.
    #[arg(
        long,
        env = "SLOTWISE_GUEST_BOOKINGS",
        value_name = "true|false",
        default_value = "false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub guest_bookings: String,
    /// Origins of web pages that may use the server, separated by commas, or `*` for all. Default: only its own.
    #[arg(long, env = "SLOTWISE_CORS_ORIGINS", value_name = "ORIGINS")]
    pub cors_origins: Option<String>,
    /// Largest request body, in bytes.
    #[arg(long, env = "SLOTWISE_BODY_LIMIT_BYTES", value_name = "BYTES", default_value = "1048576")]
    pub body_limit_bytes: String,
    /// After how long a request is given up, in seconds; WebSockets excepted. A booking that has begun is finished.
    #[arg(long, env = "SLOTWISE_REQUEST_TIMEOUT_SECONDS", value_name = "SECONDS", default_value = "30")]
    pub request_timeout_seconds: String,
    /// How long running requests and streams have to end when the server is told to stop, in seconds.
    #[arg(long, env = "SLOTWISE_SHUTDOWN_SECONDS", value_name = "SECONDS", default_value = "10")]
    pub shutdown_seconds: String,
    /// How long a hold lives without a heartbeat, in seconds.
    #[arg(long, env = "SLOTWISE_HOLD_SECONDS", value_name = "SECONDS", default_value = "10")]
    pub hold_seconds: String,
    /// How often clients are told to send heartbeats, in seconds; at most half of the time that a hold lives is sensible.
    #[arg(long, env = "SLOTWISE_HEARTBEAT_SECONDS", value_name = "SECONDS", default_value = "5")]
    pub heartbeat_seconds: String,
    /// How long one session may hold time on one resource altogether, in minutes.
    #[arg(long, env = "SLOTWISE_HOLD_LIMIT_MINUTES", value_name = "MINUTES", default_value = "15")]
    pub hold_limit_minutes: String,
    /// How much one session may hold at once, in quarter hours times units.
    #[arg(long, env = "SLOTWISE_HOLD_SESSION_QUANTA", value_name = "QUANTA", default_value = "400")]
    pub hold_session_quanta: String,
    /// How much one client address may hold on one resource, whatever sessions it makes up, in quarter hours times
    /// minutes.
    #[arg(long, env = "SLOTWISE_HOLD_ADDRESS_BUDGET", value_name = "QUANTUM-MINUTES", default_value = "12000")]
    pub hold_address_budget: String,
    #[command(flatten)]
    pub webhooks: WebhookArgs,
    /// Whether GraphiQL, a page to try queries on, is served at `/`.
    #[arg(
        long,
        env = "SLOTWISE_GRAPHIQL",
        value_name = "true|false",
        default_value = "true",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub graphiql: String,
    #[command(flatten)]
    pub mail: MailArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

/// How mails are sent, and what they say.
#[derive(Debug, Default, Args)]
pub struct MailArgs {
    /// Where mails go: `smtps://USER@HOST` (TLS, port 465), `smtp://USER@HOST` (STARTTLS, port 587),
    /// `smtp+insecure://HOST:PORT` (in clear), or `file:DIRECTORY` (files, for development). Default: none are sent.
    #[arg(long, env = "SLOTWISE_MAIL_URL", value_name = "URL", hide_env_values = true, value_parser = secret)]
    pub mail_url: Option<SecretString>,
    /// The password for the mail server, as it is; in the URL it would have to be percent-encoded.
    #[arg(long, env = "SLOTWISE_MAIL_PASSWORD", value_name = "PASSWORD", hide_env_values = true, value_parser = secret)]
    pub mail_password: Option<SecretString>,
    /// Who writes the mails: `Studio <studio@example.com>`. Required where mails are sent.
    #[arg(long, env = "SLOTWISE_MAIL_FROM", value_name = "MAILBOX")]
    pub mail_from: Option<String>,
    /// Who gets the answers to mails. Default: who writes them.
    #[arg(long, env = "SLOTWISE_MAIL_REPLY_TO", value_name = "MAILBOX")]
    pub mail_reply_to: Option<String>,
    /// Who is told of bookings that wait to be confirmed. Default: nobody.
    #[arg(long, env = "SLOTWISE_MAIL_APPROVALS_TO", value_name = "MAILBOX")]
    pub mail_approvals_to: Option<String>,
    /// How dates and times are written in mails: `en_GB`, `en_US`, `de_DE`, `fr_FR`, …
    #[arg(long, env = "SLOTWISE_MAIL_LOCALE", value_name = "LOCALE", default_value = "en_GB")]
    pub mail_locale: String,
    /// How long before a booking starts its booker is reminded of it, in hours, from 1 to 336. Default: never.
    #[arg(long, env = "SLOTWISE_MAIL_REMINDER_HOURS", value_name = "HOURS")]
    pub mail_reminder_hours: Option<String>,
    /// The address below which each booking has its page, for the links in mails: `https://studio.example.com/bookings`
    /// leads to `https://studio.example.com/bookings/BOOKING#token=TOKEN`. Default: mails have no links.
    #[arg(long, env = "SLOTWISE_BOOKING_PAGE", value_name = "URL")]
    pub booking_page: Option<String>,
}

/// How much may be asked for, and by whom.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// How often one client address may ask for things: `off`, or those to change of `queries`, `heartbeats`,
    /// `session-heartbeats`, `changes` and `failed-sign-ins`, each as `NAME=A_MINUTE/AT_ONCE` or `NAME=off`, separated
    /// by commas. Default: `queries=6000/1000,heartbeats=12000/2000,session-heartbeats=240/120,changes=600/200,failed-sign-ins=60/30`.
    /// And how many mails guests may cause, each as `NAME=AN_HOUR/AT_ONCE`: `guest-mails-per-recipient` and
    /// `guest-mails-per-address` (of the guest). Default: `guest-mails-per-recipient=10/10,guest-mails-per-address=60/60`.
    #[arg(long, env = "SLOTWISE_RATE_LIMITS", value_name = "LIMITS")]
    pub rate_limits: Option<String>,
    /// How much may be open at once: those to change of `total` (connections), `per-address` (connections), `sockets`
    /// (WebSockets from one address) and `subscriptions` (from one address), each as `NAME=COUNT`, separated by commas.
    /// Default: `total=10000,per-address=1000,sockets=500,subscriptions=2000`.
    #[arg(long, env = "SLOTWISE_CONNECTION_LIMITS", value_name = "LIMITS")]
    pub connection_limits: Option<String>,
    /// Networks of proxies whose `X-Forwarded-For` is believed, separated by commas: `10.0.0.0/8,127.0.0.1`. Default:
    /// none; the client is whoever connects.
    #[arg(long, env = "SLOTWISE_TRUSTED_PROXIES", value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// The most that one operation may come to, its lists counted by their sizes.
    #[arg(long, env = "SLOTWISE_MAX_COMPLEXITY", value_name = "COUNT", default_value = "20000")]
    pub max_complexity: String,
    /// How much memory may be used for answers to public queries that are kept while they are true, in MiB; 0: none are.
    /// Default: 64 on SQLite, and 0 on PostgreSQL, where other servers may change what this one has read.
    #[arg(long, env = "SLOTWISE_KEPT_ANSWERS", value_name = "MIB")]
    pub kept_answers: Option<String>,
    /// Whether the schema is told: by introspection, and at `/schema.graphql`.
    #[arg(
        long,
        env = "SLOTWISE_INTROSPECTION",
        value_name = "true|false",
        default_value = "true",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub introspection: String,
}

/// The settings of `demo`. Its keys are made afresh each time.
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub listen: ListenArgs,
    /// A SQLite file to keep the demo's data in. Default: a temporary one.
    #[arg(long, env = "SLOTWISE_DEMO_DATABASE", value_name = "FILE")]
    pub database: Option<std::path::PathBuf>,
    /// How often one client address may ask for things, as for `serve`; `off` to measure.
    #[arg(long, env = "SLOTWISE_RATE_LIMITS", value_name = "LIMITS")]
    pub rate_limits: Option<String>,
    #[command(flatten)]
    pub webhooks: WebhookArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

/// The settings of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

/// The settings of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Mend what is stored as occupied, also while servers run on the database.
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub log: LogArgs,
}

/// The settings of `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(flatten)]
    pub tokens: AccessTokenArgs,
    /// What the bearer may do.
    #[arg(long, value_name = "customer|staff|admin", default_value = "customer")]
    pub role: String,
    /// Who the bearer is: the token's subject.
    #[arg(long, value_name = "ID", default_value = "usr_developer")]
    pub subject: String,
    /// The bearer's email address.
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// The bearer's name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The organization that the bearer belongs to.
    #[arg(long, value_name = "ID", default_value = "default")]
    pub organization: String,
    /// How long the token is valid, in hours.
    #[arg(long, value_name = "HOURS", default_value = "12")]
    pub valid_hours: String,
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that clap wants of a parser")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// What one call of `token` or `check` is about, and no setting of the server's.
    const PARAMETERS: [&str; 7] = ["repair", "role", "subject", "email", "name", "organization", "valid-hours"];

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_has_a_flag_a_variable_and_a_help_text() {
        let cli = Cli::command();
        for command in cli.get_subcommands().chain([&cli]) {
            for arg in command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version")) {
                let flag = arg.get_long().expect("a flag");
                assert!(arg.get_help().is_some(), "--{flag} has no help");
                assert!(arg.get_env().is_some() || PARAMETERS.contains(&flag), "--{flag} has no variable");
            }
        }
    }

    #[test]
    fn secrets_are_not_shown_in_the_help() {
        let cli = Cli::command();
        let secrets = [
            "server_key",
            "token_secret",
            "token_public_key",
            "identity_webhook_secret",
            "metrics_token",
            "database_url",
        ];
        for flag in secrets {
            let arg = cli.get_arguments().find(|arg| arg.get_id() == flag).expect(flag);
            assert!(arg.is_hide_env_values_set(), "{flag}");
        }
    }
}
