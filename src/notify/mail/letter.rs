//! What a mail holds, before it is text or HTML: the templates have nothing to decide but where things stand.

use askama::Template;
use chrono::Locale;

use super::compose::{Letterhead, MailFacts};
use super::job::{MailJob, MailKind, Told};
use super::repeating::Repeats;
use super::when::{moment, span};
use super::wording::{Words, words};
use crate::domain::id::ResourceId;
use crate::domain::recurrence::MAX_OCCURRENCES;
use crate::domain::text::{lines, one_line, shortened, something};

/// Characters of a title in a subject: what follows it, the day, is to be seen in a list of mails, too.
const SUBJECT_TITLE: usize = 60;

/// A mail's content.
#[derive(Debug, Template)]
#[template(path = "mail/mail.html")]
pub struct Letter {
    /// The subject, on one line.
    pub subject: String,
    /// What lists of mails show after the subject.
    pub preheader: String,
    /// The words of its kind.
    pub words: Words,
    /// Whom it greets.
    pub greets: Option<String>,
    /// What is to be known of the booking, or of all of the bookings.
    pub rows: Vec<Row>,
    /// When they are, where they are several.
    pub dates: Vec<Date>,
    /// How many more there are than `dates`.
    pub unlisted: usize,
    /// Where the one booking is managed.
    pub link: Option<String>,
    /// Who writes.
    pub signature: Option<String>,
}

/// The same as plain text.
#[derive(Debug, Template)]
#[template(path = "mail/mail.txt")]
struct Plain<'a> {
    letter: &'a Letter,
}

/// Something that is to be known of a booking.
#[derive(Debug)]
pub struct Row {
    /// What it is.
    pub label: &'static str,
    /// The thing itself, by lines. Never none.
    pub lines: Vec<String>,
    /// Whether it is no longer so.
    pub is_past: bool,
}

/// One of several bookings.
#[derive(Debug)]
pub struct Date {
    /// When it is.
    pub when: String,
    /// When it was.
    pub before: Option<String>,
    /// What is booked, where that is not the same for all.
    pub what: Option<String>,
    /// Where it is managed.
    pub link: Option<String>,
}

impl Row {
    fn new(label: &'static str, lines: Vec<String>) -> Option<Self> {
        (!lines.is_empty()).then_some(Self { label, lines, is_past: false })
    }

    fn line(label: &'static str, line: Option<String>) -> Option<Self> {
        Self::new(label, line.into_iter().collect())
    }

    fn past(self) -> Self {
        Self { is_past: true, ..self }
    }

    /// The label, filled up so that what follows stands in a column of its own in plain text.
    fn padded_label(&self) -> String {
        format!("{:<11}", format!("{}:", self.label))
    }
}

impl Letter {
    /// What is written to tell `job`. `None`: it is about nothing.
    #[must_use]
    pub fn new(job: &MailJob, facts: &MailFacts, letterhead: &Letterhead) -> Option<Self> {
        let first = job.about.first()?;
        let one = job.about.len() == 1;
        let words = words(job);
        let when = when(first, letterhead.locale);
        let title = one_line(&first.booking.title);
        let starts = moment(first.booking.start, first.booking.time_zone, letterhead.locale);
        let occasion = if one { starts } else { format!("{} dates from {starts}", job.about.len()) };
        let dates = if one { Vec::new() } else { dates(job, facts, letterhead.locale) };
        Some(Self {
            subject: format!("{}: {}, {occasion}", words.mark, shortened(&title, SUBJECT_TITLE)),
            preheader: if one { format!("{title}, {when}") } else { format!("{title}, {occasion}") },
            words,
            greets: first.booking.booker.shown_name().filter(|_| !job.kind.is_for_the_operator()),
            rows: rows(job, first, facts, letterhead.locale),
            unlisted: if one { 0 } else { job.about.len() - dates.len() },
            dates,
            link: if one { facts.link(&first.booking.id) } else { None },
            signature: facts.signature(letterhead),
        })
    }

    /// As HTML.
    ///
    /// # Errors
    ///
    /// What the template meets: nothing that is known of.
    pub fn html(&self) -> Result<String, askama::Error> {
        self.render()
    }

    /// As plain text.
    ///
    /// # Errors
    ///
    /// What the template meets: nothing that is known of.
    pub fn plain(&self) -> Result<String, askama::Error> {
        Plain { letter: self }.render()
    }
}

fn when(told: &Told, locale: Locale) -> String {
    let booking = &told.booking;
    span(booking.start, booking.end, booking.time_zone, locale).to_string()
}

/// When it was before, where it was at another time.
fn before(told: &Told, locale: Locale) -> Option<String> {
    let booking = &told.booking;
    let previous = told.transition.as_ref().and_then(|transition| transition.previous);
    let (start, end) = previous.filter(|previous| *previous != (booking.start, booking.end))?;
    Some(span(start, end, booking.time_zone, locale).to_string())
}

/// What is to be known of `first`, or of all that `job` is about.
fn rows(job: &MailJob, first: &Told, facts: &MailFacts, locale: Locale) -> Vec<Row> {
    let one = job.about.len() == 1;
    let (booking, booker) = (&first.booking, &first.booking.booker);
    let repeats = Repeats::of(job);
    let typed = |text: &Option<String>| something(repeats.typed(text.as_deref()));
    let typed_lines = |text: &Option<String>| repeats.typed(text.as_deref()).map(lines).unwrap_or_default();
    let for_operator = job.kind.is_for_the_operator();
    let called = |id: &ResourceId| facts.resource(id);
    let reason = first.transition.as_ref().and_then(|transition| transition.reason.as_deref());
    let is_shared = |of: fn(&Told) -> &Option<String>| job.about.iter().all(|told| of(told) == of(first));
    let rows = [
        Row::line("What", something(Some(&booking.title))),
        one.then(|| Row::line("When", Some(when(first, locale)))).flatten(),
        one.then(|| Row::line("Before", before(first, locale))).flatten().map(Row::past),
        same_resources(job).then(|| Row::line("Booked", booking.contents(called))).flatten(),
        one.then(|| Row::line("Before", first.previous_resource.as_ref().and_then(called))).flatten().map(Row::past),
        Row::new("Reason", repeats.reason(reason).map(lines).unwrap_or_default()),
        Row::line("Location", typed(&booking.location).filter(|_| is_shared(|told| &told.booking.location))),
        Row::line("Name", booker.shown_name()),
        Row::line("Mail", typed(&booker.email).filter(|_| for_operator)),
        Row::line("Phone", typed(&booker.phone).filter(|_| for_operator)),
        Row::new("Notes", typed_lines(&booker.notes)).filter(|_| is_shared(|told| &told.booking.booker.notes)),
        Row::line("Reference", typed(&booking.reference).filter(|_| is_shared(|told| &told.booking.reference))),
        one.then(|| Row::line("Booking", Some(booking.id.to_string()))).flatten(),
    ];
    rows.into_iter().flatten().collect()
}

/// Whether all that `job` is about have the same resources.
fn same_resources(job: &MailJob) -> bool {
    job.about.windows(2).all(|two| two[0].booking.items == two[1].booking.items)
}

/// Each booking that `job` is about, as many as a series can have.
fn dates(job: &MailJob, facts: &MailFacts, locale: Locale) -> Vec<Date> {
    let same = same_resources(job);
    let date = |told: &Told| Date {
        when: when(told, locale),
        before: before(told, locale).filter(|_| job.kind == MailKind::Rescheduled),
        what: if same { None } else { told.booking.contents(|id| facts.resource(id)) },
        link: facts.link(&told.booking.id),
    };
    job.about.iter().take(MAX_OCCURRENCES).map(date).collect()
}
