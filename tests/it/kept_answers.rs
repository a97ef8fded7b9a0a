//! Answers that are kept: the same as those that are made anew, always, and for much less.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use slotwise::config::LimitSettings;
use slotwise::throttle::{Rate, RateLimits};

use crate::support::studios::{DAY, at, booking, hold, secret, studios_with};
use crate::support::{Actor, Choices, ServerOptions, TestServer};

/// What is asked after each step. Of renewals nobody is told, so when they were is not asked for; and the revision of what
/// is offered may grow while that stays the same.
const QUESTIONS: [&str; 9] = [
    r#"{ daySlots(resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_hour") {
        id validUntil slots { start end remaining } } }"#,
    r#"{ daySlots(resourceId: "res_a", date: "2026-12-01", eventTypeId: "evt_rehearsal", includeUnavailable: true) {
        validUntil slots { start unavailable } } }"#,
    r#"{ daySlots(resourceId: "res_b", date: "2026-12-02", durationMinutes: 60, addOns: [{ resourceId: "res_a" }]) {
        slots { start } } }"#,
    r#"{ monthAvailability(resourceId: "res_a", from: "2026-12-01", to: "2026-12-31", eventTypeId: "evt_session") {
        validUntil days { date available slotCount } } }"#,
    r#"{ datePresence(resourceId: "res_a", date: "2026-12-02") { revision holds { start end holder quantity since data } } }"#,
    r#"{ presenceBetween(resourceId: "res_b", from: "2026-12-01", to: "2026-12-03") { revision date holds { start holder } } }"#,
    "{ resources { totalCount nodes { id name active eventTypes { id title } } } }",
    r#"{ resource(id: "res_a") { name updatedAt eventTypes { title resources { nodes { name } } } } }"#,
    r#"{ eventTypes { nodes { id title durationOptions } } b: resourceBySlug(slug: "b") { name } }"#,
];
/// What is offered, as what is known of the catalogue says it, and as all of it is read anew: moving a booking that is none
/// changes nothing.
const OFFERED: [&str; 2] = [
    r#"{ daySlots(resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_hour") {
        revision validUntil slots { start end remaining } } }"#,
    r#"{ daySlots(resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_hour", reschedule: { bookingId: "bkg_none" }) {
        revision validUntil slots { start end remaining } } }"#,
];
/// Steps of each sequence.
const STEPS: usize = 60;
/// How many sequences are tried.
const SEQUENCES: usize = 2;

/// A server that keeps answers, whatever the database.
async fn keeping() -> TestServer {
    let limits = LimitSettings { kept_answers: Some(16), ..ServerOptions::default().limits };
    studios_with(ServerOptions { limits, ..ServerOptions::default() }).await
}

/// What is answered to `query` where nothing can be kept of it: nobody has ever asked in these words.
async fn anew(actor: &Actor, query: &str, number: &mut usize) -> Value {
    *number += 1;
    actor.send(&format!("{query} # {number}"), json!({})).await.body
}

/// One of the things that people do.
async fn step(server: &TestServer, choices: &mut Choices, made: &mut Vec<String>) {
    let (ada, root) = (server.customer("ada"), server.runner());
    let resource = ["a", "b"][choices.below(2)];
    let hour = u32::try_from(9 + choices.below(12)).unwrap();
    match choices.below(9) {
        0 | 1 => {
            let booked = ada.book(booking(resource, "hour", hour)).await;
            made.extend(booked["booking"]["id"].as_str().map(str::to_owned));
        }
        2 if !made.is_empty() => {
            let id = made.swap_remove(choices.below(made.len()));
            ada.cancel(json!({ "id": id })).await;
        }
        3 | 4 => {
            let session = ["one", "two"][choices.below(2)];
            ada.heartbeat(hold(resource, "hour", hour, 60, session)).await;
        }
        5 => {
            let session = secret(["one", "two"][choices.below(2)]);
            ada.leave(json!({ "resourceId": format!("res_{resource}"), "sessionSecret": session })).await;
        }
        6 => {
            let name = format!("Studio {}", choices.below(100));
            root.run_well("updateResource", json!({ "id": format!("res_{resource}"), "name": name })).await;
        }
        7 => {
            let title = format!("By the hour {}", choices.below(100));
            let notice = choices.below(3) * 60;
            let input = json!({ "id": "evt_hour", "title": title, "minNoticeMinutes": notice });
            root.run_well("updateEventType", input).await;
        }
        _ => {
            let seconds = [1, 4, 9, 60, 3_600, 20_000][choices.below(6)];
            server.clock.advance(Duration::from_secs(seconds));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_what_is_kept_is_what_would_be_answered_anew() {
    for seed in 0..SEQUENCES {
        let server = keeping().await;
        let (mut choices, mut made, mut number) = (Choices::new(seed), Vec::new(), 0);
        let actors = [server.anonymous(), server.customer("bob"), server.staff()];
        for done in 0..STEPS {
            step(&server, &mut choices, &mut made).await;
            let offered =
                [anew(&actors[0], OFFERED[0], &mut number).await, anew(&actors[0], OFFERED[1], &mut number).await];
            assert_eq!(offered[0], offered[1], "seed {seed}, after step {done}");
            for query in QUESTIONS {
                let actor = &actors[choices.below(actors.len())];
                let fresh = anew(actor, query, &mut number).await;
                // The first answer may be kept from before, the second one from the first.
                for _ in 0..2 {
                    let kept = actor.send(query, json!({})).await.body;
                    assert_eq!(kept, fresh, "seed {seed}, after step {done}: {query}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_has_not_changed_is_read_once_and_what_has_is_read_again() {
    let server = keeping().await;
    let (bob, ada) = (server.anonymous(), server.customer("ada"));
    for query in QUESTIONS.into_iter().filter(|query| !query.contains("updatedAt")) {
        let (first, cost) = server.statements_of(bob.ask(query, json!({}))).await;
        assert!(cost > 0, "{query}");
        let (again, cost) = server.statements_of(bob.ask(query, json!({}))).await;
        assert_eq!((&again, cost), (&first, 0), "{query}");
    }
    let (day, month) = (QUESTIONS[0], QUESTIONS[3]);
    let before = bob.ask(day, json!({})).await;
    ada.book_it(booking("a", "hour", 10)).await;
    for query in [day, month] {
        let (_, cost) = server.statements_of(bob.ask(query, json!({}))).await;
        assert!(cost > 0, "{query}");
    }
    assert_ne!(bob.ask(day, json!({})).await, before);
    // Of another day nothing has changed.
    assert_eq!(server.statements_of(bob.ask(QUESTIONS[1], json!({}))).await.1, 0);
}

#[tokio::test]
async fn of_many_who_ask_the_same_at_once_one_reads() {
    let server = keeping().await;
    server.anonymous().ask(&format!("{} # 1", QUESTIONS[0]), json!({})).await;
    // What the catalogue says is known by now.
    let alone = server.statements_of(server.anonymous().ask(&format!("{} # 2", QUESTIONS[0]), json!({}))).await.1;
    let many: Vec<_> = (0..20).map(|_| server.anonymous()).collect();
    let asking = join_all(many.iter().map(|actor| actor.ask(QUESTIONS[0], json!({}))));
    let (answers, together) = server.statements_of(asking).await;
    assert_eq!(together, alone);
    assert!(answers.iter().all(|answer| answer == &answers[0]));
}

#[tokio::test]
async fn nothing_that_depends_on_who_asks_is_kept_for_others() {
    const ALL: &str = "{ resources { nodes { id schedule { id } } } }";
    let server = keeping().await;
    let told = async |actor: Actor| actor.ask(ALL, json!({})).await.to_string();
    let (staff, customer, nobody) =
        (told(server.staff()).await, told(server.customer("ada")).await, told(server.anonymous()).await);
    assert!(staff.contains("sch_") && !customer.contains("sch_") && !nobody.contains("sch_"));
    assert_eq!(told(server.staff()).await, staff);
    // What is somebody's own is never kept.
    let me = async |name: &str| server.customer(name).ask("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    assert_eq!((me("ada").await, me("bob").await, me("ada").await), (json!("ada"), json!("bob"), json!("ada")));
    let mixed = format!("{{ viewer {{ id }} {}", &QUESTIONS[0][1..]);
    for name in ["ada", "bob"] {
        assert_eq!(server.customer(name).ask(&mixed, json!({})).await["viewer"]["id"], name);
    }
}

#[tokio::test]
async fn what_is_asked_for_while_a_booking_is_moved_is_answered_to_whoever_may_move_it() {
    let server = keeping().await;
    let ada = server.customer("ada");
    let id = ada.book_it(booking("a", "hour", 10)).await["booking"]["id"].clone();
    let query = format!(
        r#"{{ daySlots(resourceId: "res_a", date: "{DAY}", eventTypeId: "evt_hour", reschedule: {{ bookingId: {id} }}) {{
            slots {{ start }} }} }}"#
    );
    let is_free_for = async |actor: &Actor| actor.ask(&query, json!({})).await.to_string().contains(&at(10));
    let bob = server.customer("bob");
    for _ in 0..2 {
        assert!(is_free_for(&ada).await);
        assert!(!is_free_for(&bob).await && !is_free_for(&server.anonymous()).await);
    }
}

#[tokio::test]
async fn whoever_asks_for_what_is_kept_is_counted_all_the_same() {
    let rates = RateLimits { queries: Rate::new(60, 3), ..RateLimits::OFF };
    let limits = LimitSettings { rates, kept_answers: Some(16), ..LimitSettings::default() };
    let server = studios_with(ServerOptions { limits, ..ServerOptions::default() }).await;
    let bob = server.anonymous();
    for _ in 0..3 {
        bob.ask(QUESTIONS[0], json!({})).await;
    }
    let refused = bob.send(QUESTIONS[0], json!({})).await;
    assert_eq!((refused.status, refused.code()), (429, "RATE_LIMITED"));
}

#[tokio::test]
async fn nothing_is_kept_where_nothing_is_to_be() {
    let limits = LimitSettings { kept_answers: Some(0), ..ServerOptions::default().limits };
    let options = ServerOptions { limits, ..ServerOptions::default() };
    let server = studios_with(options).await;
    let bob = server.anonymous();
    let costs = [
        server.statements_of(bob.ask(QUESTIONS[0], json!({}))).await.1,
        server.statements_of(bob.ask(QUESTIONS[0], json!({}))).await.1,
    ];
    assert!(costs[1] > 0, "{costs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_changed_something_and_asks_again_sees_it_however_many_ask_and_change() {
    let server = keeping().await;
    let acting = (9..21).map(|hour| {
        let ada = server.customer(&format!("ada{hour}"));
        async move {
            let is_free = async || {
                ada.ask(QUESTIONS[0], json!({})).await.to_string().contains(&format!("\"start\":\"{}\"", at(hour)))
            };
            for _ in 0..8 {
                let id = ada.book_it(booking("a", "hour", hour)).await["booking"]["id"].clone();
                assert!(!is_free().await, "{hour}: it is booked");
                ada.cancel(json!({ "id": id })).await;
                assert!(is_free().await, "{hour}: it is free again");
            }
        }
    });
    join_all(acting.map(tokio::spawn)).await.into_iter().for_each(Result::unwrap);
}
