//! A mail as whoever gets it reads it, and its headers.

use mail_parser::{Message, MessageParser, MimeHeaders as _};

use super::samples::{at, by_a_guest, every_mail, facts, job, letterhead, now, told, weekly};
use crate::domain::booking::{Actor, BookingEventType, BookingStatus};
use crate::notify::mail::compose::{ComposeError, Letterhead, MailFacts, compose};
use crate::notify::mail::job::{MailJob, MailKind};

/// A mail that was read.
pub struct Mail {
    pub raw: Vec<u8>,
    /// The header lines, unfolded, without those that say how the body is written.
    pub head: Vec<String>,
    pub subject: String,
    pub plain: String,
    pub html: String,
    /// What is attached.
    pub ics: Option<String>,
    /// What is among the alternatives, with its method.
    pub shown_ics: Option<(String, String)>,
}

/// The mail for `job`, read.
pub fn read(job: &MailJob) -> Mail {
    read_with(job, &facts(job), &letterhead())
}

pub fn read_with(job: &MailJob, facts: &MailFacts, letterhead: &Letterhead) -> Mail {
    let raw = compose(job, facts, letterhead, now()).unwrap().formatted();
    let text = String::from_utf8(raw.clone()).expect("a mail is ASCII");
    assert!(text.is_ascii());
    let head = text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
    let head = head.split("\r\n").map(str::to_owned).collect();
    let message = MessageParser::default().parse(&raw).expect("a mail");
    let attached = message.attachments().find(|part| part.attachment_name() == Some("booking.ics"));
    let mail = Mail {
        head,
        subject: message.subject().unwrap().to_owned(),
        plain: message.body_text(0).unwrap().replace("\r\n", "\n"),
        html: message.body_html(0).unwrap().replace("\r\n", "\n"),
        ics: attached.map(|part| String::from_utf8(part.contents().to_vec()).unwrap()),
        shown_ics: shown_ics(&message),
        raw: Vec::new(),
    };
    Mail { raw, ..mail }
}

fn shown_ics(message: &Message) -> Option<(String, String)> {
    let is_calendar = |kind: &mail_parser::ContentType| kind.ctype() == "text" && kind.subtype() == Some("calendar");
    let part = message.parts.iter().find(|part| part.content_type().is_some_and(is_calendar))?;
    let method = part.content_type()?.attribute("method")?.to_owned();
    Some((method, part.text_contents()?.to_owned()))
}

impl Mail {
    /// The one header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        let mut found = self.head.iter().filter_map(|line| line.strip_prefix(&prefix));
        let first = found.next();
        assert_eq!(found.next(), None, "{name} is there twice");
        first
    }
}

#[test]
fn a_mail_says_from_whom_to_whom_and_when() {
    let mail = read(&job(
        MailKind::Confirmed,
        [told(BookingEventType::Created, BookingStatus::Confirmed, Actor::User("usr_ada".into()))],
    ));
    for (name, value) in [
        ("From", "Northlight <booking@example.com>"),
        ("Reply-To", "\"Front desk\" <desk@example.com>"),
        ("To", "\"Ada Lovelace\" <ada@example.org>"),
        ("Date", "Sat, 21 Nov 2026 09:30:00 +0000"),
        ("Message-ID", "<evn_bkg_ada_3@example.com>"),
        ("In-Reply-To", "<thread_bkg_ada@example.com>"),
        ("References", "<thread_bkg_ada@example.com>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    ] {
        assert_eq!(mail.header(name), Some(value), "{name}");
    }
    assert_eq!(mail.subject, "Confirmed: Recording & mixing, Tuesday, 24 November 2026, 14:00 CET");
}

#[test]
fn a_mail_that_is_written_again_is_the_same_to_the_last_byte() {
    for (name, job) in every_mail() {
        assert_eq!(read(&job).raw, read(&job).raw, "{name}");
    }
}

#[test]
fn every_mail_has_an_id_of_its_own() {
    let mut ids: Vec<_> = every_mail().iter().map(|(_, job)| (job.event_id(), job.kind)).collect();
    // The samples tell different stories of one booking and revision: what is for the booker is one event there.
    ids.retain(|(_, kind)| matches!(kind, MailKind::Reminder | MailKind::ApprovalWanted | MailKind::Declined));
    let job = |kind| job(kind, [told(BookingEventType::Created, BookingStatus::Pending, Actor::System)]);
    let kinds = [MailKind::Requested, MailKind::ApprovalWanted, MailKind::Reminder];
    let mut ids = kinds.map(|kind| read(&job(kind)).header("Message-ID").unwrap().to_owned()).to_vec();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn all_mails_of_a_series_are_one_conversation() {
    let created = told(BookingEventType::Created, BookingStatus::Confirmed, Actor::User("usr_ada".into()));
    let all = weekly(&created, 3);
    let made = read(&job(MailKind::Confirmed, all.clone()));
    let cancelled = read(&job(MailKind::Cancelled, [all[1].clone()]));
    assert_eq!(made.header("References"), Some("<thread_ser_ada@example.com>"));
    let both = "<thread_ser_ada@example.com> <thread_bkg_ada_1@example.com>";
    assert_eq!(cancelled.header("References"), Some(both));
    assert_eq!(cancelled.header("In-Reply-To"), Some("<thread_bkg_ada_1@example.com>"));
}

#[test]
fn what_waits_for_approval_is_told_to_the_operator_alone() {
    let told = by_a_guest(told(BookingEventType::Created, BookingStatus::Pending, Actor::Guest));
    let job = job(MailKind::ApprovalWanted, [told]);
    let mail = read(&job);
    assert_eq!(mail.header("To"), Some("approvals@example.com"));
    assert!(!mail.plain.contains("token="), "{}", mail.plain);
    let nobody = Letterhead { operator: None, ..letterhead() };
    assert!(matches!(compose(&job, &facts(&job), &nobody, now()), Err(ComposeError::NoRecipient)));
}

#[test]
fn what_can_not_be_sent_is_refused() {
    let mut told = told(BookingEventType::Created, BookingStatus::Confirmed, Actor::Guest);
    let compose = |told: &[_]| {
        let job = job(MailKind::Confirmed, told.iter().cloned());
        compose(&job, &facts(&job), &letterhead(), at("2026-11-21T09:30:00Z"))
    };
    assert!(matches!(compose(&[]), Err(ComposeError::Nothing)));
    told.booking.booker.email = None;
    assert!(matches!(compose(&[told.clone()]), Err(ComposeError::NoRecipient)));
    told.booking.booker.email = Some("ada@ex ample.org\r\nBcc: all@example.org".to_owned());
    assert!(matches!(compose(&[told]), Err(ComposeError::BadAddress)));
}

#[test]
fn what_has_no_name_and_no_link_is_left_out() {
    let mut told = told(BookingEventType::Created, BookingStatus::Confirmed, Actor::System);
    told.booking.booker.name = Some(" \u{200b} ".to_owned());
    let job = job(MailKind::Confirmed, [told]);
    let mail = read_with(&job, &MailFacts::default(), &Letterhead { reply_to: None, ..letterhead() });
    assert_eq!(mail.header("To"), Some("ada@example.org"));
    assert_eq!(mail.header("Reply-To"), None);
    for left_out in ["Hello", "Name", "Booked", "Manage", "href"] {
        assert!(!mail.plain.contains(left_out) && !mail.html.contains(left_out), "{left_out}");
    }
    assert!(
        mail.plain.ends_with(
            "Northlight\nYou get this mail because your address was given for this booking. \
         If that was not you, you need not do anything.\n"
        ) || mail.plain.contains("\n-- \nNorthlight\n")
    );
}

#[test]
fn a_link_that_is_none_of_the_web_is_left_out() {
    let job = job(MailKind::Confirmed, [told(BookingEventType::Created, BookingStatus::Confirmed, Actor::System)]);
    for bad in ["javascript:alert(1)", "https://example.com/\" onclick=\"x", "https://example.com/ two"] {
        let mut facts = facts(&job);
        facts.links.insert("bkg_ada".into(), bad.to_owned());
        let mail = read_with(&job, &facts, &letterhead());
        assert!(!mail.html.contains("href") && !mail.plain.contains(bad), "{bad}");
    }
}

#[test]
fn a_mail_brings_nothing_along_that_is_loaded_or_run() {
    for (name, job) in every_mail() {
        let html = read(&job).html.to_lowercase();
        for loaded in ["<script", "<img", "<link", "<iframe", "<form", "src=", "url(", "@import", "javascript:"] {
            assert!(!html.contains(loaded), "{loaded} in {name}");
        }
        let links = html.matches("http").count();
        assert_eq!(links, html.matches("https://book.example.com/").count(), "{name} has a link of another page");
    }
}

#[test]
fn text_and_html_say_the_same() {
    for (name, job) in every_mail() {
        let mail = read(&job);
        let html = unescaped(&mail.html);
        for line in mail.plain.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "--") {
            // In text a label stands before what it says, in HTML in a cell of its own.
            let said = line.get(11..).filter(|_| line.get(..11).is_some_and(|it| it.trim_end().ends_with(':')));
            let said = said.unwrap_or(line).trim_start_matches("- ").trim_start_matches("before: ");
            let said = said.trim_end_matches(':');
            assert!(html.contains(said), "{name} lacks {said:?} in HTML");
        }
    }
}

fn unescaped(html: &str) -> String {
    html.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&")
}
