//! How many requests a second are answered, by a client that does as little as it can: on the same machine whatever it
//! does is taken from the server.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::api::Outcome;
use super::process::Server;

/// How large an answer may be.
const MOST_BYTES: usize = 1024 * 1024;

/// What is asked, by a running number.
pub type Question = Arc<dyn Fn(usize) -> Bytes + Send + Sync>;

/// What came of asking for a while.
#[derive(Copy, Clone, Debug, Default)]
pub struct Spent {
    /// How many were answered.
    pub answers: usize,
    /// Within what time.
    pub time: Duration,
    /// How much of the processor's time the server took for it.
    pub processor: Duration,
}

impl Spent {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            answers: self.answers + other.answers,
            time: self.time + other.time,
            processor: self.processor + other.processor,
        }
    }

    /// Answers a second.
    pub fn rate(self) -> f64 {
        self.count() / self.time.as_secs_f64()
    }

    /// Microseconds of the server's processor for each.
    pub fn micros(self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.count()
    }

    fn count(self) -> f64 {
        f64::from(u32::try_from(self.answers).unwrap_or(u32::MAX))
    }
}

/// Asks `server` over and over at `path`, one after the other on each of `connections`, for as long as `time`. Numbers of
/// questions go on from `numbers`.
pub async fn spend(
    server: &Server,
    (path, question): (&'static str, &Question),
    connections: usize,
    time: Duration,
    numbers: &Arc<AtomicUsize>,
) -> Outcome<Spent> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(server.port).await?);
    }
    let (before, begun) = (server.taken()?, Instant::now());
    let mut asking = JoinSet::new();
    for mut connection in open {
        let (question, numbers) = (Arc::clone(question), Arc::clone(numbers));
        asking.spawn(async move {
            let mut answers = 0;
            while begun.elapsed() < time {
                let body = question(numbers.fetch_add(1, Ordering::Relaxed));
                succeeded(&connection.ask(path, body).await?)?;
                answers += 1;
            }
            Ok::<_, String>(answers)
        });
    }
    let answers = asking.join_all().await.into_iter().sum::<Outcome<usize>>()?;
    let processor = server.taken()?.since(before);
    Ok(Spent { answers, time: begun.elapsed(), processor })
}

/// Answers begin with `data`, and with `errors` where something is wrong with the question.
fn succeeded(answer: &Bytes) -> Outcome<()> {
    if answer.starts_with(b"{\"data\":{") {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned())
}

/// A connection to a server.
pub struct Connection {
    sender: SendRequest<Body>,
    port: u16,
}

impl Connection {
    /// Opens it.
    pub async fn open(port: u16) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        // Ends with its sender; what goes wrong is told by the answers that do not come.
        tokio::spawn(connection);
        Ok(Self { sender, port })
    }

    /// What is answered to `body`.
    pub async fn ask(&mut self, path: &'static str, body: Bytes) -> Outcome<Bytes> {
        let request = Request::post(path)
            .header(HOST, format!("127.0.0.1:{}", self.port))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .map_err(|error| error.to_string())?;
        self.sender.ready().await.map_err(|error| error.to_string())?;
        let response = self.sender.send_request(request).await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("{path} was answered by {}", response.status()));
        }
        to_bytes(Body::new(response.into_body()), MOST_BYTES).await.map_err(|error| error.to_string())
    }
}
