//! Somebody who uses the API over HTTP.

use serde_json::{Value, json};

use super::socket::{Socket, Subprotocol, Watch};
use super::{provide_tls, within_patience};

/// Somebody who uses the API.
#[derive(Clone)]
pub struct Actor {
    url: String,
    token: Option<String>,
    forwarded_for: Option<String>,
    client: reqwest::Client,
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In how many seconds to come back, as the header has it.
    pub retry_after: Option<u64>,
    pub body: Value,
}

impl Answer {
    /// `data`, where nothing went wrong.
    #[track_caller]
    pub fn data(self) -> Value {
        assert!(self.body.get("errors").is_none(), "expected no errors: {}", self.body);
        self.body["data"].clone()
    }

    /// The code of the first error.
    #[track_caller]
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code in {}", self.body))
    }

    /// The text of the first error.
    #[track_caller]
    pub fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("no message in {}", self.body))
    }
}

impl Actor {
    pub(super) fn new(url: String, token: Option<String>) -> Self {
        provide_tls();
        Self { url, token, forwarded_for: None, client: reqwest::Client::new() }
    }

    /// The same address with another token, as it is.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same, where a proxy says that they are: what `X-Forwarded-For` is to be.
    pub fn at(&self, forwarded_for: &str) -> Self {
        Self { forwarded_for: Some(forwarded_for.to_owned()), ..self.clone() }
    }

    pub fn forwarded_for(&self) -> Option<&str> {
        self.forwarded_for.as_deref()
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends an operation, whatever comes of it.
    pub async fn send(&self, query: &str, variables: Value) -> Answer {
        self.try_send(query, variables).await.expect("the server went away")
    }

    /// Sends an operation to a server that may be going away: `None` when it does not answer.
    pub async fn try_send(&self, query: &str, variables: Value) -> Option<Answer> {
        let request = self.client.post(&self.url).json(&json!({ "query": query, "variables": variables }));
        self.try_answer(request).await
    }

    /// POSTs `body` to the address of GraphQL, as it is.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.client.post(&self.url).header("content-type", "application/json").body(body);
        self.answer(request).await
    }

    /// Sends an operation in the address.
    pub async fn get(&self, query: &str, variables: Value) -> Answer {
        let variables = variables.to_string();
        self.answer(self.client.get(&self.url).query(&[("query", query), ("variables", &variables)])).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_answer(request).await.expect("the server went away")
    }

    async fn try_answer(&self, mut request: reqwest::RequestBuilder) -> Option<Answer> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(forwarded_for) = &self.forwarded_for {
            request = request.header("x-forwarded-for", forwarded_for);
        }
        let response = within_patience("an answer", request.send()).await.ok()?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse().unwrap());
        Some(Answer { status, retry_after, body: response.json().await.ok()? })
    }

    /// The data of an operation that must succeed.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        self.send(query, variables).await.data()
    }

    /// `daySlots` as a list of starts.
    pub async fn starts(&self, arguments: &str) -> Vec<String> {
        let data = self.ask(&format!("{{ daySlots({arguments}) {{ slots {{ start }} }} }}"), json!({})).await;
        let slots = data["daySlots"]["slots"].as_array().unwrap();
        slots.iter().map(|slot| slot["start"].as_str().unwrap().to_owned()).collect()
    }

    /// Holds slots of a resource: the payload of `heartbeat`.
    pub async fn heartbeat(&self, input: Value) -> Value {
        const HEARTBEAT: &str = "mutation ($input: HeartbeatInput!) { heartbeat(input: $input) {
            granted holder expiresAt renewableUntil serverTime
            userErrors { code message field conflicts { resourceId start end holder } } } }";
        self.ask(HEARTBEAT, json!({ "input": input })).await["heartbeat"].clone()
    }

    /// Releases: the payload of `leave`.
    pub async fn leave(&self, input: Value) -> Value {
        const LEAVE: &str = "mutation ($input: LeaveInput!) { leave(input: $input) {
            released userErrors { code message field } } }";
        self.ask(LEAVE, json!({ "input": input })).await["leave"].clone()
    }

    /// Books: the payload of `createBooking`.
    pub async fn book(&self, input: Value) -> Value {
        const BOOK: &str = "mutation ($input: CreateBookingInput!) { createBooking(input: $input) {
            managementToken
            booking { id status start end revision booker { userId name email } resource { id } addOns { resource { id } quantity } }
            userErrors { code message field conflicts { resourceId start end holder } } } }";
        self.ask(BOOK, json!({ "input": input })).await["createBooking"].clone()
    }

    /// Cancels: the payload of `cancelBooking`.
    pub async fn cancel(&self, input: Value) -> Value {
        const CANCEL: &str = "mutation ($input: CancelBookingInput!) { cancelBooking(input: $input) {
            booking { id status revision cancellationReason } userErrors { code message field } } }";
        self.ask(CANCEL, json!({ "input": input })).await["cancelBooking"].clone()
    }

    /// Subscribes on a socket of its own.
    pub async fn watch(&self, subscription: &str, variables: Value) -> Watch {
        Socket::open(self).await.into_watch(subscription, variables).await
    }

    /// The same, in either subprotocol.
    pub async fn watch_with(&self, subprotocol: Subprotocol, subscription: &str, variables: Value) -> Watch {
        Socket::open_with(self, subprotocol).await.into_watch(subscription, variables).await
    }
}
