use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::domain::quantum::QuantumSpan;

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A booking with everything that a booking can have.
fn full() -> Booking {
    Booking {
        id: "bkg_1".into(),
        organization_id: "default".into(),
        status: BookingStatus::Confirmed,
        start: instant("2026-12-01T10:00:00Z"),
        end: instant("2026-12-01T11:30:00Z"),
        occupied: QuantumSpan::covering(instant("2026-12-01T09:45:00Z"), instant("2026-12-01T11:45:00Z")),
        time_zone: chrono_tz::Europe::Berlin,
        title: "Recording".to_owned(),
        location: Some("Studio A, \"left\" door".to_owned()),
        event_type_id: "evt_recording".into(),
        items: [("res_studio-a", 1), ("res_engineer", 1), ("res_microphones", 3)]
            .map(|(id, quantity)| BookingItem { resource_id: id.into(), quantity })
            .into(),
        booker: Booker {
            user_id: Some("usr_grace".into()),
            name: Some("Grace Höpper".to_owned()),
            email: Some("grace@example.com".to_owned()),
            phone: Some("+49 30 1234".to_owned()),
            notes: Some("First line\nSecond line </script>".to_owned()),
        },
        reference: Some("order-7".to_owned()),
        metadata: Some(json!({ "channel": "web", "seats": [1, 2] })),
        revision: 3,
        cancellation_reason: None,
        expires_at: None,
        series_id: Some("ser_1".into()),
        created_at: instant("2026-11-20T08:00:00.250Z"),
        updated_at: instant("2026-11-21T09:00:00Z"),
    }
}

/// A booking with nothing that it could do without.
fn plain() -> Booking {
    Booking {
        location: None,
        items: vec![BookingItem { resource_id: "res_studio-a".into(), quantity: 1 }],
        booker: Booker::default(),
        reference: None,
        metadata: None,
        revision: 1,
        series_id: None,
        ..full()
    }
}

fn transition(event: BookingEventType, from: Option<BookingStatus>, to: BookingStatus, by: Actor) -> BookingTransition {
    BookingTransition { event, from, to, at: instant("2026-11-21T09:00:00Z"), by, reason: None, previous: None }
}

fn news(before: Option<&Booking>, after: Booking, transition: BookingTransition) -> BookingNews {
    let event = match before {
        Some(before) => BookingEvent::of_change(before, after, transition),
        None => BookingEvent::new(after, transition),
    };
    BookingNews::new(before, event)
}

/// What moves a booking into `to`.
fn step(event: BookingEventType, from: BookingStatus, to: BookingStatus, by: Actor) -> BookingNews {
    let before = Booking { status: from, ..full() };
    news(Some(&before), Booking { status: to, ..full() }, transition(event, Some(from), to, by))
}

fn created() -> BookingNews {
    let provisional =
        Booking { status: BookingStatus::Provisional, expires_at: Some(instant("2026-11-21T09:10:00Z")), ..plain() };
    news(None, provisional, transition(BookingEventType::Created, None, BookingStatus::Provisional, Actor::Guest))
}

fn updated() -> BookingNews {
    let before = Booking { reference: None, metadata: None, ..full() };
    let by = Actor::User("usr_grace".into());
    let step = transition(BookingEventType::Updated, Some(before.status), before.status, by);
    news(Some(&before), full(), step)
}

fn rescheduled() -> BookingNews {
    let mut before = Booking { start: instant("2026-11-30T10:00:00Z"), end: instant("2026-11-30T11:30:00Z"), ..full() };
    before.items[0].resource_id = "res_studio-b".into();
    let step = transition(BookingEventType::Rescheduled, Some(before.status), before.status, Actor::TokenBearer);
    let step = BookingTransition { previous: Some((before.start, before.end)), ..step };
    news(Some(&before), full(), step)
}

fn cancelled() -> BookingNews {
    let why = Some("Has a cold".to_owned());
    let after = Booking { status: BookingStatus::Cancelled, cancellation_reason: why.clone(), ..full() };
    let step = transition(
        BookingEventType::Cancelled,
        Some(BookingStatus::Confirmed),
        BookingStatus::Cancelled,
        Actor::TokenBearer,
    );
    news(Some(&full()), after, BookingTransition { reason: why, ..step })
}

fn hold() -> ExpiredHold {
    ExpiredHold {
        id: "evn_hold_1".to_owned(),
        organization_id: "default".into(),
        resource_id: "res_studio-a".into(),
        start: instant("2026-12-01T10:00:00Z"),
        end: instant("2026-12-01T11:00:00Z"),
        quantity: 1,
        event_type_id: Some("evt_recording".into()),
        holder: "quiet-otter".to_owned(),
        since: instant("2026-11-21T08:59:00Z"),
        at: instant("2026-11-21T09:00:00Z"),
    }
}

/// A payload of each kind, by the name of its file.
fn payloads() -> Vec<(&'static str, String)> {
    use BookingEventType as Event;
    use BookingStatus::{Completed, Confirmed, Declined, Expired, NoShow, Pending};
    let staff = || Actor::User("usr_staff".into());
    vec![
        ("BOOKING_CREATED", booking_payload(&created())),
        ("BOOKING_UPDATED", booking_payload(&updated())),
        ("BOOKING_CONFIRMED", booking_payload(&step(Event::Confirmed, Pending, Confirmed, staff()))),
        ("BOOKING_DECLINED", booking_payload(&step(Event::Declined, Pending, Declined, staff()))),
        ("BOOKING_RESCHEDULED", booking_payload(&rescheduled())),
        ("BOOKING_CANCELLED", booking_payload(&cancelled())),
        ("BOOKING_COMPLETED", booking_payload(&step(Event::Completed, Confirmed, Completed, staff()))),
        ("BOOKING_NO_SHOW", booking_payload(&step(Event::NoShow, Confirmed, NoShow, staff()))),
        ("BOOKING_EXPIRED", booking_payload(&step(Event::Expired, Pending, Expired, Actor::System))),
        ("PRESENCE_TIMEOUT", hold_payload(&hold())),
        ("test_of_BOOKING_CREATED", booking_test_payload(&created())),
        ("test_of_PRESENCE_TIMEOUT", hold_test_payload(&hold())),
    ]
}

/// JSON without the space between its tokens.
fn compact(text: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let keep = |letter: &char| {
        let was_within = within;
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = within,
            '"' => within = !within,
            _ => {}
        }
        was_within || !letter.is_whitespace()
    };
    text.chars().filter(keep).collect()
}

#[test]
fn every_event_is_told_as_in_its_snapshot() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/webhook");
    let payloads = payloads();
    let differs = |(name, payload): &&(&str, String)| {
        let expected = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap_or_default();
        compact(&expected) != *payload
    };
    let different: Vec<String> =
        payloads.iter().filter(differs).map(|(name, payload)| format!("{name}.json\n{payload}")).collect();
    assert!(different.is_empty(), "not as in their snapshots:\n{}", different.join("\n"));
    // None is left over of what is no longer told, and none is missing.
    assert_eq!(fs::read_dir(folder).unwrap().count(), payloads.len());
    for event in WebhookEvent::ALL {
        assert!(payloads.iter().any(|(name, _)| *name == event.name()), "{event:?}");
    }
}

#[test]
fn a_payload_says_what_it_is_and_that_it_is_a_test_first() {
    for (name, payload) in payloads() {
        match name.strip_prefix("test_of_") {
            Some(name) => assert!(payload.starts_with(&format!(r#"{{"type":"{name}","test":true,"#)), "{payload}"),
            None => assert!(payload.starts_with(&format!(r#"{{"type":"{name}","timestamp":"#)), "{payload}"),
        }
    }
}

#[test]
fn what_was_kept_by_the_outbox_is_told_in_the_same_words() {
    for news in [created(), updated(), rescheduled(), cancelled()] {
        let kept: BookingNews = serde_json::from_str(&serde_json::to_string(&news).unwrap()).unwrap();
        assert_eq!(booking_payload(&kept), booking_payload(&news));
    }
}
