//! Where requests go, and where they do not.

use super::*;

/// A reach that ends at one address, as the real one ends at the public internet.
fn only_first(address: IpAddr) -> bool {
    address == IpAddr::from([127, 0, 0, 1])
}

const ONE_ADDRESS: Reach = Reach { plain_http: true, allows: only_first };

#[tokio::test]
async fn the_connection_goes_to_the_address_that_the_name_was_looked_up_to() {
    let mut receiver = Receiver::start([Answer::status(200)]).await;
    let port = receiver.address().port();
    let url = format!("http://hooks.example.com:{port}/");
    assert_eq!(sender().send(&webhook(&url), &delivery()).await, arrived(200));
    assert_eq!(receiver.next().await.header("host"), format!("hooks.example.com:{port}"));
}

#[tokio::test]
async fn a_url_that_cannot_be_right_is_given_up_at_once() {
    let mut receiver = Receiver::start([]).await;
    let port = receiver.address().port();
    let (sender, _) = sender_with(Reach::PUBLIC, &["127.0.0.1"]);
    for (url, expected) in [
        (format!("http://127.0.0.1:{port}/"), "The URL does not begin with https."),
        (format!("http://hooks.example.com:{port}/"), "The URL does not begin with https."),
        (format!("https://127.0.0.1:{port}/"), "The address is not public."),
        (format!("https://0x7f.1:{port}/"), "The address is not public."),
        (format!("https://[::ffff:127.0.0.1]:{port}/"), "The address is not public."),
        ("not a URL".to_owned(), "The URL is malformed."),
        (format!("gopher://127.0.0.1:{port}/"), "The URL is malformed."),
    ] {
        assert_eq!(failure(sender.send(&webhook(&url), &delivery()).await), (None, expected.to_owned(), true), "{url}");
    }
    assert!(receiver.has_seen_nothing());
}

#[tokio::test]
async fn a_name_for_an_address_that_is_not_public_is_not_connected_to() {
    let mut receiver = Receiver::start([]).await;
    let url = format!("https://hooks.example.com:{}/", receiver.address().port());
    for private in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"] {
        let (sender, _) = sender_with(Reach::PUBLIC, &[private]);
        let failure = failure(sender.send(&webhook(&url), &delivery()).await);
        // Names may come to mean something else.
        assert_eq!(failure, (None, "The address is not public.".to_owned(), false), "{private}");
    }
    assert!(receiver.has_seen_nothing());
}

#[tokio::test]
async fn a_name_that_changes_its_meaning_is_checked_for_each_connection() {
    let close = || Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").and_closes();
    let mut receiver = Receiver::start([close(), close()]).await;
    let port = receiver.address().port();
    let mut inside = Receiver::start_at(&format!("127.0.0.2:{port}"), [close()]).await;
    let webhook = webhook(&format!("http://hooks.example.com:{port}/"));
    let (sender, _) = sender_with(ONE_ADDRESS, &["127.0.0.1", "127.0.0.2", "127.0.0.1"]);
    assert_eq!(sender.send(&webhook, &delivery()).await, arrived(200));
    receiver.next().await;
    assert_eq!(failure(sender.send(&webhook, &delivery()).await).1, "The address is not public.");
    assert_eq!(sender.send(&webhook, &delivery()).await, arrived(200));
    receiver.next().await;
    assert!(inside.has_seen_nothing());
}

#[tokio::test]
async fn a_name_without_an_address_may_get_one() {
    let nobody: Lookup = Arc::new(|_| Box::pin(async { Err(std::io::Error::other("NXDOMAIN, says 10.0.0.53")) }));
    let clock = Arc::new(TestClock::new(now()));
    let sender = WebhookSender::reaching(Reach::PUBLIC, nobody, RootCertStore::empty(), server_key(), clock).unwrap();
    let failure = failure(sender.send(&webhook("https://hooks.example.com/"), &delivery()).await);
    assert_eq!(failure, (None, "The host name could not be resolved.".to_owned(), false));
}

#[test]
fn a_sender_reaches_public_addresses_unless_it_is_told_otherwise() {
    let clock: SharedClock = Arc::new(TestClock::new(now()));
    let reach = |insecure| {
        WebhookSender::new(&WebhookSettings { insecure, ..WebhookSettings::default() }, server_key(), clock.clone())
            .unwrap()
            .reach
    };
    assert!(!reach(false).plain_http && reach(true).plain_http);
    for address in ["127.0.0.1", "8.8.8.8"] {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!((reach(false).allows)(address), is_public(address));
        assert!((reach(true).allows)(address));
    }
    assert!(!WebhookSettings::default().insecure);
}
