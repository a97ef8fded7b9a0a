//! Which mails follow from what happened. A job is what the store keeps of a mail until it is sent: the mail itself is
//! written only then.

use serde::{Deserialize, Serialize};

use crate::domain::booking::{Booking, BookingEventType, BookingStatus, BookingTransition};
use crate::domain::id::ResourceId;
use crate::domain::news::{BookingNews, News};

/// What a mail says.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MailKind {
    /// To the booker: it is booked.
    Confirmed,
    /// To the booker: it waits for staff.
    Requested,
    /// To the booker: staff agreed.
    Approved,
    /// To the booker: staff said no.
    Declined,
    /// To the booker: it was called off.
    Cancelled,
    /// To the booker: it was moved.
    Rescheduled,
    /// To the booker: staff did not agree in time.
    Expired,
    /// To the booker: it starts soon.
    Reminder,
    /// To the operator: it waits for staff.
    ApprovalWanted,
}

/// A mail that is to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailJob {
    /// What it says.
    pub kind: MailKind,
    /// Of which bookings: one, or those of a series to which the same happened at once, by start. Never none.
    pub about: Vec<Told>,
}

/// A booking as it is told of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The booking, as it was right after.
    pub booking: Booking,
    /// What happened to it; `None`: nothing, it starts soon.
    pub transition: Option<BookingTransition>,
    /// The primary resource before, where it was moved to another one.
    pub previous_resource: Option<ResourceId>,
}

impl MailKind {
    /// Whether it goes to the operator, and not to the booker.
    #[must_use]
    pub fn is_for_the_operator(self) -> bool {
        self == Self::ApprovalWanted
    }

    /// What the booker is told of a change, if anything. What was provisional only, they were never told of.
    fn for_booker(transition: &BookingTransition) -> Option<Self> {
        use BookingStatus::{Confirmed, Pending, Provisional};
        match (transition.event, transition.from, transition.to) {
            (BookingEventType::Created, _, Confirmed) | (BookingEventType::Confirmed, Some(Provisional), _) => {
                Some(Self::Confirmed)
            }
            (BookingEventType::Created, _, Pending) => Some(Self::Requested),
            (BookingEventType::Confirmed, _, _) => Some(Self::Approved),
            (BookingEventType::Declined, _, _) => Some(Self::Declined),
            (BookingEventType::Rescheduled, _, _) => Some(Self::Rescheduled),
            (BookingEventType::Cancelled, Some(Pending | Confirmed), _) => Some(Self::Cancelled),
            (BookingEventType::Expired, Some(Pending), _) => Some(Self::Expired),
            _ => None,
        }
    }

    /// Whether staff are to decide after a change.
    fn wants_approval(transition: &BookingTransition) -> bool {
        matches!(transition.event, BookingEventType::Created | BookingEventType::Rescheduled)
            && transition.to == BookingStatus::Pending
    }
}

impl MailJob {
    /// The mails that follow from `news`, those to the operator only where `tells_operator`. What happened at once to
    /// the bookings of a series is one mail.
    #[must_use]
    pub fn following(news: &News, tells_operator: bool) -> Vec<Self> {
        match news {
            News::Bookings(bookings) => {
                let mut jobs = Vec::new();
                for BookingNews { event, .. } in bookings {
                    let told = || Told {
                        booking: event.booking.clone(),
                        transition: Some(event.transition.clone()),
                        previous_resource: event.previous_resource.clone(),
                    };
                    if let Some(kind) = MailKind::for_booker(&event.transition)
                        && event.booking.booker.email.is_some()
                    {
                        add(&mut jobs, kind, told());
                    }
                    if tells_operator && MailKind::wants_approval(&event.transition) {
                        add(&mut jobs, MailKind::ApprovalWanted, told());
                    }
                }
                for job in &mut jobs {
                    job.about.sort_by(|a, b| (a.booking.start, &a.booking.id).cmp(&(b.booking.start, &b.booking.id)));
                }
                jobs
            }
            News::Reminder(booking) if booking.booker.email.is_some() => {
                let told = Told { booking: (**booking).clone(), transition: None, previous_resource: None };
                vec![Self { kind: MailKind::Reminder, about: vec![told] }]
            }
            News::Reminder(_) | News::HoldExpired(_) => Vec::new(),
        }
    }

    /// What names the mail: the same however often it is sent.
    #[must_use]
    pub fn event_id(&self) -> String {
        let first = self.about.first();
        let event = first.map_or_else(String::new, |told| format!("{}_{}", told.booking.id, told.booking.revision));
        match self.kind {
            MailKind::ApprovalWanted => format!("evn_{event}_approval"),
            MailKind::Reminder => format!("evn_{event}_reminder"),
            _ => format!("evn_{event}"),
        }
    }

    /// What arrives in order: all that the booker is told of a booking or of a series; all that the operator is.
    #[must_use]
    pub fn chain(&self) -> Option<String> {
        let booking = &self.about.first()?.booking;
        let of = booking.series_id.as_ref().map_or(booking.id.as_str(), |series| series.as_str());
        Some(if self.kind.is_for_the_operator() { format!("{of} approval") } else { of.to_owned() })
    }
}

/// Adds `told` to the mail that says the same to the same person, or as a mail of its own.
fn add(jobs: &mut Vec<MailJob>, kind: MailKind, told: Told) {
    let same = jobs.iter_mut().find(|job| {
        job.kind == kind
            && job.about.first().is_some_and(|first| first.booking.booker.email == told.booking.booker.email)
    });
    match same {
        Some(job) => job.about.push(told),
        None => jobs.push(MailJob { kind, about: vec![told] }),
    }
}
