//! Receivers that do not do what they should.

use super::*;

/// A sender with the patience that it has outside of tests, for time that stands still until there is nothing else to do.
fn patient() -> WebhookSender {
    patient_with(answers(&["127.0.0.1"]))
}

fn patient_with(lookup: Lookup) -> WebhookSender {
    let clock = Arc::new(SystemClock::new());
    WebhookSender::reaching(Reach::ANYWHERE, lookup, RootCertStore::empty(), server_key(), clock).unwrap()
}

/// How many seconds have passed; the machine's own clock, by which the sender reckons its deadline, does not stand still.
fn seconds(begun: Instant) -> u64 {
    (begun.elapsed() + Duration::from_millis(500)).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_does_not_answer_has_five_seconds() {
    // Time that stands still jumps to the next deadline whenever there is nothing else to do.
    for silent in
        ["", "HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-slow: y", "HTTP/1.1 100 Continue\r\n\r\n"]
    {
        let receiver = Receiver::start([Answer::raw(silent).and_falls_silent()]).await;
        let begun = Instant::now();
        let failure = failure(patient().send(&webhook(receiver.url()), &delivery()).await);
        assert_eq!(failure, (None, TOO_LATE.to_owned(), false), "{silent:?}");
        assert_eq!(seconds(begun), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_receiver_has_answered_counts_however_slow_the_rest_of_it_is() {
    for (status, expected) in [(200, true), (503, false)] {
        let half = Answer::raw(format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 100\r\n\r\nhalf"));
        let receiver = Receiver::start([half.and_falls_silent()]).await;
        let begun = Instant::now();
        let carried = patient().send(&webhook(receiver.url()), &delivery()).await;
        assert_eq!(carried == arrived(status), expected, "{carried:?}");
        assert_eq!(seconds(begun), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nobody_knows_in_time_is_given_up_as_well() {
    let never: Lookup = Arc::new(|_| Box::pin(std::future::pending()));
    let failure = failure(patient_with(never).send(&webhook("https://hooks.example.com/"), &delivery()).await);
    assert_eq!(failure, (None, TOO_LATE.to_owned(), false));
}

#[tokio::test]
async fn of_an_endless_answer_only_the_beginning_is_read() {
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, "x".repeat(1 << 16));
    for endless in [
        Answer::raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}")).and_falls_silent(),
        Answer::raw("HTTP/1.1 200 OK\r\n\r\n").again_and_again(),
    ] {
        let receiver = Receiver::start([endless]).await;
        assert_eq!(sender().send(&webhook(receiver.url()), &delivery()).await, arrived(200));
    }
}

#[tokio::test]
async fn an_answer_is_not_unpacked() {
    // A bomb that is none until somebody unpacks it: what is announced is never looked at.
    let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 7\r\n\r\nno gzip";
    let mut receiver = Receiver::start([Answer::raw(answer), Answer::status(200)]).await;
    let sender = sender();
    for _ in 0..2 {
        assert_eq!(sender.send(&webhook(receiver.url()), &delivery()).await, arrived(200));
        // It was read to its end as it is.
        assert_eq!(receiver.next().await.connection, 0);
    }
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere() {
    for status in [301, 302, 303, 307, 308] {
        let mut elsewhere = Receiver::start([Answer::status(200)]).await;
        let moved = format!("HTTP/1.1 {status} Moved\r\nlocation: {}/\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
        let receiver = Receiver::start([Answer::raw(moved)]).await;
        let failure = failure(sender().send(&webhook(receiver.url()), &delivery()).await);
        let expected = format!("The receiver answered {status}. Redirects are not followed.");
        assert_eq!(failure, (Some(status), expected, false));
        assert!(elsewhere.has_seen_nothing());
    }
}

#[tokio::test]
async fn what_is_no_answer_fails_in_words_of_ours() {
    let many: String = "x-many: hunter2\r\n".repeat(500);
    let long = format!("x-long: {}\r\n", "hunter2".repeat(200_000));
    for wrong in [
        String::new(),
        "hunter2 is what I say\r\n\r\n".to_owned(),
        "HTTP/1.1 hunter2\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nhunter2".to_owned(),
        "HTTP/1.1 200 OK\r\nhunter2\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: hunter2\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        format!("HTTP/1.1 200 OK\r\n{long}\r\n"),
        // HTTP/2, which was not agreed upon.
        "\0\0\x06\x04\0\0\0\0\0".to_owned(),
    ] {
        let receiver = Receiver::start([Answer::raw(wrong.clone()).and_closes()]).await;
        let failure = failure(sender().send(&webhook(receiver.url()), &delivery()).await);
        let expected = "The receiver broke the connection off, or what it answered is not HTTP.";
        assert_eq!(failure, (None, expected.to_owned(), false), "{wrong:.80}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_refuses_the_connection_and_may_come_back() {
    let receiver = Receiver::start([Answer::status(200)]).await;
    let address = receiver.address().to_string();
    let (sender, webhook) = (sender(), webhook(receiver.url()));
    assert_eq!(sender.send(&webhook, &delivery()).await, arrived(200));
    let gone = Receiver::start([]).await;
    let elsewhere = Webhook { url: gone.url().to_owned(), ..webhook.clone() };
    let freed = gone.address().to_string();
    drop(gone);
    // Its listener goes with its task.
    while std::net::TcpListener::bind(&freed).is_err() {
        tokio::task::yield_now().await;
    }
    let failure = failure(sender.send(&elsewhere, &delivery()).await);
    assert_eq!(failure, (None, "The receiver refused the connection.".to_owned(), false));
    let _back = Receiver::start_at(&freed, [Answer::status(200)]).await;
    assert_eq!(sender.send(&elsewhere, &delivery()).await, arrived(200));
    assert_ne!(address, freed);
}
