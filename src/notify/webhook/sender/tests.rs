use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use tokio::time::Instant;

use super::super::signature::signatures;
use super::*;
use crate::clock::{Clock as _, SystemClock, TestClock};
use crate::domain::delivery::PATIENCE;
use crate::domain::public_address::is_public;
use crate::domain::webhook::{RetiredSecret, WebhookEvent};

mod conversation;
mod misbehaving;
mod reaching;
mod receiver;
mod tls;

use conversation::Answer;
use receiver::Receiver;

const PAYLOAD: &str = r#"{"type":"BOOKING_CREATED","data":{"title":"Höhe"}}"#;

fn server_key() -> ServerKey {
    ServerKey::new(&SecretString::from("0123456789abcdef0123456789abcdef"))
}

fn now() -> DateTime<Utc> {
    "2026-12-01T06:00:00.500Z".parse().unwrap()
}

fn webhook(url: &str) -> Webhook {
    Webhook {
        id: "whk_1".into(),
        organization_id: "default".into(),
        url: url.to_owned(),
        events: BTreeSet::from([WebhookEvent::BookingCreated]),
        selection: None,
        description: None,
        active: true,
        secret: 1,
        retired_secrets: Vec::new(),
        failing_since: None,
        created_at: now(),
        updated_at: now(),
    }
}

fn delivery() -> LeasedDelivery {
    LeasedDelivery {
        id: "dlv_1".into(),
        organization_id: "default".into(),
        event: "BOOKING_CREATED".to_owned(),
        event_id: "evn_bkg_1_1".to_owned(),
        payload: PAYLOAD.to_owned(),
        attempts: 0,
        retry_until: now() + PATIENCE,
    }
}

/// Answers each look-up with the next of these addresses, and with the last one from then on.
fn answers(addresses: &[&str]) -> Lookup {
    let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let left = Mutex::new(addresses);
    Arc::new(move |_| {
        let mut left = left.lock().unwrap();
        let answer = if left.len() > 1 { left.remove(0) } else { left[0] };
        Box::pin(async move { Ok(vec![answer]) })
    })
}

/// A sender that may go anywhere, with names that mean `addresses`, at a time that the clock tells.
fn sender_with(reach: Reach, addresses: &[&str]) -> (WebhookSender, Arc<TestClock>) {
    let clock = Arc::new(TestClock::new(now()));
    let sender =
        WebhookSender::reaching(reach, answers(addresses), RootCertStore::empty(), server_key(), clock.clone());
    (sender.unwrap(), clock)
}

fn sender() -> WebhookSender {
    sender_with(Reach::ANYWHERE, &["127.0.0.1"]).0
}

fn arrived(status: u16) -> Carried {
    Carried::Arrived { status_code: Some(status) }
}

/// The status, why it failed, and whether for good.
#[track_caller]
fn failure(carried: Carried) -> (Option<u16>, String, bool) {
    match carried {
        Carried::Failed { status_code, error, is_final } => (status_code, error, is_final),
        other => panic!("it did not fail: {other:?}"),
    }
}

#[tokio::test]
async fn a_request_says_what_the_specification_wants_and_nothing_else() {
    let mut receiver = Receiver::start([Answer::status(200)]).await;
    let url = format!("{}/hooks/slotwise?tenant=7#part", receiver.url());
    assert_eq!(sender().send(&webhook(&url), &delivery()).await, arrived(200));
    let request = receiver.next().await;
    assert_eq!(request.line, "POST /hooks/slotwise?tenant=7 HTTP/1.1");
    assert_eq!(request.body, PAYLOAD);
    let secret = server_key().webhook_secret(&"whk_1".into(), 1);
    let expected = [
        ("accept", "*/*".to_owned()),
        ("content-length", PAYLOAD.len().to_string()),
        ("content-type", "application/json".to_owned()),
        ("host", receiver.address().to_string()),
        ("user-agent", format!("Slotwise/{}", env!("CARGO_PKG_VERSION"))),
        ("webhook-id", "evn_bkg_1_1".to_owned()),
        ("webhook-signature", signatures([secret], "evn_bkg_1_1", now(), PAYLOAD)),
        ("webhook-timestamp", now().timestamp().to_string()),
    ];
    let expected: Vec<(String, String)> = expected.map(|(name, value)| (name.to_owned(), value)).into();
    assert_eq!(request.headers, expected);
}

#[tokio::test]
async fn each_attempt_is_signed_at_its_own_time_by_all_secrets_of_that_time() {
    let mut receiver = Receiver::start([Answer::status(503), Answer::status(200), Answer::status(200)]).await;
    let (sender, clock) = sender_with(Reach::ANYWHERE, &["127.0.0.1"]);
    let until = now() + TimeDelta::days(1);
    let retired = vec![RetiredSecret { version: 1, until: now() }, RetiredSecret { version: 2, until }];
    let webhook = Webhook { secret: 3, retired_secrets: retired, ..webhook(receiver.url()) };
    let secret = |version| server_key().webhook_secret(&webhook.id, version);
    for (later, versions) in [(0, vec![3, 2]), (86_399, vec![3, 2]), (1, vec![3])] {
        clock.advance(Duration::from_secs(later));
        let _carried = sender.send(&webhook, &delivery()).await;
        let request = receiver.next().await;
        let signed = signatures(versions.into_iter().map(secret), "evn_bkg_1_1", clock.now(), PAYLOAD);
        assert_eq!(request.header("webhook-signature"), signed);
        assert_eq!(request.header("webhook-timestamp"), clock.now().timestamp().to_string());
        assert_eq!(request.header("webhook-id"), "evn_bkg_1_1");
    }
}

#[tokio::test]
async fn it_has_arrived_when_the_answer_says_so_and_only_then() {
    for status in [200, 201, 202, 204, 299] {
        let receiver = Receiver::start([Answer::status(status)]).await;
        assert_eq!(sender().send(&webhook(receiver.url()), &delivery()).await, arrived(status), "{status}");
    }
    for status in [300, 304, 400, 401, 404, 410, 418, 429, 500, 503, 599, 999] {
        let receiver = Receiver::start([Answer::status(status)]).await;
        let failure = failure(sender().send(&webhook(receiver.url()), &delivery()).await);
        let (code, error, is_final) = failure;
        assert_eq!((code, is_final), (Some(status), false));
        assert!(error.starts_with(&format!("The receiver answered {status}.")), "{error}");
    }
}

#[tokio::test]
async fn what_is_said_before_the_answer_does_not_count() {
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let answer = Answer::raw(format!("{early}HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"));
    let receiver = Receiver::start([answer]).await;
    let (status, error, _) = failure(sender().send(&webhook(receiver.url()), &delivery()).await);
    assert_eq!((status, error.as_str()), (Some(500), "The receiver answered 500."));
}

#[tokio::test]
async fn a_connection_is_used_again_as_long_as_answers_are_short_and_the_receiver_wants_it() {
    let short = "x".repeat(MAX_BODY);
    // So long that it is still under way when it is given up.
    let long = "x".repeat(4 << 20);
    let answers = [
        Answer::status(200),
        Answer::body(500, &short),
        Answer::body(200, &long),
        Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
        Answer::status(200),
    ];
    let mut receiver = Receiver::start(answers).await;
    let sender = sender();
    let mut connections = Vec::new();
    for _ in 0..5 {
        let _carried = sender.send(&webhook(receiver.url()), &delivery()).await;
        connections.push(receiver.next().await.connection);
    }
    assert_eq!(connections, [0, 0, 0, 1, 2]);
}

#[tokio::test]
async fn an_id_that_is_no_header_is_sent_to_nobody() {
    let mut receiver = Receiver::start([]).await;
    let delivery = LeasedDelivery { event_id: "evn_1\r\nx-forged: yes".to_owned(), ..delivery() };
    let (status, _, is_final) = failure(sender().send(&webhook(receiver.url()), &delivery).await);
    assert_eq!((status, is_final), (None, true));
    assert!(receiver.has_seen_nothing());
}

#[tokio::test]
async fn a_sender_tells_none_of_its_secrets() {
    assert_eq!(format!("{:?}", sender()), "WebhookSender { .. }");
}

#[tokio::test]
async fn a_sender_can_be_made_whatever_the_system_trusts() {
    let clock: SharedClock = Arc::new(TestClock::new(now()));
    for insecure in [false, true] {
        assert!(
            WebhookSender::new(
                &WebhookSettings { insecure, ..WebhookSettings::default() },
                server_key(),
                clock.clone()
            )
            .is_ok()
        );
    }
}
