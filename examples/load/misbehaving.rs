//! All that is no good, over and over, whatever comes of it: by a process of its own, which takes only what others leave of
//! the processor. Whoever does this elsewhere takes nothing of the server's machine but by what the server does for them.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::{Args, ValueEnum};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use super::api::Outcome;
use super::say;

/// Where they come from: what one address may do is limited.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The operations that are started on one connection.
const SUBSCRIPTIONS: usize = 10_000;

/// What some do.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Doing {
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

/// Who does what, and for how long.
#[derive(Clone, Debug, Args)]
pub struct Misbehaving {
    /// What is done.
    #[arg(long)]
    pub doing: Doing,
    /// Where the server listens.
    #[arg(long)]
    pub port: u16,
    /// By how many.
    #[arg(long)]
    pub each: u16,
    /// For so long.
    #[arg(long)]
    pub seconds: u64,
    /// What is said to watch something, one after the other.
    #[arg(long)]
    pub to_watch: Vec<String>,
}

impl Misbehaving {
    /// Begins it in a process that is as nice as can be.
    pub fn start(&self) -> Outcome<Child> {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        let Self { doing, port, each, seconds, to_watch } = self;
        let doing = doing.to_possible_value().ok_or("it has no name")?;
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(this).args(["misbehave", "--doing", doing.get_name()]);
        command.args(["--port", &port.to_string(), "--each", &each.to_string(), "--seconds", &seconds.to_string()]);
        for text in to_watch {
            command.args(["--to-watch", text]);
        }
        command.stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())
    }

    /// Does it, and says how many times somebody has come as far as doing no good.
    pub async fn run(self) -> Outcome<()> {
        let (mut hostile, got_in) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
        let subscribed: Arc<[String]> = self.to_watch.into();
        for number in 0..usize::from(self.each) {
            hostile.spawn(misbehave(self.doing, self.port, Arc::clone(&subscribed), number, Arc::clone(&got_in)));
        }
        tokio::time::sleep(Duration::from_secs(self.seconds)).await;
        hostile.shutdown().await;
        say(&got_in.load(Ordering::Relaxed).to_string())
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
