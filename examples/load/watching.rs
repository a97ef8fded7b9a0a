//! How long it takes until the last of many watchers has seen a change.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api::{Api, Outcome};
use super::ground::{Ground, Slot};
use super::measure::Row;

/// How long all watchers may take to see a change.
const PATIENCE: Duration = Duration::from_secs(10);
/// The server sends together what follows a change within 50 ms; each of these is to be sent at once.
const BETWEEN_CHANGES: Duration = Duration::from_millis(75);
/// How many sockets are opened at once.
const OPENED_AT_ONCE: usize = 50;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Somebody has seen the change of that number.
struct Seen {
    change: u64,
    at: Instant,
}

/// Opens `watchers` sockets that watch the day of `slot`, and changes a hold of that day `changes` times.
pub async fn changes_seen(
    api: &Api,
    ground: &Ground,
    slot: &Slot,
    (watchers, changes): (u32, u32),
    stop: &CancellationToken,
) -> Outcome<Vec<Row>> {
    let opening = (0..watchers).map(|_| open(api, ground, slot));
    let sockets: Vec<Outcome<Socket>> = stream::iter(opening).buffer_unordered(OPENED_AT_ONCE).collect().await;
    let (sender, mut seen) = mpsc::unbounded_channel();
    // Dropping the set at the end closes all sockets.
    let mut watching = JoinSet::new();
    for socket in sockets {
        watching.spawn(watch(socket?, sender.clone()));
    }
    drop(sender);

    let session = Uuid::new_v4().to_string();
    let (mut answers, mut firsts, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    for change in 0..u64::from(changes) {
        if stop.is_cancelled() {
            break;
        }
        let sent = Instant::now();
        // What a session says about itself is part of its hold: other words are a change that everybody is sent.
        let heartbeat = ground.heartbeat(&session, slot, Some(&json!({ "load": change })));
        answers.push(api.payload(&heartbeat).await?.latency);
        let (first, last) = timeout(PATIENCE, seen_by_all(&mut seen, change, watchers))
            .await
            .map_err(|_| format!("a change was not seen by all of {watchers} watchers within {PATIENCE:?}"))??;
        firsts.push(first.saturating_duration_since(sent));
        lasts.push(last.saturating_duration_since(sent));
        tokio::time::sleep(BETWEEN_CHANGES).await;
    }
    api.payload(&ground.leave(&session)).await?;
    Ok(vec![
        Row::of("a change, until its answer", answers),
        Row::of("until the first watcher", firsts),
        Row::of(&format!("until the last of {watchers} watchers"), lasts),
    ])
}

/// When the first and the last watcher saw the change.
async fn seen_by_all(
    seen: &mut mpsc::UnboundedReceiver<Seen>,
    change: u64,
    watchers: u32,
) -> Outcome<(Instant, Instant)> {
    let mut times = Vec::new();
    while times.len() < usize::try_from(watchers).unwrap_or(usize::MAX) {
        let next = seen.recv().await.ok_or("all watchers were cut off")?;
        if next.change == change {
            times.push(next.at);
        }
    }
    times.iter().min().copied().zip(times.iter().max().copied()).ok_or_else(|| "there are no watchers".to_owned())
}

/// Connects, and waits until the present state has come.
async fn open(api: &Api, ground: &Ground, slot: &Slot) -> Outcome<Socket> {
    const SUBSCRIPTION: &str = "subscription ($resource: ID!, $date: Date!) {
        presenceChanged(resourceId: $resource, date: $date) { revision holds { start end holder data } } }";
    let mut request =
        api.url().as_str().replacen("http", "ws", 1).into_client_request().map_err(|error| error.to_string())?;
    let protocol = "graphql-transport-ws".parse().map_err(|_| "a header that cannot be sent")?;
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = connect_async(request).await.map_err(|error| format!("a WebSocket: {error}"))?;
    let who = api.authorization().map(|authorization| json!({ "Authorization": authorization }));
    let variables = json!({ "resource": ground.resource_id, "date": slot.date });
    let introduction = [
        (json!({ "type": "connection_init", "payload": who }), "connection_ack"),
        (
            json!({ "id": "1", "type": "subscribe", "payload": { "query": SUBSCRIPTION, "variables": variables } }),
            "next",
        ),
    ];
    for (message, answered_by) in introduction {
        socket.send(Message::text(message.to_string())).await.map_err(|error| error.to_string())?;
        let (_, answer) = timeout(PATIENCE, receive(&mut socket)).await.map_err(|_| "a WebSocket is silent")??;
        if answer["type"] != answered_by {
            return Err(format!("{answered_by} was expected, not {answer}"));
        }
    }
    Ok(socket)
}

/// Tells of each change that comes, until the socket ends.
async fn watch(mut socket: Socket, seen: mpsc::UnboundedSender<Seen>) {
    while let Ok((at, message)) = receive(&mut socket).await {
        let holds = message.pointer("/payload/data/presenceChanged/holds").and_then(Value::as_array);
        let changes = holds.into_iter().flatten().filter_map(|hold| hold["data"]["load"].as_u64());
        for change in changes {
            if seen.send(Seen { change, at }).is_err() {
                return;
            }
        }
    }
}

/// The next message, and when it had come.
async fn receive(socket: &mut Socket) -> Outcome<(Instant, Value)> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let at = Instant::now();
                return serde_json::from_str(&text).map(|message| (at, message)).map_err(|error| error.to_string());
            }
            // Pings are answered by the library.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => return Err(format!("a WebSocket has ended: {other:?}")),
        }
    }
}
