//! Which addresses are taken when somebody books: those that can be written to.

use lettre::Address;
use proptest::prelude::*;
use serde_json::{Value, json};
use slotwise::domain::person::is_email;

use crate::support::life::booked;
use crate::support::studios::with;
use crate::support::{EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

proptest! {
    #[test]
    fn what_is_taken_for_an_address_can_be_written_to(
        local in "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~\"\\\\ <>(),:;@\u{e4}\u{df}\u{4e2d}\u{301}\u{200d}\u{ad}-]{0,70}",
        domain in "([a-zA-Z0-9\u{e4}\u{df}\u{4e2d}\u{301}\u{130}_\\[\\]-]{0,66}[.\u{3002}]?){0,5}",
    ) {
        for text in [format!("{local}@{domain}"), local, domain] {
            prop_assert!(!is_email(&text) || text.parse::<Address>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn no_text_at_all_is_taken_that_cannot_be_written_to(text in "\\PC{0,40}@\\PC{0,40}") {
        prop_assert!(!is_email(&text) || text.parse::<Address>().is_ok(), "{text:?}");
    }
}

#[test]
fn usual_addresses_are_taken() {
    for usual in [
        "ada@example.org",
        "ada.lovelace+studio@mail.example.co.uk",
        "o'neill@example.org",
        "a@b.c",
        "ada@localhost",
        "grün@bücher.example",
        "ada@xn--bcher-kva.example",
        "用户@例子.公司",
        "1234567890@example.museum",
        "_@example.org",
    ] {
        assert!(is_email(usual) && usual.parse::<Address>().is_ok(), "{usual}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_to_is_refused_when_somebody_books() {
    let server = TestServer::start_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    server.resources([ResourceSpec::named("a")]).await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a"])]).await;
    let book = |email: &str| {
        with(
            json!({ "resourceId": "res_a", "eventTypeId": "evt_hour", "start": "2026-12-02T12:00:00Z" }),
            json!({ "booker": { "name": "Ada", "email": email } }),
        )
    };
    let guest = server.anonymous();
    for odd in [
        "ada",
        "ada@",
        "@example.org",
        "ada@example..org",
        ".ada@example.org",
        "ada.@example.org",
        "a..da@example.org",
        "ada@-example.org",
        "ada@exa_mple.org",
        "ada@example.org.",
        "Ada <ada@example.org>",
        "\"ada b\"@example.org",
        "ada@[192.0.2.1]",
        "ada@example.org,eve@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        &format!("{}@example.org", "a".repeat(65)),
    ] {
        let payload: Value = guest.book(book(odd)).await;
        let refused = &payload["userErrors"][0];
        assert_eq!(
            (refused["code"].as_str(), &refused["field"]),
            (Some("INVALID"), &json!(["input", "booker", "email"]))
        );
        assert!(refused["message"].as_str().unwrap().contains("`ada@example.org`"), "{refused}");
    }
    booked(&guest.book(book("ada@example.org")).await);
}
