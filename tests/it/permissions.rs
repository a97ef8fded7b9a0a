//! Who may do what: every operation of the schema, as everybody.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::bookings::put;
use crate::support::{Actor, EventTypeSpec, ResourceSpec, Socket, TestServer};

/// What somebody gets.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Gets {
    /// What they asked for.
    It,
    /// Null, and no error.
    Nothing,
    /// A top-level error of this code, or a refusal in `userErrors`.
    Refused(&'static str),
}

const IT: Gets = Gets::It;
const NOTHING: Gets = Gets::Nothing;
const SIGN_IN: Gets = Gets::Refused("UNAUTHENTICATED");
const FORBIDDEN: Gets = Gets::Refused("FORBIDDEN");
const UNKNOWN: Gets = Gets::Refused("NOT_FOUND");

/// Of the organization: anonymous, customer, staff, admin. Of another: customer, staff, admin.
type Row = [Gets; 7];

/// For everybody, wherever they are from.
const PUBLIC: Row = [IT; 7];
/// For admins, each in their own organization.
const ADMINS_OWN: Row = [SIGN_IN, FORBIDDEN, FORBIDDEN, IT, FORBIDDEN, FORBIDDEN, IT];
/// For admins of the organization whose it is.
const ADMINS: Row = [SIGN_IN, FORBIDDEN, FORBIDDEN, IT, FORBIDDEN, FORBIDDEN, UNKNOWN];
/// For staff, each in their own organization.
const STAFF_OWN: Row = [SIGN_IN, FORBIDDEN, IT, IT, FORBIDDEN, IT, IT];
/// For staff of the organization whose it is.
const STAFF: Row = [SIGN_IN, FORBIDDEN, IT, IT, FORBIDDEN, UNKNOWN, UNKNOWN];

/// One operation, with ids of what belongs to the organization. `$me` is different for each who asks.
struct Case {
    /// The root field and its arguments.
    field: &'static str,
    /// What of its answer is asked for; of a payload, beside `userErrors`. Empty for what has no fields.
    selection: &'static str,
    row: Row,
}

const fn case(field: &'static str, selection: &'static str, row: Row) -> Case {
    Case { field, selection, row }
}

const QUERIES: &[Case] = &[
    case(
        r#"daySlots(resourceId: "res_on", date: "2026-12-02", eventTypeId: "evt_open")"#,
        "id slots { start }",
        PUBLIC,
    ),
    case(
        r#"monthAvailability(resourceId: "res_on", from: "2026-12-01", to: "2026-12-02", eventTypeId: "evt_open")"#,
        "id days { slotCount }",
        PUBLIC,
    ),
    case(
        r#"isAvailable(resourceId: "res_on", start: "2026-12-02T09:00:00Z", end: "2026-12-02T10:00:00Z")"#,
        "",
        PUBLIC,
    ),
    case(
        r#"availableResources(start: "2026-12-02T12:00:00Z", durationMinutes: 60, organizationId: "default")"#,
        "nodes { id }",
        PUBLIC,
    ),
    case(r#"datePresence(resourceId: "res_on", date: "2026-12-02")"#, "holds { holder }", PUBLIC),
    case(r#"presenceBetween(resourceId: "res_on", from: "2026-12-01", to: "2026-12-02")"#, "id", PUBLIC),
    case(r#"presence(resourceId: "res_on", slot: "2026-12-02T09:00:00Z")"#, "holder", PUBLIC),
    case(r#"activeSessions(resourceId: "res_on")"#, "", STAFF),
    case(r#"resource(id: "res_on")"#, "id eventTypes { id } schedule { id }", PUBLIC),
    case(r#"resource(id: "res_off")"#, "id", [UNKNOWN, UNKNOWN, IT, IT, UNKNOWN, UNKNOWN, UNKNOWN]),
    case(r#"resourceBySlug(slug: "on", organizationId: "default")"#, "id", PUBLIC),
    case(
        r#"resources(state: ALL, organizationId: "default")"#,
        "nodes { id name }",
        [SIGN_IN, FORBIDDEN, IT, IT, FORBIDDEN, FORBIDDEN, FORBIDDEN],
    ),
    case(r#"eventType(id: "evt_open")"#, "id resources { nodes { id } } schedule { id }", PUBLIC),
    case(r#"eventTypeBySlug(slug: "open", organizationId: "default")"#, "id", PUBLIC),
    case(
        r#"eventTypes(state: ALL, organizationId: "default")"#,
        "nodes { id title }",
        [SIGN_IN, FORBIDDEN, IT, IT, FORBIDDEN, FORBIDDEN, FORBIDDEN],
    ),
    case(r#"schedule(id: "sch_hours-of-the-house")"#, "id name weeklyHours { weekday }", STAFF),
    case("schedules", "nodes { id name } totalCount", STAFF_OWN),
    case("settings", "guestBookings", PUBLIC),
    case("viewer", "id", [NOTHING, IT, IT, IT, IT, IT, IT]),
    case(r#"booking(id: "$booking")"#, "id booker { email }", [NOTHING, IT, IT, IT, NOTHING, NOTHING, NOTHING]),
    case("myBookings", "nodes { id } totalCount", [SIGN_IN, IT, IT, IT, IT, IT, IT]),
    case("bookings", "nodes { id booker { email } } totalCount", STAFF_OWN),
    case(
        r#"bookingStats(from: "2026-12-01T00:00:00Z", to: "2026-12-08T00:00:00Z")"#,
        "byResource { resource { name schedule { name } } openMinutes }",
        STAFF_OWN,
    ),
    case(
        r#"bookingStats(from: "2026-12-01T00:00:00Z", to: "2026-12-08T00:00:00Z", resourceId: "res_off")"#,
        "byStatus { count }",
        STAFF,
    ),
    case("blocks", "nodes { id reason createdBy { userId } } totalCount", STAFF_OWN),
    case(r#"blocks(resourceId: "res_on")"#, "nodes { id }", STAFF),
    case(r#"bookingSeries(id: "$series")"#, "id rrule", [NOTHING, IT, IT, IT, NOTHING, NOTHING, NOTHING]),
    case("users", "nodes { id email role } totalCount", ADMINS_OWN),
    case("auditLog", "nodes { id entityId changes } totalCount", ADMINS_OWN),
    case("webhooks", "id url selection description", ADMINS_OWN),
    case("webhookDeliveries", "nodes { id payload history { at } } totalCount", ADMINS_OWN),
    case("calendarFeeds", "id resource { id }", [SIGN_IN, IT, IT, IT, IT, IT, IT]),
    case(r#"webhookDeliveries(webhookId: "$webhook")"#, "nodes { id }", ADMINS),
];

const SUBSCRIPTIONS: &[Case] = &[
    case(r#"presenceChanged(resourceId: "res_on", date: "2026-12-02")"#, "id", PUBLIC),
    case(r#"daySlotsChanged(resourceId: "res_on", date: "2026-12-02", eventTypeId: "evt_open")"#, "id", PUBLIC),
    case(
        r#"monthAvailabilityChanged(resourceId: "res_on", from: "2026-12-02", to: "2026-12-03", eventTypeId: "evt_open")"#,
        "id",
        PUBLIC,
    ),
    case(r#"presenceBetweenChanged(resourceId: "res_on", from: "2026-12-02", to: "2026-12-03")"#, "id", PUBLIC),
    case("bookingChanged", "id booking { id booker { email } }", STAFF_OWN),
    case(r#"bookingChanged(resourceId: "res_on")"#, "id", STAFF),
    case(r#"bookingChanged(bookingId: "$booking")"#, "id", [UNKNOWN, IT, IT, IT, UNKNOWN, UNKNOWN, UNKNOWN]),
];

/// In an order in which each finds what it is about. Whoever is refused comes before whoever is not.
const MUTATIONS: &[Case] = &[
    case(
        r#"heartbeat(input: { resourceId: "res_on", sessionSecret: "a session of $me, of the tests",
            slots: [{ start: "$time", durationMinutes: 60 }] })"#,
        "granted",
        PUBLIC,
    ),
    case(
        r#"leave(input: { resourceId: "res_on", sessionSecret: "a session of $me, of the tests" })"#,
        "released",
        PUBLIC,
    ),
    case(
        r#"createBooking(input: { resourceId: "res_on", eventTypeId: "evt_open", start: "$time" })"#,
        "booking { id }",
        [SIGN_IN, IT, IT, IT, UNKNOWN, UNKNOWN, UNKNOWN],
    ),
    case(
        r#"rescheduleBooking(input: { id: "$booking", start: "$time" })"#,
        "booking { id }",
        [UNKNOWN, IT, IT, IT, UNKNOWN, UNKNOWN, UNKNOWN],
    ),
    case(
        r#"cancelBooking(input: { id: "$booking" })"#,
        "booking { id }",
        [UNKNOWN, IT, IT, IT, UNKNOWN, UNKNOWN, UNKNOWN],
    ),
    case(
        r#"updateBooking(input: { id: "$booking", location: "$me" })"#,
        "booking { id }",
        [UNKNOWN, IT, IT, IT, UNKNOWN, UNKNOWN, UNKNOWN],
    ),
    case(r#"confirmBooking(input: { id: "$pending" })"#, "booking { id }", STAFF),
    case(r#"declineBooking(input: { id: "$pending" })"#, "booking { id }", STAFF),
    case(r#"completeBooking(input: { id: "$begun" })"#, "booking { id }", STAFF),
    case(r#"markBookingNoShow(input: { id: "$begun" })"#, "booking { id }", STAFF),
    case(
        r#"createBlock(input: { resourceId: "res_spare", start: "$day", end: "$time" })"#,
        "block { id resource { id } }",
        STAFF,
    ),
    case(r#"deleteBlock(input: { id: "$block" })"#, "deletedId", STAFF),
    case(
        r#"createBookingSeries(input: { rrule: "FREQ=DAILY;COUNT=2",
            booking: { resourceId: "res_on", eventTypeId: "evt_open", start: "$time" } })"#,
        "series { id }",
        [SIGN_IN, IT, IT, IT, UNKNOWN, UNKNOWN, UNKNOWN],
    ),
    case(
        r#"cancelBookingSeries(input: { id: "$series" })"#,
        "cancelled { id }",
        [UNKNOWN, IT, IT, IT, UNKNOWN, UNKNOWN, UNKNOWN],
    ),
    case(
        r#"createSchedule(input: { name: "$me", timeZone: "Europe/Berlin", weeklyHours: [] })"#,
        "schedule { id }",
        ADMINS_OWN,
    ),
    case(r#"updateSchedule(input: { id: "sch_hours-of-the-house", name: "$me" })"#, "schedule { id }", ADMINS),
    case(
        r#"setDateOverrides(input: { scheduleId: "sch_hours-of-the-house",
            overrides: [{ date: "2026-12-24", windows: [] }] })"#,
        "schedule { id }",
        ADMINS,
    ),
    case(
        r#"removeDateOverrides(input: { scheduleId: "sch_hours-of-the-house", dates: ["2026-12-24"] })"#,
        "schedule { id }",
        ADMINS,
    ),
    case(
        r#"createResource(input: { slug: "of-$me", name: "$me", timeZone: "Europe/Berlin" })"#,
        "resource { id }",
        ADMINS_OWN,
    ),
    case(r#"updateResource(input: { id: "res_off", name: "$me" })"#, "resource { id }", ADMINS),
    case(
        r#"createEventType(input: { slug: "of-$me", title: "$me", durationOptions: [60] })"#,
        "eventType { id }",
        ADMINS_OWN,
    ),
    case(r#"updateEventType(input: { id: "evt_shut", title: "$me" })"#, "eventType { id }", ADMINS),
    case(r#"linkEventType(input: { eventTypeId: "evt_shut", resourceId: "res_spare" })"#, "eventType { id }", ADMINS),
    case(r#"unlinkEventType(input: { eventTypeId: "evt_shut", resourceId: "res_spare" })"#, "eventType { id }", ADMINS),
    case(r#"deleteEventType(input: { id: "evt_shut" })"#, "deletedId", ADMINS),
    case(r#"deleteResource(input: { id: "res_off" })"#, "deletedId", ADMINS),
    case(r#"deleteSchedule(input: { id: "sch_off" })"#, "deletedId", ADMINS),
    case(
        r#"createWebhook(input: { url: "https://127.0.0.1:9/$me", events: [BOOKING_CREATED] })"#,
        "secret",
        ADMINS_OWN,
    ),
    case(r#"updateWebhook(input: { id: "$webhook", description: "$me" })"#, "webhook { id url }", ADMINS),
    case(r#"rotateWebhookSecret(input: { id: "$webhook" })"#, "secret", ADMINS),
    case(r#"sendTestWebhook(input: { id: "$webhook" })"#, "delivery { payload }", ADMINS),
    case(r#"redeliverWebhook(input: { deliveryId: "$delivery" })"#, "delivery { payload }", ADMINS),
    case(r#"deleteWebhook(input: { id: "$webhook" })"#, "deletedId", ADMINS),
    case("createCalendarFeed(input: {})", "url", [SIGN_IN, IT, IT, IT, IT, IT, IT]),
    case(r#"createCalendarFeed(input: { resourceId: "res_on", details: true })"#, "feed { id resource { id } }", STAFF),
    case(
        r#"deleteCalendarFeed(input: { id: "$feed" })"#,
        "deletedId",
        [SIGN_IN, IT, IT, IT, UNKNOWN, UNKNOWN, UNKNOWN],
    ),
    case(r#"setUserRole(input: { userId: "customer", role: STAFF })"#, "user { id }", ADMINS),
];

/// An organization with something of everything, and another one with nothing but people.
struct World {
    server: TestServer,
    /// As the columns of a row; each with its name.
    everybody: [(&'static str, Actor); 7],
    /// How many bookings have been made.
    bookings: AtomicUsize,
    /// How many blocks have been made to be removed.
    blocks: AtomicUsize,
    /// A webhook of the organization's, of which something is to be delivered.
    webhook: String,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let resource = |name: &str, active| ResourceSpec { active, ..ResourceSpec::named(name) };
        let open = &[("00:00", "24:00")];
        server
            .resources([
                resource("on", true),
                resource("spare", true),
                resource("off", false).open(open),
                resource("hours-of-the-house", false).open(open),
            ])
            .await;
        let event_type = |name, on, active| EventTypeSpec { active, ..EventTypeSpec::named(name, &[60], &[on]) };
        server
            .event_types([
                event_type("open", "on", true),
                event_type("shut", "on", false),
                event_type("spare", "spare", true),
                EventTypeSpec { requires_confirmation: true, ..event_type("asked", "spare", true) },
            ])
            .await;
        let of = |subject, role, organization| (subject, server.signed_in(subject, role, organization));
        let everybody = [
            ("anonymous", server.anonymous()),
            of("customer", Role::Customer, "default"),
            of("staff", Role::Staff, "default"),
            of("admin", Role::Admin, "default"),
            of("other-customer", Role::Customer, "org_x"),
            of("other-staff", Role::Staff, "org_x"),
            of("other-admin", Role::Admin, "org_x"),
        ];
        // Whoever has been here is known.
        for (_, actor) in &everybody {
            actor.ask("{ viewer { id } }", json!({})).await;
        }
        let webhook = server.webhook(json!({ "description": "hours-of-the-house" })).await;
        server.put_delivery(&webhook, "dlv_of-the-house", "BOOKING_CREATED", r#"{"title":"hours-of-the-house"}"#).await;
        Self { server, everybody, bookings: AtomicUsize::new(0), blocks: AtomicUsize::new(0), webhook }
    }

    /// A booking made for the occasion: of the customer's, confirmed or pending, or one that staff have made and that
    /// has begun.
    async fn booking(&self, placeholder: &str) -> String {
        let number = self.bookings.fetch_add(1, Ordering::Relaxed);
        let (event_type, day, who) = match placeholder {
            "$begun" => ("evt_spare", 29, 2),
            "$pending" => ("evt_asked", 33, 1),
            _ => ("evt_spare", 33, 1),
        };
        let day = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap() + TimeDelta::days(day - 1);
        let start = day.and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::hours(number.try_into().unwrap());
        let input = json!({
            "resourceId": "res_spare", "eventTypeId": event_type, "start": start, "ignoreSchedule": who == 2,
        });
        let made = self.everybody[who].1.book(input).await;
        made["booking"]["id"].as_str().unwrap_or_else(|| panic!("no booking: {made}")).to_owned()
    }

    /// Lets something happen again and again to the booking that a subscription names, or to some booking of the
    /// organization of whoever is at `column`: nothing is sent before something happens.
    async fn keep_changing_bookings(&self, document: &str, column: usize) {
        let mut booking = put("any", &["on"], "2026-12-02T10:00:00Z", 60);
        if column >= 4 {
            booking.organization_id = "org_x".into();
        }
        booking.booker.user_id = Some("customer".into());
        if let Some((_, named)) = document.split_once("bookingId: \"") {
            booking.id = named.split('"').next().unwrap().into();
        }
        loop {
            self.server.tell_of(&booking);
            // Until it has answered, the server has had time for those who watch.
            self.everybody[0].1.ask("{ settings { quantumMinutes } }", json!({})).await;
        }
    }

    /// A block, made for the occasion.
    async fn block(&self) -> String {
        let number = self.blocks.fetch_add(1, Ordering::Relaxed);
        let (start, end) = (format!("2027-01-01T{number:02}:00:00Z"), format!("2027-01-01T{number:02}:30:00Z"));
        let (_, staff) = &self.everybody[2];
        let input = json!({ "resourceId": "res_spare", "start": start, "end": end });
        staff.run_well("createBlock", input).await["block"]["id"].as_str().unwrap().to_owned()
    }

    /// A series of the customer's, made for the occasion.
    async fn series(&self) -> String {
        const MAKE: &str = "mutation ($input: CreateBookingSeriesInput!) { createBookingSeries(input: $input) {
            series { id } userErrors { message } } }";
        let hours = TimeDelta::hours(self.bookings.fetch_add(1, Ordering::Relaxed).try_into().unwrap());
        let start = NaiveDate::from_ymd_opt(2027, 1, 4).unwrap().and_time(NaiveTime::MIN).and_utc() + hours;
        let booking = json!({ "resourceId": "res_spare", "eventTypeId": "evt_spare", "start": start });
        let input = json!({ "booking": booking, "rrule": "FREQ=WEEKLY;COUNT=2" });
        let made = self.everybody[1].1.ask(MAKE, json!({ "input": input })).await;
        let id = made["createBookingSeries"]["series"]["id"].as_str();
        id.unwrap_or_else(|| panic!("no series: {made}")).to_owned()
    }

    /// `case` as an operation for the one at `column`.
    async fn document(&self, kind: &str, case: &Case, number: usize, column: usize) -> String {
        let mut field = case.field.to_owned();
        for placeholder in ["$booking", "$pending", "$begun"] {
            if field.contains(placeholder) {
                field = field.replace(placeholder, &self.booking(placeholder).await);
            }
        }
        let series = if field.contains("$series") { self.series().await } else { String::new() };
        // The customer's own, one for each who asks.
        let feed = if field.contains("$feed") { self.everybody[1].1.feed(json!({})).await.0 } else { String::new() };
        let block = if field.contains("$block") { self.block().await } else { String::new() };
        let field = field
            .replace("$me", self.everybody[column].0)
            .replace("$block", &block)
            .replace("$feed", &feed)
            .replace("$webhook", &self.webhook)
            .replace("$delivery", "dlv_of-the-house")
            .replace("$series", &series)
            .replace("$day", &format!("2026-12-{:02}T{:02}:00:00Z", 4 + number, 7 + column))
            .replace("$time", &format!("2026-12-{:02}T{:02}:00:00Z", 4 + number, 8 + column));
        let selection = match (kind, case.selection) {
            (_, "") => String::new(),
            ("mutation", selection) => format!("{{ {selection} userErrors {{ code message }} }}"),
            (_, selection) => format!("{{ {selection} }}"),
        };
        format!("{kind} {{ {field} {selection} }}")
    }
}

/// The root field of a case.
fn name(case: &Case) -> &str {
    case.field.split('(').next().unwrap()
}

/// What an answer to one root field comes to.
fn outcome(answer: &Value, name: &str) -> Result<Gets, String> {
    let code = answer["errors"][0]["extensions"]["code"].as_str();
    let value = &answer["data"][name];
    let refusal = value["userErrors"][0]["code"].as_str();
    let known = ["UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"];
    let refused = |code: &str| {
        known.into_iter().find(|known| *known == code).map(Gets::Refused).ok_or_else(|| answer.to_string())
    };
    match (code, refusal) {
        (Some(code), None) if value.is_null() => refused(code),
        (None, Some(code)) => refused(code),
        (None, None) if value.is_null() => Ok(Gets::Nothing),
        (None, None) => Ok(Gets::It),
        _ => Err(answer.to_string()),
    }
}

/// Fails unless everybody gets what they should of each case.
async fn assert_table(world: &World, kind: &str, cases: &[Case]) {
    // Strangers first, whoever may the most last: what is refused must leave everything for those who come after.
    let order = [0, 4, 5, 6, 1, 2, 3];
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        for column in order {
            let (who, actor) = &world.everybody[column];
            let document = world.document(kind, case, number, column).await;
            let answer = if kind == "subscription" {
                let mut socket = Socket::open(actor).await;
                socket.subscribe("1", &document, json!({})).await;
                tokio::select! {
                    message = socket.receive() => message["payload"].clone(),
                    () = world.keep_changing_bookings(&document, column), if name(case) == "bookingChanged" => Value::Null,
                }
            } else {
                actor.send(&document, json!({})).await.body
            };
            let gets = outcome(&answer, name(case));
            if gets != Ok(case.row[column]) {
                wrong.push(format!("{} as {who}: {gets:?} instead of {:?}", name(case), case.row[column]));
            }
            // What is nobody else's business is not told in passing, either.
            let told = answer.to_string();
            let private = ["hours-of-the-house", "\"customer@example.org\""];
            if column >= 4 && private.iter().any(|private| told.contains(private)) && case.row[column] != UNKNOWN {
                wrong.push(format!("{} as {who} tells of others: {told}", name(case)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn queries_are_answered_for_whom_they_are_for() {
    assert_table(&World::new().await, "query", QUERIES).await;
}

#[tokio::test]
async fn mutations_are_done_for_whom_they_are_for() {
    assert_table(&World::new().await, "mutation", MUTATIONS).await;
}

#[tokio::test]
async fn subscriptions_are_sent_to_whom_they_are_for() {
    assert_table(&World::new().await, "subscription", SUBSCRIPTIONS).await;
}

#[tokio::test]
async fn every_operation_of_the_schema_is_in_the_table() {
    const ROOTS: &str = "{ __schema { queryType { fields { name } } mutationType { fields { name } }
        subscriptionType { fields { name } } } }";
    let server = TestServer::start().await;
    let schema = server.anonymous().ask(ROOTS, json!({})).await;
    for (root, cases) in [("queryType", QUERIES), ("mutationType", MUTATIONS), ("subscriptionType", SUBSCRIPTIONS)] {
        let fields = schema["__schema"][root]["fields"].as_array().unwrap();
        let offered: BTreeSet<&str> = fields.iter().map(|field| field["name"].as_str().unwrap()).collect();
        let listed: BTreeSet<&str> = cases.iter().map(name).collect();
        assert_eq!(offered, listed, "{root}");
    }
}
