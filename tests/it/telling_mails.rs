//! Mail servers that are out of order: bookings do not wait for them, and every mail arrives in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::support::mail::mails_to;
use crate::support::moving::{an_hour, rooms_with};
use crate::support::receiver::Receiver;
use crate::support::smtp::{Manners, Received, SmtpServer};
use crate::support::{Actor, ServerOptions, TestServer};

/// How long a mail server has to take a mail.
const PATIENCE: Duration = Duration::from_secs(30);

async fn server(post: &SmtpServer) -> TestServer {
    rooms_with(ServerOptions { mail: Some(mails_to(post.address)), ..ServerOptions::default() }).await
}

/// Books the hour of that number, and calls it off.
async fn book_and_cancel(actor: &Actor, number: usize) -> String {
    let start = format!("2026-12-{:02}T{:02}:00:00Z", 10 + number / 24, number % 24);
    let (id, _) = actor.make(an_hour("any", "a", &start)).await;
    assert_eq!(actor.cancel(json!({ "id": id })).await["booking"]["status"], "CANCELLED");
    id
}

/// The ids of mails, as they came.
fn ids(mails: &[Received]) -> Vec<String> {
    mails.iter().map(|mail| mail.header("Message-ID")).collect()
}

/// The ids of the two mails about each of these bookings.
fn expected(bookings: &[String]) -> Vec<String> {
    let of = |id: &String| [1, 2].map(|change| format!("<evn_{id}_{change}@example.com>"));
    bookings.iter().flat_map(of).collect()
}

/// Fails unless these are the mails about `bookings`, of each in order; how often each came.
#[track_caller]
fn assert_all_came(mails: &[Received], bookings: &[String]) -> BTreeMap<String, usize> {
    let ids = ids(mails);
    for pair in expected(bookings).chunks(2) {
        let last_of_first = ids.iter().rposition(|id| *id == pair[0]).expect("the first mail");
        let second = ids.iter().position(|id| *id == pair[1]).expect("the second mail");
        assert!(last_of_first < second, "they came in another order");
    }
    let mut counts = BTreeMap::new();
    for id in ids {
        *counts.entry(id).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 2 * bookings.len(), "and no others");
    counts
}

#[tokio::test]
async fn whatever_a_mail_server_answers_every_mail_arrives_once_when_it_is_back() {
    let post = SmtpServer::start().await;
    let (server, receiver) = (server(&post).await, Receiver::start().await);
    server.tell(&receiver, json!({})).await;
    let (ada, mut bookings) = (server.customer("ada"), Vec::new());
    for manners in [
        Manners::Greets("421 4.3.2 too busy"),
        Manners::AnswersSignIn("454 4.7.0 later"),
        Manners::AnswersRecipient("450 4.2.0 later"),
        Manners::AnswersMail("451 4.3.0 later"),
        Manners::BreaksOff,
    ] {
        post.behave(manners);
        // Connections from before are not used any more.
        server.clock.advance(Duration::from_mins(2));
        let before = post.received().len();
        for _ in 0..3 {
            bookings.push(book_and_cancel(&ada, bookings.len()).await);
        }
        server.until_quiet().await;
        assert_eq!(receiver.taken().len(), 2 * bookings.len(), "webhooks do not wait for mails");
        for _ in 0..4 {
            server.pass_until_next().await;
        }
        assert_eq!(post.received().len(), before, "{manners:?}");
        post.behave(Manners::Good);
        server.pass_until_told().await;
        assert_eq!(post.received().len(), 2 * bookings.len(), "{manners:?}");
    }
    let counts = assert_all_came(&post.received(), &bookings);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

#[tokio::test]
async fn mails_wait_for_a_mail_server_that_is_not_there_yet() {
    // An address that no other test uses, so that the port stays free meanwhile.
    let gone = SmtpServer::start_at("127.0.0.3:0").await;
    let address = gone.address;
    let server = server(&gone).await;
    gone.stop().await;
    let ada = server.customer("ada");
    let bookings = [book_and_cancel(&ada, 0).await, book_and_cancel(&ada, 1).await];
    server.until_quiet().await;
    for _ in 0..4 {
        server.pass_until_next().await;
    }
    let post = SmtpServer::start_at(&address.to_string()).await;
    assert_ne!(server.untold().await, 0);
    server.pass_until_told().await;
    assert_eq!(post.received().len(), 4);
    assert_all_came(&post.received(), &bookings);
}

#[tokio::test]
async fn a_mail_server_that_hangs_delays_neither_bookings_nor_webhooks() {
    let post = SmtpServer::start().await;
    let (server, receiver) = (server(&post).await, Receiver::start().await);
    server.tell(&receiver, json!({})).await;
    post.behave(Manners::Hangs);
    let ada = server.customer("ada");
    let bookings = [book_and_cancel(&ada, 0).await];
    // No time passes.
    receiver.taken_by_now(2).await;
    post.visited(1).await;
    server.clock.advance(PATIENCE);
    server.until_quiet().await;
    server.clock.advance(2 * PATIENCE);
    post.visited(2).await;
    assert_eq!(post.received(), []);
    post.behave(Manners::Good);
    server.pass_until_told().await;
    assert_eq!(post.received().len(), 2);
    assert_all_came(&post.received(), &bookings);
}

#[tokio::test]
async fn a_mail_of_which_the_server_did_not_say_that_it_has_it_comes_again_as_the_same_mail() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    post.behave(Manners::ForgetsToAnswer);
    let bookings = [book_and_cancel(&server.customer("ada"), 0).await];
    server.until_quiet().await;
    post.behave(Manners::Good);
    server.pass_until_told().await;
    let counts = assert_all_came(&post.received(), &bookings);
    let expected = expected(&bookings);
    // Of what it did say it has it gets no other.
    assert_eq!(counts, BTreeMap::from([(expected[0].clone(), 2), (expected[1].clone(), 1)]));
}

#[tokio::test]
async fn a_mail_to_nobody_is_given_up_and_what_comes_after_it_is_sent() {
    let post = SmtpServer::start().await;
    let (server, receiver) = (server(&post).await, Receiver::start().await);
    server.tell(&receiver, json!({})).await;
    post.behave(Manners::AnswersRecipient("550 5.1.1 nobody here"));
    let ada = server.customer("ada");
    let (id, _) = ada.make(an_hour("any", "a", "2026-12-10T10:00:00Z")).await;
    server.until_quiet().await;
    assert_eq!(server.untold().await, 0, "it is not tried again");
    post.behave(Manners::Good);
    ada.cancel(json!({ "id": id })).await;
    server.pass_until_told().await;
    assert_eq!(ids(&post.received()), [format!("<evn_{id}_2@example.com>")]);
    assert_eq!(receiver.taken().len(), 2);
}
