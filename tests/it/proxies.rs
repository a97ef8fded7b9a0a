//! Where clients are: at the connection's end, or where a trusted proxy says.

use serde_json::{Value, json};

use crate::support::studios::{free_hold, refusal};
use crate::support::{Actor, ResourceSpec, ServerOptions, TestServer};

/// As many minutes as a session may hold; two sessions use up the budget of their address.
const AS_MUCH_AS_CAN_BE: u32 = 400 * 15;

async fn server(options: ServerOptions) -> TestServer {
    let server = TestServer::start_with(options).await;
    server.resources([ResourceSpec::named("pod")]).await;
    server
}

/// Uses up what `actor`'s address may hold.
async fn use_up(actor: &Actor) {
    actor.hold(free_hold("pod", "2026-12-02T00:00:00Z", AS_MUCH_AS_CAN_BE, "first")).await;
    actor.hold(free_hold("pod", "2026-12-12T00:00:00Z", AS_MUCH_AS_CAN_BE, "second")).await;
}

/// One quarter of an hour more.
async fn one_more(actor: &Actor) -> Value {
    actor.heartbeat(free_hold("pod", "2026-12-22T00:00:00Z", 15, "third")).await
}

#[tokio::test]
async fn two_clients_behind_a_trusted_proxy_have_budgets_of_their_own() {
    let server = server(ServerOptions::default().behind_a_proxy()).await;
    let (ada, bob) = (server.anonymous().at("192.0.2.1"), server.anonymous().at("192.0.2.2"));
    use_up(&ada).await;
    assert_eq!(refusal(&one_more(&ada).await), "LIMIT_EXCEEDED");
    // What ada herself writes into the header comes before what the proxy adds.
    assert_eq!(refusal(&one_more(&ada.at("192.0.2.2, 192.0.2.1")).await), "LIMIT_EXCEEDED");
    assert_eq!(refusal(&one_more(&ada.at("192.0.2.2, ::ffff:192.0.2.1, 127.0.0.1")).await), "LIMIT_EXCEEDED");
    assert_eq!(one_more(&bob).await["granted"], true);
}

#[tokio::test]
async fn an_ipv6_client_has_one_budget_for_its_network() {
    let server = server(ServerOptions::default().behind_a_proxy()).await;
    use_up(&server.anonymous().at("2001:db8:0:1::1")).await;
    assert_eq!(refusal(&one_more(&server.anonymous().at("2001:db8:0:1::2")).await), "LIMIT_EXCEEDED");
    assert_eq!(one_more(&server.anonymous().at("2001:db8:0:2::1")).await["granted"], true);
}

#[tokio::test]
async fn whoever_is_not_trusted_cannot_say_that_they_are_elsewhere() {
    let server = server(ServerOptions::default()).await;
    use_up(&server.anonymous().at("192.0.2.1")).await;
    for elsewhere in ["192.0.2.2", "10.0.0.1", "192.0.2.3, 127.0.0.1"] {
        assert_eq!(refusal(&one_more(&server.anonymous().at(elsewhere)).await), "LIMIT_EXCEEDED", "{elsewhere}");
    }
    assert_eq!(refusal(&one_more(&server.anonymous()).await), "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_socket_s_client_is_where_the_proxy_says_as_well() {
    let server = server(ServerOptions::default().behind_a_proxy()).await;
    let ada = server.anonymous().at("192.0.2.1");
    use_up(&ada).await;
    let beat = "mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { granted userErrors { code } } }";
    let input = json!({ "input": free_hold("pod", "2026-12-22T00:00:00Z", 15, "third") });
    let refused = ada.watch(beat, input.clone()).await.next().await;
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_EXCEEDED");
    assert_eq!(ada.at("192.0.2.2").watch(beat, input).await.next().await["granted"], true);
}
