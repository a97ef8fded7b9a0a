//! What it costs whoever books that others are told of it: bookings with a mail and a webhook each, and bookings of
//! which nobody is told, in turns, so that both are made on the same machine in the same state.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{Days, TimeDelta, Utc};
use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::api::{Api, Outcome};
use super::catalogue::{every_day, made, mutate, request, slug};
use super::measure::{Effort, Row, Table};
use super::say;
use super::sinks::{self, Arrived};

/// How often it is the turn of each.
const TURNS: usize = 10;
/// Quarter hours of a day that one resource has.
const A_DAY: usize = 96;
/// Days that are booked full.
const DAYS: usize = 30;
/// How long it takes at the most until what happened is shared out.
const SHARED_OUT: Duration = Duration::from_secs(1);
/// How long whatever is still under way may take to arrive.
const PATIENCE: Duration = Duration::from_mins(10);

/// What is measured.
#[derive(Debug, Args)]
pub struct TellingOptions {
    /// How many bookings of each kind.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=20_000), value_name = "COUNT")]
    bookings: u32,
    /// Requests under way at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "COUNT")]
    connections: u16,
    /// The port of the mail server that is opened here.
    #[arg(long, default_value_t = 2525, value_name = "PORT")]
    mail_port: u16,
}

/// What was measured.
struct Measured {
    /// Bookings of which nobody was told.
    silent: Row,
    /// Bookings with a mail and a webhook each.
    told: Row,
    /// All of it in words.
    summary: String,
}

/// Measures and prints.
pub async fn measure(api: Api, options: TellingOptions, stop: CancellationToken) -> Outcome<()> {
    let connections = usize::from(options.connections);
    let effort = Effort { connections, requests: 0, limit: Duration::MAX, stop };
    let count = usize::try_from(options.bookings).unwrap_or(usize::MAX);
    let measured = book_both(&Arc::new(api), &effort, count, options.mail_port).await?;
    let mut table = Table::new();
    table.add(measured.silent, [measured.told]);
    say(&table.to_string())?;
    say(&measured.summary)?;
    if table.has_failures() { Err("some requests failed; see above".to_owned()) } else { Ok(()) }
}

/// Makes `count` bookings of each kind with as many connections as `effort` has, and waits until all has arrived.
async fn book_both(api: &Arc<Api>, effort: &Effort, count: usize, mail_port: u16) -> Outcome<Measured> {
    let (port, events) = sinks::receiver().await?;
    let (_, mails) = sinks::mail_server(mail_port).await?;
    let each = count.div_ceil(TURNS);
    let ground = Arc::new(Ground::make(api, 2 * each * TURNS, port).await?);
    let mut rows: [Option<Row>; 2] = [None, None];
    let (mut taken, mut late) = ([Duration::ZERO; 2], Vec::new());
    for turn in 0..2 * TURNS {
        let is_told = turn % 2 == 1;
        // What happened a moment ago is shared out among the webhooks that there are then.
        tokio::time::sleep(SHARED_OUT).await;
        ground.switch(api, is_told).await?;
        let begun = Instant::now();
        let row = book(api, &ground, effort, (turn * each, each), is_told).await;
        taken[turn % 2] += begun.elapsed();
        if is_told {
            let arrived_by_then = events.count().0;
            wait_for(&events, &mails, each).await?;
            late.push((arrived_by_then, begun.elapsed()));
        }
        events.clear();
        mails.clear();
        rows[turn % 2] = Some(match rows[turn % 2].take() {
            Some(before) => before.and(row),
            None => row,
        });
    }
    ground.clear_away(api).await?;
    let [Some(silent), Some(told)] = rows else { return Err("nothing was measured".to_owned()) };
    let rate = |taken: Duration| f64::from(u32::try_from(each * TURNS).unwrap_or(u32::MAX)) / taken.as_secs_f64();
    let [without, with] = taken.map(rate);
    let first = late.first().map_or_else(String::new, |(arrived, took)| {
        format!(
            "In the first turn {arrived} of {each} webhooks had arrived with the last booking, all after {took:.1?}."
        )
    });
    let summary = format!(
        "{} bookings of each kind in {TURNS} turns: {without:.0} a second told to nobody, {with:.0} a second with a mail \
         and a webhook each ({:+.1} %). Each arrived once. {first}\n",
        each * TURNS,
        (with / without - 1.0) * 100.0,
    );
    Ok(Measured { silent, told, summary })
}

/// Waits until `count` of both have arrived, and refuses that any came twice.
async fn wait_for(events: &Arrived, mails: &Arrived, count: usize) -> Outcome<()> {
    let begun = Instant::now();
    while events.count().0 < count || mails.count().0 < count {
        if begun.elapsed() > PATIENCE {
            let (events, mails) = (events.count().0, mails.count().0);
            return Err(format!("{events} webhooks and {mails} mails of {count} arrived"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    match (events.count(), mails.count()) {
        ((told, 0), (mailed, 0)) if told == count && mailed == count => Ok(()),
        (events, mails) => Err(format!("(different ones, twice): {events:?} webhooks, {mails:?} mails of {count}")),
    }
}

async fn book(
    api: &Arc<Api>,
    ground: &Arc<Ground>,
    effort: &Effort,
    (first, count): (usize, usize),
    is_told: bool,
) -> Row {
    let effort = Effort { requests: count, limit: Duration::MAX, ..effort.clone() };
    let (api, ground) = (Arc::clone(api), Arc::clone(ground));
    let book = move |_, number: usize| {
        let (api, ground) = (Arc::clone(&api), Arc::clone(&ground));
        async move { Ok(vec![api.payload(&ground.booking(first + number, is_told)).await?.latency]) }
    };
    let name = if is_told { "createBooking, mail and webhook" } else { "createBooking, told to nobody" };
    effort.spend([name], book).await.remove(0)
}

/// Resources that are open day and night, and a webhook.
struct Ground {
    resources: Vec<String>,
    event_type: String,
    webhook: String,
}

impl Ground {
    async fn make(api: &Api, slots: usize, port: u16) -> Outcome<Self> {
        let name = format!("Load test {}", Utc::now().timestamp_millis());
        let week = every_day("00:00", "24:00");
        let schedule = json!({ "name": name, "timeZone": "UTC", "weeklyHours": week });
        let schedule = made(api, "Schedule", "schedule", schedule).await?;
        let event_type = json!({ "title": name, "slug": slug(&name, 0), "durationOptions": [15] });
        let event_type = made(api, "EventType", "eventType", event_type).await?;
        let mut resources = Vec::new();
        for number in 0..slots.div_ceil(A_DAY * DAYS) {
            let resource = json!({
                "name": name, "slug": slug(&name, number), "kind": "load test", "timeZone": "UTC",
                "scheduleId": schedule, "standalone": true,
            });
            let resource = made(api, "Resource", "resource", resource).await?;
            let link = json!({ "eventTypeId": event_type, "resourceId": resource });
            mutate(api, "linkEventType", "LinkEventTypeInput", "eventType { id }", link).await?;
            resources.push(resource);
        }
        let webhook =
            json!({ "url": format!("http://127.0.0.1:{port}/"), "events": ["BOOKING_CREATED"], "active": false });
        Ok(Self { resources, event_type, webhook: made(api, "Webhook", "webhook", webhook).await? })
    }

    /// Has the webhook told, or not.
    async fn switch(&self, api: &Api, is_on: bool) -> Outcome<()> {
        let input = json!({ "id": self.webhook, "active": is_on });
        mutate(api, "updateWebhook", "UpdateWebhookInput", "webhook { id }", input).await.map(drop)
    }

    /// Takes the webhook away. The bookings stay: calling them off would have as many told again.
    async fn clear_away(&self, api: &Api) -> Outcome<()> {
        let input = json!({ "id": self.webhook });
        mutate(api, "deleteWebhook", "DeleteWebhookInput", "deletedId", input).await.map(drop)
    }

    /// The booking of that number.
    fn booking(&self, number: usize, is_told: bool) -> Value {
        let (resource, quarter) = (number / (A_DAY * DAYS), number % (A_DAY * DAYS));
        let first = (Utc::now().date_naive() + Days::new(2)).and_time(chrono::NaiveTime::MIN).and_utc();
        let minutes = i64::try_from(quarter).unwrap_or_default() * 15;
        let email = is_told.then(|| format!("load-{number}@example.com"));
        let input = json!({
            "resourceId": self.resources.get(resource),
            "eventTypeId": self.event_type,
            "start": first + TimeDelta::minutes(minutes),
            "booker": { "name": "Load test", "email": email },
        });
        request("createBooking", "CreateBookingInput", "booking { id }", &input)
    }
}
