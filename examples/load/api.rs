//! The server, as a client of its GraphQL API.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::net::IpAddr;
use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::Value;

/// What went wrong is told to people, and nobody decides by it.
pub type Outcome<T> = Result<T, String>;

/// How long an answer may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server to be measured.
pub struct Api {
    url: Url,
    token: Option<String>,
    client: reqwest::Client,
}

/// An answer, and how long it took from the request to the last byte.
pub struct Answer {
    /// From the request to the last byte of the answer.
    pub latency: Duration,
    /// `data`, or the only field of it.
    pub data: Value,
}

impl Answer {
    /// The text at `pointer`.
    pub fn text(&self, pointer: &str) -> Outcome<String> {
        let text = self.data.pointer(pointer).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("there is no {pointer} in {}", self.data))
    }
}

impl Api {
    /// The server at `url`: on this machine, or one that whoever runs this may load.
    pub fn new(url: &str, token: Option<String>, is_ours: bool) -> Outcome<Self> {
        let base = Url::parse(url).map_err(|error| format!("--url {url}: {error}"))?;
        if base.scheme() != "http" {
            return Err(format!("--url {url}: only plain HTTP is measured; name the server's own port"));
        }
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if !is_here && !is_ours {
            return Err(format!(
                "{host} is not this machine. Load is put on servers of one's own only: add --i-own-this-server."
            ));
        }
        // The client wants a provider for TLS although only plain HTTP is measured. There is none before this one.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .timeout(PATIENCE)
            .build()
            .map_err(|error| error.to_string())?;
        let url = base.join("/graphql").map_err(|error| error.to_string())?;
        Ok(Self { url, token, client })
    }

    /// Where operations go.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What to send as `Authorization`, for somebody who is signed in.
    pub fn authorization(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    /// Sends an operation that must succeed.
    pub async fn send(&self, body: &Value) -> Outcome<Answer> {
        let mut request = self.client.post(self.url.clone()).json(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let sent = Instant::now();
        let failed = |error: reqwest::Error| format!("{}: {}", self.url, causes(&error));
        let bytes = request.send().await.map_err(failed)?.bytes().await.map_err(failed)?;
        let latency = sent.elapsed();
        let mut answer: Value = serde_json::from_slice(&bytes).map_err(|error| format!("no JSON: {error}"))?;
        match answer.get("errors") {
            None => Ok(Answer { latency, data: answer["data"].take() }),
            Some(errors) => Err(errors[0]["message"].as_str().unwrap_or("an error without a message").to_owned()),
        }
    }

    /// Sends a mutation that must succeed, and gives its payload.
    pub async fn payload(&self, body: &Value) -> Outcome<Answer> {
        let mut answer = self.send(body).await?;
        let payload = answer.data.as_object_mut().and_then(|data| data.values_mut().next()).map(Value::take);
        answer.data = payload.ok_or("a mutation without a payload")?;
        match answer.data["userErrors"].get(0) {
            None => Ok(answer),
            Some(refused) => Err(format!(
                "{}: {}",
                refused["code"].as_str().unwrap_or_default(),
                refused["message"].as_str().unwrap_or_default()
            )),
        }
    }
}

/// An error with what is behind it, which reqwest leaves out of its own text.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
