//! What others are told, and waiting until they are.

use std::collections::BTreeMap;

use calcard::icalendar::{ICalendar, ICalendarProperty};
use chrono::{DateTime, Utc};
use mail_parser::{MessageParser, MimeHeaders as _};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};
use slotwise::clock::Clock as _;

use super::receiver::{Receiver, Told};
use super::smtp::Received;
use super::{TestServer, within_patience};

/// Everything that can happen to a booking.
pub const BOOKING_EVENTS: [&str; 9] = [
    "BOOKING_CREATED",
    "BOOKING_UPDATED",
    "BOOKING_CONFIRMED",
    "BOOKING_DECLINED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_COMPLETED",
    "BOOKING_NO_SHOW",
    "BOOKING_EXPIRED",
];

/// How much there is to do for whoever tells others, as long as no time passes: what is to be shared out, what is being
/// delivered, and what could be. What is switched off is not delivered.
const BUSY: &str = "SELECT (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM deliveries d
    WHERE d.status = 'pending'
    AND (d.webhook_id IS NULL OR EXISTS (SELECT 1 FROM webhooks w WHERE w.id = d.webhook_id AND w.active))
    AND (d.lease IS NOT NULL OR d.due_at <= {now} AND NOT EXISTS (SELECT 1 FROM deliveries b
        WHERE b.status = 'pending' AND b.lane = d.lane AND b.chain = d.chain AND b.sequence < d.sequence))) AS number";
/// When the next of what waits is due.
const NEXT: &str = "SELECT MIN(due_at) AS number FROM deliveries d WHERE status = 'pending' AND due_at > {now}
    AND (d.webhook_id IS NULL OR EXISTS (SELECT 1 FROM webhooks w WHERE w.id = d.webhook_id AND w.active))";
/// How much nobody has been told of yet.
const UNTOLD: &str = "SELECT (SELECT COUNT(*) FROM outbox)
    + (SELECT COUNT(*) FROM deliveries WHERE status = 'pending') AS number";

/// How much is being delivered, by whomever.
const LEASED: &str = "SELECT COUNT(*) AS number FROM deliveries WHERE lease IS NOT NULL";
/// Whether it has been looked for bookings to be reminded of.
const LOOKED: &str = "SELECT COUNT(*) AS number FROM reminder_marks";

/// A webhook: its id, and the secret that was shown.
pub struct Hook {
    pub id: String,
    pub secret: String,
}

impl TestServer {
    /// Has `receiver` told of everything that happens to bookings, or of what `changes` say.
    pub async fn tell(&self, receiver: &Receiver, changes: Value) -> Hook {
        let mut input = json!({ "url": receiver.url, "events": BOOKING_EVENTS });
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        let made = self.runner().run_well("createWebhook", input).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Hook { id: text(&made["webhook"]["id"]), secret: text(&made["secret"]) }
    }

    /// Waits until it has been looked once for bookings to be reminded of.
    pub async fn until_looked_for_reminders(&self) {
        let database = Database::connect(self.database_url()).await.unwrap();
        let looked = async { while self.number(&database, LOOKED).await != Some(1) {} };
        within_patience("bookings to be looked at", looked).await;
        database.close().await.unwrap();
    }

    /// Waits until nothing more is told before time passes.
    pub async fn until_quiet(&self) {
        let database = Database::connect(self.database_url()).await.unwrap();
        self.wait_until_quiet(&database).await;
        database.close().await.unwrap();
    }

    /// Waits until so much and no more is being delivered, by this server or another one.
    pub async fn until_leased(&self, count: i64) {
        let database = Database::connect(self.database_url()).await.unwrap();
        let settled = async { while self.number(&database, LEASED).await != Some(count) {} };
        within_patience("what was told to be written down", settled).await;
        database.close().await.unwrap();
    }

    /// Lets time pass, from one attempt to the next, until everybody has been told everything, or it is given up.
    pub async fn pass_until_told(&self) {
        let database = Database::connect(self.database_url()).await.unwrap();
        loop {
            self.wait_until_quiet(&database).await;
            let Some(next) = self.number(&database, NEXT).await else { break };
            self.clock.advance_to(DateTime::from_timestamp_millis(next).unwrap());
        }
        database.close().await.unwrap();
    }

    /// Lets time pass until the next attempt, and waits for what comes of it. When that was.
    pub async fn pass_until_next(&self) -> DateTime<Utc> {
        let database = Database::connect(self.database_url()).await.unwrap();
        let next = self.number(&database, NEXT).await.expect("something that is tried again");
        self.clock.advance_to(DateTime::from_timestamp_millis(next).unwrap());
        self.wait_until_quiet(&database).await;
        database.close().await.unwrap();
        self.clock.now()
    }

    /// How much is still to be told, to whomever.
    pub async fn untold(&self) -> i64 {
        let database = Database::connect(self.database_url()).await.unwrap();
        let untold = self.number(&database, UNTOLD).await.unwrap();
        database.close().await.unwrap();
        untold
    }

    async fn wait_until_quiet(&self, database: &DatabaseConnection) {
        let quiet = async { while self.number(database, BUSY).await != Some(0) {} };
        within_patience("everybody to be told", quiet).await;
    }

    async fn number(&self, database: &DatabaseConnection, sql: &str) -> Option<i64> {
        let sql = sql.replace("{now}", &self.clock.now().timestamp_millis().to_string());
        let statement = Statement::from_string(database.get_database_backend(), sql);
        let row = database.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "number").unwrap()
    }
}

/// What was told of one booking, in the order in which it came.
pub fn about<'a>(told: &'a [Told], booking: &str) -> Vec<&'a Told> {
    told.iter().filter(|told| told.booking() == booking).collect()
}

/// Fails unless what was told of each booking came in order, nothing of it twice, from its first change on: the numbers
/// of its last.
#[track_caller]
pub fn assert_in_order(told: &[Told]) -> BTreeMap<&str, u64> {
    let mut last = BTreeMap::new();
    for told in told {
        let before = last.insert(told.booking(), told.sequence()).unwrap_or_default();
        assert_eq!(told.sequence(), before + 1, "{} of {}", told.event(), told.booking());
        assert_eq!(told.id(), format!("evn_{}_{}", told.booking(), told.sequence()));
    }
    last
}

/// An entry of a calendar.
#[derive(Debug, PartialEq)]
pub struct Entry {
    pub uid: String,
    pub sequence: i64,
    pub start: DateTime<Utc>,
}

/// What a mail's attachment is to do to a calendar, and its entries.
pub fn calendar(mail: &Received) -> Option<(String, Vec<Entry>)> {
    let parsed = MessageParser::default().parse(&mail.text).unwrap();
    let attachment = parsed.attachments().find(|part| part.attachment_name() == Some("booking.ics"))?;
    let text = String::from_utf8(attachment.contents().to_vec()).unwrap();
    let calendar = ICalendar::parse(&text).unwrap();
    let method = text.lines().find_map(|line| line.strip_prefix("METHOD:")).unwrap().trim().to_owned();
    let events = calendar.components.iter().filter(|component| component.component_type.is_event());
    let entries = events.map(|event| {
        let first = |name| event.property(&name).unwrap().values.first().unwrap();
        let start = first(ICalendarProperty::Dtstart).as_partial_date_time().unwrap().to_timestamp().unwrap();
        Entry {
            uid: event.uid().unwrap().to_owned(),
            sequence: first(ICalendarProperty::Sequence).as_integer().unwrap(),
            start: DateTime::from_timestamp(start, 0).unwrap(),
        }
    });
    Some((method, entries.collect()))
}
