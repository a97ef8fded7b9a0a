use super::*;
use crate::domain::booking::{Actor, Booker, BookingEventType, BookingItem, BookingStatus, BookingTransition};
use crate::domain::quantum::QuantumSpan;

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn booking() -> Booking {
    let (start, end) = (instant("2026-12-01T13:00:00Z"), instant("2026-12-01T14:00:00Z"));
    Booking {
        id: "bkg_1".into(),
        organization_id: "default".into(),
        status: BookingStatus::Confirmed,
        start,
        end,
        occupied: QuantumSpan::covering(start, end),
        time_zone: chrono_tz::Europe::Berlin,
        title: "Rehearsal".into(),
        location: None,
        event_type_id: "evt_1".into(),
        items: vec![BookingItem { resource_id: "res_1".into(), quantity: 1 }],
        booker: Booker { name: Some("Ada".into()), ..Booker::default() },
        reference: None,
        metadata: Some(json!({ "order": 7 })),
        revision: 1,
        cancellation_reason: None,
        expires_at: None,
        series_id: None,
        created_at: instant("2026-11-30T09:00:00Z"),
        updated_at: instant("2026-11-30T09:00:00Z"),
    }
}

fn moved() -> BookingNews {
    let before = booking();
    let at = instant("2026-11-30T10:00:00Z");
    let after = Booking {
        start: instant("2026-12-02T13:00:00Z"),
        end: instant("2026-12-02T14:00:00Z"),
        items: vec![BookingItem { resource_id: "res_2".into(), quantity: 1 }],
        updated_at: at,
        ..before.clone()
    };
    let transition = BookingTransition {
        event: BookingEventType::Rescheduled,
        from: Some(BookingStatus::Confirmed),
        to: BookingStatus::Confirmed,
        at,
        by: Actor::User("usr_1".into()),
        reason: None,
        previous: Some((before.start, before.end)),
    };
    BookingNews::new(Some(&before), BookingEvent::of_change(&before, after, transition))
}

#[test]
fn what_changed_is_named_and_nothing_else() {
    let news = moved();
    assert_eq!(
        Value::Object(news.changes),
        json!({
            "start": { "from": "2026-12-01T13:00:00Z", "to": "2026-12-02T13:00:00Z" },
            "end": { "from": "2026-12-01T14:00:00Z", "to": "2026-12-02T14:00:00Z" },
            "resourceId": { "from": "res_1", "to": "res_2" },
        })
    );
    assert_eq!(news.event.previous_resource, Some("res_1".into()));
    assert_eq!((news.event.booking.revision, news.event.id.as_str()), (2, "evn_bkg_1_2"));
}

/// What a server has put into the outbox, the next version still has to read.
#[test]
fn what_was_written_before_is_still_read() {
    let written = r#"{"bookings":[{"event":{"id":"evn_bkg_1_2","transition":{"event":"RESCHEDULED","from":"CONFIRMED",
        "to":"CONFIRMED","at":"2026-11-30T10:00:00Z","by":{"user":"usr_1"},"reason":null,
        "previous":["2026-12-01T13:00:00Z","2026-12-01T14:00:00Z"]},"booking":{"id":"bkg_1","organization_id":"default",
        "status":"CONFIRMED","start":"2026-12-02T13:00:00Z","end":"2026-12-02T14:00:00Z",
        "occupied":{"start":1994740,"end":1994744},"time_zone":"Europe/Berlin","title":"Rehearsal","location":null,
        "event_type_id":"evt_1","items":[{"resource_id":"res_2","quantity":1}],"booker":{"user_id":null,"name":"Ada",
        "email":null,"phone":null,"notes":null},"reference":null,"metadata":{"order":7},"revision":2,
        "cancellation_reason":null,"expires_at":null,"series_id":null,"created_at":"2026-11-30T09:00:00Z",
        "updated_at":"2026-11-30T10:00:00Z"},"previous_resource":"res_1"},"changes":{
        "end":{"from":"2026-12-01T14:00:00Z","to":"2026-12-02T14:00:00Z"},
        "resourceId":{"from":"res_1","to":"res_2"},
        "start":{"from":"2026-12-01T13:00:00Z","to":"2026-12-02T13:00:00Z"}}}]}"#;
    let mut news = moved();
    // The stored booking occupies what it did when this was written.
    news.event.booking.occupied = serde_json::from_value(json!({ "start": 1_994_740, "end": 1_994_744 })).unwrap();
    assert_eq!(serde_json::from_str::<News>(written).unwrap(), News::Bookings(vec![news]));
}

#[test]
fn all_news_are_read_as_they_were_written() {
    let hold = ExpiredHold {
        id: "evn_hold_1".into(),
        organization_id: "default".into(),
        resource_id: "res_1".into(),
        start: instant("2026-12-01T13:00:00Z"),
        end: instant("2026-12-01T14:00:00Z"),
        quantity: 1,
        event_type_id: None,
        holder: "somebody".into(),
        since: instant("2026-12-01T12:00:00Z"),
        at: instant("2026-12-01T12:00:10Z"),
    };
    for news in [News::Bookings(vec![moved()]), News::Reminder(Box::new(booking())), News::HoldExpired(hold)] {
        let written = serde_json::to_string(&news).unwrap();
        assert_eq!(serde_json::from_str::<News>(&written).unwrap(), news);
    }
}
