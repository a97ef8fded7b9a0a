//! How mails are sent, and what they say.

use std::path::PathBuf;

use chrono::{Locale, TimeDelta};
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::reading::{Reading, Setting, setting};
use crate::cli::MailArgs;
use crate::notify::mail::compose::Letterhead;
use crate::notify::mail::links::BookingPage;
use crate::notify::mail::mailer::MailerSettings;
use crate::notify::mail::smtp::{Security, SmtpServer};
use crate::notify::mail::transport::MailAddress;

const URL: Setting = setting("mail-url", "SLOTWISE_MAIL_URL");
const PASSWORD: Setting = setting("mail-password", "SLOTWISE_MAIL_PASSWORD");
const FROM: Setting = setting("mail-from", "SLOTWISE_MAIL_FROM");
const REPLY_TO: Setting = setting("mail-reply-to", "SLOTWISE_MAIL_REPLY_TO");
const APPROVALS_TO: Setting = setting("mail-approvals-to", "SLOTWISE_MAIL_APPROVALS_TO");
const LOCALE: Setting = setting("mail-locale", "SLOTWISE_MAIL_LOCALE");
const REMINDER_HOURS: Setting = setting("mail-reminder-hours", "SLOTWISE_MAIL_REMINDER_HOURS");
const BOOKING_PAGE: Setting = setting("booking-page", "SLOTWISE_BOOKING_PAGE");

/// How long ahead bookers can be reminded, in hours: two weeks.
const MOST_REMINDER_HOURS: i64 = 336;

/// How mails are sent.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// How they are written, and where they go.
    pub mailer: MailerSettings,
    /// How long before a booking starts its booker is reminded; `None`: never.
    pub reminder: Option<TimeDelta>,
}

impl Reading {
    /// The outer `None` is a problem; the inner one: no mails are sent. What is wrong with the others is told even then.
    #[expect(clippy::option_option, reason = "both are meant, and stay within the reading of settings")]
    pub(super) fn mail(&mut self, args: MailArgs) -> Option<Option<MailSettings>> {
        let given = |secret: Option<SecretString>| secret.filter(|secret| !secret.expose_secret().trim().is_empty());
        let (url, password) = (given(args.mail_url), given(args.mail_password));
        let is_on = url.is_some();
        let address = self.address(url, password);
        let from = self.from(args.mail_from.as_deref(), is_on);
        let reply_to = self.mailbox(REPLY_TO, args.mail_reply_to.as_deref());
        let operator = self.mailbox(APPROVALS_TO, args.mail_approvals_to.as_deref());
        let locale = self.locale(&args.mail_locale);
        let reminder = self.reminder(args.mail_reminder_hours.as_deref(), is_on);
        let booking_page = self.booking_page(args.booking_page.as_deref());
        let (address, from, reply_to, operator) = (address?, from?, reply_to?, operator?);
        let (locale, reminder, booking_page) = (locale?, reminder?, booking_page?);
        Some(address.zip(from).map(|(address, from)| {
            let domain = from.email.domain().to_owned();
            let letterhead = Letterhead { from, reply_to, operator, locale, domain };
            MailSettings { mailer: MailerSettings { address, letterhead, booking_page }, reminder }
        }))
    }

    #[expect(clippy::option_option, reason = "both are meant, and stay within this file")]
    fn address(&mut self, url: Option<SecretString>, password: Option<SecretString>) -> Option<Option<MailAddress>> {
        let Some(url) = url else {
            return match password {
                Some(_) => self.refuse(PASSWORD, "is for a mail server. Give --mail-url (SLOTWISE_MAIL_URL), too."),
                None => Some(None),
            };
        };
        let url = url.expose_secret().trim();
        if let Some(folder) = url.strip_prefix("file:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            if folder.is_empty() {
                return self.refuse(URL, "must name a directory after file:, such as file:mails.");
            }
            return Some(Some(MailAddress::Folder(PathBuf::from(folder))));
        }
        let Some((server, in_url)) = server(url) else {
            return self.refuse(
                URL,
                "must be smtps://USER@HOST, smtp://USER@HOST, smtp+insecure://HOST:PORT or file:DIRECTORY. User and \
                 password are percent-encoded in it; --mail-password (SLOTWISE_MAIL_PASSWORD) takes the password as it is.",
            );
        };
        self.credentials(server, in_url, password).map(|server| Some(MailAddress::Smtp(server)))
    }

    /// `server` with what it wants to know of us.
    fn credentials(
        &mut self,
        mut server: SmtpServer,
        (user, in_url): (Option<String>, Option<SecretString>),
        password: Option<SecretString>,
    ) -> Option<SmtpServer> {
        if in_url.is_some() && password.is_some() {
            return self.refuse(PASSWORD, "must not be given together with a password in the mail server's address.");
        }
        server.credentials = match (user, in_url.or(password)) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            (Some(_), None) => {
                return self
                    .refuse(PASSWORD, "is missing: --mail-url (SLOTWISE_MAIL_URL) names a user, and no password.");
            }
            (None, Some(_)) => {
                return self.refuse(URL, "must name the user that the password is for: smtps://USER@HOST.");
            }
        };
        if server.security == Security::None && server.credentials.is_some() && !server.is_local() {
            return self.refuse(
                URL,
                "would send the password in clear over the network. Use smtps:// or smtp://; smtp+insecure:// takes user \
                 and password on this machine only.",
            );
        }
        Some(server)
    }

    #[expect(clippy::option_option, reason = "both are meant, and stay within this file")]
    fn from(&mut self, text: Option<&str>, is_on: bool) -> Option<Option<Mailbox>> {
        match self.mailbox(FROM, text)? {
            None if is_on => self.refuse(FROM, "is missing. Say who writes the mails: Studio <studio@example.com>."),
            from => Some(from),
        }
    }

    #[expect(clippy::option_option, reason = "both are meant, and stay within this file")]
    fn mailbox(&mut self, name: Setting, text: Option<&str>) -> Option<Option<Mailbox>> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Some(None) };
        match text.parse() {
            Ok(mailbox) if !text.chars().any(char::is_control) => Some(Some(mailbox)),
            _ => self.refuse(name, "must be a mail address, with or without a name: Studio <studio@example.com>."),
        }
    }

    fn locale(&mut self, text: &str) -> Option<Locale> {
        let text = if text.is_empty() { "en_GB" } else { text };
        // As they are named in a language tag, too.
        Locale::try_from(text.replace('-', "_").as_str()).ok().or_else(|| {
            self.refuse(
                LOCALE,
                "must be a language and a country that the server knows, such as en_GB, en_US, de_DE, fr_FR, es_ES, \
                 it_IT, nl_NL, pl_PL, pt_BR, sv_SE or ja_JP.",
            )
        })
    }

    #[expect(clippy::option_option, reason = "both are meant, and stay within this file")]
    fn reminder(&mut self, text: Option<&str>, is_on: bool) -> Option<Option<TimeDelta>> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Some(None) };
        let hours = self.number(REMINDER_HOURS, text, 1, MOST_REMINDER_HOURS)?;
        if !is_on {
            return self.refuse(REMINDER_HOURS, "is for mails. Give --mail-url (SLOTWISE_MAIL_URL), too.");
        }
        Some(Some(TimeDelta::hours(hours)))
    }

    #[expect(clippy::option_option, reason = "both are meant, and stay within this file")]
    fn booking_page(&mut self, text: Option<&str>) -> Option<Option<BookingPage>> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Some(None) };
        BookingPage::read(text).map(Some).ok().or_else(|| {
            self.refuse(
                BOOKING_PAGE,
                "must be an https address without ? and #, such as https://studio.example.com/bookings; http is for \
                 localhost only.",
            )
        })
    }
}

/// A user and a password, where they are given.
type Login = (Option<String>, Option<SecretString>);

/// The server at `url`, and user and password in it.
fn server(url: &str) -> Option<(SmtpServer, Login)> {
    let url = Url::parse(url).ok()?;
    let (security, port) = match url.scheme() {
        "smtps" => (Security::Tls, 465),
        "smtp" => (Security::StartTls, 587),
        "smtp+insecure" => (Security::None, 25),
        _ => return None,
    };
    let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).ok();
    let user = Some(decoded(url.username())?).filter(|user| !user.is_empty());
    let password = match url.password() {
        Some(password) => Some(SecretString::from(decoded(password)?)),
        None => None,
    };
    let server = SmtpServer { host, port: url.port().unwrap_or(port), security, credentials: None };
    is_bare.then_some((server, (user, password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: MailArgs) -> Result<Option<MailSettings>, Vec<String>> {
        let args = MailArgs {
            mail_locale: if args.mail_locale.is_empty() { "en_GB".into() } else { args.mail_locale.clone() },
            ..args
        };
        let mut reading = Reading::default();
        let read = reading.mail(args);
        read.filter(|_| reading.problems.is_empty()).ok_or(reading.problems)
    }

    fn args(url: &str) -> MailArgs {
        MailArgs {
            mail_url: Some(url.into()),
            mail_from: Some("Studio <studio@example.com>".into()),
            ..MailArgs::default()
        }
    }

    fn server_of(args: MailArgs) -> SmtpServer {
        match read(args).unwrap().unwrap().mailer.address {
            MailAddress::Smtp(server) => server,
            MailAddress::Folder(path) => panic!("{}", path.display()),
        }
    }

    fn credentials(server: &SmtpServer) -> Option<(&str, &str)> {
        server.credentials.as_ref().map(|(user, password)| (user.as_str(), password.expose_secret()))
    }

    #[test]
    fn without_an_address_no_mails_are_sent() {
        assert!(read(MailArgs::default()).unwrap().is_none());
        assert!(read(MailArgs { mail_url: Some("".into()), ..MailArgs::default() }).unwrap().is_none());
    }

    #[test]
    fn a_mail_server_has_a_port_by_how_it_is_secured() {
        for (url, host, port, security) in [
            ("smtps://u:p@smtp.example.com", "smtp.example.com", 465, Security::Tls),
            ("smtps://u:p@smtp.example.com:2465", "smtp.example.com", 2465, Security::Tls),
            ("smtp://u:p@smtp.example.com/", "smtp.example.com", 587, Security::StartTls),
            ("smtp+insecure://u:p@127.0.0.1:1025", "127.0.0.1", 1025, Security::None),
        ] {
            let server = server_of(args(url));
            assert_eq!((server.host.as_str(), server.port, server.security), (host, port, security), "{url}");
            assert_eq!(credentials(&server), Some(("u", "p")), "{url}");
        }
        assert_eq!(credentials(&server_of(args("smtp+insecure://mailpit:1025"))), None);
    }

    #[test]
    fn a_password_is_taken_as_it_is_or_percent_encoded() {
        let odd = "p@ss:w/o#r%d";
        let beside =
            MailArgs { mail_password: Some(odd.into()), ..args("smtps://studio%40example.com@smtp.example.com") };
        let within = args("smtps://studio%40example.com:p%40ss%3Aw%2Fo%23r%25d@smtp.example.com");
        for args in [beside, within] {
            assert_eq!(credentials(&server_of(args)), Some(("studio@example.com", odd)));
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused_and_no_password_is_shown() {
        let with = |password: &str, args: MailArgs| MailArgs { mail_password: Some(password.into()), ..args };
        for (args, problem) in [
            (args("https://u:hunter2@example.com"), "must be smtps://USER@HOST"),
            (args("smtps://u:hunter2@smtp.example.com/path"), "must be smtps://USER@HOST"),
            (args("smtps://"), "must be smtps://USER@HOST"),
            (args("file:"), "must name a directory"),
            (args("smtps://u@smtp.example.com"), "--mail-password (SLOTWISE_MAIL_PASSWORD) is missing"),
            (with("hunter2", args("smtps://smtp.example.com")), "must name the user"),
            (with("hunter2", args("smtps://u:hunter2@smtp.example.com")), "must not be given together"),
            (with("hunter2", MailArgs::default()), "is for a mail server"),
            (args("smtp+insecure://u:hunter2@smtp.example.com"), "would send the password in clear"),
        ] {
            let problems = read(args).unwrap_err().join("\n");
            assert!(problems.contains(problem) && !problems.contains("hunter2"), "{problems}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let problems = read(MailArgs {
            mail_url: Some("gopher://x".into()),
            mail_password: None,
            mail_from: None,
            mail_reply_to: Some("nobody".into()),
            mail_approvals_to: Some("a@b@c".into()),
            mail_locale: "tlh".into(),
            mail_reminder_hours: Some("400".into()),
            booking_page: Some("http://example.com/".into()),
        })
        .unwrap_err();
        let named = [
            "--mail-url (SLOTWISE_MAIL_URL) must be smtps://",
            "--mail-from (SLOTWISE_MAIL_FROM) is missing",
            "--mail-reply-to (SLOTWISE_MAIL_REPLY_TO) must be a mail address",
            "--mail-approvals-to (SLOTWISE_MAIL_APPROVALS_TO) must be a mail address",
            "--mail-locale (SLOTWISE_MAIL_LOCALE) must be a language and a country",
            "--mail-reminder-hours (SLOTWISE_MAIL_REMINDER_HOURS) must be a whole number from 1 to 336",
            "--booking-page (SLOTWISE_BOOKING_PAGE) must be an https address",
        ];
        assert_eq!(problems.len(), named.len(), "{problems:?}");
        for (problem, named) in problems.iter().zip(named) {
            assert!(problem.starts_with(named), "{problem}");
        }
    }

    #[test]
    fn mails_are_written_as_the_settings_say() {
        let settings = read(MailArgs {
            mail_reply_to: Some("desk@example.com".into()),
            mail_approvals_to: Some("Boss <boss@example.com>".into()),
            mail_locale: "de-DE".into(),
            mail_reminder_hours: Some("24".into()),
            booking_page: Some("https://studio.example.com/b".into()),
            ..args("file:mails")
        });
        let MailSettings { mailer, reminder } = settings.unwrap().unwrap();
        assert!(matches!(mailer.address, MailAddress::Folder(path) if path.as_path() == "mails"));
        assert_eq!(mailer.letterhead.from.to_string(), "Studio <studio@example.com>");
        assert_eq!(mailer.letterhead.reply_to.unwrap().to_string(), "desk@example.com");
        assert_eq!(mailer.letterhead.operator.unwrap().to_string(), "Boss <boss@example.com>");
        assert_eq!((mailer.letterhead.locale, mailer.letterhead.domain.as_str()), (Locale::de_DE, "example.com"));
        assert_eq!(reminder, Some(TimeDelta::hours(24)));
        assert!(mailer.booking_page.is_some());
    }
}
