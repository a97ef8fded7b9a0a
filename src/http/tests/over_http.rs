use serde_json::json;

use super::*;

const RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// A POST of `body`, with these headers beside JSON's.
fn post(body: impl Into<Body>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("/graphql").header("content-type", JSON);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

fn get(address: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn query(text: &str) -> String {
    json!({"query": text}).to_string()
}

#[tokio::test]
async fn a_post_is_executed() {
    let fixture = Fixture::new();
    let body = json!({
        "query": "query A { echo(text: \"no\") } query B($t: String!) { echo(text: $t) transport }",
        "operationName": "B",
        "variables": {"t": "yes"},
        "extensions": null,
        "something": "else",
    });
    let answer = fixture.send(post(body.to_string(), &[])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({"data": {"echo": "yes", "transport": "Post"}}));
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let vary: Vec<_> = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(vary.join(",").contains("accept"), "{vary:?}");
}

#[tokio::test]
async fn the_status_depends_on_the_media_type() {
    let fixture = Fixture::new();
    for (text, accept, status, has_data) in [
        ("{ whoami }", RESPONSE, 200, true),
        ("{ whoami }", JSON, 200, true),
        ("{ leak }", RESPONSE, 200, true),
        ("{ leakHard }", RESPONSE, 200, true),
        ("{ nothing }", RESPONSE, 400, false),
        ("{ nothing }", JSON, 200, false),
        ("{", RESPONSE, 400, false),
        ("{", JSON, 200, false),
        ("query ($a: ID!) { __typename }", RESPONSE, 400, false),
    ] {
        let answer = fixture.send(post(query(text), &[("accept", accept)])).await;
        assert_eq!(answer.status.as_u16(), status, "{text} as {accept}");
        assert_eq!(answer.json().get("data").is_some(), has_data, "{text} as {accept}");
        assert_eq!(answer.header("content-type"), format!("{accept}; charset=utf-8"));
    }
    let answer = fixture.send(post(query("{ whoami }"), &[("accept", "text/html")])).await;
    assert_eq!(answer.refusal(), (406, "BAD_USER_INPUT".into()));
}

#[tokio::test]
async fn bodies_that_are_no_operation_are_refused() {
    let fixture = Fixture::new();
    for body in [
        "",
        "{",
        "null",
        "5",
        "\"{ whoami }\"",
        "[]",
        "[{\"query\": \"{ whoami }\"}]",
        "{}",
        "{\"query\": null}",
        "{\"query\": 5}",
        "{\"query\": \"{ whoami }\", \"operationName\": 5}",
        "{\"query\": \"{ whoami }\", \"variables\": \"a\"}",
        "{\"query\": \"{ whoami }\", \"variables\": [1]}",
        "{\"query\": \"{ whoami }\", \"extensions\": 1}",
        "{\"query\": \"\\ud800\"}",
    ] {
        for accept in [RESPONSE, JSON] {
            let answer = fixture.send(post(body, &[("accept", accept)])).await;
            assert_eq!(answer.refusal(), (400, "BAD_USER_INPUT".into()), "{body}");
            assert_eq!(answer.header("content-type"), format!("{accept}; charset=utf-8"), "{body}");
        }
    }
    let invalid_utf8 = b"{\"query\": \"{ echo(text: \\\"\xff\\\") }\"}".to_vec();
    assert_eq!(fixture.send(post(invalid_utf8, &[])).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn other_bodies_than_json_in_utf_8_are_not_read() {
    let fixture = Fixture::new();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ""] {
        let request = Request::post("/graphql").header("content-type", content_type).body(query("{ whoami }").into());
        assert_eq!(fixture.send(request.unwrap()).await.refusal(), (415, "BAD_USER_INPUT".into()), "{content_type}");
    }
    let request = Request::post("/graphql").body(query("{ whoami }").into()).unwrap();
    assert_eq!(fixture.send(request).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_body_that_is_compressed_is_refused_unopened() {
    let fixture = Fixture::new();
    for encoding in ["gzip", "br", "deflate, gzip", "identity, gzip"] {
        let answer = fixture.send(post(query("{ whoami }"), &[("content-encoding", encoding)])).await;
        assert_eq!(answer.refusal(), (415, "BAD_USER_INPUT".into()), "{encoding}");
        assert_eq!(answer.header("accept-encoding"), "identity");
    }
    let plain = fixture.send(post(query("{ whoami }"), &[("content-encoding", "identity")])).await;
    assert_eq!(plain.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_announced_or_not() {
    let fixture = Fixture::with(HttpSettings { body_limit: 1024, ..HttpSettings::default() });
    for size in [1025, 10_000, 20_000_000] {
        let body = Body::from_stream(futures_util::stream::iter(
            vec![b' '; size].chunks(64 * 1024).map(<[u8]>::to_vec).map(Ok::<_, std::io::Error>).collect::<Vec<_>>(),
        ));
        assert_eq!(fixture.send(post(body, &[])).await.refusal(), (413, "BAD_USER_INPUT".into()), "{size}");
    }
    let waiting = post(vec![b' '; 2000], &[("content-length", "2000"), ("expect", "100-continue")]);
    assert_eq!(fixture.send(waiting).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(fixture.send(post(query("{ whoami }"), &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_is_read_whole_in_however_many_pieces_it_comes() {
    let fixture = Fixture::new();
    let text = query("{ whoami transport }");
    for size in [1, 7, text.len() - 1, text.len()] {
        let pieces: Vec<_> =
            text.as_bytes().chunks(size).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let answer = fixture.send(post(Body::from_stream(futures_util::stream::iter(pieces)), &[])).await;
        assert_eq!(answer.json(), json!({"data": {"whoami": null, "transport": "Post"}}), "{size}");
    }
}

#[tokio::test]
async fn a_get_reads_and_nothing_else() {
    let fixture = Fixture::new();
    let answer = fixture
        .send(get("/graphql?query=query+A(%24t:String!)%7Becho(text:%24t)%20transport%7D&operationName=&variables=%7B%22t%22:%22%C3%A4%22%7D&x=y", &[]))
        .await;
    assert_eq!(answer.json(), json!({"data": {"echo": "ä", "transport": "Get"}}));

    let answer = fixture.send(get("/graphql?query=mutation%7Bchange%7D", &[("accept", RESPONSE)])).await;
    assert_eq!(answer.refusal(), (405, "BAD_USER_INPUT".into()));
    assert_eq!(answer.header("allow"), "POST");

    for address in [
        "/graphql",
        "/graphql?query=",
        "/graphql?query=%zz",
        "/graphql?query=%ff",
        "/graphql?query=%7Bwhoami%7D&query=%7Bwhoami%7D",
        "/graphql?query=%7Bwhoami%7D&variables=a",
        "/graphql?query=%7Bwhoami%7D&variables=5",
        "/graphql?query=%7Bwhoami%7D&extensions=%5B%5D",
    ] {
        assert_eq!(fixture.send(get(address, &[])).await.refusal(), (400, "BAD_USER_INPUT".into()), "{address}");
    }
    let odd = get("/graphql?query=%7Bwhoami%7D", &[("content-type", "text/plain")]);
    assert_eq!(fixture.send(odd).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let harmless = get("/graphql?query=%7Bwhoami%7D", &[("content-type", "application/json")]);
    assert_eq!(fixture.send(harmless).await.status, StatusCode::OK);
}

#[tokio::test]
async fn other_methods_and_addresses_tell_where_to_go() {
    let fixture = Fixture::new();
    let answer = fixture.send(Request::put("/graphql").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.refusal(), answer.header("allow")), ((405, "BAD_USER_INPUT".into()), "GET, POST"));
    let answer = fixture.send(Request::post("/schema.graphql").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.refusal(), answer.header("allow")), ((405, "BAD_USER_INPUT".into()), "GET,HEAD"));
    assert_eq!(fixture.send(get("/nowhere", &[])).await.refusal(), (404, "NOT_FOUND".into()));
}

#[tokio::test]
async fn subscriptions_are_told_where_to_go() {
    let fixture = Fixture::new();
    let answer = fixture.send(post(query("subscription { count(to: 1) }"), &[])).await;
    assert_eq!(answer.refusal(), (400, "BAD_USER_INPUT".into()));
    assert!(answer.body.contains("WebSocket"));
}

#[tokio::test]
async fn a_valid_token_says_who_asks_and_every_other_is_refused_alike() {
    let fixture = Fixture::new();
    let valid = format!("Bearer {}", fixture.token());
    let answer = fixture.send(post(query("{ whoami }"), &[("authorization", &valid)])).await;
    assert_eq!(answer.json()["data"]["whoami"], "usr_ada");

    let altered = format!("{valid}x");
    let mut bodies = Vec::new();
    for wrong in ["Bearer a.b.c", "Basic dTpw", "", altered.as_str()] {
        let answer = fixture.send(post(query("{ whoami }"), &[("authorization", wrong)])).await;
        assert_eq!(answer.refusal(), (401, "UNAUTHENTICATED".into()), "{wrong}");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        bodies.push(answer.body);
    }
    fixture.clock.advance(Duration::from_mins(2));
    bodies.push(fixture.send(get("/graphql?query=%7Bwhoami%7D", &[("authorization", &valid)])).await.body);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[tokio::test]
async fn request_ids_are_taken_over_where_they_are_usable() {
    let fixture = Fixture::new();
    let asked = |id: &'static str| post(query("{ requestId }"), &[("x-request-id", id)]);
    let answer = fixture.send(asked("my-id.1")).await;
    assert_eq!(answer.header("x-request-id"), "my-id.1");
    assert_eq!(answer.json()["data"]["requestId"], "my-id.1");

    let too_long: &'static str = "x".repeat(65).leak();
    for unusable in ["", "a b", "a\"b", too_long] {
        let answer = fixture.send(asked(unusable)).await;
        let id = answer.header("x-request-id");
        assert!(id.len() == 32 && answer.json()["data"]["requestId"] == id, "{unusable}: {id}");
    }
}

#[tokio::test]
async fn a_panic_is_a_fault_like_any_other() {
    let answer = Fixture::new().send(post(query("{ panic }"), &[])).await;
    assert_eq!(answer.refusal(), (500, "INTERNAL_SERVER_ERROR".into()));
    assert!(!answer.body.contains("on purpose") && !answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn what_takes_too_long_is_given_up() {
    let settings = HttpSettings { request_timeout: Duration::from_millis(10), ..HttpSettings::default() };
    let answer = Fixture::with(settings).send(post(query("{ never }"), &[])).await;
    assert_eq!(answer.refusal(), (504, "INTERNAL_SERVER_ERROR".into()));
}

#[tokio::test]
async fn browsers_are_told_whose_pages_may_ask() {
    let listed = Origins::Listed(vec!["https://app.example".into()]);
    for (origins, origin, allowed) in [
        (Origins::Own, "https://app.example", ""),
        (listed.clone(), "https://app.example", "https://app.example"),
        (listed, "https://evil.example", ""),
        (Origins::Any, "https://evil.example", "*"),
    ] {
        let fixture = Fixture::with(HttpSettings { origins, ..HttpSettings::default() });
        let answer = fixture.send(post(query("{ whoami }"), &[("origin", origin)])).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        let preflight = Request::options("/graphql")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = fixture.send(preflight.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
    }
}

#[tokio::test]
async fn health_is_told_to_whoever_watches() {
    let mut fixture = Fixture::new();
    for address in ["/healthz", "/readyz"] {
        assert_eq!(fixture.send(get(address, &[])).await.status, StatusCode::OK, "{address}");
    }
    fixture.state.readiness = Arc::new(|| Box::pin(async { false }));
    assert_eq!(fixture.send(get("/readyz", &[])).await.refusal(), (503, "INTERNAL_SERVER_ERROR".into()));
    fixture.state.readiness = Arc::new(|| Box::pin(async { true }));
    fixture.state.shutdown.cancel();
    assert_eq!(fixture.send(get("/readyz", &[])).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fixture.send(get("/healthz", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_schema_can_be_read() {
    let answer = Fixture::new().send(get("/schema.graphql", &[])).await;
    assert!(answer.body.contains("type Query") && answer.header("content-type").starts_with("text/plain"));
}

/// With GraphiQL in the binary as without: whether it was there to be put in is up to whoever builds.
#[tokio::test]
async fn graphiql_loads_what_the_page_may_load_and_what_is_ours_is_there() {
    let fixture = Fixture::new();
    let page = fixture.send(get("/", &[])).await;
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'"), "{policy}");
    let named = page.body.split('"').filter(|text| text.starts_with("/assets/") || text.starts_with("https:"));
    let (ours, others): (Vec<&str>, Vec<&str>) = named.partition(|address| address.starts_with("/assets/"));
    assert!(matches!((ours.len(), others.len()), (6, 0) | (2, 4)), "{ours:?} {others:?}");
    assert!(others.iter().all(|address| policy.contains(address)), "{policy}");
    for address in ours {
        let asset = fixture.send(get(address, &[])).await;
        assert_eq!(asset.status, StatusCode::OK, "{address}");
        let kind = asset.header("content-type").split(';').next();
        assert!(matches!(kind, Some("text/css" | "text/javascript")), "{address}");
        let may_keep = asset.header("cache-control").ends_with("immutable");
        assert_eq!(may_keep, address.contains('@'), "{address}");
    }

    let without = Fixture::with(HttpSettings { graphiql: false, ..HttpSettings::default() });
    assert_eq!(without.send(get("/", &[])).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn answers_are_compressed_for_whoever_can_read_that() {
    let fixture = Fixture::new();
    let request = get("/schema.graphql", &[("accept-encoding", "gzip")]);
    assert_eq!(fixture.answer(request).await.headers()["content-encoding"], "gzip");
}
