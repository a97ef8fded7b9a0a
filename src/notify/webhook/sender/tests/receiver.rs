//! A receiver that gives one answer after the other, whatever it is asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::conversation::{Answer, Answering, Listening, Seen};

impl Answer {
    /// A status and a body.
    pub fn body(status: u16, body: &str) -> Self {
        Self::raw(format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }
}

/// Listens on this machine.
pub struct Receiver {
    listening: Listening,
    url: String,
    seen: mpsc::Receiver<Seen>,
}

impl Receiver {
    /// One that gives these answers, one after the other.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_at("127.0.0.1:0", answers).await
    }

    /// The same, at an address of the test's choice.
    pub async fn start_at(address: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        let (sender, seen) = mpsc::channel(100);
        let answers: Mutex<VecDeque<Answer>> = Mutex::new(answers.into_iter().collect());
        let answering: Answering = Arc::new(move |request| {
            let answer = sender.try_send(request).ok().and_then(|()| answers.lock().unwrap().pop_front());
            Box::pin(async { answer })
        });
        let listening = Listening::start(address, answering).await;
        Self { url: format!("http://{}", listening.address), listening, seen }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// The same, as a URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next request.
    pub async fn next(&mut self) -> Seen {
        self.seen.recv().await.expect("a request")
    }

    /// Whether nobody has so much as connected.
    pub fn has_seen_nothing(&mut self) -> bool {
        self.listening.connections.load(Ordering::SeqCst) == 0 && self.seen.try_recv().is_err()
    }
}
