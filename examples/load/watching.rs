//! How long it takes until the last of many watchers has seen a change.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api::{Api, Outcome};
use super::ground::{Ground, Slot};
use super::measure::Row;

/// How long all watchers may take to see a change, and a server to answer over a WebSocket.
const PATIENCE: Duration = Duration::from_secs(20);
/// The server sends together what follows a change within 50 ms; each of these is to be sent at once.
pub const BETWEEN_CHANGES: Duration = Duration::from_millis(75);
/// How many sockets are opened at once.
const OPENED_AT_ONCE: usize = 50;
/// What a client reads at once; there are many of them.
const READ_BUFFER: usize = 4 * 1024;
/// What stands before the number of a change, in whatever is sent.
pub const MARK: &str = "\"load\":";
/// The number of a change that is never waited for.
pub const NONE: u64 = u64::MAX;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What to watch, and how to ask for it.
pub struct Watched {
    url: String,
    introduction: Vec<(String, &'static str)>,
}

impl Watched {
    /// Whatever is sent to whoever connects to `url`.
    pub fn plain(url: String) -> Self {
        Self { url, introduction: Vec::new() }
    }

    /// The holds of the day of `slot`.
    pub fn presence(api: &Api, ground: &Ground, slot: &Slot) -> Self {
        const SUBSCRIPTION: &str = "subscription ($resource: ID!, $date: Date!) {
            presenceChanged(resourceId: $resource, date: $date) { revision holds { start end holder data } } }";
        let who = api.authorization().map(|authorization| json!({ "Authorization": authorization }));
        let variables = json!({ "resource": ground.resource_id, "date": slot.date });
        let subscribed = json!({ "query": SUBSCRIPTION, "variables": variables });
        Self {
            url: api.url().as_str().replacen("http", "ws", 1),
            introduction: vec![
                (json!({ "type": "connection_init", "payload": who }).to_string(), "connection_ack"),
                (json!({ "id": "1", "type": "subscribe", "payload": subscribed }).to_string(), "next"),
            ],
        }
    }

    /// What is said to see it.
    pub fn subscription(&self) -> Arc<[String]> {
        self.introduction.iter().map(|(message, _)| message.clone()).collect()
    }

    /// Connects, and waits until the present state has come.
    pub async fn open(&self) -> Outcome<Socket> {
        let mut request = self.url.as_str().into_client_request().map_err(|error| error.to_string())?;
        if !self.introduction.is_empty() {
            let protocol = "graphql-transport-ws".parse().map_err(|_| "a header that cannot be sent")?;
            request.headers_mut().insert("sec-websocket-protocol", protocol);
        }
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
        let connected = connect_async_with_config(request, Some(config), true).await;
        let (mut socket, _) = connected.map_err(|error| format!("a WebSocket: {error}"))?;
        for (message, answered_by) in &self.introduction {
            socket.send(Message::text(message.as_str())).await.map_err(|error| error.to_string())?;
            let text = timeout(PATIENCE, receive(&mut socket)).await.map_err(|_| "a WebSocket is silent")??;
            let answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            if answer["type"] != *answered_by {
                return Err(format!("{answered_by} was expected, not {answer}"));
            }
        }
        Ok(socket)
    }
}

/// Many who watch the same. Dropping them closes their connections.
pub struct Watchers {
    progress: Arc<Progress>,
    _watching: JoinSet<()>,
}

/// Who has seen the change that is waited for.
struct Progress {
    begun: Instant,
    watchers: usize,
    change: AtomicU64,
    seen: AtomicUsize,
    /// Nanoseconds since `begun`.
    first: AtomicU64,
    last: AtomicU64,
    all: Notify,
    was_cut_off: AtomicBool,
    text: Mutex<Utf8Bytes>,
}

impl Watchers {
    /// Opens `count` connections.
    pub async fn open(watched: &Watched, count: u32) -> Outcome<Self> {
        let opening = (0..count).map(|_| watched.open());
        let sockets: Vec<Outcome<Socket>> = stream::iter(opening).buffer_unordered(OPENED_AT_ONCE).collect().await;
        let progress = Arc::new(Progress {
            begun: Instant::now(),
            watchers: sockets.len(),
            change: AtomicU64::new(NONE),
            seen: AtomicUsize::new(0),
            first: AtomicU64::new(0),
            last: AtomicU64::new(0),
            all: Notify::new(),
            was_cut_off: AtomicBool::new(false),
            text: Mutex::default(),
        });
        let mut watching = JoinSet::new();
        for socket in sockets {
            watching.spawn(watch(socket?, Arc::clone(&progress)));
        }
        Ok(Self { progress, _watching: watching })
    }

    /// Makes `change` known, which `make` makes, and waits until all have seen it: how long until `make` had come to its
    /// end, and until the first and the last had it.
    pub async fn see<T>(
        &self,
        change: u64,
        make: impl Future<Output = Outcome<T>>,
    ) -> Outcome<(T, Duration, Duration)> {
        let progress = &self.progress;
        progress.seen.store(0, Ordering::SeqCst);
        progress.first.store(u64::MAX, Ordering::SeqCst);
        progress.last.store(0, Ordering::SeqCst);
        progress.change.store(change, Ordering::SeqCst);
        let sent = progress.now();
        let outcome = make.await?;
        timeout(PATIENCE, progress.all.notified()).await.map_err(|_| {
            let (seen, all) = (progress.seen.load(Ordering::SeqCst), progress.watchers);
            let why = if progress.was_cut_off.load(Ordering::SeqCst) { "; some were cut off" } else { "" };
            format!("a change was seen by {seen} of {all} watchers within {PATIENCE:?}{why}")
        })?;
        let since = |at: &AtomicU64| Duration::from_nanos(at.load(Ordering::SeqCst).saturating_sub(sent));
        Ok((outcome, since(&progress.first), since(&progress.last)))
    }

    /// What one of them was sent last.
    pub fn text(&self) -> Utf8Bytes {
        self.progress.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Progress {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn saw(&self, change: u64, text: Utf8Bytes) {
        if change == NONE || change != self.change.load(Ordering::SeqCst) {
            return;
        }
        let now = self.now();
        self.first.fetch_min(now, Ordering::SeqCst);
        self.last.fetch_max(now, Ordering::SeqCst);
        if self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.watchers {
            *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
            self.all.notify_one();
        }
    }
}

/// Notes each change that comes, until the socket ends. What is sent is searched, not parsed: it is the server that is
/// measured.
async fn watch(mut socket: Socket, progress: Arc<Progress>) {
    while let Ok(text) = receive(&mut socket).await {
        if let Some(change) = number_in(&text) {
            progress.saw(change, text);
        }
    }
    progress.was_cut_off.store(true, Ordering::SeqCst);
}

/// The number of the change that `text` tells of.
fn number_in(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(MARK)?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// The next message.
async fn receive(socket: &mut Socket) -> Outcome<Utf8Bytes> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            // Pings are answered by the library.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => return Err(format!("a WebSocket has ended: {other:?}")),
        }
    }
}

/// Opens `watchers` sockets that watch the day of `slot`, and changes a hold of that day `changes` times.
pub async fn changes_seen(
    api: &Api,
    ground: &Ground,
    slot: &Slot,
    (watchers, changes): (u32, u32),
    stop: &CancellationToken,
) -> Outcome<Vec<Row>> {
    let watching = Watchers::open(&Watched::presence(api, ground, slot), watchers).await?;
    let session = Uuid::new_v4().to_string();
    let (mut answers, mut firsts, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    for change in 0..u64::from(changes) {
        if stop.is_cancelled() {
            break;
        }
        // What a session says about itself is part of its hold: other words are a change that everybody is sent.
        let heartbeat = ground.heartbeat(&session, slot, Some(&json!({ "load": change })));
        let (answer, first, last) = watching.see(change, api.payload(&heartbeat)).await?;
        answers.push(answer.latency);
        firsts.push(first);
        lasts.push(last);
        tokio::time::sleep(BETWEEN_CHANGES).await;
    }
    api.payload(&ground.leave(&session)).await?;
    Ok(vec![
        Row::of("a change, until its answer", answers),
        Row::of("until the first watcher", firsts),
        Row::of(&format!("until the last of {watchers} watchers"), lasts),
    ])
}
