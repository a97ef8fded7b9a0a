//! HTTP as receivers speak it in tests: they say exactly what they are told to, HTTP or not. The receiver of the
//! integration tests speaks like this, too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is sent, and what happens then.
pub struct Answer {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Copy, Clone, PartialEq)]
enum Then {
    /// The next request is waited for.
    Next,
    /// The connection is closed.
    Close,
    /// Nothing, for good.
    Silence,
    /// The same bytes again and again.
    More,
}

impl Answer {
    /// These bytes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::Next }
    }

    /// Only a status.
    pub fn status(status: u16) -> Self {
        // These two have no body, and no length.
        let length = if status == 204 || status == 304 { "" } else { "content-length: 0\r\n" };
        Self::raw(format!("HTTP/1.1 {status} Whatever\r\n{length}\r\n"))
    }

    /// Then the connection is closed.
    pub fn and_closes(self) -> Self {
        Self { then: Then::Close, ..self }
    }

    /// Then nothing more comes.
    pub fn and_falls_silent(self) -> Self {
        Self { then: Then::Silence, ..self }
    }

    /// It never ends.
    pub fn again_and_again(self) -> Self {
        Self { then: Then::More, ..self }
    }
}

/// A request as it arrived.
pub struct Seen {
    /// By which connection, counted from 0.
    pub connection: usize,
    /// The first line.
    pub line: String,
    /// Names and values, by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Seen {
    /// The value of a header that is there once.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let value = values.next().unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }
}

/// What a receiver says to a request, once it does; nothing at all: it hangs up.
pub type Answering = Arc<dyn Fn(Seen) -> BoxFuture<'static, Option<Answer>> + Send + Sync>;

/// Somebody who listens until this is dropped.
pub struct Listening {
    /// Where.
    pub address: SocketAddr,
    /// How many have connected.
    pub connections: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Listening {
    /// Listens at `address`, and answers whoever connects.
    pub async fn start(address: &str, answering: Answering) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let connection = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(converse(connection, stream, Arc::clone(&answering)));
            }
        });
        Self { address, connections, serving }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn converse(connection: usize, stream: TcpStream, answering: Answering) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(connection, &mut stream).await {
        let answer = tokio::select! {
            answer = answering(request) => answer,
            // Clients say nothing more before they are answered: this one has left.
            _ = stream.fill_buf() => return,
        };
        let Some(answer) = answer else { return };
        while stream.write_all(&answer.bytes).await.is_ok() && answer.then == Then::More {}
        match answer.then {
            Then::Next => {}
            Then::Close | Then::More => return,
            Then::Silence => {
                let _left = stream.fill_buf().await;
                return;
            }
        }
    }
}

async fn read(connection: usize, stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let line = lines.next()?;
    let pair = |line: String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let mut headers: Vec<(String, String)> = lines.map(|line| pair(line).unwrap()).collect();
    headers.sort();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { connection, line, headers, body: String::from_utf8(body).unwrap() })
}
