//! Mutations that make what is to be measured, for an admin.

use serde_json::{Value, json};

use super::api::{Answer, Api, Outcome};

/// Creates one of `noun` from `input`. Gives its id.
pub async fn made(api: &Api, noun: &str, field: &str, input: Value) -> Outcome<String> {
    let (name, kind) = (format!("create{noun}"), format!("Create{noun}Input"));
    mutate(api, &name, &kind, &format!("{field} {{ id }}"), input).await?.text(&format!("/{field}/id"))
}

/// Calls the mutation of that name, and asks for `fields` of its payload.
pub async fn mutate(api: &Api, name: &str, input_type: &str, fields: &str, input: Value) -> Outcome<Answer> {
    api.payload(&request(name, input_type, fields, &input)).await.map_err(|error| format!("{name}: {error}"))
}

/// The request for it.
pub fn request(name: &str, input_type: &str, fields: &str, input: &Value) -> Value {
    let query = format!(
        "mutation ($input: {input_type}!) {{ {name}(input: $input) {{ {fields} userErrors {{ code message }} }} }}"
    );
    json!({ "query": query, "variables": { "input": input } })
}

/// A slug for that number of what is called `name`.
pub fn slug(name: &str, number: usize) -> String {
    format!("{}-{number}", name.to_lowercase().replace(' ', "-"))
}

/// The windows of a week in which every day is open from `start` to `end`.
pub fn every_day(start: &str, end: &str) -> Vec<Value> {
    let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
    days.into_iter().map(|weekday| json!({ "weekday": weekday, "start": start, "end": end })).collect()
}
