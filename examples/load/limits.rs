//! How near the server comes to what is possible on this machine, each figure beside that of a server that only sends
//! back ready bytes: in one run, in turns, on a server and a database of the run's own.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use axum::body::Bytes;
use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::Outcome;
use super::filling::Filled;
use super::ground::{Ground, Slot};
use super::process::Server;
use super::rates::{self, Connection, Question, Spent};
use super::say;
use super::scene::{Limits, Scene};
use super::watching::{BETWEEN_CHANGES, MARK, NONE, Watched, Watchers};

/// How often it is the turn of each kind of request, and for how long: a machine that others use as well is not equally fast
/// for long.
const TURNS: usize = 12;
const A_TURN: Duration = Duration::from_secs(1);
/// How often the watchers are opened anew.
const OPENINGS: usize = 3;
/// How long those who watch do nothing before it is looked at what they take.
const IDLE: Duration = Duration::from_secs(2);
/// What is asked to see what the rest of an operation costs.
const TYPENAME: &str = "{ __typename }";

/// What is measured.
#[derive(Debug, Args)]
pub struct LimitsOptions {
    /// The server's program. Default: the one that was built beside this one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Days of resources with something booked in the database.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..=100_000_000), value_name = "COUNT")]
    rows: u32,
    /// Requests under way at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "COUNT")]
    connections: u16,
    /// WebSockets that watch one day, each a file descriptor here and one at the server (see `ulimit -n`).
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000), value_name = "COUNT")]
    watchers: u32,
    /// Changes that the watchers are to see in each turn.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "COUNT")]
    changes: u32,
}

/// Measures and prints.
pub async fn measure(options: LimitsOptions) -> Outcome<()> {
    let scene = Scene::of(options.program.clone())?;
    let server = scene.start(Limits::Off).await?;
    let rows = usize::try_from(options.rows).unwrap_or(usize::MAX);
    let filled = Arc::new(Filled::make(&scene.admin(&server)?, &scene.database(), rows).await?);
    drop(server);
    say(&format!("{rows} days of {} resources are there.\n", filled.resources.len()))?;
    let asked = asking(&scene, &filled, usize::from(options.connections)).await?;
    say(&asked.to_string())?;
    let watched = watching(&scene, &filled, (options.watchers, options.changes)).await?;
    say(&watched.to_string())
}

/// This program again, as the server that only sends back ready bytes.
async fn plain_server() -> Outcome<Server> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    Server::start(&this, |command, port| {
        command.args(["plain", &port.to_string()]);
    })
    .await
}

/// What was asked, over and over.
#[derive(Default)]
struct Asked {
    echo: Spent,
    typename: Spent,
    hot: Spent,
    cold: Spent,
    bytes: usize,
}

async fn asking(scene: &Scene, filled: &Arc<Filled>, connections: usize) -> Outcome<Asked> {
    let (server, plain) = (scene.start(Limits::Off).await?, plain_server().await?);
    let hot_body = filled.day_slots(0);
    let answer = Connection::open(server.port).await?.ask("/graphql", hot_body.clone()).await?;
    check_slots(&answer)?;
    Connection::open(plain.port).await?.ask("/answer", answer.clone()).await?;
    let typename: Question = always(json!({ "query": TYPENAME }).to_string().into());
    let hot = always(hot_body);
    let days = Arc::clone(filled);
    let cold: Question = Arc::new(move |number| days.day_slots(number));
    // No day is asked about twice, so none is among the answers that are kept. What the catalogue says is known after the
    // first turn, as it is of a server that has run for a while.
    let numbers = Arc::new(AtomicUsize::new(1));
    let mut asked = Asked { bytes: answer.len(), ..Asked::default() };
    for turn in 0..=TURNS {
        let echo = rates::spend(&plain, ("/echo", &hot), connections, A_TURN, &Arc::default()).await?;
        let typename = rates::spend(&server, ("/graphql", &typename), connections, A_TURN, &Arc::default()).await?;
        let hot = rates::spend(&server, ("/graphql", &hot), connections, A_TURN, &Arc::default()).await?;
        let cold = rates::spend(&server, ("/graphql", &cold), connections, A_TURN, &numbers).await?;
        // The first turn warms up.
        if turn > 0 {
            asked = Asked {
                echo: asked.echo.and(echo),
                typename: asked.typename.and(typename),
                hot: asked.hot.and(hot),
                cold: asked.cold.and(cold),
                ..asked
            };
        }
    }
    Ok(asked)
}

/// Refuses to measure anything but a day of forty starts.
fn check_slots(answer: &Bytes) -> Outcome<()> {
    let answer: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    match answer["data"]["daySlots"]["slots"].as_array() {
        Some(slots) if slots.len() == 40 => Ok(()),
        _ => Err(format!("forty starts were expected, not {answer}")),
    }
}

fn always(body: Bytes) -> Question {
    Arc::new(move |_| body.clone())
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34}{:>13}{:>15}{:>16}{:>11}", "", "a second", "server's µs", "× __typename", "× echo")?;
        for (name, spent) in [
            (format!("echo of {} bytes, no GraphQL", self.bytes), self.echo),
            (TYPENAME.to_owned(), self.typename),
            ("daySlots, the same day".to_owned(), self.hot),
            ("daySlots, any day, offer known".to_owned(), self.cold),
        ] {
            let (typename, echo) = (spent.rate() / self.typename.rate(), spent.rate() / self.echo.rate());
            writeln!(f, "{name:<34}{:>13.0}{:>15.1}{typename:>16.2}{echo:>11.2}", spent.rate(), spent.micros())?;
        }
        Ok(())
    }
}

/// What many watchers come to, of one server.
#[derive(Default)]
struct Reached {
    /// Until the last one had a change: one figure for each.
    last: Vec<Duration>,
    processor: Duration,
    messages: u32,
    /// Bytes for each watcher that does nothing, by turn.
    memory: Vec<u64>,
    bytes: usize,
}

struct WatchedBoth {
    watchers: u32,
    plain: Reached,
    server: Reached,
}

async fn watching(scene: &Scene, filled: &Filled, (watchers, changes): (u32, u32)) -> Outcome<WatchedBoth> {
    let mut both = WatchedBoth { watchers, plain: Reached::default(), server: Reached::default() };
    for turn in 0..OPENINGS {
        let text = watch_server(scene, filled, (watchers, changes), &mut both.server).await?;
        watch_plain(&text, (watchers, changes), &mut both.plain).await?;
        say(&format!("turn {} of {OPENINGS}: {watchers} watchers, {} bytes each time", turn + 1, both.server.bytes))?;
    }
    say("")?;
    Ok(both)
}

/// Opens the watchers of a server that has just started, and measures what they take while nothing happens.
async fn open(server: &Server, watched: &Watched, watchers: u32, reached: &mut Reached) -> Outcome<Watchers> {
    // The first one starts what is there once.
    let first = Watchers::open(watched, 1).await?;
    tokio::time::sleep(IDLE).await;
    let before = server.taken()?.memory;
    let open = Watchers::open(watched, watchers).await?;
    tokio::time::sleep(IDLE).await;
    reached.memory.push(server.taken()?.memory.saturating_sub(before) / u64::from(watchers));
    drop(first);
    Ok(open)
}

/// What was sent for the last change.
async fn watch_server(
    scene: &Scene,
    filled: &Filled,
    (watchers, changes): (u32, u32),
    reached: &mut Reached,
) -> Outcome<String> {
    let server = scene.start(Limits::Off).await?;
    let api = scene.admin(&server)?;
    let ground = Ground::find(&api, filled.resources.first().map(String::as_str), None, 1, 1).await?;
    let day: Vec<Slot> = ground.day(&api, ground.slots[0].date).await?;
    let (slot, others) = day.split_first().ok_or("there is no free day")?;
    for other in others {
        let data = json!({ "note": "Somebody is looking at this one. ".repeat(6) });
        api.payload(&ground.heartbeat(&Uuid::new_v4().to_string(), other, Some(&data))).await?;
    }
    let session = Uuid::new_v4().to_string();
    let open = open(&server, &Watched::presence(&api, &ground, slot), watchers, reached).await?;
    let before = server.taken()?;
    for change in 0..u64::from(changes) {
        let heartbeat = ground.heartbeat(&session, slot, Some(&json!({ "load": change })));
        let (_, _, last) = open.see(change, api.payload(&heartbeat)).await?;
        reached.last.push(last);
        tokio::time::sleep(BETWEEN_CHANGES).await;
    }
    reached.processor += server.taken()?.since(before);
    reached.messages += changes * watchers;
    let text = open.text().to_string();
    reached.bytes = text.len();
    Ok(text)
}

/// The same bytes, sent by a server that has nothing else to do.
async fn watch_plain(text: &str, (watchers, changes): (u32, u32), reached: &mut Reached) -> Outcome<()> {
    let server = plain_server().await?;
    let (head, tail) = text.split_once(MARK).ok_or("nothing was watched")?;
    let tail = tail.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let watched = Watched::plain(format!("ws://127.0.0.1:{}/watch", server.port));
    let state = |change: u64| Bytes::from(format!("{head}{MARK}{change}{tail}"));
    // They have seen something of this size, as those of the other server have.
    let mut connection = Connection::open(server.port).await?;
    connection.ask("/state", state(NONE)).await?;
    let open = open(&server, &watched, watchers, reached).await?;
    let before = server.taken()?;
    for change in 0..u64::from(changes) {
        let (_, _, last) = open.see(change, connection.ask("/state", state(change))).await?;
        reached.last.push(last);
        tokio::time::sleep(BETWEEN_CHANGES).await;
    }
    reached.processor += server.taken()?.since(before);
    reached.messages += changes * watchers;
    reached.bytes = text.len();
    Ok(())
}

impl Reached {
    /// Half of the changes took no longer.
    fn median(&self) -> Duration {
        let mut sorted = self.last.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    fn micros(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / f64::from(self.messages)
    }

    /// The most of all turns.
    fn memory(&self) -> f64 {
        let most = self.memory.iter().max().copied().unwrap_or_default();
        f64::from(u32::try_from(most).unwrap_or(u32::MAX)) / 1024.0
    }
}

impl fmt::Display for WatchedBoth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { watchers, plain, server } = self;
        writeln!(
            f,
            "{:<34}{:>13}{:>15}{:>16}",
            format!("{watchers} watchers"),
            "last, ms",
            "µs a message",
            "KiB when idle"
        )?;
        for (name, reached) in [("ready bytes to all", plain), ("presenceChanged", server)] {
            let (last, micros, memory) = (reached.median().as_secs_f64() * 1e3, reached.micros(), reached.memory());
            writeln!(f, "{name:<34}{last:>13.1}{micros:>15.1}{memory:>16.1}")?;
        }
        let last = server.median().as_secs_f64() / plain.median().as_secs_f64();
        write!(f, "{:<34}{last:>13.2}{:>15.2}", "×", server.micros() / plain.micros())
    }
}
