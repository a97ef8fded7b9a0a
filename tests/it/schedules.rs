//! When things are open, as admins set it.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::TestServer;
use crate::support::running::{of, refusals};
use crate::support::schedules::{date_override, plain, read, weekly};
use crate::support::studios::{DAY, at, booking, refusal, studios};

#[tokio::test]
async fn an_admin_makes_a_schedule_and_staff_read_it_in_order() {
    let server = TestServer::start().await;
    let input = json!({
        "name": "Opening hours",
        "timeZone": "America/New_York",
        "weeklyHours": [
            weekly("SUNDAY", "20:00", "24:00"), weekly("MONDAY", "13:00", "17:00"), weekly("MONDAY", "09:00", "13:00"),
            weekly("MONDAY", "00:00", "02:00"),
        ],
        "dateOverrides": [
            { "date": "2026-12-31", "windows": [{ "start": "10:00", "end": "14:15" }], "reason": "New Year's Eve" },
            { "date": "2026-12-25", "windows": [] },
        ],
    });
    let made = server.runner().run_well("createSchedule", input).await["schedule"].clone();
    let expected = json!({
        "id": made["id"],
        "organizationId": "default",
        "name": "Opening hours",
        "timeZone": "America/New_York",
        "weeklyHours": [
            weekly("MONDAY", "00:00", "02:00"), weekly("MONDAY", "09:00", "13:00"), weekly("MONDAY", "13:00", "17:00"),
            weekly("SUNDAY", "20:00", "24:00"),
        ],
        "dateOverrides": [
            { "date": "2026-12-25", "windows": [], "reason": null },
            { "date": "2026-12-31", "windows": [{ "start": "10:00", "end": "14:15" }], "reason": "New Year's Eve" },
        ],
        "createdAt": "2026-12-01T06:00:00Z",
        "updatedAt": "2026-12-01T06:00:00Z",
    });
    assert_eq!(made, expected);
    let id = made["id"].as_str().unwrap();
    assert_eq!(read(&server, id).await, expected);

    let part = "query ($id: ID!, $from: Date, $to: Date) { schedule(id: $id) { dateOverrides(from: $from, to: $to) {
        date } } }";
    for (from, to, dates) in [
        (json!("2026-12-26"), Value::Null, vec!["2026-12-31"]),
        (Value::Null, json!("2026-12-25"), vec!["2026-12-25"]),
        (json!("2026-12-25"), json!("2026-12-31"), vec!["2026-12-25", "2026-12-31"]),
    ] {
        let asked = server.staff().ask(part, json!({ "id": id, "from": from, "to": to })).await;
        let found = asked["schedule"]["dateOverrides"].as_array().unwrap().clone();
        assert_eq!(found.iter().map(|found| found["date"].as_str().unwrap()).collect::<Vec<_>>(), dates);
    }
    let wrong = server.staff().send(part, json!({ "id": id, "from": "tomorrow" })).await;
    assert_eq!((wrong.code(), wrong.message().contains("`from`")), ("BAD_USER_INPUT", true));
}

#[tokio::test]
async fn the_first_schedule_of_a_new_organization_can_be_made() {
    let server = TestServer::start().await;
    let newcomer = server.signed_in("newcomer", Role::Admin, "org_new");
    let made = newcomer.run_well("createSchedule", plain("Hours")).await["schedule"].clone();
    assert_eq!(made["organizationId"], "org_new");
}

#[tokio::test]
async fn admins_change_schedules_staff_read_them_and_nobody_else_does_either() {
    let server = studios().await;
    let before = read(&server, "sch_a").await;
    let mutations = [
        ("createSchedule", plain("x")),
        // What is malformed is no way to find out anything.
        ("createSchedule", json!({ "name": "", "timeZone": "x", "weeklyHours": [] })),
        ("updateSchedule", json!({ "id": "sch_a", "name": "x" })),
        ("deleteSchedule", json!({ "id": "sch_a" })),
        ("setDateOverrides", json!({ "scheduleId": "sch_a", "overrides": [date_override(DAY, None)] })),
        ("removeDateOverrides", json!({ "scheduleId": "sch_a", "dates": [DAY] })),
    ];
    let nobody = [(server.anonymous(), "UNAUTHENTICATED"), (server.customer("ada"), "FORBIDDEN")];
    for (actor, code) in nobody.iter().cloned().chain([(server.staff(), "FORBIDDEN")]) {
        for (mutation, input) in &mutations {
            let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
            let query = format!("mutation ($i: {kind}!) {{ {mutation}(input: $i) {{ userErrors {{ code }} }} }}");
            let answer = actor.send(&query, json!({ "i": input })).await;
            assert_eq!((answer.code(), &answer.body["data"][*mutation]), (code, &Value::Null), "{mutation}");
        }
    }
    for (actor, code) in nobody {
        for query in [r#"{ schedule(id: "sch_a") { id } }"#, "{ schedules { nodes { id } } }"] {
            assert_eq!(actor.send(query, json!({})).await.code(), code, "{query}");
        }
    }
    assert_eq!(read(&server, "sch_a").await, before);
}

#[tokio::test]
async fn a_schedule_of_another_organization_does_not_exist() {
    let server = studios().await;
    let stranger = server.signed_in("boss", Role::Admin, "org_x");
    let before = read(&server, "sch_a").await;
    let of = |id: &str| {
        [
            ("updateSchedule", json!({ "id": id, "name": "Mine", "expectedUpdatedAt": "2026-01-01T00:00:00Z" })),
            ("deleteSchedule", json!({ "id": id })),
            ("setDateOverrides", json!({ "scheduleId": id, "overrides": [date_override(DAY, None)] })),
            ("removeDateOverrides", json!({ "scheduleId": id, "dates": [DAY] })),
        ]
    };
    for ((mutation, theirs), (_, unknown)) in of("sch_a").into_iter().zip(of("sch_0")) {
        let theirs = stranger.run(mutation, theirs).await;
        assert_eq!(refusal(&theirs), "NOT_FOUND", "{mutation}");
        let unknown = stranger.run(mutation, unknown).await;
        assert_eq!(theirs.to_string().replace("sch_a", "sch_0"), unknown.to_string());
    }
    for id in ["sch_a", "sch_0"] {
        let asked = stranger.send("query ($id: ID!) { schedule(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(asked.code(), "NOT_FOUND");
    }
    assert_eq!(stranger.ask("{ schedules { nodes { id } } }", json!({})).await["schedules"]["nodes"], json!([]));
    assert_eq!(read(&server, "sch_a").await, before);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let server = studios().await;
    let admin = server.runner();
    let before = read(&server, "sch_a").await;
    let mut expected = before.clone();
    let mut last = before["updatedAt"].clone();
    for (field, value) in [
        ("name", json!("Other hours")),
        ("timeZone", json!("Asia/Tokyo")),
        ("weeklyHours", json!([weekly("TUESDAY", "00:00", "24:00")])),
        ("weeklyHours", json!([])),
    ] {
        let updated =
            admin.run_well("updateSchedule", json!({ "id": "sch_a", field: value })).await["schedule"].clone();
        expected[field] = value;
        // The clock stands still, and yet the next reader can tell one state from the other.
        assert_ne!(updated["updatedAt"], last);
        assert!(updated["updatedAt"].as_str() >= Some("2026-12-01T06:00:00"), "{updated}");
        last = updated["updatedAt"].clone();
        expected["updatedAt"] = last.clone();
        assert_eq!(updated, expected);
        assert_eq!(read(&server, "sch_a").await, expected);
    }
    assert_eq!(read(&server, "sch_b").await["name"], "b");
    for field in ["name", "timeZone", "weeklyHours"] {
        let payload = admin.run("updateSchedule", json!({ "id": "sch_a", field: null })).await;
        assert_eq!(refusals(&payload), of(&[("INVALID", field)]));
        assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains("null"), "{payload}");
    }
    assert_eq!(read(&server, "sch_a").await, expected);
}

#[tokio::test]
async fn what_changes_nothing_succeeds_and_leaves_no_trace() {
    const LINES: &str = "{ auditLog { totalCount } }";
    let server = studios().await;
    let admin = server.runner();
    let closed = json!({ "scheduleId": "sch_a", "overrides": [date_override(DAY, None)] });
    let before = admin.run_well("setDateOverrides", closed.clone()).await["schedule"].clone();
    let lines = admin.ask(LINES, json!({})).await;
    server.clock.advance(std::time::Duration::from_hours(1));
    let weekly_hours = &before["weeklyHours"];
    for (mutation, input) in [
        ("updateSchedule", json!({ "id": "sch_a" })),
        (
            "updateSchedule",
            json!({ "id": "sch_a", "name": "a", "timeZone": "Europe/Berlin", "weeklyHours": weekly_hours,
                "expectedUpdatedAt": before["updatedAt"] }),
        ),
        ("setDateOverrides", closed),
        ("setDateOverrides", json!({ "scheduleId": "sch_a", "overrides": [] })),
        ("removeDateOverrides", json!({ "scheduleId": "sch_a", "dates": ["2026-12-03", "2026-12-03"] })),
        ("removeDateOverrides", json!({ "scheduleId": "sch_a", "dates": [] })),
    ] {
        assert_eq!(admin.run_well(mutation, input).await["schedule"], before, "{mutation}");
    }
    assert_eq!(read(&server, "sch_a").await, before);
    assert_eq!(admin.ask(LINES, json!({})).await, lines);
}

#[tokio::test]
async fn overrides_are_set_and_removed_by_their_dates() {
    let server = studios().await;
    let admin = server.runner();
    let set = |overrides: Value| json!({ "scheduleId": "sch_a", "overrides": overrides });
    let (eve, christmas) = (date_override("2026-12-24", Some(("09:00", "12:00"))), date_override("2026-12-25", None));
    let first = admin.run_well("setDateOverrides", set(json!([christmas, eve]))).await["schedule"].clone();
    assert_eq!(first["dateOverrides"], json!([eve, christmas]));

    let longer = json!({ "date": "2026-12-24", "reason": "Last chance",
        "windows": [{ "start": "07:00", "end": "12:00" }, { "start": "12:00", "end": "14:00" }] });
    let new_year = date_override("2027-01-01", Some(("12:00", "24:00")));
    let second = admin.run_well("setDateOverrides", set(json!([new_year, longer]))).await["schedule"].clone();
    assert_eq!(second["dateOverrides"], json!([longer, christmas, new_year]));
    assert_ne!(second["updatedAt"], first["updatedAt"]);
    assert_eq!(read(&server, "sch_a").await, second);

    let dates = json!({ "scheduleId": "sch_a", "dates": ["2027-01-01", "2026-12-24", "2030-01-01"] });
    let third = admin.run_well("removeDateOverrides", dates).await["schedule"].clone();
    assert_eq!(third["dateOverrides"], json!([christmas]));
    assert_ne!(third["updatedAt"], second["updatedAt"]);
    assert_eq!(read(&server, "sch_a").await, third);
    assert_eq!(read(&server, "sch_b").await["dateOverrides"], json!([]));
}

#[tokio::test]
async fn a_schedule_that_something_follows_cannot_be_deleted_until_nothing_does() {
    let server = studios().await;
    let admin = server.runner();
    let delete = async || admin.run("deleteSchedule", json!({ "id": "sch_a" })).await;
    let in_use = async |users: &str| {
        let payload = delete().await;
        assert_eq!((&payload["deletedId"], refusal(&payload)), (&Value::Null, "IN_USE"), "{payload}");
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "id"]));
        let message = payload["userErrors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&format!(" {users}. ")), "{message}");
    };
    in_use("1 resource").await;
    server.execute_sql("UPDATE event_types SET schedule_id = 'sch_a' WHERE id <> 'evt_hour'").await;
    in_use("1 resource and 2 event types").await;
    server.execute_sql("UPDATE resources SET schedule_id = NULL WHERE id = 'res_a'").await;
    server.execute_sql("UPDATE event_types SET schedule_id = NULL WHERE id = 'evt_session'").await;
    in_use("1 event type").await;
    assert_eq!(read(&server, "sch_a").await["name"], "a");
    server.execute_sql("UPDATE event_types SET schedule_id = NULL").await;
    assert_eq!(delete().await, json!({ "deletedId": "sch_a", "userErrors": [] }));
    assert_eq!(refusal(&delete().await), "NOT_FOUND");
    let ids = server.staff().ask("{ schedules { nodes { id } } }", json!({})).await;
    assert_eq!(ids["schedules"]["nodes"], json!([{ "id": "sch_b" }]));
}

#[tokio::test]
async fn schedules_are_listed_by_name_and_id_page_by_page() {
    const PAGE: &str = "query ($first: Int, $after: String, $last: Int, $before: String) {
        schedules(first: $first, after: $after, last: $last, before: $before) {
            totalCount edges { cursor node { id } } nodes { name dateOverrides { date } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let server = TestServer::start().await;
    let admin = server.runner();
    for name in ["Winter", "Autumn", "Winter", "Spring"] {
        admin.run_well("createSchedule", plain(name)).await;
    }
    server.signed_in("boss", Role::Admin, "org_x").run_well("createSchedule", plain("Theirs")).await;
    let page = async |variables: Value| server.staff().ask(PAGE, variables).await["schedules"].clone();
    let names = |page: &Value| -> Vec<String> {
        page["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = page(json!({ "first": 3 })).await;
    assert_eq!(
        (names(&first), &first["totalCount"]),
        (vec!["Autumn".into(), "Spring".into(), "Winter".into()], &json!(4))
    );
    assert_eq!(
        (&first["pageInfo"]["hasNextPage"], &first["pageInfo"]["hasPreviousPage"]),
        (&json!(true), &json!(false))
    );
    let rest = page(json!({ "first": 3, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(names(&rest), ["Winter"]);
    let (third, fourth) = (&first["edges"][2]["node"]["id"], &rest["edges"][0]["node"]["id"]);
    assert!(third.as_str() < fourth.as_str());
    let back = page(json!({ "last": 2, "before": rest["pageInfo"]["startCursor"] })).await;
    assert_eq!(names(&back), ["Spring", "Winter"]);
    let of_another = server.signed_in("boss", Role::Staff, "org_x");
    let answer = of_another.send(PAGE, json!({ "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn bookings_stay_as_they_are_whatever_their_schedule_becomes() {
    const BOOKING: &str = "query ($id: ID!) { booking(id: $id) { status start end updatedAt } }";
    let server = studios().await;
    let (ada, admin) = (server.customer("ada"), server.runner());
    let booked = ada.book_it(booking("a", "hour", 13)).await;
    let id = json!({ "id": booked["booking"]["id"] });
    let before = ada.ask(BOOKING, id.clone()).await;

    let closed = json!({ "scheduleId": "sch_a", "overrides": [date_override(DAY, None)] });
    admin.run_well("setDateOverrides", closed).await;
    assert_eq!(ada.ask(BOOKING, id.clone()).await, before);
    let arguments = format!(r#"resourceId: "res_a", date: "{DAY}", eventTypeId: "evt_hour""#);
    assert_eq!(ada.starts(&arguments).await, [""; 0]);
    assert_eq!(refusal(&ada.book(booking("a", "hour", 15)).await), "OUTSIDE_SCHEDULE");

    admin.run_well("removeDateOverrides", json!({ "scheduleId": "sch_a", "dates": [DAY] })).await;
    let open: Vec<String> = (9..=21).filter(|hour| *hour != 13).map(at).collect();
    assert_eq!(ada.starts(&arguments).await, open);
    admin.run_well("updateSchedule", json!({ "id": "sch_a", "weeklyHours": [] })).await;
    assert_eq!(ada.ask(BOOKING, id.clone()).await, before);
    let cancelled = ada.cancel(id).await;
    assert_eq!(cancelled["booking"]["status"], "CANCELLED");
    server.assert_sound().await;
}

#[tokio::test]
async fn windows_and_overrides_weigh_as_the_lists_that_they_are() {
    let server = TestServer::start().await;
    let overrides = "dateOverrides { date windows { start end } reason }";
    let all = format!("{{ schedules {{ nodes {{ id name weeklyHours {{ weekday start end }} {overrides} }} }} }}");
    server.staff().ask(&all, json!({})).await;
    let twice = all.replace(overrides, &format!("{overrides} again: {overrides}"));
    assert_eq!(server.staff().send(&twice, json!({})).await.code(), "BAD_USER_INPUT");
}
