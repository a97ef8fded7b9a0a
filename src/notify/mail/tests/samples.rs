//! Bookings to write mails about, and every kind of mail.

use chrono::{DateTime, Locale, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::domain::booking::{Actor, Booker, Booking, BookingEventType, BookingItem, BookingStatus, BookingTransition};
use crate::domain::quantum::QuantumSpan;
use crate::notify::mail::compose::{Letterhead, MailFacts};
use crate::notify::mail::job::{MailJob, MailKind, Told};

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// When mails are written.
pub fn now() -> DateTime<Utc> {
    at("2026-11-21T09:30:00Z")
}

/// Ada's booking of a studio with two microphones, in Berlin.
pub fn booking(status: BookingStatus) -> Booking {
    let (start, end) = (at("2026-11-24T13:00:00Z"), at("2026-11-24T14:30:00Z"));
    Booking {
        id: "bkg_ada".into(),
        organization_id: "org_north".into(),
        status,
        start,
        end,
        occupied: QuantumSpan::covering(start, end),
        time_zone: Tz::Europe__Berlin,
        title: "Recording & mixing".to_owned(),
        location: Some("Hofgarten 3, second floor".to_owned()),
        event_type_id: "evt_recording".into(),
        items: vec![
            BookingItem { resource_id: "res_a".into(), quantity: 1 },
            BookingItem { resource_id: "res_mic".into(), quantity: 2 },
        ],
        booker: Booker {
            user_id: Some("usr_ada".into()),
            name: Some("Ada Lovelace".to_owned()),
            email: Some("ada@example.org".to_owned()),
            phone: Some("+49 30 1234".to_owned()),
            notes: Some("We bring our own drums.\nIs there a lift?".to_owned()),
        },
        reference: Some("Order 4711".to_owned()),
        metadata: None,
        revision: 3,
        cancellation_reason: None,
        expires_at: None,
        series_id: None,
        created_at: at("2026-11-20T10:00:00Z"),
        updated_at: at("2026-11-21T09:00:00Z"),
    }
}

/// That `event` by `by` made of it what it is.
pub fn transition(event: BookingEventType, to: BookingStatus, by: Actor) -> BookingTransition {
    BookingTransition { event, from: None, to, at: at("2026-11-21T09:00:00Z"), by, reason: None, previous: None }
}

pub fn staff() -> Actor {
    Actor::User("usr_staff".into())
}

/// Something that happened to Ada's booking.
pub fn told(event: BookingEventType, to: BookingStatus, by: Actor) -> Told {
    Told { booking: booking(to), transition: Some(transition(event, to, by)), previous_resource: None }
}

/// What somebody without an account made happen.
pub fn by_a_guest(mut told: Told) -> Told {
    told.booking.booker.user_id = None;
    if let Some(transition) = &mut told.transition {
        transition.by = Actor::Guest;
    }
    told
}

pub fn reason(mut told: Told, reason: &str) -> Told {
    told.transition.as_mut().unwrap().reason = Some(reason.to_owned());
    told
}

/// Ada's booking, moved from Monday evening in another studio.
pub fn moved(to: BookingStatus) -> Told {
    let mut told = told(BookingEventType::Rescheduled, to, Actor::User("usr_ada".into()));
    told.previous_resource = Some("res_b".into());
    let transition = told.transition.as_mut().unwrap();
    transition.previous = Some((at("2026-11-23T21:30:00Z"), at("2026-11-23T23:00:00Z")));
    transition.from = Some(BookingStatus::Confirmed);
    told
}

/// `count` weekly bookings like `told`.
pub fn weekly(told: &Told, count: usize) -> Vec<Told> {
    let later = |week: usize| {
        let mut told = told.clone();
        let booking = &mut told.booking;
        let by = TimeDelta::weeks(i64::try_from(week).unwrap());
        booking.id = format!("bkg_ada_{week}").into();
        booking.series_id = Some("ser_ada".into());
        booking.start += by;
        booking.end += by;
        booking.occupied = QuantumSpan::covering(booking.start, booking.end);
        told
    };
    (0..count).map(later).collect()
}

pub fn job(kind: MailKind, about: impl IntoIterator<Item = Told>) -> MailJob {
    MailJob { kind, about: about.into_iter().collect() }
}

/// What is known besides, with a link to each booking.
pub fn facts(job: &MailJob) -> MailFacts {
    let names = [("res_a", "Studio A"), ("res_b", "Studio B"), ("res_mic", "Microphone")];
    let link = |told: &Told| {
        let id = &told.booking.id;
        let page = format!("https://book.example.com/bookings/{id}");
        let secret = if job.kind.is_for_the_operator() { "" } else { "#token=bmt_sEcReT" };
        (id.clone(), format!("{page}{secret}"))
    };
    MailFacts {
        organization: Some("Northlight Studios".to_owned()),
        resources: names.into_iter().map(|(id, name)| (id.into(), name.to_owned())).collect(),
        links: job.about.iter().map(link).collect(),
    }
}

pub fn letterhead() -> Letterhead {
    Letterhead {
        from: "Northlight <booking@example.com>".parse().unwrap(),
        reply_to: Some("Front desk <desk@example.com>".parse().unwrap()),
        operator: Some("approvals@example.com".parse().unwrap()),
        locale: Locale::en_GB,
        domain: "example.com".to_owned(),
    }
}

/// Every kind of mail, and what is special about some of them.
pub fn every_mail() -> Vec<(&'static str, MailJob)> {
    use BookingEventType as Event;
    use BookingStatus::{Cancelled, Confirmed, Declined, Expired, Pending};
    let ada = || Actor::User("usr_ada".into());
    let created = told(Event::Created, Confirmed, ada());
    let elsewhere = {
        let mut told = moved(Confirmed);
        let booking = &told.booking;
        told.transition.as_mut().unwrap().previous = Some((booking.start, booking.end));
        told
    };
    let series_cancelled =
        weekly(&reason(told(Event::Cancelled, Cancelled, staff()), "The studio is being painted."), 3);
    let mut series_moved = weekly(&moved(Confirmed), 2);
    series_moved[1].booking.items.truncate(1);
    let reminded = Told { transition: None, ..told(Event::Created, Confirmed, Actor::System) };
    vec![
        ("confirmed", job(MailKind::Confirmed, [created.clone()])),
        ("confirmed-guest", job(MailKind::Confirmed, [by_a_guest(created.clone())])),
        ("confirmed-series", job(MailKind::Confirmed, weekly(&created, 5))),
        ("requested", job(MailKind::Requested, [told(Event::Created, Pending, ada())])),
        ("approved", job(MailKind::Approved, [told(Event::Confirmed, Confirmed, staff())])),
        ("declined", job(MailKind::Declined, [reason(told(Event::Declined, Declined, staff()), "We are closed.")])),
        ("cancelled", job(MailKind::Cancelled, [told(Event::Cancelled, Cancelled, ada())])),
        ("cancelled-series", job(MailKind::Cancelled, series_cancelled)),
        ("rescheduled", job(MailKind::Rescheduled, [moved(Confirmed)])),
        ("rescheduled-waits", job(MailKind::Rescheduled, [moved(Pending)])),
        ("rescheduled-elsewhere", job(MailKind::Rescheduled, [elsewhere])),
        ("rescheduled-series", job(MailKind::Rescheduled, series_moved)),
        ("expired", job(MailKind::Expired, [told(Event::Expired, Expired, Actor::System)])),
        ("reminder", job(MailKind::Reminder, [reminded])),
        ("approval-wanted", job(MailKind::ApprovalWanted, [told(Event::Created, Pending, ada())])),
        ("approval-wanted-guest", job(MailKind::ApprovalWanted, [by_a_guest(told(Event::Created, Pending, ada()))])),
        ("approval-wanted-series", job(MailKind::ApprovalWanted, weekly(&told(Event::Created, Pending, ada()), 2))),
    ]
}
