//! The addresses of calendars, as programs ask at them again and again: over HTTP, with good keys and with bad ones.

use reqwest::Method;
use serde_json::json;
use slotwise::config::LimitSettings;
use slotwise::throttle::{Rate, RateLimits};

use crate::support::calendars::{Fetched, fetch, fetch_with, read};
use crate::support::database::TestDatabase;
use crate::support::studios::{booking, studios};
use crate::support::{ServerOptions, ServerProcess, TestServer};

/// What a program gets that has `tags` already.
async fn fetch_unless(url: &str, tags: &str) -> Fetched {
    fetch_with(Method::GET, url, &[("if-none-match", tags)]).await
}

#[tokio::test]
async fn a_calendar_is_sent_when_it_has_changed_and_only_then() {
    let server = studios().await;
    let ada = server.customer("ada");
    let (_, url) = ada.feed(json!({ "details": true })).await;
    let first = fetch(&url).await;
    assert_eq!((first.status, first.header("content-type")), (200, "text/calendar; charset=utf-8"));
    assert_eq!(first.header("content-disposition"), "inline; filename=\"calendar.ics\"");
    assert_eq!(first.header("cache-control"), "private, no-cache");
    assert_eq!((first.header("x-robots-tag"), first.header("referrer-policy")), ("noindex", "no-referrer"));
    let tag = first.header("etag").to_owned();
    let strong = tag.strip_prefix("W/").unwrap().to_owned();
    assert!(strong.starts_with('"') && strong.ends_with('"') && strong.len() == 45, "{tag}");
    for tags in [tag.clone(), format!("\"other\", {tag}"), strong, "*".to_owned()] {
        let same = fetch_unless(&url, &tags).await;
        assert_eq!((same.status, same.header("etag"), same.text.as_str()), (304, tag.as_str(), ""), "{tags}");
        assert_eq!(same.header("cache-control"), "private, no-cache");
        assert!(same.headers.get_all("vary").iter().any(|names| names == "accept-encoding"));
    }
    ada.book_it(booking("a", "hour", 10)).await;
    let changed = fetch_unless(&url, &tag).await;
    assert_eq!((changed.status, read(&changed.text).len()), (200, 1));
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(fetch_unless(&url, changed.header("etag")).await.status, 304);
}

#[tokio::test]
async fn only_reading_is_possible_and_heads_say_what_a_reading_would() {
    let server = studios().await;
    let (_, url) = server.customer("ada").feed(json!({})).await;
    let whole = fetch_with(Method::GET, &url, &[("accept-encoding", "identity")]).await;
    let head = fetch_with(Method::HEAD, &url, &[("accept-encoding", "identity")]).await;
    assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", whole.header("etag")));
    assert_eq!(head.header("content-length"), whole.text.len().to_string());
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        for url in [url.clone(), format!("http://{}/calendars/none.ics", server.address)] {
            let refused = fetch_with(method.clone(), &url, &[]).await;
            assert_eq!((refused.status, refused.header("allow")), (405, "GET,HEAD"), "{method}");
        }
    }
}

#[tokio::test]
async fn a_calendar_is_compressed_for_whoever_wants_that() {
    let server = studios().await;
    let (_, url) = server.customer("ada").feed(json!({})).await;
    // Not unpacked before anybody sees it.
    let client = reqwest::Client::builder().no_gzip().build().unwrap();
    let compressed = client.get(&url).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    let plain = fetch(&url).await;
    assert_eq!(compressed.headers()["etag"], plain.header("etag"));
}

#[tokio::test]
async fn whatever_opens_nothing_gets_one_and_the_same_answer() {
    let server = studios().await;
    let ada = server.customer("ada");
    let (id, revoked) = ada.feed(json!({})).await;
    ada.revoke(&id).await;
    let (_, good) = ada.feed(json!({})).await;
    let key = good.rsplit('/').next().unwrap().strip_suffix(".ics").unwrap().to_owned();
    let refused = fetch(&revoked).await;
    assert_eq!((refused.status, refused.header("cache-control")), (404, "no-store"));
    let names = [
        format!("{}.ics", "A".repeat(43)),
        "none.ics".to_owned(),
        ".ics".to_owned(),
        key.clone(),
        format!("{key}.ICS"),
        format!("{key}.ics.ics"),
        format!("{key}=.ics"),
        format!("x/{key}.ics"),
        format!("{key}.ics/"),
        format!("%{:02x}{}.ics", key.as_bytes()[0], &key[1..]),
        "%ff%00.ics".to_owned(),
        format!("{}.ics", "é".repeat(2_000)),
    ];
    for name in names {
        let answer = fetch(&format!("http://{}/calendars/{name}", server.address)).await;
        assert_eq!((answer.status, &answer.text), (404, &refused.text), "{name}");
    }
    assert_eq!(fetch(&good).await.status, 200);
}

#[tokio::test]
async fn nobody_is_kept_from_signing_in_because_somebody_asks_for_made_up_calendars() {
    let rates = RateLimits { failed_sign_ins: Rate::new(60, 1), queries: Rate::new(60, 5), ..RateLimits::OFF };
    let (url, server) = limited(rates).await;
    let from = async |address: &str, url: &str| fetch_with(Method::GET, url, &[("x-forwarded-for", address)]).await;
    let bad = format!("http://{}/calendars/none.ics", server.address);
    for _ in 0..4 {
        assert_eq!(from("192.0.2.1", &bad).await.status, 404);
    }
    assert_eq!(from("192.0.2.1", &url).await.status, 200);
    // Each is a query all the same.
    let refused = from("192.0.2.1", &bad).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    assert_eq!(from("192.0.2.2", &url).await.status, 200);
}

#[tokio::test]
async fn reading_calendars_is_limited_as_queries_are() {
    let (url, _server) = limited(RateLimits { queries: Rate::new(60, 2), ..RateLimits::OFF }).await;
    let from = async |address: &str| fetch_with(Method::GET, &url, &[("x-forwarded-for", address)]).await.status;
    assert_eq!((from("192.0.2.1").await, from("192.0.2.1").await, from("192.0.2.1").await), (200, 200, 429));
    assert_eq!(from("192.0.2.2").await, 200);
}

/// A calendar on a server with these limits, where whoever asks is where they say.
async fn limited(rates: RateLimits) -> (String, TestServer) {
    let limits = LimitSettings { rates, ..LimitSettings::default() };
    let server = TestServer::start_with(ServerOptions { limits, ..ServerOptions::default() }.behind_a_proxy()).await;
    let (_, url) = server.customer("ada").feed(json!({})).await;
    (url, server)
}

#[tokio::test]
async fn no_key_gets_into_the_log() {
    let database = TestDatabase::new().await;
    let settings = [("SLOTWISE_LOG", "debug"), ("SLOTWISE_PUBLIC_URL", "http://localhost:1")];
    let server = ServerProcess::start(database.url(), &settings).await;
    let (_, url) = server.staff().feed(json!({ "details": true })).await;
    let name = url.strip_prefix("http://localhost:1/").unwrap();
    let bad = "calendars/a-key-that-is-none.ics";
    for (name, status) in [(name, 200), (bad, 404)] {
        assert_eq!(fetch(&server.address_of(name)).await.status, status);
    }
    let log = server.log_until("\"path\":\"/calendars/\"").await;
    let key = name.split(['/', '.']).nth(1).unwrap();
    assert!(!log.contains(key) && !log.contains("a-key-that-is-none"), "{log}");
}
