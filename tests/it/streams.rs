//! Subscriptions without a WebSocket: Server-Sent Events, and parts as Apollo wants them.

use serde_json::{Value, json};

use crate::support::studios::{DAY, hold, studios};
use crate::support::{Actor, TestServer, until, within_patience};

const WATCH: &str =
    "subscription ($date: Date!) { presenceChanged(resourceId: \"res_a\", date: $date) { holds { start } } }";
const EVENTS: &str = "text/event-stream";
/// As Apollo Client asks.
const PARTS: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\",application/json";

/// A response that comes bit by bit.
struct Streamed {
    response: reqwest::Response,
    /// What has come and was not taken yet.
    text: String,
}

impl Streamed {
    async fn open(actor: &Actor, accept: &str, query: &str) -> Self {
        let body = json!({ "query": query, "variables": { "date": DAY } }).to_string();
        let request = reqwest::Client::new().post(actor.url()).header("content-type", "application/json");
        let mut request = request.header("accept", accept).body(body);
        if let Some(token) = actor.token() {
            request = request.bearer_auth(token);
        }
        let response = within_patience("an answer", request.send()).await.unwrap();
        Self { response, text: String::new() }
    }

    fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What comes up to and with `end`.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.text.find(end) {
                return self.text.drain(..at + end.len()).collect();
            }
            let chunk = within_patience("more", self.response.chunk()).await.unwrap();
            let chunk = chunk.unwrap_or_else(|| panic!("it ended with {:?}", self.text));
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// Whether nothing more comes.
    async fn ends(&mut self) -> bool {
        self.text.is_empty() && within_patience("the end", self.response.chunk()).await.unwrap().is_none()
    }

    async fn event(&mut self) -> Value {
        let event = self.until("\n\n").await;
        let data = event.strip_prefix("event: next\ndata: ").unwrap_or_else(|| panic!("{event:?}"));
        serde_json::from_str(data.trim_end()).unwrap()
    }

    async fn part(&mut self) -> Value {
        let part = self.until("\r\n--graphql").await;
        let part =
            part.strip_prefix("\r\nContent-Type: application/json\r\n\r\n").unwrap_or_else(|| panic!("{part:?}"));
        serde_json::from_str(part.strip_suffix("\r\n--graphql").unwrap()).unwrap()
    }
}

async fn take(server: &TestServer, hour: u32) {
    server.customer("ada").hold(hold("a", "hour", hour, 60, &format!("session {hour}"))).await;
    server.pass_a_moment();
}

#[tokio::test]
async fn events_come_as_they_happen_until_the_server_stops() {
    let server = studios().await;
    let mut watching = Streamed::open(&server.anonymous(), EVENTS, WATCH).await;
    assert_eq!(watching.response.status(), 200);
    assert_eq!(watching.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!((watching.header("cache-control"), watching.header("x-accel-buffering")), ("no-store", "no"));
    assert_eq!(watching.header("content-encoding"), "");
    assert_eq!(watching.until("\n\n").await, ":\n\n", "whoever waits knows that it is there");
    assert_eq!(watching.event().await, json!({ "data": { "presenceChanged": { "holds": [] } } }));
    take(&server, 10).await;
    let holds = watching.event().await["data"]["presenceChanged"]["holds"].clone();
    assert_eq!(holds.as_array().unwrap().len(), 1);
    server.stop().await;
    assert_eq!(watching.until("\n\n").await, "event: complete\ndata:\n\n");
    assert!(watching.ends().await);
}

#[tokio::test]
async fn parts_come_as_they_happen_each_with_the_delimiter_that_ends_it() {
    let server = studios().await;
    let mut watching = Streamed::open(&server.customer("ada"), PARTS, WATCH).await;
    assert_eq!(watching.header("content-type"), "multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\"");
    assert_eq!(watching.until("\r\n--graphql").await, "\r\n--graphql");
    assert_eq!(watching.part().await, json!({ "payload": { "data": { "presenceChanged": { "holds": [] } } } }));
    take(&server, 10).await;
    let holds = watching.part().await["payload"]["data"]["presenceChanged"]["holds"].clone();
    assert_eq!(holds.as_array().unwrap().len(), 1);
    server.stop().await;
    assert_eq!(watching.until("--\r\n").await, "--\r\n");
    assert!(watching.ends().await);
}

#[tokio::test]
async fn whatever_is_asked_is_answered_in_events_and_what_is_wrong_is_told_within() {
    let server = studios().await;
    let bob = server.anonymous();
    let told = async |query: &str| {
        let mut events = Streamed::open(&bob, EVENTS, query).await;
        assert_eq!(events.until("\n\n").await, ":\n\n");
        let told = events.event().await;
        assert_eq!(events.until("\n\n").await, "event: complete\ndata:\n\n");
        assert!(events.ends().await);
        told
    };
    assert_eq!(told("{ __typename }").await, json!({ "data": { "__typename": "Query" } }));
    for (wrong, code) in [
        ("{ nothing }", "BAD_USER_INPUT"),
        ("{ a", "BAD_USER_INPUT"),
        ("subscription { presenceChanged(resourceId: \"res_none\", date: \"2026-12-02\") { id } }", "NOT_FOUND"),
        ("subscription { bookingChanged { id } }", "UNAUTHENTICATED"),
    ] {
        let told = told(wrong).await;
        assert_eq!(told["errors"][0]["extensions"]["code"], code, "{wrong}: {told}");
    }
    // Apollo asks for one answer in the same words, and gets one.
    let mut single = Streamed::open(&bob, PARTS, "{ __typename }").await;
    assert_eq!(single.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(single.until("}}").await, "{\"data\":{\"__typename\":\"Query\"}}");
    // Who accepts one answer only is told what to accept.
    let refused = Streamed::open(&bob, "application/json", WATCH).await;
    assert_eq!(refused.response.status(), 400);
    assert!(refused.response.text().await.unwrap().contains("text/event-stream"));
}

#[tokio::test]
async fn whoever_goes_away_is_forgotten() {
    let server = studios().await;
    let mut watching = Streamed::open(&server.anonymous(), EVENTS, WATCH).await;
    watching.until("\n\n").await;
    watching.event().await;
    assert_eq!(server.feed.watchers(), 1);
    drop(watching);
    until("the watcher to be forgotten", || server.feed.watchers() == 0).await;
}
