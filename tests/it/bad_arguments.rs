//! Arguments of queries that are not as they should be: a clear answer for each, and no harm to the fields beside it.

use serde_json::{Value, json};

use crate::support::{Actor, EventTypeSpec, ResourceSpec, TestServer, assert_clear};

async fn studio() -> TestServer {
    let server = TestServer::start().await;
    server.resources(["a", "b"].map(|name| ResourceSpec::named(name).open(&[("09:00", "22:00")]))).await;
    let hour = EventTypeSpec { interval: Some(30), ..EventTypeSpec::named("hour", &[60], &["a", "b"]) };
    server.event_types([hour]).await;
    server
}

/// Asks each field beside another one, which must not suffer: its error must have this code and tell `hint`.
async fn assert_refused(actor: &Actor, code: &str, cases: &[(&str, &str)]) {
    for (field, hint) in cases {
        let answer = actor.send(&format!("{{ asked: {field} settings {{ quantumMinutes }} }}"), json!({})).await;
        assert_eq!(answer.status, 200, "{field}");
        assert_eq!(answer.code(), code, "{field}: {}", answer.body);
        assert_clear(answer.message());
        assert!(answer.message().contains(hint), "{field}: without `{hint}`: {}", answer.message());
        assert_eq!(answer.body["errors"][0]["path"], json!(["asked"]));
        assert_eq!(answer.body["data"], json!({ "asked": null, "settings": { "quantumMinutes": 15 } }), "{field}");
    }
}

#[tokio::test]
async fn what_is_unknown_is_not_found_and_null() {
    let server = studio().await;
    let long = format!(r#"resource(id: "{}") {{ id }}"#, "x".repeat(5_000));
    let cases = [
        (r#"resource(id: "res_none") { id }"#, "res_none"),
        (r#"resource(id: "") { id }"#, "resource"),
        (&long, "resource"),
        (r#"resourceBySlug(slug: "none") { id }"#, "none"),
        (r#"resourceBySlug(slug: "a", organizationId: "org_none") { id }"#, "resource"),
        (r#"eventType(id: "evt_none") { id }"#, "event type"),
        (r#"eventTypeBySlug(slug: "none") { id }"#, "event type"),
        (r#"daySlots(resourceId: "res_none", date: "2026-12-02", durationMinutes: 60) { id }"#, "res_none"),
        (r#"daySlots(resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_none") { id }"#, "evt_none"),
        (
            r#"daySlots(resourceId: "res_a", date: "2026-12-02", durationMinutes: 60, addOns: [{ resourceId: "res_none" }]) { id }"#,
            "res_none",
        ),
        (
            r#"monthAvailability(resourceId: "res_none", from: "2026-12-01", to: "2026-12-31", durationMinutes: 60) { id }"#,
            "res_none",
        ),
        (
            r#"isAvailable(resourceId: "res_none", start: "2026-12-02T09:00:00Z", end: "2026-12-02T10:00:00Z")"#,
            "res_none",
        ),
        (r#"datePresence(resourceId: "res_none", date: "2026-12-02") { id }"#, "res_none"),
        (r#"presenceBetween(resourceId: "res_none", from: "2026-12-02", to: "2026-12-02") { id }"#, "res_none"),
        (r#"presence(resourceId: "res_none", slot: "2026-12-02T09:00:00Z") { start }"#, "res_none"),
    ];
    assert_refused(&server.anonymous(), "NOT_FOUND", &cases).await;
    for arguments in [r#"eventTypeId: "evt_none""#, r#"eventTypeId: "evt_none", organizationId: "default""#] {
        let query = format!(
            r#"{{ availableResources(start: "2026-12-02T09:00:00Z", durationMinutes: 60, {arguments}) {{ nodes {{ id }} }} }}"#
        );
        assert_eq!(server.anonymous().send(&query, json!({})).await.code(), "NOT_FOUND", "{arguments}");
    }
    // Whether there is such a booking is nobody's business.
    let booking =
        server.anonymous().ask(r#"{ booking(id: "bkg_none", managementToken: "x") { id } }"#, json!({})).await;
    assert_eq!(booking["booking"], Value::Null);
}

#[tokio::test]
async fn dates_instants_and_zones_that_do_not_exist_are_refused() {
    let server = studio().await;
    let anonymous = server.anonymous();
    for (date, hint) in [
        ("2027-02-29", "2027-02-29"),
        ("2027-13-01", "2027-13-01"),
        ("2027-1-5", "2026-12-01"),
        ("tomorrow", "`date`"),
        ("", "`date`"),
        ("2026-12-02T09:00:00Z", "`date`"),
        ("1999-12-31", "2000 to 2099"),
        ("2100-01-01", "2000 to 2099"),
        ("99999-01-01", "`date`"),
    ] {
        for field in [
            format!(r#"daySlots(resourceId: "res_a", date: "{date}", durationMinutes: 60) {{ id }}"#),
            format!(r#"datePresence(resourceId: "res_a", date: "{date}") {{ id }}"#),
        ] {
            assert_refused(&anonymous, "BAD_USER_INPUT", &[(&field, hint)]).await;
        }
    }
    for (instant, hint) in [
        ("2026-02-30T09:00:00Z", "2026-02-30"),
        ("2026-12-02T09:00:00", "offset"),
        ("2026-12-02T25:00:00Z", "offset"),
        ("2026-12-02", "offset"),
        ("now", "`slot`"),
        ("1999-12-31T23:59:59Z", "2000 to 2099"),
        ("2100-01-01T00:00:00Z", "2000 to 2099"),
        ("2099-12-31T23:30:00-01:00", "2000 to 2099"),
    ] {
        let field = format!(r#"presence(resourceId: "res_a", slot: "{instant}") {{ start }}"#);
        assert_refused(&anonymous, "BAD_USER_INPUT", &[(&field, hint)]).await;
    }
    for zone in ["Europe/Atlantis", "", "+01:00", "Europe/Berlin ", "../../etc/passwd"] {
        let day = format!(r#"resourceId: "res_a", date: "2026-12-02", timeZone: "{zone}""#);
        let slots = format!("daySlots({day}, durationMinutes: 60) {{ id }}");
        let presence = format!("datePresence({day}) {{ id }}");
        assert_refused(&anonymous, "BAD_USER_INPUT", &[(&slots, "Europe/Berlin"), (&presence, "`timeZone`")]).await;
    }
}

#[tokio::test]
async fn the_first_and_the_last_days_can_be_asked_about() {
    let server = studio().await;
    for date in ["2000-01-01", "2099-12-31"] {
        for zone in ["Pacific/Kiritimati", "Etc/GMT+12"] {
            let day = format!(r#"resourceId: "res_a", date: "{date}", timeZone: "{zone}""#);
            let query = format!(
                "{{ daySlots({day}, durationMinutes: 44640, includeUnavailable: true) {{ id }} datePresence({day}) {{ id }} }}"
            );
            server.anonymous().ask(&query, json!({})).await;
        }
    }
}

#[tokio::test]
async fn durations_intervals_and_quantities_out_of_bounds_are_refused() {
    let server = studio().await;
    let day = r#"resourceId: "res_a", date: "2026-12-02""#;
    let cases = [
        ("", "durationMinutes"),
        ("durationMinutes: -60", "negative"),
        ("durationMinutes: 0", "5"),
        ("durationMinutes: 4", "5"),
        ("durationMinutes: 44641", "44640"),
        ("durationMinutes: 2147483647", "44640"),
        ("durationMinutes: 60, intervalMinutes: 0", "15"),
        ("durationMinutes: 60, intervalMinutes: 7", "15"),
        ("durationMinutes: 60, intervalMinutes: -15", "negative"),
        ("durationMinutes: 60, intervalMinutes: 20", "15"),
        ("durationMinutes: 60, intervalMinutes: 1455", "1440"),
        (r#"eventTypeId: "evt_hour", intervalMinutes: 15"#, "30"),
        (r#"eventTypeId: "evt_hour", intervalMinutes: 45"#, "30"),
        (r#"eventTypeId: "evt_hour", durationMinutes: 45"#, "60"),
        ("durationMinutes: 60, quantity: 0", "10000"),
        ("durationMinutes: 60, quantity: -1", "negative"),
        ("durationMinutes: 60, quantity: 20000", "10000"),
        (r#"durationMinutes: 60, addOns: [{ resourceId: "res_b" }, { resourceId: "res_b" }]"#, "once"),
        (r#"durationMinutes: 60, addOns: [{ resourceId: "res_a" }]"#, "once"),
        (r#"durationMinutes: 60, addOns: [{ resourceId: "res_b", quantity: 0 }]"#, "10000"),
        (r#"durationMinutes: 60, addOns: [{ resourceId: "res_b", quantity: -1 }]"#, "negative"),
    ];
    for (arguments, hint) in cases {
        let slots = format!("daySlots({day}, {arguments}) {{ id }}");
        let span = r#"resourceId: "res_a", from: "2026-12-01", to: "2026-12-31""#;
        let month = format!("monthAvailability({span}, {arguments}) {{ id }}");
        assert_refused(&server.anonymous(), "BAD_USER_INPUT", &[(&slots, hint), (&month, hint)]).await;
    }
    let many = vec![r#"{ resourceId: "res_b" }"#; 20].join(", ");
    let many = format!("daySlots({day}, durationMinutes: 60, addOns: [{many}]) {{ id }}");
    assert_refused(&server.anonymous(), "BAD_USER_INPUT", &[(&many, "19")]).await;
}

#[tokio::test]
async fn spans_that_are_empty_reversed_or_too_long_are_refused() {
    let server = studio().await;
    let month = |from: &str, to: &str| {
        format!(r#"monthAvailability(resourceId: "res_a", from: "{from}", to: "{to}", durationMinutes: 60) {{ id }}"#)
    };
    let days =
        |from: &str, to: &str| format!(r#"presenceBetween(resourceId: "res_a", from: "{from}", to: "{to}") {{ id }}"#);
    let free = |end: &str| format!(r#"isAvailable(resourceId: "res_a", start: "2026-12-02T09:00:00Z", end: "{end}")"#);
    let cases = [
        (month("2026-12-02", "2026-12-01"), "`from`"),
        (month("2026-12-01", "2027-03-04"), "92 days"),
        (month("2000-01-01", "2099-12-31"), "92 days"),
        (days("2026-12-02", "2026-12-01"), "`from`"),
        (days("2026-12-01", "2027-01-12"), "41 days"),
        (free("2026-12-02T09:00:00Z"), "after"),
        (free("2026-12-02T08:00:00Z"), "after"),
        (free("2027-01-02T09:15:00Z"), "31 days"),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(field, hint)| (field.as_str(), *hint)).collect();
    assert_refused(&server.anonymous(), "BAD_USER_INPUT", &cases).await;
    // The longest that can be asked about.
    let longest = [month("2026-12-01", "2027-03-03"), days("2026-12-01", "2027-01-11"), free("2027-01-02T09:00:00Z")];
    for (number, field) in longest.iter().enumerate() {
        server.anonymous().ask(&format!("{{ asked{number}: {field} }}"), json!({})).await;
    }
}

#[tokio::test]
async fn pages_of_no_size_or_any_are_refused_and_never_clamped() {
    let server = studio().await;
    for list in ["resources", "eventTypes"] {
        let cursor_of_other =
            server.anonymous().ask(r#"{ resources(kind: "room") { edges { cursor } } }"#, json!({})).await;
        let other = cursor_of_other["resources"]["edges"][0]["cursor"].as_str().unwrap().to_owned();
        for (arguments, hint) in [
            ("first: 0".to_owned(), "1 to 200"),
            ("first: 201".to_owned(), "1 to 200"),
            ("last: -1".to_owned(), "1 to 200"),
            ("first: 1, last: 1".to_owned(), "not both"),
            (r#"after: "nonsense""#.to_owned(), "`after`"),
            (r#"before: """#.to_owned(), "`before`"),
            (format!(r#"after: "{other}""#), "`after`"),
        ] {
            let answer =
                server.anonymous().send(&format!("{{ {list}({arguments}) {{ nodes {{ id }} }} }}"), json!({})).await;
            assert_eq!(answer.code(), "BAD_USER_INPUT", "{list}({arguments})");
            assert_clear(answer.message());
            assert!(answer.message().contains(hint), "{}", answer.message());
        }
    }
}

/// What an operation comes to, its errors in the order of their places: fields are resolved at once.
async fn told(actor: &Actor, query: &str, variables: Value) -> Value {
    let mut body = actor.send(query, variables).await.body;
    if let Some(errors) = body["errors"].as_array_mut() {
        errors.sort_by_key(|error| error["locations"].to_string());
    }
    body
}

#[tokio::test]
async fn what_is_wrong_is_told_alike_however_often_the_document_was_right() {
    const SLOTS: &str = r#"query ($resource: ID!, $date: Date!, $minutes: Int, $all: Boolean = false, $before: DateTime, $cut: Boolean!) {
        daySlots(resourceId: $resource, date: $date, durationMinutes: $minutes, includeUnavailable: $all) {
            slots @skip(if: $cut) { start }
        }
        isAvailable(resourceId: $resource, start: "2026-12-02T09:00:00Z", end: $before)
    }"#;
    let right = json!({
        "resource": "res_a", "date": "2026-12-02", "minutes": 60, "all": true, "before": "2026-12-02T10:00:00Z", "cut": false,
    });
    let server = studio().await;
    let actor = server.anonymous();
    for _ in 0..3 {
        assert!(actor.send(SLOTS, right.clone()).await.body.get("errors").is_none());
    }
    let mut cases = Vec::new();
    for name in ["resource", "date", "minutes", "all", "before", "cut"] {
        for value in [
            json!(null),
            json!(""),
            json!("none"),
            json!("2026-12-02"),
            json!("2026-02-30"),
            json!(5),
            json!(-5),
            json!(0),
            json!(1e300),
            json!(2.5),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(true),
            json!([]),
            json!(["res_a"]),
            json!({ "id": "res_a" }),
        ] {
            let mut variables = right.clone();
            variables[name] = value;
            cases.push(variables);
        }
        let mut without = right.clone();
        without.as_object_mut().unwrap().remove(name);
        cases.push(without);
    }
    for (number, variables) in cases.into_iter().enumerate() {
        let never_seen = format!("{SLOTS} # {number}");
        let as_known = told(&actor, SLOTS, variables.clone()).await;
        assert_eq!(as_known, told(&actor, &never_seen, variables.clone()).await, "{variables}");
    }
}

#[tokio::test]
async fn a_weekday_that_does_not_exist_is_refused_before_anything_is_changed_however_it_is_given() {
    // Where a list is expected, one object may be given, and its variables are looked at by their values alone.
    const HOURS: &str = r#"mutation ($id: ID!, $day: String!) {
        updateSchedule(input: { id: $id, weeklyHours: { weekday: $day, start: "09:00", end: "17:00" } }) {
            schedule { weeklyHours { weekday } } userErrors { code } } }"#;
    let server = studio().await;
    let admin = server.admin("ada");
    let made = json!({ "name": "Hours", "timeZone": "UTC", "weeklyHours": [] });
    let id = &admin.run_well("createSchedule", made).await["schedule"]["id"];
    let right = json!({ "id": id, "day": "MONDAY" });
    for _ in 0..3 {
        let answer = admin.send(HOURS, right.clone()).await;
        assert_eq!(answer.body["data"]["updateSchedule"]["userErrors"], json!([]), "{}", answer.body);
    }
    let wrong = json!({ "id": id, "day": "FUNDAY" });
    let as_known = told(&admin, HOURS, wrong.clone()).await;
    assert_eq!(as_known, told(&admin, &format!("{HOURS} # never seen"), wrong).await);
    assert!(as_known.get("data").is_none() && as_known["errors"][0].get("path").is_none(), "{as_known}");
}
