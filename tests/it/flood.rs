//! Who asks too much: told so and when to come back, at no cost to anybody else.

use std::time::Duration;

use serde_json::{Value, json};
use slotwise::config::{HttpSettings, LimitSettings, Origins};
use slotwise::throttle::{Rate, RateLimits};

use crate::support::people::{WEBHOOK_SECRET, signature};
use crate::support::studios::{free_hold, secret};
use crate::support::{Actor, ResourceSpec, ServerOptions, Socket, TestServer, at_once};

const FLOODER: &str = "192.0.2.66";
const NEIGHBOUR: &str = "192.0.2.7";

/// A server behind a proxy, with one resource that is always open.
async fn server(rates: RateLimits) -> TestServer {
    let limits = LimitSettings { rates, ..LimitSettings::default() };
    let server = TestServer::start_with(ServerOptions { limits, ..ServerOptions::default() }.behind_a_proxy()).await;
    server.resources([ResourceSpec::named("pod")]).await;
    server
}

/// 60 a minute, 5 at once.
fn five() -> Option<Rate> {
    Rate::new(60, 5)
}

/// How many seconds a refused client is told to wait, which header and extension agree on.
#[track_caller]
fn told_to_wait(answer: &crate::support::actor::Answer) -> u64 {
    assert_eq!((answer.status, answer.code()), (429, "RATE_LIMITED"), "{}", answer.body);
    assert!(answer.body.get("data").is_none(), "{}", answer.body);
    let wait = answer.body["errors"][0]["extensions"]["retryAfter"].as_u64().unwrap();
    assert_eq!(answer.retry_after, Some(wait));
    assert!(answer.message().contains(&format!("{wait} s")), "{}", answer.message());
    wait
}

async fn holds(actor: &Actor) -> Value {
    let query = "{ datePresence(resourceId: \"res_pod\", date: \"2026-12-02\") { holds { start } } }";
    actor.ask(query, json!({})).await["datePresence"]["holds"].clone()
}

#[tokio::test]
async fn while_one_floods_the_others_are_served_and_the_flooder_can_come_back() {
    const QUERY: &str = "{ resource(id: \"res_pod\") { name } }";
    let server = server(RateLimits::default()).await;
    let (flooder, neighbour) = (server.anonymous().at(FLOODER), server.anonymous().at(NEIGHBOUR));
    let flood = at_once(11, |_| {
        let flooder = flooder.clone();
        async move {
            let mut refused = Vec::new();
            for _ in 0..100 {
                let answer = flooder.send(QUERY, json!({})).await;
                if answer.status != 200 {
                    refused.push(told_to_wait(&answer));
                }
            }
            refused
        }
    });
    let others = async {
        for _ in 0..100 {
            assert_eq!(neighbour.ask(QUERY, json!({})).await["resource"]["name"], "pod");
        }
    };
    let (refused, ()) = tokio::join!(flood, others);
    let refused = refused.concat();
    // A thousand at once is what there is for an address by default.
    assert_eq!(refused.len(), 100);

    // Refusing asks nobody, also not who somebody is.
    let somebody = server.customer("ada").at(FLOODER);
    let (answer, statements) = server.statements_of(somebody.send(QUERY, json!({}))).await;
    assert_eq!((answer.status, statements), (429, 0));
    let (answer, statements) = server.statements_of(flooder.send(QUERY, json!({}))).await;
    assert_eq!(statements, 0);
    server.clock.advance(Duration::from_secs(told_to_wait(&answer)));
    assert_eq!(flooder.send(QUERY, json!({})).await.status, 200);
}

#[tokio::test]
async fn nothing_of_an_operation_is_executed_that_asks_for_too_much() {
    let server = server(RateLimits { changes: five(), ..RateLimits::OFF }).await;
    let (flooder, neighbour) = (server.anonymous().at(FLOODER), server.anonymous().at(NEIGHBOUR));
    let cancel =
        |number: usize| format!("c{number}: cancelBooking(input: {{ id: \"bkg_none\" }}) {{ userErrors {{ code }} }}");
    let hold = "hold: heartbeat(input: $input) { granted }";
    let input = free_hold("pod", "2026-12-02T09:00:00Z", 60, "flooder");
    let both = |cancels: usize| {
        let cancels: Vec<String> = (0..cancels).map(cancel).collect();
        format!("mutation ($input: HeartbeatInput!) {{ {hold} {} }}", cancels.join(" "))
    };
    // Each alias counts.
    assert_eq!(flooder.send(&both(3), json!({ "input": input })).await.status, 200);
    flooder.leave(json!({ "resourceId": "res_pod", "sessionSecret": secret("flooder") })).await;
    assert_eq!(told_to_wait(&flooder.send(&both(4), json!({ "input": input })).await), 2);
    assert_eq!(holds(&flooder).await, json!([]));
    assert_eq!(neighbour.send(&both(4), json!({ "input": input })).await.status, 200);

    server.clock.advance(Duration::from_secs(2));
    assert_eq!(flooder.send(&both(4), json!({ "input": input })).await.status, 200);
}

#[tokio::test]
async fn a_session_that_goes_wild_does_not_use_up_what_its_neighbours_have() {
    let server =
        server(RateLimits { session_heartbeats: five(), heartbeats: Rate::new(60, 8), ..RateLimits::OFF }).await;
    let office = server.anonymous().at(NEIGHBOUR);
    let beat = |start: &str, session: &str| {
        let query = "mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { granted } }";
        let (office, variables) = (office.clone(), json!({ "input": free_hold("pod", start, 60, session) }));
        async move { office.send(query, variables).await }
    };
    for _ in 0..5 {
        assert_eq!(beat("2026-12-02T09:00:00Z", "wild").await.status, 200);
    }
    for _ in 0..5 {
        assert_eq!(told_to_wait(&beat("2026-12-02T09:00:00Z", "wild").await), 1);
    }
    for _ in 0..3 {
        assert_eq!(beat("2026-12-02T12:00:00Z", "calm").await.status, 200);
    }
    // What they have together is used up, by those that were served alone.
    assert_eq!(told_to_wait(&beat("2026-12-02T12:00:00Z", "calm").await), 1);
    // Leaving is of the same budget.
    let leave = "mutation ($input: LeaveInput!) { leave(input: $input) { released } }";
    let input = json!({ "input": { "resourceId": "res_pod", "sessionSecret": secret("third") } });
    assert_eq!(told_to_wait(&office.send(leave, input).await), 1);
}

#[tokio::test]
async fn what_is_malformed_costs_a_query() {
    let server = server(RateLimits { queries: five(), ..RateLimits::OFF }).await;
    let flooder = server.anonymous().at(FLOODER);
    for _ in 0..5 {
        assert_eq!(flooder.send("{ nonsense", json!({})).await.code(), "BAD_USER_INPUT");
    }
    told_to_wait(&flooder.send("{ nonsense", json!({})).await);
    told_to_wait(&flooder.get("{ __typename }", json!({})).await);

    server.clock.advance(Duration::from_secs(5));
    for body in ["no JSON", "[]", "{}", "{\"query\": 5}", "\"\""] {
        assert_eq!(flooder.post(body).await.status, 400, "{body}");
    }
    told_to_wait(&flooder.post("no JSON").await);
}

#[tokio::test]
async fn whoever_has_nothing_left_is_not_listened_to() {
    let server = server(RateLimits { queries: five(), heartbeats: five(), changes: five(), ..RateLimits::OFF }).await;
    let flooder = server.anonymous().at(FLOODER);
    let leave = "mutation { leave(input: { resourceId: \"res_pod\", sessionSecret: \"a session of the tests\" }) {
        released } }";
    let cancel = "mutation { cancelBooking(input: { id: \"bkg_none\" }) { userErrors { code } } }";
    for _ in 0..5 {
        for operation in ["{ __typename }", leave, cancel] {
            flooder.ask(operation, json!({})).await;
        }
    }
    // What it sends is not even looked at.
    told_to_wait(&flooder.post("no JSON").await);
    told_to_wait(&flooder.with_token("wrong").send("{ __typename }", json!({})).await);
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(flooder.post("no JSON").await.status, 400);
}

#[tokio::test]
async fn pages_cost_a_query_and_health_costs_nothing() {
    let server = server(RateLimits { queries: five(), ..RateLimits::OFF }).await;
    let status = async |path: &str| reqwest::get(format!("http://{}{path}", server.address)).await.unwrap().status();
    for path in ["/", "/schema.graphql", "/assets/graphiql/boot.js", "/", "/"] {
        assert_eq!(status(path).await, 200, "{path}");
    }
    assert_eq!(status("/schema.graphql").await, 429);
    for _ in 0..10 {
        assert_eq!(status("/healthz").await, 200);
        assert_eq!(status("/readyz").await, 200);
    }
}

#[tokio::test]
async fn over_a_socket_the_operation_is_refused_and_the_socket_stays() {
    let server = server(RateLimits { queries: five(), ..RateLimits::OFF }).await;
    let mut socket = Socket::open(&server.anonymous().at(FLOODER)).await;
    // Opening it was one of the five.
    for number in 0..4 {
        socket.subscribe(&number.to_string(), "{ __typename }", json!({})).await;
        assert_eq!(socket.receive().await["payload"]["data"], json!({ "__typename": "Query" }));
        assert_eq!(socket.receive().await["type"], "complete");
    }
    let watch = "subscription { presenceChanged(resourceId: \"res_pod\", date: \"2026-12-02\") { id } }";
    socket.subscribe("more", watch, json!({})).await;
    let refusal = socket.refusal().await;
    assert_eq!(refusal["extensions"], json!({ "code": "RATE_LIMITED", "retryAfter": 1 }), "{refusal}");
    // A new socket does not help.
    let again = Socket::try_connect(&server.anonymous().at(FLOODER), "graphql-transport-ws").await;
    assert_eq!(again.err(), Some((429, Some(1))));

    server.clock.advance(Duration::from_secs(1));
    socket.subscribe("again", watch, json!({})).await;
    assert!(socket.receive().await["payload"]["data"]["presenceChanged"]["id"].is_string());
}

#[tokio::test]
async fn tokens_are_not_looked_at_any_more_where_too_many_were_wrong() {
    const WHO: &str = "{ viewer { id } }";
    let server = server(RateLimits { failed_sign_ins: five(), ..RateLimits::OFF }).await;
    let ada = server.customer("ada").at(FLOODER);
    let guessing = ada.with_token("wrong");
    for _ in 0..4 {
        assert_eq!(guessing.send(WHO, json!({})).await.status, 401);
        assert_eq!(ada.ask(WHO, json!({})).await["viewer"]["id"], "ada");
    }
    // Wherever it is shown.
    let mut socket = Socket::try_connect(&guessing, "graphql-transport-ws").await.unwrap();
    socket.send(json!({ "type": "connection_init", "payload": { "Authorization": "Bearer wrong" } })).await;
    assert_eq!(socket.next_message().await, None);

    assert_eq!(told_to_wait(&guessing.send(WHO, json!({})).await), 1);
    assert_eq!(told_to_wait(&ada.send(WHO, json!({})).await), 1);
    // Whoever shows none, or is elsewhere, is not concerned.
    assert_eq!(server.anonymous().at(FLOODER).ask(WHO, json!({})).await["viewer"], Value::Null);
    assert_eq!(ada.at(NEIGHBOUR).ask(WHO, json!({})).await["viewer"]["id"], "ada");

    server.clock.advance(Duration::from_secs(1));
    assert_eq!(ada.ask(WHO, json!({})).await["viewer"]["id"], "ada");
}

#[tokio::test]
async fn a_token_that_was_good_is_no_attempt_to_guess_one() {
    const WHO: &str = "{ viewer { id } }";
    let server = server(RateLimits { failed_sign_ins: five(), ..RateLimits::OFF }).await;
    let old = server.bearer_until(json!({ "sub": "ada" }), server.clock_now()).at(FLOODER);
    server.clock.advance(Duration::from_mins(1));
    let ada = server.customer("ada").at(FLOODER);
    for _ in 0..20 {
        assert_eq!(old.send(WHO, json!({})).await.status, 401);
    }
    assert_eq!(ada.ask(WHO, json!({})).await["viewer"]["id"], "ada");
}

#[tokio::test]
async fn signatures_are_not_looked_at_any_more_where_too_many_were_wrong() {
    let server = TestServer::start_with(ServerOptions {
        identity_webhook_secret: Some(WEBHOOK_SECRET),
        limits: LimitSettings {
            rates: RateLimits { failed_sign_ins: five(), ..RateLimits::OFF },
            ..LimitSettings::default()
        },
        ..ServerOptions::default()
    })
    .await;
    let body = json!({ "id": "1", "event": "session.created", "data": {} }).to_string();
    let signed = || signature(WEBHOOK_SECRET, &body, server.clock_now());
    for _ in 0..5 {
        assert_eq!(server.post_event(&body, &signed()).await.status, 200);
        assert_eq!(server.post_event(&body, "t=1, v1=00").await.status, 401);
    }
    assert_eq!(told_to_wait(&server.post_event(&body, &signed()).await), 1);
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(server.post_event(&body, &signed()).await.status, 200);
}

#[tokio::test]
async fn pages_of_other_origins_may_read_when_to_come_back_if_they_may_read_anything() {
    for (origins, may_read) in [(Origins::Any, true), (Origins::Own, false)] {
        let http = HttpSettings { origins, ..HttpSettings::default() };
        let server = TestServer::start_with(ServerOptions { http, ..ServerOptions::default() }).await;
        let request = reqwest::Client::new()
            .get(format!("{}?query={{__typename}}", server.url()))
            .header("origin", "https://a.example");
        let answer = request.send().await.unwrap();
        let exposed = answer.headers().get("access-control-expose-headers");
        assert_eq!(exposed.is_some_and(|names| names.to_str().unwrap().contains("retry-after")), may_read);
    }
}
