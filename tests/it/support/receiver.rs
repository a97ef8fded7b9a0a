//! A receiver of webhooks on a port of its own: it takes what it is sent, or behaves as badly as a test wants it to.

#[path = "../../../src/notify/webhook/sender/tests/conversation.rs"]
mod conversation;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::watch;

use super::within_patience;
use conversation::{Answer, Answering, Listening, Seen};

/// How a receiver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// It takes everything.
    Takes,
    /// It answers with this status, which is none that takes anything.
    Refuses(u16),
    /// It says that what is looked for is elsewhere on this machine: at a path of its own.
    Redirects,
    /// It says nothing, until it behaves in another way. If somebody is still listening then, they are answered in that.
    Hangs,
    /// It says half of what it has to say, and no more.
    Stalls,
    /// The same, and it hangs up.
    BreaksOff,
    /// It refuses, and never stops telling why.
    Babbles,
}

/// One request, as it came.
#[derive(Clone)]
pub struct Told {
    request: Arc<Seen>,
    pub payload: Value,
}

impl Told {
    fn new(request: Seen) -> Self {
        let payload = serde_json::from_str(&request.body).unwrap();
        Self { request: Arc::new(request), payload }
    }

    /// What names the event.
    pub fn id(&self) -> &str {
        self.request.header("webhook-id")
    }

    /// What happened: `BOOKING_CREATED`.
    pub fn event(&self) -> &str {
        self.payload["type"].as_str().unwrap()
    }

    /// Which change of its booking it is, from 1.
    pub fn sequence(&self) -> u64 {
        self.payload["data"]["sequence"].as_u64().unwrap()
    }

    /// The booking that it is about.
    pub fn booking(&self) -> &str {
        self.payload["data"]["bookingId"].as_str().unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.request.header(name)
    }

    pub fn body(&self) -> &str {
        &self.request.body
    }

    /// The first line of the request.
    pub fn line(&self) -> &str {
        &self.request.line
    }

    /// By which connection it came, counted from 0.
    pub fn connection(&self) -> usize {
        self.request.connection
    }

    /// What the header of signatures is by the words of the specification, where these secrets sign.
    pub fn signed_by(&self, secrets: &[&str]) -> String {
        let signed = format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.body());
        let sign = |secret: &&str| {
            let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(signed.as_bytes());
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        };
        secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

struct State {
    conduct: watch::Sender<Conduct>,
    heard: watch::Sender<Vec<Told>>,
    taken: watch::Sender<Vec<Told>>,
    /// How many wait for an answer.
    waiting: watch::Sender<usize>,
}

/// One who waits for an answer.
struct Waiting(Arc<State>);

impl Waiting {
    fn new(state: &Arc<State>) -> Self {
        state.waiting.send_modify(|waiting| *waiting += 1);
        Self(Arc::clone(state))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}

/// A receiver that listens until it is dropped.
pub struct Receiver {
    pub url: String,
    state: Arc<State>,
    listening: Listening,
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        let state = Arc::new(State {
            conduct: watch::Sender::new(Conduct::Takes),
            heard: watch::Sender::new(Vec::new()),
            taken: watch::Sender::new(Vec::new()),
            waiting: watch::Sender::new(0),
        });
        let serving = Arc::clone(&state);
        let answering: Answering = Arc::new(move |request| Box::pin(answer(Arc::clone(&serving), request)));
        let listening = Listening::start("127.0.0.1:0", answering).await;
        Self { url: format!("http://{}/hooks", listening.address), state, listening }
    }

    /// From now on it behaves like this.
    pub fn behave(&self, conduct: Conduct) {
        self.state.conduct.send_replace(conduct);
    }

    /// How many have so much as connected.
    pub fn visits(&self) -> usize {
        self.listening.connections.load(Ordering::SeqCst)
    }

    /// Everything that it was told so far, whether or not it took it.
    pub fn heard(&self) -> Vec<Told> {
        self.state.heard.borrow().clone()
    }

    /// The same, once there is so much.
    pub async fn heard_by_now(&self, count: usize) -> Vec<Told> {
        by_now(&self.state.heard, count).await
    }

    /// Waits until so many wait for an answer.
    pub async fn is_asked(&self, count: usize) {
        let mut waiting = self.state.waiting.subscribe();
        within_patience("clients to ask", waiting.wait_for(|waiting| *waiting == count)).await.unwrap();
    }

    /// Waits until whoever waited for an answer has it, or has gone away.
    pub async fn is_left(&self) {
        self.is_asked(0).await;
    }

    /// What it took so far.
    pub fn taken(&self) -> Vec<Told> {
        self.state.taken.borrow().clone()
    }

    /// The same, once there is so much.
    pub async fn taken_by_now(&self, count: usize) -> Vec<Told> {
        by_now(&self.state.taken, count).await
    }
}

async fn by_now(told: &watch::Sender<Vec<Told>>, count: usize) -> Vec<Told> {
    let mut told = told.subscribe();
    let enough = told.wait_for(|told| told.len() >= count);
    within_patience("webhooks to arrive", enough).await.unwrap().clone()
}

/// What a receiver says to a request.
async fn answer(state: Arc<State>, request: Seen) -> Option<Answer> {
    let _waiting = Waiting::new(&state);
    let told = Told::new(request);
    state.heard.send_modify(|heard| heard.push(told.clone()));
    let conduct = *state.conduct.subscribe().wait_for(|conduct| *conduct != Conduct::Hangs).await.ok()?;
    Some(match conduct {
        Conduct::Takes => {
            state.taken.send_modify(|taken| taken.push(told));
            Answer::status(204)
        }
        Conduct::Refuses(status) => Answer::status(status),
        Conduct::Redirects => {
            let host = told.header("host");
            Answer::raw(format!("HTTP/1.1 307 Moved\r\nlocation: http://{host}/inside\r\ncontent-length: 0\r\n\r\n"))
        }
        Conduct::Stalls => Answer::raw("HTTP/1.1 204 No Cont").and_falls_silent(),
        Conduct::BreaksOff => Answer::raw("HTTP/1.1 204 No Cont").and_closes(),
        Conduct::Babbles => Answer::raw("HTTP/1.1 503 Whatever\r\n\r\n").again_and_again(),
        Conduct::Hangs => return None,
    })
}
