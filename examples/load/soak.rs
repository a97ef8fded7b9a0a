//! Whether the server grows: watchers who come and go for a long time, holds and bookings among them.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::api::{Api, Outcome};
use super::filling::Filled;
use super::ground::{self, Ground, Slot};
use super::process::Server;
use super::say;
use super::scene::{Limits, Scene};
use super::watching::Watched;

/// How many resources' days are in the database.
const ROWS: usize = 10_000;
/// How many slots are watched, held and booked, over and over.
const SLOTS: usize = 200;
/// How long one watches, in milliseconds, at the least; and how much longer at the most.
const STAYS: (u64, u64) = (200, 2_000);
/// How often it is told what the server takes.
const BETWEEN_LOOKS: Duration = Duration::from_mins(1);
/// How long each who holds and books rests in between.
const REST: Duration = Duration::from_millis(50);
/// How far the next slot is that somebody watches.
const STEP: usize = 7;
/// By how much the server may have grown in the end, in percent of what it took once it had settled.
const MAY_GROW: u64 = 10;
/// The part of the time in which memory still finds its size.
const SETTLING: usize = 3;

/// How long, and how many.
#[derive(Debug, Args)]
pub struct SoakOptions {
    /// The server's program. Default: the one that was built beside this one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// How long.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000), value_name = "MINUTES")]
    minutes: u64,
    /// How many watch at any time.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=5_000), value_name = "COUNT")]
    watchers: u16,
}

/// What has happened so far.
#[derive(Default)]
struct Counts {
    watched: AtomicUsize,
    booked: AtomicUsize,
}

/// Runs it, and tells each minute what the server takes.
pub async fn run(options: SoakOptions) -> Outcome<()> {
    let scene = Scene::of(options.program.clone())?;
    let server = scene.start(Limits::Off).await?;
    let api = Arc::new(scene.admin(&server)?);
    let filled = Filled::make(&api, &scene.database(), ROWS).await?;
    let resource = filled.resources.first().map(String::as_str);
    let ground = Arc::new(Ground::find(&api, resource, None, SLOTS, SLOTS).await?);
    let (counts, mut busy) = (Arc::new(Counts::default()), JoinSet::new());
    for number in 0..usize::from(options.watchers) {
        busy.spawn(come_and_go(Arc::clone(&api), Arc::clone(&ground), number, Arc::clone(&counts)));
    }
    busy.spawn(hold_and_book(api, ground, Arc::clone(&counts)));
    let looks = usize::try_from(options.minutes).unwrap_or(usize::MAX);
    let memory = tokio::select! {
        memory = look(&server, looks, &counts) => memory?,
        Some(ended) = busy.join_next() => {
            ended.map_err(|error| error.to_string())??;
            return Err("somebody stopped".to_owned());
        }
    };
    let settled = memory.get(memory.len() / SETTLING).copied().unwrap_or_default();
    let last = memory.last().copied().unwrap_or_default();
    say(&format!("{settled} KiB once a third of the time had passed, {last} KiB in the end"))?;
    if last > settled + settled * MAY_GROW / 100 { Err("the server grows".to_owned()) } else { Ok(()) }
}

/// What the server's memory comes to, in KiB, at each look.
async fn look(server: &Server, looks: usize, counts: &Counts) -> Outcome<Vec<u64>> {
    let mut memory = Vec::new();
    for number in 1..=looks {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let taken = server.taken()?;
        let (watched, booked) = (counts.watched.load(Ordering::Relaxed), counts.booked.load(Ordering::Relaxed));
        memory.push(taken.memory / 1024);
        say(&format!(
            "minute {number}: {} KiB; {watched} have watched, {booked} bookings came and went",
            taken.memory / 1024
        ))?;
    }
    Ok(memory)
}

/// Watches one day after the other, each for a moment. Some leave without a word.
async fn come_and_go(api: Arc<Api>, ground: Arc<Ground>, number: usize, counts: Arc<Counts>) -> Outcome<()> {
    let (least, more) = STAYS;
    let mut turn = number;
    loop {
        let slot = &ground.slots[turn % ground.slots.len()];
        let mut socket = Watched::presence(&api, &ground, slot).open().await?;
        let stay = least + u64::try_from(turn).unwrap_or_default().wrapping_mul(7_919) % more;
        let until = Instant::now() + Duration::from_millis(stay);
        // Whatever comes meanwhile is taken.
        while let Ok(Some(Ok(_))) =
            tokio::time::timeout_at(until.into(), futures_util::StreamExt::next(&mut socket)).await
        {}
        if !turn.is_multiple_of(3) {
            // If it cannot be told, the server has gone, and the next one will say so.
            let _closed = socket.close(None).await;
        }
        counts.watched.fetch_add(1, Ordering::Relaxed);
        turn += STEP;
    }
}

/// Holds a slot, books it, and calls it off.
async fn hold_and_book(api: Arc<Api>, ground: Arc<Ground>, counts: Arc<Counts>) -> Outcome<()> {
    let mut turn = 0;
    loop {
        let slot: &Slot = &ground.slots[turn % ground.slots.len()];
        let session = Uuid::new_v4().to_string();
        api.payload(&ground.heartbeat(&session, slot, Some(&json!({ "turn": turn })))).await?;
        api.payload(&ground.leave(&session)).await?;
        let made = api.payload(&ground.create_booking(slot)).await?;
        let (id, token) = (made.text("/booking/id")?, made.text("/managementToken")?);
        api.payload(&ground::cancel_booking(&id, &token)).await?;
        counts.booked.fetch_add(1, Ordering::Relaxed);
        turn += 1;
        tokio::time::sleep(REST).await;
    }
}
