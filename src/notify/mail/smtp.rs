//! Mails over SMTP.
//!
//! Connections are driven step by step rather than by `lettre`'s transport: what a refusal means depends on the step that
//! was refused, and a connection on which the server took too long must never be used again, which that transport's pool
//! would do.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::Message;
use lettre::address::{Address, Envelope};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::{ExposeSecret as _, SecretString};

use super::transport::NotSent;
use crate::address::{is_this_machine, without_brackets};
use crate::clock::{Monotonic, SharedClock};

/// How long sending one mail may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection is kept that nobody uses; servers close theirs after minutes.
const KEPT: Duration = Duration::from_mins(1);
/// How many connections are kept that nobody uses.
const MOST_KEPT: usize = 2;

/// A mail server, as it is configured.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// User and password.
    pub credentials: Option<(String, SecretString)>,
}

impl SmtpServer {
    /// Whether it is on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        is_this_machine(&self.host)
    }
}

/// How a connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// By TLS from the first byte.
    Tls,
    /// By TLS before anything is said; a server that does not offer it gets no mail.
    StartTls,
    /// Not at all.
    None,
}

/// Sends mails to one server.
pub(super) struct Smtp {
    server: SmtpServer,
    tls: Option<TlsParameters>,
    name: ClientId,
    kept: Mutex<Vec<Kept>>,
    clock: SharedClock,
}

/// A connection that nobody uses just now.
struct Kept {
    connection: AsyncSmtpConnection,
    since: Monotonic,
}

/// What was being done when something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Connecting,
    Securing,
    SigningIn,
    Sender,
    Recipient,
    Content,
}

impl Smtp {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn new(server: SmtpServer, clock: &SharedClock) -> Result<Self, String> {
        let tls = match server.security {
            Security::None => None,
            Security::Tls | Security::StartTls => {
                Some(TlsParameters::new(without_brackets(&server.host).to_owned()).map_err(
                    |_| "What is needed for TLS to the mail server cannot be read: the system's certificates.",
                )?)
            }
        };
        let (name, clock) = (ClientId::default(), clock.clone());
        Ok(Self { server, tls, name, kept: Mutex::default(), clock })
    }

    /// Sends `mail`, within [`PATIENCE`].
    pub async fn send(&self, mail: &Message) -> Result<(), NotSent> {
        let envelope = routed(mail.envelope());
        let text = mail.formatted();
        let deadline = self.clock.monotonic().plus(PATIENCE);
        tokio::select! {
            sent = self.hand_over(&envelope, &text) => sent,
            // The connection goes with the attempt: nobody knows what its server still has to say.
            () = self.clock.sleep_until(deadline) => Err(NotSent::for_now("the mail server took too long")),
        }
    }

    async fn hand_over(&self, envelope: &Envelope, text: &[u8]) -> Result<(), NotSent> {
        let mut connection = match self.take().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        match converse(&mut connection, envelope, text).await {
            Ok(()) => {
                self.keep(connection);
                Ok(())
            }
            Err(refused) => {
                connection.abort().await;
                Err(refused)
            }
        }
    }

    /// A connection that was kept and still works.
    async fn take(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let Kept { mut connection, since } = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let is_fresh = self.clock.monotonic().since(since) < KEPT;
            if is_fresh && connection.test_connected().await {
                return Some(connection);
            }
        }
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST_KEPT {
            kept.push(Kept { connection, since: self.clock.monotonic() });
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, NotSent> {
        let SmtpServer { host, port, security, credentials } = &self.server;
        let at_once = self.tls.clone().filter(|_| *security == Security::Tls);
        let place = (without_brackets(host), *port);
        let connecting = AsyncSmtpConnection::connect_tokio1(place, Some(PATIENCE), &self.name, at_once, None);
        let mut connection = connecting.await.map_err(|error| not_sent(Step::Connecting, &error))?;
        if let Some(tls) = self.tls.clone().filter(|_| *security == Security::StartTls) {
            let secured = connection.starttls(tls, &self.name).await;
            secured.map_err(|error| not_sent(Step::Securing, &error))?;
        }
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let signed_in = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            signed_in.map_err(|error| not_sent(Step::SigningIn, &error))?;
        }
        Ok(connection)
    }
}

/// Hands a mail over on `connection`.
async fn converse(connection: &mut AsyncSmtpConnection, envelope: &Envelope, text: &[u8]) -> Result<(), NotSent> {
    let mut options = Vec::new();
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    if !envelope.to().iter().chain(envelope.from()).all(is_ascii) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(NotSent::for_good("the mail server knows no addresses with letters like these"));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    if !text.is_ascii() {
        if !connection.server_info().supports_feature(Extension::EightBitMime) {
            return Err(NotSent::for_good("the mail server takes no letters beyond ASCII"));
        }
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let about = |step| move |error: SmtpError| not_sent(step, &error);
    connection.command(Mail::new(envelope.from().cloned(), options)).await.map_err(about(Step::Sender))?;
    for recipient in envelope.to() {
        connection.command(Rcpt::new(recipient.clone(), Vec::new())).await.map_err(about(Step::Recipient))?;
    }
    connection.command(Data).await.map_err(about(Step::Content))?;
    connection.message(text).await.map_err(about(Step::Content))?;
    Ok(())
}

/// The envelope with domains as every server knows them: `bücher.example` is `xn--bcher-kva.example`.
fn routed(envelope: &Envelope) -> Envelope {
    let ascii = |address: &Address| {
        let domain = url::Host::parse(address.domain()).ok().map(|host| host.to_string());
        domain.and_then(|domain| Address::new(address.user(), domain).ok()).unwrap_or_else(|| address.clone())
    };
    let to = envelope.to().iter().map(ascii).collect();
    Envelope::new(envelope.from().map(ascii), to).unwrap_or_else(|_| envelope.clone())
}

/// What `error` during `step` means for the mail. What the server said is not repeated: it may name people.
fn not_sent(step: Step, error: &SmtpError) -> NotSent {
    let Some(code) = error.status().map(u16::from) else {
        let what = match step {
            Step::Connecting if error.is_tls() => "could not be reached safely: TLS failed",
            Step::Connecting => "could not be reached",
            Step::Securing => "could not be talked to safely: STARTTLS failed",
            Step::SigningIn => "and we know no common way to sign in",
            Step::Sender | Step::Recipient | Step::Content => "broke off",
        };
        return NotSent::for_now(format!("the mail server {what}"));
    };
    let what = match step {
        Step::Connecting => "turned us away",
        Step::Securing => "does not want to use STARTTLS",
        Step::SigningIn => "did not accept user and password",
        Step::Sender => "did not accept the sender",
        Step::Recipient => "did not accept the recipient",
        Step::Content => "did not accept the mail",
    };
    // There is no such mailbox, and there will be none tomorrow. What a server has against us ("5.7.…") may be mended.
    let is_about_us = std::error::Error::source(error).is_some_and(|said| said.to_string().starts_with("5.7."));
    let is_final = step == Step::Recipient && matches!(code, 550 | 551 | 553) && !is_about_us;
    // Whether other mails would fare better just now.
    let is_about_the_mail = match step {
        Step::Recipient => !is_about_us,
        Step::Content => code >= 500,
        _ => false,
    };
    let status_code = is_about_the_mail.then_some(code);
    NotSent { status_code, error: format!("the mail server {what} ({code})"), is_final }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("server", &self.server).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_routed_by_their_ascii_names() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let envelope =
            Envelope::new(Some(address("a@example.com")), vec![address("ada@bücher.example"), address("é@b.example")]);
        let routed = routed(&envelope.unwrap());
        let to: Vec<_> = routed.to().iter().map(ToString::to_string).collect();
        assert_eq!(to, ["ada@xn--bcher-kva.example", "é@b.example"]);
    }
}
