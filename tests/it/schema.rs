//! The schema as clients meet it: the committed file, its descriptions, and the shapes that the contract promises.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::TestServer;

/// What GraphiQL and code generators send.
const INTROSPECTION: &str = include_str!("support/introspection.graphql");

/// Types of GraphQL's own, which GraphQL describes.
const BUILT_IN: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

async fn introspected() -> Value {
    let server = TestServer::start().await;
    server.anonymous().ask(INTROSPECTION, json!({})).await["__schema"].clone()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn name(of: &Value) -> &str {
    of["name"].as_str().unwrap()
}

/// The fields of the type that is called that.
fn fields<'a>(schema: &'a Value, type_name: &str) -> &'a [Value] {
    let found = list(schema, "types").iter().find(|found| found["name"] == type_name);
    list(found.unwrap_or_else(|| panic!("there is no type {type_name}")), "fields")
}

/// A type as it is written: `[UserError!]!`.
fn written(of: &Value) -> String {
    match of["kind"].as_str().unwrap() {
        "NON_NULL" => format!("{}!", written(&of["ofType"])),
        "LIST" => format!("[{}]", written(&of["ofType"])),
        _ => name(of).to_owned(),
    }
}

#[test]
fn the_committed_schema_is_the_servers() {
    let printed = Command::new(env!("CARGO_BIN_EXE_slotwise")).arg("schema").env_clear().output().unwrap();
    assert!(printed.status.success());
    let printed = String::from_utf8(printed.stdout).unwrap();
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql")).unwrap();
    let differs = printed.lines().zip(committed.lines()).position(|(printed, committed)| printed != committed);
    assert!(
        printed == committed,
        "schema.graphql is stale from line {} on. Regenerate it: cargo run -- schema > schema.graphql",
        differs.unwrap_or_else(|| printed.lines().count().min(committed.lines().count())) + 1
    );
}

#[tokio::test]
async fn everything_of_our_own_has_a_description() {
    let schema = introspected().await;
    let mut lacking = Vec::new();
    let mut look = |path: String, at: &Value| {
        if at["description"].as_str().is_none_or(|text| text.trim().len() < 5) {
            lacking.push(path);
        }
    };
    let own = |of: &&Value| !name(of).starts_with("__") && !BUILT_IN.contains(&name(of));
    for found in list(&schema, "types").iter().filter(own) {
        let type_name = name(found);
        look(type_name.to_owned(), found);
        for member in ["inputFields", "enumValues"].iter().flat_map(|members| list(found, members)) {
            look(format!("{type_name}.{}", name(member)), member);
        }
        for field in list(found, "fields") {
            look(format!("{type_name}.{}", name(field)), field);
            for argument in list(field, "args") {
                look(format!("{type_name}.{}({})", name(field), name(argument)), argument);
            }
        }
    }
    assert!(lacking.is_empty(), "without a description: {}", lacking.join(", "));
}

#[tokio::test]
async fn root_fields_that_can_be_refused_are_nullable_and_no_others() {
    let schema = introspected().await;
    let never_null = |root: &str| -> Vec<&str> {
        let fields = fields(&schema, root).iter();
        fields.filter(|field| field["type"]["kind"] == "NON_NULL").map(name).collect()
    };
    let mut queries = never_null("Query");
    queries.sort_unstable();
    assert_eq!(queries, ["availableResources", "eventTypes", "resources", "settings"]);
    assert_eq!(never_null("Mutation"), [""; 0]);
    assert_eq!(never_null("Subscription").len(), fields(&schema, "Subscription").len());
}

#[tokio::test]
async fn every_mutation_takes_one_input_and_gives_a_payload_of_its_own_with_user_errors() {
    let schema = introspected().await;
    let mutations = fields(&schema, "Mutation");
    assert!(!mutations.is_empty());
    for mutation in mutations {
        let arguments = list(mutation, "args");
        assert_eq!(arguments.len(), 1, "{mutation}");
        assert_eq!(name(&arguments[0]), "input");
        assert!(written(&arguments[0]["type"]).ends_with("Input!"), "{mutation}");

        let payload = written(&mutation["type"]);
        assert!(payload.ends_with("Payload"), "{payload}");
        let errors = fields(&schema, &payload).iter().find(|field| name(field) == "userErrors");
        assert_eq!(written(&errors.unwrap()["type"]), "[UserError!]!", "{payload}");
    }
}

#[tokio::test]
async fn lists_are_pages_that_can_be_walked_both_ways() {
    let schema = introspected().await;
    for root in ["resources", "eventTypes", "availableResources", "schedules", "users", "auditLog"] {
        let field = fields(&schema, "Query").iter().find(|field| name(field) == root).unwrap();
        let page: Vec<(&str, String)> = list(field, "args")
            .iter()
            .filter(|argument| ["first", "after", "last", "before"].contains(&name(argument)))
            .map(|argument| (name(argument), written(&argument["type"])))
            .collect();
        let expected = [("first", "Int"), ("after", "String"), ("last", "Int"), ("before", "String")];
        assert_eq!(page, expected.map(|(name, written)| (name, written.to_owned())), "{root}");

        let connection = written(&field["type"]);
        let connection = connection.trim_end_matches('!');
        let members: Vec<&str> = fields(&schema, connection).iter().map(name).collect();
        for member in ["edges", "nodes", "pageInfo", "totalCount"] {
            assert!(members.contains(&member), "{connection} has {members:?}");
        }
    }
}

#[tokio::test]
async fn the_schema_that_is_served_is_the_one_that_is_committed() {
    let server = TestServer::start().await;
    let text = reqwest::get(format!("http://{}/schema.graphql", server.address)).await.unwrap().text().await.unwrap();
    assert_eq!(text, include_str!("../../schema.graphql"));
}
