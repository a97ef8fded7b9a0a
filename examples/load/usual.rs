//! What people do, each as a multiple of the cheapest answer there is.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api::{Api, Outcome};
use super::ground::{self, Ground, Slot};
use super::measure::{Effort, Row, Table};
use super::{say, watching};

/// What is measured.
#[derive(Debug, Args)]
pub struct UsualOptions {
    /// Requests under way at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "COUNT")]
    connections: u16,
    /// Most requests of each kind.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    requests: u32,
    /// Most bookings. They are cancelled in the end; 0 makes none.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=10_000), value_name = "COUNT")]
    bookings: u32,
    /// Most seconds for each kind of request.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120), value_name = "SECONDS")]
    seconds: u64,
    /// WebSockets that watch one day, each a file descriptor here and one at the server (see `ulimit -n`). 0: none.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=20_000), value_name = "COUNT")]
    watchers: u32,
    /// Changes that the watchers are to see.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "COUNT")]
    changes: u32,
    /// The resource to book, by id. Default: the exclusive one with the shortest event type.
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
    /// The event type to book under, by id. Default: the shortest of the resource's.
    #[arg(long, value_name = "ID")]
    event_type: Option<String>,
}

/// Measures and prints.
pub async fn measure(api: Api, options: UsualOptions, stop: CancellationToken) -> Outcome<()> {
    let connections = usize::from(options.connections);
    // One slot for each connection to hold, one for the watchers to see held, the rest to book.
    let wanted = connections + 1 + usize::try_from(options.bookings).unwrap_or(usize::MAX);
    let (resource, event_type) = (options.resource.as_deref(), options.event_type.as_deref());
    let ground = Ground::find(&api, resource, event_type, connections + 1, wanted).await?;
    say(&format!(
        "{}: {} ({}), {} ({} minutes), {} free slots; {connections} connections\n",
        api.url(),
        ground.resource_name,
        ground.resource_id,
        ground.event_type_title,
        ground.duration_minutes,
        ground.slots.len(),
    ))?;
    let effort = Effort {
        connections,
        requests: usize::try_from(options.requests).unwrap_or(usize::MAX),
        limit: Duration::from_secs(options.seconds),
        stop,
    };
    Load { api: Arc::new(api), ground: Arc::new(ground), effort, options }.run().await
}

/// What is measured, and where.
struct Load {
    api: Arc<Api>,
    ground: Arc<Ground>,
    effort: Effort,
    options: UsualOptions,
}

impl Load {
    async fn run(&self) -> Outcome<()> {
        // Connections are opened and the server's memory is warmed before anything counts.
        self.typename("", &self.effort).await;
        let mut table = Table::new();
        let before = self.typename("{ __typename }", &self.effort).await;
        let mut rows = vec![self.looking().await];
        let sessions = self.sessions();
        rows.push(self.renewing(&sessions).await?);
        rows.extend(self.taking(&sessions).await);
        self.leave_all(&sessions).await?;
        rows.extend(self.booking().await?);
        let after = self.typename("{ __typename }", &self.effort).await;
        warn_of_drift(&before, &after)?;
        table.add(before.and(after), rows);
        if self.options.watchers > 0 && !self.effort.stop.is_cancelled() {
            // Changes are made one after the other, and compared with what is asked like that.
            let alone = Effort { connections: 1, ..self.effort.clone() };
            let before = self.typename("{ __typename }, one at a time", &alone).await;
            let rows = self.watching().await?;
            let after = self.typename("{ __typename }, one at a time", &alone).await;
            warn_of_drift(&before, &after)?;
            table.add(before.and(after), rows);
        }
        say(&table.to_string())?;
        if table.has_failures() { Err("some requests failed; see above".to_owned()) } else { Ok(()) }
    }

    async fn typename(&self, name: &str, effort: &Effort) -> Row {
        self.asking(name, json!({ "query": "{ __typename }" }), effort).await
    }

    /// The free starts of one day.
    async fn looking(&self) -> Row {
        let question = self.ground.day_slots(self.ground.slots[0].date);
        self.asking("daySlots", question, &self.effort).await
    }

    /// A change of a day's holds, seen by many.
    async fn watching(&self) -> Outcome<Vec<Row>> {
        // The slot after those that the connections hold.
        let slot = &self.ground.slots[self.effort.connections];
        let counts = (self.options.watchers, self.options.changes);
        watching::changes_seen(&self.api, &self.ground, slot, counts, &self.effort.stop).await
    }

    /// One request, over and over.
    async fn asking(&self, name: &str, body: Value, effort: &Effort) -> Row {
        let (api, body) = (Arc::clone(&self.api), Arc::new(body));
        let ask = move |_, _| {
            let (api, body) = (Arc::clone(&api), Arc::clone(&body));
            async move { api.send(&body).await.map(|answer| vec![answer.latency]) }
        };
        effort.spend([name], ask).await.remove(0)
    }

    /// A session for each connection, each with a slot of its own.
    fn sessions(&self) -> Arc<Vec<(String, Slot)>> {
        let slots = self.ground.slots.iter().take(self.effort.connections);
        Arc::new(slots.map(|slot| (Uuid::new_v4().to_string(), slot.clone())).collect())
    }

    /// Heartbeats that renew what is held already.
    async fn renewing(&self, sessions: &Arc<Vec<(String, Slot)>>) -> Outcome<Row> {
        for (session, slot) in sessions.iter() {
            self.api.payload(&self.ground.heartbeat(session, slot, None)).await?;
        }
        let (api, ground, sessions) = (Arc::clone(&self.api), Arc::clone(&self.ground), Arc::clone(sessions));
        let renew = move |connection: usize, _| {
            let (api, ground, sessions) = (Arc::clone(&api), Arc::clone(&ground), Arc::clone(&sessions));
            async move {
                let (session, slot) = &sessions[connection];
                Ok(vec![api.payload(&ground.heartbeat(session, slot, None)).await?.latency])
            }
        };
        Ok(self.effort.spend(["heartbeat, renewing"], renew).await.remove(0))
    }

    /// Heartbeats that take what nobody holds; each is left again, so that it can be taken anew.
    async fn taking(&self, sessions: &Arc<Vec<(String, Slot)>>) -> Vec<Row> {
        let (api, ground, sessions) = (Arc::clone(&self.api), Arc::clone(&self.ground), Arc::clone(sessions));
        let take = move |connection: usize, _| {
            let (api, ground, sessions) = (Arc::clone(&api), Arc::clone(&ground), Arc::clone(&sessions));
            async move {
                let (session, slot) = &sessions[connection];
                let left = api.payload(&ground.leave(session)).await?.latency;
                Ok(vec![api.payload(&ground.heartbeat(session, slot, None)).await?.latency, left])
            }
        };
        self.effort.spend(["heartbeat, taking", "leave"], take).await
    }

    async fn leave_all(&self, sessions: &[(String, Slot)]) -> Outcome<()> {
        for (session, _) in sessions {
            self.api.payload(&self.ground.leave(session)).await?;
        }
        Ok(())
    }

    /// Bookings, each of a slot of its own, and their cancelling.
    async fn booking(&self) -> Outcome<Vec<Row>> {
        let reserved = self.effort.connections + 1;
        let slots = self.ground.slots.get(reserved..).unwrap_or_default().to_vec();
        let effort = Effort { requests: slots.len(), ..self.effort.clone() };
        if slots.is_empty() {
            return Ok(Vec::new());
        }
        if !self.ground.may_book {
            say("Guests may not book here, and there is no --token: createBooking is left out.\n")?;
            return Ok(Vec::new());
        }
        let made = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (api, ground, slots) = (Arc::clone(&self.api), Arc::clone(&self.ground), Arc::new(slots));
        let done = Arc::clone(&made);
        let book = move |_, number: usize| {
            let (api, ground, slots, done) =
                (Arc::clone(&api), Arc::clone(&ground), Arc::clone(&slots), Arc::clone(&done));
            async move {
                let answer = api.payload(&ground.create_booking(&slots[number])).await?;
                let booking = (answer.text("/booking/id")?, answer.text("/managementToken")?);
                done.lock().map_err(|_| "a task panicked".to_owned())?.push(booking);
                Ok(vec![answer.latency])
            }
        };
        let mut rows = effort.spend(["createBooking"], book).await;
        let made = std::mem::take(&mut *made.lock().map_err(|_| "a task panicked".to_owned())?);
        rows.push(self.cancelling(made).await);
        Ok(rows)
    }

    /// Cancels all of it, however long it takes, also when stopped.
    async fn cancelling(&self, made: Vec<(String, String)>) -> Row {
        let effort = Effort {
            requests: made.len(),
            limit: Duration::MAX,
            stop: CancellationToken::new(),
            ..self.effort.clone()
        };
        let (api, made) = (Arc::clone(&self.api), Arc::new(made));
        let cancel = move |_, number: usize| {
            let (api, made) = (Arc::clone(&api), Arc::clone(&made));
            async move {
                let (id, token) = &made[number];
                Ok(vec![api.payload(&ground::cancel_booking(id, token)).await?.latency])
            }
        };
        effort.spend(["cancelBooking"], cancel).await.remove(0)
    }
}

/// What took half or twice as long in the end was not measured on a machine at rest.
fn warn_of_drift(before: &Row, after: &Row) -> Outcome<()> {
    let (one, other) = (before.median().min(after.median()), before.median().max(after.median()));
    if other < 2 * one {
        return Ok(());
    }
    say(&format!(
        "`{{ __typename }}` took {:?} at first and {:?} in the end: something else keeps the machine busy.\n",
        before.median(),
        after.median()
    ))
}
