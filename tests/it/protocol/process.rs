use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value as Json, json};

use super::Server;

async fn get(server: &Server, path: &str) -> (u16, String) {
    let answer = server.client.get(server.url(path)).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn health_says_what_is_missing() {
    let server = Server::start().await;
    assert_eq!(get(&server, "/health/live").await, (200, r#"{"status":"live"}"#.into()));
    assert_eq!(
        get(&server, "/health/ready").await,
        (200, r#"{"checks":{"database":true,"running":true},"status":"ready"}"#.into())
    );
    let broken = Server::listen("", false).await;
    assert_eq!(
        get(&broken, "/health/ready").await,
        (503, r#"{"checks":{"database":false,"running":true},"status":"not ready"}"#.into())
    );
}

#[tokio::test]
async fn metrics_count_operations_and_name_nobody() {
    let server = Server::start().await;
    let body = json!({ "query": "query SecretName($t:String!){echo(text:$t)}", "variables": { "t": "jane@example.com" } });
    server.post().bearer_auth("good-token").json(&body).send().await.unwrap();
    let (status, metrics) = get(&server, "/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("clearlead_operations_total{kind=\"query\",transport=\"http\",outcome=\"ok\"}"), "{metrics}");
    assert!(metrics.contains("clearlead_operation_seconds_bucket"));
    assert!(!metrics.contains("SecretName") && !metrics.contains("jane") && !metrics.contains("good-token"));
}

#[tokio::test]
async fn every_answer_is_dressed() {
    let server = Server::start().await;
    for path in ["/graphql?query={noted}", "/schema.graphql", "/health/live", "/nothing"] {
        let answer = server.client.get(server.url(path)).send().await.unwrap();
        let headers = answer.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(headers.contains_key("content-security-policy") && headers.contains_key("x-request-id"));
    }
    assert!(get(&server, "/schema.graphql").await.1.contains("type Query"));
    assert_eq!(
        get(&server, "/graphql/explorer/logins.json").await.1,
        r#"[{"title":"buyer","email":"buyer@demo.example","password":"demo"}]"#
    );
}

#[tokio::test]
async fn a_stop_lets_requests_end_and_closes_streams() {
    let server = Server::start().await;
    let slow = server.post().json(&json!({ "query": "{slow(millis:700)}" })).send();
    let slow = tokio::spawn(slow);
    let events = server
        .post()
        .header("accept", "text/event-stream")
        .json(&json!({ "query": "subscription{silence}" }))
        .send()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.stop.cancel();
    let text: Vec<_> = events.bytes_stream().collect().await;
    assert_eq!(&text.last().unwrap().as_ref().unwrap()[..], b"event: complete\ndata:\n\n");
    assert_eq!(slow.await.unwrap().unwrap().json::<Json>().await.unwrap()["data"]["slow"], true);
    tokio::time::timeout(Duration::from_secs(5), server.ended).await.unwrap().unwrap().unwrap();
    assert!(server.client.get(format!("http://{}/health/live", server.address)).send().await.is_err());
}

#[tokio::test]
async fn the_drain_has_an_end() {
    let server = Server::with("[server]\ndrain_secs = 1\nrequest_timeout_secs = 60").await;
    let slow = tokio::spawn(server.post().json(&json!({ "query": "{slow(millis:50000)}" })).send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), server.ended).await.unwrap().unwrap().unwrap();
    slow.abort();
}
