//! The README's way from nothing to a studio that can be booked, as it is written there.

use serde_json::{Map, Value, json};

use crate::support::server::token_settings;
use crate::support::{ServerOptions, TestServer};

const README: &str = include_str!("../../README.md");

/// The GraphQL documents of the README's section `title`, in order.
fn documents(title: &str) -> Vec<&'static str> {
    let section = README.split("\n## ").find(|section| section.starts_with(title)).unwrap();
    section.split("```graphql\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// The operations of a document, by name, each with the variables that it declares.
fn operations(document: &str) -> Vec<(&str, Vec<&str>)> {
    let heads = document.lines().filter(|line| line.starts_with("mutation ") || line.starts_with("query "));
    heads
        .map(|head| {
            let name = head.split([' ', '(']).nth(1).unwrap();
            let variables = head.split('$').skip(1).map(|rest| rest.split(':').next().unwrap()).collect();
            (name, variables)
        })
        .collect()
}

#[tokio::test]
async fn a_studio_is_set_up_from_nothing_by_what_the_readme_says() {
    let server = TestServer::start_with(ServerOptions {
        admins: "ada@example.org",
        // Who is an admin is not taken from tokens here.
        tokens: Some(slotwise::config::TokenSettings { trust_roles: false, ..token_settings() }),
        ..ServerOptions::default()
    })
    .await;
    let ada = server.customer("ada");
    let mut known = Map::from_iter([("date".to_owned(), json!("2026-12-02"))]);
    let mut last = Value::Null;
    let mut run = Vec::new();
    for document in documents("Set up a studio") {
        for (name, variables) in operations(document) {
            let variables: Map<_, _> =
                variables.into_iter().map(|name| (name.to_owned(), known[name].clone())).collect();
            let body = json!({ "query": document, "operationName": name, "variables": variables });
            let data = ada.post(body.to_string()).await.data();
            let answer = data.as_object().unwrap().values().next().unwrap().clone();
            assert!(answer.get("userErrors").is_none_or(|errors| *errors == json!([])), "{name}: {answer}");
            for (member, variable) in [("schedule", "hours"), ("resource", "room"), ("eventType", "rehearsal")] {
                if let Some(id) = answer[member]["id"].as_str() {
                    known.insert(variable.to_owned(), json!(id));
                }
            }
            if let Some(updated_at) = answer["resource"].get("updatedAt") {
                known.insert("readAt".to_owned(), updated_at.clone());
            }
            if name == "Look" {
                // 09:00 in Berlin, tomorrow; the last rehearsal of an hour ends at 22:00.
                let slots = answer["slots"].as_array().unwrap();
                assert_eq!(slots.len(), 25);
                assert_eq!(slots[0]["start"], "2026-12-02T08:00:00Z");
            }
            run.push(name);
            last = answer;
        }
    }
    assert_eq!(run, ["Hours", "Room", "Rehearsal", "Look", "Close", "Rename"]);
    assert_eq!(last["resource"]["name"], "The attic");
    let (room, rehearsal) = (known["room"].as_str().unwrap(), known["rehearsal"].as_str().unwrap());
    let closed = format!(r#"resourceId: "{room}", eventTypeId: "{rehearsal}", date: "2026-12-02""#);
    assert_eq!(server.anonymous().starts(&closed).await, Vec::<String>::new());
}
