//! How a test's server sends mails.

use std::net::SocketAddr;

use chrono::Locale;
use secrecy::SecretString;
use slotwise::config::MailSettings;
use slotwise::notify::mail::compose::Letterhead;
use slotwise::notify::mail::links::BookingPage;
use slotwise::notify::mail::mailer::MailerSettings;
use slotwise::notify::mail::smtp::{Security, SmtpServer};
use slotwise::notify::mail::transport::MailAddress;

/// User and password of the tests' mail server.
pub const MAIL_USER: &str = "studio";
pub const MAIL_PASSWORD: &str = "hush, this is the mail server's";

/// Mails of the studio to the server at `address`, with links, and to the operator what waits to be confirmed.
pub fn mails_to(address: SocketAddr) -> MailSettings {
    let from = "The Studio <studio@example.com>".parse().unwrap();
    let letterhead = Letterhead {
        from,
        reply_to: None,
        operator: Some("desk@example.com".parse().unwrap()),
        locale: Locale::en_GB,
        domain: "example.com".to_owned(),
    };
    let server = SmtpServer {
        host: address.ip().to_string(),
        port: address.port(),
        security: Security::None,
        credentials: Some((MAIL_USER.to_owned(), SecretString::from(MAIL_PASSWORD))),
    };
    let booking_page = BookingPage::read("https://studio.example.com/bookings").ok();
    let mailer = MailerSettings { address: MailAddress::Smtp(server), letterhead, booking_page };
    MailSettings { mailer, reminder: None }
}
