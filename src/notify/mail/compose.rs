//! Writing a mail: from what happened to what is handed to a mail server. Pure: no I/O, no clock, and no randomness, so
//! that a mail that is sent again is the same mail.

use std::collections::HashMap;
use std::time::SystemTime;

use chrono::{DateTime, Locale, Utc};
use lettre::Message;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};
use thiserror::Error;

use super::job::{MailJob, MailKind, Told};
use super::letter::Letter;
use super::repeating::Repeats;
use crate::calendar::Method;
use crate::calendar::entry::{Entry, standing, uid};
use crate::calendar::invitation::{Invitation, Party, invitation};
use crate::domain::id::{BookingId, ResourceId};
use crate::domain::text::something;

/// What a mail says beyond what its job holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailFacts {
    /// How the organization is called, where it has a name.
    pub organization: Option<String>,
    /// The names of the resources that the job's bookings have or had. One that is missing is not mentioned.
    pub resources: HashMap<ResourceId, String>,
    /// Where each booking is managed: for bookers with its token, for the operator without. A booking that is missing
    /// has no link.
    pub links: HashMap<BookingId, String>,
}

/// What is the same in all mails of a server.
#[derive(Clone, Debug)]
pub struct Letterhead {
    /// Who writes.
    pub from: Mailbox,
    /// Who is answered, if it is not who writes.
    pub reply_to: Option<Mailbox>,
    /// Who is told of what waits for approval.
    pub operator: Option<Mailbox>,
    /// By which names and in which order dates are written.
    pub locale: Locale,
    /// What the ids of mails end with: a domain of the operator's.
    pub domain: String,
}

/// Why a mail cannot be written. Trying again is of no use.
#[derive(Debug, Error)]
pub enum ComposeError {
    /// The job is about no booking.
    #[error("the mail is about nothing")]
    Nothing,
    /// There is nobody to write to.
    #[error("the mail has no recipient")]
    NoRecipient,
    /// What is kept as the recipient's address is none.
    #[error("the recipient's address is not one that mail can be sent to")]
    BadAddress,
    /// Something went wrong that should not.
    #[error("the mail could not be written: {0}")]
    Fault(Box<dyn std::error::Error + Send + Sync>),
}

impl MailFacts {
    /// The name of a resource, on one line.
    pub(super) fn resource(&self, id: &ResourceId) -> Option<String> {
        something(self.resources.get(id).map(String::as_str))
    }

    /// Where `booking` is managed: nothing that a program would not take for an address of the web.
    pub(super) fn link(&self, booking: &BookingId) -> Option<String> {
        let link = self.links.get(booking)?;
        let of_the_web = link.starts_with("https://") || link.starts_with("http://");
        let ends_nowhere = link.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>'));
        (of_the_web && ends_nowhere).then(|| link.clone())
    }

    /// Who writes, in words.
    pub(super) fn signature(&self, letterhead: &Letterhead) -> Option<String> {
        something(self.organization.as_deref()).or_else(|| something(letterhead.from.name.as_deref()))
    }
}

/// The mail that tells `job`, written at `now`.
///
/// # Errors
///
/// [`ComposeError`]; whether it can be written depends on neither `now` nor anything that changes, so trying again is of
/// no use.
pub fn compose(
    job: &MailJob,
    facts: &MailFacts,
    letterhead: &Letterhead,
    now: DateTime<Utc>,
) -> Result<Message, ComposeError> {
    let letter = Letter::new(job, facts, letterhead).ok_or(ComposeError::Nothing)?;
    let to = recipient(job, letterhead)?;
    let html = letter.html().map_err(|error| ComposeError::Fault(error.into()))?;
    let plain = letter.plain().map_err(|error| ComposeError::Fault(error.into()))?;
    let invitation = calendar(job, facts, letterhead)?;
    let body = body(plain, html, invitation).map_err(|error| ComposeError::Fault(error.into()))?;
    let head = head(job, letterhead, now).from(sender(facts, letterhead)).to(to).subject(letter.subject);
    head.multipart(body).map_err(|error| ComposeError::Fault(error.into()))
}

/// Who writes: where the operator gave no name, the organization.
fn sender(facts: &MailFacts, letterhead: &Letterhead) -> Mailbox {
    Mailbox::new(
        something(letterhead.from.name.as_deref()).or_else(|| something(facts.organization.as_deref())),
        letterhead.from.email.clone(),
    )
}

/// To whom it goes.
fn recipient(job: &MailJob, letterhead: &Letterhead) -> Result<Mailbox, ComposeError> {
    if job.kind.is_for_the_operator() {
        return letterhead.operator.clone().ok_or(ComposeError::NoRecipient);
    }
    let booker = &job.about.first().ok_or(ComposeError::Nothing)?.booking.booker;
    let address = booker.email.as_deref().ok_or(ComposeError::NoRecipient)?;
    let address = address.parse().map_err(|_| ComposeError::BadAddress)?;
    Ok(Mailbox::new(booker.shown_name(), address))
}

/// The headers that people do not see.
fn head(job: &MailJob, letterhead: &Letterhead, now: DateTime<Utc>) -> MessageBuilder {
    let id = |of: &str| format!("<{of}@{}>", letterhead.domain);
    let thread = thread(job).into_iter().map(|of| id(&of)).collect::<Vec<_>>();
    let builder = Message::builder()
        .date(SystemTime::from(now))
        .message_id(Some(id(&job.event_id())))
        .references(thread.join(" "))
        .in_reply_to(thread.last().cloned().unwrap_or_default())
        // So that no absence note answers (RFC 3834; the other is Exchange's).
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("X-Auto-Response-Suppress", "All"));
    match &letterhead.reply_to {
        Some(reply_to) => builder.reply_to(reply_to.clone()),
        None => builder,
    }
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// What names the conversation: its series, where it has one, and the booking, where it is one. No mail has these ids;
/// programs show together what refers to the same.
fn thread(job: &MailJob) -> Vec<String> {
    let Some(first) = job.about.first() else { return Vec::new() };
    let series = first.booking.series_id.as_ref().map(|series| format!("thread_{series}"));
    let is_alone = job.about.len() == 1 || series.is_none();
    series.into_iter().chain(is_alone.then(|| format!("thread_{}", first.booking.id))).collect()
}

/// What puts it into a calendar, moves it there or takes it out. A reminder changes nothing there, and what waits for
/// approval is no appointment of the operator's: a calendar that subscribes to a feed shows it.
fn calendar(job: &MailJob, facts: &MailFacts, letterhead: &Letterhead) -> Result<Option<Invitation>, ComposeError> {
    if matches!(job.kind, MailKind::Reminder | MailKind::ApprovalWanted) {
        return Ok(None);
    }
    let Some(first) = job.about.first() else { return Ok(None) };
    let booker = &first.booking.booker;
    let organizer = Party { name: facts.signature(letterhead), address: letterhead.from.email.to_string() };
    let attendee = Party { name: booker.shown_name(), address: booker.email.clone().unwrap_or_default() };
    let repeats = Repeats::of(job);
    let entries: Vec<_> = job.about.iter().map(|told| entry(told, facts, repeats)).collect();
    invitation(&entries, &organizer, &attendee).map(Some).map_err(|error| ComposeError::Fault(error.into()))
}

/// `told` for a calendar. The link to manage it stays out: it is a secret, and calendars are shared.
fn entry(told: &Told, facts: &MailFacts, repeats: Repeats) -> Entry {
    let booking = &told.booking;
    let called = |id: &ResourceId| facts.resource(id);
    Entry {
        uid: uid(&booking.id),
        sequence: booking.revision,
        at: told.transition.as_ref().map_or(booking.updated_at, |transition| transition.at),
        created_at: Some(booking.created_at),
        start: booking.start,
        end: booking.end,
        summary: booking.heading(called),
        description: booking.contents(called).filter(|_| booking.items.len() > 1),
        location: something(repeats.typed(booking.location.as_deref())),
        standing: standing(booking.status),
    }
}

/// The parts of a mail. Every part is encoded so that it never holds what parts them: `=_` is written by neither encoding.
fn body(
    plain: String,
    html: String,
    invitation: Option<Invitation>,
) -> Result<MultiPart, lettre::message::header::ContentTypeErr> {
    let text = |content_type, text: String| {
        SinglePart::builder().header(content_type).header(ContentTransferEncoding::QuotedPrintable).body(text)
    };
    let readable = MultiPart::alternative()
        .boundary("=_slotwise_readable")
        .singlepart(text(ContentType::TEXT_PLAIN, plain))
        .singlepart(text(ContentType::TEXT_HTML, html));
    let Some(Invitation { method, text: calendar }) = invitation else { return Ok(readable) };
    // Programs that know calendars show this part as an entry to be accepted or removed. Of several entries many show
    // the first only, and hide the mail behind it: those are left to the attachment.
    let readable = if method == Method::Publish {
        readable
    } else {
        let content_type = format!("text/calendar; charset=utf-8; method={}", method.name());
        readable.singlepart(text(ContentType::parse(&content_type)?, calendar.clone()))
    };
    let attachment = SinglePart::builder()
        .header(ContentType::parse("application/ics; name=\"booking.ics\"")?)
        .header(ContentDisposition::attachment("booking.ics"))
        .header(ContentTransferEncoding::Base64)
        .body(calendar);
    Ok(MultiPart::mixed().boundary("=_slotwise_parts").multipart(readable).singlepart(attachment))
}
