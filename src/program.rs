//! What each command of the program does.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use crate::app::{App, StartError, open};
use crate::auth::Tokens;
use crate::clock::{SharedClock, SystemClock};
use crate::config::{self, Invocation, MailSettings, ServeSettings, TokenKey, TokenSettings};
use crate::notify::mail::smtp::Security;
use crate::notify::mail::transport::MailAddress;
use crate::public_url::PublicUrl;
use crate::{check, demo, graphql, process};

/// Runs the program as the command line and the environment say.
#[must_use]
pub fn main() -> ExitCode {
    let invocation = match config::from_command_line() {
        Ok(invocation) => invocation,
        Err(problems) => return fail(&problems.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("The runtime cannot start: {error}")),
    };
    match runtime.block_on(run(invocation)) {
        Ok(code) => code,
        Err(problem) => fail(&problem.to_string()),
    }
}

fn fail(problem: &str) -> ExitCode {
    // There is nobody left to tell when this fails.
    let _ = writeln!(io::stderr(), "slotwise: {problem}");
    ExitCode::FAILURE
}

async fn run(invocation: Invocation) -> Result<ExitCode, StartError> {
    let clock: SharedClock = Arc::new(SystemClock::new());
    match invocation {
        Invocation::Serve(settings) => serve(*settings, clock).await?,
        Invocation::Demo(settings) => demo::run(*settings, clock).await?,
        Invocation::Schema => write!(io::stdout(), "{}", graphql::sdl())?,
        Invocation::Migrate(settings) => {
            process::start_log(&settings.log);
            let store = open(&settings.database, None).await?;
            store.migrate().await?;
            store.close().await?;
        }
        Invocation::Token(request) => {
            let token = Tokens::new(Some(&request.tokens), clock).sign(&request.profile, request.valid)?;
            writeln!(io::stdout(), "{token}")?;
        }
        Invocation::Check(settings) => return check::run(&settings, &clock).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// `settings` with where a server is reached that listens at `address`: where they say, else there, if others on this machine
/// can be sent to it. Behind a proxy others come from elsewhere.
fn reached_at(address: SocketAddr, settings: ServeSettings) -> ServeSettings {
    let is_direct = settings.http.proxies.is_empty();
    let here = || PublicUrl::on_this_machine(address).filter(|_| is_direct);
    let public_url = settings.public_url.or_else(here);
    ServeSettings { public_url, ..settings }
}

async fn serve(settings: ServeSettings, clock: SharedClock) -> Result<(), StartError> {
    process::start_log(&settings.log);
    warn_of_tokens(settings.tokens.as_ref());
    warn_of_mails(settings.mail.as_ref());
    let shutdown = process::end_on_signal()?;
    let limit = settings.shutdown;
    let listener = process::listen(settings.listen)?;
    let settings = reached_at(listener.local_addr()?, settings);
    let app = App::build(settings, clock, shutdown, None).await?;
    app.store().migrate().await?;
    app.serve(listener, limit).await
}

/// Tells what an operator may not have meant.
fn warn_of_tokens(tokens: Option<&TokenSettings>) {
    match tokens {
        None => tracing::warn!(
            "there is no key for access tokens, so nobody can sign in; set SLOTWISE_TOKEN_JWKS_URL, \
             SLOTWISE_TOKEN_PUBLIC_KEY or SLOTWISE_TOKEN_SECRET"
        ),
        Some(TokenSettings { key: TokenKey::Set { .. }, issuer: None, audience: None, .. }) => tracing::warn!(
            "every token that the identity provider signs is accepted, whatever it was made for; set \
             SLOTWISE_TOKEN_AUDIENCE or SLOTWISE_TOKEN_ISSUER"
        ),
        Some(_) => {}
    }
}

/// Tells of mails that nobody gets, or everybody may read.
fn warn_of_mails(mails: Option<&MailSettings>) {
    match mails.map(|mails| &mails.mailer.address) {
        None => tracing::warn!(
            "there is no mail server, so nobody gets mails about their bookings; set SLOTWISE_MAIL_URL, or file:DIRECTORY \
             for development"
        ),
        Some(MailAddress::Smtp(server)) if server.security == Security::None && !server.is_local() => tracing::warn!(
            "mails go to the mail server in clear, with all that they say; set SLOTWISE_MAIL_URL to smtps:// or smtp://"
        ),
        Some(_) => {}
    }
}
