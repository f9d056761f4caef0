use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;

use super::{Server, code};

const APOLLO: &str =
    "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9";

async fn stream(server: &Server, accept: &str, query: &str) -> reqwest::Response {
    server.post().header("accept", accept).json(&json!({ "query": query })).send().await.unwrap()
}

#[tokio::test]
async fn a_subscription_comes_as_server_sent_events() {
    let server = Server::start().await;
    let answer = stream(&server, "text/event-stream", "subscription{count(to:2)}").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
    let expected = ":\n\nevent: next\ndata: {\"data\":{\"count\":1}}\n\nevent: next\ndata: {\"data\":{\"count\":2}}\n\nevent: complete\ndata:\n\n";
    assert_eq!(answer.text().await.unwrap(), expected);
    let once = stream(&server, "text/event-stream", "{noted}").await.text().await.unwrap();
    assert_eq!(once, ":\n\nevent: next\ndata: {\"data\":{\"noted\":0}}\n\nevent: complete\ndata:\n\n");
}

#[tokio::test]
async fn a_subscription_comes_as_the_parts_of_one_body() {
    let server = Server::start().await;
    let answer = stream(&server, APOLLO, "subscription{count(to:1)}").await;
    assert_eq!(answer.headers()["content-type"], "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\"");
    let part = "\r\nContent-Type: application/json\r\n\r\n{\"payload\":{\"data\":{\"count\":1}}}\r\n--graphql";
    assert_eq!(answer.text().await.unwrap(), format!("--graphql{part}--\r\n"));
}

#[tokio::test]
async fn a_stream_that_breaks_says_so_and_ends() {
    let server = Server::start().await;
    let text = stream(&server, "text/event-stream", "subscription{breaks}").await.text().await.unwrap();
    assert!(text.contains("{\"data\":{\"breaks\":1}}") && text.contains("\"code\":\"INTERNAL\""), "{text}");
    assert!(text.ends_with("event: complete\ndata:\n\n") && !text.contains("on purpose"), "{text}");
    let unknown = stream(&server, "text/event-stream", "subscription{nothing}").await.text().await.unwrap();
    assert!(unknown.contains("GRAPHQL_VALIDATION_FAILED") && unknown.ends_with("event: complete\ndata:\n\n"), "{unknown}");
}

#[tokio::test]
async fn a_subscription_needs_a_streaming_answer() {
    let server = Server::start().await;
    let (status, answer) = server.ask(json!({ "query": "subscription{count(to:1)}" })).await;
    assert_eq!((status, code(&answer)), (406, "NOT_ACCEPTABLE"));
}

#[tokio::test]
async fn a_refusal_before_the_stream_has_its_own_status() {
    let server = Server::start().await;
    for (query, status, expected) in [("{", 400, "GRAPHQL_PARSE_FAILED"), ("{echo(text:\"\\u0000\")}", 400, "BAD_USER_INPUT")] {
        let answer = stream(&server, "text/event-stream", query).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
            (status, "application/json; charset=utf-8")
        );
        assert_eq!(code(&answer.json().await.unwrap()), expected);
    }
    let stopped = server.post().header("accept", "text/event-stream").bearer_auth("stopped-token");
    let answer = stopped.json(&json!({ "query": "subscription{silence}" })).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), code(&answer.json().await.unwrap())), (403, "SUSPENDED"));
}

#[tokio::test]
async fn a_stream_that_never_rests_ends_with_the_access() {
    let server = Server::with("[graphql]\nsocket_keepalive_secs = 600").await;
    for accept in ["text/event-stream", APOLLO] {
        for access in [&server.host.lent, &server.host.demoted] {
            let request = server.post().header("accept", accept).bearer_auth("lent-token");
            let mut body = request.json(&json!({ "query": "subscription{ticks}" })).send().await.unwrap().bytes_stream();
            body.next().await.unwrap().unwrap();
            let was = access.fetch_xor(true, Ordering::SeqCst);
            let rest = tokio::time::timeout(Duration::from_secs(5), body.collect::<Vec<_>>()).await;
            assert!(rest.is_ok(), "{accept}: the stream went on");
            access.store(was, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn a_busy_stream_shows_signs_of_life() {
    let server = Server::with("[graphql]\nsocket_keepalive_secs = 1").await;
    let mut body = stream(&server, "text/event-stream", "subscription{ticks}").await.bytes_stream();
    let mut seen = Vec::new();
    while seen.windows(4).filter(|bytes| *bytes == b"\n:\n\n").count() == 0 {
        let chunk = tokio::time::timeout(Duration::from_secs(5), body.next()).await.unwrap().unwrap().unwrap();
        seen.extend_from_slice(&chunk);
        assert!(seen.len() < 1_000_000, "no sign of life among the events");
    }
}

#[tokio::test]
async fn an_idle_stream_shows_signs_of_life() {
    let server = Server::with("[graphql]\nsocket_keepalive_secs = 1").await;
    let mut body = stream(&server, "text/event-stream", "subscription{silence}").await.bytes_stream();
    for _ in 0..2 {
        let chunk = tokio::time::timeout(Duration::from_secs(5), body.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(&chunk[..], b":\n\n");
    }
}

#[tokio::test]
async fn one_principal_holds_so_many_streams_and_gets_them_back() {
    let server = Server::with("[graphql]\nsockets_per_principal_max = 1").await;
    let held = stream(&server, "text/event-stream", "subscription{silence}").await;
    assert_eq!(stream(&server, "text/event-stream", "subscription{silence}").await.status().as_u16(), 429);
    let other = server.post().header("accept", "text/event-stream").bearer_auth("good-token");
    assert_eq!(other.json(&json!({ "query": "subscription{silence}" })).send().await.unwrap().status().as_u16(), 200);
    drop(held);
    for _ in 0..50 {
        if stream(&server, "text/event-stream", "{noted}").await.status().as_u16() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the share did not come back");
}
