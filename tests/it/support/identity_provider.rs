//! An identity provider on this machine that publishes its keys, or something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use slotwise::auth::{KeySetAddress, SignatureAlgorithm};
use slotwise::config::{TokenKey, TokenSettings};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{SigningKey, until};

/// What it answers.
#[derive(Clone, PartialEq)]
enum Answer {
    Text(String),
    Status(u16),
    Redirect(String),
    /// Nothing, until it has something else to answer.
    Silence,
}

struct Shared {
    answer: watch::Sender<Answer>,
    asked: AtomicUsize,
}

/// A server that answers with its keys whoever asks for them.
pub struct IdentityProvider {
    address: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl IdentityProvider {
    /// One that publishes these keys.
    pub async fn start(keys: &[&SigningKey]) -> Self {
        let answer = watch::Sender::new(key_set(keys));
        let shared = Arc::new(Shared { answer, asked: AtomicUsize::new(0) });
        let routes = Router::new().route("/jwks", get(answer_with)).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/jwks", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, shared, serving }
    }

    /// Publishes these keys from now on.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.shared.answer.send_replace(key_set(keys));
    }

    /// Answers with this text.
    pub fn say(&self, text: &str) {
        self.shared.answer.send_replace(Answer::Text(text.to_owned()));
    }

    /// Answers with this status.
    pub fn fail(&self, status: u16) {
        self.shared.answer.send_replace(Answer::Status(status));
    }

    /// Sends everybody somewhere else.
    pub fn redirect(&self, address: &str) {
        self.shared.answer.send_replace(Answer::Redirect(address.to_owned()));
    }

    /// Answers nobody, until it is told to answer again.
    pub fn fall_silent(&self) {
        self.shared.answer.send_replace(Answer::Silence);
    }

    /// How often it has been asked.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// Waits until it has been asked that often.
    pub async fn is_asked(&self, times: usize) {
        until("the identity provider to be asked", || self.asked() >= times).await;
    }

    /// Where its keys are.
    pub fn url(&self) -> &str {
        &self.address
    }

    /// The settings of a server that goes by its keys.
    pub fn settings(&self, algorithms: &[SignatureAlgorithm]) -> TokenSettings {
        let address = KeySetAddress::parse(&self.address).unwrap();
        let key = TokenKey::Set { address, algorithms: algorithms.to_vec() };
        TokenSettings { trust_roles: true, ..TokenSettings::new(key) }
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn key_set(keys: &[&SigningKey]) -> Answer {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    Answer::Text(json!({ "keys": keys }).to_string())
}

async fn answer_with(State(shared): State<Arc<Shared>>) -> Response {
    let mut answer = shared.answer.subscribe();
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let answer = answer.wait_for(|answer| *answer != Answer::Silence).await.unwrap().clone();
    match answer {
        Answer::Text(text) => text.into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect(address) => (StatusCode::FOUND, [("location", address)]).into_response(),
        Answer::Silence => StatusCode::OK.into_response(),
    }
}
