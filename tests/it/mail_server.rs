//! What the mail server does, and what becomes of the mail.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use slotwise::clock::{SharedClock, TestClock};
use slotwise::domain::booking::{Booker, Booking, BookingStatus};
use slotwise::domain::delivery::LeasedDelivery;
use slotwise::notify::Carried;
use slotwise::notify::mail::job::{MailJob, MailKind, Told};
use slotwise::notify::mail::mailer::Mailer;
use slotwise::server_key::ServerKey;
use slotwise::store::{Store, StoreOptions};

use crate::support::bookings::{made, put};
use crate::support::database::TestDatabase;
use crate::support::mail::{MAIL_PASSWORD, mails_to};
use crate::support::server::SERVER_KEY;
use crate::support::smtp::{Manners, SmtpServer};
use crate::support::{EventTypeSpec, ResourceSpec, TestServer, provide_tls, within_patience};

/// A mailer on an empty database, its mail server, and its clock.
struct Post {
    server: SmtpServer,
    mailer: Arc<Mailer>,
    clock: Arc<TestClock>,
    database: TestDatabase,
}

impl Post {
    async fn open() -> Self {
        provide_tls();
        let (server, database) = (SmtpServer::start().await, TestDatabase::new().await);
        let clock = Arc::new(TestClock::new("2026-12-01T06:00:00Z".parse().unwrap()));
        let store = Store::connect(database.url(), StoreOptions::default()).await.unwrap();
        store.migrate().await.unwrap();
        let mailer = mailer(&server, &store, clock.clone());
        Self { server, mailer, clock, database }
    }

    async fn deliver(&self, id: &str) -> Carried {
        within_patience("a mail to be handed over", self.mailer.deliver(&delivery(&job(id, "ada@example.org")))).await
    }
}

fn mailer(server: &SmtpServer, store: &Store, clock: SharedClock) -> Arc<Mailer> {
    let key = ServerKey::new(&SecretString::from(SERVER_KEY));
    Arc::new(Mailer::new(mails_to(server.address).mailer, store.clone(), key, clock).unwrap())
}

fn booking(id: &str, email: &str) -> Booking {
    let booker = Booker { name: Some("Ada".into()), email: Some(email.to_owned()), ..Booker::default() };
    Booking { booker, ..put(id, &["a"], "2026-12-02T12:00:00Z", 60) }
}

fn job(id: &str, email: &str) -> MailJob {
    let booking = booking(id, email);
    let told = Told { transition: Some(made(&booking)), booking, previous_resource: None };
    MailJob { kind: MailKind::Confirmed, about: vec![told] }
}

fn delivery(job: &MailJob) -> LeasedDelivery {
    LeasedDelivery {
        id: "dlv_1".into(),
        organization_id: "default".into(),
        event: "CONFIRMED".to_owned(),
        event_id: job.event_id(),
        payload: serde_json::to_string(job).unwrap(),
        attempts: 0,
        retry_until: "2026-12-02T06:00:00Z".parse().unwrap(),
    }
}

const ARRIVED: Carried = Carried::Arrived { status_code: None };

/// What came of it, where it is to be tried again.
#[track_caller]
fn tried_again(carried: Carried) -> (Option<u16>, String) {
    match carried {
        Carried::Failed { status_code, error, is_final: false } => (status_code, error),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn mails_go_over_one_connection_while_it_lasts() {
    let post = Post::open().await;
    for id in ["1", "2", "3"] {
        assert_eq!(post.deliver(id).await, ARRIVED);
    }
    let received = post.server.received_by_now(3).await;
    assert_eq!(post.server.visits(), 1);
    for (mail, id) in received.iter().zip(["1", "2", "3"]) {
        assert_eq!(
            (mail.from.as_str(), mail.to.as_slice()),
            ("studio@example.com", &["ada@example.org".to_owned()][..])
        );
        assert_eq!(mail.header("Message-ID"), format!("<evn_bkg_{id}_1@example.com>"));
    }
    // A connection that nobody has used for a minute is not trusted any more.
    post.clock.advance(Duration::from_mins(2));
    assert_eq!((post.deliver("4").await, post.server.visits()), (ARRIVED, 2));
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_given_up_at_once() {
    let post = Post::open().await;
    for answer in ["550 5.1.1 no ada@example.org here", "551 elsewhere", "553 5.1.3 what a name"] {
        post.server.behave(Manners::AnswersRecipient(answer));
        let Carried::Failed { status_code, error, is_final: true } = post.deliver("1").await else {
            panic!("{answer}")
        };
        assert_eq!(status_code.map(|code| code.to_string()).as_deref(), answer.split(' ').next());
        assert!(error.starts_with("the mail server did not accept the recipient (55"), "{error}");
        assert!(!error.contains("ada") && !error.contains("here"), "{error}");
    }
}

#[tokio::test]
async fn whatever_else_a_mail_server_has_against_a_mail_is_tried_again() {
    let post = Post::open().await;
    for (manners, code, error) in [
        (Manners::Greets("554 go away"), None, "the mail server turned us away (554)"),
        (Manners::Greets("421 too busy"), None, "the mail server turned us away (421)"),
        (Manners::Greets("HTTP/1.1 400 what"), None, "the mail server could not be reached"),
        (Manners::AnswersSignIn("535 no"), None, "the mail server did not accept user and password (535)"),
        (Manners::AnswersRecipient("450 4.2.0 later"), Some(450), "the mail server did not accept the recipient (450)"),
        (Manners::AnswersRecipient("452 4.2.2 full"), Some(452), "the mail server did not accept the recipient (452)"),
        (
            Manners::AnswersRecipient("550 5.7.1 relaying denied"),
            None,
            "the mail server did not accept the recipient (550)",
        ),
        (Manners::AnswersMail("552 5.3.4 too large"), Some(552), "the mail server did not accept the mail (552)"),
        (Manners::AnswersMail("550 spam"), Some(550), "the mail server did not accept the mail (550)"),
        (Manners::BreaksOff, None, "the mail server broke off"),
        (Manners::ForgetsToAnswer, None, "the mail server broke off"),
    ] {
        post.server.behave(manners);
        let (status_code, said) = tried_again(post.deliver("1").await);
        assert_eq!((status_code, said.as_str()), (code, error), "{manners:?}");
        // Each begins on a connection of its own.
        post.server.behave(Manners::Good);
        assert_eq!(post.deliver("1").await, ARRIVED, "after {manners:?}");
        post.clock.advance(Duration::from_mins(2));
    }
}

#[tokio::test]
async fn a_mail_server_that_nobody_finds_is_asked_again() {
    let mut post = Post::open().await;
    let gone = SmtpServer::start().await;
    let address = gone.address;
    drop(std::mem::replace(&mut post.server, gone));
    let settings = mails_to(([127, 0, 0, 1], 9).into()).mailer;
    assert_ne!(address.port(), 9);
    let key = ServerKey::new(&SecretString::from(SERVER_KEY));
    let store = Store::connect(post.database.url(), StoreOptions::default()).await.unwrap();
    let mailer = Mailer::new(settings, store, key, post.clock.clone()).unwrap();
    let (code, error) = tried_again(mailer.deliver(&delivery(&job("1", "ada@example.org"))).await);
    assert_eq!((code, error.as_str()), (None, "the mail server could not be reached"));
}

#[tokio::test]
async fn a_mail_server_that_says_nothing_is_left_after_half_a_minute() {
    let post = Post::open().await;
    post.server.behave(Manners::Hangs);
    let mailer = Arc::clone(&post.mailer);
    let sending = tokio::spawn(async move { mailer.deliver(&delivery(&job("1", "ada@example.org"))).await });
    post.server.visited(1).await;
    post.clock.advance(Duration::from_secs(29));
    tokio::task::yield_now().await;
    assert!(!sending.is_finished());
    post.clock.advance(Duration::from_secs(1));
    let (code, error) = tried_again(within_patience("the mailer to give up", sending).await.unwrap());
    assert_eq!((code, error.as_str()), (None, "the mail server took too long"));
    post.server.behave(Manners::Good);
    assert_eq!(post.deliver("1").await, ARRIVED);
    assert_eq!(post.server.visits(), 2);
}

#[tokio::test]
async fn a_mail_of_which_nobody_heard_whether_it_arrived_is_the_same_mail_again() {
    let post = Post::open().await;
    post.server.behave(Manners::ForgetsToAnswer);
    tried_again(post.deliver("1").await);
    post.server.behave(Manners::Good);
    assert_eq!(post.deliver("1").await, ARRIVED);
    let received = post.server.received_by_now(2).await;
    assert_eq!(received[0].header("Message-ID"), received[1].header("Message-ID"));
}

#[tokio::test]
async fn what_can_never_be_a_mail_is_given_up_at_once() {
    let post = Post::open().await;
    let unreadable = LeasedDelivery { payload: "{}".to_owned(), ..delivery(&job("1", "ada@example.org")) };
    let nobodys = delivery(&job("1", "\"ada\" <ada@example.org>, eve@example.org"));
    for delivery in [unreadable, nobodys] {
        let Carried::Failed { error, is_final: true, .. } = post.mailer.deliver(&delivery).await else { panic!() };
        assert!(!error.contains("example"), "{error}");
    }
    assert_eq!(post.server.visits(), 0);
}

#[tokio::test]
async fn the_booker_gets_a_link_with_the_bookings_own_token_and_the_operator_one_without() {
    let post = Post::open().await;
    let to_booker = job("1", "ada@example.org");
    let to_operator = MailJob { kind: MailKind::ApprovalWanted, ..to_booker.clone() };
    for job in [&to_booker, &to_operator] {
        assert_eq!(post.mailer.deliver(&delivery(job)).await, ARRIVED);
    }
    let token = ServerKey::new(&SecretString::from(SERVER_KEY)).management_token(&"bkg_1".into());
    let received = post.server.received_by_now(2).await;
    assert!(received[0].everything().contains(&format!("https://studio.example.com/bookings/bkg_1#token={token}")));
    assert_eq!(received[1].to, ["desk@example.com"]);
    assert!(received[1].everything().contains("https://studio.example.com/bookings/bkg_1"));
    assert!(!received[1].everything().contains(&token));
    // The password went to the mail server and nowhere else.
    assert!(received.iter().all(|mail| !mail.text.contains(MAIL_PASSWORD)));
    assert!(post.server.heard().iter().any(|line| line.starts_with("AUTH PLAIN ")));
}

#[tokio::test]
async fn a_reminder_is_sent_of_what_still_happens_and_says_what_it_is_by_then() {
    let server = TestServer::start().await;
    server.resources([ResourceSpec::named("a")]).await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a"])]).await;
    let post = SmtpServer::start().await;
    let mailer = mailer(&post, &server.store, server.clock.clone());
    let there = booking("1", "ada@example.org");
    let moved = Booking { booker: there.booker.clone(), ..put("2", &["a"], "2026-12-02T15:00:00Z", 60) };
    let cancelled = Booking { status: BookingStatus::Cancelled, ..booking("3", "ada@example.org") };
    server.put_bookings(&[there, moved, cancelled]).await;
    let reminder = |id: &str| {
        let told = Told { booking: booking(id, "old@example.org"), transition: None, previous_resource: None };
        delivery(&MailJob { kind: MailKind::Reminder, about: vec![told] })
    };
    for id in ["2", "3", "unknown"] {
        assert_eq!(mailer.deliver(&reminder(id)).await, Carried::Dropped, "{id}");
    }
    assert_eq!(mailer.deliver(&reminder("1")).await, ARRIVED);
    assert_eq!(post.received_by_now(1).await[0].to, ["ada@example.org"]);
    server.clock.advance_to("2026-12-02T12:00:00Z".parse().unwrap());
    assert_eq!(mailer.deliver(&reminder("1")).await, Carried::Dropped);
}
