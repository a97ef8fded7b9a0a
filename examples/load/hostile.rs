//! Whether the others are served as before while some do all that is no good: on a server of its own with its limits as
//! they are, from another address of this machine. Bounded in number and time.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum as _};
use serde_json::json;
use uuid::Uuid;

use super::api::{Api, Outcome};
use super::filling::Filled;
use super::ground::{Ground, Slot};
use super::measure::{Row, Table};
use super::misbehaving::{Doing, Misbehaving};
use super::process::Server;
use super::say;
use super::scene::{Limits, Scene};
use super::watching::{Watched, Watchers};

/// How many resources' days are in the database.
const ROWS: usize = 10_000;
/// How often somebody looks at a day and holds something on it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// How long it is waited until those who were no good have been let go.
const AFTERWARDS: Duration = Duration::from_secs(5);

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

/// Measures and prints.
pub async fn measure(HostileOptions { program, each, seconds }: HostileOptions) -> Outcome<()> {
    let scene = Scene::of(program)?;
    let server = scene.start(Limits::Off).await?;
    let filled = Filled::make(&scene.admin(&server)?, &scene.database(), ROWS).await?;
    drop(server);
    let server = scene.start(Limits::Usual).await?;
    let api = scene.admin(&server)?;
    let ground = Ground::find(&api, filled.resources.first().map(String::as_str), None, 1, 1).await?;
    let slot = ground.slots.first().ok_or("there is no free slot")?;
    let time = Duration::from_secs(seconds);
    let watchers = Watchers::open(&Watched::presence(&api, &ground, slot), 10).await?;
    let polite = Polite { api: &api, ground: &ground, slot, watchers: &watchers };
    let mut table = Table::new();
    let before = polite.go_on(time, "with nobody else").await?;
    let memory = server.taken()?.memory;
    let mut rows = Vec::new();
    for doing in Doing::value_variants() {
        let to_watch = Watched::presence(&api, &ground, slot).subscription().to_vec();
        let misbehaving = Misbehaving { doing: *doing, port: server.port, each, seconds, to_watch }.start()?;
        let row = polite.go_on(time, &format!("{doing:?}")).await?;
        let grown = grown(&server, memory)?;
        let got_in = got_in(misbehaving).await?;
        say(&format!("{doing:?}: {got_in} times; {grown}"))?;
        if got_in == 0 {
            return Err(format!("nobody came as far as {doing:?}"));
        }
        rows.push(row);
        tokio::time::sleep(AFTERWARDS).await;
    }
    say(&format!("and in the end: {}\n", grown(&server, memory)?))?;
    table.add(before, rows);
    say(&table.to_string())?;
    if table.has_failures() { Err("some requests failed; see above".to_owned()) } else { Ok(()) }
}

/// What `misbehaving` says when it has come to its end.
async fn got_in(misbehaving: Child) -> Outcome<usize> {
    let ended = tokio::task::spawn_blocking(|| misbehaving.wait_with_output()).await;
    let said = ended.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?.stdout;
    let said = String::from_utf8_lossy(&said);
    said.trim().parse().map_err(|_| format!("nobody was counted: {said}"))
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
