//! The words of each mail. They are English; only dates follow the locale.

use super::job::{MailJob, MailKind};
use crate::domain::booking::BookingStatus;

/// In which mood a mail is, for its colours.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It takes place.
    Good,
    /// Something is to be waited for, or to be done.
    Waiting,
    /// It does not take place.
    Over,
    /// Something is to be known.
    News,
}

impl Tone {
    /// Its name in style sheets.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Waiting => "waiting",
            Self::Over => "over",
            Self::News => "news",
        }
    }

    /// Background and text colour of its mark, for programs that know no style sheets. Contrast of at least 4.5 to 1.
    #[must_use]
    pub fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Good => ("#e3f4e8", "#12612f"),
            Self::Waiting => ("#fdf0d5", "#7a4b00"),
            Self::Over => ("#fbe4e4", "#8f1d1d"),
            Self::News => ("#e3ecfd", "#1a45a8"),
        }
    }
}

/// What a mail says, apart from which booking it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// One or two words, first in the subject.
    pub mark: &'static str,
    /// The mood.
    pub tone: Tone,
    /// What happened, as a heading.
    pub heading: String,
    /// What follows from it.
    pub lead: &'static str,
    /// What the link is for.
    pub button: &'static str,
    /// Why this mail came here.
    pub why: &'static str,
}

const WHY_BOOKER: &str =
    "You get this mail because your address was given for this booking. If that was not you, you need not do anything.";
const WHY_OPERATOR: &str = "You get this mail because this address is told of what waits for approval.";
const MANAGE: &str = "Manage your booking";
const VIEW: &str = "View your booking";

/// The words for `job`.
#[must_use]
pub fn words(job: &MailJob) -> Words {
    let (mark, tone, lead, button) = frame(job);
    let why = if job.kind.is_for_the_operator() { WHY_OPERATOR } else { WHY_BOOKER };
    Words { mark, tone, heading: heading(job), lead, button, why }
}

/// What happened.
fn heading(job: &MailJob) -> String {
    let one = job.about.len() == 1;
    let named = |noun: &str| if one { format!("Your {noun}") } else { format!("Your {} {noun}s", job.about.len()) };
    let (has, is) = if one { ("has", "is") } else { ("have", "are") };
    match job.kind {
        MailKind::Confirmed => format!("{} {is} confirmed", named("booking")),
        MailKind::Requested => format!("{} {has} arrived", named("request")),
        MailKind::Approved => format!("{} {has} been approved", named("booking")),
        MailKind::Declined => format!("{} {has} been declined", named("request")),
        MailKind::Cancelled => format!("{} {has} been cancelled", named("booking")),
        MailKind::Rescheduled => format!("{} {has} been moved", named("booking")),
        MailKind::Expired => format!("{} {has} expired", named("request")),
        MailKind::Reminder => format!("{} {} soon", named("booking"), if one { "starts" } else { "start" }),
        MailKind::ApprovalWanted if one => "A booking waits for approval".to_owned(),
        MailKind::ApprovalWanted => format!("{} bookings wait for approval", job.about.len()),
    }
}

/// Mark, tone, lead and what the link is for.
fn frame(job: &MailJob) -> (&'static str, Tone, &'static str, &'static str) {
    let one = job.about.len() == 1;
    let pick = |single, several| if one { single } else { several };
    match job.kind {
        MailKind::Confirmed | MailKind::Approved => {
            let mark = if job.kind == MailKind::Confirmed { "Confirmed" } else { "Approved" };
            let lead = pick(
                "The time is yours. The attached file puts it into your calendar.",
                "The times are yours. The attached file puts them into your calendar.",
            );
            (mark, Tone::Good, lead, MANAGE)
        }
        MailKind::Requested => {
            let lead = pick(
                "We have yet to approve it. Until then the time is kept for you, and you will hear from us.",
                "We have yet to approve them. Until then the times are kept for you, and you will hear from us.",
            );
            ("Requested", Tone::Waiting, lead, MANAGE)
        }
        MailKind::Rescheduled if waits(job) => {
            let lead = pick(
                "It waits for approval again. Until then the new time is kept for you, and you will hear from us. The \
                 time before is no longer yours.",
                "They wait for approval again. Until then the new times are kept for you, and you will hear from us. \
                 The times before are no longer yours.",
            );
            ("Moved, waits for approval", Tone::Waiting, lead, MANAGE)
        }
        MailKind::Rescheduled => ("Moved", Tone::News, moved(job), MANAGE),
        MailKind::Declined => {
            let lead = pick(
                "It does not take place, and the time is no longer kept for you.",
                "They do not take place, and the times are no longer kept for you.",
            );
            ("Declined", Tone::Over, lead, VIEW)
        }
        MailKind::Cancelled => {
            let lead = pick(
                "It does not take place. The attached file takes it out of your calendar.",
                "They do not take place. Please remove them from your calendar.",
            );
            ("Cancelled", Tone::Over, lead, VIEW)
        }
        MailKind::Expired => {
            let lead = pick(
                "It was not approved in time and does not take place.",
                "They were not approved in time and do not take place.",
            );
            ("Expired", Tone::Over, lead, VIEW)
        }
        MailKind::Reminder => ("Reminder", Tone::News, "This is to remind you of it.", MANAGE),
        MailKind::ApprovalWanted => {
            let moved = job.about.iter().any(|told| told.transition.as_ref().is_some_and(|it| it.previous.is_some()));
            let lead = match (moved, one) {
                (false, true) => "Please approve or decline it. If nobody does, it expires when it starts.",
                (false, false) => "Please approve or decline them. If nobody does, each expires when it starts.",
                (true, true) => {
                    "It has been moved. Please approve or decline it. If nobody does, it expires when it starts."
                }
                (true, false) => {
                    "They have been moved. Please approve or decline them. If nobody does, each expires when it starts."
                }
            };
            ("Approval wanted", Tone::Waiting, lead, pick("Open the booking", "Open the bookings"))
        }
    }
}

/// Whether what was moved waits for staff now.
fn waits(job: &MailJob) -> bool {
    job.about.iter().any(|told| told.booking.status == BookingStatus::Pending)
}

/// What it means that something was moved.
fn moved(job: &MailJob) -> &'static str {
    let elsewhere = job.about.iter().any(|told| told.previous_resource.is_some());
    let another_time = job.about.iter().any(|told| {
        let previous = told.transition.as_ref().and_then(|transition| transition.previous);
        previous.is_none_or(|previous| previous != (told.booking.start, told.booking.end))
    });
    match (job.about.len() == 1, another_time, elsewhere) {
        (true, false, true) => "What is booked has changed, the time has not.",
        (true, _, _) => "Below is when it takes place now. The attached file moves it in your calendar.",
        (false, _, _) => "Below is when they take place now. The attached file moves them in your calendar.",
    }
}
