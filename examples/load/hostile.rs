//! Whether the others are served as before while some do all that is no good: on a server of its own with its limits as
//! they are, from another address of this machine. Bounded in number and time.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use super::api::{Api, Outcome};
use super::filling::Filled;
use super::ground::{Ground, Slot};
use super::measure::{Row, Table};
use super::process::Server;
use super::say;
use super::scene::{Limits, Scene};
use super::watching::{Watched, Watchers};

/// Where the others come from: what one address may do is limited.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How many resources' days are in the database.
const ROWS: usize = 10_000;
/// How often somebody looks at a day and holds something on it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// How long it is waited until those who were no good have been let go.
const AFTERWARDS: Duration = Duration::from_secs(5);
/// The operations that are started on one connection.
const SUBSCRIPTIONS: usize = 10_000;

/// How many, and how long.
#[derive(Debug, Args)]
pub struct HostileOptions {
    /// The server's program. Default: the one that was built beside this one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// How many of each kind.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "COUNT")]
    each: u16,
    /// How long each kind goes on: longer than the server waits for whoever takes nothing.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=600), value_name = "SECONDS")]
    seconds: u64,
}

/// What some do.
#[derive(Copy, Clone, Debug)]
enum Doing {
    /// Connect, and say nothing.
    Silence,
    /// Send the head of a request, a byte a second.
    SlowHead,
    /// Announce a large body, and send a byte a second.
    SlowBody,
    /// Open WebSockets, and never introduce themselves.
    NoIntroduction,
    /// Watch, and read nothing that is sent.
    NeverReading,
    /// Start operations on one connection, one after the other, as fast as they are read.
    ManySubscriptions,
    /// Send bytes that are no frames, and messages that are none of the protocol.
    Garbage,
    /// Send bodies and frames that say they are compressed.
    Bombs,
}

const ALL: [Doing; 8] = [
    Doing::Silence,
    Doing::SlowHead,
    Doing::SlowBody,
    Doing::NoIntroduction,
    Doing::NeverReading,
    Doing::ManySubscriptions,
    Doing::Garbage,
    Doing::Bombs,
];

/// Measures and prints.
pub async fn measure(options: HostileOptions) -> Outcome<()> {
    let scene = Scene::of(options.program)?;
    let server = scene.start(Limits::Off).await?;
    let filled = Filled::make(&scene.admin(&server)?, &scene.database(), ROWS).await?;
    drop(server);
    let server = scene.start(Limits::Usual).await?;
    let api = scene.admin(&server)?;
    let ground = Ground::find(&api, filled.resources.first().map(String::as_str), None, 1, 1).await?;
    let slot = ground.slots.first().ok_or("there is no free slot")?;
    let time = Duration::from_secs(options.seconds);
    let watchers = Watchers::open(&Watched::presence(&api, &ground, slot), 10).await?;
    let polite = Polite { api: &api, ground: &ground, slot, watchers: &watchers };
    let mut table = Table::new();
    let before = polite.go_on(time, "with nobody else").await?;
    let memory = server.taken()?.memory;
    let mut rows = Vec::new();
    for doing in ALL {
        let (mut hostile, got_in) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
        for number in 0..usize::from(options.each) {
            let subscribed = Watched::presence(&api, &ground, slot).subscription();
            hostile.spawn(misbehave(doing, server.port, subscribed, number, Arc::clone(&got_in)));
        }
        let row = polite.go_on(time, &format!("{doing:?}")).await?;
        let got_in = got_in.load(Ordering::Relaxed);
        say(&format!("{doing:?}: {got_in} times; {}", grown(&server, memory)?))?;
        if got_in == 0 {
            return Err(format!("nobody came as far as {doing:?}"));
        }
        rows.push(row);
        hostile.shutdown().await;
        tokio::time::sleep(AFTERWARDS).await;
    }
    say(&format!("and in the end: {}\n", grown(&server, memory)?))?;
    table.add(before, rows);
    say(&table.to_string())?;
    if table.has_failures() { Err("some requests failed; see above".to_owned()) } else { Ok(()) }
}

fn grown(server: &Server, before: u64) -> Outcome<String> {
    let (now, before) = (server.taken()?.memory / 1024, before / 1024);
    Ok(format!("{now} KiB of memory, {before} KiB before"))
}

/// Somebody who uses the server as it is meant.
struct Polite<'a> {
    api: &'a Api,
    ground: &'a Ground,
    slot: &'a Slot,
    watchers: &'a Watchers,
}

impl Polite<'_> {
    /// Looks at a day, and holds something that watchers see, over and over. How long all of it took each time.
    async fn go_on(&self, time: Duration, name: &str) -> Outcome<Row> {
        let (begun, session) = (Instant::now(), Uuid::new_v4().to_string());
        let mut took = Vec::new();
        while begun.elapsed() < time {
            let asked = Instant::now();
            self.api.send(&self.ground.day_slots(self.slot.date)).await?;
            let change = u64::try_from(Uuid::new_v4().as_u128() >> 80).unwrap_or_default();
            let heartbeat =
                self.ground.heartbeat(&session, self.slot, Some(&json!({ "load": change, "note": "x".repeat(900) })));
            self.watchers.see(change, self.api.payload(&heartbeat)).await?;
            took.push(asked.elapsed());
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        self.api.payload(&self.ground.leave(&session)).await?;
        Ok(Row::of(name, took))
    }
}

/// Does that over and over, whatever comes of it, until it is stopped.
async fn misbehave(doing: Doing, port: u16, subscribed: Arc<[String]>, number: usize, got_in: Arc<AtomicUsize>) {
    // Each kind has one who does it most.
    if matches!(doing, Doing::ManySubscriptions) && number > 0 {
        return;
    }
    loop {
        // Being refused is what is expected.
        let _refused = once(doing, port, &subscribed, &got_in).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Once. Who has come as far as doing no good is counted.
async fn once(doing: Doing, port: u16, subscribed: &[String], got_in: &AtomicUsize) -> Outcome<()> {
    let failed = |error: std::io::Error| error.to_string();
    let counted = || got_in.fetch_add(1, Ordering::Relaxed);
    match doing {
        Doing::Silence => {
            let stream = connect(port).await?;
            counted();
            until_closed(stream).await
        }
        Doing::SlowHead => {
            let head = format!("POST /graphql HTTP/1.1\r\nhost: localhost\r\nx-slow: {}\r\n", "x".repeat(10_000));
            let stream = connect(port).await?;
            counted();
            slowly(stream, head.as_bytes()).await
        }
        Doing::SlowBody => {
            let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                        content-length: 1000000\r\n\r\n";
            let mut stream = connect(port).await?;
            stream.write_all(head.as_bytes()).await.map_err(failed)?;
            counted();
            slowly(stream, " ".repeat(10_000).as_bytes()).await
        }
        Doing::NoIntroduction => {
            let socket = open(port).await?;
            counted();
            until_closed(socket.into_inner()).await
        }
        Doing::NeverReading => {
            let mut socket = introduced(port, subscribed).await?;
            counted();
            // The operation is asked for again under other ids, so that there is more to be sent.
            for id in 2..90 {
                say_to(&mut socket, &subscribed[1].replacen("\"1\"", &format!("\"{id}\""), 1)).await?;
            }
            std::future::pending().await
        }
        Doing::ManySubscriptions => {
            let mut socket = introduced(port, subscribed).await?;
            for id in 2..SUBSCRIPTIONS {
                counted();
                say_to(&mut socket, &subscribed[1].replacen("\"1\"", &format!("\"{id}\""), 1)).await?;
            }
            until_closed(socket.into_inner()).await
        }
        Doing::Garbage => {
            let mut socket = introduced(port, subscribed).await?;
            say_to(&mut socket, "{\"type\":\"nonsense\"}").await?;
            let mut stream = open(port).await?.into_inner();
            counted();
            let garbage: Vec<u8> = Uuid::new_v4().as_bytes().repeat(4096);
            stream.write_all(&garbage).await.map_err(failed)?;
            until_closed(stream).await
        }
        Doing::Bombs => {
            let body = [0x1f, 0x8b, 8, 0].repeat(10_000);
            let head = format!(
                "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                 content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let mut stream = connect(port).await?;
            stream.write_all(&[head.as_bytes(), &body].concat()).await.map_err(failed)?;
            // A text frame that says it is compressed, which nobody has agreed to.
            counted();
            let mut socket = open(port).await?.into_inner();
            socket.write_all(&[0xc1, 0x84, 0, 0, 0, 0, 1, 2, 3, 4]).await.map_err(failed)?;
            until_closed(socket).await
        }
    }
}

async fn connect(port: u16) -> Outcome<TcpStream> {
    let failed = |error: std::io::Error| error.to_string();
    let socket = TcpSocket::new_v4().map_err(failed)?;
    socket.bind(SocketAddr::from((ELSEWHERE, 0))).map_err(failed)?;
    // So that what is not read is felt by the server soon.
    socket.set_recv_buffer_size(4096).map_err(failed)?;
    socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(failed)
}

/// A WebSocket on which nothing has been said.
async fn open(port: u16) -> Outcome<WebSocketStream<TcpStream>> {
    let mut request =
        format!("ws://127.0.0.1:{port}/graphql").into_client_request().map_err(|error| error.to_string())?;
    let protocol = "graphql-transport-ws".parse().map_err(|_| "a header that cannot be sent")?;
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (socket, _) = client_async(request, connect(port).await?).await.map_err(|error| error.to_string())?;
    Ok(socket)
}

/// A WebSocket of somebody who is nobody in particular, and has one operation.
async fn introduced(port: u16, subscribed: &[String]) -> Outcome<WebSocketStream<TcpStream>> {
    let mut socket = open(port).await?;
    say_to(&mut socket, "{\"type\":\"connection_init\"}").await?;
    socket.next().await.ok_or("no answer")?.map_err(|error| error.to_string())?;
    say_to(&mut socket, &subscribed[1]).await?;
    Ok(socket)
}

async fn say_to(socket: &mut WebSocketStream<TcpStream>, text: &str) -> Outcome<()> {
    socket.send(Message::text(text)).await.map_err(|error| error.to_string())
}

/// A byte a second.
async fn slowly(mut stream: TcpStream, bytes: &[u8]) -> Outcome<()> {
    for byte in bytes.chunks(1) {
        stream.write_all(byte).await.map_err(|error| error.to_string())?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Reads whatever comes until the server has had enough.
async fn until_closed(mut stream: TcpStream) -> Outcome<()> {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).await.map_err(|error| error.to_string())? > 0 {}
    Ok(())
}
