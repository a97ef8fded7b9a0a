use std::sync::Mutex;

use super::*;

/// Answers with each of these in turn, and with the last one from then on.
fn answers(answers: &[&[&str]]) -> Lookup {
    let answers: Vec<Vec<IpAddr>> =
        answers.iter().map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect()).collect();
    let left = Mutex::new(answers);
    Arc::new(move |_| {
        let mut left = left.lock().unwrap();
        let answer = if left.len() > 1 { left.remove(0) } else { left[0].clone() };
        Box::pin(async move { Ok(answer) })
    })
}

async fn resolve(resolver: &CheckedResolver) -> Result<Vec<String>, Refused> {
    match resolver.resolve("hooks.example.com".parse().unwrap()).await {
        Ok(addresses) => Ok(addresses.map(|address| address.ip().to_string()).collect()),
        Err(error) => Err(*error.downcast_ref().unwrap()),
    }
}

#[test]
fn requests_go_to_names_and_public_addresses_over_https() {
    for good in [
        "https://hooks.example.com/slotwise?tenant=1",
        "https://hooks.example.com:8443/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        // What it means is found out when it is looked up.
        "https://localhost/",
        "https://xn--bcher-kva.example/",
    ] {
        assert!(Reach::PUBLIC.url(good).is_ok(), "{good}");
    }
    for (wrong, expected) in [
        ("", Refused::Malformed),
        ("hooks.example.com", Refused::Malformed),
        ("https://", Refused::Malformed),
        ("https://exa mple.com/", Refused::Malformed),
        ("https://1.2.3.4.5/", Refused::Malformed),
        ("ftp://hooks.example.com/", Refused::Malformed),
        ("file:///etc/passwd", Refused::Malformed),
        ("data:text/plain,hello", Refused::Malformed),
        ("http://hooks.example.com/", Refused::NotHttps),
        ("http://127.0.0.1/", Refused::NotHttps),
    ] {
        assert_eq!(Reach::PUBLIC.url(wrong).unwrap_err(), expected, "{wrong}");
    }
}

#[test]
fn an_address_is_refused_however_it_is_written() {
    for private in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.01",
        "0",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "127.0.0.1.",
        "10.0.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
    ] {
        for port in ["", ":443", ":8443"] {
            let url = format!("https://{private}{port}/");
            assert_eq!(Reach::PUBLIC.url(&url).unwrap_err(), Refused::NotPublic, "{url}");
            assert!(Reach::ANYWHERE.url(&url).is_ok(), "{url}");
        }
    }
}

#[test]
fn in_development_requests_go_anywhere_on_the_web() {
    assert!(Reach::ANYWHERE.url("http://127.0.0.1:3000/hooks").is_ok());
    assert_eq!(Reach::ANYWHERE.url("ftp://127.0.0.1/").unwrap_err(), Refused::Malformed);
}

#[tokio::test]
async fn only_public_addresses_of_a_name_are_connected_to() {
    let resolver = |found: &[&str]| CheckedResolver::new(answers(&[found]), is_public);
    assert_eq!(resolve(&resolver(&["127.0.0.1"])).await, Err(Refused::NotPublic));
    assert_eq!(resolve(&resolver(&["10.0.0.1", "::1", "fd00::1"])).await, Err(Refused::NotPublic));
    assert_eq!(resolve(&resolver(&["10.0.0.1", "1.1.1.1", "::1"])).await, Ok(vec!["1.1.1.1".to_owned()]));
    assert_eq!(resolve(&resolver(&[])).await, Err(Refused::Unresolved));
    let many: Vec<String> = (0..=255).map(|last| format!("1.1.1.{last}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(resolve(&resolver(&many)).await.map(|found| found.len()), Ok(MAX_ADDRESSES));
}

#[tokio::test]
async fn a_name_is_checked_anew_for_each_connection() {
    let resolver = CheckedResolver::new(answers(&[&["1.1.1.1"], &["127.0.0.1"], &["1.0.0.1"]]), is_public);
    assert_eq!(resolve(&resolver).await, Ok(vec!["1.1.1.1".to_owned()]));
    assert_eq!(resolve(&resolver).await, Err(Refused::NotPublic));
    assert_eq!(resolve(&resolver).await, Ok(vec!["1.0.0.1".to_owned()]));
}

#[tokio::test]
async fn the_machines_own_names_lead_nowhere() {
    let resolver = CheckedResolver::new(system_lookup(), is_public);
    let error = resolver.resolve("localhost".parse().unwrap()).await.err().unwrap();
    assert_eq!(error.downcast_ref(), Some(&Refused::NotPublic));
    // No part of a name may be that long (RFC 1035), so nobody has to be asked.
    let name = format!("{}.example.com", "x".repeat(64));
    let error = resolver.resolve(name.parse().unwrap()).await.err().unwrap();
    assert_eq!(error.downcast_ref(), Some(&Refused::Unresolved));
}
